"""Does to a bot what has to be done, as often as it takes, each attempt an event."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aquatrade.event_log import Event
from sidecars.common.source_errors import SourceError
from sidecars.guard.acts import Act, ActKind
from sidecars.guard.reservations import Moment
from sidecars.guard.timekeeping import Timekeeper
from sidecars.guard.words import ORIGIN

logger = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 60.0


class Hands(Protocol):
    """What can be done to a bot: a BotClient."""

    async def pause(self) -> None: ...

    async def start(self) -> None: ...

    async def lock(self, until: Any, reason: str) -> None: ...

    async def unlock(self, lock_id: int) -> None: ...

    async def cancel_open_order(self, trade_id: int) -> None: ...

    async def force_exit(self, trade_id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class _Attempts:
    count: int
    next_s: float  # on the steady clock


class Actor:
    """The hands on one bot. What was tried is tried again only after a poll that began later, and
    then after a while that doubles."""

    def __init__(self, hands: Hands, time: Timekeeper) -> None:
        self._hands = hands
        self._time = time
        self._attempts: dict[tuple[str, str, str], _Attempts] = {}

    async def act(self, acts: list[Act], poll_began_s: float) -> list[Event]:
        """Do what is due of these, which a poll that began at that moment shows undone. Returns
        what was tried, and how it went."""
        wanted = {act.key for act in acts}
        self._attempts = {key: each for key, each in self._attempts.items() if key in wanted}
        events = []
        for act in acts:
            before = self._attempts.get(act.key)
            if before is not None and poll_began_s < before.next_s:
                continue
            error = await self._try(act)
            count = 1 if before is None else before.count + 1
            wait = min(FIRST_WAIT_SECONDS * 2.0 ** min(count - 1, 10), LONGEST_WAIT_SECONDS)
            now = self._time.now()
            self._attempts[act.key] = _Attempts(count, now.steady_s + wait)
            events.append(_event(act, count, error, now))
        return events

    async def _try(self, act: Act) -> str | None:
        """One attempt; why it failed."""
        try:
            if act.kind is ActKind.PAUSE:
                await self._hands.pause()
            elif act.kind is ActKind.START:
                await self._hands.start()
            elif act.kind is ActKind.LOCK:
                await self._hands.lock(act.until, act.reason)
            elif act.kind is ActKind.UNLOCK:
                await self._hands.unlock(act.lock_id)
            elif act.kind is ActKind.CANCEL:
                await self._hands.cancel_open_order(act.trade_id)
            else:
                await self._hands.force_exit(act.trade_id)
        except SourceError as error:
            return str(error)
        return None


def _event(act: Act, count: int, error: str | None, now: Moment) -> Event:
    data: Mapping[str, Any] = {
        "bot": act.bot,
        "act": act.kind,
        "trade_id": act.trade_id or None,
        "attempt": count,
        "error": error,
    }
    how = "asked for" if error is None else f"failed: {error}"
    again = "" if count == 1 else f" (attempt {count})"
    text = f"bot {act.bot}: {act.text}{again}: {how}"
    logger.warning("act", extra={"bot": act.bot, "act": act.text, "error": error})
    return Event(now.at, ORIGIN, "action", text, pair=act.pair, data=data)
