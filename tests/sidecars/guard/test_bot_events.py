"""Each event of a bot is kept once, and a new log of it counts anew."""

from aquatrade.event_log import Event
from sidecars.guard.bot_events import MOST_LOGS, Heard, new_events
from tests.sidecars.guard.guard_rig import START, at


def events(*numbers: int) -> list[Event]:
    return [Event(START, "dip", "state", f"event {each}", origin_seq=each) for each in numbers]


def test_events_are_kept_once_for_each_log() -> None:
    heard, until, new = new_events({}, "dip", "one", events(0, 1, 2), START)
    assert (until, [event.text for event in new]) == (2, ["event 0", "event 1", "event 2"])
    assert all(event.origin_seq is None for event in new)
    heard, until, new = new_events(heard, "dip", "one", events(1, 2, 3), START)
    assert (until, [event.text for event in new]) == (3, ["event 3"])
    assert new_events(heard, "dip", "one", events(1), START) == (heard, 3, ())
    for bot, process in (("dip", "two"), ("sma", "one")):
        _, until, new = new_events(heard, bot, process, events(1), START)
        assert (until, len(new)) == (1, 1), "another log has numbers of its own"


def test_logs_without_end_are_forgotten() -> None:
    heard: dict[str, Heard] = {}
    for number in range(MOST_LOGS + 5):
        heard, _, _ = new_events(heard, "dip", f"log {number}", events(1), at(number).at)
    assert len(heard) == MOST_LOGS
    assert "dip/log 4" not in heard
    assert "dip/log 5" in heard
