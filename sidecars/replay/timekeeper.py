"""The replay exchange's clock, and the lock-step by which bots and sidecars hurry it along.

Between jumps time flows at its natural pace. Once every participant has said until when it
sleeps, nobody has anything to do before the earliest of those moments, so the clock jumps there.
A rehearsal runs as fast as its participants work, however fast the machine is, and each of them
sees the same moments in the same order. A participant that dies takes its connection with it;
with fewer participants than expected time flows naturally, so a restart loses no history.

The wire: one JSON object a line over TCP on loopback.
    {"join": NAME, "observer": false}  ->  {"now_ns": N}
    {"until_ns": N}                    ->  {"now_ns": N}   when that moment has come
An observer is told of every jump and is never waited for.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

logger = logging.getLogger(__name__)

NS_PER_MS = 1_000_000
NS_PER_SECOND = 1_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LINE_LIMIT_BYTES = 1024
LAST_MOMENT_NS = 253_402_300_800 * NS_PER_SECOND  # the end of the year 9999


def moment_of(now_ns: int) -> datetime:
    """Nanoseconds since the epoch as an aware UTC moment (microsecond resolution)."""
    return EPOCH + timedelta(microseconds=now_ns // 1000)


def nanoseconds_of(moment: datetime) -> int:
    """An aware moment as nanoseconds since the epoch, rounded up so that it is never early."""
    return ((moment - EPOCH) // timedelta(microseconds=1)) * 1000


class ReplayClock:
    """A clock that started at a chosen moment of history, flows at 1x and can jump forward."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError(f"the start must carry a time zone, got {start.isoformat()}")
        self._base_ns = nanoseconds_of(start)
        self._real_base_ns = time.monotonic_ns()
        self._on_jump: list[Callable[[], None]] = []
        self._jumped = asyncio.Event()

    def now_ns(self) -> int:
        return self._base_ns + time.monotonic_ns() - self._real_base_ns

    def now_ms(self) -> int:
        return self.now_ns() // NS_PER_MS

    def now(self) -> datetime:
        return moment_of(self.now_ns())

    def on_jump(self, callback: Callable[[], None]) -> None:
        """Call `callback` after every jump, before anybody is told of it."""
        self._on_jump.append(callback)

    def jump_to_ns(self, moment_ns: int) -> None:
        """Move forward to a moment; one that has passed already changes nothing."""
        if moment_ns <= self.now_ns():
            return
        self._base_ns, self._real_base_ns = moment_ns, time.monotonic_ns()
        for callback in self._on_jump:
            callback()
        self._jumped.set()
        self._jumped = asyncio.Event()

    async def sleep_until(self, moment: datetime) -> None:
        target_ns = nanoseconds_of(moment)
        while (remaining_ns := target_ns - self.now_ns()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._jumped.wait(), remaining_ns / NS_PER_SECOND)


def bounded(until_ns: int) -> int:
    """A moment that a clock can wait for. Raises ValueError for any other."""
    if not 0 <= until_ns < LAST_MOMENT_NS:
        raise ValueError(f"{until_ns} ns is no moment, expected 0 to {LAST_MOMENT_NS - 1}")
    return until_ns


class _Member:
    """One connection: a participant (working, or asleep until a moment) or an observer."""

    def __init__(self, name: str, observer: bool, writer: asyncio.StreamWriter) -> None:
        self.name = name
        self.observer = observer
        self.writer = writer
        self.until_ns: int | None = None

    def tell(self, now_ns: int) -> None:
        self.until_ns = None
        if not self.writer.is_closing():
            self.writer.write(b'{"now_ns":%d}\n' % now_ns)


class Timekeeper:
    """Serves the lock-step protocol and moves `clock` when all participants are asleep.

    participants: how many must have joined before the clock jumps at all.
    """

    def __init__(self, clock: ReplayClock, participants: int) -> None:
        if participants < 1:
            raise ValueError(f"lock-step needs at least one participant, got {participants}")
        self._clock = clock
        self._expected = participants
        self._members: dict[int, _Member] = {}
        self._numbers = count()
        self._server: asyncio.Server | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        clock.on_jump(self._changed.set)

    @property
    def participants(self) -> list[str]:
        """Names of those that have joined and are waited for."""
        return [m.name for m in self._members.values() if not m.observer]

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port (useful when 0 was asked for)."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=LINE_LIMIT_BYTES)
        self._ticker = asyncio.create_task(self._keep_time())
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
        if self._server is not None:
            self._server.close()
            for member in self._members.values():
                member.writer.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(self._numbers)
        try:
            member: _Member | None = None
            while line := await reader.readline():
                message = json.loads(line)
                if member is None:
                    member = _Member(str(message["join"]), bool(message.get("observer")), writer)
                    self._members[number] = member
                    member.tell(self._clock.now_ns())
                    logger.info("%s joined the lock-step clock", member.name)
                else:
                    member.until_ns = bounded(int(message["until_ns"]))
                self._changed.set()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            logger.warning("lock-step connection refused: %r is not a message it speaks", error)
        except ConnectionError:
            pass  # a killed participant: leaving is all there is to do
        finally:
            left = self._members.pop(number, None)
            self._changed.set()
            writer.close()
            if left is not None:
                logger.info("%s left the lock-step clock", left.name)

    async def _keep_time(self) -> None:
        while True:
            self._changed.clear()
            self._jump_if_all_sleep()
            now_ns = self._clock.now_ns()
            sleepers = [m for m in self._members.values() if m.until_ns is not None]
            for member in sleepers:
                if member.until_ns is not None and member.until_ns <= now_ns:
                    member.tell(now_ns)
            waits = [m.until_ns - now_ns for m in sleepers if m.until_ns is not None]
            timeout = min(waits) / NS_PER_SECOND if waits else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), timeout)

    def _jump_if_all_sleep(self) -> None:
        participants = [m for m in self._members.values() if not m.observer]
        untils = [m.until_ns for m in participants if m.until_ns is not None]
        if len(participants) < self._expected or len(untils) < len(participants):
            return
        before_ns = self._clock.now_ns()
        self._clock.jump_to_ns(min(untils))
        now_ns = self._clock.now_ns()
        if now_ns - before_ns > NS_PER_MS:
            for member in self._members.values():
                if member.observer:
                    member.tell(now_ns)
