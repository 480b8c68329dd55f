"""The checks on values: what counts as good, as wrong and as not known, to the last edge."""

import time
from typing import Any

import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.live_confirmations import LiveConfirmations
from aquatrade.preflight_asking import Asked, NoAnswerError, Unknown
from aquatrade.preflight_exchange import (
    ClockReading,
    ExchangeAnswers,
    KeyRefused,
    fault,
    wanted_pairs,
)
from aquatrade.preflight_exchange_checks import (
    check_capital,
    check_clock,
    check_fees,
    check_key,
    check_min_orders,
    check_pairs,
)
from aquatrade.preflight_findings import (
    Finding,
    Nature,
    Outcome,
    Start,
    blocking,
    decide,
    ok,
    refused,
    unknown,
    warning,
)
from aquatrade.preflight_live import check_production
from aquatrade.preflight_services import Health, Sidecar, check_health

RIGHTS = {
    "ipRestrict": True, "enableReading": True, "enableWithdrawals": False, "enableMargin": False,
    "enableInternalTransfer": False, "permitsUniversalTransfer": False, "enableFutures": False,
    "enableVanillaOptions": False, "enablePortfolioMarginTrading": False,
    "enableSpotAndMarginTrading": True,
}  # fmt: skip
NOTHING_CONFIRMED = LiveConfirmations()


def answers(**changes: Any) -> ExchangeAnswers:
    return ExchangeAnswers("Binance", tradable=frozenset({"BTC/USDT", "ETH/USDT"}), **changes)


def outcomes(findings: Any) -> list[Outcome]:
    return [finding.outcome for finding in findings]


@given(
    outcome=st.lists(st.sampled_from(Outcome), max_size=4),
    nature=st.sampled_from(Nature),
    real=st.booleans(),
    holds=st.booleans(),
)
def test_what_findings_allow(
    outcome: list[Outcome], nature: Nature, real: bool, holds: bool
) -> None:
    findings = [Finding("check", each, "text", nature) for each in outcome]
    start = decide(blocking(findings, real_orders=real), holds_trades=holds)
    bad = Outcome.REFUSED in outcome or (real and Outcome.UNKNOWN in outcome)
    if not bad:
        assert start is Start.GO
    elif not holds or nature is Nature.FATAL:
        assert start is Start.NO
    else:
        assert start is (Start.GO if nature is Nature.PASSING else Start.EXITS_ONLY)


def test_the_gravest_of_several_findings_decides() -> None:
    passing, lasting = unknown("a", "down"), refused("b", "no")
    fatal = refused("c", "no", Nature.FATAL)
    assert decide([passing, lasting], holds_trades=True) is Start.EXITS_ONLY
    assert decide([passing, lasting, fatal], holds_trades=True) is Start.NO
    assert blocking([ok("a", ""), warning("b", "")], real_orders=True) == []


def test_a_finding_is_one_line_of_bounded_length() -> None:
    line = refused("check", "one\ntwo " + "x" * 10_000).line
    assert line.startswith("refused check: one two xxx")
    assert "\n" not in line
    assert len(line) < 500


def test_a_question_that_hangs_fails_or_refuses_has_an_answer_in_time() -> None:
    def refuse() -> int:
        raise NoAnswerError("it says why")

    def hang() -> int:
        time.sleep(5.0)
        return 1

    def fail() -> int:
        raise ZeroDivisionError("one\ntwo")

    soon = time.monotonic() + 0.2
    hanging = Asked(hang, "hanging")
    assert Asked(lambda: 7, "quick").answer(soon) == 7
    assert Asked(refuse, "refusing").answer(soon) == Unknown("it says why")
    assert Asked(fail, "failing").answer(soon) == Unknown("ZeroDivisionError: one two")
    started = time.monotonic()
    assert hanging.answer(soon) == Unknown("no answer in time")
    assert hanging.answer(soon) == Unknown("no answer in time")  # the deadline is behind us
    assert time.monotonic() - started < 1.0


@pytest.mark.parametrize(
    ("skew", "doubt", "limit", "expected"),
    [
        (0.9, 0.05, 1.0, Outcome.OK),
        (-0.9, 0.05, 1.0, Outcome.OK),
        (1.2, 0.1, 1.0, Outcome.REFUSED),
        (-1.2, 0.1, 1.0, Outcome.REFUSED),
        (0.9, 0.2, 1.0, Outcome.UNKNOWN),
        (1.1, 0.2, 1.0, Outcome.UNKNOWN),
        (9.0, 0.0, None, Outcome.WARNING),
    ],
)
def test_the_clock(skew: float, doubt: float, limit: float | None, expected: Outcome) -> None:
    (found,) = check_clock(answers(clock=ClockReading(skew, doubt)), limit)
    assert found.outcome is expected
    assert ("behind" if skew > 0 else "ahead of") in found.text


def test_a_smallest_order_of_just_the_stake_is_fine() -> None:
    told = answers(wanted=("BTC/USDT",), min_stakes={"BTC/USDT": 10.0})
    assert outcomes(check_min_orders(told, 10.0, "USDT")) == [Outcome.OK]
    assert outcomes(check_min_orders(told, 9.99, "USDT")) == [Outcome.REFUSED]
    assert outcomes(check_min_orders(told, Unknown("no idea"), "USDT")) == [Outcome.UNKNOWN]
    unpriced = answers(wanted=("BTC/USDT", "ETH/USDT"), min_stakes={"BTC/USDT": 10.0})
    (found,) = check_min_orders(unpriced, 10.0, "USDT")
    assert found.text == "no price for ETH/USDT on Binance"


def test_a_listed_pair_that_is_not_traded_now() -> None:
    told = answers(wanted=("OLD/USDT",), halted=frozenset({"OLD/USDT"}))
    (found,) = check_pairs(told)
    assert "OLD/USDT is not traded on Binance at the moment" in found.text


