"""The catalogue is whole, and the program runs: its options, its clock, its end."""

import asyncio
import importlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from sidecars.common.sources import SourceEntry
from sidecars.replay.public_data.catalogue import MODULES, all_stand_ins
from sidecars.replay.public_data.settings import PublicDataSettings, parse_settings
from sidecars.replay.settings import SettingsError
from sidecars.replay.timekeeper import ReplayClock, Timekeeper

START = datetime(2024, 8, 5, 14, tzinfo=UTC)
ONCHAIN = frozenset({"coin_metrics", "etherscan", "blockchain_com", "whale_alert", "defillama"})


def test_every_source_has_a_stand_in_under_its_key() -> None:
    keys = [each.key for each in all_stand_ins()]
    assert len(set(keys)) == len(keys)
    for name in MODULES:
        sidecar = "onchain" if name in ONCHAIN else "sentiment"
        module = importlib.import_module(f"sidecars.{sidecar}.sources.{name}")
        entries = [each for each in vars(module).values() if isinstance(each, SourceEntry)]
        assert entries
        assert {entry.key for entry in entries} <= set(keys)


@pytest.mark.parametrize(
    ("port", "start", "lockstep", "expected"),
    [
        (8104, None, None, PublicDataSettings()),
        (0, "2024-08-05T14:00:00Z", None, PublicDataSettings(0, START)),
        (1, None, "::1:8199", PublicDataSettings(1, None, ("::1", 8199))),
    ],
)
def test_options(
    port: int, start: str | None, lockstep: str | None, expected: PublicDataSettings
) -> None:
    assert parse_settings(port, start, lockstep) == expected


@pytest.mark.parametrize(
    ("port", "start", "lockstep", "complaint"),
    [
        (65536, None, None, "--port: expected 0 to 65535, got 65536"),
        (0, "soon", None, "--start: expected a moment like"),
        (0, None, "localhost", "--lockstep: expected HOST:PORT"),
        (0, None, "localhost:0", "--lockstep: expected HOST:PORT"),
        (0, None, "localhost:1e4", "--lockstep: expected HOST:PORT"),
        (0, "2024-08-05", "localhost:1", "expected one of them, got both"),
    ],
)
def test_wrong_options(port: int, start: str | None, lockstep: str | None, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        parse_settings(port, start, lockstep)


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[str]:
    """The program as a process of its own; it ends well on SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sidecars.replay.public_data", "--port", "0", *arguments,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        yield str(json.loads(line)["url"])
        process.send_signal(signal.SIGTERM)
        output, _ = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0 and b'"stopped"' in output
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def now_of(session: aiohttp.ClientSession, url: str) -> datetime:
    async with session.get(f"{url}/health") as response:
        return datetime.fromisoformat((await response.json())["now"])


async def test_a_process_that_lives_at_another_moment() -> None:
    async with running("--start", "2024-08-05T14:00Z") as url, aiohttp.ClientSession() as session:
        assert timedelta(0) <= await now_of(session, url) - START < timedelta(minutes=1)
        async with session.get(f"{url}/alternative_me/fng/") as response:
            assert response.status == 200 and (await response.json())["data"]


async def test_a_process_on_the_lockstep_clock() -> None:
    clock = ReplayClock(START)
    keeper = Timekeeper(clock, participants=1)
    port = await keeper.start("127.0.0.1", 0)
    try:
        async with (
            running("--lockstep", f"127.0.0.1:{port}") as url,
            aiohttp.ClientSession() as session,
        ):
            assert timedelta(0) <= await now_of(session, url) - START < timedelta(minutes=1)
    finally:
        await keeper.stop()


async def test_no_lockstep_clock_is_one_clear_line() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sidecars.replay.public_data", "--lockstep", "127.0.0.1:1",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.decode().startswith("public data: no lock-step clock at 127.0.0.1:1")
    assert errors.decode().count("\n") == 1
