"""A yes lets one entry through once, in time and near its price; a no stands."""

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, MetaData

from aquatrade.risk.model import Decision, Entry, Reason, Side
from sidecars.common.database import open_database, reading
from sidecars.guard.approval_store import (
    ApprovalConflict,
    approvals_table,
    load_approvals,
    save_approvals,
)
from sidecars.guard.approvals import answered, expired, judge_approval, lapsed, queued, used
from sidecars.guard.model import Approval, ApprovalStatus, CheckRequest

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
UNTIL = NOON + timedelta(minutes=60)
BAND_PCT = 0.5


def request(
    rate: float = 100.0, stake: float = 200.0, candle: datetime = NOON, **changes: object
) -> CheckRequest:
    entry = Entry(
        bot="dip", exchange="binance", family="dip", pair="BTC/USDT", side=Side.LONG,
        stake=stake, rate=rate, stop_rate=80.0, score=71.5,
    )  # fmt: skip
    asked = CheckRequest(
        entry, candle=candle, tag="crash", signal_until=UNTIL, dry_run=False, process="p1"
    )
    return dataclasses.replace(asked, **changes)  # type: ignore[arg-type]


def waiting(**changes: object) -> Approval:
    reasons = (Reason("heat", Decision.APPROVE, "heat 1.2 %", 1.2, 6.0),)
    asked = request(**changes)  # type: ignore[arg-type]
    return queued(asked, number="a1", stake=asked.entry.stake, reasons=reasons, now=NOON)


@contextmanager
def database() -> Iterator[Engine]:
    with TemporaryDirectory() as folder:
        metadata = MetaData()
        approvals_table(metadata)
        engine = open_database(f"sqlite:///{Path(folder) / 'guard.sqlite'}", metadata)
        yield engine
        engine.dispose()


def test_the_first_check_asks_and_the_next_ones_find_the_same_approval() -> None:
    say = judge_approval(None, request(), NOON, BAND_PCT)
    assert (say.lets_through, say.asks, say.reason.decision) == (False, True, Decision.REJECT)
    say = judge_approval(waiting(), request(rate=90.0), NOON, BAND_PCT)
    assert (say.lets_through, say.asks) == (False, False)
    assert say.reason.text == "waits for a person's yes"


def test_a_yes_lets_through_once_in_the_band_and_for_no_more_than_was_shown() -> None:
    approval = answered(waiting(), yes=True, by="ann", now=NOON)
    say = judge_approval(approval, request(rate=100.5, stake=150.0), NOON, BAND_PCT)
    assert say.lets_through and say.reason.decision is Decision.APPROVE
    say = judge_approval(approval, request(rate=99.5, stake=250.0), NOON, BAND_PCT)
    assert say.lets_through and say.stake_limit == 200.0
    assert say.reason.text == "approved by ann for 200, 250 were asked for"
    for rate in (100.51, 99.49, float("nan"), float("inf")):
        assert not judge_approval(approval, request(rate=rate), NOON, BAND_PCT).lets_through
    say = judge_approval(used(approval, NOON), request(), NOON, BAND_PCT)
    assert (say.lets_through, say.asks) == (False, False)


def test_nothing_passes_when_the_signal_is_over() -> None:
    approval = answered(waiting(), yes=True, by="ann", now=NOON)
    assert judge_approval(approval, request(), UNTIL - timedelta(seconds=1), BAND_PCT).lets_through
    for asked in (request(), request(signal_until=UNTIL + timedelta(hours=1))):
        say = judge_approval(approval, asked, UNTIL, BAND_PCT)
        assert (say.lets_through, say.asks) == (False, False)
    assert not judge_approval(None, request(), UNTIL, BAND_PCT).asks
    with pytest.raises(ValueError, match="expected approved"):
        used(approval, UNTIL)
    with pytest.raises(ValueError, match="has expired at 2024-03-05 13:00:00"):
        answered(waiting(), yes=True, by="ann", now=UNTIL)


def test_a_no_stands_and_a_yes_can_be_taken_back_until_it_is_used() -> None:
    rejected = answered(waiting(), yes=False, by="ann", now=NOON)
    assert judge_approval(rejected, request(), NOON, BAND_PCT).reason.text == "rejected by ann"
    assert answered(rejected, yes=False, by="bob", now=NOON) is rejected
    with pytest.raises(ValueError, match="a1 is rejected already by ann"):
        answered(rejected, yes=True, by="bob", now=NOON)
    approved = answered(waiting(), yes=True, by="ann", now=NOON)
    assert answered(approved, yes=True, by="bob", now=NOON).answered_by == "ann"
    taken_back = answered(approved, yes=False, by="bob", now=NOON)
    assert (taken_back.status, taken_back.answered_by) == (ApprovalStatus.REJECTED, "bob")
    with pytest.raises(ValueError, match="a1 is used already by ann"):
        answered(used(approved, NOON), yes=False, by="bob", now=NOON)


def test_an_approval_is_for_its_own_signal() -> None:
    approval = answered(waiting(), yes=True, by="ann", now=NOON)
    other = request(candle=NOON + timedelta(hours=1))
    say = judge_approval(approval, other, NOON, BAND_PCT)
    assert (say.lets_through, say.asks) == (False, False)


