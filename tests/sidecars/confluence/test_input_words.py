"""What inputs that come from observations say to people."""

import pytest

from sidecars.confluence.scoring import INPUTS, Input
from sidecars.confluence.words import reading_in_words, strongest_reasons
from tests.sidecars.confluence.test_scoring import WORKED_CASE, WORKED_POINTS

BY_NAME: dict[str, Input] = {each.name: each for each in INPUTS}


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        ("funding", {"funding_pct": 0.0123}, "BTC funding 0.012 % per 8 h over 7 days"),
        ("funding", {"funding_pct": -0.02}, "BTC funding -0.020 % per 8 h over 7 days"),
        ("fear_greed", {"fear_greed": 22.0}, "fear & greed 22: extreme fear"),
        ("fear_greed", {"fear_greed": 25.0}, "fear & greed 25: fear"),
        ("fear_greed", {"fear_greed": 50.0}, "fear & greed 50: neutral"),
        ("fear_greed", {"fear_greed": 74.6}, "fear & greed 75: greed"),
        ("fear_greed", {"fear_greed": 100.0}, "fear & greed 100: extreme greed"),
        ("social", {"social_ratio": 2.345}, "social volume 2.35 x its mean"),
        ("whales", {"whales_accumulating": 1.0}, "whales accumulate"),
        ("whales", {"whales_accumulating": 0.0}, "whales do not accumulate"),
        (
            "market",
            {"market_ratio": 1.032, "market_weekly_rsi": 58.04, "market_source": 1.0},
            "total market cap 3.2 % above its 200-day mean, weekly RSI 58.0",
        ),
        (
            "market",
            {"market_ratio": 0.9, "market_weekly_rsi": 41.0, "market_source": 0.0},
            "market index 10.0 % below its 200-day mean, weekly RSI 41.0",
        ),
    ],
)
def test_readings_in_words(name: str, row: dict[str, float], words: str) -> None:
    assert reading_in_words(BY_NAME[name], row, True) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("funding", "unknown: no funding of 5 of the last 7 days"),
        ("fear_greed", "unknown: no index of the last 48 hours"),
        ("social", "unknown: no social volume of the last 48 hours"),
        ("whales", "unknown: nothing about whales in the last 72 hours"),
        ("sma200", "too few candles in an unbroken row"),
    ],
)
def test_what_is_unknown_says_why(name: str, words: str) -> None:
    assert reading_in_words(BY_NAME[name], {}, False) == words


def test_the_worked_case_names_its_strongest_reasons() -> None:
    points = {"whales": float("nan"), **WORKED_POINTS}
    reasons = strongest_reasons({**WORKED_CASE, "market_source": 1.0}, points, 30.0)
    assert reasons == [
        "total market cap 10.0 % above its 200-day mean, weekly RSI 58.0 (12 of 12)",
        "volume 1.80 x its 30-day mean (10 of 10)",
        "BTC 50.0 % above its 50-day and 200.0 % above its 200-day mean, the 50-day above the "
        "200-day (10 of 10)",
    ]
