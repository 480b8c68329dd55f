"""Several live bots and the guard over them: one book, one say, and nothing that a kill undoes."""

import itertools
import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.fleet_books import holds_of, least_free_share, two_holders
from tests.rehearsal.fleet_checks import (
    Stranger,
    ask_guard,
    contended,
    end_ms,
    leave_all,
    reconciled,
    tell_guard,
)
from tests.rehearsal.fleet_kills import chosen, doubled, kill_at_rest, kill_at_work
from tests.rehearsal.fleet_market import (
    DAY_MINUTES,
    MARKET_START,
    candles,
    moved,
    quiet_path,
    write_market,
)
from tests.rehearsal.fleet_rig import GUARD, FleetRig
from tests.rehearsal.probe_hands import Probe
from tests.rehearsal.scripted_process import ScriptedSentiment

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(3000)]

PAIRS = tuple(f"{asset}/USDT" for asset in ("AAA", "BBB", "CCC", "DDD", "EEE"))
FALLING, (FREE, CALM) = PAIRS[:3], PAIRS[3:]
OTHER = FALLING[0]  # calm, too, once it has fallen
VICTIMS = (("guard",), ("alpha",), ("guard",), ("beta", "guard"), ("guard",))
BOTS = ("alpha", "beta")
Hands = tuple[Probe, Probe]
START = MARKET_START + timedelta(days=1)
FALL_AT = START + timedelta(minutes=8)
DROP_PCT = -25.0
STAKE = 350.0
CAPITAL = 5000.0
RESERVE_PCT = 24.0
OFF: dict[str, Any] = {
    "max_atr_ratio": None,
    "max_clock_skew_seconds": None,
    "max_exchange_silence_minutes": None,
    "rest_after_stop_minutes": None,
}
PROFILE: dict[str, Any] = {
    **OFF,
    "name": "fleet",
    "reserve_pct": RESERVE_PCT,
    "valve_minutes": 1.9,
    "day": {"limit_pct": 5.0, "close": ["momentum"], "resume": "by_hand"},
}
FAMILIES = {"alpha": "momentum", "beta": "dip"}


def staged(beta: str) -> dict[str, dict[str, Any]]:
    """What the guard is told of its bots. beta: the stage of the second one."""
    return {
        "alpha": {"allotment": 1900.0, "stage": "live"},
        "beta": {"allotment": 1900.0, "stage": beta},
    }


def market(folder: Path) -> Path:
    minutes = 3 * DAY_MINUTES
    fall = (FALL_AT - MARKET_START) // timedelta(minutes=1)
    frames = {}
    for number, pair in enumerate(PAIRS):
        path = quiet_path(number, minutes)
        if pair in FALLING:
            path = moved(path, fall, 1, DROP_PCT)
        frames[pair] = candles(path, number)
    return write_market(folder, frames)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetRig]:
    folder = tmp_path_factory.mktemp("fleet")
    with FleetRig(folder, market(folder / "data"), PAIRS, START) as rig:
        for name, of_bot in staged("hybrid").items():
            overrides = {
                "available_capital": of_bot["allotment"],
                "stake_amount": STAKE,
                "stoploss": -0.5,  # the guard is to be the one that closes
                # A person's yes is for the signal of one candle: it is looked at twice.
                "internals": {"process_throttle_secs": 40 if name == "beta" else 60},
                "aquatrade": {
                    "sizing": {"method": "fixed", "stake_usd": STAKE},
                    "guard": {"url": rig.road.guard_url, "timeout_seconds": 5.0},
                },
            }
            rig.add_bot(name, overrides, family=FAMILIES[name])
        rig.add_guard(staged("hybrid"), PROFILE, capital=CAPITAL)
        rig.start_all()
        yield rig


@pytest.fixture
def hands(fleet: FleetRig) -> Hands:
    return Probe(fleet, "alpha"), Probe(fleet, "beta")


def test_it_trusts_nothing_before_it_has_looked(fleet: FleetRig) -> None:
    assert fleet.guard_state()["state"] == "ACTIVE"
    states = [event.text for event in fleet.events(GUARD, kind="state")]
    assert states[0] == "start: HALTED"
    assert states[-1] == "HALTED -> ACTIVE"


