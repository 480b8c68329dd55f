"""From the parameters of a new order to an OrderRequest, with Binance's refusals. Pure.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/trading-endpoints#new-order-trade
"""

from collections.abc import Callable
from enum import StrEnum

from sidecars.replay.binance.parameters import Parameters, mandatory
from sidecars.replay.model import ExchangeError, OrderRequest, OrderType, Side, TimeInForce

RESPONSE_TYPES = ("ACK", "RESULT", "FULL")
# Binance answers these with FULL unless asked for less, all others with ACK.
FULL_BY_DEFAULT = (OrderType.MARKET, OrderType.LIMIT)


class BinanceOrderType(StrEnum):
    """Every type that Binance knows; those without a twin in OrderType are not traded here."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIMIT_MAKER = "LIMIT_MAKER"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"


UNSUPPORTED = {
    BinanceOrderType.STOP_LOSS: "Stop loss orders are not supported for this symbol.",
    BinanceOrderType.TAKE_PROFIT: "Take profit orders are not supported for this symbol.",
    BinanceOrderType.TAKE_PROFIT_LIMIT: (
        "Take profit limit orders are not supported for this symbol."
    ),
}
# The parameters that each type must have, and those of the others that it must not have.
NEEDED = {
    OrderType.LIMIT: ("timeInForce", "quantity", "price"),
    OrderType.LIMIT_MAKER: ("quantity", "price"),
    OrderType.STOP_LOSS_LIMIT: ("timeInForce", "quantity", "price", "stopPrice"),
    OrderType.MARKET: (),
}
REFUSED = {
    OrderType.LIMIT: ("quoteOrderQty", "stopPrice"),
    OrderType.LIMIT_MAKER: ("timeInForce", "quoteOrderQty", "stopPrice"),
    OrderType.STOP_LOSS_LIMIT: ("quoteOrderQty",),
    OrderType.MARKET: ("timeInForce", "price", "stopPrice"),
}


def order_request(parameters: Parameters, symbol: str, new_id: Callable[[], str]) -> OrderRequest:
    """The order asked for. Its filters and the balance are the engine's to check.

    symbol: read by the caller, who knows which symbols exist. new_id: makes a client order id
    when none is sent. Raises ExchangeError.
    """
    side = parameters.choice("side", Side, ExchangeError(-1117, "Invalid side."))
    if side is None:
        raise mandatory("side")
    order_type = _type(parameters)
    _refuse_unsupported(parameters)
    parameters.refuse(*REFUSED[order_type])
    for name in NEEDED[order_type]:
        parameters.required_text(name)
    time_in_force = parameters.choice(
        "timeInForce", TimeInForce, ExchangeError(-1115, "Invalid timeInForce.")
    )
    amount = parameters.decimal("quantity")
    quote_amount = parameters.decimal("quoteOrderQty")
    if order_type is OrderType.MARKET and amount is None and quote_amount is None:
        raise ExchangeError(
            -1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"
        )
    if amount is not None and quote_amount is not None:
        raise ExchangeError(-1128, "Combination of optional parameters invalid.")
    # Of no consequence for one account that never trades with itself.
    parameters.ignore("selfTradePreventionMode", "strategyId", "strategyType")
    return OrderRequest(
        symbol=symbol,
        side=side,
        type=order_type,
        amount=amount,
        client_order_id=parameters.client_order_id("newClientOrderId") or new_id(),
        price=parameters.decimal("price"),
        stop_price=parameters.decimal("stopPrice"),
        quote_amount=quote_amount,
        time_in_force=time_in_force or TimeInForce.GTC,
    )


def response_type(parameters: Parameters, order_type: str | None) -> str:
    """newOrderRespType, or what the order type gets by default."""
    default = "FULL" if order_type in FULL_BY_DEFAULT else "ACK"
    return parameters.word("newOrderRespType", RESPONSE_TYPES, default)


def _type(parameters: Parameters) -> OrderType:
    named = parameters.choice("type", BinanceOrderType, ExchangeError(-1116, "Invalid orderType."))
    if named is None:
        raise mandatory("type")
    if named in UNSUPPORTED:
        raise ExchangeError(-2010, UNSUPPORTED[named])
    return OrderType(named.value)


def _refuse_unsupported(parameters: Parameters) -> None:
    if parameters.has("icebergQty"):
        raise ExchangeError(-2010, "Iceberg orders are not supported for this symbol.")
    if parameters.has("trailingDelta"):
        raise ExchangeError(-2010, "Trailing stop orders are not supported for this symbol.")
