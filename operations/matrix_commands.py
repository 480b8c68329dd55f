"""`aquatrade matrix`: strategies by pairs, periods and cost models, on all cores or a cluster."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # starting up is quick where nothing of it is needed
    from collections.abc import Callable

    from rich.console import Console

    from lab.matrix.cell_run import Outcome
    from lab.matrix.plan import Cell, MatrixWish, Plan
    from lab.matrix.run import Runner, Tell
    from lab.matrix.store import MatrixStore

BAD_INPUT = 2
SOME_FAILED = 1
PLAIN_WIDTH = 170  # columns, where no terminal says how many it has
TOLD_EVERY_SECONDS = 10.0  # where no terminal shows a bar
LINES_SHOWN = 40


def matrix(
    data: Annotated[Path, typer.Option(help="A freqtrade datadir with recorded candles.")],
    strategy: Annotated[
        list[str] | None,
        typer.Option(help="NAME, NAME:PRESET or NAME:*; repeatable; default: all strategies."),
    ] = None,
    pair: Annotated[
        list[str] | None,
        typer.Option(help="Like BTC/USDT; repeatable; default: those of the strategy's bot."),
    ] = None,
    period: Annotated[
        list[str] | None,
        typer.Option(
            help="2023, 2023Q2, 2023-05 or 20230115-20230701; repeatable; default: up to 2025."
        ),
    ] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(
            help="binance, mexc, bybit-perp, quant-maker, quant-taker or a fee as 0.1%, then "
            "+20bps, +ladder (0, 5, 10, 20, 30 bps), +gap, +delay; repeatable; default: binance."
        ),
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="All pairs in one cell, not each alone.")
    ] = False,
    per_stake: Annotated[
        bool,
        typer.Option("--per-stake", help="A fixed stake, not the bot's sizing and protections."),
    ] = False,
    wallet: Annotated[float, typer.Option(min=10.0, help="The wallet of a cell in USD.")] = 5000.0,
    store: Annotated[
        Path, typer.Option(help="File of results; what it has is not run again.")
    ] = Path("matrix.sqlite"),
    workers: Annotated[
        int, typer.Option(min=0, max=512, help="Processes; 0: one for each core.")
    ] = 0,
    scheduler: Annotated[
        str | None, typer.Option(help="A Dask scheduler, like tcp://127.0.0.1:8786.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every figure to this file.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write a line for each cell to this file.")
    ] = None,
    plan_only: Annotated[
        bool, typer.Option("--plan", help="Only say which cells there are and which are missing.")
    ] = False,
) -> None:
    """Backtest strategies x pairs x periods x cost models; run again, it does what is missing.

    Exit code 0 where every cell has a result, 1 where some failed.
    """
    from lab.matrix.costs import CostError, all_costs
    from lab.matrix.periods import PeriodError, all_periods
    from lab.matrix.plan import MatrixError, MatrixWish
    from operations.processes import termination_as_interrupt

    try:
        wish = MatrixWish(
            datadir=data.resolve(),
            periods=all_periods(period or ["-20250101"]),
            costs=all_costs(cost or ["binance"]),
            strategies=tuple(strategy or ()),
            pairs=tuple(pair or ()),
            together=together,
            as_traded=not per_stake,
            wallet=wallet,
        )
        with termination_as_interrupt():
            is_whole = _matrix(wish, store, workers, scheduler, json_file, csv_file, plan_only)
    except (CostError, PeriodError, MatrixError, OSError) as error:
        typer.echo(f"aquatrade matrix: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        typer.echo(
            f"aquatrade matrix: interrupted; {store} keeps what was done, the same command goes on",
            err=True,
        )
        raise typer.Exit(130) from None
    raise typer.Exit(0 if is_whole else SOME_FAILED)


def _matrix(
    wish: "MatrixWish",
    file: Path,
    workers: int,
    scheduler: str | None,
    json_file: Path | None,
    csv_file: Path | None,
    plan_only: bool,
) -> bool:
    from rich.console import Console

    from lab.matrix.plan import plan_matrix
    from lab.matrix.run import missing_cells, run_cells
    from lab.matrix.store import MatrixStore

    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    plan = plan_matrix(wish)
    store = MatrixStore(file)
    try:
        todo = missing_cells(plan.cells, store)
        known = len({cell.key for cell in plan.cells}) - len(todo)
        _say(console, f"{len(plan.cells)} cells, {known} of them in {file}, {len(todo)} to run")
        if plan_only:
            for line in (*plan.notes, *(cell.name for cell in todo)):
                _say(console, line)
            return True
        if todo:
            with _progress(console, len(todo)) as tell:
                run_cells(todo, store, _runner(workers, scheduler), tell, _now)
        return _report(console, plan, store, json_file, csv_file)
    finally:
        store.close()


def _now() -> datetime:
    return datetime.now(UTC)  # house: clock - the command's own time


def _runner(workers: int, scheduler: str | None) -> "Runner":
    if scheduler is not None:
        from lab.matrix.dask_runner import run_on_dask

        return lambda cells: run_on_dask(cells, scheduler)
    from lab.matrix.pool import cores, run_on_cores

    return lambda cells: run_on_cores(cells, workers or cores())


@contextmanager
def _progress(console: "Console", total: int) -> "Iterator[Tell]":
    """A bar on a terminal, else a line now and then."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    if not console.is_terminal:
        yield _teller(console, total)
        return
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("cells", total=total)
        failed = 0

        def tell(cell: "Cell", outcome: "Outcome") -> None:
            nonlocal failed
            failed += outcome.status == "failed"
            name = f"{cell.strategy} {cell.preset}" + (f", {failed} failed" if failed else "")
            progress.update(task, advance=1, description=name)

        yield tell


