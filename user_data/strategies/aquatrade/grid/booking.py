"""Orders in the books of a grid: what was wanted, what came of it. Pure."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from aquatrade.grid.play import GRID_ROTATION, SELL_TAG, Wish, without_rotated
from aquatrade.grid.state import GridState, Level, RoundTrip

# An order that leaves less than this of a lot has sold it; the rest is the exchange's step.
DUST_SHARE = 0.02
# Fees and ticks make a lot a little dearer than its stake.
STAKE_TOLERANCE = 1.05
BOOKED_KEPT = 20
RECOVERED_TAG = "recovered"


@dataclass(frozen=True, slots=True)
class Fill:
    """A closed order that bought or sold something.

    amount: base units that came in or went out, fees in the base coin taken off; value: paid or
    received in stake currency, fees included.
    """

    order_id: str
    side: Literal["buy", "sell"]
    amount: float
    value: float
    price: float
    tag: str
    at: str  # ISO 8601, UTC


def begun(state: GridState, wish: Wish) -> GridState:
    """The levels of a wish, waiting for its order."""
    phase: Literal["buying", "selling"] = "buying" if wish.side == "buy" else "selling"
    keys = frozenset(wish.keys)
    levels = tuple(level.moved(phase) if level.key in keys else level for level in state.levels)
    return replace(state, levels=levels)


def released(state: GridState) -> GridState:
    """No order works any more: what it did not do, the levels wait for again."""
    if not state.in_phase("buying") and not state.in_phase("selling"):
        return state
    levels = tuple(
        level.moved("waiting")
        if level.phase == "buying"
        else level.moved("holding")
        if level.phase == "selling"
        else level
        for level in state.levels
    )
    return replace(state, levels=levels)


def booked(state: GridState, fill: Fill) -> GridState:
    """The grid with an order's fill in it; the same grid for an order that is in it already."""
    if fill.order_id in state.booked:
        return state
    if fill.side == "buy":
        is_back = bool(state.rotated) and bool(state.in_phase("buying"))
        after = _bought_back(state, fill) if is_back else _bought(state, fill)
    elif _is_of_levels(state, fill):
        after = _sold(state, fill)
    else:
        after = _left(state, fill)
    return replace(after, booked=(*state.booked, fill.order_id)[-BOOKED_KEPT:])


def _is_of_levels(state: GridState, fill: Fill) -> bool:
    ours = fill.tag.startswith(SELL_TAG) or fill.tag == RECOVERED_TAG
    return ours and bool(state.in_phase("selling"))


def _bought(state: GridState, fill: Fill) -> GridState:
    """The highest of the levels that wait for it have it; a smaller order fills fewer of them."""
    waiting = sorted(state.in_phase("buying"), key=lambda level: -level.buy_price)
    if not waiting:
        waiting = [_adopting(state, fill)]
    lots = math.ceil(fill.value / (state.spec.stake_usd * STAKE_TOLERANCE))
    lots = min(len(waiting), max(1, lots))
    filled = {level.key for level in waiting[:lots]}

    def after(level: Level) -> Level:
        if level.key not in filled:
            return level
        held = replace(level, phase="holding", is_ready=False)
        return replace(
            held, amount=level.amount + fill.amount / lots, cost=level.cost + fill.value / lots
        )

    return replace(state, levels=tuple(map(after, state.levels)), seed_due=False)


def _bought_back(state: GridState, fill: Fill) -> GridState:
    """Each lot that a rotation had sold has its part of the coins again, at their new cost."""
    sold = {(generation, number): amount for generation, number, amount in state.rotated}
    asked = math.fsum(sold[level.key] for level in state.in_phase("buying"))

    def after(level: Level) -> Level:
        if level.phase != "buying":
            return level
        share = sold[level.key] / asked
        held = replace(level.moved("holding"), is_ready=False)
        return replace(held, amount=fill.amount * share, cost=fill.value * share)

    return without_rotated(replace(state, levels=tuple(map(after, state.levels))))


def _adopting(state: GridState, fill: Fill) -> Level:
    """Nobody waited for it (a person bought): the level whose line is nearest."""
    free = state.in_phase("waiting") or state.levels
    return min(free, key=lambda level: abs(level.buy_price - fill.price))


