"""What an order must satisfy before it meets the book, with Binance's own codes and texts.

Codes and texts: "Error codes" and "Filters" of Binance's spot API documentation. Where a filter
speaks of an average price over some minutes, the last price stands for it (avgPriceMins 0).
"""

from collections.abc import Collection
from decimal import Decimal

from sidecars.replay.model import ExchangeError, Market, Order, OrderRequest, OrderType, Side

LEDGER_DECIMALS = 8
LARGEST_NUMBER = Decimal(10) ** 15
# PERCENT_PRICE_BY_SIDE as most of Binance's markets have it, the same for bids and asks.
PERCENT_PRICE_UP = Decimal(5)
PERCENT_PRICE_DOWN = Decimal("0.2")
MAX_NUM_ORDERS = 200
MAX_NUM_ALGO_ORDERS = 5

BAD_SYMBOL = ExchangeError(-1121, "Invalid symbol.")
MARKET_CLOSED = ExchangeError(-2010, "Market is closed.")
INSUFFICIENT_BALANCE = ExchangeError(
    -2010, "Account has insufficient balance for requested action."
)
DUPLICATE_ORDER = ExchangeError(-2010, "Duplicate order sent.")
WOULD_TAKE = ExchangeError(-2010, "Order would immediately match and take.")
WOULD_TRIGGER = ExchangeError(-2010, "Stop price would trigger immediately.")
UNKNOWN_ORDER = ExchangeError(-2011, "Unknown order sent.")
NO_SUCH_ORDER = ExchangeError(-2013, "Order does not exist.")
NO_ORDER_NAMED = ExchangeError(
    -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
)

NEEDED = {
    OrderType.LIMIT: ("amount", "price"),
    OrderType.LIMIT_MAKER: ("amount", "price"),
    OrderType.STOP_LOSS_LIMIT: ("amount", "price", "stop_price"),
    OrderType.MARKET: (),
}
WIRE_NAMES = {
    "amount": "quantity",
    "price": "price",
    "stop_price": "stopPrice",
    "quote_amount": "quoteOrderQty",
}


def refusal(error: ExchangeError) -> ExchangeError:
    """A fresh copy to raise: one raised twice would carry the first one's traceback."""
    return ExchangeError(error.code, error.message, error.http_status)


def decimals_of(value: Decimal) -> int:
    """Decimal places of a finite number, trailing zeros left out."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def filter_failure(name: str, code: int = -1013) -> ExchangeError:
    return ExchangeError(code, f"Filter failure: {name}")


def check_request(market: Market, request: OrderRequest, last_price: Decimal) -> None:
    """Raise ExchangeError unless parameters, precision and all filters of the market agree."""
    _check_parameters(market, request)
    for price in (request.price, request.stop_price):
        if price is not None:
            _check_price(market, price, last_price)
    if request.amount is not None:
        _check_amount(market, request.amount)
    if notional_of(request, last_price) < market.min_notional:
        raise filter_failure("NOTIONAL")


def check_open_orders(request: OrderRequest, open_orders: Collection[Order]) -> None:
    """Raise ExchangeError for a client order id in use or one open order too many.

    open_orders: those of the request's symbol. The id of an order that is done may be used again.
    """
    if any(order.request.client_order_id == request.client_order_id for order in open_orders):
        raise refusal(DUPLICATE_ORDER)
    if len(open_orders) >= MAX_NUM_ORDERS:
        raise filter_failure("MAX_NUM_ORDERS", code=-2010)
    stops = sum(order.request.type is OrderType.STOP_LOSS_LIMIT for order in open_orders)
    if request.type is OrderType.STOP_LOSS_LIMIT and stops >= MAX_NUM_ALGO_ORDERS:
        raise filter_failure("MAX_NUM_ALGO_ORDERS", code=-2010)


def check_stop(request: OrderRequest, last_price: Decimal) -> None:
    """Raise ExchangeError for a stop price that the last price has reached already."""
    if request.stop_price is None:
        return
    reached = (
        last_price <= request.stop_price
        if request.side is Side.SELL
        else last_price >= request.stop_price
    )
    if reached:
        raise refusal(WOULD_TRIGGER)


def notional_of(request: OrderRequest, last_price: Decimal) -> Decimal:
    """What the order is worth in quote units; a market order at the last price."""
    if request.quote_amount is not None:
        return request.quote_amount
    price = last_price if request.price is None else request.price
    return price * (request.amount or Decimal(0))


def _check_parameters(market: Market, request: OrderRequest) -> None:
    given = {name: getattr(request, name) for name in WIRE_NAMES}
    for name in NEEDED[request.type]:
        if given[name] is None:
            raise ExchangeError(
                -1102,
                f"Mandatory parameter '{WIRE_NAMES[name]}' was not sent, was empty/null, "
                "or malformed.",
            )
    allowed = NEEDED[request.type]
    if request.type is OrderType.MARKET:
        if given["amount"] is None and given["quote_amount"] is None:
            raise ExchangeError(
                -1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"
            )
        allowed = ("quote_amount",) if given["amount"] is None else ("amount",)
    for name, value in given.items():
        if value is None:
            continue
        if name not in allowed:
            raise ExchangeError(-1106, f"Parameter '{WIRE_NAMES[name]}' sent when not required.")
        is_price = name in ("price", "stop_price")
        tick_decimals = decimals_of(market.price_tick) if is_price else 0
        _check_number(WIRE_NAMES[name], value, max(LEDGER_DECIMALS, tick_decimals))
        if value <= 0:
            raise ExchangeError(-1013, f"Invalid {'price' if is_price else 'quantity'}.")


def _check_number(wire_name: str, value: Decimal, decimals: int) -> None:
    if not value.is_finite():
        raise ExchangeError(-1100, f"Illegal characters found in parameter '{wire_name}'.")
    if decimals_of(value) > decimals:
        raise ExchangeError(-1111, f"Parameter '{wire_name}' has too much precision.")
    if value > LARGEST_NUMBER:
        raise ExchangeError(-1108, f"Parameter '{wire_name}' overflowed.")


def _check_price(market: Market, price: Decimal, last_price: Decimal) -> None:
    if price % market.price_tick != 0:
        raise filter_failure("PRICE_FILTER")
    if not last_price * PERCENT_PRICE_DOWN <= price <= last_price * PERCENT_PRICE_UP:
        raise filter_failure("PERCENT_PRICE_BY_SIDE")


def _check_amount(market: Market, amount: Decimal) -> None:
    in_range = market.min_amount <= amount <= market.max_amount
    if not in_range or amount % market.amount_step != 0:
        raise filter_failure("LOT_SIZE")
