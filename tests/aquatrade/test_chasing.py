"""The chase's price at every age, and what a book bears: by hand, and against a slow twin."""

from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.chasing import (
    AT_MARKET,
    BEST,
    NEARER,
    Side,
    chase_price,
    chase_step,
    value_within_move,
)

SIDES = st.sampled_from(["buy", "sell"])
TICKS = st.sampled_from([Decimal("1e-8"), Decimal("0.0001"), Decimal("0.01"), Decimal("0.5")])


@pytest.mark.parametrize(
    ("age", "step"),
    [(0.0, BEST), (9.99, BEST), (10.0, NEARER), (29.99, NEARER), (30.0, AT_MARKET)],
)
def test_the_step_of_an_age(age: float, step: int) -> None:
    assert chase_step(age, 10.0, 30.0) == step


@pytest.mark.parametrize(
    ("step", "side", "own", "other", "price"),
    [
        (BEST, "buy", 99.99, 100.02, 99.99),
        (NEARER, "buy", 99.99, 100.02, 100.00),
        (NEARER, "buy", 99.99, 100.01, 100.00),
        (NEARER, "buy", 99.99, 100.00, 99.99),  # one tick wide: nearer would take
        (AT_MARKET, "buy", 99.99, 100.00, "market"),
        (BEST, "sell", 100.02, 99.99, 100.02),
        (NEARER, "sell", 100.02, 99.99, 100.01),
        (NEARER, "sell", 100.00, 99.99, 100.00),
        (AT_MARKET, "sell", 100.02, 99.99, "market"),
    ],
)
def test_the_price_of_a_step(
    step: int, side: Side, own: float, other: float, price: float | Literal["market"]
) -> None:
    found = chase_price(step, side, own, other, tick=0.01)
    assert found == (pytest.approx(price, rel=1e-12) if price != "market" else "market")


@settings(max_examples=60)
@given(
    side=SIDES,
    tick=TICKS,
    own_ticks=st.integers(1_000, 10_000_000),
    spread=st.integers(1, 50),
    step=st.sampled_from([BEST, NEARER]),
)
def test_a_maker_never_takes_and_never_stands_behind(
    side: Side, tick: Decimal, own_ticks: int, spread: int, step: int
) -> None:
    """The slow twin counts in whole ticks, exactly."""
    towards = 1 if side == "buy" else -1
    other_ticks = own_ticks + towards * spread
    found = chase_price(step, side, float(own_ticks * tick), float(other_ticks * tick), float(tick))
    assert found != "market"
    ticks = round(Decimal(found) / tick)
    expected = own_ticks + (towards if step == NEARER and spread >= 2 else 0)
    assert ticks == expected
    assert (other_ticks - ticks) * towards >= 1


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("own", "other", "tick"),
    [
        (100.0, 100.0, 0.01),
        (100.1, 100.0, 0.01),
        (NAN, 100.0, 0.01),
        (99.0, NAN, 0.01),
        (99.0, INF, 0.01),
        (0.0, 100.0, 0.01),
        (-1.0, 100.0, 0.01),
        (99.0, 100.0, 0.0),
        (99.0, 100.0, NAN),
    ],
)
@pytest.mark.parametrize("step", [BEST, NEARER, AT_MARKET])
def test_a_book_that_cannot_be_has_no_price(
    step: int, own: float, other: float, tick: float
) -> None:
    with pytest.raises(ValueError, match="expected"):
        chase_price(step, "buy", own, other, tick)


def test_what_a_book_bears_by_hand() -> None:
    asks = [[100.0, 1.0], [100.05, 2.0], [100.1, 3.0], [100.11, 50.0]]
    assert value_within_move(asks, "buy", 0.1) == pytest.approx(100.0 + 200.1 + 300.3)
    bids = [[100.0, 1.0], [99.9, 2.0], [99.89, 50.0]]
    assert value_within_move(bids, "sell", 0.1) == pytest.approx(100.0 + 199.8)
    assert value_within_move([], "buy", 0.1) == 0.0


@settings(max_examples=60)
@given(
    side=SIDES,
    steps=st.lists(st.integers(0, 30), min_size=1, max_size=12),
    amounts=st.lists(st.integers(0, 1000), min_size=12, max_size=12),
    move=st.sampled_from([0.01, 0.1, 0.5]),
    share=st.floats(0.0, 1.0),
)
def test_an_order_of_that_value_moves_the_book_by_no_more(
    side: Side, steps: list[int], amounts: list[int], move: float, share: float
) -> None:
    """The slow twin walks the book, a coin at a time."""
    towards = 1 if side == "buy" else -1
    price, levels = 10_000, []
    for step, amount in zip(steps, amounts, strict=False):
        levels.append((price, amount))
        price += towards * step
    furthest = 10_000 * (1 + towards * Decimal(str(move)) / 100)
    value = 0
    for level_price, amount in levels:
        for _ in range(amount):
            if (level_price - furthest) * towards <= 0:
                value += level_price
    assert value_within_move(levels, side, move) == pytest.approx(value)
    less = value_within_move(levels, side, move * share)
    assert less <= value


@pytest.mark.parametrize("level", [(NAN, 1.0), (0.0, 1.0), (100.0, NAN), (100.0, -1.0), (INF, 1.0)])
def test_levels_that_cannot_be_are_refused(level: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="expected levels"):
        value_within_move([(100.0, 1.0), level], "buy", 0.1)
