"""S&P 500 futures, dollar index and ten-year yield from Yahoo."""

import json
from typing import Any

import pytest

from sidecars.common.moments import iso_ms
from sidecars.common.source_errors import SourceError
from sidecars.replay.public_data.yahoo import STAND_IN
from sidecars.sentiment.sources.yahoo import ENTRY, headers, read_bars, read_days
from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader
from tests.sidecars.sentiment.asking import answered

# 2024-08-05, a Monday: bars of 14:00 and 14:15, the forming one of 14:30, the last trade 14:36:55.
BAR_14_00, LAST_TRADE = 1_722_866_400, 1_722_868_615


def chart(
    rows: list[tuple[int, object]],
    symbol: str = "ES=F",
    granularity: str = "15m",
    last_trade: int = LAST_TRADE,
) -> bytes:
    """An answer with the fields that Yahoo sends for a future."""
    closes = [close for _, close in rows]
    period = {"timezone": "EDT", "start": 1722830400, "end": 1722916740, "gmtoffset": -14400}
    meta: dict[str, Any] = {
        "currency": "USD", "symbol": symbol, "exchangeName": "CME", "fullExchangeName": "CME",
        "instrumentType": "FUTURE", "firstTradeDate": 969249600, "regularMarketTime": last_trade,
        "hasPrePostMarketData": False, "gmtoffset": -14400, "timezone": "EDT",
        "exchangeTimezoneName": "America/New_York", "regularMarketPrice": 5224.25,
        "fiftyTwoWeekHigh": 5721.25, "fiftyTwoWeekLow": 4122.25, "regularMarketDayHigh": 5359.0,
        "regularMarketDayLow": 5120.0, "regularMarketVolume": 2213611,
        "shortName": "E-Mini S&P 500 Sep 24", "chartPreviousClose": 5482.75, "priceHint": 2,
        "currentTradingPeriod": {"pre": period, "regular": period, "post": period},
        "dataGranularity": granularity, "range": "5d", "validRanges": ["1d", "5d", "1mo", "max"],
    }  # fmt: skip
    quote = {"open": closes, "high": closes, "low": closes, "close": closes}
    result = {
        "meta": meta,
        "timestamp": [start for start, _ in rows],
        "indicators": {"quote": [{**quote, "volume": [0] * len(rows)}]},
    }
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


BARS = chart(
    [
        (BAR_14_00, 5210.5),
        (BAR_14_00 + 900, None),
        (BAR_14_00 + 1800, 5222.0),
        (LAST_TRADE, 5224.25),
    ]
)
DAYS = chart([(1722571200, 5376.0), (1722830400, 5224.0), (LAST_TRADE, 5224.25)], granularity="1d")


def test_refuses_nonsense_in_bars() -> None:
    fuzz_reader(lambda body: read_bars(body, NOW_MS, "sp500"), BARS, examples=400)


def test_refuses_nonsense_in_days() -> None:
    fuzz_reader(lambda body: read_days(body, NOW_MS, "sp500"), DAYS, examples=400)


async def test_survives_a_failing_source() -> None:
    await check_source_survives(ENTRY, STAND_IN, key=None)


def test_a_close_counts_from_the_end_of_its_bar_and_the_last_from_the_last_trade() -> None:
    batch = read_bars(BARS, NOW_MS, "sp500")
    assert [(iso_ms(each.as_of_ms), each.value) for each in batch.readings] == [
        ("2024-08-05T14:15:00Z", 5210.5),
        ("2024-08-05T14:36:55Z", 5224.25),
    ]
    assert all(each.published_ms == each.as_of_ms for each in batch.readings)
    assert batch.rejected == ()


def test_a_bar_that_is_complete_does_not_count_before_its_end() -> None:
    body = chart([(BAR_14_00, 5210.5)], last_trade=BAR_14_00 + 900)
    assert read_bars(body, NOW_MS, "sp500").readings[0].as_of_ms == (BAR_14_00 + 900) * 1000


def test_a_bar_after_the_last_trade_counts_from_its_own_start() -> None:
    body = chart([(BAR_14_00, 5210.5)], last_trade=BAR_14_00 - 60)
    assert read_bars(body, NOW_MS, "sp500").readings[0].as_of_ms == BAR_14_00 * 1000


