"""An account as unmodified ccxt tells it, on the replay exchange with orders really placed."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import ccxt
import pytest
from aiohttp.test_utils import TestClient, TestServer

from sidecars.common.source_errors import SourceError
from sidecars.guard.books import BotBooks, BotIdentity, BotOrder, Holding, OrderKey
from sidecars.guard.exchange_books import CcxtAccount, Credentials, Question
from sidecars.guard.exchange_rows import exact, fill_of, order_of, positions_of, step_of
from sidecars.guard.reconcile import compare
from sidecars.replay.client_config import LOCAL_KEY, LOCAL_SECRET, rest_urls
from sidecars.replay.faults.rules import RULE
from tests.sidecars.replay.edge_rig import SETTINGS_OF_TESTS, Edge, make_app

BTC, ETH = "BTC/USDT", "ETH/USDT"
PREFIX = "aq-dip-"


@dataclass
class ExchangeClock:
    """The time of the exchange in this process."""

    edge: Edge

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.edge.clock.now_ns() / 1e9, UTC)

    async def sleep_until(self, moment: datetime) -> None:
        raise AssertionError("nothing here sleeps")


@dataclass
class Rig:
    edge: Edge
    account: CcxtAccount
    clock: ExchangeClock

    def question(self, **changes: Any) -> Question:
        day_ago = self.clock.now() - timedelta(hours=23)
        return replace(Question({BTC: day_ago, ETH: day_ago}), **changes)

    async def order(self, name: str, **parameters: object) -> Any:
        """Place one as the bot would: with its prefix before the client id."""
        parameters.setdefault("symbol", "BTCUSDT")
        parameters["newClientOrderId"] = name
        return await self.edge.trade("POST", "/api/v3/order", **parameters)

    async def rest(self, name: str, share: str = "0.9", **parameters: object) -> str:
        """A buy that is not filled; its id."""
        price = round(await self.edge.last_price() * Decimal(share), 2)
        placed = await self.order(
            name, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01",
            price=str(price), **parameters,
        )  # fmt: skip
        return str(placed["orderId"])

    async def buy(self, name: str, quantity: str = "0.01", symbol: str = "BTCUSDT") -> str:
        """A buy at the market; its id."""
        placed = await self.order(name, side="BUY", type="MARKET", quantity=quantity, symbol=symbol)
        assert placed["status"] == "FILLED"
        return str(placed["orderId"])


def make_account(edge: Edge, clock: ExchangeClock, **changes: Any) -> CcxtAccount:
    parameters: dict[str, Any] = {
        "name": "main",
        "exchange_id": "binance",
        "ccxt_config": {
            "enableRateLimit": False,
            "urls": {"api": rest_urls(str(edge.client.make_url("")).rstrip("/"))},
            "options": {"maxRetriesOnFailureDelay": 1},
        },
        "credentials": Credentials(LOCAL_KEY, LOCAL_SECRET),
        "clock": clock,
        **changes,
    }
    return CcxtAccount(**parameters)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    app = make_app(SETTINGS_OF_TESTS)
    async with TestClient(TestServer(app)) as client:
        edge = Edge(app, client)
        clock = ExchangeClock(edge)
        account = make_account(edge, clock, own_balances={"ETH": Decimal("0.5")})
        yield Rig(edge, account, clock)
        await account.close()


def of_bot(*orders: BotOrder, holdings: tuple[Holding, ...] = ()) -> BotBooks:
    return BotBooks(
        BotIdentity("dip", PREFIX),
        frozenset({BTC, ETH}),
        {order.key: order for order in orders},
        holdings,
    )


async def test_an_empty_account(rig: Rig) -> None:
    books = await rig.account.read(rig.question())
    assert books.orders == {} and books.fills == () and books.missing == frozenset()
    assert books.totals["USDT"] == 10_000
    assert books.own == {"ETH": Decimal("0.5")}
    assert books.steps[BTC] == Decimal("0.00001")
    assert compare(books, [of_bot()]) == ()


async def test_orders_fills_and_balances_are_the_exchanges(rig: Rig) -> None:
    open_id, done_id = await rig.rest(f"{PREFIX}1"), await rig.buy(f"{PREFIX}2")
    rig.edge.jump(90_000)
    books = await rig.account.read(rig.question(known={(BTC, open_id), (BTC, done_id)}))
    order = books.orders[BTC, open_id]
    assert order.is_open and order.client_order_id == f"{PREFIX}1"
    assert (order.filled, order.amount) == (Decimal(0), Decimal("0.01"))
    assert sum(fill.amount for fill in books.fills) == Decimal("0.01")
    assert {fill.key for fill in books.fills} == {(BTC, done_id)}
    # The fee is taken in the coin; what the open order locks is still there.
    assert books.totals["BTC"] == Decimal("0.01") * Decimal("0.999")
    ledger = {
        balance.asset: balance.free + balance.locked
        for balance in rig.edge.engine.balances(rig.edge.clock.now_ms())
    }
    assert {asset: books.totals[asset] for asset in ledger} == ledger
    at = rig.clock.now() - timedelta(seconds=90)
    bot = of_bot(
        BotOrder(BTC, open_id, True, Decimal(0), at),
        BotOrder(BTC, done_id, False, Decimal("0.01"), at),
        holdings=(Holding(BTC, Decimal("0.00999")),),
    )
    assert compare(books, [bot]) == ()


async def test_what_no_bot_knows_is_asked_for_by_name(rig: Rig) -> None:
    ours, theirs = await rig.buy(f"{PREFIX}1"), await rig.buy("web_1")
    rig.edge.jump(90_000)
    books = await rig.account.read(rig.question())
    assert {order.client_order_id for order in books.orders.values()} == {f"{PREFIX}1", "web_1"}
    found = compare(books, [of_bot()])
    assert [(each.kind, each.bot, each.exchange_value) for each in found] == [
        ("unknown_order", "dip", 0.01)
    ]
    assert ours in found[0].key and theirs not in found[0].key
    # Whose they were does not change: they are not asked for again.
    match = {"method": "GET", "path": "/api/v3/order"}
    rig.edge.faults.add(RULE.validate_python({"kind": "server_error", "match": match}))
    again = await rig.account.read(rig.question())
    assert again.orders == books.orders
    rig.edge.jump(24 * 3_600_000)
    assert (await rig.account.read(rig.question())).orders == {}


async def test_the_fate_of_what_a_bot_believes_open(rig: Rig) -> None:
    gone, filled = await rig.rest(f"{PREFIX}1"), await rig.buy(f"{PREFIX}2")
    await rig.edge.trade("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=gone)
    rig.edge.jump(90_000)
    keys: set[OrderKey] = {(BTC, gone), (BTC, filled), (ETH, "999")}
    books = await rig.account.read(rig.question(known=keys, believed_open=keys))
    assert books.missing == {(ETH, "999")}
    assert books.orders[BTC, gone].status == "canceled"
    assert books.orders[BTC, filled].status == "closed"
    at = rig.clock.now() - timedelta(seconds=90)
    bot = of_bot(*(BotOrder(*key, True, Decimal(0), at) for key in sorted(keys)))
    assert [each.kind for each in compare(books, [bot])] == ["order_state"] * 3


async def test_fills_of_several_days_are_all_there(rig: Rig) -> None:
    ids = []
    for number in range(3):
        ids.append(await rig.buy(f"{PREFIX}{number}"))
        rig.edge.jump(30 * 3_600_000)
    since = rig.clock.now() - timedelta(hours=23 + 3 * 30)
    books = await rig.account.read(rig.question(fills_since={BTC: since}))
    assert sorted(fill.order_id for fill in books.fills) == sorted(ids)
    assert books.steps.keys() == {BTC}


async def test_fills_are_paged(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecars.guard.exchange_books.PAGE_FILLS", 2)
    ids = []
    for number in range(5):
        ids.append(await rig.buy(f"{PREFIX}{number}"))
        rig.edge.jump(1000)
    books = await rig.account.read(rig.question())
    assert [fill.order_id for fill in books.fills] == ids
    # As many fills in one millisecond as a page has: there is no way on.
    monkeypatch.setattr("sidecars.guard.exchange_books.PAGE_FILLS", 1)
    with pytest.raises(SourceError, match="fills of BTC/USDT cannot be paged"):
        await rig.account.read(rig.question())


async def test_a_pair_that_is_not_listed_is_left_out(rig: Rig) -> None:
    since = rig.clock.now() - timedelta(hours=1)
    books = await rig.account.read(Question({"XYZ/USDT": since, BTC: since}))
    assert books.fills_since.keys() == {BTC}


async def test_nothing_but_reading_leaves_the_house(rig: Rig) -> None:
    exchange: Any = rig.account._exchange
    await exchange.load_markets()
    with pytest.raises(ccxt.PermissionDenied, match="the guard only reads"):
        await exchange.create_order(BTC, "market", "buy", 0.01)
    with pytest.raises(ccxt.PermissionDenied, match="the guard only reads"):
        await exchange.cancel_order("1", BTC)
    with pytest.raises(ccxt.PermissionDenied, match="the guard only reads"):
        await exchange.withdraw("BTC", 0.01, "address")
    assert rig.edge.engine.all_orders("BTCUSDT", rig.edge.clock.now_ms()) == []


@pytest.mark.parametrize(
    ("credentials", "kind"),
    [
        (Credentials(LOCAL_KEY, "wrong-secret"), "refused"),
        (Credentials("wrong-key", LOCAL_SECRET), "refused"),
    ],
)
async def test_a_wrong_key_is_one_line_without_it(
    rig: Rig, credentials: Credentials, kind: str
) -> None:
    account = make_account(rig.edge, rig.clock, credentials=credentials)
    with pytest.raises(SourceError, match=r"^main: ") as caught:
        await account.read(rig.question())
    assert caught.value.kind == kind
    assert "\n" not in str(caught.value) and "signature" not in str(caught.value)
    assert credentials.secret not in str(caught.value) + repr(credentials)
    await account.close()


@pytest.mark.parametrize("kind", ["server_error", "rate_limit", "reset"])
async def test_an_exchange_that_fails_is_an_error_and_one_hiccup_is_not(
    rig: Rig, kind: str
) -> None:
    await rig.account.read(rig.question())
    faults = rig.edge.faults
    faults.add(RULE.validate_python({"kind": kind, "next": 1}))
    assert (await rig.account.read(rig.question())).totals["USDT"] == 10_000
    faults.clear()
    faults.add(RULE.validate_python({"kind": kind}))
    with pytest.raises(SourceError, match=r"^main: open orders: ") as caught:
        await rig.account.read(rig.question())
    assert "signature" not in str(caught.value)


def test_another_exchange_that_ccxt_does_not_know() -> None:
    with pytest.raises(SourceError, match="account main: no settings for nowhere"):
        CcxtAccount("main", "nowhere", {}, Credentials("k", "s"), ExchangeClock(None))  # type: ignore[arg-type]


ORDER = {
    "symbol": BTC, "id": "7", "clientOrderId": None, "side": "buy", "status": "open",
    "amount": 0.3, "filled": 0.1, "timestamp": 1000, "lastUpdateTimestamp": 3000,
    "lastTradeTimestamp": None,
}  # fmt: skip


def test_rows_are_read_exactly() -> None:
    order = order_of(ORDER)
    assert (order.amount, order.filled) == (Decimal("0.3"), Decimal("0.1"))
    assert order.changed_at == datetime.fromtimestamp(3, UTC)
    fill = {"symbol": BTC, "id": 1, "order": 7, "amount": 1e-8, "cost": 0.0006, "timestamp": 5}
    assert fill_of(fill)[1].amount == Decimal("0.00000001")


NEEDED = sorted(ORDER.keys() - {"clientOrderId", "lastTradeTimestamp", "lastUpdateTimestamp"})


@pytest.mark.parametrize("missing", NEEDED)
def test_a_row_without_what_it_must_have_is_refused(missing: str) -> None:
    row: Mapping[str, Any] = {key: value for key, value in ORDER.items() if key != missing}
    with pytest.raises(KeyError):
        order_of(row)


@pytest.mark.parametrize("value", [None, True, "x", float("nan"), float("inf"), []])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        exact(value)


def test_positions_and_steps_of_contracts() -> None:
    perp = "BTC/USDT:USDT"
    rows: list[Mapping[str, Any]] = [
        {"symbol": perp, "side": "short", "contracts": 5.0, "contractSize": 0.01},
        {"symbol": perp, "side": "long", "contracts": 2.0, "contractSize": 0.01},
        {"symbol": "ETH/USDT:USDT", "side": None, "contracts": 0.0, "contractSize": 1.0},
    ]
    assert positions_of(rows) == {perp: Decimal("-0.03")}
    market = {"precision": {"amount": 1.0}, "contractSize": 0.01}
    assert step_of(market, ccxt.TICK_SIZE) == Decimal("0.01")
    assert step_of({"precision": {"amount": 3}}, ccxt.DECIMAL_PLACES) == Decimal("0.001")
