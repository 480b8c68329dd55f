"""Perpetuals over real HTTP: markets, candles, mark prices, funding."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sidecars.replay.market.timeframes import HOUR_MS
from sidecars.replay.service import create_app
from sidecars.replay.settings import ReplaySettings
from sidecars.replay.timekeeper import ReplayClock
from tests.sidecars.replay.edge_rig import Edge
from tests.sidecars.replay.futures_fakes import (
    EIGHT_HOURS_MS,
    HOURS,
    marks_of,
    settlements,
    write_perpetual,
)
from tests.sidecars.replay.market_fakes import START_MS, seeded_candles, write_candles

NOW_MS = START_MS + 200 * HOUR_MS + HOUR_MS // 2


@pytest.fixture
async def perpetuals(tmp_path: Path) -> AsyncIterator[Edge]:
    """AAA with all there is; the exchange's now is within the record."""
    write_candles(tmp_path, "AAA/USDT", "1h", seeded_candles(HOURS, HOUR_MS, seed=5))
    write_perpetual(tmp_path, "AAA/USDT")
    settings = ReplaySettings(
        data=tmp_path, balances={"USDT": Decimal(100)}, allow_clock_advance=True
    )
    clock = ReplayClock(datetime.fromtimestamp(NOW_MS / 1000, UTC))
    app = create_app(settings, clock)
    async with TestClient(TestServer(app)) as client:
        yield Edge(app, client)


async def test_the_market_is_a_perpetual(perpetuals: Edge) -> None:
    told = await perpetuals.get("/fapi/v1/exchangeInfo")
    (market,) = told["symbols"]
    assert (market["symbol"], market["contractType"]) == ("AAAUSDT", "PERPETUAL")
    assert (market["marginAsset"], market["status"]) == ("USDT", "TRADING")
    assert market["onboardDate"] == START_MS
    filters = {entry["filterType"]: entry for entry in market["filters"]}
    assert Decimal(filters["PRICE_FILTER"]["tickSize"]) == Decimal("0.01")
    assert (market["pricePrecision"], market["quantityPrecision"]) == (2, 2)
    assert (await perpetuals.get("/dapi/v1/exchangeInfo"))["symbols"] == []
    perpetuals.jump(100 * HOUR_MS)
    (later,) = (await perpetuals.get("/fapi/v1/exchangeInfo"))["symbols"]
    assert later["status"] == "SETTLING"


async def test_candles_are_those_of_the_perpetual_not_of_spot(perpetuals: Edge) -> None:
    candles = seeded_candles(HOURS, HOUR_MS)
    asked = {"symbol": "AAAUSDT", "interval": "1h", "startTime": START_MS, "limit": 1500}
    rows = await perpetuals.get("/fapi/v1/klines", **asked)
    assert len(rows) == 201  # the last one is forming
    assert [float(row[4]) for row in rows[:-1]] == candles.close[:200].tolist()
    assert [float(row[5]) for row in rows[:-1]] == candles.volume[:200].tolist()
    spot = await perpetuals.get("/api/v3/klines", **(asked | {"limit": 1000}))
    assert [row[4] for row in spot] != [row[4] for row in rows]
    four = await perpetuals.get("/fapi/v1/klines", **(asked | {"interval": "4h"}))
    assert [float(row[4]) for row in four[:50]] == candles.close[3:200:4].tolist()


async def test_mark_prices_have_no_volume(perpetuals: Edge) -> None:
    marks = marks_of(seeded_candles(HOURS, HOUR_MS))
    rows = await perpetuals.get(
        "/fapi/v1/markPriceKlines", symbol="AAAUSDT", interval="1h", startTime=START_MS, limit=300
    )
    assert len(rows) == 201
    assert [float(row[2]) for row in rows[:-1]] == marks.high[:200].tolist()
    assert {float(row[5]) for row in rows} == {0.0}


async def test_funding_is_told_up_to_now(perpetuals: Edge) -> None:
    times, rates = settlements(HOURS // 8)
    past = [time for time in times if time <= NOW_MS]
    rows = await perpetuals.get("/fapi/v1/fundingRate", symbol="AAAUSDT", limit=1000)
    assert [row["fundingTime"] for row in rows] == past
    assert [float(row["fundingRate"]) for row in rows] == rates[: len(past)]
    two = await perpetuals.get(
        "/fapi/v1/fundingRate", symbol="AAAUSDT", startTime=START_MS + 1, limit=2
    )
    assert [row["fundingTime"] for row in two] == times[1:3]
    last = await perpetuals.get("/fapi/v1/fundingRate", symbol="AAAUSDT", limit=1)
    assert last[0]["fundingTime"] == past[-1]
    perpetuals.jump(EIGHT_HOURS_MS)
    later = await perpetuals.get("/fapi/v1/fundingRate", symbol="AAAUSDT", limit=1000)
    assert len(later) == len(rows) + 1


@pytest.mark.parametrize(
    ("path", "parameters", "code"),
    [
        ("klines", {"symbol": "ZZZUSDT", "interval": "1h"}, -1121),
        ("markPriceKlines", {"symbol": "ZZZUSDT", "interval": "1h"}, -1121),
        ("fundingRate", {"symbol": "ZZZUSDT"}, -1121),
        ("klines", {"symbol": "AAAUSDT", "interval": "7h"}, -1120),
        ("fundingRate", {"symbol": "AAAUSDT", "limit": "many"}, -1100),
    ],
)
async def test_what_is_not_there_is_refused(
    path: str, parameters: dict[str, str], code: int, perpetuals: Edge
) -> None:
    status, answer = await perpetuals.ask(f"/fapi/v1/{path}", **parameters)
    assert (status, answer["code"]) == (400, code)


async def test_nobody_trades_them_yet(perpetuals: Edge) -> None:
    status, answer = await perpetuals.ask("/fapi/v1/order", symbol="AAAUSDT")
    assert (status, answer["code"]) == (404, -1000)
