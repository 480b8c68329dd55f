"""What deflated Sharpe ratio and PBO can tell at all: python -m lab.statistics.power

Searches of simulated daily returns, normal and independent: nothing but chance, or one trial with
an edge among chance. The table says how often the edge is chosen and what the figures then are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from lab.statistics.bootstrap import PERIODS_PER_YEAR, SEED
from lab.statistics.overfitting import (
    HIGHEST_PBO,
    LOWEST_DEFLATED,
    backtest_overfitting,
    best_of_trials,
)

DAILY_DEVIATION = 0.02
EDGES = (0.0, 1.0, 2.0, 3.0, 4.0)  # yearly Sharpe ratios
RUNS = 40
BLOCKS = 10


@dataclass(frozen=True, slots=True)
class Search:
    """One simulated search. found: the trial with the edge is the best; the others as named."""

    found: bool
    yearly_sharpe: float
    deflated: float
    pbo: float


def simulated_search(edge: float, periods: int, trials: int, seed: int, run: int) -> Search:
    """Trial 0 has a true yearly Sharpe ratio of `edge`, the others of 0."""
    random = np.random.default_rng([seed, run])
    returns = random.normal(0.0, DAILY_DEVIATION, (periods, trials))
    returns[:, 0] += edge / np.sqrt(PERIODS_PER_YEAR) * DAILY_DEVIATION
    best = best_of_trials(returns)
    return Search(
        found=best.best == 0,
        yearly_sharpe=float(best.moments.sharpe * np.sqrt(PERIODS_PER_YEAR)),
        deflated=best.probability,
        pbo=backtest_overfitting(returns, BLOCKS).pbo,
    )


def power_table(days: int, trials: int, edges: Sequence[float], runs: int, seed: int) -> Table:
    """Medians of so many searches for each edge, and in brackets what 80 % of them lie within."""
    table = Table(title=f"{trials} trials over {days} days, {runs} searches a line")
    table.add_column("true Sharpe of one trial")
    for heading in ("is chosen", "shows", "deflated", "PBO", "both pass"):
        table.add_column(heading, justify="right")
    for edge in edges:
        found = [simulated_search(edge, days, trials, seed, run) for run in range(runs)]
        passed = np.mean([_passes(each) for each in found])
        table.add_row(
            f"{edge:g}" if edge else "none: chance alone",
            f"{np.mean([each.found for each in found]):.0%}" if edge else "-",
            _spread([each.yearly_sharpe for each in found]),
            _spread([each.deflated for each in found]),
            _spread([each.pbo for each in found]),
            f"{passed:.0%}",
        )
    return table


def _passes(search: Search) -> bool:
    return search.deflated > LOWEST_DEFLATED and search.pbo < HIGHEST_PBO


def _spread(values: Sequence[float]) -> str:
    low, middle, high = np.percentile(values, [10, 50, 90])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def main(
    days: Annotated[int, typer.Option(min=40)] = 730,
    trials: Annotated[int, typer.Option(min=2)] = 200,
    runs: Annotated[int, typer.Option(min=1)] = RUNS,
    seed: Annotated[int, typer.Option(min=0)] = SEED,
) -> None:
    """Print what the figures can tell of a search of this size."""
    Console(width=120).print(power_table(days, trials, EDGES, runs, seed))


if __name__ == "__main__":
    typer.run(main)
