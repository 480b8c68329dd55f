"""Reading the event log for people: also by bot, whoever wrote the event. Its functions block."""

from collections.abc import Iterator
from dataclasses import dataclass

from aquatrade.event_log import EventLog, StoredEvent

ROWS_AT_ONCE = 500
# So many rows are looked through for a bot's events, then what was found has to do.
MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events; None: all."""

    kind: str | None = None
    bot: str | None = None
    pair: str | None = None

    def fits(self, stored: StoredEvent) -> bool:
        """Whether the event is the bot's own, or about it."""
        if self.bot is None:
            return True
        event = stored.event
        return event.origin == self.bot or event.data.get("bot") == self.bot


def events_after(log: EventLog, seq: int, limit: int, wanted: Wanted) -> list[StoredEvent]:
    """Events after a number, oldest first."""
    found: list[StoredEvent] = []
    read = 0
    while len(found) < limit and read < MOST_ROWS:
        size = limit if wanted.bot is None else ROWS_AT_ONCE
        rows = log.after(seq, size, kind=wanted.kind, pair=wanted.pair)
        found += [row for row in rows if wanted.fits(row)]
        if len(rows) < size:
            break
        seq, read = rows[-1].seq, read + len(rows)
    return found[:limit]


def newest_events(
    log: EventLog, limit: int, wanted: Wanted, before: int | None = None
) -> list[StoredEvent]:
    """The newest events (those before a number), newest first."""
    if wanted.bot is None:
        return log.newest(limit, kind=wanted.kind, pair=wanted.pair, before=before)
    found: list[StoredEvent] = []
    for row in _backwards(log, wanted, before):
        if wanted.fits(row):
            found.append(row)
            if len(found) >= limit:
                break
    return found


def _backwards(log: EventLog, wanted: Wanted, before: int | None) -> Iterator[StoredEvent]:
    newest = log.newest(1)
    last = newest[0].seq if newest else 0
    high = last if before is None else min(last, before - 1)
    stop = max(0, high - MOST_ROWS)
    while high > stop:
        low = max(stop, high - ROWS_AT_ONCE)
        rows = log.after(low, high - low, kind=wanted.kind, pair=wanted.pair)
        yield from (row for row in reversed(rows) if row.seq <= high)
        high = low
