"""Market streams: names, books that are followed, and real websockets on a clock that jumps."""

import asyncio
import socket as socket_module
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from sidecars.common.lockstep import LockstepClock
from sidecars.replay.binance import streams
from sidecars.replay.binance.streams import STREAMS
from sidecars.replay.faults.rules import parse_plan
from tests.sidecars.replay.edge_rig import (
    NOW,
    NOW_MS,
    SETTINGS_OF_TESTS,
    Edge,
    applied,
    make_app,
)

MINUTE_MS = 60_000
Socket = aiohttp.ClientWebSocketResponse


async def read(socket: Socket) -> Any:
    return orjson.loads(await socket.receive_str(timeout=5))


async def subscribed(edge: Edge, *names: str, path: str = "/ws") -> Socket:
    socket = await edge.client.ws_connect(path)
    await socket.send_json({"method": "SUBSCRIBE", "params": list(names), "id": 1})
    assert await read(socket) == {"result": None, "id": 1}
    return socket


async def test_a_candle_that_closes_is_told_once_with_x(edge: Edge) -> None:
    socket = await subscribed(edge, "btcusdt@kline_1m")
    edge.jump(31_000)
    closed, forming = await read(socket), await read(socket)
    opened_ms = NOW_MS // MINUTE_MS * MINUTE_MS
    assert (closed["e"], closed["s"], closed["k"]["i"]) == ("kline", "BTCUSDT", "1m")
    assert (closed["k"]["t"], closed["k"]["x"]) == (opened_ms, True)
    assert (forming["k"]["t"], forming["k"]["x"]) == (opened_ms + MINUTE_MS, False)
    rows = await edge.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=2)
    kline = closed["k"]
    assert [kline[name] for name in ("t", "o", "h", "l", "c", "v", "T", "q")] == rows[0][:8]
    edge.jump(5 * MINUTE_MS)
    told = [(await read(socket))["k"] for _ in range(6)]
    assert [k["x"] for k in told] == [True] * 5 + [False]
    assert [k["t"] for k in told] == [opened_ms + n * MINUTE_MS for n in range(1, 7)]


async def test_a_forming_candle_is_told_when_it_changes_only(edge: Edge) -> None:
    socket = await subscribed(edge, "btcusdt@kline_5m")
    for _ in range(6):
        edge.jump(2_000)
    told = []
    with pytest.raises(TimeoutError):
        while True:
            told.append(orjson.loads(await socket.receive_str(timeout=0.3))["k"])
    # A tick comes every five seconds: of six looks within twelve, two or three find news.
    assert 2 <= len(told) <= 4
    assert len({kline["v"] for kline in told}) == len(told)


async def test_trades_are_told_without_a_gap(edge: Edge) -> None:
    socket = await subscribed(edge, "ethusdt@trade", "ethusdt@aggTrade")
    for _ in range(3):
        edge.jump(20_000)
    rest = await edge.get("/api/v3/aggTrades", symbol="ETHUSDT", startTime=NOW_MS + 1_000)
    ids: dict[str, list[int]] = {"trade": [], "aggTrade": []}
    while len(ids["aggTrade"]) < len(rest) or len(ids["trade"]) < len(rest):
        event = await read(socket)
        if event["T"] > NOW_MS + 1_000:
            ids[event["e"]].append(event["t"] if event["e"] == "trade" else event["a"])
    assert ids["trade"] == ids["aggTrade"] == [trade["a"] for trade in rest]


