"""Seconds and memory of a GridTrader backtest: 8 pairs, 30 days, its candles with 1m detail.

Seeded candles that go to and fro, so that lines are crossed all the time; in a process of its own,
of which the seconds of the processor count, its start included: a busy machine changes them little.
"""

import resource
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from lab.evidence_runner import BacktestRequest
from lab.suite_run import run_apart

GOAL_SECONDS = 180
GOAL_MB = 3000
PAIRS = tuple(f"{coin}/USDT" for coin in ("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "LINK", "AVAX"))
TRADED_DAYS = 30
WARM_DAYS = 35  # what a grid asks of the past before it opens
TIMEFRAMES = ("5m", "1h", "1d")
NOISE_A_MINUTE = 0.0007
PULL_A_MINUTE = 0.002  # back to the mean: a grid opens only on a price that does not wander


def main() -> int:
    """Measure and print the BENCH lines; returns the exit code."""
    with tempfile.TemporaryDirectory() as name:
        datadir = to_and_fro(Path(name))
        request = BacktestRequest(
            datadir=datadir,
            pairs=PAIRS,
            fee_rate=0.001,
            aquatrade={"preset": "specified"},
            max_open_trades=len(PAIRS),
            wallet=20_000.0,
            strategy="GridTrader",
            timerange=f"202402{WARM_DAYS - 31 + 1:02d}-",
            config={"timeframe_detail": "1m", "position_adjustment_enable": True},
        )
        before = _seconds_of_children()
        run = run_apart(request)
        seconds = _seconds_of_children() - before
    if len(run.orders) < TRADED_DAYS * len(PAIRS):
        raise RuntimeError(f"only {len(run.orders)} orders: nothing was measured")
    sys.stdout.write(
        f"{len(PAIRS)} pairs, {TRADED_DAYS} days: {len(run.trades)} trades, "
        f"{len(run.orders)} orders, {run.start} to {run.end}; {run.seconds:.0f} s by the clock\n"
    )
    for figure, value, unit, goal in (
        ("seconds", seconds, "s", GOAL_SECONDS),
        ("memory", run.peak_mb, "MB", GOAL_MB),
    ):
        verdict = "ok" if value <= goal else "short"
        sys.stdout.write(
            f"BENCH grid_backtest_{figure} value={value:.1f} unit={unit} goal=<={goal} {verdict}\n"
        )
    return 0


def _seconds_of_children() -> float:
    """Of the processor, in the processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def to_and_fro(folder: Path) -> Path:
    """Seeded 1m candles about a mean, and the same in the coarser timeframes."""
    chance = np.random.default_rng(8)
    count = (WARM_DAYS + TRADED_DAYS) * 24 * 60
    dates = pd.date_range("2024-01-01", periods=count, freq="1min", tz="UTC").as_unit("ms")
    for pair in PAIRS:
        noise = chance.normal(0.0, NOISE_A_MINUTE, count + 1)
        path = np.zeros(count + 1)
        for minute in range(1, count + 1):
            path[minute] = path[minute - 1] * (1.0 - PULL_A_MINUTE) + noise[minute]
        price = np.round(100.0 * np.exp(path), 4)
        frame = pd.DataFrame(
            {
                "open": price[:-1],
                "high": np.maximum(price[:-1], price[1:]),
                "low": np.minimum(price[:-1], price[1:]),
                "close": price[1:],
                "volume": chance.lognormal(4.0, 0.6, count),
            },
            index=dates.rename("date"),
        )
        name = pair.replace("/", "_")
        frame.reset_index().to_feather(folder / f"{name}-1m.feather")
        for timeframe in TIMEFRAMES:
            step = timeframe.replace("m", "min").replace("1d", "1D")
            coarse = frame.resample(step).agg(
                {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
            )
            coarse.reset_index().to_feather(folder / f"{name}-{timeframe}.feather")
    return folder


if __name__ == "__main__":
    sys.exit(main())
