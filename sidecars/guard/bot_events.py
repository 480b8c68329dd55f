"""What bots tell of what happened in them: each event is kept once, however often it comes. Pure.

A bot numbers its events by a log of its own. A bot with a new log begins to count anew, so what was
heard is remembered for each log by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aquatrade.event_log import Event

# Of each bot: whoever makes a new log with every start fills no database.
MOST_LOGS = 50


@dataclass(frozen=True, slots=True)
class Heard:
    """The highest number that was kept of one log of a bot, and when."""

    bot: str
    process: str
    seq: int
    at: datetime

    @property
    def key(self) -> str:
        return f"{self.bot}/{self.process}"


def new_events(
    heard: dict[str, Heard], bot: str, process: str, events: Sequence[Event], now: datetime
) -> tuple[dict[str, Heard], int, tuple[Event, ...]]:
    """What is heard after events (origin_seq set), the highest number kept, and those that are
    new, in their order, without their numbers: another log may have the same."""
    before = heard.get(Heard(bot, process, -1, now).key)
    highest = -1 if before is None else before.seq
    new: list[Event] = []
    for event in sorted(events, key=lambda each: each.origin_seq or 0):
        number = event.origin_seq or 0
        if number > highest:
            highest = number
            new.append(replace(event, origin_seq=None))
    if not new:
        return heard, max(highest, 0), ()
    after = Heard(bot, process, highest, now)
    return _bounded({**heard, after.key: after}, bot), highest, tuple(new)


def _bounded(heard: dict[str, Heard], bot: str) -> dict[str, Heard]:
    own = sorted((each for each in heard.values() if each.bot == bot), key=lambda each: each.at)
    gone = {each.key for each in own[:-MOST_LOGS]}
    return {key: each for key, each in heard.items() if key not in gone}
