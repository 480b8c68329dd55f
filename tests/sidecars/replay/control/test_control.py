"""The control API over real HTTP, on a real engine, ledger and market."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from sidecars.replay.app_keys import VIEW
from sidecars.replay.model import OrderType
from tests.sidecars.replay.control_rig import SPAN_MS, START_MS, Control, running_control


@pytest.fixture
async def control(request: pytest.FixtureRequest) -> AsyncIterator[Control]:
    async with running_control(**getattr(request, "param", {})) as running:
        yield running


def allowing(**fields: object) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("control", [fields], indirect=True)


async def test_state_says_what_runs(control: Control) -> None:
    control.participants.append("bot")
    state = await control.get("/state")
    assert START_MS <= state.pop("now_ms") < START_MS + 60_000
    assert state.pop("now").startswith("2024-03-05T12:00")
    assert state == {
        "mode": "natural",
        "feed": "synthetic",
        "seed": 7,
        "span_start_ms": SPAN_MS[0],
        "span_end_ms": SPAN_MS[1],
        "symbols": ["BTCUSDT", "ETHUSDT"],
        "participants": ["bot"],
        "clock_advance_allowed": False,
        "clock_skew_ms": 0,
        "fault_rules": 0,
    }


async def test_the_ledger_is_told_to_the_last_unit(control: Control) -> None:
    order_id = control.buy(1, "0.01234")
    order = (await control.get("/ledger/orders"))["orders"][0]
    assert (order["order_id"], order["client_order_id"]) == (order_id, "order-1")
    assert (order["status"], order["amount"], order["price"]) == ("FILLED", "0.01234", None)
    fills = (await control.get("/ledger/fills"))["fills"]
    assert order["fills"] == fills
    kept = control.ledger.fills()
    assert [(f["price"], f["fee"], f["fee_asset"]) for f in fills] == [
        (format(f.price, "f"), format(f.fee, "f"), "BTC") for f in kept
    ]
    cost = sum(Decimal(fill["quote_amount"]) for fill in fills)
    balances = {b["asset"]: b for b in (await control.get("/ledger/balances"))["balances"]}
    assert Decimal(balances["USDT"]["free"]) == Decimal(100_000) - cost
    bought = Decimal("0.01234") - sum(Decimal(fill["fee"]) for fill in fills)
    assert Decimal(balances["BTC"]["free"]) == bought
    totals = await control.get("/ledger/totals")
    assert (totals["orders"], totals["open_orders"], totals["fills"]) == (1, 0, len(fills))
    assert Decimal(totals["turnover"]["USDT"]) == cost
    assert await control.get("/ledger/verify") == {"agrees": True, "disagreements": []}
    assert (await control.get("/ledger/deposits"))["deposits"] == [
        {"deposit_id": 1, "asset": "USDT", "amount": "100000"}
    ]


async def test_no_amount_is_told_in_exponents(control: Control) -> None:
    control.buy(1, "0.00020")
    text = await (await control.client.get("/control/ledger/fills")).text()
    fee = control.ledger.fills()[0].fee
    assert "E" in str(fee)  # 2E-7: what str() would make of it
    assert f'"fee":"{fee:f}"' in text


async def test_verify_tells_of_a_ledger_that_does_not_add_up(control: Control) -> None:
    control.buy(1)
    with control.ledger._transaction() as connection:
        connection.exec_driver_sql("UPDATE balances SET free = '99999' WHERE asset = 'USDT'")
    answer = await control.get("/ledger/verify")
    assert answer["agrees"] is False
    assert any(line.startswith("USDT:") for line in answer["disagreements"])


async def test_orders_and_fills_come_in_pages(control: Control) -> None:
    ids = [control.buy(number) for number in range(5)]
    seen: list[int] = []
    start: int | None = 0
    pages = 0
    while start is not None:
        page = await control.get(f"/ledger/orders?from_order_id={start}&limit=2")
        seen += [order["order_id"] for order in page["orders"]]
        start = page["next_from_order_id"]
        pages += 1
    assert (seen, pages) == (ids, 3)
    first = (await control.get("/ledger/fills?limit=1"))["next_from_trade_id"]
    rest = await control.get(f"/ledger/fills?from_trade_id={first}")
    assert [f.trade_id for f in control.ledger.fills()][1:] == [
        f["trade_id"] for f in rest["fills"]
    ]
    assert rest["next_from_trade_id"] is None


async def test_orders_can_be_filtered(control: Control) -> None:
    control.buy(1)
    low = Decimal(50)
    price = Decimal(str(control.app[VIEW].last_price("BTCUSDT", control.clock.now_ms())))
    control.buy(2, type=OrderType.LIMIT, price=(price * low / 100).quantize(Decimal("0.01")))
    assert [o["order_id"] for o in (await control.get("/ledger/orders?open_only=true"))["orders"]]
    for query, count in [
        ("open_only=true", 1),
        ("open_only=false", 2),
        ("symbol=ETHUSDT", 0),
        ("symbol=BTCUSDT", 2),
        (f"start_ms={START_MS + 600_000}", 0),
        (f"end_ms={START_MS - 1}", 0),
        (f"updated_after_ms={START_MS + 600_000}", 0),
    ]:
        assert len((await control.get(f"/ledger/orders?{query}"))["orders"]) == count, query
    assert (await control.get("/ledger/fills?order_id=2"))["fills"] == []


async def test_faults_are_added_told_and_removed(control: Control) -> None:
    rule = {"kind": "rate_limit", "every": 2, "parameters": {"status": 418}}
    assert await control.ask("POST", "/faults", rule) == (201, {"rule_ids": [1]})
    plan = [{"kind": "websocket_silence"}, {"kind": "reset", "next": 1}]
    assert await control.ask("POST", "/faults", plan) == (201, {"rule_ids": [2, 3]})
    for _ in range(3):
        control.faults.websocket_action("btcusdt@trade")
    told = await control.get("/faults")
    assert told["seed"] == 7
    assert [(r["rule_id"], r["matches"], r["hits"]) for r in told["rules"]] == [
        (1, 0, 0),
        (2, 3, 3),
        (3, 0, 0),
    ]
    assert told["rules"][0]["rule"]["parameters"] == {"status": 418, "retry_after_seconds": 1}
    page = await control.get("/faults/log?limit=2")
    assert [event["number"] for event in page["events"]] == [1, 2]
    rest = await control.get(f"/faults/log?after={page['next_after']}")
    assert [(e["number"], e["rule_id"], e["target"]) for e in rest["events"]] == [
        (3, 2, "stream btcusdt@trade")
    ]
    assert rest["next_after"] is None
    assert await control.ask("DELETE", "/faults/2") == (200, {"removed": 1})
    assert await control.ask("DELETE", "/faults/2") == (
        404,
        {"error": "rule 2: not in the fault plan"},
    )
    assert await control.ask("DELETE", "/faults") == (200, {"removed": 2})
    assert (await control.get("/faults"))["rules"] == []


async def test_a_plan_with_one_bad_rule_is_refused_whole(control: Control) -> None:
    status, answer = await control.ask("POST", "/faults", [{"kind": "reset"}, {"kind": "rest"}])
    assert status == 400
    assert answer["error"].startswith("1: Input tag 'rest'")
    assert control.faults.rules() == []


async def test_a_full_plan_takes_no_more(control: Control) -> None:
    plan = [{"kind": "reset", "match": {"path": "/never"}}] * 1000
    assert (await control.ask("POST", "/faults", plan))[0] == 201
    status, answer = await control.ask("POST", "/faults", {"kind": "reset"})
    assert status == 409
    assert "at most 1000 rules" in answer["error"]


async def test_the_clock_is_not_moved_unless_allowed(control: Control) -> None:
    status, answer = await control.ask("POST", "/clock/advance", {"by_ms": 1000})
    assert (status, answer) == (403, {"error": "the clock may not be moved (allow_clock_advance)"})


@allowing(allow_clock_advance=True)
async def test_the_clock_moves_forward_and_orders_are_matched(control: Control) -> None:
    price = Decimal(str(control.app[VIEW].last_price("BTCUSDT", control.clock.now_ms())))
    limit = (price * Decimal("0.999")).quantize(Decimal("0.01"))
    order_id = control.buy(1, "0.001", type=OrderType.LIMIT, price=limit)
    status, moment = await control.ask("POST", "/clock/advance", {"by_ms": 86_400_000})
    assert status == 200
    assert 0 <= moment["now_ms"] - (START_MS + 86_400_000) < 60_000
    order = (await control.get(f"/ledger/orders?from_order_id={order_id}"))["orders"][0]
    assert order["status"] == "FILLED"
    assert order["fills"][0]["price"] == format(limit, "f")
    status, moment = await control.ask("POST", "/clock/advance", {"to_ms": SPAN_MS[1] - 86_400_000})
    assert status == 200
    assert (await control.get("/ledger/verify"))["agrees"]


@allowing(allow_clock_advance=True)
@pytest.mark.parametrize(
    "body", [{"to_ms": START_MS - 1}, {"by_ms": 86_400_000 + 60_000}, {"to_ms": SPAN_MS[1] + 1}]
)
async def test_jumps_are_bounded(control: Control, body: dict[str, int]) -> None:
    status, answer = await control.ask("POST", "/clock/advance", body)
    assert status == 400
    assert answer["error"].startswith("the clock can move to ")
    assert control.clock.now_ms() < START_MS + 60_000


@allowing(allow_clock_advance=True, max_advance_ms=30 * 86_400_000)
async def test_the_clock_never_leaves_the_record(control: Control) -> None:
    status, answer = await control.ask("POST", "/clock/advance", {"to_ms": SPAN_MS[1] + 1})
    assert status == 400
    assert f"..{SPAN_MS[1]}, asked for {SPAN_MS[1] + 1}" in answer["error"]
    assert (await control.ask("POST", "/clock/advance", {"to_ms": SPAN_MS[1]}))[0] == 200


@allowing(allow_clock_advance=True)
async def test_participants_move_the_clock_themselves(control: Control) -> None:
    control.participants.append("bot-1")
    status, answer = await control.ask("POST", "/clock/advance", {"by_ms": 1})
    assert (status, answer["error"]) == (409, "the clock is moved by its participants (bot-1)")


async def test_a_deposit_can_be_traded_at_once_and_adds_up(control: Control) -> None:
    body = {"asset": "USDT", "amount": "0.00000001"}
    paid = {"deposit_id": 2, "asset": "USDT", "amount": "0.00000001"}
    assert await control.ask("POST", "/deposits", body) == (201, paid)
    assert await control.ask("POST", "/deposits", {"asset": "BTC", "amount": "1.5"}) == (
        201,
        {"deposit_id": 3, "asset": "BTC", "amount": "1.5"},
    )
    balances = (await control.get("/ledger/balances"))["balances"]
    assert [(b["asset"], b["free"]) for b in balances] == [
        ("BTC", "1.5"),
        ("USDT", "100000.00000001"),
    ]
    control.buy(1)
    assert (await control.get("/ledger/verify"))["agrees"]
