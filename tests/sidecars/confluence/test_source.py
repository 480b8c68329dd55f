"""The real ccxt against a local server: pages, closed days only, retries, and every lie refused."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from sidecars.confluence import ccxt_exchange
from sidecars.confluence.candles import MS_PER_DAY
from sidecars.confluence.source import CcxtCandleSource, SourceError
from tests.sidecars.confluence.local_binance import (
    FIRST_DAY_MS,
    LocalBinance,
    running,
    seeded_candles,
    without_days,
)

DAYS = 1200
CLOSE_MS = FIRST_DAY_MS + DAYS * MS_PER_DAY


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_exchange, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(ccxt_exchange, "LONGEST_WAIT_SECONDS", 0.002)


@pytest.fixture
async def binance() -> AsyncIterator[LocalBinance]:
    candles = {"BTC/USDT": seeded_candles(1, DAYS), "NEW/USDT": seeded_candles(2, 0)}
    async with running(LocalBinance(candles, CLOSE_MS + MS_PER_DAY // 2)) as server:
        yield server


@pytest.fixture
async def source(binance: LocalBinance) -> AsyncIterator[CcxtCandleSource]:
    ccxt_source = CcxtCandleSource("binance", binance.ccxt_config, 0.5)
    yield ccxt_source
    await ccxt_source.close()


def klines_asked(binance: LocalBinance) -> int:
    return sum(path.endswith("klines") for path, _ in binance.requests)


async def test_years_come_in_pages_as_they_are(
    binance: LocalBinance, source: CcxtCandleSource
) -> None:
    fetched = await source.daily_candles("BTC/USDT", FIRST_DAY_MS, CLOSE_MS + 60_000)
    expected = [[round(value, 10) for value in row] for row in seeded_candles(1, DAYS).rows()]
    assert [list(row) for row in fetched.rows()] == expected
    assert klines_asked(binance) == 3  # two pages, and one for the day that is forming


async def test_a_hole_and_a_late_listing_are_no_end(
    binance: LocalBinance, source: CcxtCandleSource
) -> None:
    binance.candles["BTC/USDT"] = without_days(seeded_candles(1, DAYS), 0, 1100)
    early_ms = FIRST_DAY_MS - 2000 * MS_PER_DAY
    fetched = await source.daily_candles("BTC/USDT", early_ms, CLOSE_MS + 60_000)
    assert len(fetched) == 100


async def test_only_closed_days_are_taken(binance: LocalBinance, source: CcxtCandleSource) -> None:
    binance.candles["BTC/USDT"] = seeded_candles(1, 10)
    binance.now_ms = FIRST_DAY_MS + 20 * MS_PER_DAY
    last_close_ms = FIRST_DAY_MS + 10 * MS_PER_DAY

    async def days_at(moment_ms: int) -> int:
        return len(await source.daily_candles("BTC/USDT", FIRST_DAY_MS, moment_ms))

    assert await days_at(last_close_ms - 1) == 9
    # No newer candle proves the last one closed, so it waits for clocks that differ.
    assert await days_at(last_close_ms) == 9
    assert await days_at(last_close_ms + 59_999) == 9
    assert await days_at(last_close_ms + 60_000) == 10
    binance.candles["BTC/USDT"] = seeded_candles(1, 11)
    assert await days_at(last_close_ms + 1) == 10


async def test_a_pair_without_candles_yet_is_empty_and_an_unknown_one_an_error(
    source: CcxtCandleSource,
) -> None:
    assert len(await source.daily_candles("NEW/USDT", FIRST_DAY_MS, CLOSE_MS)) == 0
    with pytest.raises(SourceError, match="binance has no market NO/USDT"):
        await source.daily_candles("NO/USDT", FIRST_DAY_MS, CLOSE_MS)


def failing(times: int, answer: Callable[[], web.StreamResponse]) -> Callable[..., Any]:
    left = [times]

    def trouble(path: str, _symbol: str) -> web.StreamResponse | None:
        if not path.endswith("klines") or left[0] == 0:
            return None
        left[0] -= 1
        return answer()

    return trouble


def rate_limited() -> web.StreamResponse:
    return web.json_response(
        {"code": -1003, "msg": "Too much request weight"}, status=429, headers={"Retry-After": "1"}
    )


def unavailable() -> web.StreamResponse:
    return web.Response(status=503, text="<html>maintenance</html>")


@pytest.mark.parametrize("answer", [rate_limited, unavailable])
async def test_what_passes_is_tried_again(
    binance: LocalBinance, source: CcxtCandleSource, answer: Callable[[], web.StreamResponse]
) -> None:
    binance.trouble = failing(2, answer)
    assert len(await source.daily_candles("BTC/USDT", FIRST_DAY_MS, CLOSE_MS + 60_000)) == DAYS


@pytest.mark.parametrize("answer", [rate_limited, unavailable])
async def test_what_does_not_pass_is_an_error_of_one_line(
    binance: LocalBinance, source: CcxtCandleSource, answer: Callable[[], web.StreamResponse]
) -> None:
    binance.trouble = failing(1000, answer)
    with pytest.raises(SourceError) as caught:
        await source.daily_candles("BTC/USDT", FIRST_DAY_MS, CLOSE_MS)
    assert "\n" not in str(caught.value)
    assert klines_asked(binance) == ccxt_exchange.ATTEMPTS


def kline(day: int, **changes: object) -> list[object]:
    open_ms = FIRST_DAY_MS + day * MS_PER_DAY
    values = {"time": open_ms, "open": "2", "high": "3", "low": "1", "close": "2", "volume": "5"}
    return [*(values | changes).values(), open_ms + MS_PER_DAY - 1, "0", 1, "0", "0", "0"]


LIES: dict[str, object] = {
    "an object": {"hello": "world"},
    "text": "no candles today",
    "null": None,
    "numbers": [1, 2, 3],
    "short rows": [[FIRST_DAY_MS, "1"]],
    "words for prices": [kline(0, high="high")],
    "high under low": [kline(0, high="0.5")],
    "negative price": [kline(0, low="-1")],
    "negative volume": [kline(0, volume="-1")],
    "from the future": [kline(0), kline(3000)],
    "doubled": [kline(0), kline(0)],
    "not at midnight": [kline(0, time=FIRST_DAY_MS + 1)],
}


@pytest.mark.parametrize("lie", LIES)
async def test_lies_are_refused_whole(
    binance: LocalBinance, source: CcxtCandleSource, lie: str
) -> None:
    binance.trouble = failing(1000, lambda: web.json_response(LIES[lie]))
    with pytest.raises(SourceError):
        await source.daily_candles("BTC/USDT", FIRST_DAY_MS, CLOSE_MS)


async def test_a_server_that_is_not_there_is_an_error() -> None:
    config = {"urls": {"api": {"public": "http://127.0.0.1:9/api/v3"}}}
    nobody = CcxtCandleSource("binance", config, 0.5)
    with pytest.raises(SourceError, match="markets: "):
        await nobody.daily_candles("BTC/USDT", FIRST_DAY_MS, CLOSE_MS)
    await nobody.close()
