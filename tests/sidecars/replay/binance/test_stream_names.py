"""What streams are called, and what clients may say."""

import pytest

from sidecars.replay.binance.stream_names import StreamKind, StreamNameError, parse_stream
from sidecars.replay.binance.stream_requests import StreamRequestError, parse_request


@pytest.mark.parametrize(
    ("text", "kind", "symbol", "every_ms"),
    [
        ("btcusdt@kline_1m", StreamKind.KLINE, "BTCUSDT", 2_000),
        ("btcusdt@kline_1M", StreamKind.KLINE, "BTCUSDT", 2_000),
        ("btcusdt@trade", StreamKind.TRADE, "BTCUSDT", 100),
        ("btcusdt@aggTrade", StreamKind.AGGREGATE_TRADE, "BTCUSDT", 100),
        ("btcusdt@depth", StreamKind.DEPTH, "BTCUSDT", 1_000),
        ("btcusdt@depth@100ms", StreamKind.DEPTH, "BTCUSDT", 100),
        ("btcusdt@depth20@100ms", StreamKind.PARTIAL_DEPTH, "BTCUSDT", 100),
        ("btcusdt@bookTicker", StreamKind.BOOK_TICKER, "BTCUSDT", 100),
        ("1inchusdt@miniTicker", StreamKind.MINI_TICKER, "1INCHUSDT", 1_000),
        ("!ticker@arr", StreamKind.TICKER, None, 1_000),
    ],
)
def test_stream_names(text: str, kind: StreamKind, symbol: str | None, every_ms: int) -> None:
    name = parse_stream(text)
    assert (name.kind, name.symbol, name.every_ms) == (kind, symbol, every_ms)


@pytest.mark.parametrize(
    "text",
    [
        "", "btcusdt", "BTCUSDT@trade", "btcusdt@kline_7m", "btcusdt@kline", "btcusdt@foo",
        "btcusdt@depth7", "btcusdt@trade@100ms", "btcusdt@1m", "!foo@arr", 'x"@trade',
    ],
)  # fmt: skip
def test_names_of_no_stream(text: str) -> None:
    with pytest.raises(StreamNameError):
        parse_stream(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", 3),
        ("[]", 2),
        ("{}", 2),
        ('{"method":"JUMP","id":1}', 2),
        ('{"method":"SUBSCRIBE","params":"x","id":1}', 2),
        ('{"method":"SUBSCRIBE","params":[],"id":{}}', 2),
        ('{"method":"SUBSCRIBE","params":[],"id":true}', 2),
    ],
)
def test_requests_that_are_none(text: str, code: int) -> None:
    with pytest.raises(StreamRequestError) as error:
        parse_request(text)
    assert error.value.code == code
