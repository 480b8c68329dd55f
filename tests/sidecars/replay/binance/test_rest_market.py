"""Public market data over real HTTP, on a real feed."""

import pytest

from tests.sidecars.replay.edge_rig import NOW_MS, Edge

HOUR_MS = 3_600_000
FIVE_MINUTES_MS = 300_000


async def test_ping_and_time(edge: Edge) -> None:
    assert await edge.get("/api/v3/ping") == {}
    assert 0 <= (await edge.get("/api/v3/time"))["serverTime"] - NOW_MS < 60_000


async def test_a_skewed_clock_is_told_everywhere(edge: Edge) -> None:
    from sidecars.replay.faults.rules import parse_plan

    edge.faults.add_all(parse_plan('{"kind":"clock_skew","parameters":{"offset_ms":-90000}}'))
    assert (await edge.get("/api/v3/time"))["serverTime"] < NOW_MS - 25_000
    _, code, _ = await edge.refused("GET", "/api/v3/account")
    assert code == -1021


async def test_exchange_info(edge: Edge) -> None:
    told = await edge.get("/api/v3/exchangeInfo")
    assert [market["symbol"] for market in told["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    assert {limit["rateLimitType"] for limit in told["rateLimits"]} >= {"REQUEST_WEIGHT", "ORDERS"}
    one = await edge.get("/api/v3/exchangeInfo", symbols='["ETHUSDT"]')
    assert [market["symbol"] for market in one["symbols"]] == ["ETHUSDT"]


async def test_the_last_klines_end_with_the_forming_one(edge: Edge) -> None:
    rows = await edge.get("/api/v3/klines", symbol="BTCUSDT", interval="5m", limit=3)
    opens = [row[0] for row in rows]
    forming_ms = NOW_MS // FIVE_MINUTES_MS * FIVE_MINUTES_MS
    assert opens == [forming_ms - 2 * FIVE_MINUTES_MS, forming_ms - FIVE_MINUTES_MS, forming_ms]
    assert all(row[6] == row[0] + FIVE_MINUTES_MS - 1 for row in rows)
    assert len(await edge.get("/api/v3/klines", symbol="BTCUSDT", interval="5m")) == 500
    assert len(await edge.get("/api/v3/uiKlines", symbol="BTCUSDT", interval="1d")) == 15


async def test_klines_start_and_end_are_inclusive(edge: Edge) -> None:
    start_ms = NOW_MS // HOUR_MS * HOUR_MS - 10 * HOUR_MS

    async def opens(**parameters: int) -> list[int]:
        rows = await edge.get("/api/v3/klines", symbol="BTCUSDT", interval="1h", **parameters)
        return [(row[0] - start_ms) // HOUR_MS for row in rows]

    assert await opens(startTime=start_ms, limit=3) == [0, 1, 2]
    assert await opens(startTime=start_ms + 1, limit=2) == [1, 2]
    assert await opens(startTime=start_ms, endTime=start_ms + 2 * HOUR_MS) == [0, 1, 2]
    assert await opens(endTime=start_ms, limit=2) == [-1, 0]
    assert await opens(startTime=NOW_MS + HOUR_MS) == []


async def test_nothing_of_the_future_is_told(edge: Edge) -> None:
    before = await edge.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=5)
    trades = await edge.get("/api/v3/trades", symbol="BTCUSDT", limit=5)
    assert trades[-1]["time"] <= edge.clock.now_ms()
    edge.jump(60_000)
    after = await edge.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=6)
    # What was closed stays; what was forming has gone on.
    assert after[:4] == before[:4]
    assert after[4][0] == before[4][0]
    assert float(after[4][5]) > float(before[4][5])


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"symbol": "FOOUSDT", "interval": "1m"}, -1121),
        ({"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ({"symbol": "BTCUSDT"}, -1102),
        ({"interval": "1m"}, -1102),
        ({"symbol": "BTCUSDT", "interval": "1m", "startTime": "yesterday"}, -1100),
        ({"symbol": "BTCUSDT", "interval": "1m", "foo": "1"}, -1104),
    ],
)
async def test_bad_questions_for_klines(edge: Edge, parameters: dict[str, str], code: int) -> None:
    status, answer = await edge.ask("/api/v3/klines", **parameters)
    assert (status, answer["code"]) == (400, code)
    assert set(answer) == {"code", "msg"}


async def test_depth_is_a_book(edge: Edge) -> None:
    book = await edge.get("/api/v3/depth", symbol="BTCUSDT", limit=20)
    bids = [float(price) for price, _ in book["bids"]]
    asks = [float(price) for price, _ in book["asks"]]
    assert len(bids) == len(asks) == 20
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    best = await edge.get("/api/v3/ticker/bookTicker", symbol="BTCUSDT")
    assert float(best["askPrice"]) > float(best["bidPrice"])


