"""Each way a parameter can be wrong has its own code."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.binance.order_request import order_request, response_type
from sidecars.replay.binance.parameters import Parameters
from sidecars.replay.model import ExchangeError, OrderType, Side, TimeInForce


def refusal(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(ExchangeError) as error:
        call()
    return error.value.code, error.value.message


def test_query_wins_over_body_and_values_are_decoded() -> None:
    parameters = Parameters("symbol=BTCUSDT&x=a%20b", "symbol=ETHUSDT&y=c+d")
    assert parameters.symbol() == "BTCUSDT"
    assert (parameters.text("x"), parameters.text("y")) == ("a b", "c d")
    parameters.finish()


def test_double_values_are_refused() -> None:
    assert refusal(lambda: Parameters("a=1&a=2"))[0] == -1101


@pytest.mark.parametrize(
    ("query", "read", "code", "words"),
    [
        ("", lambda p: p.symbol(), -1102, "Mandatory parameter 'symbol' was not sent"),
        ("symbol=", lambda p: p.symbol(), -1102, "'symbol'"),
        ("symbol=btcusdt", lambda p: p.symbol(), -1100, "legal range is '^[A-Z0-9-_.]{1,20}$'"),
        ("symbol=BTC%0A", lambda p: p.symbol(), -1100, "'symbol'"),
        ("limit=", lambda p: p.limit(500, 1000), -1105, "Parameter 'limit' was empty."),
        ("limit=-1", lambda p: p.limit(500, 1000), -1100, "'^[0-9]{1,20}$'"),
        ("limit=1.5", lambda p: p.limit(500, 1000), -1100, "'limit'"),
        ("limit=0", lambda p: p.limit(500, 1000), -1130, "'limit'"),
        ("price=1e5", lambda p: p.decimal("price"), -1100, "'price'"),
        ("price=-1", lambda p: p.decimal("price"), -1100, "'price'"),
        ("price=NaN", lambda p: p.decimal("price"), -1100, "'price'"),
        ("price=0.000000001", lambda p: p.decimal("price"), -1111, "too much precision"),
        ("symbols=BTCUSDT", lambda p: p.symbols(), -1100, "'symbols'"),
        ('symbols=["A","A"]', lambda p: p.symbols(), -1151, "multiple times"),
        ('symbols=["A"]&symbol=B', lambda p: p.symbols(), -1128, "Combination"),
    ],
)
def test_malformed_values(
    query: str, read: Callable[[Parameters], object], code: int, words: str
) -> None:
    got = refusal(lambda: read(Parameters(query)))
    assert got[0] == code
    assert words in got[1]


@given(st.decimals(min_value=0, max_value=10**12, places=8))
def test_decimals_are_exact(value: Decimal) -> None:
    assert Parameters(f"quantity={value:f}").decimal("quantity") == value


@given(st.integers(1, 10**6), st.integers(1, 5000))
def test_a_limit_is_never_above_the_maximum(limit: int, maximum: int) -> None:
    assert Parameters(f"limit={limit}").limit(500, maximum) == min(limit, maximum)


def test_what_nobody_read_is_counted_as_binance_counts() -> None:
    parameters = Parameters("symbol=BTCUSDT&foo=1&timestamp=5&signature=ab")
    parameters.symbol()
    assert refusal(parameters.finish) == (
        -1104,
        "Not all sent parameters were read; read '3' parameter(s) but was sent '4'.",
    )


LIMIT = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=2"


def parse(query: str) -> object:
    parameters = Parameters(query)
    request = order_request(parameters, "BTCUSDT", lambda: "made-up")
    response_type(parameters, request.type)
    parameters.finish()
    return request


def test_a_limit_order() -> None:
    parameters = Parameters(f"{LIMIT}&newClientOrderId=mine-1_a")
    request = order_request(parameters, "BTCUSDT", lambda: "made-up")
    assert (request.side, request.type, request.time_in_force) == (
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
    )
    assert (request.amount, request.price) == (Decimal(1), Decimal(2))
    assert request.client_order_id == "mine-1_a"
    assert order_request(Parameters(LIMIT), "BTCUSDT", lambda: "made-up").client_order_id == (
        "made-up"
    )


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("type=LIMIT", -1102, "'side'"),
        ("side=buy&type=LIMIT", -1117, "Invalid side."),
        ("side=BUY", -1102, "'type'"),
        ("side=BUY&type=FOO", -1116, "Invalid orderType."),
        ("side=BUY&type=STOP_LOSS", -2010, "Stop loss orders are not supported"),
        ("side=BUY&type=TAKE_PROFIT_LIMIT", -2010, "Take profit limit orders"),
        ("side=BUY&type=LIMIT&quantity=1&price=2", -1102, "'timeInForce'"),
        ("side=BUY&type=LIMIT&timeInForce=GTC&price=2", -1102, "'quantity'"),
        ("side=BUY&type=LIMIT&timeInForce=GTC&quantity=1", -1102, "'price'"),
        ("side=BUY&type=LIMIT&timeInForce=DAY&quantity=1&price=2", -1115, "Invalid timeInForce."),
        (f"{LIMIT}&stopPrice=1", -1106, "Parameter 'stopPrice' sent when not required."),
        (f"{LIMIT}&icebergQty=1", -2010, "Iceberg"),
        (f"{LIMIT}&newClientOrderId=a b", -1100, "'newClientOrderId'"),
        (f"{LIMIT}&newOrderRespType=SHORT", -1130, "'newOrderRespType'"),
        (f"{LIMIT}&foo=1", -1104, "Not all sent parameters were read"),
        ("side=BUY&type=MARKET", -1102, "'quantity' or 'quoteOrderQty'"),
        ("side=BUY&type=MARKET&quantity=1&quoteOrderQty=1", -1128, "Combination"),
        ("side=BUY&type=MARKET&quantity=1&price=1", -1106, "'price'"),
        ("side=BUY&type=MARKET&quantity=1&timeInForce=GTC", -1106, "'timeInForce'"),
        ("side=BUY&type=LIMIT_MAKER&quantity=1&price=1&timeInForce=GTC", -1106, "'timeInForce'"),
        (
            "side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=1&price=1",
            -1102,
            "'stopPrice'",
        ),
    ],
)
def test_orders_that_are_not_understood(query: str, code: int, words: str) -> None:
    got = refusal(lambda: parse(query))
    assert got[0] == code
    assert words in got[1]


@pytest.mark.parametrize(
    ("order_type", "sent", "expected"),
    [
        (OrderType.LIMIT, None, "FULL"),
        (OrderType.MARKET, None, "FULL"),
        (OrderType.LIMIT_MAKER, None, "ACK"),
        (OrderType.LIMIT, "RESULT", "RESULT"),
    ],
)
def test_the_length_of_the_answer(order_type: OrderType, sent: str | None, expected: str) -> None:
    query = "" if sent is None else f"newOrderRespType={sent}"
    assert response_type(Parameters(query), order_type) == expected
