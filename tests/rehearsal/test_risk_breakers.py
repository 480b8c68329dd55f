"""Every breaker of one bot, tripped and resumed in a live bot's own process.

One evening on a market that was made for it: a Sunday that ends a month, so that at midnight a
day, a week and a month begin.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.fleet_market import (
    DAY_MINUTES,
    WOBBLE,
    candles,
    moved,
    quiet_path,
    write_market,
)
from tests.rehearsal.fleet_rig import FleetRig
from tests.rehearsal.probe_hands import Probe, rules_of, said
from tests.rehearsal.scripted_process import scripted_scores

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]

MARKET_STARTS = datetime(2024, 3, 28, tzinfo=UTC)
EVENING = datetime(2024, 3, 31, 22, 50, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MINUTES = 4 * DAY_MINUTES + 60
STAKE = 300.0
CAPITAL = 1000.0
DROP_PCT = -5.0
# Of the bot that enters too much: two that move together, and one to which things happen.
TWIN, OTHER_TWIN, LIVELY = STEADY_PAIRS = ("TWA/USDT", "TWB/USDT", "LIV/USDT")
LIVELY_WOBBLE = 0.001
WILD_MINUTE = (23, 12)
RISE = (23, 30)
# Of the bot that loses; the first one falls twice.
FALLING, SECOND, CALM, LAST = LOSING_PAIRS = tuple(f"LS{letter}/USDT" for letter in "ABCD")
FALLS: dict[str, tuple[tuple[int, int], ...]] = {
    LIVELY: ((23, 21),),
    FALLING: ((23, 53), (24, 15)),
    SECOND: ((24, 4),),
    LAST: ((24, 5),),
}
OFF: dict[str, Any] = {
    "max_atr_ratio": None,
    "max_clock_skew_seconds": None,  # asleep, a bot's clock waits for the exchange's to jump
    "max_exchange_silence_minutes": None,
    "rest_after_stop_minutes": None,
}
STEADY: dict[str, Any] = {
    **OFF,
    "name": "steady",
    "correlation": {"hours": 48, "block_above": 0.85, "link_above": 0.7},
    "max_open_positions": 2,
    "max_entries_per_hour": 17,
    "rest_after_stop_minutes": 5.0,
    "win_streak": {"wins": 2, "factor": 0.5},
    "quiet_hours": {"windows": [[22, 23]], "extra_points": 5.0},
    "max_atr_ratio": 3.0,
}
LOSING: dict[str, Any] = {
    **OFF,
    "name": "losing",
    "day": {
        "limit_pct": 1.0,
        "close": "nothing",
        "resume": "after_hours",
        "off_hours": 0.05,
        "recovery_hours": 0.05,
        "recovery_factor": 0.5,
    },
    "week": {"limit_pct": 2.5, "close": ["probe"], "resume": "by_hand"},
    "month": {"limit_pct": 4.0, "close": "all", "resume": "config_change"},
}


# For the bot's second life. It asks the exchange for its time in real seconds, ten after a failure.
WATCHFUL = {"max_exchange_silence_minutes": 0.1, "max_clock_skew_seconds": 3.0}
SILENT_CLOCK = {"kind": "server_error", "match": {"path": "/api/v3/time"}}
WRONG_CLOCK = {"kind": "clock_skew", "parameters": {"offset_ms": 5000}}
PATIENCE_SECONDS = 15


def at(hour: int, minute: int) -> datetime:
    """A moment of that night; hours from 24 on are those after midnight."""
    return EVENING.replace(hour=0, minute=0) + timedelta(hours=hour, minutes=minute)


def minute_of(hour: int, minute: int) -> int:
    return (at(hour, minute) - MARKET_STARTS) // MINUTE


def market(folder: Path) -> Path:
    """Quiet pairs, but for what each of them is there for."""
    frames = {}
    for number, pair in enumerate((*STEADY_PAIRS, *LOSING_PAIRS)):
        wobble = LIVELY_WOBBLE if pair == LIVELY else WOBBLE
        path = quiet_path(0 if pair == OTHER_TWIN else number, MINUTES, wobble)
        for fall in FALLS.get(pair, ()):
            path = moved(path, minute_of(*fall), 1, DROP_PCT)
        if pair == LIVELY:
            path = moved(path, minute_of(*RISE), 12, 7.0)
        wide = {minute_of(*WILD_MINUTE): 0.035} if pair == LIVELY else None
        frames[pair] = candles(path, number, wide, MARKET_STARTS)
    return write_market(folder, frames)


def sized(risk: dict[str, Any], **section: Any) -> dict[str, Any]:
    return {
        "available_capital": CAPITAL,
        "aquatrade": {
            "sizing": {"method": "fixed", "stake_usd": STAKE},
            "risk": risk,
            **section,
        },
    }


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetRig]:
    folder = tmp_path_factory.mktemp("breakers")
    pairs = (*STEADY_PAIRS, *LOSING_PAIRS)
    with FleetRig(folder, market(folder / "data"), pairs, EVENING) as rig:
        scores = {"url": scripted_scores(rig), "filter": True, "threshold": 78}
        limits = {**STEADY, "kill_file": str(rig.road.folder / "kill")}
        rig.add_bot("steady", sized(limits, scores=scores), STEADY_PAIRS)
        rig.add_bot("losing", sized(LOSING), LOSING_PAIRS)
        rig.start_bots()
        yield rig


@pytest.fixture
def steady(rig: FleetRig) -> Probe:
    return Probe(rig, "steady")


@pytest.fixture
def losing(rig: FleetRig) -> Probe:
    rig.run_to(at(23, 49) + MINUTE / 2)
    return Probe(rig, "losing")


def test_quiet_hours_need_a_better_score(rig: FleetRig, steady: Probe) -> None:
    verdict = steady.is_refused(LIVELY, "hours")
    reason = said(verdict)["reasons"][0]
    assert (reason["value"], reason["limit"]) == (80.0, 83.0)
    rig.run_to(at(22, 59) + MINUTE / 2)
    steady.enter(LIVELY)
    steady.leave(LIVELY)


def test_what_moves_together_is_one_bet(steady: Probe) -> None:
    steady.enter(TWIN)
    steady.is_refused(OTHER_TWIN, "correlation")
    steady.leave(TWIN)
    steady.enter(OTHER_TWIN)
    steady.leave(OTHER_TWIN)


def test_no_more_positions_than_allowed(steady: Probe) -> None:
    steady.enter(TWIN, LIVELY)
    steady.is_refused(OTHER_TWIN, "positions")
    steady.leave(TWIN)
    steady.enter(OTHER_TWIN)
    steady.leave(OTHER_TWIN, LIVELY)


def test_a_wild_pair_is_skipped(rig: FleetRig, steady: Probe) -> None:
    rig.run_to(at(*WILD_MINUTE) + MINUTE / 2)
    steady.is_refused(LIVELY, "volatility")
    steady.enters_when_it_may(LIVELY, 8)
    steady.leave(LIVELY)


def test_no_revenge_after_a_stop(rig: FleetRig, steady: Probe) -> None:
    rig.run_to(at(23, 19) + MINUTE / 2)
    steady.enter(LIVELY)
    rig.run_to(at(23, 22) + MINUTE / 2)
    assert steady.held() == [], "the stop was hit"
    steady.is_refused(LIVELY, "rest")
    assert 3 <= steady.enters_when_it_may(LIVELY, 8) <= 5
    steady.leave(LIVELY)


def test_wins_in_a_row_make_stakes_smaller(rig: FleetRig, steady: Probe) -> None:
    rig.run_to(at(*RISE) + MINUTE / 2)
    for _ in range(2):
        steady.enter(LIVELY)
        assert steady.stake_of(LIVELY) == pytest.approx(STAKE, rel=0.01)
        steady.leave(LIVELY)
    assert steady.is_reduced(TWIN, "streak") == pytest.approx(STAKE / 2, rel=0.01)
    steady.leave(TWIN)  # it loses its fees
    steady.enter(TWIN)
    assert steady.stake_of(TWIN) == pytest.approx(STAKE, rel=0.01)
    steady.leave(TWIN)


def test_the_kill_file_stops_entries_until_it_is_gone(rig: FleetRig, steady: Probe) -> None:
    kill_file = rig.road.folder / "kill"
    steady.enter(TWIN)
    kill_file.touch()
    steady.wish(enter=[LIVELY])
    assert steady.held() == [TWIN]
    assert len(steady.locks()) == 1
    steady.leave(TWIN)
    kill_file.unlink()
    steady.enter(TWIN)
    steady.leave(TWIN)
    assert len(steady.events("kill")) == 2


def test_overtrading_is_stopped_by_the_hour(rig: FleetRig, steady: Probe) -> None:
    for _ in range(20):
        steady.wish(enter=[TWIN])
        if not steady.held():
            break
        steady.leave(TWIN)
    steady.is_refused(TWIN, "entries_hour")
    assert entries_of_last_hour(rig, steady) == STEADY["max_entries_per_hour"]


def entries_of_last_hour(rig: FleetRig, probe: Probe) -> int:
    since_ms = (rig.conductor.now() - timedelta(hours=1)).timestamp() * 1000
    return sum(
        order["side"] == "BUY"
        and order["created_ms"] > since_ms
        and order["client_order_id"].startswith(probe.bot.client_id_prefix)
        for order in rig.orders()
    )


def tripped(probe: Probe, rule: str) -> bool:
    """Whether the bot's newest trip is of this rule, with an event and a lock that say so."""
    events = probe.events("trip")
    if not events or events[-1].data["rule"] != rule:
        return False
    event = events[-1]
    assert event.data["value"] >= event.data["limit"]
    return any(event.text[:60] in str(lock["reason"]) for lock in probe.locks())


