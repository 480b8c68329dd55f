"""What the regime filter does to each preset: python -m lab.regime_evidence DATADIR

Each preset with and without the filter, and the trades without it by the regime of their signal.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from aquatrade.regime import UNKNOWN, regime_labels
from lab.evidence import monthly_interval_pct
from lab.evidence_runner import BacktestRequest, backtest
from lab.quick_backtest import QuickBacktesting
from lab.suite_equity import LEFT_OPEN
from lab.suite_plan import SPOT, SuiteError, Wish, plan_suite, recorded_pairs

COST_PCT = 0.3
FEWEST_FOR_INTERVAL = 10  # trades; fewer say nothing about their spread
HOUR_SECONDS = 3600
HOUR = pd.Timedelta(hours=1)
# A grid opens by a rule of its own (its pair's fitness); 5m crossovers are lost to costs anyway.
LEFT_OUT = frozenset({("GridTrader", "specified"), ("MaCrossover", "specified")})


def closed_trades(request: BacktestRequest, *, regime_filter: bool) -> pd.DataFrame:
    """Trades of a backtest, with the filter or without; those that its end closed left out."""
    section = {**request.aquatrade, "regime_filter": regime_filter}
    trades = backtest(replace(request, aquatrade=section), QuickBacktesting).trades
    return trades[trades["exit_reason"] != LEFT_OPEN]


def requests_of(datadir: Path, strategy: str | None) -> list[BacktestRequest]:
    """Each preset on spot with a stake and a slot for each pair that has hourly candles."""
    jobs, _ = plan_suite(Wish(datadir, strategy=strategy, costs_pct=(COST_PCT,)))
    hourly = set(recorded_pairs(datadir, "1h"))
    found = []
    for job in jobs:
        pairs = tuple(pair for pair in job.pairs if pair in hourly)
        is_asked = (job.strategy, job.preset) not in LEFT_OUT
        if not job.as_traded and job.request.trading_mode == SPOT and pairs and is_asked:
            found.append(replace(job.request, pairs=pairs, max_open_trades=len(pairs)))
    return found


def labels_at_signal(datadir: Path, trades: pd.DataFrame) -> pd.Series:
    """The regime of each trade's pair by the last hour that had closed when it was entered."""
    labels = pd.Series("", index=trades.index, dtype="str")
    for pair, part in trades.groupby("pair"):
        candles = pd.read_feather(datadir / f"{str(pair).replace('/', '_')}-1h.feather")
        of_candle = pd.Series(
            regime_labels(candles, HOUR_SECONDS).to_numpy(), index=pd.DatetimeIndex(candles["date"])
        )
        closed = pd.DatetimeIndex(part["open_date"]).floor("h") - HOUR
        labels[part.index] = of_candle.reindex(closed).fillna(UNKNOWN).to_numpy()
    return labels


def figures(trades: pd.DataFrame) -> tuple[str, str, str]:
    """Trades, win rate, and mean net with its interval, as texts."""
    if trades.empty:
        return "0", "-", "-"
    ratio = trades["profit_ratio"]
    mean = f"{100.0 * ratio.mean():+.2f} %"
    if len(trades) >= FEWEST_FOR_INTERVAL:
        low, high = monthly_interval_pct(trades)
        mean += f" [{low:+.2f}, {high:+.2f}]"
    return str(len(trades)), f"{100.0 * (ratio > 0).mean():.0f} %", mean


def main(
    datadir: Annotated[Path, typer.Argument(help="freqtrade datadir with 1h candles")],
    strategy: Annotated[str | None, typer.Option(help="Only this one.")] = None,
) -> None:
    """Measure the filter on recorded candles and print the table."""
    try:
        requests = requests_of(datadir, strategy)
    except SuiteError as error:
        raise typer.BadParameter(str(error)) from None
    logging.disable(logging.WARNING)
    table = Table(title=f"The regime filter, {COST_PCT:g} % a side, a stake for each pair")
    for heading in ("preset", "regime at the signal", "trades", "win", "mean net [95 %]"):
        table.add_column(heading)
    for request in requests:
        name = f"{request.strategy} {request.aquatrade['preset']}, {len(request.pairs)} pairs"
        free = closed_trades(request, regime_filter=False)
        table.add_row(name, "without the filter", *figures(free))
        filtered = closed_trades(request, regime_filter=True)
        table.add_row(name, "with the filter", *figures(filtered))
        labels = labels_at_signal(datadir, free)
        for label in sorted(labels.unique()):
            table.add_row(name, f"  {label}", *figures(free[labels == label]))
    Console(width=None if Console().is_terminal else 140).print(table)


if __name__ == "__main__":
    typer.run(main)
