"""What is kept of what a source told, and from when it counts."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from sidecars.common.availability import InTime, Served, always_in_time, live_ms
from sidecars.common.layer.events import EventTimeline, KeptEvent
from sidecars.common.layer.intake import LayerMemory, Span, events_to_keep, observations_to_keep
from sidecars.common.layer.store import LayerStore
from sidecars.common.observations import KnownAt, Observation, Reading, SeriesTimeline
from sidecars.common.sources import Batch
from tests.sidecars.common.layer.toy_layer import transfer

NOW_MS = 1_000_000


def kept(readings: list[Reading], known: list[Observation], served: Served) -> list[Observation]:
    return observations_to_keep(readings, "toy", {"level": SeriesTimeline(known)}, served, NOW_MS)


def test_a_known_value_is_not_kept_again() -> None:
    known = [Observation("level", 10, 20, 5.0, "toy")]
    assert kept([Reading("level", 10, 10, 5.0)], known, Served()) == []


def test_another_value_for_a_known_moment_counts_from_now() -> None:
    known = [Observation("level", 10, 20, 5.0, "toy")]
    (correction,) = kept([Reading("level", 10, 10, 6.0)], known, Served())
    assert correction.available_at_ms == live_ms(NOW_MS)


def test_another_source_corrects_no_word_that_stands() -> None:
    known = [Observation("level", 10, 20, 5.0, "file")]
    assert kept([Reading("level", 10, 10, 6.0)], known, Served()) == []
    (new,) = kept([Reading("level", 10, 10, 6.0), Reading("level", 11, 11, 6.5)], known, Served())
    assert (new.as_of_ms, new.value) == (11, 6.5)


@given(st.lists(st.tuples(st.sampled_from(["file", "api"]), st.integers(0, 3)), max_size=20))
def test_of_each_moment_the_first_teller_alone_corrects(told: list[tuple[str, int]]) -> None:
    """Against a twin that keeps nothing but the first teller's word."""
    timeline, words = SeriesTimeline(), list[float]()
    for number, (source, value) in enumerate(told):
        readings = [Reading("level", 10, 10, float(value))]
        now_ms = NOW_MS + number * 10_000
        new = observations_to_keep(readings, source, {"level": timeline}, Served(), now_ms)
        timeline.extend(new)
        if source == told[0][0] and words[-1:] != [value]:
            words.append(value)
        assert timeline.window(0, 1 << 62).value.tolist() == words[-1:]
    assert len(timeline) == len(words)


def test_the_past_counts_from_its_publication_unless_it_was_answered() -> None:
    readings = [Reading("level", moment, moment, 1.0) for moment in (10, 500, 700, 900_000)]
    found = kept(readings, [], Served(400, 600, 800_000))
    assert [each.available_at_ms for each in found] == [10, live_ms(NOW_MS), 700, live_ms(NOW_MS)]


readings_lists = st.lists(
    st.builds(
        lambda as_of, delay, value: Reading("level", as_of, as_of + delay, float(value)),
        st.integers(0, 900_000),
        st.integers(0, 50_000),
        st.integers(0, 5),
    ),
    max_size=30,
)


@given(readings_lists, readings_lists, st.integers(0, NOW_MS))
def test_a_second_batch_never_changes_what_was_known_in_an_answered_past(
    first: list[Reading], second: list[Reading], at_ms: int
) -> None:
    served = Served(0, NOW_MS - 1, NOW_MS - 1)
    known = observations_to_keep(first, "toy", {}, Served(), NOW_MS - 10)
    more = observations_to_keep(second, "toy", {"level": SeriesTimeline(known)}, served, NOW_MS)
    before = KnownAt({"level": SeriesTimeline(known)}, at_ms)
    after = KnownAt({"level": SeriesTimeline([*known, *more])}, at_ms)
    assert before.latest("level") == after.latest("level")
    assert before.window("level", 0).value.tolist() == after.window("level", 0).value.tolist()


def test_an_event_is_kept_once() -> None:
    known = EventTimeline([KeptEvent(transfer("a", 10), 20)])
    found = events_to_keep(
        [transfer("a", 10), transfer("b", 30), transfer("b", 30)], known, Served(), 50
    )
    assert [each.event.event_id for each in found] == ["b"]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=30), st.integers(0, 80))
def test_events_known_at_a_moment_equal_the_twin(
    moments: list[tuple[int, int]], at_ms: int
) -> None:
    events = [
        KeptEvent(transfer(str(number), as_of), as_of + delay)
        for number, (as_of, delay) in enumerate(moments)
    ]
    timeline = EventTimeline(events)
    expected = sorted(
        each.event.event_id
        for each in events
        if each.event.as_of_ms >= 7 and each.available_at_ms <= at_ms
    )
    assert sorted(each.event_id for each in timeline.known_at(at_ms).since(7)) == expected


async def test_values_older_than_memory_are_compared_with_the_store(tmp_path: Path) -> None:
    store = LayerStore(f"sqlite:///{tmp_path}/toy.sqlite")
    memory = LayerMemory(store)
    await memory.load(Span(0, 0))
    batch = Batch([Reading("level", 10, 10, 5.0), Reading("level", 900, 900, 6.0)])
    assert await memory.take(batch, "toy", lambda: NOW_MS) == 2
    again = LayerMemory(store)
    await again.load(Span(500, 500))
    assert len(again.timelines["level"]) == 1
    assert await again.take(batch, "toy", lambda: NOW_MS + 5) == 0
    changed = Batch([Reading("level", 10, 10, 7.0)])
    assert await again.take(changed, "toy", lambda: NOW_MS + 5) == 1
    rows = store.observations_between("level", 0, 10**15, 10)
    assert [(each.as_of_ms, each.value) for each in rows] == [(10, 5.0), (900, 6.0), (10, 7.0)]
    assert rows[-1].available_at_ms == live_ms(NOW_MS + 5)
    store.close()


class FullStore(LayerStore):
    """A store on a disk that is full."""

    def append(
        self,
        values: Sequence[Observation],
        events: Sequence[KeptEvent],
        in_time: InTime = always_in_time,
    ) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))


async def test_a_store_that_fails_leaves_memory_as_it_was(tmp_path: Path) -> None:
    store = FullStore(f"sqlite:///{tmp_path}/toy.sqlite")
    memory = LayerMemory(store)
    await memory.load(Span(0, 0))
    with pytest.raises(OperationalError):
        await memory.take(Batch([Reading("level", 10, 10, 5.0)]), "toy", lambda: NOW_MS)
    assert memory.timelines == {}
    store.close()
