"""A matrix from its plan to its outcomes: what the store has is not run again."""

from collections.abc import Callable, Generator, Sequence
from datetime import datetime

from lab.matrix.cell_run import Outcome
from lab.matrix.plan import Cell
from lab.matrix.store import MatrixStore

Runner = Callable[[Sequence[Cell]], Generator[Outcome, None, None]]
Tell = Callable[[Cell, Outcome], None]
Clock = Callable[[], datetime]


def missing_cells(cells: Sequence[Cell], store: MatrixStore) -> list[Cell]:
    """Cells without a result, each once, the longest first; what failed is tried again."""
    known = store.outcomes(cell.key for cell in cells)
    done = {key for key, outcome in known.items() if outcome.status != "failed"}
    rest = {cell.key: cell for cell in cells if cell.key not in done}
    return sorted(rest.values(), key=lambda cell: -cell.candle_bytes)


def run_cells(
    cells: Sequence[Cell], store: MatrixStore, runner: Runner, tell: Tell, clock: Clock
) -> None:
    """Run these and commit each as it ends. clock: the time, UTC."""
    by_key = {cell.key: cell for cell in cells}
    outcomes = runner(cells)
    try:
        for outcome in outcomes:
            cell = by_key[outcome.key]
            store.save(cell, outcome, clock())
            tell(cell, outcome)
    finally:
        outcomes.close()  # ends its processes, whatever happened
