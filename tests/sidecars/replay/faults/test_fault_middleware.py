"""What each fault looks like on the wire: real server, real clients (aiohttp and ccxt)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import ccxt
import pytest
from aiohttp import web

from sidecars.replay.faults.middleware import damaged_rows, install_faults
from sidecars.replay.faults.plan import Faults
from sidecars.replay.faults.rules import parse_plan

START_MS = 1_709_600_000_000
ROW = [START_MS, "1.0", "2.0", "0.5", "1.5", "10", START_MS + 59_999, "15", 3, "5", "7", "0"]


class Exchange:
    """As much of an exchange as shows whether a request was carried out."""

    def __init__(self) -> None:
        self.faults = Faults(7, lambda: START_MS)
        self.orders: list[dict[str, str]] = []
        self.base_url = ""
        self.app = web.Application()
        install_faults(self.app, self.faults)
        self.app.router.add_get("/api/v3/time", self.time)
        self.app.router.add_get("/api/v3/klines", self.klines)
        self.app.router.add_post("/api/v3/order", self.order)
        self.app.router.add_get("/control/state", self.time)

    async def time(self, _: web.Request) -> web.Response:
        return web.json_response({"serverTime": START_MS})

    async def klines(self, request: web.Request) -> web.Response:
        if request.query.get("symbol") == "NOPEUSDT":
            return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
        rows = [[START_MS + n * 60_000, *ROW[1:]] for n in range(500)]
        return web.json_response(rows, headers={"x-mbx-used-weight-1m": "2"})

    async def order(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        if form.get("symbol") == "NOPEUSDT":
            raise web.HTTPBadRequest(text='{"code": -1121, "msg": "Invalid symbol."}')
        self.orders.append(form)
        return web.json_response({"symbol": form["symbol"], "orderId": len(self.orders)})

    def add(self, **rule: object) -> int:
        return self.faults.add(parse_plan(json.dumps(rule))[0])

    @property
    def outcomes(self) -> list[str]:
        return [event.outcome for event in self.faults.log()]

    def ccxt(self) -> Any:
        exchange = ccxt.binance({"enableRateLimit": False, "timeout": 1000})
        exchange.apiKey, exchange.secret = "key", "secret"
        rest = f"{self.base_url}/api/v3"
        exchange.urls["api"] = {"public": rest, "private": rest}
        return exchange


async def serve(exchange: Exchange) -> web.AppRunner:
    """A server with aiohttp's own defaults (its TestServer cancels handlers of clients that leave,
    a real one does not)."""
    runner = web.AppRunner(exchange.app, shutdown_timeout=5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    exchange.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return runner


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    made = Exchange()
    runner = await serve(made)
    yield made
    await runner.cleanup()


@pytest.fixture
async def client(exchange: Exchange) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(
        exchange.base_url, timeout=aiohttp.ClientTimeout(total=5)
    ) as session:
        yield session


async def get(client: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with client.get(path) as response:
        return response.status, await response.json()


async def place(client: aiohttp.ClientSession, symbol: str = "BTCUSDT") -> int:
    async with client.post("/api/v3/order", data={"symbol": symbol, "side": "BUY"}) as response:
        await response.read()
        return response.status


async def test_without_rules_nothing_is_touched(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    assert await get(client, "/api/v3/time") == (200, {"serverTime": START_MS})
    assert await place(client) == 200
    assert exchange.outcomes == []


async def test_control_routes_are_never_hit(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    exchange.add(kind="reset")
    assert await get(client, "/control/state") == (200, {"serverTime": START_MS})


@pytest.mark.parametrize("status", [418, 429])
async def test_rate_limit(exchange: Exchange, client: aiohttp.ClientSession, status: int) -> None:
    exchange.add(kind="rate_limit", next=2, parameters={"status": status, "retry_after_seconds": 3})
    async with client.get("/api/v3/time") as response:
        assert (response.status, response.headers["Retry-After"]) == (status, "3")
        assert (await response.json())["code"] == -1003
    with pytest.raises(ccxt.DDoSProtection, match=str(status)):
        await asyncio.to_thread(exchange.ccxt().public_get_time)
    assert await get(client, "/api/v3/time") == (200, {"serverTime": START_MS})
    assert exchange.outcomes == [f"HTTP {status}, Retry-After 3 s"] * 2


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, "binance", ccxt.OperationFailed),
        (502, "binance", ccxt.OperationFailed),
        (503, "binance", ccxt.OperationFailed),
        (504, "binance", ccxt.RequestTimeout),
        (500, "html", ccxt.ExchangeNotAvailable),
        (502, "html", ccxt.ExchangeNotAvailable),
        (503, "html", ccxt.ExchangeNotAvailable),
        (504, "html", ccxt.RequestTimeout),
    ],
)
async def test_server_errors(
    exchange: Exchange,
    client: aiohttp.ClientSession,
    status: int,
    body: str,
    expected: type[Exception],
) -> None:
    exchange.add(kind="server_error", next=2, parameters={"status": status, "body": body})
    async with client.post("/api/v3/order", data={"symbol": "BTCUSDT"}) as response:
        assert response.status == status
        if body == "html":
            assert response.content_type == "text/html"
            assert f"<h1>{status} " in await response.text()
        else:
            assert (await response.json())["code"] < 0
    with pytest.raises(expected) as error:
        await asyncio.to_thread(exchange.ccxt().public_get_time)
    assert type(error.value) is expected
    assert exchange.orders == []


async def test_a_server_error_can_hide_an_executed_order(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    exchange.add(kind="server_error", parameters={"executed": True})
    async with client.post("/api/v3/order", data={"symbol": "BTCUSDT"}) as response:
        assert response.status == 503
        assert "Unknown error" in (await response.json())["msg"]
    assert len(exchange.orders) == 1
    assert await place(client, "NOPEUSDT") == 503
    assert exchange.outcomes == [
        "carried out (200), HTTP 503 binance",
        "carried out (400), HTTP 503 binance",
    ]


async def test_time_out_carries_nothing_out(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    exchange.add(kind="time_out", parameters={"seconds": 0.3})
    started = time.monotonic()
    with pytest.raises(aiohttp.ClientConnectionError):
        await place(client)
    assert 0.3 <= time.monotonic() - started < 2
    assert exchange.orders == []


async def test_ccxt_calls_a_time_out_by_its_name(exchange: Exchange) -> None:
    exchange.add(kind="time_out", parameters={"seconds": 30})
    bot = exchange.ccxt()
    bot.timeout = 200
    with pytest.raises(ccxt.RequestTimeout):
        await asyncio.to_thread(bot.public_get_time)


async def test_removing_the_rule_lets_hanging_requests_go(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    rule_id = exchange.add(kind="time_out", parameters={"seconds": 3600})
    request = asyncio.create_task(place(client))
    while not exchange.outcomes:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    exchange.faults.remove(rule_id)
    with pytest.raises(aiohttp.ClientConnectionError):
        await asyncio.wait_for(request, 2)
    assert await place(client) == 200


async def test_a_stop_does_not_wait_for_hanging_requests() -> None:
    exchange = Exchange()
    runner = await serve(exchange)
    exchange.add(kind="time_out", parameters={"seconds": 3600})
    async with aiohttp.ClientSession(exchange.base_url) as client:
        request = asyncio.create_task(place(client))
        while not exchange.outcomes:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        started = time.monotonic()
        await runner.cleanup()
        assert time.monotonic() - started < 3
        with pytest.raises(aiohttp.ClientConnectionError):
            await request


async def test_response_lost_carries_the_order_out(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    exchange.add(kind="response_lost", next=1, parameters={"seconds": 0.1})
    with pytest.raises(aiohttp.ClientConnectionError):
        await place(client)
    assert exchange.orders == [{"symbol": "BTCUSDT", "side": "BUY"}]
    assert exchange.outcomes == ["carried out (200), no answer for 0.1 s"]
    assert await get(client, "/api/v3/time") == (200, {"serverTime": START_MS})
    assert await place(client) == 200


async def test_response_lost_of_a_refused_order(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    exchange.add(kind="response_lost", parameters={"seconds": 0})
    with pytest.raises(aiohttp.ClientConnectionError):
        await place(client, "NOPEUSDT")
    assert exchange.outcomes == ["carried out (400), no answer for 0 s"]


async def test_reset_is_a_reset(exchange: Exchange, client: aiohttp.ClientSession) -> None:
    exchange.add(kind="reset")
    with pytest.raises(aiohttp.ClientOSError, match="reset by peer"):
        await place(client)
    with pytest.raises(ccxt.NetworkError):
        await asyncio.to_thread(exchange.ccxt().public_get_time)
    assert exchange.orders == []


async def test_reset_mid_body_sends_a_part_of_the_bytes(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    whole = await (await client.get("/api/v3/klines")).read()
    exchange.add(kind="reset_mid_body", parameters={"fraction": 0.25})
    async with client.get("/api/v3/klines") as response:
        assert (response.status, response.content_length) == (200, len(whole))
        assert response.headers["x-mbx-used-weight-1m"] == "2"
        received = bytearray()
        with pytest.raises(aiohttp.ClientPayloadError):
            async for piece in response.content.iter_any():
                received += piece
    assert bytes(received) == whole[: len(whole) // 4]
    with pytest.raises(ccxt.NetworkError):
        await asyncio.to_thread(exchange.ccxt().public_get_klines, {"symbol": "BTCUSDT"})


async def test_reset_mid_body_of_an_order_leaves_it_placed(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    exchange.add(kind="reset_mid_body")
    with pytest.raises(aiohttp.ClientPayloadError):
        await place(client)
    assert len(exchange.orders) == 1


async def test_slow_answer_delays_and_drips(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    whole = await (await client.get("/api/v3/klines")).read()
    exchange.add(kind="slow_answer", parameters={"delay_seconds": 0.2, "drip_seconds": 0.4})
    started = time.monotonic()
    async with client.get("/api/v3/klines") as response:
        first_byte = time.monotonic() - started
        body = await response.read()
    assert body == whole
    assert 0.2 <= first_byte < 0.5
    assert time.monotonic() - started >= 0.55


async def test_slow_answer_is_carried_out_though_the_client_has_left(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    exchange.add(kind="slow_answer", parameters={"delay_seconds": 0.3})
    with pytest.raises(TimeoutError):
        async with client.post(
            "/api/v3/order", data={"symbol": "BTCUSDT"}, timeout=aiohttp.ClientTimeout(total=0.1)
        ):
            pass
    assert exchange.orders == []
    for _ in range(100):
        if exchange.orders:
            break
        await asyncio.sleep(0.02)
    assert len(exchange.orders) == 1


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (-2010, None, ccxt.InsufficientFunds),
        (-2010, "Order would immediately match and take.", ccxt.OrderImmediatelyFillable),
        (-1013, None, ccxt.InvalidOrder),
        (-1015, None, ccxt.DDoSProtection),  # Binance sends it as HTTP 429
    ],
)
async def test_rejections_mean_to_ccxt_what_they_say(
    exchange: Exchange, code: int, message: str | None, expected: type[Exception]
) -> None:
    exchange.add(kind="reject_order", parameters={"code": code, "message": message})
    bot = exchange.ccxt()
    with pytest.raises(expected) as refusal:
        await asyncio.to_thread(bot.private_post_order, {"symbol": "BTCUSDT"})
    assert type(refusal.value) is expected
    assert exchange.orders == []


async def test_a_rule_for_one_symbol_reads_the_form_and_leaves_it_readable(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    exchange.add(kind="reject_order", match={"symbol": "ETHUSDT"})
    assert await place(client, "ETHUSDT") == 400
    assert await place(client, "BTCUSDT") == 200
    async with client.post("/api/v3/order?symbol=ETHUSDT") as response:
        assert response.status == 400
    assert [order["symbol"] for order in exchange.orders] == ["BTCUSDT"]
    assert exchange.faults.log()[0].target == "POST /api/v3/order ETHUSDT"


async def test_a_body_that_is_no_text_is_no_symbol(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    exchange.add(kind="reject_order", match={"symbol": "ETHUSDT"})
    exchange.add(kind="reject_order")
    async with client.post("/api/v3/order", data=b"\xff\xfe\x00symbol=") as response:
        assert response.status == 400


async def test_bad_klines(exchange: Exchange, client: aiohttp.ClientSession) -> None:
    exchange.add(kind="bad_klines", next=1, parameters={"damage": "truncated"})
    exchange.add(kind="bad_klines", next=1, parameters={"damage": "nan"})
    exchange.add(kind="bad_klines", next=1, parameters={"damage": "empty"})
    exchange.add(kind="bad_klines", next=1, parameters={"damage": "stale", "rows": 3})
    async with client.get("/api/v3/klines") as response:
        assert response.status == 200
        with pytest.raises(json.JSONDecodeError):
            json.loads(await response.read())
    answers = [(await get(client, "/api/v3/klines"))[1] for _ in range(4)]
    assert (len(answers[0]), answers[0][-1][4], answers[0][-2][4]) == (500, "NaN", "1.5")
    assert answers[1] == []
    assert answers[2] == answers[3][:-3]
    assert len(answers[3]) == 500


async def test_klines_that_were_refused_stay_refused(
    exchange: Exchange, client: aiohttp.ClientSession
) -> None:
    exchange.add(kind="bad_klines", parameters={"damage": "empty"})
    assert (await get(client, "/api/v3/klines?symbol=NOPEUSDT"))[0] == 400
    assert exchange.outcomes == ["left alone: an answer 400 without klines"]


def test_damage_of_few_rows() -> None:
    assert damaged_rows([], "nan", 1) == []
    assert damaged_rows([ROW], "stale", 5) == []
    assert damaged_rows([ROW], "nan", 1)[0][:6] == [START_MS, "1.0", "2.0", "0.5", "NaN", "10"]
