"""Scores while trading: one read a candle, never in the loop's way, whatever the sidecar does."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from aquatrade.live_scores import Answer, LiveScores, server_fetch
from aquatrade.score_http import ScoreServer, ScoreUnavailableError
from tests.aquatrade.fake_sidecar import DAY_MS, HOUR_MS, TOKEN, FakeSidecar, score_record

CLOSE_MS = 1_700_006_400_000
PAIRS = ["BTC/USDT", "ETH/USDT"]
# What a loop may take beyond the time-out on a machine that is busy with other things.
GRACE_SECONDS = 2.0


def live(sidecar: FakeSidecar, timeout_seconds: float = 0.5) -> LiveScores:
    server = ScoreServer(sidecar.url, TOKEN)
    return LiveScores(server_fetch(server, timeout_seconds), timeout_seconds)


def with_records(sidecar: FakeSidecar, available_at_ms: int = CLOSE_MS - HOUR_MS) -> None:
    sidecar.records = [score_record(pair, available_at_ms) for pair in PAIRS]


def seconds(call: Callable[[], object]) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < deadline, "did not happen in 10 s"
        time.sleep(0.01)


def test_one_read_serves_all_pairs_and_the_whole_candle(sidecar: FakeSidecar) -> None:
    with_records(sidecar)
    scores = live(sidecar)
    assert scores.refresh(PAIRS, CLOSE_MS)
    assert [scores.refresh(PAIRS, CLOSE_MS) for _ in range(20)] == [False] * 20
    assert len(sidecar.requests) == 1
    assert [len(scores.records(pair)) for pair in PAIRS] == [1, 1]
    scores.refresh(PAIRS, CLOSE_MS + HOUR_MS)
    assert len(sidecar.requests) == 2


def test_the_read_asks_for_what_was_known_at_the_close(sidecar: FakeSidecar) -> None:
    sidecar.records = [
        score_record(available_at_ms=CLOSE_MS - DAY_MS, total=40.0),
        score_record(available_at_ms=CLOSE_MS, total=50.0),
        score_record(available_at_ms=CLOSE_MS + 1, total=90.0),
    ]
    scores = live(sidecar)
    scores.refresh(["BTC/USDT"], CLOSE_MS)
    assert scores.records("BTC/USDT")["total"].tolist() == [50.0]


def test_records_of_earlier_candles_are_kept_once_each(sidecar: FakeSidecar) -> None:
    with_records(sidecar)
    scores = live(sidecar)
    scores.refresh(PAIRS, CLOSE_MS)
    scores.refresh(PAIRS, CLOSE_MS + HOUR_MS)
    sidecar.records.append(score_record(available_at_ms=CLOSE_MS + HOUR_MS, total=80.0))
    scores.refresh(PAIRS, CLOSE_MS + 2 * HOUR_MS)
    assert scores.records("BTC/USDT")["total"].tolist() == [66.0, 80.0]
    assert scores.records("ETH/USDT")["total"].tolist() == [66.0]


@pytest.mark.parametrize(
    "fault",
    [
        {"delay_seconds": 30.0},
        {"drip_seconds": 0.05},
        {"drip_headers": True},
        {"body": b"no json"},
        {"body": b'{"scores": '},
        {"body": b'{"scores": {"BTC/USDT": {"total": NaN}}}'},
        {"body": b"[" * 100_000},
        {"body": b"\xff\xfe"},
        {"status": 503},
        {"status": 401},
        {"status": 302},
        {"change": lambda answer: answer["scores"].clear() or answer.pop("scores")},
        {"change": lambda answer: [s.update(total=1e9) for s in answer["scores"].values()]},
        {"change": lambda answer: [s.update(pair="X/Y") for s in answer["scores"].values()]},
        {
            "change": lambda answer: [
                s.update(available_at="2100-01-01T00:00:00Z") for s in answer["scores"].values()
            ]
        },
    ],
)
def test_no_fault_costs_a_loop_more_than_the_time_out_or_leaves_a_score(
    sidecar: FakeSidecar, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with_records(sidecar)
    for name, value in fault.items():
        setattr(sidecar, name, value)
    scores = live(sidecar, timeout_seconds=0.3)
    assert seconds(lambda: scores.refresh(PAIRS, CLOSE_MS)) < 0.3 + GRACE_SECONDS
    assert scores.is_down
    assert all(scores.records(pair).empty for pair in PAIRS)
    # Known to be down: the next candle's loop does not wait at all, however long it might.
    scores._timeout_seconds = 10.0 * GRACE_SECONDS
    assert seconds(lambda: scores.refresh(PAIRS, CLOSE_MS + HOUR_MS)) < GRACE_SECONDS
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert "entries that need a score are refused, exits go on" in caplog.text


def test_a_sidecar_that_is_not_there_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    scores = LiveScores(server_fetch(ScoreServer("http://127.0.0.1:1", None), 0.5), 0.5)
    assert seconds(lambda: scores.refresh(PAIRS, CLOSE_MS)) < GRACE_SECONDS
    assert "no connection" in caplog.text


def test_one_line_when_it_goes_and_one_when_it_comes_back(
    sidecar: FakeSidecar, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with_records(sidecar)
    sidecar.status = 503
    scores = live(sidecar)
    scores.refresh(PAIRS, CLOSE_MS)
    for _ in range(50):
        scores.refresh(PAIRS, CLOSE_MS)
    sidecar.status = 200
    until(lambda: scores.refresh(PAIRS, CLOSE_MS))
    for _ in range(5):
        scores.refresh(PAIRS, CLOSE_MS)
    texts = [record.getMessage() for record in caplog.records]
    assert len(texts) == 2
    assert "unavailable (HTTP 503" in texts[0]
    assert "scores are back after 1 failed read" in texts[1]
    assert not scores.is_down and len(scores.records("BTC/USDT")) == 1


def test_a_late_answer_is_taken_in_by_a_later_loop(sidecar: FakeSidecar) -> None:
    with_records(sidecar)
    sidecar.delay_seconds = 0.4
    fetch = server_fetch(ScoreServer(sidecar.url, TOKEN), 5.0)
    scores = LiveScores(fetch, 0.1)
    assert not scores.refresh(PAIRS, CLOSE_MS)
    assert scores.is_down
    until(lambda: scores.refresh(PAIRS, CLOSE_MS))
    assert len(sidecar.requests) == 1


class Scripted:
    """A fetch without a network, and the clock that the back-off reads."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.asked: list[tuple[tuple[str, ...], int]] = []
        self.answer: Answer | ScoreUnavailableError = ({}, {})
        self.hold = threading.Event()
        self.hold.set()
        self.idle = threading.Event()

    def fetch(self, pairs: Sequence[str], at_ms: int) -> Answer:
        self.asked.append((tuple(pairs), at_ms))
        self.hold.wait(10.0)
        if isinstance(self.answer, ScoreUnavailableError):
            raise self.answer
        return self.answer

    def scores(self) -> LiveScores:
        return LiveScores(self.fetch, 0.2, lambda: self.now)

    def settle(self, scores: LiveScores, close_ms: int = CLOSE_MS) -> None:
        """Let an attempt in the background end and be taken in."""
        attempt = scores._attempt
        if attempt is not None and attempt.thread is not None:
            attempt.thread.join(5.0)
        scores.refresh(PAIRS, close_ms)


