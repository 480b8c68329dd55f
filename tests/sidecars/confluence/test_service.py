"""The sidecar as a process: refusals before anything starts, ready, answers, SIGTERM, SIGKILL."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner

from sidecars.common.clock import SystemClock
from sidecars.confluence.__main__ import app, read_settings
from sidecars.confluence.candles import MS_PER_DAY
from tests.sidecars.confluence.local_binance import LocalBinance, running, seeded_candles
from tests.sidecars.confluence.local_layer import TOKEN as LAYER_TOKEN
from tests.sidecars.confluence.local_layer import LocalLayer, layer_running, seeded_sentiment
from tests.sidecars.confluence.local_swaps import LocalSwaps, swaps_running

TOKEN = "a-token-of-this-test-0123"
PAIRS = ["BTC/USDT", "ETH/USDT"]
DAYS = 260


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AQUATRADE_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **changes}


def written(folder: Path, **changes: Any) -> Path:
    content = {
        "pairs": PAIRS,
        "port": 0,
        "database_url": f"sqlite:///{folder / 'data' / 'scores.sqlite'}",
        **changes,
    }
    file = folder / "confluence.json"
    file.write_text(json.dumps(content))
    return file


@pytest.fixture
async def binance() -> AsyncIterator[LocalBinance]:
    """Candles up to yesterday by the machine's clock, as a live exchange has."""
    today = SystemClock().now().replace(hour=0, minute=0, second=0, microsecond=0)
    today_ms = int(today.timestamp()) * 1000
    first_ms = today_ms - DAYS * MS_PER_DAY
    candles = {pair: seeded_candles(at, DAYS + 1, first_ms) for at, pair in enumerate(PAIRS)}
    async with running(LocalBinance(candles, today_ms)) as server:
        yield server


UNKNOWN_EXCHANGE = 'the id of a ccxt exchange (did you mean "binance"?)'
REFUSED: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({"pair": []}, {}, "key 'pair' is unknown, expected one of pairs, exchange"),
    ({"pairs": ["BTCUSDT"]}, {}, "key 'pairs.0': got 'BTCUSDT', expected: a pair like"),
    ({"pairs": ["A/B", "A/B"]}, {}, "key 'pairs': A/B stands there twice"),
    ({"exchange": {"id": "binanze"}}, {}, UNKNOWN_EXCHANGE),
    ({"history_start": "yesterday"}, {}, "key 'history_start': got 'yesterday'"),
    ({"database_url": "scores.sqlite"}, {}, "key 'database_url': got 'scores.sqlite'"),
    ({}, {"AQUATRADE_CONFLUENCE_PROT": "1"}, 'did you mean "AQUATRADE_CONFLUENCE_PORT"?'),
    ({}, {}, "no token: set AQUATRADE_SCORES_TOKEN"),
    (
        {},
        {"AQUATRADE_CONFLUENCE_PORT": "-1"},
        "environment variable AQUATRADE_CONFLUENCE_PORT: key",
    ),
    ({"layers": {"sentiment": {"url": "localhost"}}}, {}, "key 'layers.sentiment.url': got 'local"),
    ({"derivatives": {"id": "binanse"}}, {}, 'did you mean "binance"?'),
]


@pytest.mark.parametrize(("changes", "variables", "line"), REFUSED)
def test_what_is_wrong_is_one_line_before_anything_starts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    variables: dict[str, str],
    line: str,
) -> None:
    for name in [name for name in os.environ if name.startswith("AQUATRADE_")]:
        monkeypatch.delenv(name)
    ended = CliRunner().invoke(
        app, ["serve", "--config", str(written(tmp_path, **changes))], env=variables
    )
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert line in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_the_example_is_good(tmp_path: Path) -> None:
    example = Path(__file__).parents[3] / "sidecars" / "confluence" / "settings.example.json"
    settings = read_settings(example, {"AQUATRADE_CONFLUENCE_PAIRS": "BTC/USDT"})
    assert settings.pairs == ("BTC/USDT",)
    assert settings.reference == "BTC/USDT"