def test_what_is_kept_comes_back_whole() -> None:
    approval = answered(waiting(), yes=True, by="ann", now=NOON + timedelta(microseconds=1))
    bare = dataclasses.replace(
        waiting(candle=NOON - timedelta(days=1)),
        id="a0", side=Side.SHORT, is_increase=True, score=None, stop_rate=None, reasons=(),
    )  # fmt: skip
    with database() as engine:
        with engine.begin() as connection:
            save_approvals(connection, [waiting(), bare])
        with engine.begin() as connection:
            save_approvals(connection, [approval])
        with reading(engine) as connection:
            assert load_approvals(connection) == [bare, approval]
            assert load_approvals(connection, NOON + timedelta(seconds=1)) == []


def test_what_is_for_good_is_never_overwritten() -> None:
    approved = answered(waiting(), yes=True, by="ann", now=NOON)
    for last in (used(approved, NOON), answered(approved, yes=False, by="x", now=NOON)):
        with database() as engine:
            for each in (waiting(), approved, last):
                with engine.begin() as connection:
                    save_approvals(connection, [each])
            lates = [waiting(), used(approved, NOON), lapsed(approved)]
            if last.status is ApprovalStatus.REJECTED:
                lates.append(approved)
            for late in lates:
                with pytest.raises(ApprovalConflict), engine.begin() as connection:
                    save_approvals(connection, [late])
            with reading(engine) as connection:
                assert load_approvals(connection) == [last]


def test_a_signal_has_one_approval() -> None:
    again = dataclasses.replace(waiting(), id="a2")
    with database() as engine:
        with engine.begin() as connection:
            save_approvals(connection, [waiting()])
        with pytest.raises(ApprovalConflict), engine.begin() as connection:
            save_approvals(connection, [again])


def test_many_at_once_use_it_once() -> None:
    approved = answered(waiting(), yes=True, by="ann", now=NOON)
    with database() as engine:
        for each in (waiting(), approved):
            with engine.begin() as connection:
                save_approvals(connection, [each])
        passed: list[int] = []
        start = threading.Barrier(8)

        def use(number: int) -> None:
            start.wait()
            try:
                with engine.begin() as connection:
                    (kept,) = load_approvals(connection)
                    save_approvals(connection, [used(kept, NOON)])
            except (ApprovalConflict, ValueError):
                return
            passed.append(number)

        threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(passed) == 1


@dataclass
class Desk:
    """The plain twin: a list of all that was ever said about the signal, read from the start."""

    said: list[tuple[str, datetime]] = field(default_factory=list)

    def may_pass(self, rate: float, now: datetime, shown: float | None) -> bool:
        words = [word for word, _ in self.said]
        if shown is None or now >= UNTIL or "used" in words or "no" in words or "over" in words:
            return False
        return "yes" in words and abs(rate / shown - 1) <= BAND_PCT / 100 + 1e-12


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("check"), st.sampled_from([98.0, 99.49, 99.5, 100.0, 100.5, 100.6])),
        st.tuples(st.just("yes"), st.just(0.0)),
        st.tuples(st.just("no"), st.just(0.0)),
        st.tuples(st.just("clock"), st.sampled_from([-1800.0, -60.0, 60.0, 1500.0, 3600.0])),
        st.tuples(st.just("sweep"), st.just(0.0)),
        st.tuples(st.just("restart"), st.just(0.0)),
    ),
    max_size=30,
)  # fmt: skip


class LittleGuard:
    """Asks, keeps and uses as the guard does, on a real database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = NOON
        self.desk = Desk()
        self.entries: list[tuple[datetime, float]] = []
        self.approval: Approval | None = None

    def keep(self, approval: Approval) -> None:
        with self.engine.begin() as connection:
            save_approvals(connection, [approval])
        self.approval = approval

    def check(self, rate: float) -> None:
        shown = None if self.approval is None else self.approval.rate
        say = judge_approval(self.approval, request(rate=rate), self.now, BAND_PCT)
        assert say.lets_through == self.desk.may_pass(rate, self.now, shown)
        if say.asks:
            self.keep(waiting(rate=rate))
        elif say.lets_through and self.approval is not None:
            self.keep(used(self.approval, self.now))
            self.desk.said.append(("used", self.now))
            self.entries.append((self.now, rate))

    def answer(self, word: str) -> None:
        if self.approval is None:
            return
        try:
            after = answered(self.approval, yes=word == "yes", by="ann", now=self.now)
        except ValueError:
            return
        if after != self.approval:
            self.keep(after)
            self.desk.said.append((word, self.now))

    def sweep(self) -> None:
        if self.approval is None or not expired(self.approval, self.now):
            return
        if self.approval.status is not ApprovalStatus.EXPIRED:
            self.keep(lapsed(self.approval))
            self.desk.said.append(("over", self.now))

    def restart(self) -> None:
        with reading(self.engine) as connection:
            kept = load_approvals(connection)
        assert kept == ([] if self.approval is None else [self.approval])


@settings(max_examples=60)
@given(STEPS)
def test_however_asks_answers_clock_and_restarts_fall_one_entry_at_most(
    steps: list[tuple[str, float]],
) -> None:
    with database() as engine:
        guard = LittleGuard(engine)
        for what, value in steps:
            match what:
                case "check":
                    guard.check(value)
                case "yes" | "no":
                    guard.answer(what)
                case "clock":
                    guard.now += timedelta(seconds=value)
                case "sweep":
                    guard.sweep()
                case _:
                    guard.restart()
        assert len(guard.entries) <= 1
        for at, rate in guard.entries:
            assert at < UNTIL
            assert guard.approval is not None
            assert abs(rate / guard.approval.rate - 1) <= BAND_PCT / 100 + 1e-12
