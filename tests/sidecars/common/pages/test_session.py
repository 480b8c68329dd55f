"""Sessions, wrong tokens, and where a form comes from."""

from datetime import UTC, datetime, timedelta

from sidecars.common.clock import ManualClock
from sidecars.common.pages.session import (
    MOST_SESSIONS,
    LoginGuard,
    Sessions,
    comes_from_here,
)

NOW = datetime(2024, 3, 14, 9, 30, tzinfo=UTC)
TOKEN = "0123456789abcdef"


def test_an_origin_behind_a_proxy_that_ends_tls() -> None:
    host = {"Host": "monitor.example"}
    assert comes_from_here({**host, "Origin": "https://monitor.example"})
    assert comes_from_here({**host, "Origin": "http://monitor.example"})
    assert comes_from_here({"Host": "monitor.example:443", "Origin": "https://monitor.example"})
    assert not comes_from_here({**host, "Origin": "https://monitor.example:8443"})
    assert not comes_from_here({**host, "Origin": "https://monitor.example.evil.example"})
    assert not comes_from_here({**host, "Origin": "chrome-extension://monitor.example"})
    assert not comes_from_here({"Origin": "https://monitor.example"})
    assert not comes_from_here({**host, "Origin": "http://[::1"})


def test_sessions_are_bounded_and_strangers_to_each_other() -> None:
    sessions = Sessions(ManualClock(NOW))
    opened = [sessions.open() for _ in range(MOST_SESSIONS + 1)]
    assert len(set(opened)) == len(opened)
    assert not sessions.is_open(opened[0])
    assert all(sessions.is_open(session) for session in opened[1:])
    sessions.close(opened[1])
    assert not sessions.is_open(opened[1])
    assert sessions.is_open(opened[2])
    for nothing in (None, "", "x", "\udcff"):
        assert not sessions.is_open(nothing)


async def test_wrong_tokens_slide_out_of_the_minute_one_by_one() -> None:
    clock = ManualClock(NOW)
    guard = LoginGuard(TOKEN, clock)
    for second in range(5):
        await clock.move_to(NOW + timedelta(seconds=10 * second))
        assert guard.wait_seconds() == 0
        assert not guard.accepts("wrong")
    assert guard.wait_seconds() == 20
    await clock.move_to(NOW + timedelta(seconds=60))
    assert guard.wait_seconds() == 0
    assert not guard.accepts("wrong")
    assert guard.wait_seconds() == 10
    await clock.move_to(NOW + timedelta(seconds=70))
    assert guard.accepts(TOKEN)
    assert guard.wait_seconds() == 0
