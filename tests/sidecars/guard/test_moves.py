"""What polls, losses, reconciliations and people do to the fleet, and the state that follows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aquatrade.event_log import StoredEvent
from aquatrade.risk.model import Decision
from aquatrade.risk.profile import RiskProfile
from sidecars.common.alert import Level
from sidecars.guard.alerts import alert_of
from sidecars.guard.checks import check
from sidecars.guard.fleet import Fleet, Rules
from sidecars.guard.ledger import Purse
from sidecars.guard.model import GuardState, Mismatch, Reconciliation
from sidecars.guard.moves import (
    look_at_losses,
    poll_failed,
    settled_state,
    take_poll,
    take_reconciliation,
    without_unknown_bots,
)
from sidecars.guard.people import kill, lift, see_kill_file
from sidecars.guard.refusals import GuardRefusal
from sidecars.guard.showing import state_view
from sidecars.guard.states import against
from tests.sidecars.guard.guard_rig import (
    START,
    at,
    holding,
    new_fleet,
    polled,
    ready_fleet,
    request,
    rules,
    snapshot,
    trade,
)

DAY = {"limit_pct": 6.0, "resume": "by_hand"}
PROFILE = RiskProfile.model_validate({"name": "test", "day": DAY, "stop_equity": 4250.0})
MISMATCH = Mismatch("main|order|1", "main", "order", "an order that no bot knows")


def settled(made: Rules, fleet: Fleet) -> Fleet:
    return settled_state(made, fleet, START)[0]


def looked(made: Rules, fleet: Fleet, seconds: float = 1.0) -> Any:
    return look_at_losses(made, fleet, at(seconds))


def kinds(step: Any) -> list[str]:
    return [event.kind for event in step.events]


# -- the start -----------------------------------------------------------------------------------


def test_guard_is_halted_until_all_were_read_and_one_reconciliation_passed() -> None:
    made = rules()
    fleet = settled(made, new_fleet())
    assert fleet.state is GuardState.HALTED
    fleet = polled(made, fleet, snapshot("dip"), at())
    fleet = take_reconciliation(made, fleet, Reconciliation(START), at()).fleet
    assert settled(made, fleet).state is GuardState.HALTED
    assert [each.text for each in against(made, fleet, Purse.REAL)] == [
        "bot sma has not been read since the start"
    ]
    fleet = polled(made, fleet, snapshot("sma"), at())
    assert settled(made, fleet).state is GuardState.ACTIVE


def test_failed_reconciliation_keeps_it_halted() -> None:
    made = rules()
    fleet = replace(ready_fleet(made), has_passed=False)
    step = take_reconciliation(made, fleet, Reconciliation(START, errors={"main": "no key"}), at())
    assert settled(made, step.fleet).state is GuardState.HALTED
    assert "main: no key" in against(made, step.fleet, Purse.REAL)[0].text
    assert kinds(step) == ["error"]


# -- losses --------------------------------------------------------------------------------------


def test_loss_of_all_bots_together_trips() -> None:
    made = rules(profile=PROFILE)
    fleet = looked(made, ready_fleet(made)).fleet
    fleet = polled(made, fleet, snapshot("dip", [trade(profit=-150.0)]), at(5))
    step = looked(made, fleet, 6)
    assert kinds(step) == []
    lost = snapshot("sma", closed_profit=-150.0, closed_count=1)
    step = looked(made, polled(made, step.fleet, lost, at(7)), 8)
    assert kinds(step) == ["trip"]
    assert settled(made, step.fleet).state is GuardState.REDUCING
    assert kinds(looked(made, step.fleet, 9)) == [], "told once"


def test_portfolio_stop() -> None:
    made = rules(profile=RiskProfile(name="test", stop_equity=4250.0))
    fleet = looked(made, ready_fleet(made)).fleet
    lost = snapshot("sma", closed_profit=-750.0, closed_count=1)
    step = looked(made, polled(made, fleet, lost, at(5)), 6)
    assert [event.data["rule"] for event in step.events] == ["stop_equity"]


def test_unknown_bot_is_no_loss() -> None:
    """Of the profit of all, the part of a bot that was never read is missing: nobody looks."""
    made = rules(profile=PROFILE)
    fleet = polled(made, new_fleet(), snapshot("dip", closed_profit=-2000.0), at())
    step = looked(made, fleet)
    assert (kinds(step), step.fleet.risk) == ([], {})


def test_price_that_is_gone_is_taken_as_it_was_last() -> None:
    made = rules()
    fleet = polled(made, ready_fleet(made), snapshot("dip", [trade(current_rate=90.0)]), at(1))
    lost = trade(profit=None, current_rate=None)
    fleet = polled(made, fleet, snapshot("dip", [lost]), at(2))
    held = fleet.snapshots["dip"].trades[0]
    assert held.current_rate == 90.0
    assert held.unrealized_profit == pytest.approx(-10.0 - 0.001 * (100.0 + 90.0))


def test_person_resumes_a_trip_and_it_does_not_trip_again_at_once() -> None:
    made = rules(profile=PROFILE)
    fleet = looked(made, ready_fleet(made)).fleet
    lost = snapshot("sma", closed_profit=-400.0, closed_count=1)
    fleet = looked(made, polled(made, fleet, lost, at(5)), 6).fleet
    step = lift(made, fleet, "me", "day", at(7))
    assert step.answer == ("day",)
    assert "by me" in step.events[0].text
    assert kinds(looked(made, step.fleet, 8)) == []
    with pytest.raises(GuardRefusal, match="no trip"):
        lift(made, step.fleet, "me", None, at(9))


def test_paper_trip_stops_no_real_bot() -> None:
    made = rules([{"name": "dip"}, {"name": "lab", "stage": "paper"}], PROFILE)
    fleet = looked(made, ready_fleet(made)).fleet
    lost = snapshot("lab", closed_profit=-400.0, closed_count=1, is_dry_run=True)
    step = looked(made, polled(made, fleet, lost, at(5)), 6)
    assert [event.data["purse"] for event in step.events] == ["paper"]
    assert settled(made, step.fleet).state is GuardState.ACTIVE
    assert check(made, step.fleet, request("dip"), at(7)).answer.decision is Decision.APPROVE
    said = check(made, step.fleet, request("lab", dry_run=True), at(7)).answer
    assert [reason.rule for reason in said.reasons] == ["breaker"]


# -- reconciliation ------------------------------------------------------------------------------


def test_mismatch_halts_when_it_is_seen_twice_in_a_row() -> None:
    made = rules()
    found = Reconciliation(START, (MISMATCH,))
    first = take_reconciliation(made, ready_fleet(made), found, at(1))
    assert kinds(first) == ["mismatch"]
    assert settled(made, first.fleet).state is GuardState.ACTIVE
    second = take_reconciliation(made, first.fleet, found, at(2))
    assert kinds(second) == ["mismatch"], "now it counts"
    levels = [alert_of(StoredEvent(1, step.events[0], "", "")) for step in (first, second)]
    assert [alert and alert.level for alert in levels] == [Level.WARNING, Level.CRITICAL]
    third = take_reconciliation(made, second.fleet, found, at(2.5))
    assert kinds(third) == [], "told no more"
    assert settled(made, second.fleet).state is GuardState.HALTED
    gone = take_reconciliation(made, second.fleet, Reconciliation(START), at(3))
    assert kinds(gone) == ["mismatch_end"]
    assert settled(made, gone.fleet).state is GuardState.ACTIVE


def test_account_that_cannot_be_read_still_has_its_mismatch() -> None:
    made = rules()
    fleet = take_reconciliation(
        made, ready_fleet(made), Reconciliation(START, (MISMATCH,)), at(1)
    ).fleet
    step = take_reconciliation(made, fleet, Reconciliation(START, errors={"main": "down"}), at(2))
    assert list(step.fleet.mismatches) == [MISMATCH.key]
    assert kinds(step) == ["error"]
    back = take_reconciliation(made, step.fleet, Reconciliation(START, (MISMATCH,)), at(3))
    assert kinds(back) == ["mismatch", "state"]
    assert settled(made, back.fleet).state is GuardState.HALTED


@pytest.mark.parametrize("holds", [True, False])
@pytest.mark.parametrize("unread", [{}, {"main": ("sma",)}])
def test_three_looks_in_a_row_that_failed_halt(
    unread: dict[str, tuple[str, ...]], holds: bool
) -> None:
    made = rules()
    fleet = holding(made, [trade()] if holds else [], "sma")
    failed = Reconciliation(START, errors={"main": "down"}, unread_bots=unread)
    states = []
    for number in range(3):
        fleet = take_reconciliation(made, fleet, failed, at(2 + number)).fleet
        states.append(settled(made, fleet).state)
    counts = holds or not unread  # a bot that is down and holds nothing stops nobody
    assert states == [GuardState.ACTIVE] * 2 + [GuardState.HALTED if counts else GuardState.ACTIVE]
    good = take_reconciliation(made, fleet, Reconciliation(START), at(9)).fleet
    assert settled(made, good).state is GuardState.ACTIVE


def test_clock_that_was_ahead_is_put_right_by_hand() -> None:
    made = rules([{"name": "dip"}, {"name": "lab", "stage": "paper"}], PROFILE)
    fleet = looked(made, ready_fleet(made), 86_400.0).fleet  # a day ahead, then right again
    fleet = looked(made, fleet, 5).fleet
    said = check(made, fleet, request(), at(6)).answer
    assert [reason.rule for reason in said.reasons] == ["state"]
    assert "the clock went back behind" in said.reasons[0].text
    assert [each.rule for each in state_view(made, fleet).held] == ["clock"]
    with pytest.raises(GuardRefusal, match="no trip is active"):
        lift(made, fleet, "me", None, at(7))
    step = lift(made, fleet, "me", "clock", at(7))
    assert (step.answer, [event.kind for event in step.events]) == (("clock",), ["resume"] * 2)
    assert state_view(made, step.fleet).held == ()
    assert check(made, step.fleet, request(), at(8)).answer.decision is Decision.APPROVE
    with pytest.raises(GuardRefusal, match="the clock is not behind the latest look"):
        lift(made, step.fleet, "me", "clock", at(9))


# -- people --------------------------------------------------------------------------------------


def test_kill_switch_is_on_at_once_and_off_by_hand_alone() -> None:
    made = rules()
    fleet = settled(made, kill(ready_fleet(made), "me", "storm", at(1), close=False).fleet)
    assert fleet.state is GuardState.HALTED
    assert settled(made, looked(made, fleet, 1e6).fleet).state is GuardState.HALTED
    closing = kill(fleet, "you", "fire", at(2), close=True).fleet
    assert closing.kill is not None
    assert closing.kill.close
    assert kill(closing, "me", "no", at(3), close=False).fleet is closing, "never less"
    step = lift(made, closing, "me", "kill", at(4))
    assert settled(made, step.fleet).state is GuardState.ACTIVE


def test_kill_file_holds_while_it_is_there() -> None:
    made = rules()
    step = see_kill_file(ready_fleet(made), "the kill file /k is there", at(1))
    assert settled(made, step.fleet).state is GuardState.HALTED
    with pytest.raises(GuardRefusal, match="remove it"):
        lift(made, step.fleet, "me", "kill", at(2))
    gone = see_kill_file(step.fleet, None, at(3))
    assert (kinds(step), kinds(gone)) == (["kill"], ["kill"])
    assert settled(made, gone.fleet).state is GuardState.ACTIVE


# -- bots ----------------------------------------------------------------------------------------


def test_bot_that_is_lost_is_told_of_once_and_when_it_is_back() -> None:
    made = rules()
    fleet = ready_fleet(made)
    steps = []
    for seconds in (1, 6, 11, 16, 21):
        steps.append(poll_failed(made, fleet, "dip", "cannot be reached", at(seconds)))
        fleet = steps[-1].fleet
    assert [len(step.events) for step in steps] == [0, 0, 0, 1, 0]
    back = take_poll(made, fleet, snapshot("dip"), at(26).steady_s, at(26))
    assert [event.text for event in back.events] == ["bot dip is read again"]


def test_what_is_kept_follows_substance_at_once_and_prices_now_and_then() -> None:
    made = rules()
    fleet = polled(made, ready_fleet(made), snapshot("dip", [trade(current_rate=100.0)]), at(1))
    kept = fleet.kept["dip"]
    fleet = polled(made, fleet, snapshot("dip", [trade(current_rate=99.0)], when=at(5)), at(5))
    assert fleet.kept["dip"] is kept
    more = snapshot("dip", [trade(current_rate=99.0), trade(2, "ETH/USDT")], when=at(9))
    fleet = polled(made, fleet, more, at(9))
    assert fleet.kept["dip"].trades == more.trades
    later = replace(more, at=START + timedelta(seconds=90))
    assert polled(made, fleet, later, at(90)).kept["dip"].at == later.at


def test_bot_that_is_stopped_with_open_trades_is_told_of() -> None:
    made = rules()
    stopped = snapshot("dip", [trade()], run_state="stopped")
    step = take_poll(made, ready_fleet(made), stopped, at(1).steady_s, at(1))
    assert "nobody watches its 1 open trades" in step.events[0].text
    again = take_poll(made, step.fleet, stopped, at(6).steady_s, at(6))
    assert again.events == ()


def test_other_settings_after_a_restart_let_go_of_bots_that_are_gone() -> None:
    made = rules()
    fleet = check(made, ready_fleet(made), request("sma"), at(1)).fleet
    fleet = polled(made, fleet, snapshot("sma", closed_profit=-9.0, closed_count=1), at(2))
    step = without_unknown_bots(rules([{"name": "dip"}]), fleet, START)
    assert (set(step.fleet.snapshots), step.fleet.reservations) == ({"dip"}, {})
    assert kinds(step) == ["reservation"]
    assert (Purse.REAL, "sma") in step.fleet.ledger, "what it lost stays lost"
