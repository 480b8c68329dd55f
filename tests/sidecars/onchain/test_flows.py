"""Daily values: the flow against its deviation, its age, and whales that accumulate."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.observations import (
    MS_PER_DAY,
    MS_PER_MINUTE,
    Window,
)
from sidecars.onchain.flows import FLOW, is_accumulating, judge_exchange_flow
from tests.sidecars.onchain.onchain_rig import (
    ALTERNATING,
    NOW,
    Values,
    flow_days,
    part,
    scored,
    strengths,
)


@pytest.mark.parametrize(
    ("net", "long"),
    [(-400, 0), (-300, 10), (-200, 20), (-100, 30), (-6, 39.4), (0, 50), (6, 70.6), (100, 80),
     (200, 90), (300, 95), (400, 100), (9000, 100)],
)  # fmt: skip
def test_exchange_flow_numbers(net: float, long: float) -> None:
    score = part(scored(flow_days([*ALTERNATING, net])), "exchange_flow")
    assert strengths(score) == pytest.approx((long, 100 - long))
    assert score.readings["deviations"] == pytest.approx(net / 100)
    assert score.freshness == 1.0


@given(st.floats(-6, 6), st.floats(-6, 6))
def test_more_outflow_is_never_worse_and_never_jumps(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert 0 <= FLOW(low) <= FLOW(high) <= 100
    assert abs(FLOW(low + 1e-9) - FLOW(low)) < 1e-5


@given(st.lists(st.floats(-1e6, 1e6), min_size=32, max_size=120))
def test_the_deviation_is_that_of_the_ninety_days_before(nets: list[float]) -> None:
    days = np.array([NOW - place * MS_PER_DAY for place in range(len(nets))][::-1])
    score = judge_exchange_flow("BTC", Window(days, np.array(nets)), NOW)
    before = nets[:-1][-90:]
    mean = sum(before) / len(before)
    deviation = math.sqrt(sum((each - mean) ** 2 for each in before) / (len(before) - 1))
    if deviation > 1e-3:
        assert score.readings["deviations"] == pytest.approx(nets[-1] / deviation, rel=1e-6)
        assert score.readings["days_compared"] == len(before)


@pytest.mark.parametrize(
    ("series", "why"),
    [
        ({}, "no exchange flow of BTC"),
        (flow_days([*ALTERNATING[:29], 1.0]), "29 days are too few"),
        (flow_days([5.0] * 91), "too few to compare"),
        (flow_days([*ALTERNATING, 1.0], last_ms=NOW - 8 * MS_PER_DAY), "no exchange flow"),
        ({**flow_days([*ALTERNATING, 1.0]), "exchange_inflow_coins:BTC": []}, "no exchange flow"),
    ],
)
def test_no_flow_is_no_neutrality(series: Mapping[str, Values], why: str) -> None:
    score = part(scored(series), "exchange_flow")
    assert score.long is None
    assert why in score.reason


def test_a_day_of_one_side_alone_is_left_out() -> None:
    series = flow_days([*ALTERNATING, 100.0])
    series["exchange_outflow_coins:BTC"] = list(series["exchange_outflow_coins:BTC"])[:-1]
    score = part(scored(series), "exchange_flow")
    assert score.as_of_ms == NOW - MS_PER_DAY


@pytest.mark.parametrize(("hours", "freshness"), [(36, 1.0), (66, 0.6), (96, 0.2), (168, 0.2)])
def test_daily_values_age_on_a_daily_scale(hours: int, freshness: float) -> None:
    at_ms = NOW + hours * 60 * MS_PER_MINUTE
    score = part(scored(flow_days([*ALTERNATING, 1.0]), at_ms=at_ms), "exchange_flow")
    assert score.freshness == pytest.approx(freshness)


@pytest.mark.parametrize(
    ("nets", "expected"),
    [
        ([-900, *[10] * 7], True),
        ([900, *[-10] * 7], False),
        ([10] * 5, True),
        ([0] * 7, False),
        ([10] * 4, None),
        ([], None),
    ],
)
def test_whales_accumulate(nets: Sequence[float], expected: bool | None) -> None:
    days = np.array([NOW - place * MS_PER_DAY for place in range(len(nets))][::-1], dtype=np.int64)
    flows = Window(days, np.array(nets, dtype=float))
    assert is_accumulating(flows, NOW) is expected
    assert is_accumulating(flows, NOW + 8 * MS_PER_DAY) is None
