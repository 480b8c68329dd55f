"""Every refusal has Binance's own code and text; what is right at the border passes."""

from dataclasses import replace
from decimal import Decimal

import pytest

from sidecars.replay.matching.filters import (
    MAX_NUM_ALGO_ORDERS,
    MAX_NUM_ORDERS,
    check_open_orders,
    check_request,
    check_stop,
)
from sidecars.replay.model import (
    ExchangeError,
    Market,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
)
from tests.sidecars.replay.engine_fakes import BTC, DOGE, SOL, request

D = Decimal
LAST = {"BTCUSDT": D("60000.00"), "SOLUSDT": D("150.00"), "DOGEUSDT": D("0.12000")}
PRICE_FILTER = (-1013, "Filter failure: PRICE_FILTER")
LOT_SIZE = (-1013, "Filter failure: LOT_SIZE")
NOTIONAL = (-1013, "Filter failure: NOTIONAL")
PERCENT = (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE")
STOP = OrderType.STOP_LOSS_LIMIT


def refusal_of(market: Market, wish: OrderRequest) -> tuple[int, str] | None:
    try:
        check_request(market, wish, LAST[market.symbol])
    except ExchangeError as error:
        assert error.http_status == 400
        return error.code, error.message
    return None


@pytest.mark.parametrize(
    ("market", "amount", "price", "expected"),
    [
        (BTC, "0.00100", "60000.01", None),
        (BTC, "0.00100", "60000.001", PRICE_FILTER),
        (BTC, "0.001001", "60000", LOT_SIZE),
        (BTC, "0.00001", "60000", NOTIONAL),
        (BTC, "0.00010", "50000.00", None),
        (BTC, "0.00009", "55555.55", NOTIONAL),
        (BTC, "9000.00001", "60000", LOT_SIZE),
        (BTC, "9000", "60000", None),
        (BTC, "0.001", "12000", None),
        (BTC, "0.001", "11999.99", PERCENT),
        (BTC, "0.001", "300000", None),
        (BTC, "0.001", "300000.01", PERCENT),
        (SOL, "0.1", "150.01", None),
        (SOL, "0.1", "150.005", PRICE_FILTER),
        (SOL, "0.1001", "150", LOT_SIZE),
        (SOL, "0.033", "150", NOTIONAL),
        (SOL, "0.034", "150", None),
        (DOGE, "9", "0.12", None),
        (DOGE, "8", "0.12", NOTIONAL),
        (DOGE, "9.5", "0.12", LOT_SIZE),
        (DOGE, "9", "0.120001", PRICE_FILTER),
        (DOGE, "0.5", "0.12", LOT_SIZE),
        (DOGE, "9000001", "0.12", LOT_SIZE),
        (SOL, "1.123456789", "150", (-1111, "Parameter 'quantity' has too much precision.")),
        (SOL, "1", "150.000000001", (-1111, "Parameter 'price' has too much precision.")),
        (SOL, "1.000000000", "150.0000000000", None),
        (SOL, "0", "150", (-1013, "Invalid quantity.")),
        (SOL, "-1", "150", (-1013, "Invalid quantity.")),
        (SOL, "1", "0", (-1013, "Invalid price.")),
        (SOL, "NaN", "150", (-1100, "Illegal characters found in parameter 'quantity'.")),
        (SOL, "1", "Infinity", (-1100, "Illegal characters found in parameter 'price'.")),
        (SOL, "1E+40", "150", (-1108, "Parameter 'quantity' overflowed.")),
        (SOL, "1", "1E+40", (-1108, "Parameter 'price' overflowed.")),
    ],
)
@pytest.mark.parametrize("side", list(Side))
def test_limit_orders(
    market: Market, side: Side, amount: str, price: str, expected: tuple[int, str] | None
) -> None:
    assert refusal_of(market, request(side, amount, price, symbol=market.symbol)) == expected


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (request(Side.BUY, "0.034"), None),
        (request(Side.BUY, "0.033"), NOTIONAL),
        (request(Side.SELL, "0.0345"), LOT_SIZE),
        (request(Side.BUY, None, quote_amount="5"), None),
        (request(Side.BUY, None, quote_amount="4.99999999"), NOTIONAL),
        (
            request(Side.BUY, None, quote_amount="5.000000001"),
            (-1111, "Parameter 'quoteOrderQty' has too much precision."),
        ),
        (
            request(Side.BUY, None),
            (-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"),
        ),
        (
            request(Side.BUY, "1", quote_amount="100"),
            (-1106, "Parameter 'quoteOrderQty' sent when not required."),
        ),
        (
            request(Side.BUY, "1", "150", order_type=OrderType.MARKET),
            (-1106, "Parameter 'price' sent when not required."),
        ),
        (
            replace(request(Side.BUY, "1", "150"), price=None),
            (-1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
        ),
        (
            request(Side.SELL, "1", "150", order_type=STOP),
            (-1102, "Mandatory parameter 'stopPrice' was not sent, was empty/null, or malformed."),
        ),
        (request(Side.SELL, "1", "149", order_type=STOP, stop_price="149.5"), None),
        (request(Side.SELL, "1", "149", order_type=STOP, stop_price="149.505"), PRICE_FILTER),
        (
            request(Side.SELL, "1", "149", stop_price="149.5"),
            (-1106, "Parameter 'stopPrice' sent when not required."),
        ),
    ],
)
def test_other_orders(wish: OrderRequest, expected: tuple[int, str] | None) -> None:
    assert refusal_of(SOL, wish) == expected


def test_a_tick_finer_than_eight_decimals_is_no_precision_error() -> None:
    fine = replace(SOL, price_tick=D("1e-10"), min_notional=D(0), max_amount=D(10**12))
    wish = request(Side.BUY, "1000000", "0.0000000123")
    check_request(fine, wish, D("0.0000000120"))
    with pytest.raises(ExchangeError, match="too much precision"):
        check_request(fine, replace(wish, price=D("0.00000001234")), D("0.0000000120"))


def test_a_stop_must_lie_beyond_the_last_price() -> None:
    sell = request(Side.SELL, "1", "149", order_type=STOP, stop_price="149.99")
    buy = request(Side.BUY, "1", "151", order_type=STOP, stop_price="150.01")
    check_stop(sell, D(150))
    check_stop(buy, D(150))
    for wish, last in ((sell, "149.99"), (sell, "149.00"), (buy, "150.01"), (buy, "152.00")):
        with pytest.raises(ExchangeError) as error:
            check_stop(wish, D(last))
        assert (error.value.code, error.value.message) == (
            -2010,
            "Stop price would trigger immediately.",
        )


def open_orders(count: int, order_type: OrderType) -> list[Order]:
    return [
        Order(number, request(Side.SELL, "1", "149", order_type=order_type), OrderStatus.NEW, 0, 0)
        for number in range(count)
    ]


def test_open_orders_are_limited_per_symbol() -> None:
    limit, stop = request(Side.SELL, "1", "149"), request(Side.SELL, "1", "149", order_type=STOP)
    check_open_orders(limit, open_orders(MAX_NUM_ORDERS - 1, OrderType.LIMIT))
    check_open_orders(stop, open_orders(MAX_NUM_ALGO_ORDERS - 1, STOP))
    check_open_orders(limit, open_orders(MAX_NUM_ALGO_ORDERS, STOP))
    for wish, count, kind, name in (
        (limit, MAX_NUM_ORDERS, OrderType.LIMIT, "MAX_NUM_ORDERS"),
        (stop, MAX_NUM_ALGO_ORDERS, STOP, "MAX_NUM_ALGO_ORDERS"),
    ):
        with pytest.raises(ExchangeError) as error:
            check_open_orders(wish, open_orders(count, kind))
        assert (error.value.code, error.value.message) == (-2010, f"Filter failure: {name}")