def test_a_daily_loss_of_all_closes_a_family_and_locks_the_rest(
    fleet: FleetRig, hands: Hands
) -> None:
    alpha, beta = hands
    beta.approved_entry(CALM)
    alpha.enter(*FALLING)
    alpha.wish(enter=[FREE], resting=True)
    assert len(alpha.open_orders()) == 1
    fleet.run_to(FALL_AT + timedelta(seconds=90))
    fleet.run_until(lambda: not alpha.held())
    assert alpha.open_orders() == [], "the entry order was cancelled"
    assert beta.held() == [CALM], "the other family's position stays"
    state = fleet.guard_state()
    assert state["state"] == "REDUCING"
    assert [trip["rule"] for trip in state["trips"]] == ["day"]
    trip = fleet.events(GUARD, kind="trip")[-1]
    assert trip.data["value"] >= trip.data["limit"] == PROFILE["day"]["limit_pct"]
    acts = [event.data["act"] for event in fleet.events(GUARD, kind="action")]
    assert {"lock", "close", "cancel"} <= set(acts)
    for probe in hands:
        assert [lock["reason"].startswith("guard: daily loss") for lock in probe.locks()] == [True]
    alpha.wish(enter=[FREE])
    assert alpha.held() == []
    lifted = tell_guard(fleet, "resume", by="a person", rule="day")
    assert lifted["lifted"] == ["day"]
    fleet.run_until(lambda: not any(probe.locks() for probe in hands))
    alpha.enter(FREE)
    fleet.script("beta", leave=[CALM])
    alpha.leave(FREE)
    assert beta.held() == []


def test_the_kill_switch_is_on_at_once_and_off_by_hand_only(fleet: FleetRig, hands: Hands) -> None:
    alpha = hands[0]
    alpha.enter(CALM, FREE)
    tell_guard(fleet, "kill", by="a person", reason="rehearsal", close=False)
    assert fleet.guard_state()["state"] == "HALTED"
    alpha.wish(enter=[OTHER], leave=[FREE])
    assert alpha.held() == [CALM], "no entry, exits go on"
    fleet.run_until(lambda: all(len(probe.locks()) == 1 for probe in hands))
    tell_guard(fleet, "kill", by="a person", reason="all out", close=True)
    fleet.run_until(lambda: not alpha.held())
    assert tell_guard(fleet, "resume", by="a person", rule="kill")["state"] == "ACTIVE"
    fleet.run_until(lambda: not any(probe.locks() for probe in hands))
    alpha.enter(CALM)
    alpha.leave(CALM)


def test_an_entry_of_a_hybrid_bot_waits_for_a_person(fleet: FleetRig, hands: Hands) -> None:
    beta = hands[1]
    beta.approved_entry(CALM)
    statuses = [each["status"] for each in ask_guard(fleet, "approvals")["approvals"]]
    assert "used" in statuses
    assert "waiting" not in statuses
    beta.leave(CALM)
    # The next signal is another one: the yes of before is not for it.
    beta.wish(enter=[CALM])
    assert beta.held() == []


def test_a_foreign_order_halts_entries_until_it_is_gone(fleet: FleetRig, hands: Hands) -> None:
    alpha = hands[0]
    stranger = Stranger(fleet)
    order = stranger.place(OTHER, f"{alpha.bot.client_id_prefix}foreign")
    fleet.run_candles(2)  # what is younger than that may only be under way
    assert not reconciled(fleet)
    assert not reconciled(fleet)
    state = fleet.guard_state()
    assert state["state"] == "HALTED"
    assert "times in a row" in state["reasons"][0]
    alpha.is_refused(CALM, "reconcile")
    told = fleet.events(GUARD, kind="mismatch")
    assert told
    assert all(f"order {order} of {OTHER}" in event.text for event in told)
    stranger.cancel(OTHER, order)
    assert reconciled(fleet)
    assert fleet.guard_state()["state"] == "ACTIVE"
    assert len(fleet.events(GUARD, kind="mismatch_end")) == 1
    alpha.enter(CALM)
    alpha.leave(CALM)
    leave_all(fleet)