def _teller(console: "Console", total: int) -> "Callable[[Cell, Outcome], None]":
    started = time.monotonic()
    told, done, failed = started, 0, 0

    def tell(cell: "Cell", outcome: "Outcome") -> None:
        nonlocal told, done, failed
        done += 1
        failed += outcome.status == "failed"
        now = time.monotonic()
        if done == total or now - told >= TOLD_EVERY_SECONDS:
            told = now
            words = f", {failed} failed" if failed else ""
            _say(console, f"{done}/{total} cells, {now - started:.0f} s{words}")

    return tell


def _report(
    console: "Console",
    plan: "Plan",
    store: "MatrixStore",
    json_file: Path | None,
    csv_file: Path | None,
) -> bool:
    from rich.table import Table

    from lab.matrix.report import (
        HEADINGS,
        NAMES,
        as_csv,
        as_json,
        cell_rows,
        groups_of,
        lines_of,
        text_rows,
    )

    outcomes = store.outcomes(cell.key for cell in plan.cells)
    groups = groups_of(plan.cells, outcomes)
    lines = [*plan.notes, *lines_of(plan.cells, outcomes)]
    table = Table(title="By strategy and cost model, over all pairs and periods")
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if number < NAMES else "right")
    for row in text_rows(groups):
        table.add_row(*row)
    console.print(table)
    _say_lines(console, lines)
    rows = cell_rows(plan.cells, outcomes)
    if json_file is not None:
        json_file.write_text(as_json(groups, rows, lines), encoding="utf-8")
    if csv_file is not None:
        csv_file.write_text(as_csv(rows), encoding="utf-8")
    return all(
        cell.key in outcomes and outcomes[cell.key].status != "failed" for cell in plan.cells
    )


def _say_lines(console: "Console", lines: Sequence[str]) -> None:
    for line in lines[:LINES_SHOWN]:
        _say(console, line)
    if len(lines) > LINES_SHOWN:
        _say(console, f"and {len(lines) - LINES_SHOWN} more lines: --json has them all")


def _say(console: "Console", line: str) -> None:
    console.print(line, markup=False, highlight=False)
