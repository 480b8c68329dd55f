"""Readings against slow twins, and the three things they must never do: look ahead, join over a
hole, or call an unknown value neutral."""

import math
from itertools import pairwise

import numpy as np
import pytest

from sidecars.confluence.candles import DailyCandles
from sidecars.confluence.indicators import (
    ALL_TIME_HIGH_DAYS,
    PAIR_READINGS,
    pair_readings,
    reference_readings,
    relative_strength,
)
from tests.sidecars.confluence.local_binance import seeded_candles, without_days

FIRST_KNOWN_DAY = {
    "price": 1,
    "sma200_distance": 200,
    "rsi": 15,
    "bollinger_position": 20,
    "drawdown": ALL_TIME_HIGH_DAYS,
    "volume_ratio": 30,
    "macd_histogram": 37,
    "macd_crossed_up": 37,
    "macd_rising": 37,
    "higher_lows": 24,
    "reversal": 24,
    "doji_near_support": 24,
}


def scaled(candles: DailyCandles, factor: float) -> DailyCandles:
    return DailyCandles(
        candles.open_time_ms,
        candles.open * factor,
        candles.high * factor,
        candles.low * factor,
        candles.close * factor,
        candles.volume,
    )


def wilder(closes: list[float]) -> float:
    """RSI(14) as Wilder wrote it."""
    changes = [after - before for before, after in pairwise(closes)]
    gain = sum(max(change, 0.0) for change in changes[:14]) / 14
    loss = sum(max(-change, 0.0) for change in changes[:14]) / 14
    for change in changes[14:]:
        gain = (gain * 13 + max(change, 0.0)) / 14
        loss = (loss * 13 + max(-change, 0.0)) / 14
    return 100 * gain / (gain + loss)


def ema(values: list[float], period: int) -> list[float]:
    """Seeded with the mean of its first values; shorter than the input by period - 1."""
    result = [sum(values[:period]) / period]
    for value in values[period:]:
        result.append(result[-1] + (value - result[-1]) * 2 / (period + 1))
    return result


def histogram(closes: list[float]) -> list[float]:
    """MACD(12, 26, 9), from the 34th close on. TA-Lib starts the fast mean where the slow one
    has its first value."""
    fast, slow = ema(closes[14:], 12), ema(closes, 26)
    line = [a - b for a, b in zip(fast, slow, strict=True)]
    return [a - b for a, b in zip(line[8:], ema(line, 9), strict=True)]


def test_readings_equal_slow_twins() -> None:
    candles = seeded_candles(3, 300)
    found = pair_readings(candles)
    close, low = candles.close.tolist(), candles.low.tolist()
    bars = histogram(close)
    for day in (250, 271, 299):
        last20 = close[day - 19 : day + 1]
        mean = sum(last20) / 20
        deviation = math.sqrt(sum((value - mean) ** 2 for value in last20) / 20)
        bar = bars[: day - 32]
        expected = {
            "price": close[day],
            "sma200_distance": close[day] / (sum(close[day - 199 : day + 1]) / 200) - 1,
            "rsi": wilder(close[: day + 1]),
            "bollinger_position": (close[day] - mean + 2 * deviation) / (4 * deviation),
            "drawdown": 1 - close[day] / max(candles.high[: day + 1]),
            "volume_ratio": candles.volume[day] / (sum(candles.volume[day - 29 : day + 1]) / 30),
            "macd_histogram": bar[-1],
            "macd_crossed_up": float(bar[-1] > 0 >= bar[-2]),
            "macd_rising": float(bar[-1] > bar[-2] > bar[-3] > bar[-4]),
            "higher_lows": sum(low[at] > low[at - 1] for at in range(day - 3, day + 1)),
        }
        for name, value in expected.items():
            assert found[name][day] == pytest.approx(value, rel=1e-9), (name, day)


def test_each_reading_begins_when_it_has_what_it_needs() -> None:
    found = pair_readings(seeded_candles(1, 260))
    assert set(found) == set(PAIR_READINGS)
    for name, day in FIRST_KNOWN_DAY.items():
        known = ~np.isnan(found[name])
        assert not known[: day - 1].any(), name
        assert known[day - 1 :].all(), name


