"""Bots, exchange, bots again: what counts, what is an error, what is remembered."""

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from sidecars.common.clock import ManualClock
from sidecars.common.database import open_database
from sidecars.common.settings_file import SettingsError, check_settings
from sidecars.common.source_errors import SourceError
from sidecars.guard.books import (
    AccountBooks,
    BotBooks,
    BotIdentity,
    BotOrder,
    ExchangeOrder,
    Fill,
    Holding,
)
from sidecars.guard.desk import Desk
from sidecars.guard.exchange_books import Question
from sidecars.guard.guard import Guard, GuardRefusal
from sidecars.guard.model import GuardState, Reconciliation
from sidecars.guard.reconcile_setup import make_reconciler
from sidecars.guard.reconciling import MemoryStore, Reconciler
from sidecars.guard.settings import GuardSettings
from sidecars.guard.snapshots import BotSnapshot
from sidecars.guard.store import Store
from sidecars.guard.timekeeping import Timekeeper
from tests.sidecars.guard.guard_rig import ready_fleet, rules

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
EVERY = timedelta(minutes=5)
BTC = "BTC/USDT"
AGO = timedelta(hours=1)


class FakeBot:
    """Tells its books; `then` happens right after each answer."""

    def __init__(self, name: str) -> None:
        self.identity = BotIdentity(name, f"aq-{name}-")
        self.books: BotBooks | None = BotBooks(self.identity, frozenset({BTC}))
        self.fails = False
        self.then: Callable[[], None] = lambda: None
        self.asked_since: list[datetime] = []

    @property
    def bot(self) -> BotIdentity:
        return self.identity

    async def read(self, fills_since: datetime) -> BotBooks | None:
        self.asked_since.append(fills_since)
        if self.fails:
            raise SourceError(f"bot {self.identity.name} cannot be reached")
        answer = self.books
        self.then()
        return answer

    def knows(self, *orders: BotOrder, held: str = "0") -> None:
        self.books = BotBooks(
            self.identity, frozenset({BTC}), {order.key: order for order in orders},
            (Holding(BTC, Decimal(held)),),
        )  # fmt: skip


