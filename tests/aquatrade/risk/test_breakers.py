"""The breakers in scenarios written by hand: what trips, what it says, what ends it."""

from datetime import datetime, timedelta

import pytest

from aquatrade.risk.breakers import (
    families_to_close,
    for_all_bots,
    for_one_bot,
    profile_hash,
    resume,
    stake_factor,
)
from aquatrade.risk.model import Period, RiskState
from aquatrade.risk.state_json import from_json, to_json
from tests.aquatrade.risk.breaker_cases import TUESDAY, at, book_at, limit, looked
from tests.aquatrade.risk.cases import profile

LAB = profile(day=limit(6.0, "next_period"), week=limit(15.0, close="all"), stop_equity=500.0)
QUANT = profile(
    day=limit(3.0, "after_hours", close=["momentum"], recovery_hours=48.0),
    week=limit(7.0, close="all"),
    month=limit(12.0, "config_change", close="all"),
)


def rules_of(state: RiskState) -> list[str]:
    return [trip.rule for trip in state.trips]


def restarted_bot(state: RiskState) -> RiskState:
    return from_json(to_json(state))


# -- what trips -----------------------------------------------------------------------------------


def test_a_daily_loss_is_told_with_its_numbers_and_ends_at_midnight() -> None:
    state, changes = looked(LAB, book_at(TUESDAY, 0.0), book_at(at(5, 11), -64.0))
    (trip,) = state.trips
    assert trip.text == (
        "daily loss 6.4 % of 1,000.00, limit 6 %: no entries until 2024-03-06 00:00 UTC"
    )
    assert trip.value == pytest.approx(6.4)
    assert (trip.limit, trip.until) == (6.0, at(6, 0))
    assert [(one.kind, one.rule, one.text) for one in changes] == [("trip", "day", trip.text)]
    state, changes = looked(LAB, book_at(at(5, 23, 59), -64.0), state=state)
    assert rules_of(state) == ["day"]
    assert changes == []
    state, changes = looked(LAB, book_at(at(6, 0), -64.0), state=state)
    assert state.trips == ()
    assert [one.text for one in changes] == ["daily loss resumed, its time is over"]


@pytest.mark.parametrize(
    ("profit", "tripped"), [(-59.99, False), (-60.0, True), (-60.01, True), (60.0, False)]
)
def test_the_limit_itself_is_a_breach(profit: float, tripped: bool) -> None:
    state, _ = looked(LAB, book_at(TUESDAY, 0.0), book_at(at(5, 11), profit))
    assert bool(state.trips) is tripped


def test_a_limit_met_to_the_last_digit_is_a_breach_whatever_floats_make_of_it() -> None:
    rules = profile(day=limit(7.0))
    for capital in (3.0, 7.7, 0.3, 1_234.567, 99_999.99):
        first, then = book_at(TUESDAY, 0.0, capital), book_at(TUESDAY, -0.07 * capital, capital)
        state, _ = looked(rules, first, then)
        assert rules_of(state) == ["day"]


def test_a_fall_by_half_between_two_looks_trips_all_periods_at_once() -> None:
    state, changes = looked(QUANT, book_at(TUESDAY, 0.0), book_at(at(5, 10, 1), -500.0))
    assert rules_of(state) == ["day", "week", "month"]
    assert [change.text for change in changes] == [
        "daily loss 50 % of 1,000.00, limit 3 %: no entries until 2024-03-06 10:01 UTC, "
        "positions of momentum are closed",
        "weekly loss 50 % of 1,000.00, limit 7 %: no entries until a person resumes, "
        "all positions are closed",
        "monthly loss 50 % of 1,000.00, limit 12 %: no entries until a person resumes with other "
        "limits in the config, all positions are closed",
    ]
    assert families_to_close(state) == "all"


def test_a_tripped_rule_is_silent_and_the_next_one_still_trips() -> None:
    state, _ = looked(QUANT, book_at(TUESDAY, 0.0), book_at(at(5, 11), -31.0))
    state, changes = looked(QUANT, book_at(at(5, 12), -60.0), state=state)
    assert changes == []
    state, changes = looked(QUANT, book_at(at(5, 13), -70.0), state=state)
    assert [change.rule for change in changes] == ["week"]
    assert families_to_close(state) == "all"


def test_deposits_and_withdrawals_are_no_profit_and_no_loss() -> None:
    withdrawn = book_at(at(5, 11), -30.0, capital=200.0)
    state, _ = looked(
        LAB.model_copy(update={"stop_equity": None}), book_at(TUESDAY, 0.0), withdrawn
    )
    assert state.trips == ()
    deposited = book_at(at(5, 12), -60.0, capital=50_000.0)
    state, _ = looked(LAB, deposited, state=state)
    assert rules_of(state) == ["day"]


