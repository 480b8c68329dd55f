"""Numbers and rows as Binance writes them, against slow and obvious twins."""

from decimal import Decimal

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.binance.account_json import cancelled_json, new_order_json, order_json, plain
from sidecars.replay.binance.kline_cache import KlineCache
from sidecars.replay.binance.market_json import kline_rows, symbol_json
from sidecars.replay.model import (
    Candles,
    Fill,
    Market,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
)

MINUTE_MS = 60_000
MARKET = Market(
    symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    price_tick=Decimal("0.01"),
    amount_step=Decimal("0.00001"),
    min_amount=Decimal("0.00001"),
    max_amount=Decimal(9000),
    min_notional=Decimal(5),
)
REQUEST = OrderRequest(
    symbol="BTCUSDT",
    side=Side.BUY,
    type=OrderType.LIMIT,
    amount=Decimal("0.5"),
    client_order_id="mine",
    price=Decimal(40_000),
)
FILL = Fill(
    trade_id=9,
    order_id=3,
    symbol="BTCUSDT",
    side=Side.BUY,
    time_ms=1_500,
    price=Decimal(40_000),
    amount=Decimal("0.2"),
    quote_amount=Decimal(8_000),
    fee=Decimal("0.0002"),
    fee_asset="BTC",
    is_maker=True,
)
ORDER = Order(
    order_id=3,
    request=REQUEST,
    status=OrderStatus.PARTIALLY_FILLED,
    created_ms=1_000,
    updated_ms=1_500,
    filled_amount=Decimal("0.2"),
    filled_quote=Decimal(8_000),
    fills=(FILL,),
)


@given(st.decimals(min_value=0, max_value=10**12, places=10))
def test_plain_numbers_lose_nothing(value: Decimal) -> None:
    text = plain(value)
    assert Decimal(text) == value
    assert len(text.partition(".")[2]) >= 8
    assert "E" not in text


def test_plain_numbers_have_eight_decimals() -> None:
    assert plain(Decimal("1E+3")) == "1000.00000000"
    assert plain(Decimal("0.1000")) == "0.10000000"


def candles_of(count: int, first_open_ms: int = 0) -> Candles:
    noise = np.random.default_rng(count).random((5, count))
    base = 100.0 + noise[0]
    return Candles(
        first_open_ms + np.arange(count, dtype=np.int64) * MINUTE_MS,
        base,
        base + noise[1],
        base - noise[2],
        base + noise[3] / 2,
        noise[4] * 1e4,
    )


def naive_rows(candles: Candles) -> list[list[object]]:
    rows: list[list[object]] = []
    for i in range(len(candles)):
        o, h, low, c = (
            float(column[i]) for column in (candles.open, candles.high, candles.low, candles.close)
        )
        volume = float(candles.volume[i])
        quote = volume * ((o + h + low + c) / 4.0)
        open_ms = int(candles.open_time_ms[i])
        texts = [f"{number:.8f}" for number in (o, h, low, c, volume)]
        halves = [f"{volume / 2:.8f}", f"{quote / 2:.8f}"]
        rows.append([open_ms, *texts, open_ms + MINUTE_MS - 1, f"{quote:.8f}", 0, *halves, "0"])
    return rows


def test_kline_rows_equal_the_naive_ones() -> None:
    candles = candles_of(300)
    assert [orjson.loads(row) for row in kline_rows(candles, MINUTE_MS)] == naive_rows(candles)


def test_a_tick_finer_than_eight_decimals_is_written_out() -> None:
    (row,) = kline_rows(candles_of(1), MINUTE_MS, decimals=10)
    assert len(orjson.loads(row)[1].partition(".")[2]) == 10


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 60)), min_size=1, max_size=12))
def test_the_cache_answers_as_if_there_was_none(requests: list[tuple[int, int]]) -> None:
    record = candles_of(100)
    now_ms = 80 * MINUTE_MS + 7
    cache = KlineCache(rows_kept=50)
    for first, count in requests:
        last = min(first + count, 81)
        asked = Candles(
            *(getattr(record, name)[first:last] for name in Candles.__dataclass_fields__)
        )
        assert orjson.loads(cache.render(MARKET, MINUTE_MS, asked, now_ms)) == naive_rows(asked)


def test_a_forming_candle_is_not_kept() -> None:
    cache = KlineCache()
    early, late = candles_of(1), candles_of(1)
    late = Candles(late.open_time_ms, late.open, late.high + 5, late.low, late.close, late.volume)
    assert cache.render(MARKET, MINUTE_MS, early, 10) != cache.render(MARKET, MINUTE_MS, late, 20)


def test_an_order_with_a_fill() -> None:
    told = order_json(ORDER)
    assert told["status"] == "PARTIALLY_FILLED"
    assert (told["origQty"], told["executedQty"]) == ("0.50000000", "0.20000000")
    assert told["cummulativeQuoteQty"] == "8000.00000000"
    assert (told["time"], told["updateTime"], told["isWorking"]) == (1_000, 1_500, True)


def test_answers_to_a_new_order_grow() -> None:
    acknowledged, result, full = (new_order_json(ORDER, kind) for kind in ("ACK", "RESULT", "FULL"))
    assert set(acknowledged) < set(result) < set(full)
    assert full["fills"] == [
        {
            "price": "40000.00000000",
            "qty": "0.20000000",
            "commission": "0.00020000",
            "commissionAsset": "BTC",
            "tradeId": 9,
        }
    ]


def test_a_cancellation_has_two_names() -> None:
    told = cancelled_json(ORDER, "bye")
    assert (told["origClientOrderId"], told["clientOrderId"]) == ("mine", "bye")


def test_filters_are_those_of_the_market() -> None:
    told = symbol_json(MARKET, is_trading=True)
    filters = {entry["filterType"]: entry for entry in told["filters"]}  # type: ignore[attr-defined]
    assert filters["PRICE_FILTER"]["tickSize"] == "0.01000000"
    assert filters["LOT_SIZE"]["stepSize"] == "0.00001000"
    assert filters["LOT_SIZE"]["maxQty"] == "9000.00000000"
    assert filters["NOTIONAL"]["minNotional"] == "5.00000000"
    assert told["status"] == "TRADING"
    assert symbol_json(MARKET, is_trading=False)["status"] == "BREAK"
