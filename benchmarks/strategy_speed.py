"""Candles a second of BuyTheDip's backtest against freqtrade's own SampleStrategy.

Both run on the same candles of the same timeframe in one process, in turns; the fastest of each
counts. Recorded candles are used when AQUATRADE_DATA names them, else seeded ones.
"""

import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import freqtrade.templates
import numpy as np
import pandas as pd

from lab.evidence_runner import STRATEGIES, BacktestRequest, run_backtest

GOAL_RATIO = 0.8
ROUNDS = 3
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "LINK/USDT", "ADA/USDT", "XRP/USDT")
START = "2022-01-01"
HOURS = 2 * 365 * 24
TEMPLATES = Path(freqtrade.templates.__file__).parent


def main() -> int:
    """Measure and print the BENCH line; returns the exit code."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        datadir = candle_folder(Path(folder))
        seconds: dict[str, float] = {}
        for _ in range(ROUNDS):
            for name, path in (("SampleStrategy", TEMPLATES), ("BuyTheDip", STRATEGIES)):
                spent = _seconds(datadir, name, path)
                seconds[name] = min(spent, seconds.get(name, spent))
    candles = HOURS * len(PAIRS)
    for name, spent in seconds.items():
        sys.stdout.write(f"{name}: {candles / spent:,.0f} candles a second\n")
    ratio = seconds["SampleStrategy"] / seconds["BuyTheDip"]
    verdict = "ok" if ratio >= GOAL_RATIO else "short"
    sys.stdout.write(
        f"BENCH buy_the_dip_backtest_ratio value={ratio:.2f} unit=ratio "
        f"goal={GOAL_RATIO} {verdict}\n"
    )
    return 0


def _seconds(datadir: Path, strategy: str, path: Path) -> float:
    request = BacktestRequest(
        datadir=datadir,
        pairs=PAIRS,
        fee_rate=0.001,
        aquatrade={},
        max_open_trades=len(PAIRS),
        wallet=10_000.0,
        strategy=strategy,
        strategy_path=path,
        timerange="20220201-20231231",
        config={"timeframe": "1h"},
    )
    started = time.perf_counter()
    trades = run_backtest(request)
    spent = time.perf_counter() - started
    if trades.empty:
        raise RuntimeError(f"{strategy} made no trade: nothing was measured")
    return spent


def candle_folder(folder: Path) -> Path:
    """Recorded candles, or seeded ones written into the folder."""
    named = os.environ.get("AQUATRADE_DATA")
    if named and (Path(named) / "binance").is_dir():
        return Path(named) / "binance"
    sys.stdout.write("AQUATRADE_DATA is not set: seeded candles\n")
    return seeded_candles(folder)


def seeded_candles(folder: Path) -> Path:
    """Two years with many crashes and rebounds, written into the folder."""
    rng = np.random.default_rng(1)
    dates = pd.date_range(START, periods=HOURS, freq="1h", tz="UTC").as_unit("ms")
    for pair in PAIRS:
        moves = rng.standard_t(3, HOURS) * 0.006
        moves[rng.integers(0, HOURS, 200)] -= 0.11
        close = 100.0 * np.exp(np.cumsum(moves - moves.mean()))
        opened = np.concatenate([[100.0], close[:-1]])
        frame = pd.DataFrame(
            {
                "date": dates,
                "open": opened,
                "high": np.maximum(opened, close) * 1.002,
                "low": np.minimum(opened, close) * 0.998,
                "close": close,
                "volume": rng.lognormal(4.0, 0.6, HOURS),
            }
        )
        frame.to_feather(folder / f"{pair.replace('/', '_')}-1h.feather")
    return folder


if __name__ == "__main__":
    sys.exit(main())
