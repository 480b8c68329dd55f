"""The verdict as a whole: order of the rules, what reduces and what refuses, breakers, machine."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aquatrade.risk.judging import RULES, Scope, judge_entry
from aquatrade.risk.model import Book, Decision, Entry, Market, RiskState, Trip, Verdict
from aquatrade.risk.profile import CorrelationRule, RiskProfile, WinStreak
from tests.aquatrade.risk import cases

STOPPED = Trip(
    rule="day",
    at=cases.AT,
    value=3.2,
    limit=3.0,
    text="loss of the day 3.2 % of equity, limit 3 %",
    close="nothing",
    until=None,
)
RECOVERING = RiskState(recovery_until=cases.AT + timedelta(hours=48), recovery_factor=0.5)


def judged(
    profile: RiskProfile,
    book: Book,
    entry: Entry,
    scope: Scope,
    state: RiskState = RiskState(),  # noqa: B008
    **market: Any,
) -> Verdict:
    return judge_entry(profile, state, book, entry, replace(cases.CALM, **market), scope)


def rules(verdict: Verdict) -> list[str]:
    return [reason.rule for reason in verdict.reasons]


@pytest.mark.parametrize("scope", Scope)
def test_nothing_is_on_and_nothing_is_refused(scope: Scope) -> None:
    verdict = judge_entry(
        cases.profile(), RiskState(), cases.book(), cases.entry(), Market(), scope
    )
    assert verdict == Verdict(Decision.APPROVE, 500.0)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (
            Scope.BOT,
            ["risk", "cost", "order", "notional", "heat", "exposure", "pair", "group",
             "correlation", "cluster", "breaker", "positions", "entries_hour", "rest",
             "volatility", "recovery", "streak", "minimum"],
        ),
        (
            Scope.FLEET,
            ["heat", "exposure", "exchange", "pair", "group", "correlation", "cluster", "valve",
             "holder", "breaker", "positions", "recovery", "reserve", "minimum"],
        ),
    ],
)  # fmt: skip
def test_all_reasons_in_their_order(scope: Scope, expected: list[str]) -> None:
    profile = cases.profile(
        risk_per_trade_pct=0.05,
        max_order=215.0,
        max_cost_share_of_risk=0.1,
        max_heat_pct=6.0,
        max_exposure_pct=10.0,
        max_pair_pct=1.0,
        max_group_pct=5.0,
        max_exchange_pct=9.0,
        max_open_positions=47,
        reserve_pct=49.5,
        correlation=CorrelationRule(max_open_in_cluster=1),
        valve_minutes=60.0,
        one_bot_per_asset=True,
        max_entries_per_hour=1,
        rest_after_stop_minutes=15.0,
        max_atr_ratio=3.0,
        win_streak=WinStreak(wins=1),
    )
    held = [
        cases.position(
            "ETH/USDT:USDT",
            bot="second",
            family="trend",
            amount=1.0,
            stake=12.0,
            stop_rate=None,
            opened_at=cases.AT,
        )
    ] * 49
    book = cases.book(
        *held,
        free=4_000.0,
        exchanges=("binance", "bybit"),
        entries_at=(cases.AT,),
        closed=(cases.closed(was_stopped=True, profit=1.0),),
    )
    state = replace(RECOVERING, trips=(STOPPED,))
    entry = cases.entry(min_stake=1_000.0)
    verdict = judged(profile, book, entry, scope, state, atr_ratio=3.5)
    assert rules(verdict) == expected
    assert (verdict.decision, verdict.stake) == (Decision.REJECT, 0.0)
    assert verdict.text == "; ".join(reason.text for reason in verdict.reasons)
    assert all(reason.limit is not None for reason in verdict.reasons)


def test_each_rule_is_about_what_is_left_of_the_stake() -> None:
    """10 % of the equity would be too much for a pair; what one order may be is not."""
    profile = cases.profile(max_order=500.0, max_pair_pct=5.0)
    verdict = judged(profile, cases.book(), cases.entry(stake=1_000.0), Scope.BOT)
    assert (verdict.decision, verdict.stake) == (Decision.REDUCE, 500.0)
    assert rules(verdict) == ["order"]


def test_recovery_halves_before_the_reserve_is_looked_at() -> None:
    profile = cases.profile(reserve_pct=48.0)  # 200 may go
    entry = cases.entry(stake=400.0)
    verdict = judged(profile, cases.book(), entry, Scope.FLEET, RECOVERING)
    assert (verdict.decision, verdict.stake) == (Decision.REDUCE, 200.0)
    assert verdict.text == "recovery after a breaker: stake x 0.5"
    assert judged(profile, cases.book(), entry, Scope.FLEET).decision is Decision.REJECT


@pytest.mark.parametrize("scope", Scope)
def test_recovery_ends(scope: Scope) -> None:
    over = replace(RECOVERING, recovery_until=cases.AT)
    for state, stake in ((RECOVERING, 250.0), (over, 500.0)):
        verdict = judged(cases.profile(), cases.book(), cases.entry(), scope, state)
        assert verdict.stake == stake


@pytest.mark.parametrize("factor", [0.0, -0.5, 1.5, float("nan")])
def test_a_recovery_that_makes_no_sense_refuses(factor: float) -> None:
    state = replace(RECOVERING, recovery_factor=factor)
    verdict = judged(cases.profile(), cases.book(), cases.entry(), Scope.BOT, state)
    assert (verdict.decision, verdict.stake) == (Decision.REJECT, 0.0)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize(
    ("state", "market", "rule", "text"),
    [
        (RiskState(trips=(STOPPED,)), {}, "breaker", STOPPED.text),
        (RiskState(error="the clock went back"), {}, "state", "the clock went back"),
        (RiskState(), {"kill_switch": True}, "kill", "the kill switch is on"),
        (RiskState(), {"danger": "FOMC in 20 min"}, "danger", "FOMC in 20 min"),
    ],
)
def test_what_stops_all_entries(
    scope: Scope, state: RiskState, market: dict[str, Any], rule: str, text: str
) -> None:
    for entry in (cases.entry(), cases.entry("BTC/USDT", is_increase=True)):
        book = cases.book(cases.position())
        verdict = judged(cases.profile(), book, entry, scope, state, **market)
        assert (verdict.stake, rules(verdict), verdict.text) == (0.0, [rule], text)


@pytest.mark.parametrize(
    ("limit", "market", "text"),
    [
        ({"max_atr_ratio": 3.0}, {"atr_ratio": 3.0}, ""),
        ({"max_atr_ratio": 3.0}, {"atr_ratio": 3.01}, "ATR over its mean: 3.01, limit 3"),
        ({"max_atr_ratio": 3.0}, {"atr_ratio": None}, "ATR over its mean: not known"),
        ({"max_atr_ratio": None}, {"atr_ratio": None}, ""),
        ({"max_candle_age": 2.0}, {"candle_age": 1.9}, ""),
        (
            {"max_candle_age": 2.0},
            {"candle_age": 2.5},
            "candles since the newest one closed: 2.5, limit 2",
        ),
        (
            {"max_candle_age": 2.0},
            {"candle_age": -0.5},
            "candles since the newest one closed: not known",
        ),
        ({"max_clock_skew_seconds": 1.0}, {"clock_skew_seconds": -1.0}, ""),
        (
            {"max_clock_skew_seconds": 1.0},
            {"clock_skew_seconds": -1.5},
            "seconds that the clock is off: 1.5, limit 1",
        ),
        ({"max_exchange_silence_minutes": 5.0}, {"exchange_silence_seconds": 299.0}, ""),
        (
            {"max_exchange_silence_minutes": 5.0},
            {"exchange_silence_seconds": 330.0},
            "minutes without a good answer of the exchange: 5.5, limit 5",
        ),
    ],
)
def test_market_and_machine(limit: dict[str, Any], market: dict[str, Any], text: str) -> None:
    verdict = judged(cases.profile(**limit), cases.book(), cases.entry(), Scope.BOT, **market)
    assert verdict.text == text
    assert (verdict.decision is Decision.REJECT) == bool(text)
    fleet = judged(cases.profile(**limit), cases.book(), cases.entry(), Scope.FLEET, **market)
    assert fleet.decision is Decision.APPROVE


@pytest.mark.parametrize(
    ("asked", "least", "stake"), [(500.0, 250.0, 250.0), (500.0, 250.01, 0.0), (9.0, 10.0, 0.0)]
)
@pytest.mark.parametrize("scope", Scope)
def test_under_the_exchange_s_minimum_there_is_no_entry(
    asked: float, least: float, stake: float, scope: Scope
) -> None:
    entry = cases.entry(stake=asked, min_stake=least)
    verdict = judged(cases.profile(), cases.book(), entry, scope, RECOVERING)
    assert verdict.stake == stake
    assert (rules(verdict)[-1] == "minimum") == (stake <= 0)


def test_what_is_smaller_than_any_step_is_nothing() -> None:
    profile = cases.profile(risk_per_trade_pct=1e-12)
    verdict = judged(profile, cases.book(), cases.entry(), Scope.BOT)
    assert (verdict.decision, verdict.stake) == (Decision.REJECT, 0.0)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"stop_rate": 50.0}, "stop 50.0 of a long at 50.0, expected a price on the losing side"),
        ({"stop_rate": 51.0}, "stop 51.0 of a long at 50.0, expected a price on the losing side"),
        (
            {"side": "short"},
            "stop 49.0 of a short at 50.0, expected a price on the losing side",
        ),
        ({"stake": 0.0}, "stake 0.0, expected an amount above 0"),
        ({"leverage": 0.0}, "leverage 0.0, expected a number above 0"),
    ],
)
def test_an_entry_that_makes_no_sense_says_so(changes: dict[str, Any], text: str) -> None:
    verdict = judged(cases.profile(), cases.book(), cases.entry(**changes), Scope.BOT)
    assert (verdict.decision, verdict.text) == (Decision.REJECT, text)


def test_the_lab_s_reserve_and_the_quant_s_limits() -> None:
    """The numbers of the profiles as they are written: quant, 5,000 of equity."""
    quant = cases.profile(
        risk_per_trade_pct=2.0,
        max_exposure_pct=60.0,
        max_pair_pct=20.0,
        max_group_pct=35.0,
        reserve_pct=20.0,
        max_order=500.0,
        max_open_positions=3,
    )
    book = cases.book(equity=5_000.0, free=5_000.0)
    entry = cases.entry("BTC/USDT", stake=2_500.0)  # 1 % at a stop of 2 %
    assert judged(quant, book, entry, Scope.BOT).stake == 500.0
    assert judged(quant, book, replace(entry, stake=1_000.0), Scope.FLEET).stake == 1_000.0
    assert rules(judged(quant, book, replace(entry, stake=1_001.0), Scope.FLEET)) == ["pair"]
    full = replace(book, free=1_499.0)
    assert rules(judged(quant, full, replace(entry, stake=500.0), Scope.FLEET)) == ["reserve"]


def test_every_rule_is_asked_once() -> None:
    for scope in Scope:
        assert len(set(RULES[scope])) == len(RULES[scope])
