"""What people say: every number of the formula, no jump, and silence that is no quiet."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR
from sidecars.sentiment.crowd import SocialInput, headline_input, strength
from sidecars.sentiment.social import SocialReading
from tests.sidecars.sentiment.sentiment_rig import (
    NO_EVENTS,
    NOW,
    WEDNESDAY,
    judged,
    known,
    scorer,
    strengths,
)


@pytest.mark.parametrize(
    ("loudness", "polarity", "burst", "day", "long", "short"),
    [
        ("spike, glad", 0.3, 4.0, 3.5, 75, 25),
        ("spike that lasts, bad: capitulation", -0.3, 3.2, 4.0, 80, 20),
        ("spike that breaks, bad: viral bad news", -0.3, 6.0, 2.0, 20, 85),
        ("spike without a day to compare, bad", -0.3, 6.0, None, 20, 85),
        ("spike, no mood", 0.0, 4.0, 4.0, 65, 35),
        ("slow growth", 0.0, 1.8, 2.0, 65, 35),
        ("slow growth, glad", 0.3, 2.0, 1.6, 65, 35),
        ("growth of bad talk", -0.3, 2.0, 1.6, 50, 50),
        ("quiet", 0.3, 0.4, 0.9, 50, 50),
        ("nobody speaks of it", None, 0.0, 0.0, 50, 50),
    ],
)
def test_social_numbers(
    loudness: str,
    polarity: float | None,
    burst: float,
    day: float | None,
    long: float,
    short: float,
) -> None:
    social = SocialInput(NOW, burst, day, polarity)
    assert strengths(judged("social", {}, social=social)) == pytest.approx((long, short)), loudness


ratios = st.floats(0, 20)
moods = st.floats(-1, 1)
shares = st.floats(0, 1)


@given(ratios, moods, shares, st.sampled_from((0, 1, 2)))
def test_social_never_jumps_and_stays_within_bounds(
    ratio: float, mood: float, breaking: float, which: int
) -> None:
    moved = [ratio, mood, breaking]
    moved[which] += 1e-7
    before, after = strength(ratio, mood, breaking), strength(*moved)
    for left, right in zip(before, after, strict=True):
        assert 0 <= left <= 100
        assert abs(left - right) < 1e-3


@given(st.floats(3.01, 20), shares, shares)
def test_breaking_bad_news_is_worse_the_fresher_it_is(
    ratio: float, first: float, second: float
) -> None:
    lasting, breaking = (strength(ratio, -1.0, each) for each in sorted((first, second)))
    assert lasting[0] >= breaking[0]
    assert lasting[1] <= breaking[1]


def test_social_of_unknown_mood_says_nothing_of_a_spike() -> None:
    days = [(WEDNESDAY - day * MS_PER_DAY, 100.0) for day in range(8, 0, -1)]
    quiet = {"social_volume:ETH": [*days, (WEDNESDAY, 80.0)]}
    assert judged("social", quiet).long == 50.0
    spike = judged("social", {"social_volume:ETH": [*days, (WEDNESDAY, 500.0)]})
    assert spike.long is None
    assert spike.reason == "social 5.0 x its mean, but not known in which mood"
    # Where headlines are too few to count they may still tell the mood.
    glad = SocialInput(NOW, None, None, 0.4)
    mixed = {"social_volume:ETH": [*days, (WEDNESDAY, 500.0)]}
    assert strengths(judged("social", mixed, social=glad)) == (75.0, 25.0)
    assert judged("social", {"social_volume:ETH": [(WEDNESDAY, 80.0)]}).long is None


def test_sources_that_fell_silent_are_no_quiet() -> None:
    silent = SocialInput(NOW - 49 * MS_PER_HOUR, 0.0, 0.0, None)
    assert judged("social", {}, social=silent).long is None


@pytest.mark.parametrize(("mentions", "long"), [(2, 50.0), (3, 20.0)])
def test_a_spike_takes_more_than_a_few_mentions(mentions: int, long: float) -> None:
    reading = SocialReading(
        mentions_last_hours=mentions,
        ratio_hours_to_week=9.0,
        mentions_last_day=mentions,
        ratio_day_to_week=4.0,
        polarity=-0.6,
        count=mentions,
        count_last_hours=mentions,
        newest_as_of_ms=NOW,
    )
    score = judged("social", {}, social=headline_input(reading))
    assert (score.long, score.readings["day_ratio"]) == (long, 4.0)
    assert headline_input(replace(reading, newest_as_of_ms=None)) is None


def test_derived_series() -> None:
    social = SocialInput(NOW, 2.0, 1.4, -0.1)
    derived = scorer(social).derived("BTC", known({}), NO_EVENTS)
    assert derived == {"social_ratio:BTC": 1.4, "social_polarity:BTC": -0.1}
    assert scorer().derived("BTC", known({}), NO_EVENTS) == {}
