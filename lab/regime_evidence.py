"""What the regime filter does to BuyTheDip's presets: python -m lab.regime_evidence DATADIR

Each preset with and without the filter, and the trades without it by the regime of their signal.
"""

import logging
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from aquatrade.regime import regime_labels
from lab.evidence import STAKE_USD, THREE, monthly_interval_pct, recorded_pairs
from lab.evidence_runner import BacktestRequest, run_backtest

COST_PCT = 0.3
FEWEST_FOR_INTERVAL = 10  # trades; fewer say nothing about their spread
HOUR_SECONDS = 3600
HOUR = pd.Timedelta(hours=1)
RUNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("crash", ()),
    ("crash_often", ()),
    ("specified", tuple(f"{coin}/USDT" for coin in THREE)),
)


def closed_trades(
    datadir: Path, preset: str, pairs: tuple[str, ...], *, regime_filter: bool
) -> pd.DataFrame:
    """Trades of a backtest in which each pair has a slot and a stake of its own."""
    trades = run_backtest(
        BacktestRequest(
            datadir=datadir,
            pairs=pairs,
            fee_rate=COST_PCT / 100.0,
            aquatrade={
                "preset": preset,
                "regime_filter": regime_filter,
                "sizing": {"method": "fixed", "stake_usd": STAKE_USD},
            },
            max_open_trades=len(pairs),
            wallet=STAKE_USD * len(pairs) * 20,
        )
    )
    return trades[trades["exit_reason"] != "force_exit"]


def labels_at_signal(datadir: Path, trades: pd.DataFrame) -> pd.Series:
    """The regime of each trade's pair at the close of the candle that gave the signal."""
    labels = pd.Series("", index=trades.index, dtype="str")
    for pair, part in trades.groupby("pair"):
        candles = pd.read_feather(datadir / f"{str(pair).replace('/', '_')}-1h.feather")
        of_candle = pd.Series(
            regime_labels(candles, HOUR_SECONDS).to_numpy(), index=pd.DatetimeIndex(candles["date"])
        )
        labels[part.index] = of_candle.reindex(
            pd.DatetimeIndex(part["open_date"] - HOUR)
        ).to_numpy()
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
) -> None:
    """Measure the filter on recorded candles and print the table."""
    if not recorded_pairs(datadir):
        raise typer.BadParameter(f"{datadir} has no *_USDT-1h.feather, expected a datadir")
    logging.disable(logging.WARNING)
    table = Table(title=f"The regime filter on BuyTheDip, {COST_PCT:g} % a side")
    for heading in ("preset", "regime at the signal", "trades", "win", "mean net [95 %]"):
        table.add_column(heading)
    for preset, chosen in RUNS:
        pairs = chosen or recorded_pairs(datadir)
        free = closed_trades(datadir, preset, pairs, regime_filter=False)
        filtered = closed_trades(datadir, preset, pairs, regime_filter=True)
        table.add_row(preset, "without the filter", *figures(free))
        table.add_row(preset, "with the filter", *figures(filtered))
        labels = labels_at_signal(datadir, free)
        for label in sorted(labels.unique()):
            table.add_row(preset, f"  {label}", *figures(free[labels == label]))
    Console(width=None if Console().is_terminal else 120).print(table)


if __name__ == "__main__":
    typer.run(main)