def resumed(probe: Probe) -> list[str]:
    return [event.data["rule"] for event in probe.events("resume")]


def unlock(probe: Probe) -> None:
    """As a person does in FreqUI: every lock that a trip without an end has made."""
    for lock in probe.locks():
        if lock["lock_end_time"].startswith("2100"):
            probe.bot.drop(f"locks/{lock['id']}")


def test_a_daily_loss_pauses_and_comes_back_smaller(rig: FleetRig, losing: Probe) -> None:
    losing.enter(FALLING, SECOND)
    losing.wish(enter=[CALM], resting=True)
    assert len(losing.open_orders()) == 1
    rig.run_to(at(23, 55) + MINUTE / 2)
    assert tripped(losing, "day"), losing.story()
    assert losing.held() == [SECOND], "one was stopped, the other stays"
    assert losing.open_orders() == [], "the entry order was cancelled"
    losing.wish(enter=[LAST])
    assert losing.held() == [SECOND]
    losing.enters_when_it_may(CALM, 4)
    assert losing.stake_of(CALM) == pytest.approx(STAKE / 2, rel=0.01)
    assert resumed(losing) == ["day"]
    rig.run_to(at(24, 2) + MINUTE / 2)
    assert len(losing.events("recovery_end")) == 1
    losing.enter(LAST)
    assert losing.stake_of(LAST) == pytest.approx(STAKE, rel=0.01)