async def test_trades_by_id_and_by_time(edge: Edge) -> None:
    latest = await edge.get("/api/v3/trades", symbol="ETHUSDT", limit=50)
    ids = [trade["id"] for trade in latest]
    assert ids == sorted(set(ids))
    assert len(ids) == 50
    again = await edge.get("/api/v3/historicalTrades", symbol="ETHUSDT", fromId=ids[10], limit=5)
    assert again == latest[10:15]
    aggregates = await edge.get(
        "/api/v3/aggTrades", symbol="ETHUSDT", startTime=latest[20]["time"], limit=3
    )
    assert [trade["a"] for trade in aggregates] == ids[20:23]
    status, answer = await edge.ask("/api/v3/aggTrades", symbol="ETHUSDT", fromId=1, startTime=2)
    assert (status, answer["code"]) == (400, -1128)


async def test_the_day_ticker_agrees_with_the_klines(edge: Edge) -> None:
    ticker = await edge.get("/api/v3/ticker/24hr", symbol="BTCUSDT")
    rows = await edge.get("/api/v3/klines", symbol="BTCUSDT", interval="5m", limit=288)
    assert ticker["highPrice"] == max((row[2] for row in rows), key=float)
    assert ticker["lowPrice"] == min((row[3] for row in rows), key=float)
    assert ticker["lastPrice"] == rows[-1][4]
    assert float(ticker["volume"]) == pytest.approx(sum(float(row[5]) for row in rows), rel=1e-6)
    change = float(ticker["lastPrice"]) - float(ticker["openPrice"])
    assert float(ticker["priceChange"]) == pytest.approx(change)
    assert float(ticker["lowPrice"]) <= float(ticker["weightedAvgPrice"])
    assert float(ticker["weightedAvgPrice"]) <= float(ticker["highPrice"])
    mini = await edge.get("/api/v3/ticker/24hr", symbol="BTCUSDT", type="MINI")
    assert set(mini) < set(ticker)


async def test_tickers_of_one_of_some_and_of_all(edge: Edge) -> None:
    for path in ("24hr", "price", "bookTicker"):
        one = await edge.get(f"/api/v3/ticker/{path}", symbol="ETHUSDT")
        some = await edge.get(f"/api/v3/ticker/{path}", symbols='["ETHUSDT"]')
        every = await edge.get(f"/api/v3/ticker/{path}")
        assert one["symbol"] == some[0]["symbol"] == "ETHUSDT"
        assert [row["symbol"] for row in every] == ["BTCUSDT", "ETHUSDT"]
        status, answer = await edge.ask(f"/api/v3/ticker/{path}", symbol="FOOUSDT")
        assert (status, answer["code"]) == (400, -1121)


async def test_the_average_price_lies_in_its_five_minutes(edge: Edge) -> None:
    edge.jump(270_000)
    told = await edge.get("/api/v3/avgPrice", symbol="BTCUSDT")
    rows = await edge.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=6)
    assert min(float(row[3]) for row in rows) <= float(told["price"])
    assert float(told["price"]) <= max(float(row[2]) for row in rows)


async def test_a_market_without_a_price_is_halted(edge: Edge) -> None:
    edge.jump(6 * 86_400_000)
    told = await edge.get("/api/v3/exchangeInfo", symbol="BTCUSDT")
    assert told["symbols"][0]["status"] == "BREAK"
    last = await edge.get("/api/v3/ticker/price", symbol="BTCUSDT")
    assert float(last["price"]) > 0
    best = await edge.get("/api/v3/ticker/bookTicker", symbol="BTCUSDT")
    assert best["bidPrice"] == "0.00000000"


@pytest.mark.parametrize("root", ["/fapi/v1", "/dapi/v1"])
async def test_futures_doors_are_validly_empty(edge: Edge, root: str) -> None:
    assert (await edge.get(f"{root}/exchangeInfo"))["symbols"] == []
    assert await edge.get(f"{root}/ping") == {}
    assert "serverTime" in await edge.get(f"{root}/time")
    assert (await edge.get("/eapi/v1/exchangeInfo"))["optionSymbols"] == []


async def test_paths_and_methods_that_are_not_served(edge: Edge) -> None:
    status, answer = await edge.ask("/api/v3/nothing")
    assert (status, answer["code"]) == (404, -1000)
    async with edge.client.post("/api/v3/ping") as response:
        assert (response.status, (await response.json())["code"]) == (405, -1000)


async def test_used_weight_is_told(edge: Edge) -> None:
    async with edge.client.get("/api/v3/ping") as first:
        used = int(first.headers["X-MBX-USED-WEIGHT-1M"])
    async with edge.client.get("/api/v3/klines?symbol=BTCUSDT&interval=1m") as second:
        assert int(second.headers["X-MBX-USED-WEIGHT-1M"]) == used + 2
    edge.jump(60_000)
    async with edge.client.get("/api/v3/ping") as third:
        assert int(third.headers["X-MBX-USED-WEIGHT-1M"]) == 1
