"""From what a source told to what is kept: only what is new, with when it counts as available."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sidecars.common.availability import MARGINS_MS, Served, TooLateError, live_ms
from sidecars.common.layer.events import EventTimeline, KeptEvent
from sidecars.common.layer.store import LayerStore
from sidecars.common.observations import (
    HEARD_PREFIX,
    MS_PER_MINUTE,
    Observation,
    Reading,
    SeriesTimeline,
)
from sidecars.common.sources import Batch, Event, Headline, Transfer

logger = logging.getLogger(__name__)

# Older ones are no news when they come, for example after a start.
NEWS_MS = 15 * MS_PER_MINUTE


def observations_to_keep(
    readings: Iterable[Reading],
    source: str,
    timelines: Mapping[str, SeriesTimeline],
    served: Served,
    now_ms: int,
) -> list[Observation]:
    """Those that say something new: an unknown as_of, or another value for a known one.

    Another value is a correction: it counts from now, whenever it was published. Of each as_of the
    source that told of it first has the word, and nobody else corrects it: two sources that differ
    a little would correct each other for ever. Pure.
    """
    by_series: dict[str, dict[int, Reading]] = {}
    for reading in readings:
        by_series.setdefault(reading.series, {})[reading.as_of_ms] = reading
    kept = []
    for series, by_as_of in by_series.items():
        timeline = timelines.get(series)
        known = {} if timeline is None else timeline.words(min(by_as_of))
        for as_of_ms, reading in sorted(by_as_of.items()):
            value, teller = known.get(as_of_ms, (None, source))
            if teller != source or value == reading.value:
                continue
            available_at_ms = (
                live_ms(now_ms, served.margin_ms)
                if as_of_ms in known
                else max(as_of_ms, served.available_at(reading.published_ms, now_ms))
            )
            kept.append(Observation(series, as_of_ms, available_at_ms, reading.value, source))
    return kept


def events_to_keep(
    events: Iterable[Event], known: EventTimeline, served: Served, now_ms: int
) -> list[KeptEvent]:
    """Those that are new; the first of the same id. Pure."""
    new = {each.event_id: each for each in reversed(list(events)) if each.event_id not in known}
    return [
        KeptEvent(each, max(each.as_of_ms, served.available_at(each.published_ms, now_ms)))
        for each in new.values()
    ]


@dataclass(frozen=True, slots=True)
class Span:
    """From when on memory holds values, and from when on events and the word of who was heard."""

    from_ms: int
    events_from_ms: int

    def of(self, series: str) -> int:
        """From when on memory holds a series."""
        return self.events_from_ms if series.startswith(HEARD_PREFIX) else self.from_ms


class LayerMemory:
    """What a layer knows of the days that its scores look back on.

    It belongs to the event loop; what blocks or computes runs in threads.
    """

    def __init__(self, store: LayerStore) -> None:
        self.store = store
        self.timelines: dict[str, SeriesTimeline] = {}
        self.events = EventTimeline()
        self.served = Served()
        self._span = Span(0, 0)
        self.taking = asyncio.Lock()

    async def load(self, span: Span) -> None:
        """Read what is kept, from the span's moments on."""
        self._span = span
        self.served = await asyncio.to_thread(self.store.served)
        self.timelines = await asyncio.to_thread(
            self.store.timelines, span.from_ms, span.events_from_ms
        )
        events = await asyncio.to_thread(self.store.events, span.events_from_ms)
        self.events = EventTimeline(events)

    async def take(self, batch: Batch, source: str, now: Callable[[], int]) -> int:
        """Keep what is new of a batch: first in the store, then here; how many values that were.

        now: the present moment, in milliseconds. Raises sqlalchemy.exc.SQLAlchemyError, and
        TooLateError for a store that takes minutes; nothing is known then, in the store or here.
        """
        async with self.taking:
            known = await self._with_older(batch)
            for margin_ms in MARGINS_MS:
                try:
                    return await self._write(batch, source, known, now, margin_ms)
                except TooLateError:
                    logger.warning("slow store", extra={"source": source, "margin_ms": margin_ms})
        raise TooLateError

    async def _write(
        self,
        batch: Batch,
        source: str,
        known: Mapping[str, SeriesTimeline],
        now: Callable[[], int],
        margin_ms: int,
    ) -> int:
        now_ms = now()
        served = replace(self.served, margin_ms=margin_ms)
        values = observations_to_keep(batch.readings, source, known, served, now_ms)
        events = events_to_keep(batch.events, self.events, served, now_ms)
        if not values and not events:
            return 0
        stamps = [each.available_at_ms for each in values]
        stamps += [each.available_at_ms for each in events]
        first_live_ms = min((each for each in stamps if each >= now_ms), default=None)

        def in_time() -> bool:
            return first_live_ms is None or now() < first_live_ms

        await asyncio.to_thread(self.store.append, values, events, in_time)
        self.hold(values)
        recent = [each for each in events if each.event.as_of_ms >= self._span.events_from_ms]
        self.events.extend(recent)
        for each in recent:
            if each.event.as_of_ms >= now_ms - NEWS_MS:
                _log_event(each)
        return len(values) + len(recent)

    async def _with_older(self, batch: Batch) -> Mapping[str, SeriesTimeline]:
        """The timelines; whole ones for series of which the batch tells older values than are in
        memory, since what is kept already must not be taken for new."""
        older = {
            each.series for each in batch.readings if each.as_of_ms < self._span.of(each.series)
        }
        if not older:
            return self.timelines
        whole = await asyncio.to_thread(self.store.timelines_of, older)
        return {**self.timelines, **whole}

    def hold(self, values: Sequence[Observation]) -> None:
        """Have values in memory that are in the store already."""
        by_series: dict[str, list[Observation]] = {}
        for value in values:
            if value.as_of_ms >= self._span.of(value.series):
                by_series.setdefault(value.series, []).append(value)
        for series, observations in by_series.items():
            self.timelines.setdefault(series, SeriesTimeline()).extend(observations)

    def forget_before(self, span: Span) -> None:
        """Drop from memory what no score looks back on any more."""
        self._span = span
        for series, timeline in self.timelines.items():
            timeline.forget_before(span.of(series))
        self.events.forget_before(span.events_from_ms)


def _log_event(kept: KeptEvent) -> None:
    event = kept.event
    if isinstance(event, Transfer):
        logger.info(
            "large transfer",
            extra={
                "token": event.token,
                "amount_usd": event.amount_usd,
                "direction": event.direction,
                "tx_hash": event.tx_hash,
            },
        )
    elif isinstance(event, Headline):
        logger.debug("headline", extra={"source": event.source, "title": event.title})
