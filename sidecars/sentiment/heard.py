"""What was said of an asset, from the headlines that are held, for the sentiment rules."""

from collections import defaultdict

import numpy as np

from sidecars.common.layer.events import EventsKnownAt, HeldEvents
from sidecars.common.layer.scorer import KnownEvents
from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, IntArray
from sidecars.common.sources import Headline
from sidecars.sentiment.crowd import SocialInput, headline_input
from sidecars.sentiment.social import DAYS_NEEDED, HeadlineColumns

# A feed of news brings several headlines a day: a day without any is a gap in the reading.
LONGEST_SILENCE_MS = 24 * MS_PER_HOUR


class Heard:
    """Readings at many moments, from columns that are made once for as long as they hold.

    Used by one thread at a time.
    """

    def __init__(self) -> None:
        self._of: HeldEvents | None = None
        self._columns = HeadlineColumns([])
        # By source: when its headlines came, and for each of them the first of its run.
        self._runs: dict[str, tuple[IntArray, IntArray]] = {}

    def social_of(self, asset: str, events: KnownEvents, at_ms: int) -> SocialInput | None:
        """What is known of an asset; None where no headline was heard in eight days."""
        if not isinstance(events, EventsKnownAt):
            raise TypeError(f"expected events of a timeline, got {type(events).__name__}")
        self._hold(events.timeline.held)
        return headline_input(self._columns.reading(asset, at_ms, self.covered_at(at_ms)))

    def covered_at(self, at_ms: int) -> list[str]:
        """Sources of which headlines have come without a day's silence for the 8 days before.

        One that shows less than a headline a day is never among them.
        """
        from_ms = at_ms - DAYS_NEEDED * MS_PER_DAY
        covered = []
        for source, (moments, starts) in self._runs.items():
            place = int(moments.searchsorted(at_ms, side="right")) - 1
            if (
                place >= 0
                and at_ms - int(moments[place]) <= LONGEST_SILENCE_MS
                and int(starts[place]) <= from_ms
            ):
                covered.append(source)
        return covered

    def _hold(self, held: HeldEvents) -> None:
        if held is self._of:
            return
        pairs = [
            (each.event, each.available_at_ms)
            for each in held.kept
            if isinstance(each.event, Headline)
        ]
        self._columns = HeadlineColumns([event for event, _ in pairs], [when for _, when in pairs])
        by_source: dict[str, list[int]] = defaultdict(list)
        for event, when in pairs:
            by_source[event.source].append(when)
        self._runs = {}
        for source, whens in by_source.items():
            moments = np.sort(np.array(whens, dtype=np.int64))
            self._runs[source] = (moments, run_starts(moments))
        self._of = held


def run_starts(moments: IntArray) -> IntArray:
    """For each moment (rising) the first of its run: no two neighbours further apart than a day."""
    if len(moments) == 0:
        return moments
    begins = np.append(True, np.diff(moments) > LONGEST_SILENCE_MS)
    result: IntArray = moments[np.maximum.accumulate(np.where(begins, np.arange(len(moments)), 0))]
    return result
