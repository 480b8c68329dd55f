"""What has to be done to a bot: compared with what a poll shows, never done twice, until seen."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from aquatrade.risk.model import RiskState, Trip
from sidecars.common.source_errors import SourceError
from sidecars.guard.acting import Actor
from sidecars.guard.acts import LOCK_PREFIX, Act, ActKind, due_acts
from sidecars.guard.fleet import Fleet
from sidecars.guard.ledger import Purse
from sidecars.guard.model import KillSwitch
from sidecars.guard.moves import poll_failed
from sidecars.guard.snapshots import LockSeen, OrderSeen, TradeSeen
from sidecars.guard.timekeeping import Timekeeper
from tests.sidecars.common.jumping_clock import JumpingClock
from tests.sidecars.guard.guard_rig import (
    START,
    at,
    order,
    polled,
    ready_fleet,
    rules,
    snapshot,
    trade,
)

RULES = rules([{"name": "dip"}, {"name": "grid", "family": "grid"}])
UNTIL = START + timedelta(hours=24)
TRIP = Trip("day", START, 3.1, 3.0, "lost 3.1 % today, limit 3 %", ("momentum",), UNTIL)
REASON = f"{LOCK_PREFIX}{TRIP.text}"


def tripped(trip: Trip = TRIP) -> Fleet:
    return replace(ready_fleet(RULES), risk={Purse.REAL: RiskState(trips=(trip,))})


def acts(fleet: Fleet, bot: str = "dip") -> list[Act]:
    settings = RULES.settings.bot(bot)
    assert settings is not None
    return due_acts(fleet, settings, at(1).at)


def seen(
    fleet: Fleet,
    bot: str,
    *trades: TradeSeen,
    locks: tuple[LockSeen, ...] = (),
    state: str = "paused",
) -> Fleet:
    """As a bot is after its pause."""
    return polled(RULES, fleet, snapshot(bot, trades, locks=locks, run_state=state), at(1))


def lock(number: int, reason: str, pair: str = "*") -> LockSeen:
    return LockSeen(number, pair, "*", UNTIL, reason)


def test_nothing_is_done_where_nothing_is_wrong() -> None:
    held = trade(orders=(order("o1", is_open=True),))
    assert acts(seen(ready_fleet(RULES), "dip", held)) == []


def test_trip_pauses_and_locks_every_bot_until_its_end() -> None:
    for bot in ("dip", "grid"):
        pause, act = acts(tripped(), bot)
        assert pause.kind is ActKind.PAUSE
        assert (act.kind, act.until, act.reason) == (ActKind.LOCK, UNTIL, REASON)


@pytest.mark.parametrize("state", ["paused", "stopped", "reload_config"])
def test_only_a_bot_that_runs_is_paused(state: str) -> None:
    fleet = seen(tripped(), "dip", locks=(lock(7, REASON),), state=state)
    assert acts(fleet) == []


def test_only_what_the_guard_has_paused_is_started_again() -> None:
    fleet = seen(ready_fleet(RULES), "dip")
    assert acts(fleet) == [], "a person has paused it"
    own = replace(fleet, paused=frozenset({"dip"}))
    assert [act.kind for act in acts(own)] == [ActKind.START]
    assert acts(replace(own, snapshots={**own.snapshots, "dip": snapshot("dip")})) == []
    still = replace(own, risk={Purse.REAL: RiskState(trips=(TRIP,))})
    assert ActKind.START not in [act.kind for act in acts(still)]
    assert seen(own, "dip", state="running").paused == frozenset(), "it was, and is no more"
    assert seen(own, "dip", state="stopped").paused == {"dip"}
    late = poll_failed(RULES, own, "dip", "does not answer within 5 s", at(2)).fleet
    away = poll_failed(RULES, own, "dip", "cannot be reached at http://bot:8080", at(2)).fleet
    assert (set(late.paused), set(away.paused)) == ({"dip"}, set()), (
        "it may be paused by itself now"
    )


def test_trip_that_a_person_ends_locks_for_years() -> None:
    _, act = acts(tripped(replace(TRIP, until=None)))
    assert act.until is not None
    assert act.until > START + timedelta(days=3000)


def test_lock_that_is_seen_is_not_made_twice() -> None:
    assert acts(seen(tripped(), "dip", locks=(lock(7, REASON),))) == []


def test_only_own_locks_are_taken_away() -> None:
    theirs = (lock(1, "CooldownPeriod"), lock(2, f"{LOCK_PREFIX}x", "BTC/USDT"))
    fleet = seen(ready_fleet(RULES), "dip", locks=(*theirs, lock(3, REASON), lock(4, REASON)))
    assert [(act.kind, act.lock_id) for act in acts(fleet)] == [
        (ActKind.UNLOCK, 3),
        (ActKind.UNLOCK, 4),
    ]


def test_open_entry_orders_are_cancelled_and_exits_left_alone() -> None:
    entering = trade(1, amount=0.0, orders=(order("o1", is_open=True),))
    leaving_order = OrderSeen("o3", "sell", False, "limit", 1.0, 0.0, 110.0, True, START)
    leaving = trade(2, "ETH/USDT", orders=(order("o2"), leaving_order))
    found = acts(seen(tripped(), "dip", entering, leaving, locks=(lock(7, REASON),)))
    assert [(act.kind, act.trade_id) for act in found] == [(ActKind.CANCEL, 1)]


def test_families_of_a_trip_are_closed_and_a_grid_keeps_what_it_holds() -> None:
    trip = replace(TRIP, close=("dip",))
    fleet = seen(tripped(trip), "dip", trade(1), locks=(lock(7, REASON),))
    assert [(act.kind, act.trade_id) for act in acts(fleet)] == [(ActKind.CLOSE, 1)]
    fleet = seen(tripped(trip), "grid", trade(1), locks=(lock(7, REASON),))
    assert acts(fleet, "grid") == []
    fleet = seen(tripped(replace(trip, close="all")), "grid", trade(1), locks=(lock(7, REASON),))
    assert [act.kind for act in acts(fleet, "grid")] == [ActKind.CLOSE]


def test_what_leaves_at_market_already_is_not_sent_again() -> None:
    leaving = OrderSeen("o2", "sell", False, "market", 1.0, 0.0, 90.0, True, START)
    fleet = seen(
        tripped(replace(TRIP, close="all")), "dip", trade(1, orders=(order("o1"), leaving)),
        locks=(lock(7, REASON),),
    )  # fmt: skip
    assert acts(fleet) == []


def test_kill_switch_locks_and_closes_when_it_is_told_to() -> None:
    fleet = replace(ready_fleet(RULES), kill=KillSwitch(START, "me", "storm", close=True))
    found = acts(seen(fleet, "dip", trade(1)))
    assert [act.kind for act in found] == [ActKind.LOCK, ActKind.CLOSE]
    fleet = replace(fleet, kill=KillSwitch(START, "me", "storm", close=False))
    assert [act.kind for act in acts(seen(fleet, "dip", trade(1)))] == [ActKind.LOCK]


def test_paper_trip_binds_paper_bots_alone() -> None:
    made = rules([{"name": "dip"}, {"name": "lab", "stage": "paper"}])
    fleet = replace(ready_fleet(made), risk={Purse.PAPER: RiskState(trips=(TRIP,))})
    found = {bot.name: due_acts(fleet, bot, START) for bot in made.settings.bots}
    assert (len(found["dip"]), len(found["lab"])) == (0, 2)


# -- doing it ------------------------------------------------------------------------------------


class Hands:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.is_down = False

    async def pause(self) -> None:
        self._do("pause")

    async def start(self) -> None:
        self._do("start")

    async def lock(self, until: datetime, reason: str) -> None:
        self._do(f"lock {reason}")

    async def unlock(self, lock_id: int) -> None:
        self._do(f"unlock {lock_id}")

    async def cancel_open_order(self, trade_id: int) -> None:
        self._do(f"cancel {trade_id}")

    async def force_exit(self, trade_id: int) -> None:
        self._do(f"close {trade_id}")

    def _do(self, what: str) -> None:
        if self.is_down:
            raise SourceError("bot dip cannot be reached")
        self.done.append(what)


ACT = Act(ActKind.CLOSE, "dip", "close trade 1", trade_id=1)


async def test_act_is_done_again_only_when_a_later_poll_shows_it_undone() -> None:
    clock = JumpingClock(START)
    hands, time = Hands(), Timekeeper(clock)
    actor = Actor(hands, time)
    began = time.now().steady_s
    events = await actor.act([ACT], began)
    assert [event.data["attempt"] for event in events] == [1]
    assert await actor.act([ACT], began) == [], "the poll was before the attempt"
    await clock.sleep_until(START + timedelta(seconds=5))
    events = await actor.act([ACT], time.now().steady_s)
    assert [event.data["attempt"] for event in events] == [2]
    assert hands.done == ["close 1", "close 1"]


async def test_failing_act_is_tried_ever_more_rarely_and_each_attempt_is_an_event() -> None:
    clock = JumpingClock(START)
    hands, time = Hands(), Timekeeper(clock)
    hands.is_down = True
    actor = Actor(hands, time)
    tried = []
    for seconds in range(300):
        await clock.sleep_until(START + timedelta(seconds=seconds))
        events = await actor.act([ACT], time.now().steady_s)
        tried += [seconds for _ in events]
        assert all("cannot be reached" in str(event.data["error"]) for event in events)
    assert tried == [0, 2, 6, 14, 30, 62, 122, 182, 242]
    hands.is_down = False
    await clock.sleep_until(START + timedelta(seconds=400))
    await actor.act([ACT], time.now().steady_s)
    assert hands.done == ["close 1"]


@pytest.mark.parametrize("kind", list(ActKind))
async def test_every_kind_finds_its_hand(kind: ActKind) -> None:
    hands = Hands()
    actor = Actor(hands, Timekeeper(JumpingClock(START)))
    act = Act(kind, "dip", "it", until=UNTIL, reason="why", lock_id=3, trade_id=4)
    await actor.act([act], 0.0)
    expected = {
        "pause": "pause", "start": "start", "lock": "lock why", "unlock": "unlock 3",
        "cancel": "cancel 4", "close": "close 4",
    }  # fmt: skip
    assert hands.done == [expected[kind.value]]