async def test_a_local_book_stays_equal_to_the_exchanges(edge: Edge) -> None:
    socket = await subscribed(edge, "btcusdt@depth@100ms")
    edge.jump(200)
    snapshot = await edge.get("/api/v3/depth", symbol="BTCUSDT", limit=1000)
    known_id = snapshot["lastUpdateId"]
    sides = {
        name: [(Decimal(p), Decimal(a)) for p, a in snapshot[key]]
        for name, key in (("b", "bids"), ("a", "asks"))
    }
    for _ in range(12):
        edge.jump(700)
    await edge.trade(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1"
    )
    # What was bought comes back bit by bit for ten seconds; after that the book stands still
    # for the rest of each second, and a snapshot can be met.
    edge.jump(15_000)
    for _ in range(20):
        edge.jump(1_000)
        latest = await edge.get("/api/v3/depth", symbol="BTCUSDT", limit=1000)
        while known_id < latest["lastUpdateId"]:
            try:
                event = orjson.loads(await socket.receive_str(timeout=0.5))
            except TimeoutError:
                break
            if event["u"] > known_id:
                assert event["U"] <= known_id + 1
                for name in ("b", "a"):
                    changes = [(Decimal(p), Decimal(a)) for p, a in event[name]]
                    sides[name] = list(applied(sides[name], changes).items())
                known_id = event["u"]
        if known_id == latest["lastUpdateId"]:
            break
    assert known_id == latest["lastUpdateId"]
    assert dict(sides["b"]) == {Decimal(p): Decimal(a) for p, a in latest["bids"]}
    assert dict(sides["a"]) == {Decimal(p): Decimal(a) for p, a in latest["asks"]}


async def test_tops_of_books_and_tickers(edge: Edge) -> None:
    names = ("btcusdt@depth5", "btcusdt@bookTicker", "btcusdt@ticker", "btcusdt@miniTicker")
    socket = await subscribed(edge, *names, "!miniTicker@arr", path="/stream")
    edge.jump(10_000)
    told = {}
    for _ in range(5):
        message = await read(socket)
        told[message["stream"]] = message["data"]
    assert len(told["btcusdt@depth5"]["bids"]) == 5
    best = await edge.get("/api/v3/ticker/bookTicker", symbol="BTCUSDT")
    assert told["btcusdt@bookTicker"]["b"] == best["bidPrice"]
    day = await edge.get("/api/v3/ticker/24hr", symbol="BTCUSDT")
    assert told["btcusdt@ticker"]["c"] == told["btcusdt@miniTicker"]["c"] == day["lastPrice"]
    assert [ticker["s"] for ticker in told["!miniTicker@arr"]] == ["BTCUSDT", "ETHUSDT"]


async def test_paths_name_streams(edge: Edge) -> None:
    raw = await edge.client.ws_connect("/ws/btcusdt@trade/ethusdt@trade")
    combined = await edge.client.ws_connect("/stream?streams=btcusdt@trade/ethusdt@trade")
    numbered = await edge.client.ws_connect("/ws/0")
    edge.jump(6_000)
    assert {(await read(raw))["s"] for _ in range(2)} == {"BTCUSDT", "ETHUSDT"}
    message = await read(combined)
    assert set(message) == {"stream", "data"}
    await numbered.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 7})
    assert await read(numbered) == {"result": [], "id": 7}
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        await edge.client.ws_connect("/ws/btcusdt@foo")
    assert error.value.status == 400


async def test_requests_on_a_socket(edge: Edge) -> None:
    socket = await subscribed(edge, "btcusdt@trade", "foousdt@trade")
    dialogue: list[tuple[dict[str, object], object]] = [
        ({"method": "LIST_SUBSCRIPTIONS"}, ["btcusdt@trade", "foousdt@trade"]),
        ({"method": "UNSUBSCRIBE", "params": ["btcusdt@trade", "foousdt@trade"]}, None),
        ({"method": "LIST_SUBSCRIPTIONS"}, []),
        ({"method": "GET_PROPERTY", "params": ["combined"]}, False),
        ({"method": "SET_PROPERTY", "params": ["combined", True]}, None),
        ({"method": "GET_PROPERTY", "params": ["combined"]}, True),
    ]
    for number, (request, result) in enumerate(dialogue):
        await socket.send_json(request | {"id": number})
        assert await read(socket) == {"result": result, "id": number}
    refusals: list[tuple[dict[str, object], int]] = [
        ({"method": "SUBSCRIBE", "params": ["btcusdt@foo", "btcusdt@trade"]}, 2),
        ({"method": "SUBSCRIBE", "params": [5]}, 2),
        ({"method": "SET_PROPERTY", "params": ["combined", "yes"]}, 1),
        ({"method": "SET_PROPERTY", "params": ["foo", True]}, 0),
    ]
    for request, code in refusals:
        await socket.send_json(request | {"id": "a1"})
        answer = await read(socket)
        assert (answer["id"], answer["error"]["code"]) == ("a1", code)
    await socket.send_str("nonsense")
    assert (await read(socket))["error"]["code"] == 3
    # A refused list of streams changes nothing.
    await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
    assert (await read(socket))["result"] == []


