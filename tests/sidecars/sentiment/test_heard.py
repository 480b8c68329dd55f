"""Headlines held by a layer, read for the rules."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.layer.events import EventTimeline, KeptEvent
from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR
from sidecars.common.sources import Headline
from sidecars.sentiment.heard import LONGEST_SILENCE_MS, Heard, run_starts

AT_MS = 40 * MS_PER_DAY


def headline(
    number: int, as_of_ms: int, assets: tuple[str, ...] = ("BTC",), source: str = "test"
) -> Headline:
    return Headline(f"{source}/{number}", source, as_of_ms, as_of_ms, "title", assets, 0.5, 1.0)


def timeline(moments: list[int], delay_ms: int = 0) -> EventTimeline:
    return EventTimeline(
        KeptEvent(headline(number, moment), moment + delay_ms)
        for number, moment in enumerate(moments)
    )


@given(
    st.lists(st.integers(0, 20 * MS_PER_DAY), max_size=60),
    st.integers(7, 22).map(MS_PER_DAY.__mul__),
)
def test_coverage_equals_the_twin(moments: list[int], at_ms: int) -> None:
    heard = Heard()
    heard.social_of("BTC", timeline(moments).known_at(at_ms), at_ms)
    known = sorted(moment for moment in moments if moment <= at_ms)
    since = None
    if known and at_ms - known[-1] <= LONGEST_SILENCE_MS:
        since = known[-1]
        for moment in reversed(known):
            if since - moment > LONGEST_SILENCE_MS:
                break
            since = moment
    is_covered = since is not None and since <= at_ms - 8 * MS_PER_DAY
    assert heard.covered_at(at_ms) == (["test"] if is_covered else [])


def test_a_week_of_headlines_is_compared_with_the_last_day() -> None:
    hourly = list(range(AT_MS - 9 * MS_PER_DAY, AT_MS, MS_PER_HOUR))
    social = Heard().social_of("BTC", timeline(hourly).known_at(AT_MS), AT_MS)
    assert social is not None
    assert social.day_ratio == pytest.approx(1.0, rel=0.05)
    assert social.polarity == pytest.approx(0.5)


FEEDS = ("a", "b", "c", "d")


def of_feeds(talks: Callable[[str, int], bool]) -> EventTimeline:
    """A headline of each feed every two hours for 20 days, where it talks so many hours ago."""
    return EventTimeline(
        KeptEvent(headline(hours, moment, source=source), moment)
        for source in FEEDS
        for hours in range(1, 20 * 24, 2)
        for moment in (AT_MS - hours * MS_PER_HOUR,)
        if talks(source, hours)
    )


@pytest.mark.parametrize(
    "talks",
    [
        lambda source, hours: source == "a" or hours > 25,
        lambda source, hours: source == "a" or hours <= 24 or hours > 9 * 24,
    ],
    ids=["three died a day ago", "three are back since a day"],
)
def test_feeds_that_fall_silent_or_come_back_make_nothing_louder(
    talks: Callable[[str, int], bool],
) -> None:
    social = Heard().social_of("BTC", of_feeds(talks).known_at(AT_MS), AT_MS)
    assert social is not None
    assert social.day_ratio == pytest.approx(1.0)
    assert social.loudness == pytest.approx(1.0, abs=0.4)


def test_a_feed_takes_part_once_it_was_heard_for_eight_days() -> None:
    timeline = of_feeds(lambda source, hours: source == "a" or hours <= 200)
    heard = Heard()
    heard.social_of("BTC", timeline.known_at(AT_MS), AT_MS)
    assert heard.covered_at(AT_MS) == list(FEEDS)
    assert heard.covered_at(AT_MS - 8 * MS_PER_HOUR) == ["a"]


def test_headlines_that_were_not_known_yet_count_for_nothing() -> None:
    hourly = list(range(AT_MS - 9 * MS_PER_DAY, AT_MS, MS_PER_HOUR))
    late = timeline(hourly, delay_ms=20 * MS_PER_DAY)
    assert Heard().social_of("BTC", late.known_at(AT_MS), AT_MS) is None


def test_new_headlines_are_seen() -> None:
    held = timeline(list(range(AT_MS - 9 * MS_PER_DAY, AT_MS, MS_PER_HOUR)))
    heard = Heard()
    before = heard.social_of("BTC", held.known_at(AT_MS), AT_MS)
    held.extend(
        KeptEvent(headline(10_000 + number, AT_MS - number), AT_MS - number)
        for number in range(100)
    )
    after = heard.social_of("BTC", held.known_at(AT_MS), AT_MS)
    assert before is not None and after is not None
    assert before.day_ratio is not None and after.day_ratio is not None
    assert after.day_ratio > 3 * before.day_ratio


def test_no_moments_no_runs() -> None:
    assert run_starts(np.empty(0, dtype=np.int64)).tolist() == []
