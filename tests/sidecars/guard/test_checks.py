"""May this entry be made: the fleet's rules, the guard's own, and a person's yes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.risk.model import Decision, RiskState, Trip
from aquatrade.risk.profile import RiskProfile
from sidecars.guard.checks import check
from sidecars.guard.fleet import Fleet, PollState, Rules
from sidecars.guard.ledger import Purse
from sidecars.guard.model import (
    ApprovalStatus,
    CheckAnswer,
    CheckRequest,
    GuardState,
    KillSwitch,
)
from sidecars.guard.moves import look_at_losses
from sidecars.guard.people import answer, release
from sidecars.guard.refusals import GuardRefusal
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

PROFILE = RiskProfile(name="test", max_open_positions=2, valve_minutes=60.0, reserve_pct=24.0)


def ask(
    made: Rules, fleet: Fleet, wish: CheckRequest, seconds: float = 1.0
) -> tuple[Fleet, CheckAnswer]:
    step = check(made, fleet, wish, at(seconds))
    return step.fleet, step.answer


def rules_of(said: CheckAnswer) -> list[str]:
    return [reason.rule for reason in said.reasons]


def test_entry_within_all_limits_is_reserved() -> None:
    made = rules(profile=PROFILE)
    fleet, said = ask(made, ready_fleet(made), request())
    assert (said.decision, said.stake, said.state) == (Decision.APPROVE, 100.0, GuardState.ACTIVE)
    assert said.reservation in fleet.reservations
    assert said.expires == START + timedelta(seconds=121)


def test_same_wish_again_is_the_same_reservation() -> None:
    made = rules(profile=PROFILE)
    fleet, first = ask(made, ready_fleet(made), request())
    step = check(made, fleet, request(), at(60))
    assert step.answer.reservation == first.reservation
    assert step.answer.stake == 100.0
    assert len(step.fleet.reservations) == 1
    assert step.events == (), "nothing is logged twice"


def test_same_wish_for_more_gets_no_more() -> None:
    made = rules(profile=PROFILE)
    fleet, _ = ask(made, ready_fleet(made), request())
    _, said = ask(made, fleet, request(stake=300.0))
    assert (said.decision, said.stake) == (Decision.REDUCE, 100.0)


def test_two_bots_never_get_one_asset() -> None:
    made = rules(profile=PROFILE)
    fleet, first = ask(made, ready_fleet(made), request("dip"))
    fleet, second = ask(made, fleet, request("sma"))
    assert (first.decision, second.decision) == (Decision.APPROVE, Decision.REJECT)
    assert "valve" in rules_of(second)
    step = release(fleet, "dip", str(first.reservation), at(2))
    assert ask(made, step.fleet, request("sma"))[1].decision is Decision.APPROVE


def test_last_slot_goes_to_one() -> None:
    made = rules([{"name": "dip"}, {"name": "sma"}, {"name": "grid"}], PROFILE)
    fleet, _ = ask(made, ready_fleet(made), request("dip", "BTC/USDT"))
    fleet, second = ask(made, fleet, request("sma", "ETH/USDT"))
    _, third = ask(made, fleet, request("grid", "SOL/USDT"))
    assert second.decision is Decision.APPROVE
    assert rules_of(third) == ["positions"]


def test_stake_is_cut_to_the_allotment_and_refused_above_it() -> None:
    made = rules(profile=PROFILE)
    fleet = polled(made, ready_fleet(made), snapshot("dip", [trade(stake=940.0)]), at(1))
    _, said = ask(made, fleet, request("dip", "ETH/USDT", 100.0))
    assert said.decision is Decision.REDUCE
    assert said.stake == pytest.approx(60.0)
    assert rules_of(said) == ["allotment"]
    _, said = ask(made, fleet, request("dip", "ETH/USDT", 100.0, min_stake=61.0))
    assert said.decision is Decision.REJECT


def test_lost_money_is_no_part_of_the_allotment() -> None:
    made = rules(profile=PROFILE)
    poor = snapshot("dip", closed_profit=-950.0, closed_count=3)
    fleet = polled(made, ready_fleet(made), poor, at(1))
    _, said = ask(made, fleet, request("dip", "ETH/USDT", 100.0))
    assert said.decision is Decision.REDUCE
    assert said.stake == pytest.approx(50.0)
    rich = snapshot("dip", closed_profit=950.0, closed_count=3)
    fleet = polled(made, ready_fleet(made), rich, at(1))
    _, said = ask(made, fleet, request("dip", "ETH/USDT", 1100.0))
    assert said.stake == pytest.approx(1000.0)


@pytest.mark.parametrize(
    ("change", "rule", "words"),
    [
        ({"kill": KillSwitch(START, "me", "storm", False)}, "kill", "kill switch, by me"),
        ({"kill_file": "the kill file /k is there"}, "kill", "/k"),
        ({"has_passed": False}, "reconcile", "no reconciliation has passed"),
        ({"polls": {}}, "start", "bot dip has not been read since the start"),
    ],
)
def test_halted_guard_refuses_with_its_reason(
    change: dict[str, object], rule: str, words: str
) -> None:
    made = rules(profile=PROFILE)
    fleet = replace(ready_fleet(made), **change)  # type: ignore[arg-type]
    _, said = ask(made, fleet, request())
    assert (said.decision, said.state) == (Decision.REJECT, GuardState.HALTED)
    assert rule in rules_of(said)
    assert any(words in reason.text for reason in said.reasons)


def test_trip_reduces_and_refuses_also_what_was_promised() -> None:
    made = rules(profile=PROFILE)
    fleet, first = ask(made, ready_fleet(made), request())
    trip = Trip("day", START, 7.0, 6.0, "lost 7 %", "nothing", START + timedelta(hours=9))
    fleet = replace(fleet, risk={Purse.REAL: RiskState(trips=(trip,))})
    _, again = ask(made, fleet, request())
    assert (again.decision, again.state) == (Decision.REJECT, GuardState.REDUCING)
    assert "breaker" in rules_of(again)
    assert first.reservation in fleet.reservations, "the bot may be ordering at this moment"


def test_bot_that_cannot_be_read_is_not_known_well_enough() -> None:
    made = rules(profile=PROFILE)
    _, said = ask(made, ready_fleet(made), request(), seconds=31.0)
    assert rules_of(said) == ["book"]
    assert "last read 31 s ago" in said.reasons[0].text


def test_another_bot_that_cannot_be_read_keeps_what_it_has() -> None:
    made = rules(profile=replace_profile(max_open_positions=1))
    held = snapshot("sma", [trade(1, "ETH/USDT")], when=at(0))
    fleet = polled(made, ready_fleet(made), held, at(0))
    polls = {**fleet.polls, "sma": PollState(True, "cannot be reached", START, 1000.0)}
    fleet = replace(polled(made, fleet, snapshot("dip"), at(3000)), polls=polls)
    fleet = polled(made, fleet, snapshot("dip", when=at(3000)), at(3000))
    _, said = ask(made, fleet, request("dip", "SOL/USDT"), seconds=3001.0)
    assert rules_of(said) == ["positions"]


def replace_profile(**changes: object) -> RiskProfile:
    return PROFILE.model_copy(update=changes)


def test_position_without_a_price_stops_entries() -> None:
    made = rules(profile=PROFILE)
    held = snapshot("sma", [trade(1, "ETH/USDT", profit=None, current_rate=None)])
    fleet = polled(made, ready_fleet(made), held, at(1))
    _, said = ask(made, fleet, request())
    assert rules_of(said) == ["book"]
    assert "no price is known of ETH/USDT" in said.reasons[0].text


@pytest.mark.parametrize(("skew", "is_refused"), [(0.9, False), (-2.0, False), (40.0, True)])
def test_clock_of_a_bot_that_is_off(skew: float, is_refused: bool) -> None:
    made = rules(profile=PROFILE)
    fleet = polled(made, ready_fleet(made), snapshot("dip", clock_skew_seconds=skew), at(1))
    _, said = ask(made, fleet, request())
    assert (rules_of(said) == ["clock"]) is is_refused


def test_wrong_exchange_and_unknown_bot() -> None:
    made = rules(profile=PROFILE)
    fleet = ready_fleet(made)
    assert "exchange" in rules_of(ask(made, fleet, request(exchange="kraken"))[1])
    with pytest.raises(GuardRefusal, match="bot 'nobody' is not configured"):
        ask(made, fleet, request("nobody"))


def test_same_refusal_is_logged_once() -> None:
    made = rules(profile=PROFILE)
    fleet = replace(ready_fleet(made), has_passed=False)
    first = check(made, fleet, request(), at(1))
    second = check(made, first.fleet, request(), at(6))
    assert [event.kind for event in first.events] == ["verdict"]
    assert second.events == ()
    assert second.answer == first.answer
    killed = replace(second.fleet, kill=KillSwitch(START, "me", "storm", False))
    assert check(made, killed, request(), at(7)).events, "another reason is news"


# -- paper ---------------------------------------------------------------------------------------


def test_paper_bot_is_answered_as_if_live_and_binds_no_real_money() -> None:
    made = rules([{"name": "dip"}, {"name": "lab", "stage": "paper"}], PROFILE)
    fleet, said = ask(made, ready_fleet(made), request("lab"))
    assert (said.decision, said.is_paper) == (Decision.APPROVE, True)
    _, real = ask(made, fleet, request("dip"))
    assert real.decision is Decision.APPROVE
    fleet, _ = ask(made, ready_fleet(made), request("dip"))
    _, paper = ask(made, fleet, request("lab"))
    assert "valve" in rules_of(paper), "as if it were live"


def test_paper_bot_that_trades_real_money_gets_nothing() -> None:
    made = rules([{"name": "lab", "stage": "paper"}], PROFILE)
    fleet = polled(made, ready_fleet(made), snapshot("lab", is_dry_run=False), at(1))
    assert rules_of(ask(made, fleet, request("lab"))[1]) == ["stage"]


# -- hybrid --------------------------------------------------------------------------------------

HYBRID = [{"name": "dip", "stage": "hybrid"}, {"name": "sma"}]


def test_hybrid_entry_waits_for_a_yes_that_lets_it_through_once() -> None:
    made = rules(HYBRID, PROFILE)
    fleet, first = ask(made, ready_fleet(made), request())
    assert rules_of(first) == ["approval"]
    assert first.approval is not None
    assert not fleet.reservations
    _, waiting = ask(made, fleet, request(), 5)
    assert (waiting.decision, waiting.approval) == (Decision.REJECT, first.approval)
    fleet = answer(fleet, first.approval, "me", at(6), yes=True).fleet
    fleet, passed = ask(made, fleet, request(rate=100.4), 7)
    assert passed.decision is Decision.APPROVE
    assert fleet.approvals[first.approval].status is ApprovalStatus.USED
    fleet = release(fleet, "dip", str(passed.reservation), at(8)).fleet
    assert ask(made, fleet, request(), 9)[1].decision is Decision.REJECT


def test_yes_does_not_go_around_the_rules() -> None:
    made = rules(HYBRID, PROFILE)
    fleet, first = ask(made, ready_fleet(made), request())
    fleet = answer(fleet, str(first.approval), "me", at(2), yes=True).fleet
    fleet, _ = ask(made, fleet, request("sma"), 3)
    _, said = ask(made, fleet, request(), 4)
    assert said.decision is Decision.REJECT
    assert "valve" in rules_of(said)


def test_yes_holds_for_the_price_and_stake_that_were_shown() -> None:
    made = rules(HYBRID, PROFILE)
    fleet, first = ask(made, ready_fleet(made), request())
    fleet = answer(fleet, str(first.approval), "me", at(2), yes=True).fleet
    assert ask(made, fleet, request(rate=100.6), 3)[1].decision is Decision.REJECT
    _, said = ask(made, fleet, request(stake=150.0), 3)
    assert (said.decision, said.stake) == (Decision.REDUCE, 100.0)


def test_signal_that_is_over_is_not_asked_for() -> None:
    made = rules(HYBRID, PROFILE)
    fleet, said = ask(made, ready_fleet(made), request(until=START))
    assert (said.decision, said.approval, fleet.approvals) == (Decision.REJECT, None, {})


def test_approval_expires_with_its_signal() -> None:
    made = rules(HYBRID, PROFILE)
    fleet, first = ask(made, ready_fleet(made), request(until=START + timedelta(seconds=30)))
    step = look_at_losses(made, fleet, at(31))
    assert step.fleet.approvals[str(first.approval)].status is ApprovalStatus.EXPIRED
    assert [event.kind for event in step.events] == ["approval"]
    with pytest.raises(GuardRefusal, match="expired"):
        answer(step.fleet, str(first.approval), "me", at(32), yes=True)


# -- any number of bots at once --------------------------------------------------------------------


@given(
    stakes=st.lists(st.floats(1.0, 900.0), min_size=1, max_size=10),
    pairs=st.lists(st.sampled_from(["BTC/USDT", "ETH/USDT", "SOL/USDT"]), min_size=10, max_size=10),
    places=st.integers(1, 5),
)
def test_whoever_asks_together_fits_together(
    stakes: list[float], pairs: list[str], places: int
) -> None:
    names = [f"bot{number}" for number in range(len(stakes))]
    made = rules(
        [{"name": name, "allotment": 500.0} for name in names],
        replace_profile(max_open_positions=places, max_exposure_pct=40.0),
    )
    fleet = ready_fleet(made)
    granted: dict[str, tuple[str, float]] = {}
    for name, stake, pair in zip(names, stakes, pairs, strict=False):
        fleet, said = ask(made, fleet, request(name, pair, stake))
        if said.decision is not Decision.REJECT:
            granted[name] = (pair, said.stake)
    assert len(granted) <= places
    assert len({pair for pair, _ in granted.values()}) == len(granted)
    assert all(stake <= 500.0 + 1e-6 for _, stake in granted.values())
    total = sum(stake for _, stake in granted.values())
    assert total <= min(0.4 * 5000.0, 0.76 * 5000.0) + 1e-3
