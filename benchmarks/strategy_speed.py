"""Candles a second of each strategy's backtest against freqtrade's own SampleStrategy.

Both run on the same seeded candles of the strategy's timeframe in one process, in turns; of each
the quickest run counts, in seconds of the processor, so that a busy machine changes little. The
ratio is of candles, pairs together; a strategy that trades more often than the sample pays for it.
"""

import gc
import logging
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import freqtrade.templates
import numpy as np
import pandas as pd

from lab.evidence_runner import STRATEGIES, BacktestRequest, run_backtest

GOAL_RATIO = 0.8
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "LINK/USDT", "ADA/USDT", "XRP/USDT")
MORE_PAIRS = (*PAIRS, *(f"C{number:02d}/USDT" for number in range(18)))
START = "2022-01-01"
HOURS = 2 * 365 * 24
EIGHT_MONTHS_OF_5M = 8 * 30 * 24 * 12
SAMPLE = "SampleStrategy"
TEMPLATES = Path(freqtrade.templates.__file__).parent


@dataclass(frozen=True, slots=True)
class Field:
    """Candles of one timeframe, and the strategies that run on them: (strategy, preset)."""

    timeframe: str
    candles: int  # of each pair
    rounds: int
    start: str
    runners: tuple[tuple[str, str], ...]


FIELDS = (
    Field("5m", EIGHT_MONTHS_OF_5M, 1, "2022-01-01",
          (("MaCrossover", "specified"), ("Scalper", "specified"))),
    Field("1h", 20_000, 2, "2020-01-01", (("BuyTheDip", "crash"), ("Momentum", "specified"))),
    Field("4h", 20_000, 2, "2012-01-01", (("SmaTrend", "ride"), ("Momentum", "donchian"))),
    Field("1d", 9_000, 2, "1999-01-01", (("CrossMomentum", "weekly"),)),
)  # fmt: skip


def main() -> int:
    """Measure and print a BENCH line for each strategy; returns the exit code."""
    logging.disable(logging.WARNING)
    for field in FIELDS:
        with tempfile.TemporaryDirectory() as folder:
            _measure(field, Path(folder))
    return 0


def _measure(field: Field, folder: Path) -> None:
    datadir = seeded_candles(folder, MORE_PAIRS, field.candles, field.timeframe, field.start)
    runners = ((SAMPLE, None), *field.runners)
    seconds: dict[tuple[str, str | None], float] = {}
    for _ in range(field.rounds):
        for runner in runners:
            spent = _seconds(datadir, field, *runner)
            seconds[runner] = min(spent, seconds.get(runner, spent))
    candles = field.candles * len(MORE_PAIRS)
    for (name, preset), spent in seconds.items():
        sys.stdout.write(
            f"{name} {preset or ''}: {candles / spent:,.0f} candles of {field.timeframe} a second\n"
        )
        if preset is None:
            continue
        ratio = seconds[SAMPLE, None] / spent
        verdict = "ok" if ratio >= GOAL_RATIO else "short"
        sys.stdout.write(
            f"BENCH {_snake(name)}_{preset}_backtest_ratio value={ratio:.2f} unit=ratio "
            f"goal={GOAL_RATIO} {verdict}\n"
        )
        sys.stdout.flush()


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]


def _seconds(datadir: Path, field: Field, strategy: str, preset: str | None) -> float:
    request = BacktestRequest(
        datadir=datadir,
        pairs=MORE_PAIRS,
        fee_rate=0.001,
        aquatrade={} if preset is None else {"preset": preset},
        max_open_trades=len(MORE_PAIRS),
        wallet=100_000.0,
        strategy=strategy,
        strategy_path=TEMPLATES if preset is None else STRATEGIES,
        config={"timeframe": field.timeframe},
    )
    gc.collect()
    started = time.process_time()
    trades = run_backtest(request)
    spent = time.process_time() - started
    if trades.empty:
        raise RuntimeError(f"{strategy} made no trade: nothing was measured")
    sys.stdout.write(f"{strategy} {preset or ''}: {spent:.1f} s, {len(trades)} trades\n")
    sys.stdout.flush()
    return spent


def seeded_candles(
    folder: Path,
    pairs: tuple[str, ...] = PAIRS,
    count: int = HOURS,
    timeframe: str = "1h",
    start: str = START,
) -> Path:
    """Candles with many crashes and rebounds, written into the folder; hourly ones by default."""
    rng = np.random.default_rng(1)
    step = pd.Timedelta(timeframe.replace("d", "D"))
    dates = pd.date_range(start, periods=count, freq=step, tz="UTC").as_unit("ms")
    for pair in pairs:
        moves = rng.standard_t(3, count) * 0.006
        moves[rng.integers(0, count, 200)] -= 0.11
        close = 100.0 * np.exp(np.cumsum(moves - moves.mean()))
        opened = np.concatenate([[100.0], close[:-1]])
        frame = pd.DataFrame(
            {
                "date": dates,
                "open": opened,
                "high": np.maximum(opened, close) * 1.002,
                "low": np.minimum(opened, close) * 0.998,
                "close": close,
                "volume": rng.lognormal(4.0, 0.6, count),
            }
        )
        frame.to_feather(folder / f"{pair.replace('/', '_')}-{timeframe}.feather")
    return folder


if __name__ == "__main__":
    sys.exit(main())
