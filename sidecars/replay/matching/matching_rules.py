"""Who trades with whom, at what price and how much: the rules of matching as pure functions.

- An order that meets the book takes it level by level, best price first, down to its limit.
- A resting limit order is filled by the market's own trades (ticks), at its limit price: by one
  strictly through the limit with `through_share` of the tick's amount, by one at the limit itself
  with `touch_share` of it, whichever side started that trade. Several orders share one tick, the
  best price first, then the older order; a tick's amount is never given out twice.
- A stop is triggered by the first tick at or beyond its stop price, and then meets the book.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from sidecars.replay.matching.book import BookSettings, Level
from sidecars.replay.matching.spot_account import EXACT, NOTHING, floor_to_step, quote_of
from sidecars.replay.model import FloatArray, Market, Order, OrderType, Side


@dataclass(frozen=True, slots=True)
class Execution:
    """An amount traded at a price; fees and ids come later."""

    price: Decimal
    amount: Decimal


def within_limit(side: Side, price: Decimal, limit_price: Decimal | None) -> bool:
    """Whether an order may trade at a price; one without a limit trades at any."""
    if limit_price is None:
        return True
    return price <= limit_price if side is Side.BUY else price >= limit_price


def take_amount(
    levels: Iterable[Level], side: Side, amount: Decimal, limit_price: Decimal | None
) -> list[Execution]:
    """Take up to `amount` base units off the levels; less when limit or depth end it."""
    taken: list[Execution] = []
    for price, available in levels:
        if amount <= 0 or not within_limit(side, price, limit_price):
            break
        part = min(amount, available)
        taken.append(Execution(price, part))
        amount -= part
    return taken


def take_quote(
    levels: Iterable[Level], quote_amount: Decimal, amount_step: Decimal
) -> tuple[list[Execution], bool]:
    """Take what `quote_amount` pays for, and whether the depth sufficed.

    What is left over is less than the price of one amount step.
    """
    taken: list[Execution] = []
    for price, available in levels:
        part = min(available, affordable(quote_amount, price, amount_step))
        if part > 0:
            taken.append(Execution(price, part))
            quote_amount -= quote_of(price, part)
        if part < available:
            return taken, True
    return taken, False


def affordable(quote_amount: Decimal, price: Decimal, amount_step: Decimal) -> Decimal:
    """The largest amount, in whole steps, that costs no more than `quote_amount`."""
    steps = EXACT.divide_int(quote_amount, EXACT.multiply(price, amount_step))
    return EXACT.multiply(steps, amount_step)


def is_waiting(order: Order) -> bool:
    """Whether an order is a stop that has not been triggered yet."""
    return order.request.type is OrderType.STOP_LOSS_LIMIT and not order.stop_triggered


def is_triggered_by(order: Order, tick_price: Decimal) -> bool:
    """Whether a tick sets off a waiting stop: a sell at or below its price, a buy at or above."""
    stop_price = order.request.stop_price
    if stop_price is None or not is_waiting(order):
        return False
    return tick_price <= stop_price if order.request.side is Side.SELL else tick_price >= stop_price


def share_of_tick(order: Order, tick_price: Decimal, settings: BookSettings) -> Decimal:
    """Which part of a tick's amount a resting limit order can have at most."""
    limit_price = order.request.price
    if limit_price is None or is_waiting(order):
        return NOTHING
    if tick_price == limit_price:
        return settings.touch_share
    is_through = within_limit(order.request.side, tick_price, limit_price)
    return settings.through_share if is_through else NOTHING


def available_in_tick(
    tick_amount: float, share: Decimal, given_out: Decimal, market: Market
) -> Decimal:
    """What is left of a tick for an order with this share of it, in whole amount steps."""
    left = Decimal(repr(tick_amount)) * share - given_out
    return floor_to_step(left, market.amount_step) if left > 0 else NOTHING


def first_come(orders: Iterable[Order]) -> list[Order]:
    """Orders in the queue's order: within each side the best price, then the lowest id."""

    def rank(order: Order) -> tuple[str, Decimal, int]:
        price = order.request.price or NOTHING
        is_buy = order.request.side is Side.BUY
        return order.request.side.value, -price if is_buy else price, order.order_id

    return sorted(orders, key=rank)


def may_matter(
    prices: FloatArray, orders: Iterable[Order], price_tick: Decimal
) -> npt.NDArray[np.bool_]:
    """Which tick prices could touch any of the orders; never misses one.

    A tick of slack covers binary fractions and prices off the tick; the exact rules decide about
    those that it lets through.
    """
    slack = float(price_tick)
    lower, upper = -np.inf, np.inf  # at or below `lower`, or at or above `upper`, matters
    for order in orders:
        request = order.request
        price = request.stop_price if is_waiting(order) else request.price
        if price is None:
            continue
        # A resting buy waits for lower prices, as does the stop of a sell.
        if (request.side is Side.BUY) != is_waiting(order):
            lower = max(lower, float(price) + slack)
        else:
            upper = min(upper, float(price) - slack)
    matters: npt.NDArray[np.bool_] = (prices <= lower) | (prices >= upper)
    return matters
