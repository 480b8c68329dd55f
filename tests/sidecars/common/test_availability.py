"""From when something counts as available."""

from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.availability import LIVE_MARGIN_MS, Served, live_ms

moments = st.integers(0, 10_000_000)


@given(moments)
def test_live_is_one_to_two_seconds_ahead_and_a_whole_second(now_ms: int) -> None:
    assert LIVE_MARGIN_MS <= live_ms(now_ms) - now_ms < LIVE_MARGIN_MS + 1000
    assert live_ms(now_ms) % 1000 == 0


@given(moments, moments, moments, moments, moments)
def test_nothing_becomes_known_in_a_past_that_was_answered(
    published_ms: int, now_ms: int, first_ms: int, length: int, since: int
) -> None:
    served = Served(first_ms, first_ms + length, since)
    available_ms = served.available_at(published_ms, now_ms)
    assert available_ms >= published_ms
    was_answered = first_ms <= available_ms <= min(first_ms + length, now_ms)
    is_answered = since <= available_ms <= now_ms
    assert not was_answered
    assert not is_answered


def test_a_service_that_never_answered_takes_the_publication() -> None:
    assert Served().available_at(5_000, 90_000) == 5_000


def test_what_is_published_later_waits_for_it() -> None:
    assert Served().available_at(500_000, 90_000) == 500_000
