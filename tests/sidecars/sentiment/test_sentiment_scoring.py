"""The sentiment score: fear & greed, the whole by hand, bounds, and what is missing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.layer.scorer import Scorer
from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE
from sidecars.sentiment.crowd import SocialInput
from sidecars.sentiment.scoring import FEAR_GREED_STRENGTH
from tests.sidecars.sentiment.sentiment_rig import (
    NO_EVENTS,
    NOW,
    WEDNESDAY,
    Values,
    closes,
    judged,
    known,
    scored,
    scorer,
    strengths,
    weeks,
)


@pytest.mark.parametrize(
    ("index", "long"),
    [(0, 90), (22, 76.8), (24, 75.6), (26, 69.5), (35, 65), (44, 60.5), (46, 50), (50, 50),
     (54, 50), (56, 40), (65, 40), (74, 40), (76, 24.6), (100, 15)],
)  # fmt: skip
def test_fear_and_greed_is_contrarian(index: float, long: float) -> None:
    score = judged("fear_greed", {"fear_greed": [(WEDNESDAY, index)]})
    assert strengths(score) == pytest.approx((long, 100 - long))
    assert score.freshness == 1.0


@given(st.floats(0, 100), st.floats(0, 100))
def test_more_greed_is_never_better_for_longs(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert FEAR_GREED_STRENGTH(low) >= FEAR_GREED_STRENGTH(high)


def test_fear_and_greed_in_words_and_its_age() -> None:
    score = judged("fear_greed", {"fear_greed": [(NOW - 51 * MS_PER_HOUR, 22)]})
    assert score.reason == "fear & greed 22 (extreme fear): contrarian long"
    assert score.freshness == pytest.approx(0.6)
    assert judged("fear_greed", {"fear_greed": [(NOW - 8 * MS_PER_DAY, 22)]}).long is None


@pytest.mark.parametrize("border", [25.0, 45.0, 55.0, 75.0])
def test_no_jump_at_a_threshold_of_fear_and_greed(border: float) -> None:
    around = [FEAR_GREED_STRENGTH(border + step) for step in (-1e-9, 0.0, 1e-9)]
    assert max(around) - min(around) < 1e-6


EVERYTHING: dict[str, Values] = {
    **weeks((55, 53), (2.0e12, 2.3e12)),
    **closes(sp500=(5000.0, 5050.0), dollar_index=(105.0, 104.0), us10y_yield_pct=(4.5, 4.3)),
    "fear_greed": [(WEDNESDAY, 10.0)],
}
LOUD = SocialInput(NOW, 4.0, 4.0, 0.5)


def test_the_whole_by_hand() -> None:
    score = scored(EVERYTHING, social=LOUD)
    assert score.long == pytest.approx(0.2 * 84 + 0.3 * 75 + 0.3 * 80 + 0.2 * 75)
    assert score.short == pytest.approx(0.2 * 16 + 0.3 * 25 + 0.3 * 30 + 0.2 * 25)
    assert score.confidence == pytest.approx(1.0)
    assert score.regime == "RISK_ON"
    assert len(score.reasons) == 3
    keeps: Scorer = scorer()
    assert keeps.formula == "sentiment-1+test"


@pytest.mark.parametrize(
    ("without", "weight"),
    [("fear_greed", 0.2), ("btc_dominance_pct", 0.3), ("total_market_cap_usd", 0.3)],
)
def test_what_is_missing_lowers_the_confidence(without: str, weight: float) -> None:
    series = {name: values for name, values in EVERYTHING.items() if name != without}
    score = scored(series, social=LOUD)
    assert score.confidence == pytest.approx(1.0 - weight)


def test_nothing_known_is_no_score() -> None:
    score = scored({})
    assert (score.long, score.short, score.confidence, score.regime) == (None, None, 0.0, None)
    assert all(each.reason for each in score.sub_scores)


values = st.lists(
    st.tuples(st.integers(0, 12 * 24 * 4), st.floats(0.01, 100)), max_size=12,
    unique_by=lambda each: each[0],
)  # fmt: skip
names = ("fear_greed", "btc_dominance_pct", "total_market_cap_usd", "sp500", "dollar_index",
         "us10y_yield_pct", "btc_price_usd")  # fmt: skip
socials = st.none() | st.builds(
    SocialInput,
    st.integers(NOW - 3 * MS_PER_DAY, NOW),
    st.none() | st.floats(0, 20),
    st.none() | st.floats(0, 20),
    st.none() | st.floats(-1, 1),
)


@given(st.fixed_dictionaries({name: values for name in names}), socials)
def test_any_values_in_range_give_bounds_and_the_past_alone(
    quarters: dict[str, list[tuple[int, float]]], social: SocialInput | None
) -> None:
    series = {
        name: [(NOW + MS_PER_DAY - quarter * 15 * MS_PER_MINUTE, value) for quarter, value in each]
        for name, each in quarters.items()
    }
    score = scored(series, social=social)
    there = [each for each in score.sub_scores if each.long is not None]
    for each in there:
        assert 0 <= (each.long or 0) <= 100
        assert 0 <= (each.short or 0) <= 100
        assert 0 <= each.freshness <= 1
        assert each.as_of_ms is not None
        assert each.as_of_ms <= NOW
    assert (score.long is None) == (not there)
    assert math.isclose(score.confidence, sum(each.weight * each.freshness for each in there))
    past = {name: [each for each in it if each[0] <= NOW] for name, it in series.items()}
    assert scored(past, social=social) == score


def test_one_scorer_at_two_moments() -> None:
    subject = scorer()
    early, late = (known(EVERYTHING, NOW + days * MS_PER_DAY) for days in (0, 30))
    first, lost, again = (subject.score("ETH", each, NO_EVENTS) for each in (early, late, early))
    assert (lost.long, lost.regime) == (None, None)
    assert first == again
    assert first.regime == "RISK_ON"
