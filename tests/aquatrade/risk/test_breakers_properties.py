"""Whatever the market, the clock, a person and restarts do: the breakers keep their promises."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aquatrade.risk.breakers import (
    families_to_close,
    observe,
    profile_hash,
    resume,
    stake_factor,
)
from aquatrade.risk.model import Book, Change, Period, RiskState, Trip
from aquatrade.risk.profile import RiskProfile
from aquatrade.risk.state_json import from_json, to_json
from tests.aquatrade.risk.breaker_cases import TUESDAY, loss_profiles
from tests.aquatrade.risk.naive_breakers import NaiveBreakers

FAR = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
MINUTES = st.sampled_from([1, 1, 30, 90, 360, 1_440, 4_000, 11_000, 45_000])
MOVES = st.sampled_from([-0.5, -0.12, -0.05, -0.03, -0.01, 0.0, 0.02, 0.4])  # of the equity


class Breakers(RuleBasedStateMachine):
    """Looks at a book, beside the slow twin."""

    @initialize(profile=loss_profiles)
    def begin(self, profile: RiskProfile) -> None:
        self.profile = profile
        self.state = RiskState()
        self.naive = NaiveBreakers()
        self.clock = TUESDAY
        self.capital, self.profit = 1_000.0, 0.0
        self.kept: RiskState | None = None

    def book(self) -> Book:
        equity = self.capital + self.profit
        return Book(at=self.clock, equity=equity, free=equity, profit=self.profit)

    @rule(minutes=MINUTES, move=MOVES)
    def time_and_market_move(self, minutes: int, move: float) -> None:
        self.clock += timedelta(minutes=minutes)
        self.profit += move * (self.capital + self.profit)
        self.look()

    @rule(minutes=MINUTES, move=MOVES)
    def the_clock_goes_back(self, minutes: int, move: float) -> None:
        self.clock -= timedelta(minutes=minutes)
        self.profit += move * (self.capital + self.profit)
        self.look()

    @rule(share=st.sampled_from([-0.5, -0.1, 0.3, 2.0]))
    def money_is_moved(self, share: float) -> None:
        self.capital += share * (self.capital + self.profit)
        self.look()

    @rule()
    def the_machine_restarts(self) -> None:
        assert from_json(to_json(self.state)) == self.state or self.state.last_at is None
        self.state = from_json(to_json(self.state))

    @rule(profile=loss_profiles)
    def the_config_changes(self, profile: RiskProfile) -> None:
        self.profile = profile
        self.look()

    @rule(equity=st.sampled_from([math.nan, math.inf, 900.0]), moment=st.sampled_from([None, FAR]))
    def the_book_makes_no_sense(self, equity: float, moment: datetime | None) -> None:
        book = replace(self.book(), equity=equity, profit=math.nan, at=moment or self.clock)
        state, changes = observe(self.profile, self.state, book)
        assert replace(state, error=None) == replace(self.state, error=None)
        assert {change.kind for change in changes} <= {"error"}
        self.state = state

    @precondition(lambda self: self.state.trips)
    @rule(data=st.data())
    def a_person_resumes(self, data: st.DataObject) -> None:
        before, book = self.state, self.book()
        chosen = data.draw(st.sampled_from([None, *(trip.rule for trip in before.trips)]))
        self.state, changes = resume(self.profile, before, book, chosen)
        asked = [trip for trip in before.trips if chosen in (None, trip.rule)]
        liftable = [trip.rule for trip in asked if self.may_be_lifted(trip, book)]
        assert [change.rule for change in changes if change.kind == "resume"] == liftable
        assert len(changes) == len(asked)
        self.naive.resume(book, liftable)
        # Nothing has moved: what was lifted does not trip again, what was not stays.
        rules = {trip.rule for trip in self.look()}
        assert not rules & set(liftable)

    def may_be_lifted(self, trip: Trip, book: Book) -> bool:
        if trip.until is not None or trip.needs_other_config == profile_hash(self.profile):
            return False
        stop = self.profile.stop_equity
        return trip.rule != "stop_equity" or stop is None or book.equity > stop

    def look(self) -> list[Trip]:
        """One look, and what must be true of every one; the trips that it made."""
        before, book = self.state, self.book()
        self.state, changes = observe(self.profile, before, book)
        now = max(book.at, before.last_at or book.at)
        self.naive.look(self.profile, book)
        self.no_mark_goes_back(before)
        self.no_trip_ends_before_its_time(before, now)
        self.every_breach_is_tripped(book)
        new = [trip for trip in self.state.trips if trip.at == now and trip not in before.trips]
        self.changes_tell_all(before, new, changes)
        return new

    def no_mark_goes_back(self, before: RiskState) -> None:
        for period, mark in before.marks.items():
            assert self.state.marks[period].started >= mark.started

    def no_trip_ends_before_its_time(self, before: RiskState, now: datetime) -> None:
        for trip in before.trips:
            if trip.until is None or now < trip.until:
                assert trip in self.state.trips
            else:
                assert trip not in self.state.trips

    def every_breach_is_tripped(self, book: Book) -> None:
        active = {trip.rule for trip in self.state.trips}
        for period in Period:
            limit = getattr(self.profile, period.value)
            mark = self.state.marks[period]
            if (
                limit is not None
                and mark.profit - book.profit > mark.equity * limit.limit_pct / 100
            ):
                assert period.value in active
        if self.profile.stop_equity is not None and book.equity <= self.profile.stop_equity:
            assert "stop_equity" in active

    def changes_tell_all(self, before: RiskState, new: list[Trip], changes: list[Change]) -> None:
        ended = [trip.rule for trip in before.trips if trip not in self.state.trips]
        told = {kind: [one.rule for one in changes if one.kind == kind] for kind in KINDS}
        assert told["trip"] == [trip.rule for trip in new]
        assert told["resume"] == ended
        assert len(told["recovery_end"]) + len(told["error"]) <= 2
        assert all(change.text.isprintable() and len(change.text) < 250 for change in changes)

    @invariant()
    def is_as_the_slow_twin_has_it(self) -> None:
        trips = {trip.rule: trip.until for trip in self.state.trips}
        assert trips == {name: trip["until"] for name, trip in self.naive.trips.items()}
        assert families_to_close(self.state) == self.naive.closes()
        if self.state.last_at is None:
            return
        for moment in (self.state.last_at, self.state.last_at + timedelta(hours=3)):
            assert stake_factor(self.state, moment) == self.naive.factor(moment)
        for period, mark in self.state.marks.items():
            twin = self.naive.measured_from(period.value, self.book())
            assert (mark.equity, mark.profit) == twin


KINDS = ("trip", "resume", "recovery_end", "error")


def test_promises_are_kept_in_every_sequence_of_looks() -> None:
    run_state_machine_as_test(Breakers, settings=settings(max_examples=60, stateful_step_count=40))
