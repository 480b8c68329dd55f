"""What became of a signal: one story for each pair and candle, told when it changes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from aquatrade.guard_client import Signal
from aquatrade.risk.model import Decision, Entry, Reason, Side, Verdict
from aquatrade.signal_watch import Around, Became, Seen, SignalWatch, became, signal_of

CANDLE = datetime(2024, 3, 12, 6, tzinfo=UTC)
CLOSED = CANDLE + timedelta(hours=1)
UNTIL = CLOSED + timedelta(minutes=10)
LOOP = timedelta(seconds=5)
PAIR = "BTC/USDT"
SEEN = Seen(PAIR, "long", CANDLE, CLOSED, "crash")
FREE = Around(opened_at=None, lock=None, free_slots=2, free_money=900.0, stake_needed=200.0)
REFUSED = Became("refused", "exposure 63 %, limit 60 %", ("exposure",))


def around(**changes: Any) -> Around:
    values = {name: getattr(FREE, name) for name in Around.__slots__}
    return Around(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "verdict", "minutes", "kind", "words"),
    [
        ({"opened_at": CLOSED + LOOP}, REFUSED, 1, "entered", "07:00:05"),
        ({"opened_at": CLOSED - LOOP}, None, 1, "already open", "06:59"),
        ({"lock": "daily loss 5.2 %"}, REFUSED, 1, "locked", "daily loss 5.2 %"),
        ({}, REFUSED, 1, "refused", "exposure 63 %, limit 60 %"),
        ({"free_slots": 0}, None, 1, "no free slot", "max_open_trades"),
        ({"free_money": 100.0}, None, 1, "no money", "100.00 free, 200.00 needed"),
        ({"free_money": float("nan")}, None, 1, "no money", "nan"),
        ({}, None, 11, "expired", "07:10"),
        ({}, None, 1, "not tried", "paused"),
    ],
)
def test_the_strongest_sign_counts(
    changes: dict[str, Any], verdict: Became | None, minutes: int, kind: str, words: str
) -> None:
    now = CLOSED + timedelta(minutes=minutes)
    told = became(SEEN, verdict, around(**changes), now, UNTIL)
    assert told.kind == kind and words in told.text


@pytest.mark.parametrize(
    ("marks", "side"),
    [
        ({"enter_long": 1}, "long"),
        ({"enter_short": 1}, "short"),
        ({"enter_long": 1, "exit_short": 1}, "long"),
        ({"enter_long": 1, "exit_long": 1}, None),
        ({"enter_long": 1, "enter_short": 1}, None),
        ({"enter_long": float("nan")}, None),
        ({}, None),
    ],
)
def test_a_signal_is_what_freqtrade_takes_for_one(marks: dict[str, Any], side: str | None) -> None:
    dates = pd.to_datetime([CANDLE - timedelta(hours=1), CANDLE])
    frame = pd.DataFrame({"date": dates, **{name: [0, mark] for name, mark in marks.items()}})
    seen = signal_of(frame, PAIR, "1h")
    assert (None if seen is None else seen.side) == side
    if seen is not None:
        assert (seen.candle, seen.closed) == (CANDLE, CLOSED)
    assert signal_of(pd.DataFrame(), PAIR, "1h") is None


class Rig:
    """A watch over one pair whose signal stays until the candle is changed."""

    def __init__(self, told_before: Became | None = None, standing: str | None = None) -> None:
        self.tag = standing
        self.candle = CANDLE
        self.around = FREE
        self.now = CLOSED + LOOP
        self.told_before = told_before
        self.watch = SignalWatch(
            "tester", "1h", self.frame, lambda seen: self.around,
            lambda candle: candle + timedelta(hours=1, minutes=10), self.before,
            frozenset({"goes_on"}),
        )  # fmt: skip

    def before(self, pair: str, candle: datetime) -> Became | None:
        return self.told_before

    def frame(self, pair: str) -> pd.DataFrame:
        return pd.DataFrame({"date": [pd.Timestamp(self.candle)], "enter_long": [1],
                             "enter_tag": [self.tag]})  # fmt: skip

    def look(self) -> list[str]:
        self.now += LOOP
        return [event.data["became"] for event in self.watch.look([PAIR], self.now)]

    def judge(self, value: float, decision: Decision = Decision.REJECT) -> Any:
        entry = Entry("tester", "binance", "dip", PAIR, Side.LONG, 200.0, 100.0, 80.0)
        text = f"exposure {value} %, limit 60 %"
        verdict = Verdict(decision, 0.0, (Reason("exposure", decision, text, value, 60.0),))
        return self.watch.judged(entry, Signal(self.candle, UNTIL, ""), verdict, self.now)


def test_a_refusal_of_every_loop_is_told_once_though_its_numbers_move() -> None:
    rig = Rig()
    events = [rig.judge(63.0 + loop / 10) for loop in range(100)]
    told = [rig.look() for _ in range(100)]
    assert [event for event in events if event is not None] == events[:1]
    assert [one for one in told if one] == [["refused"]]
    assert "63.0" in events[0].text and events[0].data["verdict"].decision is Decision.REJECT


def test_what_is_refused_first_and_entered_later_is_told_twice_and_then_done() -> None:
    rig = Rig()
    rig.judge(63.0)
    assert rig.look() == ["refused"]
    rig.judge(55.0, Decision.APPROVE)
    rig.around = around(opened_at=rig.now)
    assert rig.look() == ["entered"]
    rig.around = FREE
    assert [rig.look() for _ in range(200)] == [[]] * 200


def test_that_nothing_else_happened_is_no_news_after_something_did() -> None:
    rig = Rig()
    rig.judge(63.0)
    assert rig.look() == ["refused"]
    rig.now = UNTIL + timedelta(minutes=1)
    rig.watch._stories[(PAIR, "long")].verdict = None
    assert rig.look() == []


def test_a_new_candle_is_a_new_story() -> None:
    rig = Rig()
    rig.judge(63.0)
    assert rig.look() == ["refused"]
    rig.candle += timedelta(hours=1)
    assert rig.judge(63.0) is not None
    assert rig.look() == ["refused"]


def test_a_new_process_does_not_tell_what_the_last_one_has_told() -> None:
    rig = Rig(told_before=REFUSED)
    rig.judge(63.0)
    assert rig.look() == []
    rig.around = around(lock="kill switch")
    assert rig.look() == ["locked"]


def test_what_the_strategy_declines_is_told_with_its_reason() -> None:
    rig = Rig()
    rig.watch.declined(PAIR, "long", CANDLE, "stake 3.00 is under the exchange's minimum")
    (event,) = rig.watch.look([PAIR], rig.now)
    assert event.data["rules"] == ["strategy"] and "minimum" in event.text


def test_a_signal_that_stands_on_every_candle_is_told_only_when_something_became_of_it() -> None:
    rig = Rig(standing="goes_on")
    rig.watch.declined(PAIR, "long", CANDLE, "the price is at none of the grid's buys")
    assert rig.look() == []
    rig.around = around(opened_at=CANDLE - LOOP)
    assert rig.look() == []
    rig.around = FREE
    rig.judge(63.0)
    assert rig.look() == ["refused"]
    rig.around = around(opened_at=rig.now)
    assert rig.look() == ["entered"]
    assert Rig(standing="crash").look() == ["not tried"]
