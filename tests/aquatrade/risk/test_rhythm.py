"""When and how often: overtrading, revenge, the valve between bots, streaks, quiet hours."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.risk.judging import Scope, judge_entry
from aquatrade.risk.model import Book, Decision, Entry, RiskState, Side, Verdict
from aquatrade.risk.profile import QuietHours, WinStreak
from aquatrade.risk.rhythm import entries_within, is_quiet, wins_in_a_row
from tests.aquatrade.risk import cases


def judged(book: Book, entry: Entry, scope: Scope = Scope.BOT, **limits: Any) -> Verdict:
    profile = cases.profile(**limits)
    return judge_entry(profile, RiskState(), book, entry, cases.CALM, scope)


def rules(verdict: Verdict) -> list[str]:
    return [reason.rule for reason in verdict.reasons]


def minutes_before(*minutes: float) -> tuple[datetime, ...]:
    return tuple(cases.AT - timedelta(minutes=one) for one in sorted(minutes, reverse=True))


@given(st.lists(st.integers(-30, 3000), max_size=80), st.integers(1, 1440))
def test_entries_are_counted_as_by_hand(minutes: list[int], span: int) -> None:
    expected = sum(one < span for one in minutes)
    moments = minutes_before(*minutes)
    assert entries_within(moments, cases.AT, timedelta(minutes=span)) == expected


@pytest.mark.parametrize(
    ("minutes", "refused_by"),
    [
        ((61, 60, 59, 1), []),  # the last two are within the hour
        ((59, 30, 1), ["entries_hour"]),
        ((1430, 1000, 900, 800, 700), ["entries_day"]),
        ((1440, 1000, 900, 800, 700), []),
        ((1000, 900, 30, 20, 10), ["entries_hour", "entries_day"]),
    ],
)
def test_overtrading(minutes: tuple[int, ...], refused_by: list[str]) -> None:
    book = cases.book(cases.position("ETH/USDT"), entries_at=minutes_before(*minutes))
    limits: dict[str, Any] = {"max_entries_per_hour": 3, "max_entries_per_day": 5}
    assert rules(judged(book, cases.entry(), **limits)) == refused_by
    assert rules(judged(book, cases.entry(is_increase=True), **limits)) == refused_by
    assert rules(judged(book, cases.entry(), Scope.FLEET, **limits)) == []


@pytest.mark.parametrize(
    ("changes", "is_refused"),
    [
        ({"minutes_ago": 14.9}, True),
        ({"minutes_ago": 15.0}, False),
        ({"minutes_ago": -3.0}, True),  # a clock that is behind
        ({"was_stopped": False}, False),
        ({"pair": "BTC/USDT"}, False),
    ],
)
def test_rest_after_a_stop(changes: dict[str, Any], is_refused: bool) -> None:
    stopped = cases.closed(**({"was_stopped": True, "profit": -1.0} | changes))
    later = cases.closed("SOL/USDT", minutes_ago=0.0)
    book = cases.book(closed=(stopped, later))
    verdict = judged(book, cases.entry(), rest_after_stop_minutes=15.0)
    assert rules(verdict) == ["rest"] * is_refused
    held = cases.book(cases.position("ETH/USDT"), closed=(stopped,))
    increase = cases.entry(is_increase=True)
    assert rules(judged(held, increase, rest_after_stop_minutes=15.0)) == []


OTHER = {"bot": "second", "family": "trend"}


@pytest.mark.parametrize(
    ("held", "is_refused"),
    [
        (OTHER | {"opened_at": cases.AT - timedelta(minutes=59)}, True),
        (OTHER | {"opened_at": cases.AT - timedelta(minutes=60)}, False),
        (OTHER | {"pending_stake": 0.5}, True),  # an open entry order, however old the trade
        (OTHER | {"last_entry_at": cases.AT - timedelta(minutes=59)}, True),  # an increase
        (OTHER | {"last_entry_at": cases.AT - timedelta(minutes=60)}, False),
        (OTHER | {"opened_at": cases.AT, "pair": "ETH/USDT:USDT"}, True),
        (OTHER | {"opened_at": cases.AT, "pair": "BTC/USDT"}, False),
        (OTHER | {"opened_at": cases.AT, "side": Side.SHORT, "stop_rate": 103.0}, True),
        ({"opened_at": cases.AT}, False),  # the bot itself
        ({"bot": "second", "family": "grid", "opened_at": cases.AT}, False),
        # The other leg of a hedge.
        (
            {"bot": "second", "opened_at": cases.AT, "side": Side.SHORT, "stop_rate": 103.0},
            False,
        ),
        ({"bot": "second", "opened_at": cases.AT}, True),  # the same leg of another bot
    ],
)
def test_the_valve(held: dict[str, Any], is_refused: bool) -> None:
    book = cases.book(cases.position(**({"pair": "ETH/USDT"} | held)))
    entry = cases.entry(stake=100.0)
    verdict = judged(book, entry, Scope.FLEET, valve_minutes=60.0)
    assert rules(verdict) == ["valve"] * is_refused
    if is_refused:
        (reason,) = verdict.reasons
        minutes = 59 if "59" in reason.text else 0
        assert reason.text == f"second entered ETH {minutes} min ago, valve of 60 min"
        assert reason.value == pytest.approx(minutes)
    assert rules(judged(book, entry, Scope.BOT, valve_minutes=60.0)) == []
    grid = cases.entry(stake=100.0, family="grid", bot="third")
    assert rules(judged(book, grid, Scope.FLEET, valve_minutes=60.0)) == []


@pytest.mark.parametrize(
    ("held", "is_refused"),
    [
        (OTHER | {"opened_at": cases.AT - timedelta(days=40)}, True),
        (OTHER | {"pair": "ETH/USDT:USDT"}, True),
        (OTHER | {"pair": "BTC/USDT"}, False),
        ({}, False),  # the bot itself
        (OTHER | {"family": "grid"}, False),
        ({"bot": "second", "side": Side.SHORT, "stop_rate": 103.0}, False),  # a hedge's other leg
    ],
)
def test_one_bot_holds_an_asset(held: dict[str, Any], is_refused: bool) -> None:
    book = cases.book(cases.position(**({"pair": "ETH/USDT"} | held)))
    entry = cases.entry(stake=100.0)
    verdict = judged(book, entry, Scope.FLEET, one_bot_per_asset=True)
    assert rules(verdict) == ["holder"] * is_refused
    assert rules(judged(book, entry, Scope.BOT, one_bot_per_asset=True)) == []
    grid = cases.entry(stake=100.0, family="grid", bot="third")
    assert rules(judged(book, grid, Scope.FLEET, one_bot_per_asset=True)) == []


@pytest.mark.parametrize(
    ("changes", "is_refused"),
    [
        ({"bot": "second", "opened_at": cases.AT - timedelta(minutes=40)}, True),
        ({"bot": "second", "opened_at": cases.AT - timedelta(minutes=60)}, False),
        ({"bot": "second", "minutes_ago": 60.0}, False),
        ({"bot": "second"}, True),  # nobody knows when it was opened
        ({"bot": "second", "minutes_ago": 61.0}, False),
        ({"bot": "second", "family": "grid"}, False),
        ({"bot": "second", "family": "dip", "side": Side.SHORT}, False),
        ({"bot": "second", "family": "dip", "side": Side.LONG}, True),
        ({"bot": "first"}, False),
        ({"bot": "second", "pair": "BTC/USDT"}, False),
    ],
)
def test_the_valve_remembers_what_is_closed(changes: dict[str, Any], is_refused: bool) -> None:
    book = cases.book(closed=(cases.closed(**changes), cases.closed("SOL/USDT", 1.0)))
    verdict = judged(book, cases.entry(), Scope.FLEET, valve_minutes=60.0)
    assert rules(verdict) == ["valve"] * is_refused


def test_an_increase_goes_through_the_valve() -> None:
    mine = cases.position("ETH/USDT")
    other = cases.position("ETH/USDT", bot="second", family="trend", opened_at=cases.AT)
    increase = cases.entry(is_increase=True)
    assert rules(judged(cases.book(mine, other), increase, Scope.FLEET, valve_minutes=60.0)) == []


@given(st.lists(st.tuples(st.booleans(), st.sampled_from((-2.0, 0.0, 3.0))), max_size=30))
def test_wins_in_a_row_as_by_hand(trades: list[tuple[bool, float]]) -> None:
    closed = tuple(
        cases.closed(bot="first" if own else "second", profit=profit) for own, profit in trades
    )
    own = "".join("w" if profit > 0 else "l" for is_own, profit in trades if is_own)
    streak = len(own) - len(own.rstrip("w"))
    assert wins_in_a_row(closed, "first", 100) == streak
    assert wins_in_a_row(closed, "first", 4) == min(streak, 4)


@pytest.mark.parametrize(
    ("profits", "stake"),
    [
        ((1, 1, 1, 1), 500.0),
        ((1, 1, 1, 1, 1), 250.0),
        ((1, 1, 1, 1, 1, 1, 1), 250.0),
        ((1, 1, 1, 1, 1, -1), 500.0),
        ((1, 1, 0, 1, 1, 1), 500.0),
    ],
)
def test_half_the_stake_after_five_wins(profits: tuple[int, ...], stake: float) -> None:
    book = cases.book(closed=tuple(cases.closed(profit=float(one)) for one in profits))
    verdict = judged(book, cases.entry(), win_streak=WinStreak())
    assert verdict.stake == pytest.approx(stake)
    assert rules(verdict) == ["streak"] * (stake < 500)
    assert judged(book, cases.entry(bot="second"), win_streak=WinStreak()).stake == 500.0
    whole = judged(book, cases.entry(), win_streak=WinStreak(factor=1.0))
    assert whole == Verdict(Decision.APPROVE, 500.0)


@pytest.mark.parametrize(
    ("hour", "minute", "quiet"),
    [
        (3, 59, False),
        (4, 0, True),
        (7, 59, True),
        (8, 0, False),
        (19, 59, False),
        (20, 0, True),
        (23, 59, True),
        (0, 0, False),
    ],
)
def test_quiet_hours_need_five_points_more(hour: int, minute: int, quiet: bool) -> None:
    at = cases.AT.replace(hour=hour, minute=minute)
    assert is_quiet(QuietHours(), at) == quiet
    assert is_quiet(QuietHours(), at.astimezone(timezone(timedelta(hours=9)))) == quiet
    book = cases.book(at=at)
    for score, needed, is_refused in (
        (69.9, 65.0, quiet),
        (70.0, 65.0, False),
        (84.0, 80.0, quiet),
        (85.0, 80.0, False),
        (None, 65.0, quiet),  # it needs a score and has none
        (None, None, False),
        (10.0, None, False),
    ):
        entry = cases.entry(score=score, score_needed=needed)
        verdict = judged(book, entry, quiet_hours=QuietHours())
        assert (verdict.decision is Decision.REJECT) == is_refused, (score, needed)
        assert rules(verdict) == ["hours"] * is_refused


def test_a_window_may_go_over_midnight() -> None:
    rule = QuietHours(windows=[(22, 2)])
    day = datetime(2024, 5, 14, tzinfo=UTC)
    hours = [hour for hour in range(24) if is_quiet(rule, day.replace(hour=hour))]
    assert hours == [0, 1, 22, 23]
