"""The bot's side of a check: a good answer is believed, anything else is none, and it is soon."""

import json
import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.guard_answer import GuardAnswerError, parse_answer
from aquatrade.guard_client import (
    Asker,
    GuardClient,
    GuardServer,
    GuardUnavailableError,
    Signal,
)
from aquatrade.risk.model import Decision, Entry, Side
from tests.aquatrade.fake_guard import GUARD_TOKEN, FakeGuard, running_guard

NOW = datetime(2024, 3, 12, 7, 0, 4, tzinfo=UTC)
CANDLE = datetime(2024, 3, 12, 6, tzinfo=UTC)
SIGNAL = Signal(CANDLE, CANDLE + timedelta(hours=2), "crash")
ENTRY = Entry(
    bot="tester", exchange="binance", family="dip", pair="BTC/USDT", side=Side.LONG,
    stake=200.0, rate=100.0, stop_rate=80.0,
)  # fmt: skip
GOOD: dict[str, Any] = {
    "decision": "APPROVE", "stake": 200.0, "reasons": [], "reservation": "r-1",
    "expires": "2099-01-01T00:00:00Z", "state": "ACTIVE", "approval": None,
    "bot": "tester", "pair": "BTC/USDT", "paper": True,
}  # fmt: skip


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def guard() -> Iterator[FakeGuard]:
    with running_guard() as fake:
        yield fake


def client(guard: FakeGuard, clock: Any = time.monotonic, timeout: float = 0.3) -> GuardClient:
    return GuardClient(
        lambda: GuardServer(guard.url, GUARD_TOKEN), timeout, Asker(True, "log-1"), clock
    )


def test_a_good_answer_is_taken_at_its_word(guard: FakeGuard) -> None:
    guard.decision, guard.share = "REDUCE", 0.5
    answer = client(guard).check(ENTRY, SIGNAL, NOW)
    assert (answer.verdict.decision, answer.verdict.stake) == (Decision.REDUCE, 100.0)
    assert (answer.verdict.reasons[0].value, answer.reservation) == (63.1, "r-1")
    guard.decision = "REJECT"
    refused = client(guard).check(ENTRY, SIGNAL, NOW).verdict
    assert (refused.decision, refused.stake) == (Decision.REJECT, 0.0)


BODIES = {
    "broken": b'{"decision": "APPROVE", "stake": 1',
    "empty": b"",
    "page": b"<html>welcome to the proxy</html>",
    "list": b"[]",
    "nan": json.dumps({**GOOD, "stake": math.nan}).encode(),
    "more": json.dumps({**GOOD, "stake": 2_000.0}).encode(),
    "less than all": json.dumps({**GOOD, "stake": 100.0}).encode(),
    "text": json.dumps({**GOOD, "stake": "200"}).encode(),
    "maybe": json.dumps({**GOOD, "decision": "MAYBE"}).encode(),
    "halted": json.dumps({**GOOD, "state": "HALTED"}).encode(),
    "over": json.dumps({**GOOD, "expires": "2020-01-01T00:00:00Z"}).encode(),
    "nothing": json.dumps({**GOOD, "decision": "REDUCE", "stake": 0.0}).encode(),
    "another's": json.dumps({**GOOD, "bot": "other"}).encode(),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_garbage_is_no_answer(body: bytes, guard: FakeGuard) -> None:
    guard.body = body
    with pytest.raises(GuardUnavailableError):
        client(guard).check(ENTRY, SIGNAL, NOW)


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"delay_seconds": 5.0}, {"drip_head": True}, {"drip_body": True}]
)
def test_a_sick_guard_costs_no_more_than_the_time_out(
    fault: dict[str, Any], guard: FakeGuard
) -> None:
    for name, value in fault.items():
        setattr(guard, name, value)
    started = time.monotonic()
    with pytest.raises(GuardUnavailableError):
        client(guard).check(ENTRY, SIGNAL, NOW)
    assert time.monotonic() - started < 1.0


def test_after_a_failure_it_rests_a_growing_while_and_says_so_once_each_way(
    guard: FakeGuard, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Hands()
    asked = client(guard, clock)
    guard.status = 503
    rests = []
    with caplog.at_level("INFO", "aquatrade.guard_client"):
        for _ in range(7):
            with pytest.raises(GuardUnavailableError):
                asked.check(ENTRY, SIGNAL, NOW)
            before, since = len(guard.checks), clock.now
            while len(guard.checks) == before:
                with pytest.raises(GuardUnavailableError):
                    asked.check(ENTRY, SIGNAL, NOW)
                clock.now += 0.25
            rests.append(clock.now - since)
        assert rests == sorted(rests)
        assert 0.5 <= rests[0] <= 1.5 and 9.0 <= rests[-1] <= 11.0
        guard.status = 200
        clock.now += 20.0
        assert asked.check(ENTRY, SIGNAL, NOW).verdict.stake == pytest.approx(200.0)
        assert not asked.is_down
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1
    assert caplog.records[-1].getMessage() == "the guard answers again"


def test_answers_that_never_end_are_left_behind_but_not_without_end(guard: FakeGuard) -> None:
    clock = Hands()
    asked = client(guard, clock, timeout=0.1)
    guard.drip_head = True
    for _ in range(6):
        clock.now += 60.0
        with pytest.raises(GuardUnavailableError):
            asked.check(ENTRY, SIGNAL, NOW)
    assert len(asked._abandoned) <= 3


def test_a_release_that_fails_is_left_to_the_lease(guard: FakeGuard) -> None:
    asked = client(guard)
    asked.release("r-7", "tester")
    assert guard.released == ["r-7"]
    guard.status = 500
    asked.release("r-8", "tester")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@settings(max_examples=100)
@given(key=st.sampled_from(sorted(GOOD)), value=JSON, answer=JSON)
def test_whatever_comes_no_more_is_allowed_than_was_asked_for(
    key: str, value: Any, answer: Any
) -> None:
    for said in ({**GOOD, key: value}, answer):
        try:
            verdict = parse_answer(said, ENTRY, NOW, dry_run=True).verdict
        except GuardAnswerError as error:
            assert "\n" not in str(error)
            continue
        assert 0.0 <= verdict.stake <= ENTRY.stake
        assert (verdict.stake > 0.0) is (verdict.decision is not Decision.REJECT)
