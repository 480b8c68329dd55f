"""Volatility, range and Hurst exponent: by hand, against a slow twin, on known processes."""

import numpy as np
import pandas as pd
import pytest

from aquatrade.grid.fitness import (
    HURST_LAGS,
    FloatArray,
    hourly_fitness,
    hurst_exponent,
    is_spread_tight,
    range_pct,
    volatility_pct,
)

WINDOW = 720


def naive_hurst(closes: FloatArray) -> float:
    """Least squares by numpy's own polyfit, on one window."""
    log_price = np.log(closes)
    spreads = [np.std(log_price[lag:] - log_price[:-lag]) for lag in HURST_LAGS]
    return float(np.polyfit(np.log(HURST_LAGS), np.log(spreads), 1)[0])


def walk(seed: int, length: int) -> FloatArray:
    random = np.random.default_rng(seed)
    return np.asarray(100 * np.exp(np.cumsum(random.normal(0, 0.005, length))))


def test_hurst_equals_the_twin_in_every_window() -> None:
    closes = walk(1, 800)
    found = hurst_exponent(closes, WINDOW)
    assert np.isnan(found[: WINDOW - 1]).all()
    for end in (WINDOW, 760, 800):
        assert found[end - 1] == pytest.approx(naive_hurst(closes[end - WINDOW : end]))
    # The same candles have the same exponent wherever the frame begins.
    assert hurst_exponent(closes[50:], WINDOW)[-1] == pytest.approx(found[-1], rel=1e-12)


def test_hurst_tells_walks_trends_and_returns_apart() -> None:
    random_walks = [hurst_exponent(walk(seed, WINDOW), WINDOW)[-1] for seed in range(20)]
    assert np.mean(random_walks) == pytest.approx(0.5, abs=0.03)
    random = np.random.default_rng(7)
    pulled = np.zeros(WINDOW)
    for hour in range(1, WINDOW):
        pulled[hour] = 0.8 * pulled[hour - 1] + random.normal(0, 0.005)
    assert hurst_exponent(100 * np.exp(pulled), WINDOW)[-1] < 0.3
    drifts = np.convolve(random.normal(0, 0.005, WINDOW + 39), np.ones(40) / 40, "valid")
    assert hurst_exponent(100 * np.exp(np.cumsum(drifts)), WINDOW)[-1] > 0.8
    assert np.isnan(hurst_exponent(np.full(WINDOW, 100.0), WINDOW)[-1])


def test_volatility_by_hand() -> None:
    # Returns of +1 % and -1 % in turn: standard deviation 1 % an hour.
    closes = np.exp(np.tile([0.0, 0.01], 25))
    hourly = volatility_pct(closes, 48)[-1]
    assert hourly == pytest.approx(np.sqrt(365.25 * 24), rel=1e-9)
    assert np.isnan(volatility_pct(closes, 48)[47])


def test_range_by_hand() -> None:
    high = np.array([101.0, 105.0, 102.0, 103.0])
    low = np.array([99.0, 100.0, 95.0, 100.0])
    assert range_pct(high, low, 3)[2:] == pytest.approx([10.0, 10.0])
    assert np.isnan(range_pct(high, low, 3)[1])


def test_fitness_has_its_columns() -> None:
    closes = walk(3, 750)
    candles = pd.DataFrame(
        {
            "date": pd.date_range("2024-01-01", periods=750, freq="1h", tz="UTC"),
            "high": closes * 1.001,
            "low": closes * 0.999,
            "close": closes,
        }
    )
    fitness = hourly_fitness(candles, days=30, rest_hours=168)
    assert fitness.notna().iloc[-1].all()
    assert list(fitness) == ["date", "volatility_pct", "hurst", "range_pct"]


@pytest.mark.parametrize(
    ("bid", "ask", "tight"),
    [
        (100.0, 100.04, True),
        (100.0, 100.06, False),
        (None, 100.0, False),
        (100.0, None, False),
        (100.1, 100.0, False),
        (0.0, 0.0, False),
    ],
)
def test_spread(bid: float | None, ask: float | None, tight: bool) -> None:
    assert is_spread_tight(bid, ask, 0.05) is tight
