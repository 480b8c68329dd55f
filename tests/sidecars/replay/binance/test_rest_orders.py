"""Orders, balances and own trades over real HTTP, on a real engine."""

from decimal import Decimal
from typing import Any

import pytest

from sidecars.replay.app_keys import LEDGER
from tests.sidecars.replay.edge_rig import FORM, NOW_MS, Edge

ORDER = "/api/v3/order"
MARKET_BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


def limit(price: Decimal, **fields: object) -> dict[str, object]:
    return {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01",
        "price": f"{price:.2f}",
    } | fields


async def balances(edge: Edge) -> dict[str, tuple[Decimal, Decimal]]:
    told = await edge.trade("GET", "/api/v3/account", omitZeroBalances="true")
    return {
        row["asset"]: (Decimal(row["free"]), Decimal(row["locked"])) for row in told["balances"]
    }


def orders_in_ledger(edge: Edge) -> int:
    return edge.app[LEDGER].totals().orders


async def test_a_market_buy_is_filled_and_booked(edge: Edge) -> None:
    answer = await edge.trade("POST", ORDER, **MARKET_BUY, newClientOrderId="first")
    assert (answer["status"], answer["clientOrderId"]) == ("FILLED", "first")
    paid = sum(Decimal(f["price"]) * Decimal(f["qty"]) for f in answer["fills"])
    fee = sum(Decimal(f["commission"]) for f in answer["fills"])
    assert {f["commissionAsset"] for f in answer["fills"]} == {"BTC"}
    held = await balances(edge)
    assert held["BTC"] == (Decimal("0.01") - fee, Decimal(0))
    assert held["USDT"][0] == 10_000 - Decimal(answer["cummulativeQuoteQty"])
    assert abs(paid - Decimal(answer["cummulativeQuoteQty"])) < Decimal("0.0000001")
    (trade,) = await edge.trade("GET", "/api/v3/myTrades", symbol="BTCUSDT")
    assert (trade["orderId"], trade["isBuyer"]) == (answer["orderId"], True)
    assert trade["id"] == answer["fills"][0]["tradeId"]


