"""The regime of the week: the three, the rest, and unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.observations import MS_PER_DAY
from sidecars.sentiment.regime import Regime, WeekChange, regime_of
from tests.sidecars.sentiment.sentiment_rig import (
    WEDNESDAY,
    part,
    scored,
    strengths,
    weeks,
)


@pytest.mark.parametrize(
    ("asset", "dominance", "total", "regime", "both", "flags"),
    [
        ("ETH", (55, 53), (2.0e12, 2.3e12), "RISK_ON", (80, 30), ()),
        ("BTC", (55, 53), (2.0e12, 2.3e12), "RISK_ON", (50, 50), ()),
        ("ETH", (53, 55), (2.0e12, 2.1e12), "BTC_SEASON", (50, 50), ()),
        ("ETH", (53, 55), (2.3e12, 2.0e12), "RISK_OFF", (25, 80), ()),
        ("BTC", (55, 53), (2.3e12, 2.0e12), "RISK_OFF", (25, 80), ()),
        ("ETH", (54, 54.1), (2.0e12, 2.01e12), "CHOPPY", (45, 45), ("HALF_SIZE", "WIDE_STOP")),
        # BTC itself falls while the rest rises: none of the three.
        ("ETH", (55, 50), (2.0e12, 2.1e12), "CHOPPY", (45, 45), ("HALF_SIZE", "WIDE_STOP")),
    ],
)
def test_regimes(
    asset: str,
    dominance: tuple[float, float],
    total: tuple[float, float],
    regime: str,
    both: tuple[float, float],
    flags: tuple[str, ...],
) -> None:
    score = scored(weeks(dominance, total), asset)
    sub_score = part(score, "regime")
    assert (score.regime, score.flags) == (regime, flags)
    assert strengths(sub_score) == both


@pytest.mark.parametrize(
    ("days_ago", "is_known"), [(5.9, False), (6, True), (8, True), (8.1, False)]
)
def test_a_regime_needs_values_of_six_to_eight_days_ago(days_ago: float, is_known: bool) -> None:
    before = WEDNESDAY - int(days_ago * MS_PER_DAY)
    series = {
        "btc_dominance_pct": [(before, 55.0), (WEDNESDAY, 53.0)],
        "total_market_cap_usd": [(before, 2.0e12), (WEDNESDAY, 2.3e12)],
    }
    score = scored(series)
    assert (score.regime is not None, part(score, "regime").long is not None) == (is_known,) * 2
    assert "CHOPPY" not in part(score, "regime").reason


moves = st.floats(-30, 30)


@given(moves, moves, moves)
def test_a_regime_says_what_its_words_say(dominance: float, btc: float, total: float) -> None:
    regime = regime_of(WeekChange(dominance, btc, total))
    if regime is Regime.RISK_ON:
        assert dominance < 0 < min(btc, total)
    if regime is Regime.BTC_SEASON:
        assert min(dominance, btc) > 0
    if regime is Regime.RISK_OFF:
        assert max(btc, total) < 0
    if max(abs(dominance), abs(btc), abs(total)) < 0.3:
        assert regime is Regime.CHOPPY
