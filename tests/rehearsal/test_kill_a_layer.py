"""SIGKILL in the middle of writing: what was said stays said, nothing is half there or twice."""

import contextlib
import importlib.util
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from benchmarks.sidecar_rig import AUTHORIZED, START_SPAN, SidecarRig
from operations.road import REPOSITORY, write_json

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(300)]

WRITER = Path(__file__).with_name("layer_writer.py")
LEAST_NUMBERS = 2
MOST_SECONDS_MORE = 0.06
NOW = datetime(2025, 6, 3, 6, tzinfo=UTC)
ASSETS = "BTC,ETH"


def load_writer() -> Any:
    spec = importlib.util.spec_from_file_location("layer_writer", WRITER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def opened(database: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(database, timeout=10)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        yield connection


class Nursery:
    """The writer's process; its children are started and killed one after the other."""

    def __init__(self, database: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        self._process = subprocess.Popen(
            [sys.executable, str(WRITER), f"sqlite:///{database}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    def life(self, number: int, numbers: int, seconds_more: float) -> list[dict[str, Any]]:
        """All that a child said that went on from `number`, was seen to keep so many batches, and
        was killed so many seconds later."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        pid = self._read()["born"]
        said: list[dict[str, Any]] = []
        while sum("kept" in each for each in said) < numbers:
            said.append(self._read())
        time.sleep(seconds_more)
        os.kill(pid, signal.SIGKILL)
        while "died" not in (message := self._read()):
            said.append(message)
        return said

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the writer ended with code {self._process.wait()}"
        message: dict[str, Any] = json.loads(line)
        return message


def test_what_a_layer_kept_survives_any_kill(tmp_path: Path, counts: Any) -> None:
    kills = counts.writer_kills
    writer = load_writer()
    database = tmp_path / "layer.sqlite"
    chance = random.Random(20250603)
    kept: set[int] = set()
    scored: dict[tuple[str, int], str] = {}
    number, cut_short = 0, 0
    nursery = Nursery(database)
    try:
        for _ in range(kills):
            numbers = chance.randrange(1, LEAST_NUMBERS + 1)
            said = nursery.life(number, numbers, chance.uniform(0.0, MOST_SECONDS_MORE))
            assert "loaded" in said[0]
            told = [*said[0]["loaded"].items()]
            for message in said:
                told += message.get("scored", {}).items()
                kept |= {message["kept"]} if "kept" in message else set()
            for asset, (as_of_ms, body_hash) in told:
                assert scored.setdefault((asset, as_of_ms), body_hash) == body_hash
            with opened(database) as connection:
                whole = check_batches(connection, writer, kept)
                check_scores(connection, writer, scored)
            cut_short += len(whole - kept)
            number = max(whole) + 1
    finally:
        nursery.close()
    assert len(kept) >= kills
    assert len(scored) >= kills
    assert cut_short, "no kill fell between keeping and saying so: the test looks at too little"


def check_batches(connection: sqlite3.Connection, writer: Any, kept: set[int]) -> set[int]:
    """The numbers of the batches in the database, each whole, all that were told among them."""
    values: dict[int, dict[str, float]] = {}
    rows = connection.execute(
        "SELECT series, as_of_ms, value FROM observations WHERE source = ?", [writer.SOURCE]
    ).fetchall()
    for series, as_of_ms, value in rows:
        number = (as_of_ms - writer.START_MS) // writer.STEP_MS
        values.setdefault(number, {})[series] = value
    transfers: dict[int, int] = {}
    for (event_id,) in connection.execute("SELECT event_id FROM whale_events"):
        number = int(event_id.rpartition("-")[0])
        transfers[number] = transfers.get(number, 0) + 1
    for number, found in values.items():
        expected = {
            series: writer.value_of(number, place) for place, series in enumerate(writer.SERIES)
        }
        assert found == expected, f"batch {number} is not whole"
    assert len(rows) == len(values) * len(writer.SERIES), "a value is there twice"
    assert transfers == dict.fromkeys(values, writer.TRANSFERS), "values without their transfers"
    assert kept <= set(values), f"kept and lost: {sorted(kept - set(values))}"
    return set(values)


def check_scores(
    connection: sqlite3.Connection, writer: Any, scored: dict[tuple[str, int], str]
) -> None:
    """Every score that was told is there as it was; of each moment those of all assets are."""
    rows = connection.execute("SELECT asset, as_of_ms, body FROM layer_scores").fetchall()
    found = {
        (asset, as_of_ms): writer.hash_of(zlib.decompress(body)) for asset, as_of_ms, body in rows
    }
    assert len(found) == len(rows), "a score is there twice"
    moments = {as_of_ms for _, as_of_ms in found}
    assert set(found) == {(asset, each) for asset in writer.ASSETS for each in moments}
    assert {key: found.get(key) for key in scored} == scored


def test_what_a_service_answered_it_answers_again(tmp_path: Path, counts: Any) -> None:
    chance = random.Random(20250604)
    answered: dict[str, dict[str, Any]] = {}
    with SidecarRig(tmp_path, NOW) as rig:
        rig.start_surroundings()
        settings = rig.settings("onchain") | {
            "history_start": "2025-05-20",
            "record_every_seconds": 60,
            "sources": {
                "whale_alert": {"poll_seconds": 20},
                "etherscan": {"enabled": False},
                "blockchain_com": {"enabled": False},
            },
        }
        config = write_json(tmp_path / "onchain.json", settings)
        assert rig.conductor is not None
        rig.conductor.let_run(NOW + START_SPAN)
        for _ in range(counts.service_kills + 1):
            child = rig.stage.start("onchain", ["-m", "sidecars.onchain", "-c", str(config)])
            rig.wait_until_ready("onchain", 60)
            check_answers(rig, answered)
            deadline = time.monotonic() + chance.uniform(0.1, 1.0)
            while time.monotonic() < deadline:
                keep_time_running(rig)
                answer = ask(rig)
                # Of each score the last moment at which it was answered, and the first one.
                moment = answer["scores"]["BTC"]["as_of"]
                answered.setdefault(f"first of {moment}", answer)
                answered[f"last of {moment}"] = answer
            rig.stage.stop(child, hard=True)
    moments = {each["scores"]["BTC"]["as_of"] for each in answered.values()}
    assert len(moments) > counts.service_kills, "too few scores were made to say anything"


def keep_time_running(rig: SidecarRig) -> None:
    """Let time run on where it has come to a halt; nobody is waited for."""
    conductor = rig.conductor
    assert conductor is not None
    if conductor.has_arrived():
        conductor.let_run(conductor.arrive() + START_SPAN)


def check_answers(rig: SidecarRig, answered: dict[str, dict[str, Any]]) -> None:
    """A moment that was asked about gets the answer that it got, and what is kept is sound."""
    for before in answered.values():
        assert ask(rig, at=before["at"])["scores"] == before["scores"]
    with opened(rig.folder / "onchain.sqlite") as connection:
        rows = connection.execute(
            "SELECT as_of_ms, count(*) FROM layer_scores GROUP BY as_of_ms"
        ).fetchall()
    assert {count for _, count in rows} == {4}, "scores of some assets without the others"


def ask(rig: SidecarRig, **parameters: str) -> dict[str, Any]:
    answer = requests.get(
        f"{rig.url('onchain')}/v1/scores",
        params={"assets": ASSETS, **parameters},
        headers=AUTHORIZED,
        timeout=10,
    )
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content
