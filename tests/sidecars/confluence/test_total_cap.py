"""The whole market by its capitalisation, and when the index stands in for it."""

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecars.common.observations import MS_PER_HOUR, Observation, SeriesTimeline
from sidecars.confluence.candles import MS_PER_DAY, DailyCandles
from sidecars.confluence.indicators import relative_strength
from sidecars.confluence.market import Market, read_market
from sidecars.confluence.observed import TOTAL_CAP
from sidecars.confluence.total_cap import cap_trend
from tests.sidecars.confluence.local_binance import FIRST_DAY_MS, seeded_candles, without_days

DAYS = 420


def levels(days: int, seed: int = 3) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    random = np.random.default_rng(seed)
    return 1e12 * np.exp(np.cumsum(random.normal(0.0, 0.03, days)))


def cap_of(missing: set[int] | None = None, days: int = DAYS) -> SeriesTimeline:
    """Of each day the last tick is at 23:00; a minute later it is known."""
    ticks = FIRST_DAY_MS + np.arange(days) * MS_PER_DAY + 23 * MS_PER_HOUR
    return SeriesTimeline(
        Observation(TOTAL_CAP, tick, tick + 60_000, value, "coingecko")
        for day, (tick, value) in enumerate(zip(ticks.tolist(), levels(days).tolist(), strict=True))
        if day not in (missing or set())
    )


DAYS_MS = FIRST_DAY_MS + np.arange(DAYS, dtype=np.int64) * MS_PER_DAY


def test_the_trend_equals_what_its_daily_levels_say() -> None:
    ratio, weekly = cap_trend(cap_of(), DAYS_MS)
    level = levels(DAYS)
    np.testing.assert_allclose(ratio, level / talib.SMA(level, 200), rtol=1e-12)
    assert np.isnan(ratio[:199]).all()
    assert not np.isnan(ratio[199:]).any()
    # 2019-01-01 was a Tuesday: the first week is complete on the sixth day.
    sundays = np.arange(5, DAYS, 7)
    expected = relative_strength(level[sundays])
    np.testing.assert_allclose(weekly[sundays], expected, rtol=1e-12)
    np.testing.assert_allclose(weekly[sundays[:-1] + 6], expected[:-1], rtol=1e-12)


def test_a_hole_of_two_days_is_bridged_and_one_of_more_starts_anew() -> None:
    whole, _ = cap_trend(cap_of(), DAYS_MS)
    # A day later the last level is 25 hours old and still says something, the day after no more.
    for missing, unknown in (({300}, []), ({300, 301}, [301]), ({300, 301, 302}, [301, 302])):
        bridged, _ = cap_trend(cap_of(missing), DAYS_MS)
        assert np.flatnonzero(np.isnan(bridged[199:])).tolist() == [day - 199 for day in unknown]
        np.testing.assert_array_equal(bridged[:300], whole[:300])
        assert bridged[303] == pytest.approx(whole[303], rel=0.01)
    anew, _ = cap_trend(cap_of({300, 301, 302, 303}), DAYS_MS)
    np.testing.assert_array_equal(anew[:300], whole[:300])
    assert np.isnan(anew[301:]).all()


def test_a_value_that_is_known_later_changes_no_level_before() -> None:
    late = Observation(
        TOTAL_CAP, FIRST_DAY_MS + 250 * MS_PER_DAY - 1, FIRST_DAY_MS + 252 * MS_PER_DAY, 1.0, "x"
    )
    plain, _ = cap_trend(cap_of(), DAYS_MS)
    corrected = cap_of()
    corrected.extend([late])
    np.testing.assert_array_equal(cap_trend(corrected, DAYS_MS)[0], plain)


def market_of(cap: SeriesTimeline | None, candles: dict[str, DailyCandles]) -> Market:
    observed = {} if cap is None else {TOTAL_CAP: cap}
    return read_market("BTC/USDT", candles["BTC/USDT"], candles, observed)


def test_the_reading_says_which_it_is_of() -> None:
    candles = {"BTC/USDT": seeded_candles(1, DAYS), "ETH/USDT": seeded_candles(2, DAYS)}
    by_index = market_of(None, candles).readings
    by_both = market_of(cap_of({*range(0, 50)}), candles).readings
    source = by_both["market_source"]
    ratio, weekly = cap_trend(cap_of({*range(0, 50)}), DAYS_MS)
    assert np.isnan(source[: 30 + 199]).all()  # neither has its 200 days
    assert set(source[30 + 199 : 50 + 199].tolist()) == {0.0}
    assert set(source[50 + 199 :].tolist()) == {1.0}
    for name, cap_values in (("market_ratio", ratio), ("market_weekly_rsi", weekly)):
        np.testing.assert_array_equal(by_both[name][:249], by_index[name][:249])
        np.testing.assert_array_equal(by_both[name][249:], cap_values[249:])
    assert set(by_index["market_source"][229:].tolist()) == {0.0}


def test_a_day_that_is_not_made_from_the_index_is_not_degraded_by_its_members() -> None:
    candles = {
        "BTC/USDT": seeded_candles(1, DAYS),
        "ETH/USDT": without_days(seeded_candles(2, DAYS), 230, 231),
        "SOL/USDT": without_days(seeded_candles(4, DAYS), 300, 301),
    }
    candles["BTC/USDT"] = without_days(candles["BTC/USDT"], 350, 351)
    found = market_of(cap_of({*range(0, 50)}), candles).troubles
    days = {(day - FIRST_DAY_MS) // MS_PER_DAY: why for day, why in found.items()}
    assert days == {
        230: ("market index without ETH/USDT",),
        350: ("BTC trend without BTC/USDT",),
    }


@settings(max_examples=25, deadline=None)
@given(cut=st.integers(0, DAYS))
def test_the_future_changes_nothing(cut: int) -> None:
    moment = FIRST_DAY_MS + cut * MS_PER_DAY
    candles = {"BTC/USDT": seeded_candles(1, DAYS), "ETH/USDT": seeded_candles(2, DAYS)}
    whole = market_of(cap_of({100, 101, 290}), candles)
    part = market_of(
        cap_of({100, 101, 290, *range(cut, DAYS)}),
        {pair: each.before(moment) for pair, each in candles.items()},
    )
    expected = whole.on(part.open_time_ms)
    for name, values in part.on(part.open_time_ms).items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
