"""Stops by ATR: never moved back, the same as the slow way of saying it, mirrored for shorts."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.atr_stops import (
    as_freqtrade_takes_it,
    atr_stop_pct,
    give_back_stop,
    is_passed,
    ladder_stop,
    run_up,
    rung_multiple,
    stop_from,
    tighter,
)

RUNGS = ((0.0, 1.5), (1.0, 1.2), (2.0, 1.0), (3.0, 0.8))
prices = st.floats(1.0, 1e5)
walks = st.lists(st.tuples(st.floats(-0.1, 0.1), st.floats(0.001, 0.1)), min_size=1, max_size=40)


def naive_multiple(profit_in_risk: float) -> float:
    """The sentence of the specification, rung by rung."""
    if profit_in_risk > 3:
        return 0.8
    if profit_in_risk > 2:
        return 1.0
    if profit_in_risk > 1:
        return 1.2
    return 1.5


@given(profit=st.floats(0.0, 10.0))
def test_the_rung_is_that_of_the_specification(profit: float) -> None:
    assert rung_multiple(profit, RUNGS) == naive_multiple(profit)


@pytest.mark.parametrize(("profit", "multiple"), [(1.0, 1.5), (2.0, 1.2), (3.0, 1.0)])
def test_a_rung_has_to_be_passed_not_touched(profit: float, multiple: float) -> None:
    assert rung_multiple(profit, RUNGS) == multiple


def climbed(open_rate: float, walk: list[tuple[float, float]], *, is_short: bool) -> list[float]:
    """The stops after each step of a walk of (relative move, ATR as a share of the price)."""
    risk = 0.05 * open_rate
    stop = stop_from(open_rate, risk, is_short=is_short)
    best, price, stops = open_rate, open_rate, [stop]
    for step, atr_share in walk:
        price *= 1.0 + step
        best = min(best, price) if is_short else max(best, price)
        stop = ladder_stop(
            open_rate=open_rate,
            risk=risk,
            best=best,
            atr=atr_share * price,
            rungs=RUNGS,
            present=stop,
            is_short=is_short,
        )
        stops.append(stop)
    return stops


@settings(max_examples=60)
@given(open_rate=prices, walk=walks, is_short=st.booleans())
def test_the_ladder_never_moves_back(
    open_rate: float, walk: list[tuple[float, float]], is_short: bool
) -> None:
    stops = climbed(open_rate, walk, is_short=is_short)
    assert stops == sorted(stops, reverse=is_short)


@settings(max_examples=60)
@given(open_rate=prices, walk=walks)
def test_the_ladder_of_a_long_is_the_naive_one(
    open_rate: float, walk: list[tuple[float, float]]
) -> None:
    risk, price, path = 0.05 * open_rate, open_rate, [open_rate]
    candidates = [open_rate - risk]
    for step, atr_share in walk:
        price *= 1.0 + step
        path.append(price)
        profit = (max(path) - open_rate) / risk
        candidates.append(max(path) - naive_multiple(profit) * atr_share * price)
    expected = [max(candidates[: i + 1]) for i in range(len(candidates))]
    assert climbed(open_rate, walk, is_short=False) == pytest.approx(expected)


@settings(max_examples=60)
@given(open_rate=prices, best=st.floats(0.5, 2.0), atr=st.floats(0.001, 0.1))
def test_a_short_is_the_mirror_of_a_long(open_rate: float, best: float, atr: float) -> None:
    """Prices mirrored at the entry price: as far above as the other is below."""
    common: dict[str, Any] = {
        "open_rate": open_rate,
        "risk": 0.05 * open_rate,
        "atr": atr * open_rate,
        "rungs": RUNGS,
    }
    reach = abs(best - 1.0) * open_rate
    long_stop = ladder_stop(
        best=open_rate + reach, present=0.95 * open_rate, is_short=False, **common
    )
    short_stop = ladder_stop(
        best=open_rate - reach, present=1.05 * open_rate, is_short=True, **common
    )
    assert long_stop - open_rate == pytest.approx(open_rate - short_stop, abs=1e-9 * open_rate)


def test_without_an_atr_the_present_stop_stays() -> None:
    for atr in (math.nan, math.inf):
        stop = ladder_stop(
            open_rate=100.0, risk=5.0, best=120.0, atr=atr, rungs=RUNGS, present=95.0,
            is_short=False,
        )  # fmt: skip
        assert stop == 95.0


@settings(max_examples=60)
@given(best=st.floats(80.0, 300.0), share=st.floats(0.1, 0.9))
def test_giving_back(best: float, share: float) -> None:
    stop = give_back_stop(
        open_rate=100.0, armed_at=10.0, best=best, share=share, present=90.0, is_short=False
    )
    if best - 100.0 < 10.0:
        assert stop == 90.0
    else:
        assert stop - 100.0 == pytest.approx((1.0 - share) * (best - 100.0))


def test_giving_back_on_the_short_side() -> None:
    common: dict[str, Any] = {"open_rate": 100.0, "share": 0.5, "present": 110.0, "is_short": True}
    assert give_back_stop(armed_at=10.0, best=80.0, **common) == pytest.approx(90.0)
    assert give_back_stop(armed_at=21.0, best=80.0, **common) == 110.0


@settings(max_examples=60)
@given(
    atr=st.floats(0.0, 50.0), multiple=st.floats(0.5, 10.0), rate=prices, bound=st.floats(1.0, 60.0)
)
def test_a_stop_is_never_farther_than_its_bound(
    atr: float, multiple: float, rate: float, bound: float
) -> None:
    found = atr_stop_pct(atr=atr, multiple=multiple, rate=rate, bound_pct=bound)
    assert 0.0 <= found <= bound
    assert found == pytest.approx(min(bound, 100.0 * multiple * atr / rate))


def test_no_atr_is_no_distance() -> None:
    assert math.isnan(atr_stop_pct(atr=math.nan, multiple=2.0, rate=100.0, bound_pct=50.0))


@settings(max_examples=60)
@given(
    rate=prices, share=st.floats(0.01, 0.3), leverage=st.floats(1.0, 5.0), is_short=st.booleans()
)
def test_freqtrade_reads_the_same_price(
    rate: float, share: float, leverage: float, is_short: bool
) -> None:
    stop = stop_from(rate, share * rate, is_short=is_short)
    told = as_freqtrade_takes_it(stop, rate, is_short=is_short, leverage=leverage, nothing=1e-9)
    # As Trade.adjust_stop_loss works it out.
    read = rate * (1 + told / leverage) if is_short else rate * (1 - told / leverage)
    assert read == pytest.approx(stop)


def test_a_stop_that_price_has_passed_is_told_as_almost_no_distance() -> None:
    told = as_freqtrade_takes_it(101.0, 100.0, is_short=False, leverage=1.0, nothing=1e-9)
    assert told == 1e-9


@pytest.mark.parametrize(("is_short", "passed"), [(False, 99.0), (True, 101.0)])
def test_sides(is_short: bool, passed: float) -> None:
    assert is_passed(100.0, passed, is_short=is_short)
    assert is_passed(100.0, 100.0, is_short=is_short)
    assert not is_passed(100.0, 200.0 - passed, is_short=is_short)
    assert tighter(99.0, 101.0, is_short=is_short) == (99.0 if is_short else 101.0)
    assert run_up(100.0, passed, is_short=is_short) == 0.0
    assert run_up(100.0, 200.0 - passed, is_short=is_short) == 1.0
