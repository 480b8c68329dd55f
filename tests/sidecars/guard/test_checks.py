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
from sidecars.guard.moves import look_at_losses, settled_state
from sidecars.guard.people import answer, release
from sidecars.guard.refusals import GuardRefusal
from tests.sidecars.guard.guard_rig import (
    START,
    at,
    holding,
    order,
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


def test_entry_asked_for_again_is_judged_anew_and_takes_its_own_place() -> None:
    made = rules(profile=replace_profile(max_open_positions=1, max_exposure_pct=2.0))
    fleet, first = ask(made, ready_fleet(made), request())
    fleet, more = ask(made, fleet, request(stake=300.0), 20)
    assert more.decision is Decision.REJECT, "its stake is judged, not remembered"
    assert first.reservation in fleet.reservations, "the bot may be ordering at this moment"
    fleet, again = ask(made, fleet, request(stake=90.0), 20)
    assert (again.decision, again.stake) == (Decision.APPROVE, 90.0)
    assert list(fleet.reservations) == [again.reservation], "nothing is doubled"
    assert again.reservation != first.reservation
    late = at(100)
    _, unknown = ask(made, fleet, request(stake=90.0), 100)
    assert "book" in rules_of(unknown), "asking does not make an old poll young"
    fleet = polled(made, fleet, snapshot("dip", when=late), late)
    assert ask(made, fleet, request(stake=90.0), 101)[1].decision is Decision.APPROVE


def test_no_increase_before_the_order_of_the_last_one_was_seen() -> None:
    made = rules(profile=PROFILE)
    held = trade()
    fleet = holding(made, [held])
    fleet, first = ask(made, fleet, request(is_increase=True, tag="a"), 2)
    assert first.decision is Decision.APPROVE
    for tag in ("a", "b"):
        fleet, again = ask(made, fleet, request(is_increase=True, tag=tag), 3)
        assert rules_of(again) == ["reservation"]
    assert again.reasons[0].text == "the order of the last increase (r1) has not been seen yet"
    assert list(fleet.reservations) == [first.reservation]
    more = replace(held, orders=(*held.orders, order("o2", 1.0)), stake=200.0, amount=2.0)
    fleet = polled(made, fleet, snapshot("dip", [more], when=at(4)), at(4))
    assert ask(made, fleet, request(is_increase=True, tag="b"), 5)[1].decision is Decision.APPROVE


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
    fleet = holding(made, [trade(stake=940.0)])
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
    assert rules_of(said) == ["book", "positions"]
    assert said.reasons[0].text.startswith("bot sma was last read 3001 s ago, and holds positions")


def test_another_bot_that_cannot_be_read_and_holds_nothing_stops_nobody() -> None:
    made = rules(profile=PROFILE)
    fleet = ready_fleet(made)
    polls = {**fleet.polls, "sma": PollState(True, "cannot be reached", START, 1000.0)}
    fleet = replace(polled(made, fleet, snapshot("dip", when=at(90)), at(90)), polls=polls)
    fleet = polled(made, fleet, snapshot("dip", when=at(90)), at(90))
    assert ask(made, fleet, request(), 91)[1].decision is Decision.APPROVE
    fleet, _ = ask(made, ready_fleet(made), request("sma", "ETH/USDT"))
    fleet = polled(made, fleet, snapshot("dip", when=at(90)), at(90))
    _, said = ask(made, fleet, request(), 91)
    assert rules_of(said) == ["book"], "what it was promised may be an order by now"


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
    fleet, said = ask(made, ready_fleet(made), request("lab", dry_run=True))
    assert (said.decision, said.is_paper) == (Decision.APPROVE, True)
    _, real = ask(made, fleet, request("dip"))
    assert real.decision is Decision.APPROVE
    fleet, _ = ask(made, ready_fleet(made), request("dip"))
    _, paper = ask(made, fleet, request("lab", dry_run=True))
    assert "valve" in rules_of(paper), "as if it were live"


def test_paper_bot_that_trades_real_money_gets_nothing() -> None:
    made = rules([{"name": "lab", "stage": "paper"}], PROFILE)
    fleet = polled(made, ready_fleet(made), snapshot("lab", is_dry_run=False), at(1))
    fleet, said = ask(made, fleet, request("lab", dry_run=True))
    assert said.state is GuardState.HALTED
    assert set(rules_of(said)) == {"stage"}
    assert settled_state(made, fleet, START)[0].state is GuardState.HALTED


@pytest.mark.parametrize("stage", ["live", "paper"])
@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("asks", [True, False])
def test_whoever_asks_trades_the_money_of_the_bot_that_is_read(
    stage: str, seen: bool, asks: bool
) -> None:
    made = rules([{"name": "dip", "stage": stage}], PROFILE)
    fleet = polled(made, ready_fleet(made), snapshot("dip", is_dry_run=seen), at(1))
    _, said = ask(made, fleet, request(dry_run=asks), 2)
    is_well = seen is asks and not (stage == "paper" and not asks)
    assert (said.decision is Decision.APPROVE) is is_well
    assert ("stage" in rules_of(said)) is not is_well


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
    fleet, lost = ask(made, fleet, request(), 8)
    assert rules_of(lost) == ["approval"]
    assert f"{first.approval} was used at 2026-11-18 12:00:07 UTC" in lost.reasons[0].text
    assert list(fleet.reservations) == [passed.reservation]
    bought = polled(made, fleet, snapshot("dip", [trade()], when=at(9)), at(9))
    gone = polled(made, bought, snapshot("dip", closed_count=1, when=at(10)), at(10))
    assert rules_of(ask(made, gone, request(), 11)[1]) == ["approval"], "an order has used it"


def test_yes_whose_reservation_was_given_back_counts_again_in_its_band() -> None:
    made = rules(HYBRID, PROFILE)
    fleet, first = ask(made, ready_fleet(made), request())
    fleet = answer(fleet, str(first.approval), "me", at(2), yes=True).fleet
    fleet, passed = ask(made, fleet, request(), 3)
    fleet = release(fleet, "dip", str(passed.reservation), at(4)).fleet
    assert ask(made, fleet, request(rate=101.0), 5)[1].decision is Decision.REJECT
    fleet, again = ask(made, fleet, request(), 5)
    assert (again.decision, again.approval) == (Decision.APPROVE, first.approval)
    over = release(fleet, "dip", str(again.reservation), at(3601)).fleet
    assert over.approvals[str(first.approval)].status is ApprovalStatus.USED


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
