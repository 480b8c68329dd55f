"""How fast the replay exchange's market stands: 25 pairs x 1 year of 5m candles.

From the start of a fresh Python process until klines and a price of every pair were answered, so
that nothing lazy is left out. On the 5m pairs of the recorded folder that AQUATRADE_DATA names
(all their timeframes), else on a datadir of seeded candles made for the purpose.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import typer
from pyarrow import feather

from sidecars.replay.market.market_view import ReplayMarketView
from sidecars.replay.market.recorded import RecordedFeed
from sidecars.replay.market.timeframes import MINUTE_MS

PAIRS: Final = 25
CANDLES: Final = 365 * 288
FIVE_MINUTES_MS: Final = 5 * MINUTE_MS
START_MS: Final = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp() * 1000)
GOAL_SECONDS: Final = 5.0
GOAL_MB: Final = 500.0
CHILD: Final = (
    "import sys; from benchmarks.replay_start import open_and_touch; open_and_touch(sys.argv[1:])"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one start: wall time and peak memory of the whole process, and what it held."""

    seconds: float
    peak_mb: float
    pairs: int
    candles: int


def open_and_touch(arguments: list[str]) -> None:
    """In the process that is measured: DATADIR PAIR..."""
    feed = RecordedFeed(Path(arguments[0]), pairs=arguments[1:])
    view = ReplayMarketView(feed, seed=1)
    candles = 0
    for symbol in view.markets:
        record = feed.candles(symbol, FIVE_MINUTES_MS, *feed.span_ms)
        now_ms = int(record.open_time_ms[-1])
        klines = view.klines(symbol, FIVE_MINUTES_MS, now_ms, limit=500)
        if len(klines) < 500 or view.last_price(symbol, now_ms) is None:
            raise SystemExit(f"{symbol} answered {len(klines)} candles; expected 500 and a price")
        candles += len(record)
    # On Linux ru_maxrss is in KiB.
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    typer.echo(json.dumps({"peak_mb": peak_mb, "pairs": len(view.markets), "candles": candles}))


def measure(datadir: Path, pairs: list[str]) -> Figures:
    """Start a process on the datadir and wait for it."""
    started = time.perf_counter()
    finished = subprocess.run(
        [sys.executable, "-c", CHILD, str(datadir), *pairs],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parent.parent,
    )
    seconds = time.perf_counter() - started
    return Figures(seconds=seconds, **json.loads(finished.stdout.splitlines()[-1]))


def write_seeded(datadir: Path) -> list[str]:
    """Random walks of a year of 5m candles for 25 pairs; returns the pairs."""
    random = np.random.default_rng(1)
    dates = START_MS + np.arange(CANDLES, dtype=np.int64) * FIVE_MINUTES_MS
    bases = [f"COIN{number:02d}" for number in range(PAIRS)]
    for base in bases:
        close = np.round(100.0 * np.exp(np.cumsum(random.normal(0.0, 0.002, CANDLES))), 4)
        opened = np.concatenate((close[:1], close[:-1]))
        columns = {
            "open": opened,
            "high": np.round(np.maximum(opened, close) * 1.001, 4),
            "low": np.round(np.minimum(opened, close) * 0.999, 4),
            "close": close,
            "volume": np.round(random.exponential(1000.0, CANDLES), 3),
        }
        date = pa.array(dates).cast(pa.timestamp("ms", "UTC"))
        table = pa.table({"date": date, **{name: pa.array(c) for name, c in columns.items()}})
        feather.write_feather(table, datadir / f"{base}_USDT-5m.feather")
    return [f"{base}/USDT" for base in bases]


def figures() -> Figures:
    """Of recorded data where there is some, else of seeded candles."""
    named = os.environ.get("AQUATRADE_DATA")
    datadir = Path(named) / "binance" if named else None
    if datadir is not None and datadir.is_dir():
        names = sorted(path.stem.removesuffix("-5m") for path in datadir.glob("*_*-5m.feather"))
        return measure(datadir, [name.replace("_", "/") for name in names[:PAIRS]])
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), write_seeded(Path(folder)))


def main() -> None:
    """Print the two figures."""
    found = figures()
    typer.echo(f"{found.pairs} pairs, {found.candles:,} candles of 5m")
    for name, value, unit, goal in (
        ("replay_start_seconds", found.seconds, "s", GOAL_SECONDS),
        ("replay_start_rss", found.peak_mb, "MB", GOAL_MB),
    ):
        verdict = "ok" if value <= goal else "short"
        typer.echo(f"BENCH {name} value={value:.2f} unit={unit} goal={goal:g} {verdict}")


if __name__ == "__main__":
    main()