def test_a_daily_close_counts_from_the_end_of_its_day_and_today_not_yet() -> None:
    batch = read_days(DAYS, NOW_MS, "sp500")
    assert [(iso_ms(each.as_of_ms), each.value) for each in batch.readings] == [
        ("2024-08-03T00:00:00Z", 5376.0)
    ]
    assert batch.rejected == ()
    after_midnight_ms = 1_722_902_400_000
    later = read_days(DAYS, after_midnight_ms, "sp500").readings
    assert [(iso_ms(each.published_ms), each.value) for each in later] == [
        ("2024-08-03T00:00:00Z", 5376.0),
        ("2024-08-06T00:00:00Z", 5224.0),
    ]


@pytest.mark.parametrize(
    ("close", "expected"),
    [
        (-5210.5, "sp500: got -5210.5, expected 300 to 100000"),
        (52.1, "sp500: got 52.1, expected 300 to 100000"),
        ("5210.5", "expected a number"),
        (True, "expected a number"),
    ],
)
def test_a_bad_close_is_refused_and_the_others_stay(close: object, expected: str) -> None:
    body = chart([(BAR_14_00, close), (LAST_TRADE, 5224.25)])
    batch = read_bars(body, NOW_MS, "sp500")
    assert [each.value for each in batch.readings] == [5224.25]
    assert len(batch.rejected) == 1
    assert expected in batch.rejected[0]


def test_a_yield_in_tenths_is_refused() -> None:
    body = chart([(BAR_14_00, 37.8)], symbol="^TNX")
    with pytest.raises(SourceError, match=r"us10y_yield_pct: got 37\.8, expected -2 to 20"):
        read_bars(body, NOW_MS, "us10y_yield_pct")


@pytest.mark.parametrize(
    "body",
    [
        chart([(BAR_14_00, 5210.5)], symbol="^GSPC"),
        chart([(BAR_14_00, 5210.5)], granularity="1mo"),
        chart([(BAR_14_00, None)]),
        chart([]),
        BARS.replace(b"5210.5, null", b"5210.5"),
        b'{"chart": {"result": null, "error": {"code": "Not Found"}}}',
        b'{"chart": {"result": [], "error": null}}',
    ],
)
def test_an_answer_to_another_question_is_malformed(body: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        read_bars(body, NOW_MS, "sp500")
    assert caught.value.kind == "malformed"


async def test_a_symbol_that_fails_does_not_take_the_others_along() -> None:
    failure = SourceError("yahoo: HTTP 500", "unavailable")
    answers: dict[str, bytes | SourceError] = {
        "/v8/finance/chart/ES=F": BARS,
        "/v8/finance/chart/DX-Y.NYB": failure,
        "/v8/finance/chart/%5ETNX": chart([(BAR_14_00, 3.78)], symbol="^TNX"),
    }
    source, asked = answered(ENTRY, answers)
    batch = await source.poll(NOW_MS)
    assert {each.series for each in batch.readings} == {"sp500", "us10y_yield_pct"}
    assert batch.rejected == ("yahoo: HTTP 500",)
    assert all(query == {"interval": "15m", "range": "5d"} for _, query in asked)


async def test_history_asks_from_a_session_before_the_moment() -> None:
    days = {
        "/v8/finance/chart/ES=F": DAYS,
        "/v8/finance/chart/DX-Y.NYB": chart([(1722571200, 103.2)], "DX-Y.NYB", "1d"),
        "/v8/finance/chart/%5ETNX": chart([(1722601200, 3.79)], "^TNX", "1d"),
    }
    source, asked = answered(ENTRY, days)
    monday_ms = 1_722_816_000_000
    assert (await source.history(monday_ms, NOW_MS)).readings == ()
    saturday_ms = 1_722_643_200_000
    batch = await source.history(saturday_ms, NOW_MS)
    assert {each.series: each.value for each in batch.readings} == {
        "sp500": 5376.0,
        "dollar_index": 103.2,
        "us10y_yield_pct": 3.79,
    }
    assert int(asked[0][1]["period1"]) < monday_ms // 1000 - 4 * 86_400
    assert asked[0][1]["period2"] == str(NOW_MS // 1000)


def test_it_speaks_like_a_browser() -> None:
    assert headers(None)["User-Agent"].startswith("Mozilla/5.0 ")
