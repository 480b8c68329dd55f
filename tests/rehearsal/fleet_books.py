"""What the ledger tells about several bots on one account: who held what, and when."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from lab.agreement import LedgerOrder
from lab.trades import BotBooks

# Bought and sold but for this share of it: dust of fees and lots, nothing is held.
DUST_SHARE = Decimal("0.02")


def merged_books(books: Sequence[BotBooks]) -> BotBooks:
    """The books of several bots as those of one; trade ids are renumbered."""
    context: dict[int, dict[str, str]] = {}
    fees: dict[int, Decimal] = {}
    amounts: dict[int, Decimal] = {}
    trade_ids: list[int] = []
    orders = []
    for number, each in enumerate(books):
        shift = 1_000_000 * number
        context |= {shift + key: value for key, value in each.context.items()}
        fees |= {shift + key: value for key, value in each.exit_fee_quote.items()}
        amounts |= {shift + key: value for key, value in each.amounts.items()}
        trade_ids += [shift + key for key in each.trade_ids]
        orders += [replace(order, trade_id=shift + order.trade_id) for order in each.orders]
    return BotBooks(
        trades=tuple(trade for each in books for trade in each.trades),
        orders=tuple(orders),
        context=context,
        exit_fee_quote=fees,
        amounts=amounts,
        trade_ids=tuple(trade_ids),
    )


def with_fees_paid_in_dust(books: BotBooks, ledger: Iterable[LedgerOrder]) -> BotBooks:
    """The books with the ledger's fee where the bot has booked none.

    Freqtrade books no fee of an entry where the account has coins enough without it, such as what
    earlier sales of any bot have left: those coins are gone all the same.
    """
    paid = {order.order_id: order.fee for order in ledger if order.side == "BUY"}
    orders, amounts = [], dict(books.amounts)
    for order in books.orders:
        fee = paid.get(order.order_id, Decimal(0))
        if order.side == "buy" and order.filled_amount and not order.base_fee and fee:
            order = replace(order, base_fee=fee)
            if order.trade_id in amounts:
                amounts[order.trade_id] -= fee
        orders.append(order)
    return replace(books, orders=tuple(orders), amounts=amounts)


@dataclass(frozen=True, slots=True)
class Hold:
    """A bot was in an asset, or had an order to get into it: [start_ms, end_ms)."""

    bot: str
    asset: str
    start_ms: int
    end_ms: int


def bot_of(order: Mapping[str, Any], bots: Iterable[str]) -> str:
    """Whose order it is, by its client order id; "" if nobody's."""
    for bot in bots:
        if str(order["client_order_id"]).startswith(f"aq-{bot}-"):
            return bot
    return ""


def holds_of(orders: Iterable[Mapping[str, Any]], bots: Sequence[str], end_ms: int) -> list[Hold]:
    """When each bot was in each asset, from the ledger's orders alone.

    From the moment an entry order is there until it is gone unfilled, or until what it bought
    has been sold but for dust.
    """
    events: defaultdict[tuple[str, str], list[tuple[int, int, Decimal, int]]] = defaultdict(list)
    for order in orders:
        key = bot_of(order, bots), str(order["symbol"]).removesuffix("USDT")
        is_buy = order["side"] == "BUY"
        is_open = order["status"] in ("NEW", "PARTIALLY_FILLED")
        closed_ms = end_ms if is_open else int(order["updated_ms"])
        if is_buy:
            events[key].append((int(order["created_ms"]), 0, Decimal(0), 1))
            events[key].append((closed_ms, 1, Decimal(0), -1))
        for fill in order["fills"]:
            amount = Decimal(fill["amount"]) * (1 if is_buy else -1)
            events[key].append((int(fill["time_ms"]), 0, amount, 0))
    return [
        hold for (bot, asset), found in events.items() for hold in _spans(bot, asset, found, end_ms)
    ]


def _spans(
    bot: str, asset: str, events: list[tuple[int, int, Decimal, int]], end_ms: int
) -> list[Hold]:
    held, bought, pending = Decimal(0), Decimal(0), 0
    started: int | None = None
    spans: list[Hold] = []
    for at_ms, _, amount, orders in sorted(events, key=lambda event: event[:2]):
        held += amount
        bought = max(bought, held)
        pending += orders
        is_in = pending > 0 or held > DUST_SHARE * bought
        if is_in and started is None:
            started = at_ms
        elif not is_in and started is not None:
            spans.append(Hold(bot, asset, started, at_ms))
            started, held, bought = None, Decimal(0), Decimal(0)
    if started is not None:
        spans.append(Hold(bot, asset, started, end_ms))
    return spans


def two_holders(holds: Iterable[Hold]) -> list[tuple[Hold, Hold]]:
    """Pairs of different bots that were in one asset at the same time."""
    by_asset: defaultdict[str, list[Hold]] = defaultdict(list)
    for hold in holds:
        by_asset[hold.asset].append(hold)
    return [
        (first, second)
        for spans in by_asset.values()
        for first, second in itertools.combinations(spans, 2)
        if first.bot != second.bot
        and first.start_ms < second.end_ms
        and second.start_ms < first.end_ms
    ]


@dataclass(frozen=True, slots=True)
class _Step:
    """What happens to the account at a moment; `place` orders steps of the same moment."""

    at_ms: int
    place: int
    asset: str
    cash: Decimal = Decimal(0)
    tied: Decimal = Decimal(0)
    coins: Decimal = Decimal(0)
    price: Decimal | None = None


def _steps(order: Mapping[str, Any]) -> Iterator[_Step]:
    asset, is_buy = str(order["symbol"]).removesuffix("USDT"), order["side"] == "BUY"
    spent = sum((Decimal(fill["quote_amount"]) for fill in order["fills"]), Decimal(0))
    wanted = spent
    if order["price"] is not None:
        wanted = Decimal(order["price"]) * Decimal(order["amount"])
    if is_buy:
        yield _Step(int(order["created_ms"]), 0, asset, -wanted, wanted)
    for fill in order["fills"]:
        at_ms, price = int(fill["time_ms"]), Decimal(fill["price"])
        amount, quote, fee = (Decimal(fill[key]) for key in ("amount", "quote_amount", "fee"))
        if is_buy:
            yield _Step(at_ms, 1, asset, Decimal(0), -quote, amount - fee, price)
        else:
            yield _Step(at_ms, 1, asset, quote - fee, Decimal(0), -amount, price)
    if is_buy and order["status"] not in ("NEW", "PARTIALLY_FILLED"):
        yield _Step(int(order["updated_ms"]), 2, asset, wanted - spent, spent - wanted)


def least_free_share(orders: Iterable[Mapping[str, Any]], deposited: Decimal) -> Decimal:
    """The least share of the account that was ever in free cash.

    What open buy orders may still spend is not free; coins count at the last price paid.
    """
    steps = [step for order in orders for step in _steps(order)]
    cash, tied, least = deposited, Decimal(0), Decimal(1)
    coins: defaultdict[str, Decimal] = defaultdict(Decimal)
    prices: dict[str, Decimal] = {}
    for step in sorted(steps, key=lambda each: (each.at_ms, each.place)):
        cash += step.cash
        tied += step.tied
        coins[step.asset] += step.coins
        if step.price is not None:
            prices[step.asset] = step.price
        held = sum(
            (amount * prices[asset] for asset, amount in coins.items() if amount), Decimal(0)
        )
        least = min(least, cash / (cash + tied + held))
    return least
