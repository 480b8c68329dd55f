"""Orders that no reservation was made for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aquatrade.event_log import Event, StoredEvent
from aquatrade.risk.model import Decision
from sidecars.common.alert import Level
from sidecars.guard.alerts import alert_of
from sidecars.guard.checks import check
from sidecars.guard.fleet import Fleet, Rules
from sidecars.guard.moves import take_poll
from sidecars.guard.people import lift, release
from sidecars.guard.refusals import GuardRefusal
from sidecars.guard.showing import state_view
from sidecars.guard.snapshots import BotSnapshot
from tests.sidecars.guard.guard_rig import (
    START,
    at,
    order,
    polled,
    ready_fleet,
    request,
    rules,
    snapshot,
    trade,
)


def poll(made: Rules, fleet: Fleet, seen: BotSnapshot, seconds: float) -> tuple[Fleet, list[Event]]:
    moment = at(seconds)
    step = take_poll(made, fleet, replace(seen, at=moment.at), moment.steady_s, moment)
    return step.fleet, [event for event in step.events if event.data.get("rule") == "unasked"]


def level(event: Event) -> Level:
    alert = alert_of(StoredEvent(1, event, "0" * 64, "0" * 64))
    assert alert is not None
    return alert.level


def test_order_that_was_not_asked_for_stops_its_bot_until_a_person_resumes() -> None:
    made = rules()
    fleet, events = poll(made, ready_fleet(made), snapshot(trades=[trade()]), 5)
    assert [(event.kind, event.pair, level(event)) for event in events] == [
        ("error", "BTC/USDT", Level.CRITICAL)
    ]
    said = check(made, fleet, request(pair="ETH/USDT"), at(6)).answer
    assert [reason.rule for reason in said.reasons] == ["unasked"]
    assert "order o1 of 2026-11-18 12:00:00 UTC" in said.reasons[0].text
    assert check(made, fleet, request("sma", "ETH/USDT"), at(6)).answer.reservation is not None
    fleet, again = poll(made, fleet, snapshot(trades=[trade()]), 7)
    assert not again, "told once"
    assert [(each.rule, each.text) for each in state_view(made, fleet).held] == [
        ("unasked", fleet.unasked["dip"].text)
    ]
    with pytest.raises(GuardRefusal, match="no trip is active"):
        lift(made, fleet, "me", None, at(8))
    step = lift(made, fleet, "me", "unasked", at(8))
    assert (step.answer, [event.kind for event in step.events]) == (("unasked",), ["resume"])
    assert state_view(made, step.fleet).held == ()
    assert check(made, step.fleet, request(pair="ETH/USDT"), at(9)).answer.reservation is not None
    with pytest.raises(GuardRefusal, match="no bot has made an order"):
        lift(made, step.fleet, "me", "unasked", at(9))


def test_paper_bot_is_warned_of_once_and_goes_on() -> None:
    made = rules([{"name": "dip", "stage": "paper"}])
    fleet, events = poll(made, ready_fleet(made), snapshot(trades=[trade()], is_dry_run=True), 5)
    assert [level(event) for event in events] == [Level.WARNING]
    both = snapshot(trades=[trade(), trade(2, "ETH/USDT")], is_dry_run=True)
    fleet, events = poll(made, fleet, both, 6)
    assert not events
    said = check(made, fleet, request(pair="SOL/USDT", dry_run=True), at(7)).answer
    assert said.decision is Decision.APPROVE


def test_what_is_there_at_the_first_look_and_what_replaces_it_was_not_unasked() -> None:
    made = rules()
    fleet = replace(ready_fleet(made), snapshots={})
    first = order("o1", is_open=True)
    held = trade(amount=0.0, stake=0.0, orders=(first,))
    fleet, events = poll(made, fleet, snapshot(trades=[held]), 5)
    assert not events
    gone, second = replace(first, is_open=False), order("o2", 0.995, 100.5, is_open=True)
    fleet, events = poll(made, fleet, snapshot(trades=[replace(held, orders=(gone, second))]), 6)
    assert not events
    third = order("o3", 1.0)  # the second one still waits: this replaces nothing
    orders = (gone, second, third)
    _, events = poll(made, fleet, snapshot(trades=[replace(held, orders=orders)]), 7)
    assert [event.data["order"] for event in events] == ["o3"]


@pytest.mark.parametrize(("when", "is_asked"), [(100, True), (-3600, False), (3600, False)])
@pytest.mark.parametrize("is_given_back", [True, False])
def test_order_seen_late_counts_for_the_reservation_it_was_made_under(
    when: float, is_asked: bool, is_given_back: bool
) -> None:
    made = rules()
    step = check(made, ready_fleet(made), request(), at(1))
    if is_given_back:
        fleet = release(step.fleet, "dip", str(step.answer.reservation), at(2)).fleet
    else:
        fleet, _ = poll(made, step.fleet, snapshot(), 200)
    assert not fleet.reservations
    found = order("o1", when=START + timedelta(seconds=when))
    fleet, events = poll(made, fleet, snapshot(trades=[trade(orders=(found,))]), 210)
    assert (not events) is is_asked
    assert bool(fleet.ended) is not is_asked, "it is used once"


def test_bot_that_was_lost_uses_its_reservation_when_it_is_back() -> None:
    made = rules()
    fleet = check(made, ready_fleet(made), request(), at(1)).fleet
    fleet, events = poll(made, fleet, snapshot(trades=[trade()]), 5000)
    assert (events, dict(fleet.reservations), dict(fleet.unasked)) == ([], {}, {})


def test_clock_that_jumps_brings_no_old_order_back() -> None:
    made = rules()
    old = order("old", when=START - timedelta(hours=40))
    seen = snapshot(trades=[trade(orders=(old,))])
    fleet = polled(made, ready_fleet(made), replace(seen, entries=()), at(1))
    fleet = replace(fleet, snapshots={**fleet.snapshots, "dip": snapshot()})
    assert not poll(made, fleet, seen, 2)[1]


def test_after_a_start_the_orders_of_closed_trades_are_not_new() -> None:
    made = rules()
    before = ready_fleet(made)
    kept = replace(snapshot(when=at(50)), entries=())
    fleet = replace(before, polls={}, snapshots={**before.snapshots, "dip": kept})
    done = snapshot(trades=[trade(orders=(order("o1", when=at(40).at),))])
    assert not poll(made, fleet, replace(done, trades=()), 90)[1]
    later = snapshot(trades=[trade(orders=(order("o2", when=at(60).at),))])
    assert poll(made, fleet, replace(later, trades=()), 90)[1]
