"""Headlines and transfers in memory, by the moment of availability."""

from bisect import bisect_left
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
        self._held = HeldEvents([], _moments(()), _moments(()), frozenset())
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
        held = self._held
        new = [each for each in kept if each.event.event_id not in held.ids]
        if not new:
            return
        # Mostly all that is new is later than what is there: only from its first on is sorted.
        start = bisect_left(held.kept, min(map(_place, new)), key=_place)
        later = sorted([*held.kept[start:], *new], key=_place)
        self._held = HeldEvents(
            [*held.kept[:start], *later],
            np.append(held.available_at_ms[:start], _moments(e.available_at_ms for e in later)),
            np.append(held.as_of_ms[:start], _moments(e.event.as_of_ms for e in later)),
            held.ids.union(each.event.event_id for each in new),
        )

    def forget_before(self, as_of_ms: int) -> None:
        """Drop what speaks of earlier moments."""
        held = self._held
        first = int(np.searchsorted(held.as_of_ms, as_of_ms, side="left"))
        if first:
            self._held = HeldEvents(
                held.kept[first:],
                held.available_at_ms[first:],
                held.as_of_ms[first:],
                held.ids.difference(each.event.event_id for each in held.kept[:first]),
            )

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


def _place(kept: KeptEvent) -> tuple[int, str]:
    return kept.event.as_of_ms, kept.event.event_id


def _moments(moments: Iterable[int]) -> IntArray:
    return np.fromiter(moments, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class EventsKnownAt:
    """What a timeline knew at a moment. Keeps to KnownEvents."""

    timeline: EventTimeline
    at_ms: int

    def since(self, from_as_of_ms: int) -> Sequence[Event]:
        return self.timeline.between(from_as_of_ms, self.at_ms)
