"""Books of an account, for tests of what they differ in."""

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sidecars.guard.books import AccountBooks, BotIdentity, ExchangeOrder

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
LONG_AGO, JUST_NOW = NOON - timedelta(hours=1), NOON - timedelta(seconds=10)
BTC, ETH = "BTC/USDT", "ETH/USDT"
STEPS = {BTC: Decimal("0.00001"), ETH: Decimal("0.0001")}
DIP, SMA = BotIdentity("dip", "aq-dip-"), BotIdentity("sma", "aq-sma-")


def amount(text: str) -> Decimal:
    return Decimal(text)


def told(
    number: str = "1", client: str = "aq-dip-x", status: str = "open", filled: str = "0",
    changed_at: datetime = LONG_AGO, pair: str = BTC,
) -> ExchangeOrder:  # fmt: skip
    return ExchangeOrder(
        pair, number, client, "buy", status, amount("0.02"), amount(filled), changed_at
    )


def account(*orders: ExchangeOrder, **changes: object) -> AccountBooks:
    books = AccountBooks(
        "main", NOON, {BTC: NOON - timedelta(hours=23), ETH: NOON - timedelta(hours=23)},
        orders={order.key: order for order in orders},
        totals={"USDT": amount("1000")}, steps=STEPS,
    )  # fmt: skip
    return dataclasses.replace(books, **changes)  # type: ignore[arg-type]