def test_macro_danger_pauses_entries_and_nothing_else(fleet: FleetRig, hands: Hands) -> None:
    alpha = hands[0]
    sentiment = ScriptedSentiment(fleet)
    watch = {"url": sentiment.url, "poll_seconds": 30.0}
    fleet.add_guard(staged("hybrid"), PROFILE, capital=CAPITAL, danger=watch)
    fleet.stop(GUARD)
    fleet.start_guard()
    fleet.wait_until_active()
    alpha.enter(CALM)
    sentiment.says("DANGER", "PAUSE_ENTRIES")
    fleet.run_until(lambda: fleet.guard_state()["state"] == "REDUCING")
    alpha.is_refused(FREE, "danger")
    alpha.leave(CALM)
    sentiment.says()
    fleet.run_until(lambda: fleet.guard_state()["state"] == "ACTIVE")
    alpha.enter(FREE)
    sentiment.dies()
    # What was told last counts for half an hour; then danger is not known.
    alpha.enter(CALM)
    fleet.run(timedelta(minutes=31))
    alpha.is_refused(OTHER, "danger")
    alpha.leave(CALM, FREE)
    told = [event.data["status"] for event in fleet.events(GUARD, kind="danger")]
    assert told == ["pause", "calm", "unknown"]
    leave_all(fleet)


def test_two_bots_never_hold_one_asset(fleet: FleetRig, counts: Any) -> None:
    fleet.add_guard(staged("live"), PROFILE, capital=CAPITAL)
    fleet.stop(GUARD)
    fleet.start_guard()
    fleet.wait_until_active()
    before, began_ms = len(contended(fleet)), end_ms(fleet)
    fleet.script(enter=["*"], leave_after_seconds=45)
    for _ in range(counts.contention_rounds):
        fleet.run_candles(2)
        won = [each for each in contended(fleet)[before:] if each.let_through]
        if len(won) >= counts.contention_rounds:
            break
    assert len(won) >= counts.contention_rounds
    assert [each for each in won if each.let_through > 1] == []
    leave_all(fleet)
    holds = holds_of(fleet.orders(start_ms=str(began_ms)), BOTS, end_ms(fleet))
    assert {hold.bot for hold in holds} == set(BOTS)
    assert two_holders(holds) == []
    assert least_free_share(fleet.orders(), Decimal(str(CAPITAL))) >= Decimal("0.24")
    assert fleet.settle().disagreements == ()


def test_no_kill_undoes_anything(fleet: FleetRig, counts: Any) -> None:
    chance = random.Random(20240305)
    began_ms, reserved, kills = end_ms(fleet), 0, 0
    for number in itertools.count():
        victims = VICTIMS[number] if number < len(VICTIMS) else chosen(chance)
        # A bot that is down still has what it had: the valve has to outlast its absence.
        longer = {**PROFILE, "valve_minutes": 3.0}
        stage = "hybrid" if number % 3 == 0 else "live"
        fleet.add_guard(staged(stage), longer, capital=CAPITAL)
        fleet.script(enter=PAIRS[:4], leave_after_seconds=45)
        if number % 2 == 0:
            reserved += kill_at_rest(fleet, victims)
        else:
            kill_at_work(fleet, victims)
        kills += len(victims)
        fleet.wait_until_active()
        assert fleet.settle().disagreements == (), f"after kill {kills}, of {victims}"
        assert doubled(fleet.orders(start_ms=str(began_ms)), BOTS) == []
        if kills >= counts.fleet_kills:
            break
    leave_all(fleet)
    holds = holds_of(fleet.orders(start_ms=str(began_ms)), BOTS, end_ms(fleet))
    assert two_holders(holds) == []
    assert len(holds) >= counts.fleet_kills // 4, "too little was traded to say anything"
    assert reserved, "no reservation was alive at a kill: the test looks at too little"
    assert fleet.settle().disagreements == ()
    fleet.run_until(lambda: not ask_guard(fleet, "book")["reservations"])
    assert all("Traceback" not in fleet.log(name) for name in BOTS)
