"""Time and memory of each strategy's backtest against freqtrade's own SampleStrategy.

Both run on the same candles of the strategy's timeframe, 24 pairs together, each in a process of
its own: seconds of the processor, so that a busy machine changes little, and the most memory. The
candles are those of the recorded folder that AQUATRADE_DATA names, else seeded ones. Freqtrade
spends most of its time on trades and on candles with an open trade, so a strategy that trades more
often than the sample is slower for that alone: one that falls short is compared as well with a
plain strategy that repeats its signals and has nothing else of this project.

`python -m benchmarks.strategy_speed 249` runs the 5m candles over that many days, 31 by default.
"""

import dataclasses
import logging
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import freqtrade.templates
import numpy as np
import pandas as pd
from freqtrade.optimize.backtesting import Backtesting

from lab.evidence_runner import STRATEGIES, BacktestRequest, backtest

GOAL_RATIO = 0.8
GOAL_MEMORY_RATIO = 1.25
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "LINK/USDT", "ADA/USDT", "XRP/USDT")
MORE_PAIRS = (*PAIRS, *(f"C{number:02d}/USDT" for number in range(18)))
START = "2022-01-01"
HOURS = 2 * 365 * 24
SEEDED_WARM_CANDLES = 620  # the longest start of a strategy, and a little
SAMPLE = "SampleStrategy"
TEMPLATES = Path(freqtrade.templates.__file__).parent
BARE = Path(__file__).parent / "bare"
SIGNAL_COLUMNS = ("date", "enter_long", "enter_tag", "exit_long", "exit_tag")
KIB_PER_MB = 1024


@dataclass(frozen=True, slots=True)
class Field:
    """Candles of one timeframe, and the strategies that run on them: (strategy, preset)."""

    timeframe: str
    start: str
    days: int
    runners: tuple[tuple[str, str], ...]

    @property
    def timerange(self) -> str:
        first = pd.Timestamp(self.start)
        return f"{first:%Y%m%d}-{first + pd.Timedelta(days=self.days):%Y%m%d}"


FIELDS = (
    Field("5m", "2024-01-01", 31, (("MaCrossover", "specified"), ("Scalper", "specified"))),
    Field("1h", "2024-01-01", 181,
          (("BuyTheDip", "crash"), ("BuyTheDip", "specified"), ("Momentum", "specified"))),
    Field("4h", "2023-06-01", 579,
          (("SmaTrend", "ride"), ("SmaTrend", "specified_4h"), ("MaCrossover", "slow"),
           ("Momentum", "donchian"))),
    Field("1d", "2019-01-01", 2191, (("CrossMomentum", "weekly"), ("SmaTrend", "specified_1d"))),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Job:
    """A run, and the folder that its signals are written into (None: nowhere)."""

    request: BacktestRequest
    signals: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run cost, and with what settings its strategy ran."""

    seconds: float
    peak_mb: float
    trades: int
    bare: dict[str, Any]


class RecordingBacktesting(Backtesting):  # type: ignore[misc]  # freqtrade is untyped here
    """Freqtrade's, which also writes down what the strategy signalled."""

    folder: Path | None = None
    bare: dict[str, Any]

    def _get_ohlcv_as_lists(self, processed: dict[str, pd.DataFrame]) -> Any:
        found = super()._get_ohlcv_as_lists(processed)
        strategy = self.strategy
        type(self).bare = {
            "signals": str(self.folder),
            "stop_pct": -100.0 * strategy.stoploss,
            "minimal_roi": {str(minutes): roi for minutes, roi in strategy.minimal_roi.items()},
            "startup_candles": strategy.startup_candle_count,
        }
        if self.folder is not None:
            for pair, frame in processed.items():
                columns = [name for name in SIGNAL_COLUMNS if name in frame]
                file = self.folder / f"{pair.replace('/', '_')}.feather"
                frame[columns].reset_index(drop=True).to_feather(file)
        return found


def main(days_of_5m: int | None = None) -> int:
    """Measure and print the BENCH lines of each strategy; returns the exit code."""
    named = os.environ.get("AQUATRADE_DATA")
    recorded = Path(named) / "binance" if named else None
    for field in FIELDS:
        if field.timeframe == "5m" and days_of_5m is not None:
            field = dataclasses.replace(field, days=days_of_5m)
        with tempfile.TemporaryDirectory() as folder:
            if recorded is not None and recorded.is_dir():
                _measure(field, recorded, recorded_pairs(recorded, field.timeframe))
            else:
                _measure(field, seeded_field(Path(folder), field), MORE_PAIRS)
    return 0


def recorded_pairs(folder: Path, timeframe: str) -> tuple[str, ...]:
    """The pairs that have 5m candles, and some of the timeframe."""
    names = sorted(file.stem.removesuffix("-5m") for file in folder.glob("*_*-5m.feather"))
    return tuple(
        name.replace("_", "/")
        for name in names
        if (folder / f"{name}-{timeframe}.feather").is_file()
    )


def _measure(field: Field, datadir: Path, pairs: tuple[str, ...]) -> None:
    base = BacktestRequest(
        datadir=datadir,
        pairs=pairs,
        fee_rate=0.001,
        aquatrade={},
        max_open_trades=len(pairs),
        wallet=100_000.0,
        strategy=SAMPLE,
        strategy_path=TEMPLATES,
        timerange=field.timerange,
        config={"timeframe": field.timeframe},
    )
    sample = _apart(Job(base))
    sys.stdout.write(
        f"{field.timeframe}, {field.timerange}, {len(pairs)} pairs, "
        f"{_candles(field, datadir, pairs):,} candles\n"
    )
    _say(SAMPLE, sample, sample)
    for strategy, preset in field.runners:
        with tempfile.TemporaryDirectory() as folder:
            wanted = dataclasses.replace(
                base, strategy=strategy, strategy_path=STRATEGIES, aquatrade={"preset": preset}
            )
            run = _apart(Job(wanted, Path(folder)))
            _say(f"{strategy} {preset}", run, sample)
            name = f"{_snake(strategy)}_{preset}_backtest"
            ratio = sample.seconds / run.seconds
            _bench(f"{name}_ratio", ratio, f"{GOAL_RATIO}", is_met=ratio >= GOAL_RATIO)
            memory = run.peak_mb / sample.peak_mb
            _bench(
                f"{name}_memory_ratio", memory, f"<={GOAL_MEMORY_RATIO}",
                is_met=memory <= GOAL_MEMORY_RATIO,
            )  # fmt: skip
            if ratio < GOAL_RATIO:
                config = {"timeframe": field.timeframe, "bare": run.bare}
                bare = _apart(
                    Job(dataclasses.replace(base, strategy="Bare", strategy_path=BARE,
                                            config=config))
                )  # fmt: skip
                _say(f"  the same signals without {strategy}", bare, sample)
                ratio = bare.seconds / run.seconds
                _bench(f"{name}_ratio_to_bare", ratio, f"{GOAL_RATIO}", is_met=ratio >= GOAL_RATIO)


def _candles(field: Field, datadir: Path, pairs: tuple[str, ...]) -> int:
    first = pd.Timestamp(field.start, tz="UTC")
    last = first + pd.Timedelta(days=field.days)
    found = 0
    for pair in pairs:
        file = datadir / f"{pair.replace('/', '_')}-{field.timeframe}.feather"
        found += int(pd.read_feather(file, columns=["date"])["date"].between(first, last).sum())
    return found


def _say(name: str, run: Outcome, sample: Outcome) -> None:
    sys.stdout.write(
        f"{name}: {run.seconds:.1f} s, {run.trades} trades, {run.peak_mb:.0f} MB; "
        f"{run.seconds / sample.seconds:.2f} x the time and "
        f"{run.trades / sample.trades:.1f} x the trades of the sample\n"
    )
    sys.stdout.flush()


def _bench(name: str, value: float, goal: str, *, is_met: bool) -> None:
    verdict = "ok" if is_met else "short"
    sys.stdout.write(f"BENCH {name} value={value:.2f} unit=ratio goal={goal} {verdict}\n")
    sys.stdout.flush()


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]


