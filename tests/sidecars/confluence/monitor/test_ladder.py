"""The ladder of sell targets: each trigger by hand, and a slow twin on random histories."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.confluence.candles import MS_PER_DAY
from sidecars.confluence.monitor.ladder import (
    KEEP_PCT,
    TARGETS,
    Day,
    Hit,
    LadderState,
    advance,
    climb,
    rungs,
    target_price,
)
from sidecars.confluence.monitor.model import RungState

COST = 100.0
SINCE_MS = 20_000 * MS_PER_DAY


def day(
    number: int,
    close: float | None,
    total: float = 60.0,
    regime: str = "mixed",
    vetoed: bool = False,
) -> Day:
    """The close of the day `number` days after the purchase's (1: of its own day)."""
    return Day(SINCE_MS + number * MS_PER_DAY, close, 0.0 if vetoed else total, vetoed, regime)


def bear(number: int, close: float | None) -> Day:
    return day(number, close, regime="bear", vetoed=True)


def reached(days: Sequence[Day]) -> list[tuple[int, int, str]]:
    """(day, target, by) of every hit."""
    hits = climb(COST, SINCE_MS, days).hits
    return [((hit.as_of_ms - SINCE_MS) // MS_PER_DAY, hit.number, hit.by) for hit in hits]


def test_the_targets_are_the_formulas() -> None:
    assert [(t.gain_pct, t.score_trigger, t.sell_pct) for t in TARGETS] == [
        (38.9, 55.0, 20.0),
        (58.3, 45.0, 30.0),
        (77.8, None, 30.0),
    ]
    assert sum(target.sell_pct for target in TARGETS) + KEEP_PCT == 100.0


def test_a_close_at_the_price_and_one_target_a_day_in_order() -> None:
    assert reached([day(1, 138.8)]) == []
    assert reached([day(1, 138.9)]) == [(1, 1, "price")]
    far_above = [day(number, 500.0) for number in range(1, 6)]
    assert reached(far_above) == [(1, 1, "price"), (2, 2, "price"), (3, 3, "price")]


def test_targets_stretch_in_a_bull_and_tighten_in_a_bear_regime_of_that_day() -> None:
    assert reached([day(1, 140.0, regime="bull"), day(2, 144.8, regime="bull")]) == [
        (2, 1, "price")
    ]
    assert reached([bear(1, 133.0), bear(2, 133.1)]) == [(2, 1, "price")]
    assert reached([day(1, 138.9, regime="unknown")]) == [(1, 1, "price")]


@pytest.mark.parametrize(
    ("before", "now", "close", "fires"),
    [
        (56, 55, 101.0, True),
        (56, 54, 101.0, True),
        (55, 54, 101.0, False),  # it stood at the value already
        (54, 50, 101.0, False),
        (56, 55.5, 101.0, False),
        (56, 54, 100.0, False),  # not in profit
        (56, 54, None, False),  # a price that is not known is no profit
    ],
)
def test_a_score_that_crosses_down_in_profit(
    before: float, now: float, close: float | None, fires: bool
) -> None:
    assert reached([day(1, 101.0, before), day(2, close, now)]) == (
        [(2, 1, "score")] if fires else []
    )


def test_a_total_forced_to_0_is_no_fall_and_neither_is_the_first_score_after_it() -> None:
    assert reached([day(1, 110.0, 60), bear(2, 110.0), day(3, 110.0, 50)]) == []
    assert reached([day(1, 110.0, 60), bear(2, 110.0), day(3, 110.0, 60), day(4, 110.0, 50)]) == [
        (4, 1, "score")
    ]


def test_a_fall_over_a_day_that_nobody_judged_is_none() -> None:
    assert reached([day(1, 110.0, 60.0), day(2, 110.0, 50.0)]) == [(2, 1, "score")]
    assert reached([day(1, 110.0, 60.0), day(3, 110.0, 50.0)]) == []


def test_one_fall_through_both_values_reaches_the_first_target_alone() -> None:
    days = [day(1, 110.0, 60), day(2, 110.0, 40), day(3, 110.0, 39)]
    assert reached(days) == [(2, 1, "score")]


TWO_REACHED = [day(1, 200.0), day(2, 160.0)]


def test_a_regime_that_turns_bearish_reaches_the_last_target_once_it_is_next() -> None:
    assert reached([day(1, 90.0), bear(2, 90.0)]) == []
    assert reached([*TWO_REACHED, day(3, 120.0), bear(4, 90.0)])[2:] == [(4, 3, "regime")]
    # It has to turn: to be in one is not enough.
    assert reached([day(1, 200.0), bear(2, 200.0), bear(3, 120.0), bear(4, 120.0)])[2:] == []


def test_days_of_an_unknown_regime_are_passed_over() -> None:
    unknown = [day(number, 120.0, regime="unknown", vetoed=True) for number in (3, 4)]
    assert reached([*TWO_REACHED, *unknown, bear(5, 120.0)])[2:] == [(5, 3, "regime")]
    assert reached([*TWO_REACHED, *unknown])[2:] == []
    never_known = [day(1, 200.0, regime="unknown"), day(2, 160.0, regime="unknown")]
    assert reached([*never_known, bear(5, 120.0)])[2:] == []
    in_bear = [day(1, 200.0), bear(2, 200.0), *unknown, bear(5, 120.0)]
    assert reached(in_bear)[2:] == []


def test_the_day_before_the_purchase_only_says_where_the_score_stood() -> None:
    assert reached([day(0, 500.0, 60), day(1, 110.0, 50)]) == [(1, 1, "score")]
    assert reached([day(-1, 110.0, 60), day(0, 110.0, 50), day(1, 110.0, 49)]) == []


def test_days_have_to_rise() -> None:
    state, _ = advance(LadderState(COST, SINCE_MS), day(2, 100.0))
    with pytest.raises(ValueError, match="days rise"):
        advance(state, day(2, 100.0))


def test_shown_rungs_keep_what_was_reached_and_follow_the_present_regime() -> None:
    state = climb(COST, SINCE_MS, [day(1, 150.0, regime="bull")])
    first, second, third = rungs(COST, state.hits, "bear")
    assert (first.state, first.hit_by, first.hit_price) == (RungState.HIT, "price", 150.0)
    assert first.price == pytest.approx(100 + 38.9 * 1.15)
    assert (second.state, third.state) == (RungState.NEXT, RungState.LATER)
    assert second.price == pytest.approx(100 + 58.3 * 0.85)
    assert (third.on_bearish_regime, third.hit_at_ms) == (True, None)


def naive_hits(days: Sequence[Day]) -> list[Hit]:
    """The rules once more, each day looking back over the whole list."""
    hits: list[Hit] = []
    for place, today in enumerate(days):
        if today.as_of_ms <= SINCE_MS or len(hits) == 3:
            continue
        gain, score_value, bearish = [
            (38.9, 55.0, False),
            (58.3, 45.0, False),
            (77.8, None, True),
        ][len(hits)]
        factor = {"bull": 1.15, "bear": 0.85}.get(today.regime, 1.0)
        price = COST * (1 + gain * factor / 100)
        yesterday = days[place - 1] if place else None
        regimes = [each.regime for each in days[:place] if each.regime != "unknown"]
        if today.close is not None and today.close >= price:
            by = "price"
        elif (
            score_value is not None
            and yesterday is not None
            and today.as_of_ms == yesterday.as_of_ms + MS_PER_DAY
            and not (today.vetoed or yesterday.vetoed)
            and today.total <= score_value < yesterday.total
            and today.close is not None
            and today.close > COST
        ):
            by = "score"
        elif bearish and today.regime == "bear" and regimes and regimes[-1] != "bear":
            by = "regime"
        else:
            continue
        hits.append(Hit(len(hits) + 1, today.as_of_ms, by, today.close, gain * factor, price))
    return hits


@st.composite
def histories(draw: st.DrawFn) -> list[Day]:
    steps = draw(st.lists(st.integers(1, 3), max_size=40))
    number, days = -3, []
    for step in steps:
        number += step
        regime = draw(st.sampled_from(["bull", "mixed", "bear", "unknown"]))
        vetoed = regime == "bear" or (regime == "unknown" and draw(st.booleans()))
        close = draw(st.one_of(st.none(), st.integers(80, 200).map(float)))
        total = draw(st.sampled_from([40.0, 45.0, 50.0, 55.0, 60.0]))
        days.append(day(number, close, total, regime, vetoed=vetoed))
    return days


@given(histories())
def test_the_fold_is_its_slow_twin(days: list[Day]) -> None:
    assert list(climb(COST, SINCE_MS, days).hits) == naive_hits(days)


@given(histories(), st.integers(0, 40))
def test_later_days_never_change_what_earlier_ones_brought(days: list[Day], cut: int) -> None:
    whole = climb(COST, SINCE_MS, days).hits
    part = climb(COST, SINCE_MS, days[:cut]).hits
    assert part == whole[: len(part)]
    assert all(hit.as_of_ms >= days[cut].as_of_ms for hit in whole[len(part) :])


@given(histories())
def test_targets_are_reached_in_order_and_at_most_one_a_day(days: list[Day]) -> None:
    hits = climb(COST, SINCE_MS, days).hits
    assert [hit.number for hit in hits] == list(range(1, len(hits) + 1))
    assert len({hit.as_of_ms for hit in hits}) == len(hits)
    for hit in hits:
        if hit.by == "price":
            assert hit.close is not None
            assert hit.close >= hit.price


@given(st.sampled_from(["bull", "mixed", "bear", "unknown"]))
def test_higher_targets_cost_more_in_every_regime(regime: str) -> None:
    prices = [target_price(target, COST, regime) for target in TARGETS]
    assert prices == sorted(prices)
