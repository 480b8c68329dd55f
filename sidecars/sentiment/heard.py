"""What was said of an asset, from the headlines that are held, for the sentiment rules."""

import numpy as np

from sidecars.common.layer.events import EventsKnownAt, HeldEvents
from sidecars.common.layer.scorer import KnownEvents
from sidecars.common.observations import MS_PER_HOUR, IntArray
from sidecars.common.sources import Headline
from sidecars.sentiment.crowd import SocialInput, headline_input
from sidecars.sentiment.social import HeadlineColumns

# The feeds together bring dozens of headlines a day: a day without any is a gap in the reading.
LONGEST_SILENCE_MS = 24 * MS_PER_HOUR


class Heard:
    """Readings at many moments, from columns that are made once for as long as they hold.

    Used by one thread at a time.
    """

    def __init__(self) -> None:
        self._of: HeldEvents | None = None
        self._columns = HeadlineColumns([])
        self._moments: IntArray = np.empty(0, dtype=np.int64)
        self._run_starts: IntArray = np.empty(0, dtype=np.int64)

    def social_of(self, asset: str, events: KnownEvents, at_ms: int) -> SocialInput | None:
        """What is known of an asset; None where no headline was heard in eight days."""
        if not isinstance(events, EventsKnownAt):
            raise TypeError(f"expected events of a timeline, got {type(events).__name__}")
        self._hold(events.timeline.held)
        reading = self._columns.reading(asset, at_ms, self.covered_since_ms(at_ms))
        return headline_input(reading)

    def covered_since_ms(self, at_ms: int) -> int | None:
        """Since when headlines have come without a day's silence; None: not at the moment."""
        place = int(np.searchsorted(self._moments, at_ms, side="right")) - 1
        if place < 0 or at_ms - int(self._moments[place]) > LONGEST_SILENCE_MS:
            return None
        return int(self._run_starts[place])

    def _hold(self, held: HeldEvents) -> None:
        if held is self._of:
            return
        pairs = [
            (each.event, each.available_at_ms)
            for each in held.kept
            if isinstance(each.event, Headline)
        ]
        self._columns = HeadlineColumns([event for event, _ in pairs], [when for _, when in pairs])
        self._moments = np.sort(np.array([when for _, when in pairs], dtype=np.int64))
        self._run_starts = run_starts(self._moments)
        self._of = held


def run_starts(moments: IntArray) -> IntArray:
    """For each moment (rising) the first of its run: no two neighbours further apart than a day."""
    if len(moments) == 0:
        return moments
    begins = np.append(True, np.diff(moments) > LONGEST_SILENCE_MS)
    result: IntArray = moments[np.maximum.accumulate(np.where(begins, np.arange(len(moments)), 0))]
    return result
