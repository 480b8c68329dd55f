"""One change after the other, kept before it is answered; what cannot be kept has not happened."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from aquatrade.event_log import Event
from aquatrade.risk.model import Decision
from aquatrade.risk.profile import RiskProfile
from sidecars.guard.checks import check
from sidecars.guard.desk import Desk
from sidecars.guard.fleet import Fleet, Rules, Step
from sidecars.guard.model import CheckAnswer, CheckRequest, GuardState, Mismatch, Reconciliation
from sidecars.guard.moves import (
    look_at_losses,
    settled_state,
    take_poll,
    take_reconciliation,
)
from sidecars.guard.people import answer, kill
from sidecars.guard.refusals import GuardRefusal, StoreError
from sidecars.guard.reservations import Moment
from sidecars.guard.store import Store
from sidecars.guard.timekeeping import Timekeeper
from tests.sidecars.common.jumping_clock import JumpingClock
from tests.sidecars.guard.guard_rig import (
    START,
    at,
    polled,
    ready_fleet,
    request,
    rules,
    snapshot,
    trade,
)

PROFILE = RiskProfile(name="test", max_open_positions=3, valve_minutes=60.0)
TEN = rules([{"name": f"bot{number}", "allotment": 500.0} for number in range(10)], PROFILE)
HYBRID = rules([{"name": "dip", "stage": "hybrid"}], PROFILE)


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'guard.sqlite'}"


@contextlib.asynccontextmanager
async def desk_on(made: Rules, database: str) -> AsyncIterator[tuple[Desk, Store]]:
    store = Store(database)
    time = Timekeeper(JumpingClock(START))
    fleet = store.load(START, time.now().steady_s, 120.0)
    desk = Desk(made, store, fleet, time)
    working = asyncio.create_task(desk.run())
    for bot in made.settings.bots:
        seen = snapshot(bot.name)
        await desk.do(lambda fleet, now, seen=seen: take_poll(made, fleet, seen, now.steady_s, now))  # type: ignore[misc]
    await desk.do(lambda fleet, now: take_reconciliation(made, fleet, Reconciliation(START), now))
    yield desk, store
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    store.close()


async def ask(desk: Desk, made: Rules, wish: CheckRequest) -> CheckAnswer:
    return await desk.do(lambda fleet, now: check(made, fleet, wish, now))


async def test_ten_bots_at_once_share_three_slots_and_one_commit(database: str) -> None:
    async with desk_on(TEN, database) as (desk, store):
        before = store.log.newest(1)[0].seq
        wishes = [request(f"bot{number}", f"C{number}/USDT") for number in range(10)]
        said = await asyncio.gather(*(ask(desk, TEN, wish) for wish in wishes))
        assert sum(each.decision is Decision.APPROVE for each in said) == 3
        verdicts = store.log.after(before, 100, kind="verdict")
        assert len(verdicts) == 10
        kept = store.load(START, 0.0, 120.0)
        assert set(kept.reservations) == {each.reservation for each in said if each.reservation}


async def test_all_that_was_said_is_there_after_a_restart(database: str) -> None:
    wish = request(until=at(3600).at)
    async with desk_on(HYBRID, database) as (desk, _):
        asked = await ask(desk, HYBRID, wish)
        number = str(asked.approval)
        await desk.do(lambda fleet, now: answer(fleet, number, "me", now, yes=True))
        passed = await ask(desk, HYBRID, wish)
        await desk.do(lambda fleet, now: take_reconciliation(HYBRID, fleet, mismatch(), now))
        held = snapshot("dip", [trade(7)])
        await desk.do(lambda fleet, now: take_poll(HYBRID, fleet, held, 0.0, now))
        await desk.do(lambda fleet, now: look_at_losses(HYBRID, fleet, now))
        await desk.do(lambda fleet, now: kill(fleet, "me", "storm", now, close=True))
        before = desk.fleet
    store = Store(database)
    after = store.load(at(10).at, 5.0, 120.0)
    store.close()
    assert after.state is GuardState.HALTED
    assert passed.reservation not in after.reservations, "its order was seen"
    assert after.snapshots == before.kept
    for name in ("approvals", "kill", "mismatches", "ledger", "risk", "last_number",
                 "families"):  # fmt: skip
        assert getattr(after, name) == getattr(before, name), name


def mismatch() -> Reconciliation:
    return Reconciliation(START, (Mismatch("k", "main", "order", "text"),))


async def test_what_cannot_be_kept_is_not_promised(database: str) -> None:
    async with desk_on(TEN, database) as (desk, store):
        with store.engine.begin() as connection:
            connection.execute(text("ALTER TABLE guard_parts RENAME TO elsewhere"))
        before = desk.fleet
        with pytest.raises(StoreError, match="nothing can be kept"):
            await ask(desk, TEN, request("bot1"))
        assert desk.fleet is before
        assert desk.trouble is not None
        await desk.do(
            lambda fleet, now: kill(fleet, "me", "storm", now, close=False), is_vital=True
        )
        assert desk.fleet.state is GuardState.HALTED, "the kill switch holds all the same"
        with store.engine.begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO guard_parts"))
        refused = await ask(desk, TEN, request("bot1"))
        assert refused.decision is Decision.REJECT
        assert desk.trouble is None
        assert store.load(START, 0.0, 120.0).kill == desk.fleet.kill, "kept with what came next"
        kinds = [each.event.kind for each in store.log.newest(3)]
        assert kinds == ["verdict", "state", "kill"]


async def test_one_that_cannot_be_kept_takes_nobody_along(database: str) -> None:
    bad = Event(START, "bot1", "note", "not JSON", data={"what": object()})

    def note(fleet: Fleet, _: Moment) -> Step[None]:
        return Step(fleet, None, (bad,))

    async with desk_on(TEN, database) as (desk, _):
        results = await asyncio.gather(
            ask(desk, TEN, request("bot1", "A/USDT")),
            desk.do(note),
            ask(desk, TEN, request("bot2", "B/USDT")),
            return_exceptions=True,
        )
        assert [type(each) for each in results] == [CheckAnswer, StoreError, CheckAnswer]
        assert len(desk.fleet.reservations) == 2


async def test_refusal_and_mistake_of_one_are_its_own(database: str) -> None:
    def broken(_: Fleet, __: Moment) -> Step[None]:
        raise ZeroDivisionError("a mistake")

    async with desk_on(TEN, database) as (desk, _):
        results = await asyncio.gather(
            ask(desk, TEN, request("nobody")),
            desk.do(broken),
            ask(desk, TEN, request("bot2")),
            return_exceptions=True,
        )
        assert [type(each) for each in results] == [GuardRefusal, ZeroDivisionError, CheckAnswer]


async def test_who_has_gone_away_is_no_trouble(database: str) -> None:
    async with desk_on(TEN, database) as (desk, _):
        asking = asyncio.create_task(ask(desk, TEN, request("bot1")))
        await asyncio.sleep(0)
        asking.cancel()
        assert (await ask(desk, TEN, request("bot1"))).decision is Decision.APPROVE
        assert len(desk.fleet.reservations) == 1


# -- after a boot of the machine -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "waits"),
    [("a", "a", False), ("a", "b", True), ("a", None, True), (None, None, True)],
)
async def test_machine_that_was_started_anew_waits_for_a_lease(
    database: str, before: str | None, after: str | None, waits: bool
) -> None:
    """What no disk has kept may have been promised: such promises live for a lease."""
    store = Store(database, before)
    empty = store.load(START, 0.0, 120.0)
    assert empty.boot_wait_until_s is None, "nothing was ever promised"
    store.save(empty, ready_fleet(TEN), [], is_durable=False)
    store.close()
    store = Store(database, after)
    fleet = store.load(START, 1000.0, 120.0)
    store.close()
    assert (fleet.boot_wait_until_s is not None) is waits
    for bot in TEN.settings.bots:
        fleet = polled(TEN, fleet, snapshot(bot.name), at(1))
    fleet = take_reconciliation(TEN, fleet, Reconciliation(START), at(1)).fleet
    assert state_after(fleet, 119) is (GuardState.HALTED if waits else GuardState.ACTIVE)
    assert state_after(fleet, 121) is GuardState.ACTIVE


def state_after(fleet: Fleet, seconds: float) -> GuardState:
    step = look_at_losses(TEN, fleet, at(seconds))
    return settled_state(TEN, step.fleet, START)[0].state


def test_promise_waits_for_no_disk_and_nobody_else_is_affected(database: str) -> None:
    store = Store(database)
    fleet = store.load(START, 0.0, 120.0)
    store.save(fleet, ready_fleet(TEN), [], is_durable=False)
    with store.engine.connect() as connection:
        cursor: Any = connection.connection.cursor()
        assert cursor.execute("PRAGMA synchronous").fetchone() == (2,), "FULL again"
        assert cursor.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    store.checkpoint()
    store.close()
