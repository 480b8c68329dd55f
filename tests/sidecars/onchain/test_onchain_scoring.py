"""The on-chain score: the whole by hand, bounds, the past alone, and nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.layer.events import EventTimeline
from sidecars.common.layer.scorer import Scorer
from sidecars.common.observations import (
    MS_PER_DAY,
    KnownAt,
    Observation,
    SeriesTimeline,
)
from sidecars.common.sources import Transfer
from sidecars.onchain.scoring import OnchainScorer
from tests.sidecars.onchain.onchain_rig import (
    ALTERNATING,
    HEARD,
    NOW,
    flow_days,
    moved,
    scored,
    strengths,
    supply,
)


def test_derived_series() -> None:
    timelines = {
        name: SeriesTimeline([Observation(name, day, day, value, "test") for day, value in values])
        for name, values in flow_days([10.0] * 7).items()
    }
    known, events = KnownAt(timelines, NOW), EventTimeline().known_at(NOW)
    subject: Scorer = OnchainScorer()
    assert subject.derived("BTC", known, events) == {"whales_accumulating:BTC": 1.0}
    assert subject.derived("ETH", known, events) == {}


def test_the_formula_names_its_watched_wallets() -> None:
    assert OnchainScorer().formula == "onchain-1"
    one, other = OnchainScorer(["a", "b"]).formula, OnchainScorer(["b", "a"]).formula
    assert one == other
    assert one != OnchainScorer(["a"]).formula


def test_the_whole_by_hand() -> None:
    series = {**flow_days([*ALTERNATING, 200.0]), **supply(0.75)}
    score = scored(series, [moved("from_exchange", 1e6)])
    parts = 0.3 * 80 + 0.3 * 90 + 0.2 * (50 + 7.5 * 0.5)
    assert score.long == pytest.approx(parts / 0.8)
    assert score.confidence == pytest.approx(0.3 + 0.3 + 0.2 * 0.5)
    assert (score.regime, score.flags) == (None, ())


def test_nothing_known_is_no_score() -> None:
    score = scored({})
    assert (score.long, score.short, score.confidence) == (None, None, 0.0)
    assert all(each.reason for each in score.sub_scores)


transfers_of = st.lists(
    st.builds(
        moved,
        st.sampled_from(("to_exchange", "from_exchange", "between_exchanges", "between_wallets")),
        st.floats(1, 1e10),
        st.floats(-20, 90),
        st.sampled_from(("BTC", "ETH", "USDT", "USDC")),
    ),
    max_size=8,
)
nets_of = st.lists(st.floats(-1e6, 1e6), max_size=100)


@given(transfers_of, nets_of, st.integers(-2, 9))
def test_any_values_give_bounds_and_the_past_alone(
    transfers: list[Transfer], nets: list[float], days_ago: int
) -> None:
    series = flow_days(nets, last_ms=NOW - days_ago * MS_PER_DAY)
    score = scored({**series, **HEARD}, transfers)
    there = [each for each in score.sub_scores if each.long is not None]
    for each in there:
        assert 0 <= min(strengths(each)) <= max(strengths(each)) <= 100
        assert 0 < each.freshness <= 1
        assert each.as_of_ms is not None
        assert each.as_of_ms <= NOW
    assert math.isclose(score.confidence, sum(each.weight * each.freshness for each in there))
    past = {name: [each for each in values if each[0] <= NOW] for name, values in series.items()}
    known = [each for each in transfers if each.as_of_ms <= NOW]
    assert scored({**past, **HEARD}, known) == score