def test_retries_of_a_dead_sidecar_back_off_to_ten_seconds() -> None:
    script = Scripted()
    script.answer = ScoreUnavailableError("dead")
    scores = script.scores()
    scores.refresh(PAIRS, CLOSE_MS)
    tried_at = []
    for second in range(40):
        before = len(script.asked)
        script.now = 1000.0 + second
        scores.refresh(PAIRS, CLOSE_MS)
        script.settle(scores)
        if len(script.asked) > before:
            tried_at.append(second)
    assert tried_at == [1, 3, 7, 15, 25, 35]


def test_a_pair_without_a_score_is_asked_for_again_but_not_every_loop() -> None:
    script = Scripted()
    script.answer = ({"BTC/USDT": score_record(available_at_ms=CLOSE_MS)}, {"ETH/USDT": "young"})
    scores = script.scores()
    scores.refresh(PAIRS, CLOSE_MS)
    for _ in range(5):
        script.now += 2.0
        scores.refresh(PAIRS, CLOSE_MS)
        script.settle(scores)
    assert script.asked == [(("BTC/USDT", "ETH/USDT"), CLOSE_MS)]
    script.now += 6.0
    scores.refresh(PAIRS, CLOSE_MS)
    assert script.asked[1:] == [(("ETH/USDT",), CLOSE_MS)]
    assert scores.reason("ETH/USDT") == "young"


def test_missing_pairs_are_named_once(caplog: pytest.LogCaptureFixture) -> None:
    script = Scripted()
    script.answer = ({"BTC/USDT": score_record(available_at_ms=CLOSE_MS)}, {"ETH/USDT": "young"})
    scores = script.scores()
    for candle in range(5):
        scores.refresh(PAIRS, CLOSE_MS + candle * HOUR_MS)
    assert [r.getMessage() for r in caplog.records] == [
        "no score for ETH/USDT (young): entries that need one are refused there"
    ]


def test_a_read_that_never_ends_is_left_behind_a_few_times_and_no_more() -> None:
    script = Scripted()
    script.hold.clear()
    scores = script.scores()
    for step in range(60):
        script.now = 1000.0 + step * 20.0
        scores.refresh(PAIRS, CLOSE_MS + step * HOUR_MS)
    assert len(script.asked) == 3
    script.hold.set()


def test_a_bug_in_the_read_is_an_unavailable_score_and_no_exception() -> None:
    def broken(pairs: Sequence[str], at_ms: int) -> Answer:
        raise RuntimeError("bug")

    scores = LiveScores(broken, 0.2)
    assert not scores.refresh(PAIRS, CLOSE_MS)
    assert scores.is_down


def test_an_accelerated_wall_clock_changes_nothing(sidecar: FakeSidecar) -> None:
    import time_machine

    with_records(sidecar)
    with time_machine.travel("2024-03-01T00:00:00Z", tick=False):
        scores = live(sidecar)
        assert scores.refresh(PAIRS, CLOSE_MS)
        sidecar.delay_seconds = 30.0
        assert seconds(lambda: scores.refresh(PAIRS, CLOSE_MS + HOUR_MS)) < 0.5 + GRACE_SECONDS


def test_the_past_of_one_pair_can_be_read(sidecar: FakeSidecar) -> None:
    with_records(sidecar)
    sidecar.records.append(score_record(available_at_ms=CLOSE_MS, total=90.0))
    scores = live(sidecar)
    assert scores.read_past("BTC/USDT", CLOSE_MS - 1)["total"].tolist() == [66.0]
    assert scores.read_past("BTC/USDT", 0).empty
    sidecar.status = 500
    with pytest.raises(ScoreUnavailableError, match="500"):
        scores.read_past("BTC/USDT", CLOSE_MS)
    before = len(sidecar.requests)
    with pytest.raises(ScoreUnavailableError):
        scores.read_past("BTC/USDT", CLOSE_MS)
    assert len(sidecar.requests) == before