def test_equity_at_the_stop_closes_all_until_a_person_resumes_it_with_more() -> None:
    lost = book_at(at(5, 11), -500.0)
    state, _ = looked(LAB, book_at(TUESDAY, 0.0), lost)
    trip = state.trips[-1]
    assert trip.text == (
        "equity 500.00 is at or under 500.00: no entries until a person resumes, "
        "all positions are closed"
    )
    state, changes = resume(LAB, state, lost, "stop_equity")
    assert changes[0].kind == "error"
    assert changes[0].text == "stop_equity not resumed: equity 500.00 is at or under 500.00"
    assert "stop_equity" in rules_of(state)
    state, changes = resume(LAB, state, book_at(at(5, 12), -500.0, capital=1_100.0), "stop_equity")
    assert changes[0].kind == "resume"
    assert "stop_equity" not in rules_of(state)


def test_a_single_bot_has_no_stop_for_all_bots() -> None:
    state, _ = looked(for_one_bot(LAB), book_at(TUESDAY, 0.0, capital=300.0))
    assert state.trips == ()
    assert looked(LAB, book_at(TUESDAY, 0.0, capital=300.0))[0].trips != ()


def test_losses_that_each_bot_has_to_itself_stop_no_other() -> None:
    week = limit(15.0, close="all").model_copy(update={"each_bot_alone": True})
    own = LAB.model_copy(update={"week": week})
    states = [
        looked(each, book_at(TUESDAY, 0.0), book_at(at(5, 11), -200.0))[0]
        for each in (own, for_all_bots(own), for_all_bots(LAB))
    ]
    assert [rules_of(state) for state in states] == [["day", "week"], ["day"], ["day", "week"]]


# -- periods, restarts, clocks --------------------------------------------------------------------


def test_what_was_lost_over_midnight_while_nobody_looked_counts_for_the_new_day() -> None:
    state, _ = looked(LAB, book_at(TUESDAY, 0.0), book_at(at(5, 22), -30.0))
    state, changes = looked(LAB, book_at(at(8, 9), -95.0), state=restarted_bot(state))
    assert [change.rule for change in changes] == ["day"]
    assert state.trips[0].text.startswith("daily loss 6.7 % of 970.00, limit 6 %")
    assert state.marks[Period.DAY].started == at(8, 0)


def test_a_week_that_is_lost_on_its_sunday_is_off_for_an_hour_and_then_measured_anew() -> None:
    rules = profile(week=limit(10.0, "next_period"))
    state, _ = looked(rules, book_at(at(4, 8), 0.0), book_at(at(10, 23), -120.0))
    assert state.trips[0].until == at(11, 0)
    state, _ = looked(rules, book_at(at(11, 0), -120.0), state=restarted_bot(state))
    assert state.trips == ()
    assert state.marks[Period.WEEK].profit == pytest.approx(-120.0)
    state, _ = looked(rules, book_at(at(14, 0), -215.0), state=state)
    assert rules_of(state) == ["week"]


def test_twenty_four_hours_off_then_half_stakes_for_forty_eight() -> None:
    state, _ = looked(QUANT, book_at(TUESDAY, 0.0), book_at(at(5, 11), -35.0))
    assert families_to_close(state) == ("momentum",)
    state, changes = looked(QUANT, book_at(at(6, 10, 59), -35.0), state=restarted_bot(state))
    assert rules_of(state) == ["day"]
    state, changes = looked(QUANT, book_at(at(6, 11), -35.0), state=state)
    assert changes[0].text == (
        "daily loss resumed, its time is over: stakes x 0.5 until 2024-03-08 11:00 UTC"
    )
    assert stake_factor(state, at(8, 10, 59)) == 0.5
    assert stake_factor(state, at(8, 11)) == 1.0
    state, changes = looked(QUANT, book_at(at(8, 11), -35.0), state=restarted_bot(state))
    assert [(one.kind, one.text) for one in changes] == [
        ("recovery_end", "recovery is over: whole stakes again")
    ]
    assert state.recovery_until is None


def test_what_the_new_day_lost_during_the_pause_trips_again_when_it_ends() -> None:
    state, _ = looked(QUANT, book_at(TUESDAY, 0.0), book_at(at(5, 11), -35.0))
    state, _ = looked(QUANT, book_at(at(5, 23), -36.0), book_at(at(6, 5), -68.0), state=state)
    state, changes = looked(QUANT, book_at(at(6, 11), -68.0), state=state)
    assert [change.kind for change in changes] == ["resume", "trip"]
    assert state.trips[0].until == at(7, 11)


def test_a_pause_within_the_day_pays_for_what_the_day_had_lost() -> None:
    rules = profile(day=limit(3.0, "after_hours", off_hours=2.0))
    state, _ = looked(rules, book_at(TUESDAY, 0.0), book_at(at(5, 11), -35.0))
    state, changes = looked(rules, book_at(at(5, 13), -35.0), state=state)
    assert [change.kind for change in changes] == ["resume"]
    state, changes = looked(rules, book_at(at(5, 14), -65.0), state=state)
    assert [change.kind for change in changes] == ["trip"]


