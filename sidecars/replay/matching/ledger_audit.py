"""The check of the books: everything that can be derived is derived again and compared.

It reads the ledger's rows alone, none of the engine's memory, and streams them.
"""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from sidecars.replay.matching import ledger_schema as schema
from sidecars.replay.matching.spot_account import (
    NOTHING,
    fill_effects,
    paying_asset,
    quote_of,
    remaining_of,
    reservation,
)
from sidecars.replay.model import Fill, Order, OrderStatus, Side

ROWS_AT_ONCE = 1000
Amounts = dict[str, Decimal]


def disagreements(connection: sa.Connection) -> list[str]:
    """One line for everything in the ledger that does not follow from deposits and fills."""
    assets = {
        row.symbol: (row.base, row.quote) for row in connection.execute(sa.select(schema.markets))
    }
    held: Amounts = defaultdict(lambda: NOTHING)
    locked: Amounts = defaultdict(lambda: NOTHING)
    found: list[str] = []
    for deposit in connection.execute(sa.select(schema.deposits)):
        held[deposit.asset] += deposit.amount
    for order in _orders(connection):
        if order.request.symbol not in assets:
            found.append(f"order {order.order_id}: {order.request.symbol} is no known market")
            continue
        base, quote = assets[order.request.symbol]
        locked[paying_asset(base, quote, order.request.side)] += reservation(order)
        for fill in order.fills:
            for asset, change in fill_effects(base, quote, fill):
                held[asset] += change
        found += _about_order(order)
        found += (line for fill in order.fills for line in _about_fill(order, fill, base, quote))
    return found + _orphans(connection) + _about_balances(connection, held, locked)


def _orders(connection: sa.Connection) -> Iterator[Order]:
    """All orders with their fills, one at a time."""
    orders, fills = schema.orders, schema.fills
    query = (
        sa.select(orders, *(column.label(f"fill_{column.name}") for column in fills.columns))
        .outerjoin(fills, fills.c.order_id == orders.c.order_id)
        .order_by(orders.c.order_id, fills.c.trade_id)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    for _, group in groupby(connection.execute(query), key=lambda row: row.order_id):
        rows = list(group)
        its_fills = [_joined_fill(row) for row in rows if row.fill_trade_id is not None]
        yield schema.order_from(rows[0], its_fills)


def _joined_fill(row: sa.Row[Any]) -> Fill:
    values = {name.removeprefix("fill_"): v for name, v in row._mapping.items() if "fill_" in name}
    return Fill(**{**values, "side": Side(values["side"])})


def _about_order(order: Order) -> list[str]:
    name = f"order {order.order_id} ({order.request.symbol} {order.status})"
    amount = sum((fill.amount for fill in order.fills), NOTHING)
    quote = sum((fill.quote_amount for fill in order.fills), NOTHING)
    found = []
    if amount != order.filled_amount:
        found.append(f"{name}: fills sum to {amount}, the order says {order.filled_amount}")
    if quote != order.filled_quote:
        found.append(f"{name}: fills cost {quote}, the order says {order.filled_quote}")
    wanted = order.request.amount
    if wanted is not None and order.filled_amount > wanted:
        found.append(f"{name}: filled {order.filled_amount} of {wanted}")
    if not _status_fits(order):
        found.append(f"{name}: the status does not fit {order.filled_amount} filled of {wanted}")
    return found


def _status_fits(order: Order) -> bool:
    remaining = remaining_of(order)
    if order.status is OrderStatus.NEW:
        return order.filled_amount == 0
    if order.status is OrderStatus.FILLED:
        return order.filled_amount > 0 and remaining == 0
    if order.status is OrderStatus.PARTIALLY_FILLED:
        return order.filled_amount > 0 and remaining > 0
    return order.status in (OrderStatus.CANCELED, OrderStatus.EXPIRED)


def _about_fill(order: Order, fill: Fill, base: str, quote: str) -> list[str]:
    name = f"fill {fill.trade_id} of order {order.order_id}"
    request = order.request
    received, fee_asset = (
        (fill.amount, base) if fill.side is Side.BUY else (fill.quote_amount, quote)
    )
    beyond = (
        NOTHING
        if request.price is None
        else (fill.price - request.price) * (1 if fill.side is Side.BUY else -1)
    )
    checks = {
        f"is of {fill.symbol} {fill.side}": (fill.symbol, fill.side)
        == (request.symbol, request.side),
        f"costs {fill.quote_amount}": fill.quote_amount == quote_of(fill.price, fill.amount),
        f"pays a fee of {fill.fee} {fill.fee_asset}": fill.fee_asset == fee_asset
        and 0 <= fill.fee <= received,
        f"has the amount {fill.amount}": fill.amount > 0,
        f"has the price {fill.price}, beyond the limit {request.price}": beyond <= 0,
        f"is of {fill.time_ms}, before the order": fill.time_ms >= order.created_ms,
    }
    return [f"{name}: {what}" for what, is_right in checks.items() if not is_right]


def _orphans(connection: sa.Connection) -> list[str]:
    orders, fills = schema.orders, schema.fills
    query = (
        sa.select(fills.c.trade_id, fills.c.order_id)
        .outerjoin(orders, orders.c.order_id == fills.c.order_id)
        .where(orders.c.order_id.is_(None))
    )
    return [
        f"fill {row.trade_id}: there is no order {row.order_id}"
        for row in connection.execute(query)
    ]


def _about_balances(connection: sa.Connection, held: Amounts, locked: Amounts) -> list[str]:
    found = []
    there = {row.asset: row for row in connection.execute(sa.select(schema.balances))}
    for asset in sorted(set(there) | set(held) | set(locked)):
        free = there[asset].free if asset in there else NOTHING
        kept = there[asset].locked if asset in there else NOTHING
        if free + kept != held[asset]:
            found.append(f"{asset}: deposits and fills make {held[asset]}, held is {free + kept}")
        if kept != locked[asset]:
            found.append(f"{asset}: open orders lock {locked[asset]}, locked is {kept}")
        if free < 0 or kept < 0:
            found.append(f"{asset}: negative balance, {free} free and {kept} locked")
    return found
