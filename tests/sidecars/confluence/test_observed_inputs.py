"""What a record may know of observations: freshness, strictly before, corrections, the mean of
funding; each fast function against a slow, obvious twin."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, Observation, SeriesTimeline
from sidecars.confluence.observed import (
    FEAR_GREED,
    FUNDING,
    asset_of,
    funding_mean,
    latest_before,
    market_observed,
    pair_observed,
)

DAY = MS_PER_DAY
CLOSE = 20_000 * DAY
HOUR = MS_PER_HOUR


def seen(series: str, as_of: int, available: int, value: float) -> Observation:
    return Observation(series, as_of, available, value, "test")


def fear_greed_at(moment: int, *observations: Observation) -> float:
    timelines = {FEAR_GREED: SeriesTimeline(observations)}
    return float(market_observed(timelines, np.array([moment]))["fear_greed"][0])


def test_what_is_published_at_the_close_itself_is_read_a_day_later() -> None:
    yesterday = seen(FEAR_GREED, CLOSE - DAY, CLOSE - DAY, 30.0)
    today = seen(FEAR_GREED, CLOSE, CLOSE, 60.0)
    assert fear_greed_at(CLOSE, yesterday, today) == 30.0
    assert fear_greed_at(CLOSE + 1, yesterday, today) == 60.0
    timelines = {FEAR_GREED: SeriesTimeline([yesterday, today])}
    days = np.array([CLOSE, CLOSE + DAY, CLOSE + 2 * DAY])
    assert market_observed(timelines, days)["fear_greed"].tolist() == [30.0, 60.0, 60.0]


def test_a_value_says_something_for_so_many_hours() -> None:
    old = seen(FEAR_GREED, CLOSE - 48 * HOUR, CLOSE - 48 * HOUR, 22.0)
    assert fear_greed_at(CLOSE, old) == 22.0
    assert math.isnan(fear_greed_at(CLOSE + 1, old))
    social = seen("social_ratio:ETH", CLOSE - 48 * HOUR, CLOSE - 40 * HOUR, 2.5)
    whales = seen("whales_accumulating:ETH", CLOSE - 72 * HOUR, CLOSE - 60 * HOUR, 1.0)
    timelines = {each.series: SeriesTimeline([each]) for each in (social, whales)}
    found = pair_observed("ETH/USDT", timelines, np.array([CLOSE, CLOSE + 1]))
    np.testing.assert_array_equal(found["social_ratio"], [2.5, np.nan])
    np.testing.assert_array_equal(found["whales_accumulating"], [1.0, np.nan])
    other = pair_observed("BTC/USDT", timelines, np.array([CLOSE]))
    assert np.isnan(other["social_ratio"]).all()
    assert np.isnan(other["whales_accumulating"]).all()


def test_a_correction_counts_from_when_it_was_known() -> None:
    first = seen(FEAR_GREED, CLOSE - DAY, CLOSE - DAY, 30.0)
    corrected = seen(FEAR_GREED, CLOSE - DAY, CLOSE + HOUR, 70.0)
    assert fear_greed_at(CLOSE, first, corrected) == 30.0
    assert fear_greed_at(CLOSE + HOUR, first, corrected) == 30.0
    assert fear_greed_at(CLOSE + HOUR + 1, first, corrected) == 70.0


@pytest.mark.parametrize(
    ("pair", "asset"), [("BTC/USDT", "BTC"), ("eth/usdt", "ETH"), ("BTC/USDT:USDT", "BTC")]
)
def test_the_coin_of_a_pair(pair: str, asset: str) -> None:
    assert asset_of(pair) == asset


observations = st.lists(
    st.builds(
        lambda as_of, delay, value: seen(FUNDING, as_of, as_of + delay, value),
        st.integers(0, 30 * 24).map(lambda hours: CLOSE + hours * HOUR),
        st.sampled_from([0, 0, 0, HOUR, 30 * HOUR]),
        st.floats(-0.5, 0.5),
    ),
    max_size=60,
    unique_by=lambda each: (each.as_of_ms, each.available_at_ms),
)
moments = st.lists(st.integers(-1, 34).map(lambda day: CLOSE + day * DAY), min_size=1, max_size=12)


def latest_by_hand(known: list[Observation], moment: int, max_age: int) -> float:
    there = [each for each in known if each.available_at_ms < moment]
    last = max(there, key=lambda each: (each.as_of_ms, each.available_at_ms), default=None)
    return math.nan if last is None or moment - last.as_of_ms > max_age else last.value


@given(known=observations, asked=moments)
def test_the_latest_value_equals_the_twin(known: list[Observation], asked: list[int]) -> None:
    asked = sorted(asked)
    found = latest_before(SeriesTimeline(known), np.array(asked), 48 * HOUR)
    expected = [latest_by_hand(known, moment, 48 * HOUR) for moment in asked]
    np.testing.assert_array_equal(found, expected)


def funding_by_hand(known: list[Observation], moment: int) -> float:
    by_as_of: dict[int, float] = {}
    for each in sorted(known, key=lambda each: each.available_at_ms):
        if each.available_at_ms < moment and moment - 7 * DAY <= each.as_of_ms < moment:
            by_as_of[each.as_of_ms] = each.value
    days: dict[int, list[float]] = {}
    for as_of, value in by_as_of.items():
        days.setdefault(as_of // DAY, []).append(value)
    if len(days) < 5:
        return math.nan
    return sum(sum(values) / len(values) for values in days.values()) / len(days)


@given(known=observations, asked=moments)
def test_the_mean_of_funding_equals_the_twin(known: list[Observation], asked: list[int]) -> None:
    found = funding_mean(SeriesTimeline(known), np.array(asked))
    expected = [funding_by_hand(known, moment) for moment in asked]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_funding_of_settlements_and_of_days_are_read_alike() -> None:
    settlements = [
        seen(FUNDING, CLOSE - 7 * DAY + step * 8 * HOUR, CLOSE - 7 * DAY + step * 8 * HOUR, 0.01)
        for step in range(21)
    ]
    daily = [seen(FUNDING, CLOSE - day * DAY, CLOSE - day * DAY, 0.01) for day in range(1, 8)]
    for known in (settlements, daily):
        assert funding_mean(SeriesTimeline(known), np.array([CLOSE]))[0] == pytest.approx(0.01)
        # Without the first two days five are left, without the first three four.
        assert not np.isnan(funding_mean(SeriesTimeline(known), np.array([CLOSE + 2 * DAY]))[0])
        assert np.isnan(funding_mean(SeriesTimeline(known), np.array([CLOSE + 3 * DAY]))[0])


def test_a_settlement_at_the_close_itself_belongs_to_the_next_record() -> None:
    days = [seen(FUNDING, CLOSE - day * DAY, CLOSE - day * DAY, 0.0) for day in range(1, 8)]
    at_close = seen(FUNDING, CLOSE, CLOSE, 7.0)
    found = funding_mean(SeriesTimeline([*days, at_close]), np.array([CLOSE, CLOSE + DAY]))
    assert found.tolist() == [0.0, 1.0]


def test_nothing_known_is_nan_and_never_a_number() -> None:
    asked = np.array([CLOSE, CLOSE + DAY])
    for values in (*market_observed({}, asked).values(), *pair_observed("A/B", {}, asked).values()):
        assert np.isnan(values).all()