def _apart(job: Job) -> Outcome:
    """The run in a new process. Raises RuntimeError for a run without trades."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        outcome = pool.submit(_run, job).result()
    if not outcome.trades:
        raise RuntimeError(f"{job.request.strategy} made no trade: nothing was measured")
    return outcome


def _run(job: Job) -> Outcome:
    logging.disable(logging.WARNING)
    RecordingBacktesting.folder = job.signals
    started = time.process_time()
    trades = backtest(job.request, RecordingBacktesting).trades
    return Outcome(
        seconds=time.process_time() - started,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MB,
        trades=len(trades),
        bare=RecordingBacktesting.bare,
    )


def seeded_field(folder: Path, field: Field) -> Path:
    """Seeded candles of a field and of what goes before it; hourly ones as 4h candles as well."""
    step = _step(field.timeframe)
    first = pd.Timestamp(field.start) - SEEDED_WARM_CANDLES * step
    count = SEEDED_WARM_CANDLES + pd.Timedelta(days=field.days) // step
    seeded_candles(folder, MORE_PAIRS, count, field.timeframe, str(first), crashes_a_year=24)
    if field.timeframe == "1h":
        for file in list(folder.glob("*-1h.feather")):
            slower = (
                pd.read_feather(file)
                .resample("4h", on="date")
                .agg(
                    {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
                )
            )
            slower.reset_index().to_feather(file.with_name(file.name.replace("1h", "4h")))
    return folder


def _step(timeframe: str) -> pd.Timedelta:
    return pd.Timedelta(timeframe.replace("d", "D"))


def seeded_candles(
    folder: Path,
    pairs: tuple[str, ...] = PAIRS,
    count: int = HOURS,
    timeframe: str = "1h",
    start: str = START,
    crashes_a_year: int = 100,
) -> Path:
    """Candles with crashes and rebounds, written into the folder; hourly ones by default.

    The moves of a candle grow with the root of its length, as those of a market do.
    """
    rng = np.random.default_rng(1)
    step = _step(timeframe)
    dates = pd.date_range(start, periods=count, freq=step, tz="UTC").as_unit("ms")
    crashes = max(1, round(crashes_a_year * (count * step / pd.Timedelta(days=365))))
    for pair in pairs:
        moves = rng.standard_t(3, count) * 0.006 * (step / pd.Timedelta(hours=1)) ** 0.5
        moves[rng.integers(0, count, crashes)] -= 0.11
        close = 100.0 * np.exp(np.cumsum(moves - moves.mean()))
        opened = np.concatenate([[100.0], close[:-1]])
        frame = pd.DataFrame(
            {
                "date": dates,
                "open": opened,
                "high": np.maximum(opened, close) * 1.002,
                "low": np.minimum(opened, close) * 0.998,
                "close": close,
                "volume": rng.lognormal(11.0, 0.6, count),
            }
        )
        frame.to_feather(folder / f"{pair.replace('/', '_')}-{timeframe}.feather")
    return folder


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else None))
