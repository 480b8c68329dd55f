"""The arithmetic of a spot account: what orders lock, what fills move, what fees cost. Pure.

Everything is exact. The ledger counts in units of 1e-8 of every asset; what a price times an
amount or a fee rate makes beyond that is cut off (never rounded up), as Binance does. So the
parts of an order never cost more than the order has locked: floor(a) + floor(b) <= floor(a + b).

Another kind of account (margin, futures) replaces this module's `postings` and `reservation`;
matching knows nothing of either.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal

from sidecars.replay.model import (
    Balance,
    Fill,
    Market,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
)

LEDGER_UNIT = Decimal("0.00000001")
NOTHING = Decimal(0)
OPEN_STATUSES = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})
# Wide enough that no product or sum of ledger numbers is ever rounded by the arithmetic itself.
EXACT = Context(prec=80)


@dataclass(frozen=True, slots=True)
class Posting:
    """What one event does to one asset's balance."""

    asset: str
    free: Decimal
    locked: Decimal


def floor_to_unit(value: Decimal) -> Decimal:
    """Cut off what is smaller than the ledger's unit (for values that are not negative)."""
    return value.quantize(LEDGER_UNIT, rounding=ROUND_DOWN, context=EXACT)


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of the step that is not above the value (not negative)."""
    return EXACT.multiply(EXACT.divide_int(value, step), step)


def quote_of(price: Decimal, amount: Decimal) -> Decimal:
    """What an execution costs, in quote units."""
    return floor_to_unit(EXACT.multiply(price, amount))


def fee_of(
    market: Market, side: Side, amount: Decimal, quote_amount: Decimal, is_maker: bool
) -> tuple[Decimal, str]:
    """(fee, asset): a buy pays in base out of what it bought, a sell in quote."""
    rate = market.maker_fee_rate if is_maker else market.taker_fee_rate
    received, asset = (amount, market.base) if side is Side.BUY else (quote_amount, market.quote)
    return floor_to_unit(EXACT.multiply(received, rate)), asset


def is_open(order: Order) -> bool:
    return order.status in OPEN_STATUSES


def remaining_of(order: Order) -> Decimal:
    """Base units not filled yet; nothing for a market order by quote amount."""
    return (order.request.amount or order.filled_amount) - order.filled_amount


def reserved_for(request: OrderRequest, amount: Decimal) -> Decimal:
    """What resting with this amount locks: quote at the limit price for a buy, base for a sell.

    Market orders never rest and lock nothing.
    """
    if request.type is OrderType.MARKET or request.price is None:
        return NOTHING
    return quote_of(request.price, amount) if request.side is Side.BUY else amount


def reservation(order: Order | None) -> Decimal:
    """What an order locks at this moment: nothing before it is placed and once it is done."""
    if order is None or not is_open(order):
        return NOTHING
    return reserved_for(order.request, remaining_of(order))


def paying_asset(base: str, quote: str, side: Side) -> str:
    """The asset an order of this side spends and locks."""
    return quote if side is Side.BUY else base


def fill_effects(base: str, quote: str, fill: Fill) -> Iterator[tuple[str, Decimal]]:
    """(asset, change of what is held, free and locked together) of one fill and its fee."""
    sign = 1 if fill.side is Side.BUY else -1
    yield base, sign * fill.amount
    yield quote, -sign * fill.quote_amount
    yield fill.fee_asset, -fill.fee


def postings(
    base: str, quote: str, before: Order | None, after: Order, new_fills: Iterable[Fill]
) -> list[Posting]:
    """What the change of one order from `before` to `after` by `new_fills` does to balances.

    What is held changes by the fills; what is locked by the difference of the two reservations;
    what is free by the rest. Nothing appears or vanishes but what was traded and paid as a fee.
    """
    held = {base: NOTHING, quote: NOTHING}
    for fill in new_fills:
        for asset, change in fill_effects(base, quote, fill):
            held[asset] = held.get(asset, NOTHING) + change
    locked = reservation(after) - reservation(before)
    payer = paying_asset(base, quote, after.request.side)
    changes = []
    for asset, change in held.items():
        asset_locked = locked if asset == payer else NOTHING
        if change or asset_locked:
            changes.append(Posting(asset, change - asset_locked, asset_locked))
    return changes


def post(balance: Balance, posting: Posting) -> Balance:
    """The balance after a posting. Raises ArithmeticError rather than let it turn negative."""
    after = Balance(balance.asset, balance.free + posting.free, balance.locked + posting.locked)
    if after.free < 0 or after.locked < 0:
        raise ArithmeticError(
            f"{balance.asset}: {balance} cannot take a change of {posting.free} free and "
            f"{posting.locked} locked without a negative balance"
        )
    return after
