"""A clock that jumps to whatever is waited for: tests see long waits and take no time."""

import asyncio
from datetime import UTC, datetime


class JumpingClock:
    """Keeps to sidecars.common.clock.Clock. `slept_until`: the moments waited for, in order."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self.start = start
        self.slept_until: list[datetime] = []

    @classmethod
    def at_ms(cls, now_ms: int) -> "JumpingClock":
        return cls(datetime.fromtimestamp(now_ms / 1000, UTC))

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, moment: datetime) -> None:
        self.slept_until.append(moment)
        self._now = max(self._now, moment)
        await asyncio.sleep(0)

    @property
    def waited_seconds(self) -> float:
        """How far the clock has jumped since its start."""
        return (self._now - self.start).total_seconds()
