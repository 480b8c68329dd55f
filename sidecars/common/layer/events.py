"""Headlines and transfers in memory, by the moment of availability."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sidecars.common.observations import IntArray
from sidecars.common.sources import Event


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event with the moment from which it was known."""

    event: Event
    available_at_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class HeldEvents:
    """Events by as_of; replaced as a whole, so that a thread that reads sees either."""

    kept: Sequence[KeptEvent]
    available_at_ms: IntArray
    as_of_ms: IntArray
    ids: frozenset[str]


class EventTimeline:
    """All events of a layer."""

    def __init__(self, kept: Iterable[KeptEvent] = ()) -> None:
        self._hold([])
        self.extend(kept)

    @property
    def held(self) -> HeldEvents:
        """The content as it is now: another object once it changes."""
        return self._held

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._held.ids

    def __len__(self) -> int:
        return len(self._held.kept)

    def extend(self, kept: Iterable[KeptEvent]) -> None:
        """Take more in, in any order; an event that is there already stays as it was."""
        new = [each for each in kept if each.event.event_id not in self._held.ids]
        if new:
            self._hold([*self._held.kept, *new])

    def forget_before(self, as_of_ms: int) -> None:
        """Drop what speaks of earlier moments."""
        remaining = [each for each in self._held.kept if each.event.as_of_ms >= as_of_ms]
        if len(remaining) < len(self._held.kept):
            self._hold(remaining)

    def known_at(self, at_ms: int) -> "EventsKnownAt":
        return EventsKnownAt(self, at_ms)

    def between(self, from_as_of_ms: int, at_ms: int) -> list[Event]:
        """Events with as_of_ms >= from_as_of_ms that were available at the moment, by as_of_ms."""
        held = self._held
        start = int(np.searchsorted(held.as_of_ms, from_as_of_ms, side="left"))
        # Nothing is available before it is as of.
        end = int(np.searchsorted(held.as_of_ms, at_ms, side="right"))
        known = held.available_at_ms[start:end] <= at_ms
        return [held.kept[start + place].event for place in np.flatnonzero(known).tolist()]

    def _hold(self, kept: list[KeptEvent]) -> None:
        kept = sorted(kept, key=lambda each: (each.event.as_of_ms, each.event.event_id))
        self._held = HeldEvents(
            kept,
            np.array([each.available_at_ms for each in kept], dtype=np.int64),
            np.array([each.event.as_of_ms for each in kept], dtype=np.int64),
            frozenset(each.event.event_id for each in kept),
        )


@dataclass(frozen=True, slots=True)
class EventsKnownAt:
    """What a timeline knew at a moment. Keeps to KnownEvents."""

    timeline: EventTimeline
    at_ms: int

    def since(self, from_as_of_ms: int) -> Sequence[Event]:
        return self.timeline.between(from_as_of_ms, self.at_ms)
