"""The exchange's ledger, read over its control API, and held against a bot's database."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from lab.agreement import Agreement, LedgerOrder, compare_books
from lab.trades import BotBooks
from operations.road import Exchange

PAGE = "1000"


def ledger_orders(exchange: Exchange, quote: str) -> list[LedgerOrder]:
    """Every order of the ledger, oldest first. Raises requests.RequestException."""
    return [_order(order, quote) for order in _pages(exchange)]


def _pages(exchange: Exchange) -> Iterator[Mapping[str, Any]]:
    start: int | None = 0
    while start is not None:
        page: Any = exchange.control("ledger/orders", from_order_id=str(start), limit=PAGE)
        yield from page["orders"]
        start = page["next_from_order_id"]


def _order(order: Mapping[str, Any], quote: str) -> LedgerOrder:
    base = str(order["symbol"]).removesuffix(quote)
    return LedgerOrder(
        order_id=str(order["order_id"]),
        pair=f"{base}/{quote}",
        side=str(order["side"]),
        status=str(order["status"]),
        filled_amount=Decimal(order["filled_amount"]),
        filled_quote=Decimal(order["filled_quote"]),
        fee=sum((Decimal(fill["fee"]) for fill in order["fills"]), Decimal(0)),
        fee_asset=base if order["side"] == "BUY" else quote,
    )


def agreement_of(exchange: Exchange, books: BotBooks, quote: str) -> Agreement:
    """Compare a bot's books with the ledger, after the ledger has been audited against itself."""
    balances: Any = exchange.control("ledger/balances")
    deposits: Any = exchange.control("ledger/deposits")
    audit: Any = exchange.control("ledger/verify")
    paid_in: dict[str, Decimal] = defaultdict(Decimal)
    for deposit in deposits["deposits"]:
        paid_in[deposit["asset"]] += Decimal(deposit["amount"])
    agreement = compare_books(
        books,
        ledger_orders(exchange, quote),
        {
            balance["asset"]: Decimal(balance["free"]) + Decimal(balance["locked"])
            for balance in balances["balances"]
        },
        paid_in,
        quote,
    )
    broken = tuple(f"the ledger itself: {line}" for line in audit["disagreements"])
    return replace(agreement, disagreements=broken + agreement.disagreements)
