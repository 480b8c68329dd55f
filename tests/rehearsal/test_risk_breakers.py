"""Every breaker of one bot, tripped and resumed in a live bot's own process.

One evening on a market that was made for it: a Sunday that ends a month, so that at midnight a
day, a week and a month begin.
"""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.rehearsal.breaker_night import (
    CALM,
    EVENING,
    FALLING,
    LAST,
    LIVELY,
    LOSING,
    LOSING_PAIRS,
    MINUTE,
    OTHER_TWIN,
    PATIENCE_SECONDS,
    RISE,
    SECOND,
    SILENT_CLOCK,
    STAKE,
    STEADY,
    STEADY_PAIRS,
    TWIN,
    WATCHFUL,
    WILD_MINUTE,
    WRONG_CLOCK,
    at,
    market,
    sized,
)  # fmt: skip
from tests.rehearsal.fleet_rig import FleetRig
from tests.rehearsal.probe_hands import Probe, rules_of, said
from tests.rehearsal.scripted_process import scripted_scores

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetRig]:
    folder = tmp_path_factory.mktemp("breakers")
    pairs = (*STEADY_PAIRS, *LOSING_PAIRS)
    with FleetRig(folder, market(folder / "data"), pairs, EVENING) as rig:
        scores = {
            "url": scripted_scores(rig),
            "filter": True,
            "threshold": 78,
            "timeout_seconds": 5.0,
        }
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
    is_refused_in_the_end(losing, ["clock", "exchange_silence"])  # unknown is no good news
    rig.exchange.forget_faults()
    rig.exchange.tell("faults", WRONG_CLOCK)
    is_refused_in_the_end(losing, ["clock"])
    rig.exchange.forget_faults()
    for _ in range(PATIENCE_SECONDS):
        time.sleep(1.0)
        rig.run_candles(2)  # awake, the bot has the exchange's time
        losing.wish(enter=[CALM])
        if losing.held():
            break
    losing.leave(CALM)


def is_refused_in_the_end(losing: Probe, rules: list[str]) -> None:
    """By these rules and no others, once the bot has asked the exchange for its time again."""
    for _ in range(PATIENCE_SECONDS):
        if rules_of(losing.is_refused(CALM, rules[0])) == rules:
            return
        time.sleep(1.0)
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
