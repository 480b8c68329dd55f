"""Clocks. A service is handed one and asks nobody else what time it is."""

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a service gets its time from. All moments are aware and in UTC."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    async def sleep_until(self, moment: datetime) -> None:
        """Return once `now()` has reached `moment` (at once if it has already)."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, moment: datetime) -> None:
        while (remaining_seconds := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110
            # Waking at least once a minute follows the wall clock when it is stepped.
            await asyncio.sleep(min(remaining_seconds, 60.0))


class ManualClock:
    """A clock that stands still until it is moved: for tests and for replays of history."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._moved = asyncio.Condition()

    def now(self) -> datetime:
        return self._now

    async def move_to(self, moment: datetime) -> None:
        """Move to `moment` (never backwards) and wake everybody whose time has come."""
        if moment < self._now:
            raise ValueError(f"a clock only moves forward: now {self._now}, asked for {moment}")
        async with self._moved:
            self._now = moment
            self._moved.notify_all()

    async def sleep_until(self, moment: datetime) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self._now >= moment)