async def test_a_resting_order_is_queried_by_either_name_and_cancelled(edge: Edge) -> None:
    price = await edge.last_price() * Decimal("0.9")
    placed = await edge.trade("POST", ORDER, **limit(price, newClientOrderId="rest"))
    assert placed["status"] == "NEW"
    assert (await balances(edge))["USDT"][1] == Decimal(placed["price"]) * Decimal("0.01")
    by_id = await edge.trade("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    by_name = await edge.trade("GET", ORDER, symbol="BTCUSDT", origClientOrderId="rest")
    assert by_id == by_name
    assert await edge.trade("GET", "/api/v3/openOrders", symbol="BTCUSDT") == [by_id]
    assert await edge.trade("GET", "/api/v3/openOrders") == [by_id]
    assert await edge.trade("GET", "/api/v3/openOrders", symbol="ETHUSDT") == []
    gone = await edge.trade(
        "DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"], newClientOrderId="bye"
    )
    assert (gone["status"], gone["origClientOrderId"], gone["clientOrderId"]) == (
        "CANCELED",
        "rest",
        "bye",
    )
    assert (await balances(edge))["USDT"] == (Decimal(10_000), Decimal(0))
    again = await edge.refused("DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert again == (400, -2011, "Unknown order sent.")


async def test_a_resting_order_fills_when_time_brings_the_price(edge: Edge) -> None:
    placed = await edge.trade("POST", ORDER, **limit(await edge.last_price() - 1))
    assert placed["status"] == "NEW"
    edge.jump(24 * 3_600_000)
    told = await edge.trade("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert told["status"] == "FILLED"
    assert told["updateTime"] > told["time"]
    (trade,) = await edge.trade("GET", "/api/v3/myTrades", symbol="BTCUSDT")
    assert (trade["isMaker"], trade["price"]) == (True, told["price"])


async def test_the_lists_of_the_past(edge: Edge) -> None:
    ids = []
    for _ in range(4):
        ids.append((await edge.trade("POST", ORDER, **MARKET_BUY))["orderId"])
        edge.jump(3_600_000)

    async def listed(**parameters: object) -> list[int]:
        told = await edge.trade("GET", "/api/v3/allOrders", symbol="BTCUSDT", **parameters)
        return [order["orderId"] for order in told]

    assert await listed() == ids
    assert await listed(limit=2) == ids[2:]
    assert await listed(orderId=ids[1], limit=2) == ids[1:3]
    assert await listed(startTime=NOW_MS + 3_600_000) == ids[1:]
    assert await listed(startTime=NOW_MS, endTime=NOW_MS + 3_600_000 - 1) == ids[:1]
    trades = await edge.trade("GET", "/api/v3/myTrades", symbol="BTCUSDT", orderId=ids[2])
    assert {trade["orderId"] for trade in trades} == {ids[2]}
    status, code, _ = await edge.refused(
        "GET", "/api/v3/myTrades", symbol="BTCUSDT", startTime=1, endTime=86_400_002
    )
    assert (status, code) == (400, -1127)


async def test_all_open_orders_of_a_symbol_are_cancelled(edge: Edge) -> None:
    price = await edge.last_price() * Decimal("0.9")
    for number in range(3):
        await edge.trade("POST", ORDER, **limit(price - number))
    gone = await edge.trade("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert [order["status"] for order in gone] == ["CANCELED"] * 3
    assert (await edge.refused("DELETE", "/api/v3/openOrders", symbol="BTCUSDT"))[1] == -2011


async def test_cancel_and_replace(edge: Edge) -> None:
    price = await edge.last_price() * Decimal("0.9")
    placed = await edge.trade("POST", ORDER, **limit(price))
    replace: dict[str, Any] = {"cancelReplaceMode": "STOP_ON_FAILURE", **limit(price - 10)}
    told = await edge.trade(
        "POST", f"{ORDER}/cancelReplace", **replace, cancelOrderId=placed["orderId"]
    )
    assert (told["cancelResult"], told["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert told["cancelResponse"]["status"] == "CANCELED"
    assert told["newOrderResponse"]["status"] == "NEW"
    status, answer = await edge.send(
        "POST", f"{ORDER}/cancelReplace", **replace, cancelOrderId=placed["orderId"]
    )
    assert (status, answer["code"]) == (400, -2022)
    assert answer["data"]["newOrderResult"] == "NOT_ATTEMPTED"
    assert answer["data"]["cancelResponse"]["code"] == -2011
    replace["cancelReplaceMode"] = "ALLOW_FAILURE"
    status, answer = await edge.send(
        "POST", f"{ORDER}/cancelReplace", **replace, cancelOrderId=placed["orderId"]
    )
    assert (status, answer["code"]) == (409, -2021)
    assert answer["data"]["newOrderResponse"]["status"] == "NEW"
    assert len(await edge.trade("GET", "/api/v3/openOrders")) == 2


async def test_cancel_restrictions(edge: Edge) -> None:
    placed = await edge.trade("POST", ORDER, **limit(await edge.last_price() * Decimal("0.9")))
    named = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    refused = await edge.refused(
        "DELETE", ORDER, **named, cancelRestrictions="ONLY_PARTIALLY_FILLED"
    )
    assert refused[1] == -2011
    gone = await edge.trade("DELETE", ORDER, **named, cancelRestrictions="ONLY_NEW")
    assert gone["status"] == "CANCELED"


async def test_a_test_order_is_checked_and_not_placed(edge: Edge) -> None:
    assert await edge.trade("POST", f"{ORDER}/test", **MARKET_BUY) == {}
    tiny = MARKET_BUY | {"quantity": "0.00001"}
    assert (await edge.refused("POST", f"{ORDER}/test", **tiny))[1] == -1013
    assert orders_in_ledger(edge) == 0


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"quantity": "0.000001"}, -1013),
        ({"quantity": "0.00001"}, -1013),
        ({"price": "1.00"}, -1013),
        ({"quantity": "0.0100000001"}, -1111),
        ({"quantity": "5"}, -2010),
        ({"symbol": "FOOUSDT"}, -1121),
        ({"foo": "1"}, -1104),
    ],
)
async def test_refused_orders_leave_no_trace(
    edge: Edge, fields: dict[str, object], code: int
) -> None:
    asked = limit(await edge.last_price() * Decimal("0.99")) | fields
    assert (await edge.refused("POST", ORDER, **asked))[1] == code
    assert orders_in_ledger(edge) == 0


async def test_a_signature_over_other_bytes_places_nothing(edge: Edge) -> None:
    body = edge.sign(MARKET_BUY).replace("quantity=0.01", "quantity=0.02")
    headers = {"X-MBX-APIKEY": "local-replay-key", "Content-Type": FORM}
    async with edge.client.post(ORDER, data=body, headers=headers) as response:
        assert (response.status, (await response.json())["code"]) == (400, -1022)
    assert orders_in_ledger(edge) == 0


async def test_parameters_may_be_split_over_query_and_body(edge: Edge) -> None:
    from sidecars.replay.binance.signing import signature_of

    query = "symbol=BTCUSDT&side=BUY&type=MARKET"
    body = f"quantity=0.01&timestamp={edge.clock.now_ms()}"
    signature = signature_of(query + body, "local-replay-secret")
    headers = {"X-MBX-APIKEY": "local-replay-key", "Content-Type": FORM}
    async with edge.client.post(
        f"{ORDER}?{query}", data=f"{body}&signature={signature}", headers=headers
    ) as response:
        assert response.status == 200, await response.text()


async def test_a_json_body_is_refused(edge: Edge) -> None:
    headers = {"X-MBX-APIKEY": "local-replay-key"}
    async with edge.client.post(ORDER, json=MARKET_BUY, headers=headers) as response:
        assert response.status == 415


async def test_without_a_key_nothing_private_is_told(edge: Edge) -> None:
    signed_paths = {
        route.resource.canonical
        for route in edge.app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith(("/api/", "/sapi/"))
    }
    public = {
        "/api/v3/ping", "/api/v3/time", "/api/v3/exchangeInfo", "/api/v3/klines",
        "/api/v3/uiKlines", "/api/v3/depth", "/api/v3/trades", "/api/v3/historicalTrades",
        "/api/v3/aggTrades", "/api/v3/avgPrice", "/api/v3/ticker/24hr", "/api/v3/ticker/price",
        "/api/v3/ticker/bookTicker", "/sapi/v1/system/status",
        "/api/v3/order/test", "/api/v3/order/cancelReplace", "/sapi/v3/asset/getUserAsset",
    }  # fmt: skip
    private = signed_paths - public
    assert len(private) >= 12
    for path in private:
        status, answer = await edge.ask(path)
        assert (path, status, answer["code"]) == (path, 401, -2014)
        headers = {"X-MBX-APIKEY": "wrong"}
        async with edge.client.get(path, headers=headers) as response:
            assert (response.status, (await response.json())["code"]) == (401, -2015)


async def test_every_endpoint_minds_parameters_that_it_does_not_know(edge: Edge) -> None:
    enough: dict[str, object] = {
        "symbol": "BTCUSDT", "interval": "1m", "orderId": 1, "cancelOrderId": 1,
        "cancelReplaceMode": "ALLOW_FAILURE", "side": "BUY", "type": "MARKET", "quantity": "0.01",
        "cancelNewClientOrderId": "a",
    }  # fmt: skip
    asked = 0
    for route in edge.app.router.routes():
        path = route.resource.canonical if route.resource is not None else ""
        if route.method == "HEAD" or not path.startswith(("/api/", "/sapi/", "/fapi/", "/dapi/")):
            continue
        fields = enough | ({"type": "FULL"} if path.endswith("24hr") else {})
        status, answer = await edge.send(route.method, path, **fields, unheardOf=1)
        assert (path, status, answer.get("code")) == (path, 400, -1104), answer
        asked += 1
    assert asked > 35
    assert orders_in_ledger(edge) == 0


async def test_account_and_wallet_doors(edge: Edge) -> None:
    account = await edge.trade("GET", "/api/v3/account")
    assert account["canTrade"] is True
    assert account["commissionRates"]["taker"] == "0.00100000"
    fees = await edge.trade("GET", "/sapi/v1/asset/tradeFee")
    assert {row["symbol"] for row in fees} == {"BTCUSDT", "ETHUSDT"}
    commission = await edge.trade("GET", "/api/v3/account/commission", symbol="BTCUSDT")
    assert commission["standardCommission"]["maker"] == "0.00100000"
    coins = await edge.trade("GET", "/sapi/v1/capital/config/getall")
    assert [coin["coin"] for coin in coins] == ["BTC", "ETH", "USDT"]
    assets = await edge.trade("POST", "/sapi/v3/asset/getUserAsset")
    assert [(asset["asset"], asset["free"]) for asset in assets] == [("USDT", "10000.00000000")]
    rights = await edge.trade("GET", "/sapi/v1/account/apiRestrictions")
    assert rights["enableSpotAndMarginTrading"] is True
    assert rights["enableFutures"] is rights["enableWithdrawals"] is False


async def test_times_before_a_jump_are_still_in_the_window(edge: Edge) -> None:
    payload = edge.sign({})
    edge.jump(3_600_000)
    headers = {"X-MBX-APIKEY": "local-replay-key"}
    async with edge.client.get(f"/api/v3/account?{payload}", headers=headers) as response:
        assert response.status == 200