def _sold(state: GridState, fill: Fill) -> GridState:
    """The proceeds go to the levels by what they held, dust of earlier sales to the first."""
    selling = state.in_phase("selling")
    held = math.fsum(level.amount for level in selling)
    rest = held + state.dust_amount - fill.amount
    is_done = rest <= DUST_SHARE * held
    cost = math.fsum(level.cost for level in selling) + state.dust_cost
    sold_share = min(1.0, fill.amount / (held + state.dust_amount))
    trips = []
    levels: list[Level] = []
    for level in state.levels:
        if level.phase != "selling":
            levels.append(level)
            continue
        share = level.amount / held
        own_cost = level.cost + state.dust_cost * share
        trip = RoundTrip(
            level.number, level.generation, fill.amount * share, own_cost * sold_share,
            fill.value * share, fill.at, "level",
        )  # fmt: skip
        trips.append(trip)
        profit = level.profit + trip.profit
        if not is_done:
            # Cancelled half way: the lot goes on with what is left of it.
            left_cost = own_cost * (1.0 - sold_share)
            lot = replace(level, amount=rest * share, cost=left_cost, profit=profit)
            levels.append(lot.moved("holding"))
        elif level.generation == state.generation:
            free = replace(level, amount=0.0, cost=0.0, profit=profit, trips=level.trips + 1)
            levels.append(replace(free.moved("waiting"), is_ready=True))
    dust = max(0.0, rest) if is_done else 0.0
    done = replace(
        state,
        levels=tuple(levels),
        dust_amount=dust,
        dust_cost=cost * (1.0 - sold_share) if is_done else 0.0,
        realised=state.realised + fill.value - cost * sold_share,
        trips=state.trips + tuple(trips),
    )
    if not is_done:
        return done
    done = replace(
        done,
        round_trips=state.round_trips + len(trips),
        wins=state.wins + sum(trip.profit > 0.0 for trip in trips),
    )
    return done if done.lots else _without_dust(done)


def _without_dust(state: GridState) -> GridState:
    """Nothing is held any more: the dust is lost to the trade that closes."""
    return replace(state, realised=state.realised - state.dust_cost, dust_amount=0.0, dust_cost=0.0)


def _left(state: GridState, fill: Fill) -> GridState:
    """A stop, a take-profit or a person sells everything: the grid ends once nothing is held.

    A rotation sells it to buy it again: the grid goes on.
    """
    held, goes_on = state.inventory, fill.tag == GRID_ROTATION
    if held <= 0.0:
        return replace(state, realised=state.realised + fill.value, ended=fill.tag or "exit")
    is_all = fill.amount >= held * (1.0 - DUST_SHARE)
    sold_share = 1.0 if is_all else fill.amount / held
    trips = tuple(_left_lot(state, level, fill, sold_share) for level in state.lots)
    keep = 1.0 - sold_share
    levels = tuple(
        level
        if level.amount <= 0.0
        else replace(
            level,
            amount=level.amount * keep,
            cost=level.cost * keep,
            phase="waiting" if is_all else "holding",
            is_ready=False,
        )
        for level in state.levels
    )
    return replace(
        state,
        levels=levels,
        dust_amount=state.dust_amount * keep,
        dust_cost=state.dust_cost * keep,
        realised=state.realised + fill.value - state.inventory_cost * sold_share,
        lots_left=state.lots_left + (len(state.lots) if is_all and not goes_on else 0),
        trips=state.trips + trips,
        rotated=_rotated(state, sold_share) if goes_on else state.rotated,
        ended=(fill.tag or "exit") if is_all and not goes_on else state.ended,
    )


def _rotated(state: GridState, sold_share: float) -> tuple[tuple[int, int, float], ...]:
    """What rotations have sold and not bought again, with this sale."""
    amounts = {(generation, number): amount for generation, number, amount in state.rotated}
    for level in state.lots:
        amounts[level.key] = amounts.get(level.key, 0.0) + level.amount * sold_share
    return tuple((*key, amount) for key, amount in amounts.items())


def _left_lot(state: GridState, level: Level, fill: Fill, sold_share: float) -> RoundTrip:
    """What a lot brought, with its part of the dust."""
    share = level.amount / math.fsum(lot.amount for lot in state.lots)
    return RoundTrip(
        number=level.number,
        generation=level.generation,
        amount=fill.amount * share,
        cost=(level.cost + state.dust_cost * share) * sold_share,
        proceeds=fill.value * share,
        sold_at=fill.at,
        reason=fill.tag or "exit",
    )


def unbooked(state: GridState, fills: Collection[Fill]) -> list[Fill]:
    """Those that are not in the books yet, oldest first as they came."""
    return [fill for fill in fills if fill.order_id not in state.booked]