async def test_a_client_that_leaves_takes_its_channels_along(edge: Edge) -> None:
    hub = edge.app[STREAMS]
    socket = await subscribed(edge, "btcusdt@depth@100ms", "btcusdt@trade")
    assert hub.streams() == ["btcusdt@depth@100ms", "btcusdt@trade"]
    await socket.close()
    for _ in range(100):
        if not hub.streams():
            break
        await asyncio.sleep(0.01)
    assert hub.streams() == []


async def test_a_client_that_does_not_read_is_dropped_and_nobody_waits(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_WAITING", 50)
    slow = await subscribed(edge, "btcusdt@trade")
    monkeypatch.undo()
    healthy = await subscribed(edge, "ethusdt@trade")
    # More messages in one beat than the slow client's queue holds.
    edge.jump(10 * MINUTE_MS)
    assert (await read(healthy))["s"] == "ETHUSDT"
    assert edge.app[STREAMS].streams() == ["ethusdt@trade"]
    with pytest.raises((aiohttp.ClientError, TypeError, ConnectionError)):
        while True:
            await slow.receive_str(timeout=5)


@pytest.mark.parametrize("kind", ["websocket_drop", "websocket_silence"])
async def test_faults_hit_the_stream_they_name(edge: Edge, kind: str) -> None:
    socket = await subscribed(edge, "btcusdt@trade")
    other = await subscribed(edge, "ethusdt@trade")
    plan = {"kind": kind, "match": {"stream": "btcusdt@*"}, "next": 2}
    edge.faults.add_all(parse_plan(orjson.dumps(plan)))
    edge.jump(20_000)
    assert (await read(other))["s"] == "ETHUSDT"
    if kind == "websocket_drop":
        message = await socket.receive(timeout=5)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    else:
        trades = await edge.get("/api/v3/trades", symbol="BTCUSDT", limit=10)
        newer = [trade for trade in trades if trade["time"] > NOW_MS + 100]
        assert (await read(socket))["t"] >= newer[1]["id"]


async def test_a_jump_fills_orders_before_anybody_asks(edge: Edge) -> None:
    from sidecars.replay.app_keys import LEDGER

    price = await edge.last_price()
    await edge.trade(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC",
        quantity="0.01", price=f"{price - 1:.2f}",
    )  # fmt: skip
    assert edge.app[LEDGER].totals().fills == 0
    edge.jump(24 * 3_600_000)
    assert edge.app[LEDGER].totals().fills > 0


async def test_lock_step_participants_wake_to_a_candle_that_has_been_told() -> None:
    with socket_module.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = make_app(replace(SETTINGS_OF_TESTS, lockstep_port=port))
    async with TestClient(TestServer(app)) as client:
        edge = Edge(app, client)
        socket = await subscribed(edge, "btcusdt@kline_5m")
        clock = await LockstepClock.connect("127.0.0.1", port, "bot")
        started = time.monotonic()
        await clock.sleep_until(NOW + timedelta(hours=1))
        assert time.monotonic() - started < 5
        assert clock.now() >= NOW + timedelta(hours=1)
        told = [(await read(socket))["k"] for _ in range(13)]
        assert [kline["x"] for kline in told] == [True] * 12 + [False]
        await clock.close()
