"""Timelines of series against a slow, obvious twin."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.observations import KnownAt, Observation, SeriesTimeline

NAME = "fear_greed"


def twin_window(
    observations: Sequence[Observation], from_as_of_ms: int, at_ms: int
) -> list[tuple[int, float]]:
    """Of each as_of the value with the latest availability among those available."""
    values: dict[int, tuple[int, float]] = {}
    for each in observations:
        if each.available_at_ms <= at_ms and each.as_of_ms >= from_as_of_ms:
            before = values.get(each.as_of_ms)
            if before is None or each.available_at_ms >= before[0]:
                values[each.as_of_ms] = (each.available_at_ms, each.value)
    return [(as_of, value) for as_of, (_, value) in sorted(values.items())]


@st.composite
def observation_lists(draw: st.DrawFn) -> list[Observation]:
    """Observations with doubled as_of and late corrections, each (as_of, available) once."""
    moments = draw(
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20)), max_size=40, unique=True)
    )
    return [
        Observation(NAME, as_of, as_of + delay, float(number), "test")
        for number, (as_of, delay) in enumerate(moments)
    ]


@given(observation_lists(), st.integers(-5, 60), st.integers(-5, 40), st.integers(1, 40))
def test_window_and_latest_equal_the_twin(
    observations: list[Observation], at_ms: int, from_ms: int, split: int
) -> None:
    timeline = SeriesTimeline(observations[:split])
    timeline.extend(observations[split:])
    window = timeline.window(from_ms, at_ms)
    expected = twin_window(observations, from_ms, at_ms)
    assert list(zip(window.as_of_ms.tolist(), window.value.tolist(), strict=True)) == expected
    everything = twin_window(observations, -1000, at_ms)
    latest = timeline.latest(NAME, at_ms)
    if everything:
        assert latest is not None
        assert (latest.as_of_ms, latest.value) == everything[-1]
    else:
        assert latest is None


@given(observation_lists(), st.integers(0, 50))
def test_cutting_off_the_future_changes_no_answer(
    observations: list[Observation], at_ms: int
) -> None:
    whole = KnownAt({NAME: SeriesTimeline(observations)}, at_ms)
    cut = [each for each in observations if each.available_at_ms <= at_ms]
    past = KnownAt({NAME: SeriesTimeline(cut)}, at_ms)
    assert whole.latest(NAME) == past.latest(NAME)
    assert whole.window(NAME, 5).value.tolist() == past.window(NAME, 5).value.tolist()


@given(observation_lists(), st.integers(0, 40), st.integers(0, 60))
def test_forgetting_leaves_later_answers_as_they_were(
    observations: list[Observation], forget_ms: int, at_ms: int
) -> None:
    timeline = SeriesTimeline(observations)
    timeline.forget_before(forget_ms)
    expected = twin_window(observations, forget_ms, at_ms)
    window = timeline.window(0, at_ms)
    assert list(zip(window.as_of_ms.tolist(), window.value.tolist(), strict=True)) == expected


def test_an_unknown_series_is_no_value() -> None:
    known = KnownAt({}, 10)
    assert known.latest("nothing") is None
    assert len(known.window("nothing", 0)) == 0


def test_a_correction_is_seen_only_once_it_is_available() -> None:
    timeline = SeriesTimeline(
        [Observation(NAME, 10, 12, 1.0, "a"), Observation(NAME, 10, 20, 2.0, "a")]
    )
    before, after = timeline.latest(NAME, 19), timeline.latest(NAME, 20)
    assert before is not None and after is not None
    assert (before.value, after.value) == pytest.approx((1.0, 2.0))
