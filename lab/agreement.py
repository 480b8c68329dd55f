"""Do the bot and the exchange believe the same? Compared to the smallest unit, nothing rounded.

The exchange is right by definition; every line returned is something the bot has wrong.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from lab.trades import BotBooks, BotOrder


@dataclass(frozen=True, slots=True)
class LedgerOrder:
    """An order as the exchange's ledger has it (Binance's status words)."""

    order_id: str
    pair: str
    side: str
    status: str
    filled_amount: Decimal
    filled_quote: Decimal
    fee: Decimal
    fee_asset: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """`disagreements` is empty when the books agree; the counts say what was compared."""

    orders: int
    filled_orders: int
    assets: int
    turnover_quote: Decimal
    fees_not_kept: int  # later exit orders of one trade: freqtrade keeps the first one's fee only
    dropped_unfilled: int  # entries cancelled without a fill: freqtrade deletes those
    disagreements: tuple[str, ...]


# Freqtrade rounds the rates of a trade to the market's price tick.
RATE_TOLERANCE = Decimal("0.001")
# After a restart it cuts what a trade holds down to whole lots; the rest stays as dust.
LOT_TOLERANCE = Decimal("0.01")
STATUS_WORDS = {
    "NEW": "open",
    "PARTIALLY_FILLED": "open",
    "FILLED": "closed",
    "CANCELED": "canceled",
    "EXPIRED": "expired",
    "REJECTED": "rejected",
}


def compare_books(
    books: BotBooks,
    ledger: Iterable[LedgerOrder],
    balances: Mapping[str, Decimal],
    deposits: Mapping[str, Decimal],
    quote: str,
) -> Agreement:
    """Orders one to one, then coins and cash derived from the bot's orders against balances.

    balances: free + locked of every asset; deposits: what was paid in; quote: the stake currency.
    """
    orders = list(ledger)
    known = {order.order_id for order in books.orders}
    dropped = [order for order in orders if order.order_id not in known and _left_nothing(order)]
    orders = [order for order in orders if order not in dropped]
    found = _compare_orders(books.orders, orders)
    coins, cash, not_kept, fee_lines = _holdings(books, orders, quote)
    found += fee_lines + _compare_trades(books)
    expected: dict[str, Decimal] = defaultdict(Decimal, deposits)
    for asset, amount in coins.items():
        expected[asset] += amount
    expected[quote] += cash
    for asset in sorted(set(expected) | set(balances)):
        has, should = balances.get(asset, Decimal(0)), expected.get(asset, Decimal(0))
        if has != should:
            found.append(f"{asset}: the bot's orders make {should}, the ledger holds {has}")
    return Agreement(
        orders=len(orders),
        filled_orders=sum(1 for order in orders if order.filled_amount),
        assets=len(set(expected) | set(balances)),
        turnover_quote=sum((order.filled_quote for order in orders), Decimal(0)),
        fees_not_kept=not_kept,
        dropped_unfilled=len(dropped),
        disagreements=tuple(found),
    )


def _left_nothing(order: LedgerOrder) -> bool:
    """An entry that ended without a fill: freqtrade deletes it with its trade."""
    ended = order.status in ("CANCELED", "EXPIRED", "REJECTED")
    return order.side == "BUY" and ended and not order.filled_amount


def _compare_orders(bot: Iterable[BotOrder], ledger: Iterable[LedgerOrder]) -> list[str]:
    found = []
    known = list(bot)
    for order_id, times in Counter(order.order_id for order in known).items():
        if times > 1:
            found.append(f"order {order_id}: {times} times in the bot's database")
    by_id = {order.order_id: order for order in known}
    there = {order.order_id: order for order in ledger}
    for order_id in sorted(there.keys() - by_id.keys(), key=int):
        lost = there[order_id]
        found.append(
            f"order {order_id}: {lost.side} {lost.pair} {lost.status}, filled "
            f"{lost.filled_amount}, is not in the bot's database"
        )
    found += [
        f"order {order_id}: in the bot's database, unknown to the exchange"
        for order_id in sorted(by_id.keys() - there.keys())
    ]
    for order_id in sorted(by_id.keys() & there.keys(), key=int):
        found += _compare_order(by_id[order_id], there[order_id])
    return found


def _compare_order(bot: BotOrder, ledger: LedgerOrder) -> list[str]:
    pairs = {
        "pair": (bot.pair, ledger.pair),
        "side": (bot.side, ledger.side.lower()),
        "status": (bot.status, STATUS_WORDS.get(ledger.status, ledger.status)),
        "filled amount": (bot.filled_amount, ledger.filled_amount),
        "filled value": (bot.filled_quote, ledger.filled_quote),
    }
    if ledger.side == "BUY" and ledger.filled_amount:
        pairs["fee"] = (bot.base_fee, ledger.fee)
    return [
        f"order {bot.order_id} ({bot.pair}): {name} is {mine} for the bot, {theirs} at the exchange"
        for name, (mine, theirs) in pairs.items()
        if mine != theirs
    ]


def _compare_trades(books: BotBooks) -> list[str]:
    """Each trade against its own orders: what it holds, whether it is open, at which prices."""
    found = []
    for trade_id, trade in zip(books.trade_ids, books.trades, strict=True):
        own = [order for order in books.orders if order.trade_id == trade_id]
        bought = [order for order in own if order.side == "buy" and order.filled_amount]
        sold = [order for order in own if order.side == "sell" and order.filled_amount]
        held = sum((o.filled_amount - o.base_fee for o in bought), Decimal(0))
        held -= sum((o.filled_amount for o in sold), Decimal(0))
        named = f"trade {trade_id} ({trade.pair})"
        believed = books.amounts.get(trade_id, Decimal(0))
        if trade.closed is None and not 0 <= held - believed <= held * LOT_TOLERANCE:
            found.append(f"{named}: holds {believed}, its orders make {held}")
        if trade.closed is not None and bought and not sold:
            found.append(f"{named}: closed, but nothing was sold")
        found += _compare_rate(f"{named}: open rate", trade.open_rate, bought)
        found += _compare_rate(f"{named}: close rate", trade.close_rate, sold)
    return found


def _compare_rate(what: str, rate: float | None, orders: Sequence[BotOrder]) -> list[str]:
    amount = sum((order.filled_amount for order in orders), Decimal(0))
    if rate is None or not amount:
        return []
    filled = sum((order.filled_quote for order in orders), Decimal(0)) / amount
    if abs(Decimal(rate) / filled - 1) <= RATE_TOLERANCE:
        return []
    return [f"{what} is {rate}, its orders make {float(filled):.8g}"]


def _holdings(
    books: BotBooks, ledger: Iterable[LedgerOrder], quote: str
) -> tuple[dict[str, Decimal], Decimal, int, list[str]]:
    """Coins and cash that follow from the bot's orders; exit fees the bot has not kept, counted."""
    fee_at_exchange = {order.order_id: order.fee for order in ledger if order.fee_asset == quote}
    coins: dict[str, Decimal] = defaultdict(Decimal)
    cash, not_kept = Decimal(0), 0
    lines: list[str] = []
    fee_seen: set[int] = set()
    for order in books.orders:
        base = order.pair.split("/")[0]
        if order.side == "buy":
            coins[base] += order.filled_amount - order.base_fee
            cash -= order.filled_quote
        elif order.filled_amount:
            coins[base] -= order.filled_amount
            fee = books.exit_fee_quote.get(order.trade_id)
            if order.trade_id in fee_seen:
                fee = fee_at_exchange.get(order.order_id, Decimal(0))
                not_kept += 1
            elif fee is None:
                fee = Decimal(0)
                lines.append(f"order {order.order_id} ({order.pair}): the bot has kept no exit fee")
            elif fee != fee_at_exchange.get(order.order_id):
                lines.append(
                    f"order {order.order_id} ({order.pair}): fee is {fee} for the bot, "
                    f"{fee_at_exchange.get(order.order_id)} at the exchange"
                )
            fee_seen.add(order.trade_id)
            cash += order.filled_quote - fee
    return dict(coins), cash, not_kept, lines
