"""The lock-step clock: who waits for whom, and what a death does."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from sidecars.common.lockstep import LockstepClock, LockstepError
from sidecars.replay.timekeeper import ReplayClock, Timekeeper, moment_of, nanoseconds_of

START = datetime(2024, 3, 5, tzinfo=UTC)


class Participant:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def join(cls, port: int, name: str) -> "Participant":
        participant = cls(*await asyncio.open_connection("127.0.0.1", port))
        participant.writer.write(json.dumps({"join": name}).encode() + b"\n")
        await participant.reader.readline()
        return participant

    async def sleep_until(self, moment: datetime) -> datetime:
        line = json.dumps({"until_ns": nanoseconds_of(moment)}).encode() + b"\n"
        self.writer.write(line)
        return moment_of(int(json.loads(await self.reader.readline())["now_ns"]))


@pytest.fixture
async def keeper() -> AsyncIterator[tuple[ReplayClock, Timekeeper, int]]:
    clock = ReplayClock(START)
    timekeeper = Timekeeper(clock, participants=2)
    port = await timekeeper.start("127.0.0.1", 0)
    yield clock, timekeeper, port
    await timekeeper.stop()


def test_a_start_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ReplayClock(datetime(2024, 3, 5))  # noqa: DTZ001


async def test_the_clock_jumps_to_the_earliest_sleeper(
    keeper: tuple[ReplayClock, Timekeeper, int],
) -> None:
    clock, _, port = keeper
    bot, sidecar = await Participant.join(port, "bot"), await Participant.join(port, "sidecar")
    seen: list[tuple[str, datetime]] = []

    async def run(name: str, participant: Participant, step: timedelta, steps: int) -> None:
        moment = START
        for _ in range(steps):
            moment += step
            woken = await participant.sleep_until(moment)
            assert woken >= moment
            seen.append((name, moment))
        participant.writer.close()

    await asyncio.wait_for(
        asyncio.gather(
            run("bot", bot, timedelta(minutes=20), 6),
            run("sidecar", sidecar, timedelta(hours=1), 2),
        ),
        10,
    )
    assert [moment for _, moment in seen] == sorted(moment for _, moment in seen)
    assert clock.now() - START < timedelta(hours=2, seconds=10)


async def test_nobody_is_left_behind_while_it_works(
    keeper: tuple[ReplayClock, Timekeeper, int],
) -> None:
    clock, _, port = keeper
    bot, _worker = await Participant.join(port, "bot"), await Participant.join(port, "worker")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bot.sleep_until(START + timedelta(hours=1)), 0.3)
    assert clock.now() - START < timedelta(seconds=5)


async def test_with_a_participant_dead_time_flows_at_its_natural_pace(
    keeper: tuple[ReplayClock, Timekeeper, int],
) -> None:
    clock, timekeeper, port = keeper
    bot, sidecar = await Participant.join(port, "bot"), await Participant.join(port, "sidecar")
    bot.writer.transport.abort()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sidecar.sleep_until(START + timedelta(days=1)), 0.3)
    assert timekeeper.participants == ["sidecar"]
    assert clock.now() - START < timedelta(seconds=5)
    reborn = await Participant.join(port, "bot")
    woken = await asyncio.wait_for(reborn.sleep_until(START + timedelta(hours=1)), 5)
    assert woken >= START + timedelta(hours=1)


async def test_garbage_on_the_wire_ends_that_connection_only(
    keeper: tuple[ReplayClock, Timekeeper, int],
) -> None:
    _, timekeeper, port = keeper
    too_late = b'{"join": "x"}\n{"until_ns": 1' + b"0" * 400 + b"}\n"
    for garbage in (
        too_late,
        b"hello\n",
        b"[]\n",
        b'{"until_ns": 1}\n',
        b'{"join": "x"}\n{"until_ns": "y"}\n',
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(garbage)
        while await asyncio.wait_for(reader.readline(), 2):
            pass
        writer.close()
    assert timekeeper.participants == []
    await Participant.join(port, "still here")
    assert timekeeper.participants == ["still here"]


async def test_a_service_follows_and_each_sleeping_task_is_waited_for(
    keeper: tuple[ReplayClock, Timekeeper, int],
) -> None:
    clock, _, port = keeper
    follower = await LockstepClock.connect("127.0.0.1", port, "confluence")
    bot = await Participant.join(port, "bot")

    async def schedule() -> datetime:
        await follower.sleep_until(START + timedelta(days=1))
        return follower.now()

    scheduled = asyncio.create_task(schedule())
    for hour in range(1, 26):
        await asyncio.wait_for(bot.sleep_until(START + timedelta(hours=hour)), 5)
        if scheduled.done():
            break
        assert abs(follower.now() - clock.now()) < timedelta(seconds=1)
    assert START + timedelta(days=1) <= await scheduled < START + timedelta(days=1, minutes=1)
    await follower.close()


async def test_a_clock_that_is_not_there_is_one_clear_error() -> None:
    with pytest.raises(LockstepError, match="is the replay exchange running"):
        await LockstepClock.connect("127.0.0.1", 1, "confluence")
