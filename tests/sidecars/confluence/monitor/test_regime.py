"""The regime in one word, also where inputs are missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.confluence.monitor.regime import regime_of

Points = float | None


@pytest.mark.parametrize(
    ("btc", "market", "funding", "expected"),
    [
        (10.0, 12.0, 8.0, "bull"),
        (10.0, 8.0, 8.0, "bull"),
        (4.0, 12.0, 8.0, "bull"),  # 24 of 30
        (7.0, 8.0, 8.0, "mixed"),  # 23
        (10.0, 4.0, 4.0, "mixed"),
        (7.0, 4.0, 4.0, "mixed"),  # 15: not vetoed
        (10.0, 4.0, 0.0, "bear"),
        (0.0, 0.0, 8.0, "bear"),
        (10.0, 8.0, None, "bull"),  # 18 of 22
        (10.0, 4.0, None, "unknown"),  # vetoed, but funding could have lifted it
        (7.0, 0.0, None, "unknown"),
        (4.0, 0.0, None, "bear"),  # under 15 whatever funding says
        (None, 12.0, 8.0, "unknown"),
        (10.0, None, 8.0, "unknown"),
        (None, None, None, "unknown"),
    ],
)
def test_the_word_of_the_points(
    btc: Points, market: Points, funding: Points, expected: str
) -> None:
    assert regime_of({"btc": btc, "market": market, "funding": funding}) == expected


@given(
    st.sampled_from([0.0, 4.0, 7.0, 10.0]),
    st.sampled_from([0.0, 4.0, 8.0, 12.0]),
    st.sampled_from([0.0, 4.0, 8.0]),
)
def test_with_every_input_bear_is_the_veto(btc: float, market: float, funding: float) -> None:
    word = regime_of({"btc": btc, "market": market, "funding": funding})
    assert (word == "bear") == (btc + market + funding < 15)