def test_patterns_stand_for_what_is_listed_without_what_is_barred() -> None:
    section = {"pair_whitelist": ["B.*/USDT", "ETH/USDT", "X.*/USDT"], "pair_blacklist": ["BNB/.*"]}
    wanted = wanted_pairs(section, ["BTC/USDT", "BNB/USDT", "ETH/USDT"])
    assert wanted == ["BTC/USDT", "ETH/USDT", "X.*/USDT"]  # the last is none: refused by its name


def test_a_key_with_what_it_needs_alone() -> None:
    assert outcomes(check_key(answers(rights=RIGHTS), "spot", NOTHING_CONFIRMED)) == [Outcome.OK]
    futures = RIGHTS | {"enableFutures": True, "enableSpotAndMarginTrading": False}
    found = check_key(answers(rights=futures), "futures", NOTHING_CONFIRMED)
    assert outcomes(found) == [Outcome.OK]
    mover = RIGHTS | {"permitsUniversalTransfer": True}
    found = check_key(answers(rights=mover), "spot", NOTHING_CONFIRMED)
    assert outcomes(found) == [Outcome.WARNING, Outcome.OK]


@pytest.mark.parametrize("name", sorted(set(RIGHTS) - {"enableReading"}))
@pytest.mark.parametrize("value", [None, "false", 0])
def test_a_right_that_is_not_told_is_not_known(name: str, value: object) -> None:
    found = list(check_key(answers(rights=RIGHTS | {name: value}), "spot", NOTHING_CONFIRMED))
    assert outcomes(found) == [Outcome.UNKNOWN]
    assert name in found[0].text


def test_an_exchange_that_does_not_tell_needs_a_persons_word() -> None:
    (found,) = check_key(answers(rights=None), "spot", NOTHING_CONFIRMED)
    assert (found.outcome, found.nature) == (Outcome.UNKNOWN, Nature.LASTING)
    assert "aquatrade.live_confirmations.key_rights_checked" in found.text
    (found,) = check_key(answers(rights=None), "spot", LiveConfirmations(key_rights_checked=True))
    assert found.outcome is Outcome.OK
    (found,) = check_key(answers(rights=KeyRefused("who?")), "spot", NOTHING_CONFIRMED)
    assert found.outcome is Outcome.REFUSED


def test_the_reserve_is_held_beside_the_allotment() -> None:
    def found(held: float, allotted: float | None, reserve_pct: float) -> list[Outcome]:
        return outcomes(
            check_capital(
                answers(totals={"USDT": held}), "USDT", needed=200.0,
                available_capital=allotted, reserve_pct=reserve_pct,
            )
        )  # fmt: skip

    assert found(1000.0, 760.0, 24.0) == [Outcome.OK]
    assert found(999.0, 760.0, 24.0) == [Outcome.REFUSED]
    assert found(200.0, None, 0.0) == [Outcome.OK]
    assert found(199.0, None, 0.0) == [Outcome.REFUSED]
    assert found(200.0, None, 24.0) == [Outcome.OK, Outcome.WARNING]


def test_a_fee_above_what_the_sizing_counts_with_is_told() -> None:
    assert outcomes(check_fees(answers(taker_rate=0.002), 0.15)) == [Outcome.WARNING]
    assert outcomes(check_fees(answers(taker_rate=0.001), 0.15)) == []


def test_a_fault_tells_no_secret_and_no_query() -> None:
    section = {"key": "my-long-key", "secret": "my-long-secret", "name": "binance"}
    error = ccxt.ExchangeError("binance GET http://x/y?signature=abc my-long-key\nmy-long-secret")
    assert fault(error, section, 4.0) == "ExchangeError: GET http://x/y ... ..."
    assert (
        fault(ccxt.RequestTimeout("binance GET u"), section, 4.0) == "no answer within 4 s (GET u)"
    )


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({}, [Outcome.OK]),
        ({"sandbox": True}, [Outcome.REFUSED]),
        ({"ccxt_config": {"options": {"sandboxMode": True}}}, [Outcome.REFUSED]),
        ({"ccxt_async_config": {"sandbox": True}}, [Outcome.REFUSED]),
        ({"ccxt_sync_config": {"hostname": "elsewhere"}}, [Outcome.WARNING]),
    ],
)
def test_practice_grounds_are_no_live_trading(
    section: dict[str, Any], expected: list[Outcome]
) -> None:
    assert outcomes(check_production({"name": "binance", **section})) == expected


@pytest.mark.parametrize(
    ("status", "decides", "expected"),
    [
        ("ok", True, Outcome.OK),
        ("degraded", True, Outcome.REFUSED),
        ("degraded", False, Outcome.WARNING),
        ("starting", False, Outcome.REFUSED),
        ("", False, Outcome.REFUSED),
    ],
)
def test_a_sidecar_that_works_in_part(status: str, decides: bool, expected: Outcome) -> None:
    sidecar = Sidecar("scores", "http://127.0.0.1:8101", "/v1/pairs", "TOKEN", "secret", decides)
    (found,) = check_health(sidecar, Health(status, ("candles failing",)))
    assert found.outcome is expected
    assert "secret" not in found.text
    assert ("candles failing" in found.text) == (expected is not Outcome.OK)


def test_books_that_do_not_agree_with_the_exchange() -> None:
    sidecar = Sidecar("guard", "http://127.0.0.1:8105", "/v1/state", "TOKEN", None, False)
    found = list(check_health(sidecar, Health("ok", mismatches=("BTC: 1 here, 2 there",))))
    assert outcomes(found) == [Outcome.REFUSED]
    assert "the books differ from the exchange's (BTC: 1 here, 2 there)" in found[0].text
