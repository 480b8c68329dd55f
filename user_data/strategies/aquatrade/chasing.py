"""Where an order that wants to be a maker stands as time goes by, and what the book bears. Pure."""

import math
from collections.abc import Sequence
from typing import Literal

Side = Literal["buy", "sell"]
MARKET: Literal["market"] = "market"
BEST, NEARER, AT_MARKET = 0, 1, 2
# Prices are floats: a tick more or less of this share is the same price.
SAME_TICK = 1e-6

Level = Sequence[float]  # price, amount of the base coin


def chase_step(age_seconds: float, tick_after: float, market_after: float) -> int:
    """What an order does at this age: BEST, NEARER or AT_MARKET. Ages are of the first attempt."""
    if age_seconds >= market_after:
        return AT_MARKET
    return NEARER if age_seconds >= tick_after else BEST


def chase_price(
    step: int, side: Side, own_best: float, other_best: float, tick: float
) -> float | Literal["market"]:
    """The post-only price of an order at a step, or "market".

    own_best: the best price of the order's own side (the bid for a buy); other_best: what it must
    not reach, or it would take. NEARER is one tick towards it, if there is room for one. ValueError
    for a book that cannot be: not finite, not above 0, crossed or locked.
    """
    towards = 1.0 if side == "buy" else -1.0
    values = (own_best, other_best, tick)
    if not all(math.isfinite(value) and value > 0.0 for value in values):
        raise ValueError(f"expected prices and a tick above 0, got {values}")
    room = (other_best - own_best) * towards
    if room <= 0.0:
        raise ValueError(f"expected a bid below the ask, got {side} {own_best} / {other_best}")
    if step >= AT_MARKET:
        return MARKET
    if step == NEARER and room > tick * (1.0 + SAME_TICK):
        return own_best + towards * tick
    return own_best


def value_within_move(levels: Sequence[Level], side: Side, move_pct: float) -> float:
    """What an order of this side can take, in quote currency, before the best price of the other
    side has moved by more than move_pct percent.

    levels: that other side (asks for a buy), best first. What the book does not show does not
    count. ValueError for levels that cannot be.
    """
    if not levels:
        return 0.0
    if any(
        not (math.isfinite(level[0]) and level[0] > 0.0 and math.isfinite(level[1]))
        or level[1] < 0.0
        for level in levels
    ):
        raise ValueError("expected levels with prices above 0 and amounts of 0 or more")
    move = move_pct / 100.0
    furthest = levels[0][0] * (1.0 + move if side == "buy" else 1.0 - move)
    return math.fsum(
        price * amount
        for price, amount, *_ in levels
        if (price <= furthest if side == "buy" else price >= furthest)
    )