def test_a_weekly_loss_closes_and_waits_for_a_person(rig: FleetRig, losing: Probe) -> None:
    assert losing.held() == [SECOND, CALM, LAST]
    rig.run_to(at(24, 7) + MINUTE / 2)
    assert tripped(losing, "week"), losing.story()
    assert losing.held() == [], "two were stopped, the third was closed at market"
    losing.wish(enter=[CALM])
    assert losing.held() == []
    unlock(losing)
    rig.run_to(at(24, 12) + MINUTE / 2)
    assert sorted(resumed(losing)[1:]) == ["day", "week"], "the shorter pause ended by itself"
    losing.enter(FALLING, CALM)


def test_a_monthly_loss_asks_for_another_config(rig: FleetRig, losing: Probe) -> None:
    assert losing.held() == [FALLING, CALM]
    rig.run_to(at(24, 17) + MINUTE / 2)
    assert tripped(losing, "month"), losing.story()
    assert losing.held() == []
    unlock(losing)
    rig.run_candles(1)
    assert tripped(losing, "month"), "no hand lifts it while the limits are the same"
    rig.stop("losing")
    month = {**LOSING["month"], "limit_pct": 20.0}
    rig.add_bot("losing", sized({**LOSING, **WATCHFUL, "month": month}), LOSING_PAIRS)
    rig.exchange.tell("faults", SILENT_CLOCK)
    rig.start_bots("losing")
    rig.run_candles(1)
    assert resumed(losing)[-1] == "month"
    rig.run_until(lambda: not losing.locks())  # the day's pause ends by itself


def test_an_exchange_that_is_silent_and_a_clock_that_is_off(rig: FleetRig, losing: Probe) -> None:
    time.sleep(60.0 * WATCHFUL["max_exchange_silence_minutes"])
    verdict = losing.is_refused(CALM, "exchange_silence")
    assert "clock" in rules_of(verdict), "what is not known is no good news"
    rig.exchange.forget_faults()
    rig.exchange.tell("faults", WRONG_CLOCK)
    refused_by_the_clock_alone(losing)
    rig.exchange.forget_faults()
    for _ in range(PATIENCE_SECONDS):
        time.sleep(1.0)
        rig.run_candles(2)  # awake, the bot has the exchange's time
        losing.wish(enter=[CALM])
        if losing.held():
            break
    losing.leave(CALM)


def refused_by_the_clock_alone(losing: Probe) -> None:
    for _ in range(PATIENCE_SECONDS):
        time.sleep(1.0)
        if rules_of(losing.is_refused(CALM, "clock")) == ["clock"]:
            return
    raise AssertionError(losing.story())


def test_an_hour_later_there_may_be_entries_again(rig: FleetRig, steady: Probe) -> None:
    rig.run_to(at(24, 17))
    assert entries_of_last_hour(rig, steady) < STEADY["max_entries_per_hour"]
    steady.enter(TWIN)
    steady.leave(TWIN)


def test_the_books_agree_after_that_night(rig: FleetRig) -> None:
    agreement = rig.settle()
    assert agreement.disagreements == ()
    assert all("Traceback" not in rig.log(name) for name in rig.bots)
