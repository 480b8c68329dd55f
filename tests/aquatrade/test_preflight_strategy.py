"""Whether a strategy can earn with its settings, how often it would trade, what it would stake."""

from datetime import UTC, datetime
from typing import Any

import pytest

from aquatrade.preflight_asking import NoAnswerError, Unknown
from aquatrade.preflight_findings import Outcome
from aquatrade.preflight_strategy import (
    check_arithmetic,
    check_evidence,
    check_signals,
    share_of_scores,
    stake_of_one_trade,
)
from aquatrade.score_http import ScoreServer
from aquatrade.settings import AquatradeSettings
from BuyTheDip import BuyTheDip
from tests.aquatrade.fake_sidecar import TOKEN, FakeSidecar, score_record

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DAY_MS = 86_400_000


def settings(**sections: Any) -> AquatradeSettings:
    return AquatradeSettings.model_validate(sections)


@pytest.mark.parametrize(
    ("preset", "cost_pct", "expected"),
    [
        ("specified", 2.4, None),
        ("specified", 2.5, "a round trip costs 2 x 2.5 % = 5 %, the take-profit is 5 %: expected"),
        ("crash", 4.9, None),
        ("crash", 5.0, "a round trip costs 2 x 5 % = 10 %, the fall that it buys is 10 %: "),
        ("crash_often", 4.5, "a round trip costs 2 x 4.5 % = 9 %, the fall that it buys is 8 %"),
    ],
)  # fmt: skip
def test_costs_that_eat_what_buy_the_dip_can_earn(
    preset: str, cost_pct: float, expected: str | None
) -> None:
    chosen = settings(preset=preset, sizing={"cost_pct_per_side": cost_pct})
    (found,) = check_arithmetic(BuyTheDip, chosen)
    if expected is None:
        assert found.outcome is Outcome.OK
    else:
        assert found.line.startswith(f"refused arithmetic: BuyTheDip: {expected}")


def test_a_strategy_need_not_offer_the_sum_and_may_fail_at_it() -> None:
    class Plain:
        pass

    class Failing:
        @classmethod
        def unprofitable_by_arithmetic(cls, _: AquatradeSettings) -> str | None:
            raise ValueError("what is spacing?")

    assert list(check_arithmetic(Plain, settings())) == []
    (found,) = check_arithmetic(Failing, settings())
    assert found.outcome is Outcome.UNKNOWN
    assert "what is spacing?" in found.text


def test_a_preset_that_lost_is_named_with_its_figures() -> None:
    lost = BuyTheDip.PRESETS["specified"]
    (found,) = check_evidence("BuyTheDip", "specified", lost, live=True)
    assert found.outcome is Outcome.WARNING
    assert lost.evidence in found.text
    assert found.text.endswith("accepted by aquatrade.accept_negative_evidence")


def signals(pairs: int, share: float | Unknown = 1.0, preset: str = "crash", **s: Any) -> str:
    (found,) = check_signals(BuyTheDip.PRESETS[preset], pairs, settings(**s), share, live=True)
    return found.line


def test_too_few_signals_to_live_by() -> None:
    assert signals(29) == "ok      signals: about 29 signals a year on 29 pairs"
    assert signals(3) == ("warning signals: about 3 signals a year on 3 pairs, expected 20 or more")
    scores = {"url": "http://127.0.0.1:8101", "filter": True}
    assert signals(29, 0.008, scores=scores) == (
        "warning signals: about 0 signals a year on 29 pairs at a score of 75 or more (0.8% of "
        "last year's), expected 20 or more"
    )
    assert signals(30, 0.25, "crash_often", scores=scores).startswith("ok      signals: about 22")
    assert signals(30, Unknown("no connection")).endswith("is not known: no connection")


def test_the_share_of_last_years_scores_that_reach_the_threshold(sidecar: FakeSidecar) -> None:
    totals = {"BTC/USDT": (80.0, 75.0, 74.9), "ETH/USDT": (10.0,)}
    sidecar.records = [
        score_record(pair, NOW_MS - (day + 1) * DAY_MS, total)
        for pair, values in totals.items()
        for day, total in enumerate(values)
    ]
    server = ScoreServer(sidecar.url, TOKEN)
    assert share_of_scores(server, ["BTC/USDT", "ETH/USDT"], 75, NOW) == pytest.approx(0.5)
    with pytest.raises(NoAnswerError, match="no scores"):
        share_of_scores(server, ["XRP/USDT"], 75, NOW)
    with pytest.raises(NoAnswerError, match="HTTP 401"):
        share_of_scores(ScoreServer(sidecar.url, "old"), ["BTC/USDT", "ETH/USDT"], 75, NOW)
    assert len([path for path in sidecar.requests if "history" in path]) == 4  # one that refuses


def test_what_one_trade_would_stake() -> None:
    sized = settings()
    assert stake_of_one_trade(sized, 20.0, 1000.0) == pytest.approx(98.67, abs=0.005)
    assert stake_of_one_trade(sized, 2.0, 10_000.0) == pytest.approx(200.0)
    assert stake_of_one_trade(sized, 20.0, None) == pytest.approx(200.0)
    assert stake_of_one_trade(sized, 20.0, Unknown("no balance")) == Unknown("no balance")
    assert isinstance(stake_of_one_trade(sized, 20.0, 0.0), Unknown)
    limited = settings(risk={"name": "mine", "risk_per_trade_pct": 1.0, "max_order": 150.0})
    assert stake_of_one_trade(limited, 20.0, 1000.0) == pytest.approx(98.67 / 2, abs=0.005)
    assert stake_of_one_trade(limited, 2.0, 100_000.0) == pytest.approx(150.0)
    fixed = settings(sizing={"method": "fixed", "stake_usd": 70.0})
    assert stake_of_one_trade(fixed, 20.0, Unknown("no balance")) == pytest.approx(70.0)
