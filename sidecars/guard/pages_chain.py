"""Whether the event log's chain of hashes is sound, looked at once a minute at most."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sidecars.common.clock import Clock
from sidecars.common.moments import ms_of

FRESH_MS = 60_000


@dataclass(frozen=True, slots=True)
class ChainView:
    """The answer in words. tone: of its badge."""

    is_sound: bool
    word: str
    text: str
    tone: str


class ChainCheck:
    """Asks for the check; those who come meanwhile wait for the same answer."""

    def __init__(self, verify: Callable[[], Awaitable[int | None]], clock: Clock) -> None:
        """verify: number of the first event that does not fit, None: all fit."""
        self._verify = verify
        self._clock = clock
        self._checking = asyncio.Lock()
        self._checked_ms: int | None = None
        self._broken_at: int | None = None

    async def look(self) -> ChainView:
        """How the chain is; what was seen less than a minute ago still counts."""
        async with self._checking:
            now_ms = ms_of(self._clock.now())
            if self._checked_ms is None or not 0 <= now_ms - self._checked_ms < FRESH_MS:
                self._broken_at = await self._verify()
                self._checked_ms = now_ms
        if self._broken_at is None:
            text = "Each event carries a hash over itself and the one before; all of them fit."
            return ChainView(True, "Chain verified", text, "ok")
        text = (
            f"Event {self._broken_at} does not fit those before it: somebody has changed or "
            "removed events there."
        )
        return ChainView(False, "Chain broken", text, "failing")