def test_a_clock_that_goes_back_opens_no_day_and_ends_no_trip_and_is_told_once() -> None:
    state, _ = looked(LAB, book_at(TUESDAY, 0.0), book_at(at(5, 11), -64.0))
    marks = state.marks
    state, changes = looked(LAB, book_at(at(1, 0), -64.0), state=state)
    assert [change.text for change in changes] == [
        "the clock went back behind 2024-03-05 11:00 UTC: until then no period begins and "
        "no trip ends"
    ]
    assert (rules_of(state), state.marks, state.last_at) == (["day"], marks, at(5, 11))
    state, changes = looked(LAB, book_at(at(2, 0), -64.0), state=state)
    assert changes == []
    state, changes = looked(LAB, book_at(at(6, 0), -64.0), state=state)
    assert (state.trips, state.error) == ((), None)


def test_a_clock_that_jumped_ahead_and_back_waits_until_a_person_says_it_is_right() -> None:
    ahead = datetime(2038, 1, 19, 3, 0, tzinfo=TUESDAY.tzinfo)
    state, _ = looked(QUANT, book_at(TUESDAY, 0.0), book_at(at(5, 11), -10.0))
    state, _ = looked(QUANT, book_at(ahead, -45.0), state=state)
    assert state.trips[0].until == ahead + timedelta(hours=24)
    present = book_at(at(5, 12), -45.0)
    state, _ = looked(QUANT, present, state=state)
    state, changes = resume(QUANT, state, present, None)
    assert changes[0].text == ("day not resumed: it ends at 2038-01-20 03:00 UTC, no hand ends it")
    state, changes = resume(QUANT, state, present, "clock")
    assert [(one.kind, one.text) for one in changes] == [
        ("resume", "time counts from 2024-03-05 12:00 UTC again")
    ]
    (trip,) = state.trips  # not lifted: it lasts 24 h of the right clock
    assert (trip.at, trip.until) == (at(5, 12), at(6, 12))
    assert "until 2024-03-06 12:00 UTC" in trip.text
    assert {mark.started for mark in state.marks.values()} == {at(5, 0), at(4, 0), at(1, 0)}
    assert state.marks[Period.DAY].profit == pytest.approx(-10.0)
    state, _ = looked(QUANT, book_at(at(6, 12), -45.0), state=restarted_bot(state))
    assert state.trips == ()
    assert resume(QUANT, state, book_at(at(7), -45.0), "clock")[1][0].text == (
        "clock not resumed: the clock is not behind the latest look"
    )


# -- hands ----------------------------------------------------------------------------------------


def test_a_hand_lifts_what_waits_for_one_and_the_loss_counts_from_then_on() -> None:
    rules = profile(day=limit(5.0, recovery_hours=10.0, recovery_factor=0.25))
    state, _ = looked(rules, book_at(TUESDAY, 0.0), book_at(at(5, 11), -80.0))
    later = book_at(at(7, 9), -85.0)
    state, _ = looked(rules, later, state=state)
    assert rules_of(state) == ["day"]
    state, changes = resume(rules, restarted_bot(state), later, None)
    assert changes[0].text == (
        "daily loss resumed, a person said so: stakes x 0.25 until 2024-03-07 19:00 UTC"
    )
    assert stake_factor(state, at(7, 10)) == 0.25
    state, changes = looked(rules, book_at(at(7, 10), -130.0), state=state)
    assert changes == []
    state, _ = looked(rules, book_at(at(7, 11), -131.0), state=state)
    assert rules_of(state) == ["day"]  # 5 % of the 915 that were left


def test_other_limits_are_needed_where_the_profile_says_so() -> None:
    lost = book_at(at(5, 11), -130.0)
    state, _ = looked(QUANT, book_at(TUESDAY, 0.0), lost)
    state, changes = resume(QUANT, state, lost, None)
    assert [(one.kind, one.rule) for one in changes] == [
        ("error", "day"), ("resume", "week"), ("error", "month")
    ]  # fmt: skip
    assert changes[2].text == (
        "month not resumed: the limits in the config are still those that tripped"
    )
    renamed = QUANT.model_copy(update={"name": "other", "kill_file": "KILL", "paper_days": 1})
    assert profile_hash(renamed) == profile_hash(QUANT)
    assert resume(renamed, state, lost, "month")[1][0].kind == "error"
    changed = QUANT.model_copy(update={"max_open_positions": 2})
    state, changes = resume(changed, state, lost, "month")
    assert [(one.kind, one.rule) for one in changes] == [("resume", "month")]
    assert rules_of(state) == ["day"]


@pytest.mark.parametrize("rule", [None, "day", "nonsense"])
def test_nothing_to_lift_is_said_so(rule: str | None) -> None:
    state, _ = looked(LAB, book_at(TUESDAY, 0.0))
    after, changes = resume(LAB, state, book_at(TUESDAY, 0.0), rule)
    assert after == state
    assert [change.kind for change in changes] == ["error"]
    assert "no such trip is active" in changes[0].text
