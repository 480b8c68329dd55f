"""What a grid wants at a price: buys, sells, a new centre, an end. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from aquatrade.grid.spec import GridSpec, steps
from aquatrade.grid.state import GridState, Level

GRID_STOP = "grid_stop"
GRID_TAKE_PROFIT = "grid_take_profit"
GRID_ROTATION = "grid_rotation"  # of the sale of all lots, and of the buy of the same lots again
BUY_TAG = "grid_buy"
SELL_TAG = "grid_sell"
SEED_TAG = "grid_seed"
TAG_LENGTH = 200
# Of the levels: when no more of them are held, a trade is rotated at little cost.
LITTLE_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Wish:
    """One order, for one level or for all that were crossed since the last look."""

    side: Literal["buy", "sell"]
    keys: tuple[tuple[int, int], ...]
    price: float  # the mean of the levels' prices
    stake: float  # of a buy, in stake currency
    amount: float  # of a sell, in base units
    is_last: bool  # a sell that leaves nothing
    tag: str


def opened(spec: GridSpec, price: float) -> GridState:
    """A new grid around a price. It holds nothing: what is below the price waits to be bought."""
    centre = spec.centre_at(price)
    state = GridState(spec=spec, centre=centre, seed_due=spec.seed_inventory)
    return seen(replace(state, levels=_laid(spec, centre, 0)), price)


def seen(state: GridState, price: float) -> GridState:
    """Levels that the price is above become ready: when it comes down to them, they are bought."""
    if all(level.is_ready or level.buy_price >= price for level in state.levels):
        return state
    levels = tuple(
        replace(level, is_ready=True)
        if level.phase == "waiting" and level.buy_price < price and not level.is_ready
        else level
        for level in state.levels
    )
    return replace(state, levels=levels)


def rebalanced(state: GridState, price: float) -> GridState:
    """Laid anew around a price: levels that wait are dropped, lots stay with their own sells."""
    generation = state.generation + 1
    kept = tuple(level for level in state.levels if level.phase != "waiting")
    levels = _laid(state.spec, price, generation) + kept
    return seen(replace(state, centre=price, generation=generation, levels=levels), price)


def without_rotated(state: GridState) -> GridState:
    """Nothing is bought back any more; levels of old lots that are not held again are dropped."""
    levels = tuple(
        level
        for level in state.levels
        if level.generation == state.generation or level.amount > 0.0 or level.phase == "buying"
    )
    return replace(state, levels=levels, rotated=())


def is_off_centre(state: GridState, price: float) -> bool:
    """Whether price is more than the trigger from the centre. A static grid never is."""
    if state.spec.is_static:
        return False
    return abs(price / state.centre - 1.0) * 100.0 > state.spec.rebalance_pct


def armed(state: GridState, price: float, most: int) -> frozenset[tuple[int, int]]:
    """The levels nearest to the price, by the line they wait for; so many at most."""
    distances = sorted(
        (abs((level.sell_price if level.amount > 0.0 else level.buy_price) - price), level.key)
        for level in state.levels
    )
    return frozenset(key for _, key in distances[: max(0, most)])


def wish_at(state: GridState, buy_rate: float, sell_rate: float, most: int) -> Wish | None:
    """The order that the rates ask for: what can be sold first, then what can be bought.

    buy_rate, sell_rate: what a buy would pay and a sell would bring now. most: armed levels.
    """
    selling = [
        level
        for level in state.levels
        if level.phase == "holding" and level.sell_price <= sell_rate
    ]
    if selling:
        return _sale(state, selling)
    if state.ended is not None:
        return None
    if state.rotated and not state.lots:
        return _bought_back(state, buy_rate)
    if state.seed_due:
        return _seed(state, buy_rate)
    free = state.free_lots
    if free == 0:
        return None
    crossed = [
        level
        for level in state.levels
        if level.is_ready and level.phase == "waiting" and level.buy_price >= buy_rate
    ]
    if not crossed:
        return None
    nearest = armed(state, buy_rate, most)
    bought = sorted(
        (level for level in crossed if level.key in nearest), key=lambda level: -level.buy_price
    )[:free]
    return _purchase(state, bought, BUY_TAG) if bought else None


def step(
    state: GridState, buy_rate: float, sell_rate: float, most: int
) -> tuple[GridState, Wish | None]:
    """The grid after a look at the market, and what it wants. It moves only when it wants nothing.

    So what a fast market crossed on its way is bought before the grid is laid around the new price.
    """
    wish = wish_at(state, buy_rate, sell_rate, most)
    if wish is not None:
        return state, wish
    if state.rotated and not state.lots:
        return without_rotated(state), None
    price = (buy_rate + sell_rate) / 2.0
    is_idle = not state.in_phase("buying") and not state.in_phase("selling")
    if is_idle and state.ended is None and is_off_centre(state, price):
        return rebalanced(state, price), None
    return seen(state, buy_rate), None


def highest_only(state: GridState, wish: Wish) -> Wish:
    """A buy of the highest of its levels alone, where all at once are too much.

    Lots that a rotation sold are bought again at once, fewer coins of each where it is too much.
    """
    if wish.tag == GRID_ROTATION:
        return wish
    levels = [level for level in state.levels if level.key in wish.keys]
    return _purchase(state, [max(levels, key=lambda level: level.buy_price)], BUY_TAG)


def reason_to_end(state: GridState, price: float, fee_rate: float) -> str | None:
    """The tag of the exit of the whole grid, where its result asks for one at this price."""
    result_pct = 100.0 * state.profit_at(price, fee_rate) / state.spec.capital_usd
    if result_pct <= -state.spec.stop_pct:
        return GRID_STOP
    target = state.spec.take_profit_pct
    return GRID_TAKE_PROFIT if target is not None and result_pct >= target else None


def rotates(state: GridState, orders: int, most: int | None) -> bool:
    """Whether the trade of a grid has so many orders that it is closed and opened anew.

    From `most` orders on as soon as little is held, at half as many more in any case. None: never.
    """
    if most is None or orders < most or not state.lots or state.ended is not None:
        return False
    if state.in_phase("buying") or state.in_phase("selling"):
        return False
    is_little = len(state.lots) <= state.spec.levels * LITTLE_SHARE
    return is_little or orders >= most * 1.5


def tag_of_sent(state: GridState, side: Literal["buy", "sell"]) -> str | None:
    """The tag of the order that levels of the grid wait for; None if none does."""
    if side == "sell":
        selling = state.in_phase("selling")
        return _tag(state, SELL_TAG, selling) if selling else None
    buying = sorted(state.in_phase("buying"), key=lambda level: -level.buy_price)
    if not buying:
        return None
    if state.rotated and not state.lots:
        return GRID_ROTATION
    return _tag(state, SEED_TAG if state.seed_due else BUY_TAG, buying)


def name_of(state: GridState, level: Level) -> str:
    """L-3 is the third buy below the centre; L-3@1 one that an earlier laying left."""
    old = "" if level.generation == state.generation else f"@{level.generation}"
    return f"L{level.number}{old}"


def _laid(spec: GridSpec, centre: float, generation: int) -> tuple[Level, ...]:
    return tuple(Level(number, generation, buy, sell) for number, buy, sell in steps(spec, centre))


def _sale(state: GridState, levels: list[Level]) -> Wish:
    amount = math.fsum(level.amount for level in levels)
    value = math.fsum(level.amount * level.sell_price for level in levels)
    is_last = len(levels) == len(state.lots)
    return Wish(
        side="sell",
        keys=tuple(level.key for level in levels),
        price=value / amount,
        stake=0.0,
        amount=amount + state.dust_amount,
        is_last=is_last,
        tag=_tag(state, SELL_TAG, levels),
    )


def _purchase(state: GridState, levels: list[Level], tag: str) -> Wish:
    return Wish(
        side="buy",
        keys=tuple(level.key for level in levels),
        price=math.fsum(level.buy_price for level in levels) / len(levels),
        stake=len(levels) * state.spec.stake_usd,
        amount=0.0,
        is_last=False,
        tag=_tag(state, tag, levels),
    )


def _seed(state: GridState, rate: float) -> Wish | None:
    above = [level for level in state.levels if level.sell_price > rate]
    lots = sorted(above, key=lambda level: level.sell_price)[: max(1, state.spec.levels // 2)]
    return replace(_purchase(state, lots, SEED_TAG), price=rate) if lots else None


def _bought_back(state: GridState, rate: float) -> Wish | None:
    """What a rotation sold, at the market: as many coins, to be sold at the same lines.

    Not those of lines that the price is above by now: they would be sold at once.
    """
    amounts = {(generation, number): amount for generation, number, amount in state.rotated}
    lots = [level for level in state.levels if level.key in amounts and level.sell_price > rate]
    if not lots:
        return None
    amount = math.fsum(amounts[level.key] for level in lots)
    return replace(_purchase(state, lots, GRID_ROTATION), price=rate, stake=amount * rate)


def _tag(state: GridState, tag: str, levels: Iterable[Level]) -> str:
    return "_".join([tag, *(name_of(state, level) for level in levels)])[:TAG_LENGTH]