class Sidecar:
    """A serving process; its log lines as they come."""

    def __init__(self, config: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sidecars.confluence", "serve", "-c", str(config)],
            env=environment(AQUATRADE_SCORES_TOKEN=TOKEN),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []

    def wait_for(self, event: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            entry: dict[str, Any] = json.loads(line)
            if entry["event"] == event:
                return entry
        raise AssertionError(f"it ended without {event!r}: {self.lines}")

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=20)
        self.lines += output.splitlines()
        return self.process.returncode


async def healthy(url: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        while time.monotonic() < deadline:
            async with session.get(f"{url}/health") as response:
                report: dict[str, Any] = await response.json()
            if report["status"] != "starting":
                query = {"pairs": ",".join(PAIRS)}
                async with session.get(f"{url}/v1/scores", params=query) as response:
                    answer: dict[str, Any] = await response.json()
                return {"health": report, **answer}
            # The other process needs the time, and nothing here can be told when it is done.
            time.sleep(0.1)  # noqa: ASYNC251
    raise AssertionError("not healthy within 30 seconds")


async def test_serves_stops_and_comes_back(tmp_path: Path, binance: LocalBinance) -> None:
    config = written(
        tmp_path,
        exchange={"id": "binance", "ccxt_config": binance.ccxt_config},
        history_start=datetime.fromtimestamp(
            binance.now_ms / 1000 - DAYS * 86_400, UTC
        ).date().isoformat(),
    )  # fmt: skip
    sidecar = Sidecar(config)
    ready = await asyncio.to_thread(sidecar.wait_for, "ready")
    first = await asyncio.to_thread(asyncio.run, healthy(ready["url"]))
    assert first["health"]["status"] == "ok"
    assert set(first["scores"]) == set(PAIRS)
    # SIGKILL: nothing is lost that was answered, nothing is asked for again but what is new.
    assert await asyncio.to_thread(sidecar.stop, signal.SIGKILL) == -signal.SIGKILL
    asked = len(binance.requests)
    again = Sidecar(config)
    ready = await asyncio.to_thread(again.wait_for, "ready")
    second = await asyncio.to_thread(asyncio.run, healthy(ready["url"]))
    assert second["scores"] == first["scores"]
    assert len(binance.requests) - asked <= 2 * len(PAIRS) + 1
    assert await asyncio.to_thread(again.stop, signal.SIGTERM) == 0
    assert json.loads(again.lines[-1])["event"] == "stopped"
    for line in (*sidecar.lines, *again.lines):
        assert TOKEN not in line
        json.loads(line)
    kept = sqlite3.connect(tmp_path / "data" / "scores.sqlite")
    counts = kept.execute("SELECT pair, COUNT(*), COUNT(DISTINCT as_of_ms) FROM scores GROUP BY 1")
    assert counts.fetchall() == [(pair, DAYS - 14, DAYS - 14) for pair in PAIRS]
    kept.close()


async def test_layers_and_funding_are_read_over_the_wire(
    tmp_path: Path, binance: LocalBinance
) -> None:
    first_ms = binance.now_ms - DAYS * MS_PER_DAY
    layer = LocalLayer(seeded_sentiment(1, first_ms, DAYS, ["BTC", "ETH"]))
    layer.now_ms = binance.now_ms
    settlements = [(first_ms + step * 28_800_000, "0.0001") for step in range(3 * DAYS)]
    async with layer_running(layer), swaps_running(LocalSwaps(settlements)) as swaps:
        config = written(
            tmp_path,
            exchange={"id": "binance", "ccxt_config": binance.ccxt_config},
            layers={"sentiment": {"url": layer.url}},
            derivatives={"id": "binance", "ccxt_config": swaps.ccxt_config},
            zone_preset="percentile",
        )
        command = [sys.executable, "-m", "sidecars.confluence", "backfill", "--config", str(config)]
        refused = await asyncio.to_thread(
            subprocess.run, command, env=environment(), capture_output=True, text=True, check=False
        )
        assert refused.returncode == 2
        assert refused.stderr.startswith("confluence: no token")
        ended = await asyncio.to_thread(
            subprocess.run,
            command,
            env=environment(AQUATRADE_SCORES_TOKEN=LAYER_TOKEN),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert LAYER_TOKEN not in ended.stdout
    kept = sqlite3.connect(tmp_path / "data" / "scores.sqlite")
    last = kept.execute(
        "SELECT confidence, degraded FROM scores ORDER BY as_of_ms DESC, pair LIMIT 1"
    ).fetchone()
    assert last == (0.98, "[]")
    assert kept.execute("SELECT DISTINCT feed FROM feeds ORDER BY 1").fetchall() == [
        ("derivatives",), ("sentiment",),
    ]  # fmt: skip
    kept.close()


async def test_backfill_ends_by_itself(tmp_path: Path, binance: LocalBinance) -> None:
    binance.candles.pop("ETH/USDT")
    exchange = {"id": "binance", "ccxt_config": binance.ccxt_config}
    config = written(tmp_path, exchange=exchange)
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "sidecars.confluence", "backfill", "--config", str(config)],
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    last = json.loads(ended.stdout.splitlines()[-1])
    assert (last["event"], last["records"], last["complete"]) == ("backfilled", DAYS - 14, False)
    assert ended.returncode == 1
    assert ended.stderr == "not every pair has a score of the last day; see the log\n"
