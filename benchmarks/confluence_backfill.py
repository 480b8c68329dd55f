"""How long the confluence sidecar takes to score years of 25 pairs.

A real `backfill` process, real ccxt, real HTTP on loopback against the replay exchange: from the
start of the Python process until the last record is committed. On the daily candles of the
recorded folder that AQUATRADE_DATA names, else on a datadir of seeded candles.
"""

import json
import os
import re
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import typer

from sidecars.replay.client_config import rest_urls

GOAL_SECONDS = 60
BASES = (
    "BTC", "ETH", "BNB", "LTC", "ADA", "XRP", "XLM", "TRX", "LINK", "ATOM", "DOGE", "BCH", "SOL",
    "DOT", "UNI", "AVAX", "NEAR", "AAVE", "FIL", "INJ", "SHIB", "OP", "APT", "ARB", "SUI",
)  # fmt: skip
PAIRS = tuple(f"{base}/USDT" for base in BASES)
READY = re.compile(r"ready at http://127\.0\.0\.1:(\d+)")
RECORDED_END = "2024-12-31T12:00:00"
SEEDED_DAYS = 2700  # to the same last day


def main() -> None:
    """Print the figure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        datadir = _recorded() or _seeded(folder / "seeded")
        _measure(folder, datadir)


def _measure(folder: Path, datadir: Path) -> None:
    with _exchange(datadir, folder) as url:
        config = _settings(folder, url)
        started = time.perf_counter()
        # It ends with 1 when some pair has no score of the last day (recorded ones that end
        # early); that every pair has its records is counted below.
        ended = subprocess.run(
            [sys.executable, "-m", "sidecars.confluence", "backfill", "--config", str(config)],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "AQUATRADE_SCORES_TOKEN": secrets.token_hex(16)},
            check=False,
        )
        seconds = time.perf_counter() - started
        pairs, records = _kept(folder / "scores.sqlite")
    if ended.returncode not in (0, 1) or pairs != len(PAIRS):
        raise RuntimeError(f"backfill ended with {ended.returncode}, scored {pairs} pairs")
    typer.echo(f"{records} records of {pairs} pairs from {datadir.name} candles")
    verdict = "ok" if seconds <= GOAL_SECONDS else "short"
    typer.echo(
        f"BENCH confluence_backfill_seconds value={seconds:.2f} unit=s goal=<={GOAL_SECONDS} "
        f"{verdict}"
    )


@contextmanager
def _exchange(datadir: Path, folder: Path) -> Iterator[str]:
    feed = ["--data", str(datadir), "--pairs", ",".join(PAIRS), "--start", RECORDED_END]
    exchange = subprocess.Popen(
        [sys.executable, "-m", "sidecars.replay", "--port", "0",
         "--ledger", str(folder / "ledger.sqlite"), *feed],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert exchange.stdout is not None
        ready = next(filter(None, map(READY.search, exchange.stdout)), None)
        if ready is None:
            raise RuntimeError("the replay exchange did not start")
        yield f"http://127.0.0.1:{ready[1]}"
    finally:
        exchange.terminate()
        exchange.wait()


def _recorded() -> Path | None:
    named = os.environ.get("AQUATRADE_DATA")
    datadir = Path(named) / "binance" if named else None
    return datadir if datadir and (datadir / "BTC_USDT-1d.feather").is_file() else None


def _seeded(datadir: Path) -> Path:
    """A datadir of random walks, one daily file a pair."""
    datadir.mkdir()
    random = np.random.default_rng(1)
    end = pd.Timestamp(RECORDED_END, tz="UTC").floor("D")
    dates = pd.date_range(end=end, periods=SEEDED_DAYS, freq="D", unit="ms")
    for pair in PAIRS:
        close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.03, SEEDED_DAYS)))
        opened = np.concatenate([[100.0], close[:-1]])
        frame = pd.DataFrame(
            {
                "date": dates,
                "open": opened,
                "high": np.maximum(opened, close) * 1.01,
                "low": np.minimum(opened, close) * 0.99,
                "close": close,
                "volume": np.exp(random.normal(10.0, 0.5, SEEDED_DAYS)),
            }
        )
        frame.to_feather(datadir / f"{pair.replace('/', '_')}-1d.feather")
    return datadir


def _settings(folder: Path, url: str) -> Path:
    settings = {
        "pairs": list(PAIRS),
        "exchange": {
            "id": "binance",
            "ccxt_config": {
                "enableRateLimit": False,
                "urls": {"api": rest_urls(url)},
                "options": {"fetchCurrencies": False, "fetchMargins": False},
            },
        },
        "history_start": "2017-08-01",
        "clock": "exchange",
        "database_url": f"sqlite:///{folder / 'scores.sqlite'}",
    }
    file = folder / "confluence.json"
    file.write_text(json.dumps(settings))
    return file


def _kept(database: Path) -> tuple[int, int]:
    connection = sqlite3.connect(database)
    try:
        pairs, records = connection.execute(
            "SELECT COUNT(DISTINCT pair), COUNT(*) FROM scores"
        ).fetchone()
    finally:
        connection.close()
    return int(pairs), int(records)


if __name__ == "__main__":
    main()
