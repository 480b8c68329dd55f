"""Mentions and mood against a slow twin, on random headlines."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR
from sidecars.common.sources import Headline
from sidecars.sentiment.social import (
    BURST_HOURS,
    HeadlineColumns,
    SocialReading,
    social_reading,
)

AT_MS = 1_700_000_000_000
READ = ("test",)


def headline(
    hours_ago: float,
    assets: str = "BTC",
    polarity: float = 0.0,
    reach: float = 1.0,
    name: str = "",
    source: str = "test",
) -> Headline:
    as_of_ms = AT_MS - round(hours_ago * MS_PER_HOUR)
    key = name or f"{source}/{hours_ago}/{assets}/{polarity}/{reach}"
    return Headline(
        key, source, as_of_ms, as_of_ms, "title", tuple(sorted(assets.split())), polarity, reach
    )


def naive(
    headlines: Sequence[Headline], asset: str, at_ms: int, covered: Collection[str]
) -> SocialReading:
    """As the words say it, headline by headline."""

    def own(from_ms: int, to_ms: int) -> list[Headline]:
        counted = [h for h in headlines if h.source in covered]
        return [h for h in counted if asset in h.assets and from_ms < h.as_of_ms <= to_ms]

    def mentions_and_ratio(span_ms: int) -> tuple[float, float | None]:
        mentions = sum(h.reach for h in own(at_ms - span_ms, at_ms))
        week_start_ms = at_ms - span_ms - 7 * MS_PER_DAY
        week = own(week_start_ms, at_ms - span_ms)
        spans = 7 * MS_PER_DAY / span_ms
        if len(week) < spans:
            return mentions, None
        return mentions, mentions / (sum(h.reach for h in week) / spans)

    weights = [
        (h, h.reach * (1.0 if h.assets else 0.5))
        for h in headlines
        if at_ms - MS_PER_DAY < h.as_of_ms <= at_ms and (asset in h.assets or not h.assets)
    ]
    total = sum(weight for _, weight in weights)
    hours, hours_ratio = mentions_and_ratio(BURST_HOURS * MS_PER_HOUR)
    day, day_ratio = mentions_and_ratio(MS_PER_DAY)
    seen = [h for h in headlines if at_ms - 8 * MS_PER_DAY < h.as_of_ms <= at_ms]
    speaking = [h for h in seen if h.source in covered] or seen
    return SocialReading(
        mentions_last_hours=hours,
        ratio_hours_to_week=hours_ratio,
        mentions_last_day=day,
        ratio_day_to_week=day_ratio,
        polarity=sum(h.polarity * weight for h, weight in weights) / total if weights else None,
        count=len(weights),
        count_last_hours=len(own(at_ms - BURST_HOURS * MS_PER_HOUR, at_ms)),
        newest_as_of_ms=max((h.as_of_ms for h in speaking), default=None),
    )


def assert_same(one: SocialReading, other: SocialReading) -> None:
    for name in SocialReading.__slots__:
        left, right = getattr(one, name), getattr(other, name)
        if isinstance(left, float) and isinstance(right, float):
            assert math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12), name
        else:
            assert left == right, name


HEADLINES = st.lists(
    st.builds(
        headline,
        st.one_of(
            st.sampled_from([-1.0, 0.0, 3.0, 24.0, 171.0, 192.0]),
            st.integers(0, 200 * 60).map(lambda minutes: minutes / 60),
        ),
        st.sampled_from(["", "BTC", "BTC ETH", "ETH", "SOL"]),
        st.sampled_from([-0.8, -0.1, 0.0, 0.3, 1.0]),
        st.sampled_from([0.2, 1.0, 2.5]),
        st.just(""),
        st.sampled_from(["test", "other", "third"]),
    ),
    max_size=120,
)
COVERAGE = st.sets(st.sampled_from(["test", "other", "unheard"]))


@given(HEADLINES, st.sampled_from(["BTC", "ETH", "XRP"]), COVERAGE)
def test_equals_its_slow_twin(headlines: list[Headline], asset: str, covered: set[str]) -> None:
    expected = naive(headlines, asset, AT_MS, covered)
    assert_same(HeadlineColumns(headlines).reading(asset, AT_MS, covered), expected)
    assert_same(social_reading(headlines, asset, AT_MS, covered), expected)


@given(HEADLINES, st.lists(st.integers(0, 6), min_size=120, max_size=120))
def test_sees_only_what_was_available(headlines: list[Headline], delays_h: list[int]) -> None:
    available = [
        each.as_of_ms + delay * MS_PER_HOUR
        for each, delay in zip(headlines, delays_h, strict=False)
    ]
    known = [each for each, ms in zip(headlines, available, strict=True) if ms <= AT_MS]
    reading = HeadlineColumns(headlines, available).reading("BTC", AT_MS, READ)
    assert_same(reading, naive(known, "BTC", AT_MS, READ))


def steady(each_hours: float, assets: str = "BTC") -> list[Headline]:
    return [headline(n * each_hours + 0.5, assets) for n in range(int(200 / each_hours))]


def test_a_steady_stream_is_as_loud_as_its_week() -> None:
    reading = social_reading(steady(1.0), "BTC", AT_MS, READ)
    assert reading.ratio_day_to_week == pytest.approx(1.0)
    assert reading.ratio_hours_to_week == pytest.approx(1.0)


def test_a_spike_is_loud_by_its_reach() -> None:
    spike = [headline(0.1 * n, reach=2.0, name=str(n)) for n in range(6)]
    reading = social_reading([*steady(1.0), *spike], "BTC", AT_MS, READ)
    assert reading.ratio_hours_to_week == pytest.approx((3 + 12) / 3)
    assert reading.count_last_hours == 9


@pytest.mark.parametrize(
    "talks", [lambda h: h > 24, lambda h: h <= 24], ids=["silent for a day", "back for a day"]
)
def test_sources_that_are_not_covered_change_no_ratio(talks: Callable[[float], bool]) -> None:
    others = [
        replace(each, event_id=f"{source}/{each.event_id}", source=source)
        for source in ("dead", "small", "new")
        for each in steady(1.0)
        if talks((AT_MS - each.as_of_ms) / MS_PER_HOUR)
    ]
    alone = social_reading(steady(1.0), "BTC", AT_MS, READ)
    reading = social_reading([*steady(1.0), *others], "BTC", AT_MS, READ)
    assert reading.ratio_day_to_week == alone.ratio_day_to_week == pytest.approx(1.0)
    assert reading.ratio_hours_to_week == alone.ratio_hours_to_week == pytest.approx(1.0)
    assert reading.mentions_last_day == 24


def test_too_little_coverage_or_talk_is_no_ratio() -> None:
    uncovered = social_reading(steady(1.0), "BTC", AT_MS, ())
    assert (uncovered.ratio_hours_to_week, uncovered.ratio_day_to_week) == (None, None)
    rare = social_reading(steady(4.0), "BTC", AT_MS, READ)
    assert rare.ratio_hours_to_week is None  # one headline would be a spike
    assert rare.ratio_day_to_week == pytest.approx(1.0)
    silent = social_reading([headline(1.0)], "BTC", AT_MS, READ)
    assert (silent.mentions_last_hours, silent.ratio_day_to_week) == (1.0, None)


def test_the_market_counts_half_for_the_mood_and_nothing_for_mentions() -> None:
    reading = social_reading(
        [headline(1, "BTC", 0.6), headline(2, "", -0.6), headline(3, "ETH", -1.0)],
        "BTC",
        AT_MS,
        READ,
    )
    assert reading.polarity == pytest.approx((0.6 - 0.3) / 1.5)
    assert (reading.mentions_last_day, reading.count) == (1.0, 2)


def test_nothing_said_is_unknown_and_not_neutral() -> None:
    reading = social_reading([headline(1, "ETH", 0.5)], "BTC", AT_MS, READ)
    assert reading.polarity is None and reading.count == 0
    assert reading.newest_as_of_ms == AT_MS - MS_PER_HOUR
    assert social_reading([], "BTC", AT_MS, READ).newest_as_of_ms is None


def test_moments_must_match_headlines() -> None:
    with pytest.raises(ValueError, match="1 moments for 0 headlines"):
        HeadlineColumns([], [AT_MS])
