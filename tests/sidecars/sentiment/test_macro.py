"""Macro: the day's numbers, weekends, and the alarms of the hour."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR
from sidecars.sentiment.macro import STRENGTH
from tests.sidecars.sentiment.sentiment_rig import (
    NOW,
    WEDNESDAY,
    Values,
    closes,
    judged,
    part,
    scored,
    strengths,
    ticks,
)


@pytest.mark.parametrize(
    ("shares_close", "dollar_close", "yield_close", "long"),
    [
        (5000.0, 105.0, 4.50, 50.0),  # calm
        (5025.0, 105.0, 4.47, 50.0),
        (5050.0, 104.475, 4.40, 75.0),  # a unit each: as good as it gets
        (5200.0, 103.0, 4.0, 75.0),
        (5025.0, 104.7375, 4.45, 65.0),
        (4950.0, 105.525, 4.60, 25.0),
        (4975.0, 105.2625, 4.55, 35.0),
    ],
)
def test_macro_numbers(
    shares_close: float, dollar_close: float, yield_close: float, long: float
) -> None:
    series = closes(
        sp500=(5000.0, shares_close),
        dollar_index=(105.0, dollar_close),
        us10y_yield_pct=(4.50, yield_close),
    )
    score = judged("macro", series)
    assert strengths(score) == pytest.approx((long, 100.0 - long))
    assert score.freshness == 1.0


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_better_news_is_never_worse(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert 25 <= STRENGTH(low) <= STRENGTH(high) <= 75


def test_what_is_missing_of_macro_takes_its_share_of_the_freshness() -> None:
    score = judged("macro", closes(sp500=(5000.0, 5050.0)))
    assert score.long == 75.0
    assert score.freshness == pytest.approx(1 / 3)
    assert judged("macro", {"sp500": [(WEDNESDAY, 5000.0)]}).long is None


def test_fridays_close_is_the_latest_there_is_on_a_weekend() -> None:
    friday_end, sunday = WEDNESDAY + 3 * MS_PER_DAY, WEDNESDAY + 4 * MS_PER_DAY + 15 * MS_PER_HOUR
    days = [(friday_end - MS_PER_DAY, 5000.0), (friday_end, 5050.0)]
    series = {name: days for name in ("sp500", "dollar_index", "us10y_yield_pct")}
    assert judged("macro", series, at_ms=sunday).freshness == 1.0
    tuesday = friday_end + 3 * MS_PER_DAY
    assert judged("macro", series, at_ms=tuesday).freshness == 1.0
    assert judged("macro", series, at_ms=tuesday + 12 * MS_PER_HOUR).freshness < 1.0
    # Monday's close is compared with Friday's.
    monday = {name: [*values, (tuesday, 5100.5)] for name, values in series.items()}
    readings = judged("macro", monday, at_ms=tuesday + MS_PER_HOUR).readings
    assert readings["sp500_day_move"] == pytest.approx(1.0)


CALM = {
    name: [(60, value), (45, value), (30, value), (15, value), (0, value)]
    for name, value in (("sp500", 5000.0), ("dollar_index", 100.0), ("btc_price_usd", 60_000.0))
}


@pytest.mark.parametrize(
    ("name", "value", "flags"),
    [
        ("sp500", 4951.0, ()),
        ("sp500", 4950.0, ("DANGER",)),
        ("sp500", 4900.0, ("DANGER", "PAUSE_ENTRIES")),
        ("sp500", 5100.0, ()),
        ("dollar_index", 100.49, ()),
        ("dollar_index", 100.5, ("DANGER",)),
        ("dollar_index", 101.0, ("DANGER", "PAUSE_ENTRIES")),
        ("btc_price_usd", 57_001.0, ()),
        ("btc_price_usd", 57_000.0, ("PAUSE_ENTRIES",)),
    ],
)
@pytest.mark.parametrize("place", [1, 4])
def test_alarms_of_the_hour(name: str, value: float, flags: tuple[str, ...], place: int) -> None:
    moved = [(minutes, value if at >= place else v) for at, (minutes, v) in enumerate(CALM[name])]
    series = {each: ticks(NOW, values) for each, values in {**CALM, name: moved}.items()}
    score = scored(series)
    readings = part(score, "macro").readings
    assert score.flags == flags
    assert (readings["danger_known"], readings["pause_known"]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("name", "path"),
    [("sp500", (4900.0, 5000.0, 4950.0)), ("dollar_index", (101.0, 100.0, 100.5))],
)
def test_a_fall_that_took_less_than_the_hour_counts(
    name: str, path: tuple[float, float, float]
) -> None:
    moved = list(zip((60, 20, 0), path, strict=True))
    series = {each: ticks(NOW, values) for each, values in {**CALM, name: moved}.items()}
    assert scored(series).flags == ("DANGER",)


@pytest.mark.parametrize(
    ("kept", "danger", "pause"),
    [
        (CALM, 1.0, 1.0),
        ({**CALM, "btc_price_usd": []}, 1.0, 0.0),
        ({**CALM, "sp500": []}, 0.0, 0.0),
        ({**CALM, "sp500": [(30, 5000.0), (0, 5000.0)]}, 0.0, 0.0),  # no value of an hour ago
        ({**CALM, "dollar_index": [(95, 100.0), (35, 100.0)]}, 0.0, 0.0),  # silent for 35 minutes
    ],
)
def test_unknown_is_never_no_danger(
    kept: Mapping[str, Values], danger: float, pause: float
) -> None:
    series = {name: ticks(NOW, values) for name, values in kept.items()}
    score = scored(series)
    macro = part(score, "macro")
    assert (macro.readings["danger_known"], macro.readings["pause_known"]) == (danger, pause)
    assert ("alarms of the hour unknown" in macro.reason) == (pause == 0.0)


def test_shares_that_stand_still_on_a_weekend_are_no_danger_but_btc_must_be_known() -> None:
    saturday = WEDNESDAY + 3 * MS_PER_DAY + 12 * MS_PER_HOUR
    readings = judged("macro", {}, at_ms=saturday).readings
    assert (readings["danger_known"], readings["pause_known"]) == (1.0, 0.0)
    series = {"btc_price_usd": ticks(saturday, CALM["btc_price_usd"])}
    assert judged("macro", series, at_ms=saturday).readings["pause_known"] == 1.0
