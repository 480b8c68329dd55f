"""Tables of the replay exchange's ledger, and how its rows become orders, fills and balances."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from sidecars.replay.model import (
    Fill,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)

SCHEMA_VERSION = 1


class ExactDecimal(sa.TypeDecorator[Decimal]):
    """A Decimal as its plain decimal text: exact at any size, and readable in any SQLite shell."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else format(value, "f")

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


metadata = sa.MetaData()

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)

# Which assets a symbol trades, so that the ledger can be checked without the exchange.
markets = sa.Table(
    "markets",
    metadata,
    sa.Column("symbol", sa.String, primary_key=True),
    sa.Column("base", sa.String, nullable=False),
    sa.Column("quote", sa.String, nullable=False),
)

deposits = sa.Table(
    "deposits",
    metadata,
    sa.Column("deposit_id", sa.Integer, primary_key=True),
    sa.Column("asset", sa.String, nullable=False),
    sa.Column("amount", ExactDecimal, nullable=False),
)

balances = sa.Table(
    "balances",
    metadata,
    sa.Column("asset", sa.String, primary_key=True),
    sa.Column("free", ExactDecimal, nullable=False),
    sa.Column("locked", ExactDecimal, nullable=False),
)

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("order_id", sa.Integer, primary_key=True),
    sa.Column("client_order_id", sa.String, nullable=False),
    sa.Column("symbol", sa.String, nullable=False),
    sa.Column("side", sa.String, nullable=False),
    sa.Column("type", sa.String, nullable=False),
    sa.Column("time_in_force", sa.String, nullable=False),
    sa.Column("amount", ExactDecimal),
    sa.Column("price", ExactDecimal),
    sa.Column("stop_price", ExactDecimal),
    sa.Column("quote_amount", ExactDecimal),
    sa.Column("status", sa.String, nullable=False, index=True),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sa.Column("filled_amount", ExactDecimal, nullable=False),
    sa.Column("filled_quote", ExactDecimal, nullable=False),
    sa.Column("stop_triggered", sa.Boolean, nullable=False),
    sa.Index("orders_of_symbol", "symbol", "order_id"),
    sa.Index("orders_of_client", "symbol", "client_order_id"),
)
CHANGING_COLUMNS = ("status", "updated_ms", "filled_amount", "filled_quote", "stop_triggered")

fills = sa.Table(
    "fills",
    metadata,
    sa.Column("trade_id", sa.Integer, primary_key=True),
    sa.Column("order_id", sa.ForeignKey("orders.order_id"), nullable=False, index=True),
    sa.Column("symbol", sa.String, nullable=False),
    sa.Column("side", sa.String, nullable=False),
    sa.Column("time_ms", sa.BigInteger, nullable=False),
    sa.Column("price", ExactDecimal, nullable=False),
    sa.Column("amount", ExactDecimal, nullable=False),
    sa.Column("quote_amount", ExactDecimal, nullable=False),
    sa.Column("fee", ExactDecimal, nullable=False),
    sa.Column("fee_asset", sa.String, nullable=False),
    sa.Column("is_maker", sa.Boolean, nullable=False),
    sa.Index("fills_of_symbol", "symbol", "trade_id"),
)


def order_row(order: Order) -> dict[str, object]:
    """An order as a row of `orders`; its fills have rows of their own."""
    request = order.request
    return {
        "order_id": order.order_id,
        "client_order_id": request.client_order_id,
        "symbol": request.symbol,
        "side": request.side.value,
        "type": request.type.value,
        "time_in_force": request.time_in_force.value,
        "amount": request.amount,
        "price": request.price,
        "stop_price": request.stop_price,
        "quote_amount": request.quote_amount,
        "status": order.status.value,
        "created_ms": order.created_ms,
        "updated_ms": order.updated_ms,
        "filled_amount": order.filled_amount,
        "filled_quote": order.filled_quote,
        "stop_triggered": order.stop_triggered,
    }


def order_from(row: sa.Row[Any], its_fills: Sequence[Fill]) -> Order:
    """The order of a row of `orders`, with its fills."""
    request = OrderRequest(
        symbol=row.symbol,
        side=Side(row.side),
        type=OrderType(row.type),
        amount=row.amount,
        client_order_id=row.client_order_id,
        price=row.price,
        stop_price=row.stop_price,
        quote_amount=row.quote_amount,
        time_in_force=TimeInForce(row.time_in_force),
    )
    return Order(
        order_id=row.order_id,
        request=request,
        status=OrderStatus(row.status),
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        filled_amount=row.filled_amount,
        filled_quote=row.filled_quote,
        stop_triggered=row.stop_triggered,
        fills=tuple(its_fills),
    )


def fill_row(fill: Fill) -> dict[str, object]:
    """A fill as a row of `fills`."""
    return {
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "symbol": fill.symbol,
        "side": fill.side.value,
        "time_ms": fill.time_ms,
        "price": fill.price,
        "amount": fill.amount,
        "quote_amount": fill.quote_amount,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
        "is_maker": fill.is_maker,
    }


def fill_from(row: sa.Row[Any]) -> Fill:
    """The fill of a row of `fills`."""
    return Fill(
        trade_id=row.trade_id,
        order_id=row.order_id,
        symbol=row.symbol,
        side=Side(row.side),
        time_ms=row.time_ms,
        price=row.price,
        amount=row.amount,
        quote_amount=row.quote_amount,
        fee=row.fee,
        fee_asset=row.fee_asset,
        is_maker=row.is_maker,
    )