class FakeAccount:
    """Tells what it is given, dated now."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.orders: list[ExchangeOrder] = []
        self.fills: list[Fill] = []
        self.btc = "0"
        self.fails = False
        self.questions: list[Question] = []
        self.is_closed = False

    async def read(self, question: Question) -> AccountBooks:
        self.questions.append(question)
        if self.fails:
            raise SourceError("main: balance: no answer")
        return AccountBooks(
            "main", self.clock.now(), question.fills_since,
            orders={order.key: order for order in self.orders}, fills=tuple(self.fills),
            totals={"BTC": Decimal(self.btc)}, steps={BTC: Decimal("0.00001")},
        )  # fmt: skip

    async def close(self) -> None:
        self.is_closed = True


class World:
    def __init__(self, store: MemoryStore | None = None) -> None:
        self.clock = ManualClock(NOON)
        self.account = FakeAccount(self.clock)
        self.dip, self.sma = FakeBot("dip"), FakeBot("sma")
        self.on: dict[str, str | None] = {"dip": "main", "sma": "main"}
        self.snapshots: dict[str, BotSnapshot] = {}
        self.store = store
        self.reconciler = self.started()

    def started(self) -> Reconciler:
        return Reconciler({"main": self.account}, [self.dip, self.sma], self.clock, self.store)

    async def look(self) -> Reconciliation:
        await self.clock.move_to(self.clock.now() + EVERY)
        return await self.reconciler.look(self.snapshots, self.on)

    async def kinds(self) -> list[str]:
        return [each.kind for each in (await self.look()).mismatches]

    def stray(self) -> ExchangeOrder:
        return ExchangeOrder(
            BTC, "1", "aq-dip-x", "buy", "open", Decimal("0.01"), Decimal(0), NOON - AGO
        )


def known(number: str = "1", *, is_open: bool = True) -> BotOrder:
    return BotOrder(BTC, number, is_open, Decimal(0), NOON - AGO)


def snapshot(name: str, *, is_dry_run: bool) -> BotSnapshot:
    return BotSnapshot(
        bot=name, began_at=NOON, at=NOON, bot_name=name, exchange="binance", trading_mode="spot",
        is_dry_run=is_dry_run, run_state="running", strategy="X", stake_currency="USDT",
        trades=(), closed=(), closed_count=0, closed_profit=0.0, entries=(),
    )  # fmt: skip


async def test_a_look_without_differences_passes() -> None:
    world = World()
    found = await world.look()
    assert found.passed and found.at == NOON + EVERY
    await world.reconciler.close()
    assert world.account.is_closed


async def test_what_happens_between_the_reads_explains_itself() -> None:
    world = World()
    world.account.orders = [world.stray()]
    world.dip.then = lambda: world.dip.knows(known())  # it knows by the second read
    assert await world.kinds() == []
    world.dip.then = lambda: world.dip.knows()  # cancelled after the exchange was read
    assert await world.kinds() == []
    assert await world.kinds() == ["unknown_order"]


async def test_the_question_says_what_is_known_and_believed_open() -> None:
    world = World()
    world.dip.knows(known("1"), known("2", is_open=False))
    await world.look()
    (question,) = world.account.questions
    assert set(question.known) == {(BTC, "1"), (BTC, "2")}
    assert set(question.believed_open) == {(BTC, "1")}
    assert question.fills_since == {BTC: world.clock.now() - timedelta(hours=23)}


async def test_an_exchange_that_cannot_be_read_is_unknown_and_not_equal() -> None:
    world = World()
    world.account.fails = True
    found = await world.look()
    assert found.mismatches == () and not found.passed
    assert found.errors == {"main": "main: balance: no answer"}


async def test_a_bot_that_cannot_be_read_is_unknown_and_the_others_are_judged() -> None:
    world = World()
    world.account.orders = [world.stray()]
    world.sma.fails = True
    found = await world.look()
    assert [each.kind for each in found.mismatches] == ["unknown_order"]
    assert found.errors == {"main": "bot sma cannot be reached"}
    world.sma.fails, world.dip.fails = False, True
    found = await world.look()
    assert found.mismatches == () and not found.passed
    # One answer of two is no answer.
    world.dip.fails = False

    def fail() -> None:
        world.dip.fails = True

    world.dip.then = fail
    found = await world.look()
    assert found.mismatches == () and not found.passed


async def test_bots_with_play_money_and_bots_without_an_account() -> None:
    world = World()
    world.account.orders = [world.stray()]
    world.snapshots["dip"] = snapshot("dip", is_dry_run=True)
    assert await world.kinds() == []
    assert world.dip.asked_since == []
    world.snapshots["dip"] = snapshot("dip", is_dry_run=False)
    world.on["dip"] = None
    found = await world.look()
    assert found.errors == {
        "of bot dip": "it trades for real, and no account is named that could be read"
    }
    world.snapshots.clear()
    assert (await world.look()).errors == {"of bot dip": "the bot has not been read yet"}
    world.on["dip"], world.dip.books = "main", None
    assert (await world.look()).passed


async def test_fills_that_show_a_mismatch_are_read_until_it_is_gone() -> None:
    world = World()
    world.account.orders = [dataclasses.replace(world.stray(), status="closed", filled=Decimal(1))]
    first = await world.look()
    assert [each.kind for each in first.mismatches] == ["unknown_order"]
    await world.clock.move_to(NOON + timedelta(days=4))
    assert await world.kinds() == ["unknown_order"]
    since = first.at - timedelta(hours=23)
    assert world.account.questions[-1].fills_since[BTC] == since
    assert world.dip.asked_since[-1] == since
    world.dip.knows(known(is_open=False))
    world.account.orders = []
    assert await world.kinds() == []
    await world.look()
    assert world.dip.asked_since[-1] == world.clock.now() - timedelta(hours=23)


async def test_a_lost_trade_shows_as_coins_that_nobody_claims() -> None:
    world = World()
    world.account.btc = "1.5"
    world.dip.knows(held="0.5")
    assert await world.kinds() == []
    world.dip.knows()  # its trade was deleted
    assert await world.kinds() == ["coins_unclaimed"]
    accepted = await world.reconciler.accept("ann")
    assert [each.kind for each in accepted] == ["coins_unclaimed"]
    assert await world.kinds() == []


async def test_what_is_sold_while_it_is_looked_is_not_left_over() -> None:
    world = World()
    world.account.btc = "1.5"
    world.dip.knows(held="1.5")
    assert await world.kinds() == []
    world.dip.knows(held="0.5")  # has lost a trade of 1
    world.dip.then = lambda: world.dip.knows()  # and sells the rest after the first read
    (found,) = (await world.look()).mismatches
    assert (found.kind, found.exchange_value) == ("coins_unclaimed", 1.0)


async def test_coins_of_a_bot_that_cannot_be_read_are_not_left_over() -> None:
    world = World()
    world.account.btc = "1.5"
    world.sma.knows(held="1.5")
    assert await world.kinds() == []
    world.sma.fails = True
    assert await world.kinds() == []
    world.sma.fails = False
    assert await world.kinds() == []


async def test_memory_outlives_the_process(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'guard.sqlite'}", MetaData())
    world = World(MemoryStore(engine))
    await world.reconciler.load()
    world.dip.knows(held="0.5")
    world.account.btc = "0.5"
    assert await world.kinds() == []
    world.reconciler = world.started()
    await world.reconciler.load()
    world.dip.knows()
    assert await world.kinds() == ["coins_unclaimed"]
    engine.dispose()


SETTINGS = {
    "bots": [
        {"name": "dip", "url": "http://127.0.0.1:1", "username": "u", "allotment": 100.0}
    ],
    "capital": 1000.0,
    "profile_files": ["risk.json"],
    "accounts": [{"name": "main-1", "exchange": "binance"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({}, "account main-1: AQUATRADE_ACCOUNT_MAIN_1_KEY (or AQUATRADE_ACCOUNT_MAIN_1_KEY_FILE)"),
        (
            {"AQUATRADE_ACCOUNT_MAIN_1_KEY": "k"},
            "account main-1: AQUATRADE_ACCOUNT_MAIN_1_SECRET (or ",
        ),
    ],
)
async def test_a_missing_key_is_one_clear_line(
    tmp_path: Path, environment: dict[str, str], text: str
) -> None:
    settings = check_settings(GuardSettings, SETTINGS, "test")
    engine = open_database(f"sqlite:///{tmp_path / 'guard.sqlite'}", MetaData())
    with pytest.raises(SettingsError) as caught:
        make_reconciler(settings, environment, {}, ManualClock(NOON), engine)
    assert str(caught.value).startswith(text)
    engine.dispose()


async def test_it_is_made_from_the_settings(tmp_path: Path) -> None:
    class Nobody:
        async def get(self, path: str, **_: str | int) -> object:
            raise SourceError(f"bot dip cannot be reached for {path}")

    settings = check_settings(GuardSettings, SETTINGS, "test")
    engine = open_database(f"sqlite:///{tmp_path / 'guard.sqlite'}", MetaData())
    environment = {
        "AQUATRADE_ACCOUNT_MAIN_1_KEY": "k", "AQUATRADE_ACCOUNT_MAIN_1_SECRET": "s",
    }  # fmt: skip
    made = make_reconciler(settings, environment, {"dip": Nobody()}, ManualClock(NOON), engine)
    found = await made.look({}, {})
    assert found.errors == {"of bot dip": "the bot has not been read yet"}
    await made.close()
    engine.dispose()


async def test_two_looks_halt_and_a_persons_word_lets_go_on(tmp_path: Path) -> None:
    made = rules(
        [{"name": "dip", "account": "main"}, {"name": "sma", "account": "main"}],
        accounts=[{"name": "main"}],
    )
    world = World()
    time = Timekeeper(world.clock)
    store = Store(f"sqlite:///{tmp_path / 'guard.sqlite'}")
    desk = Desk(made, store, ready_fleet(made, time.now()), time)
    guard = Guard(made, desk, store, world.reconciler, time)
    running = asyncio.create_task(desk.run())
    assert (await guard.reconcile()).passed
    world.account.orders = [world.stray()]
    states = []
    for _ in range(3):
        await world.clock.move_to(world.clock.now() + EVERY)
        await guard.reconcile()
        states.append(guard.state().state)
    assert states == [GuardState.ACTIVE, GuardState.HALTED, GuardState.HALTED]
    assert await guard.resume("ann", "reconcile") == ("reconcile",)
    assert guard.state().state is GuardState.ACTIVE
    (event,) = (await guard.newest_events(kind="resume"))[:1]
    assert event.event.text.startswith("accepted by ann: main, bot dip, order 1 of BTC/USDT")
    assert event.event.data["by"] == "ann"
    with pytest.raises(GuardRefusal, match="there is no mismatch"):
        await guard.resume("ann", "reconcile")
    running.cancel()
    store.close()