@pytest.mark.parametrize("seed", range(8))
def test_the_future_changes_nothing(seed: int) -> None:
    candles = without_days(seeded_candles(seed, 340), 30, 33)
    whole = pair_readings(candles)
    for cut in (*range(0, len(candles), 19), len(candles)):
        kept = DailyCandles.from_rows(candles.rows()[:cut])
        for name, values in pair_readings(kept).items():
            np.testing.assert_array_equal(values, whole[name][:cut], err_msg=name)


def test_nothing_is_joined_over_a_hole() -> None:
    candles = seeded_candles(5, 500)
    holed = pair_readings(without_days(candles, 240, 243))
    alone = pair_readings(DailyCandles.from_rows(candles.rows()[243:]))
    for name, values in alone.items():
        if name != "drawdown":
            np.testing.assert_array_equal(holed[name][240:], values, err_msg=name)
    # The all-time high is the record's, also across the hole.
    high = max(candles.high[:240].max(), candles.high[243:261].max())
    assert holed["drawdown"][257] == pytest.approx(1 - candles.close[260] / high)


def test_the_cheapest_coin_reads_like_the_dearest() -> None:
    candles = seeded_candles(8, 260)
    dear = pair_readings(candles)
    cheap = pair_readings(scaled(candles, 1e-9))
    for name in PAIR_READINGS:
        if name not in ("price", "macd_histogram"):
            np.testing.assert_allclose(cheap[name], dear[name], rtol=1e-6, err_msg=name)


def test_a_price_that_does_not_move_has_no_rsi_and_no_bands() -> None:
    candles = seeded_candles(2, 300)
    close = candles.close.copy()
    close[250:] = close[249]
    flat = DailyCandles(
        candles.open_time_ms, close, np.maximum(candles.high, close),
        np.minimum(candles.low, close), close, candles.volume,
    )  # fmt: skip
    found = pair_readings(flat)
    assert np.isnan(found["rsi"][263:]).all()
    assert not np.isnan(found["rsi"][200:263]).any()
    assert np.isnan(found["bollinger_position"][280])
    assert np.isnan(relative_strength(np.full(40, 7.0))).all()


def test_hammer_engulfing_and_doji_are_seen_within_five_days() -> None:
    days = 60
    base = np.linspace(100, 90, days)  # slowly falling: no higher lows, no patterns
    candles = seeded_candles(1, days)
    opened, close = base + 0.3, base - 0.3
    high, low = base + 0.5, base - 0.5
    plain = DailyCandles(candles.open_time_ms, opened, high, low, close, candles.volume)
    assert pair_readings(plain)["reversal"][40:].max() == 0
    assert pair_readings(plain)["doji_near_support"][40:].max() == 0

    engulfed = DailyCandles.from_rows(plain.rows())
    engulfed.open[50], engulfed.close[50] = close[49] - 0.1, opened[49] + 0.1
    engulfed.high[50] = engulfed.close[50] + 0.1
    assert pair_readings(engulfed)["reversal"].tolist()[49:56] == [0, 1, 1, 1, 1, 1, 0]

    doji = DailyCandles.from_rows(plain.rows())
    doji.open[50] = doji.close[50] = base[50]
    assert pair_readings(doji)["doji_near_support"].tolist()[49:56] == [0, 1, 1, 1, 1, 1, 0]

    hammer = DailyCandles.from_rows(plain.rows())
    hammer.open[50], hammer.close[50], hammer.high[50] = base[50] - 0.3, base[50] - 0.2, base[50]
    hammer.high[50], hammer.low[50] = base[50] - 0.19, base[50] - 2.0
    assert pair_readings(hammer)["reversal"].tolist()[49:55] == [0, 1, 1, 1, 1, 1]


def test_reference_means() -> None:
    candles = seeded_candles(4, 210)
    found = reference_readings(candles)
    assert found["btc_sma50"][49] == pytest.approx(candles.close[:50].mean())
    assert found["btc_sma200"][209] == pytest.approx(candles.close[10:].mean())
    assert np.isnan(found["btc_sma200"][198])
