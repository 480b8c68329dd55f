"""The synthetic market's statistics lie in the bands of real ones, and real ones lie in them too.

The bands and their reasons stand in `synthetic_report.BANDS`.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.market.synthetic import SyntheticFeed
from sidecars.replay.market.synthetic_report import (
    BANDS,
    RECORDED_YEARS,
    after_crash,
    after_crashes,
    aftermath,
    crash_entries,
    mean_figures,
    recorded_feed,
    synthetic_feeds,
    year_figures,
)

YEARS = range(2022, 2024)


@pytest.fixture(scope="module")
def feeds() -> list[SyntheticFeed]:
    """Two markets of two years: four years of ten pairs."""
    return synthetic_feeds([1, 2], YEARS)


@pytest.fixture(scope="module")
def synthetic(feeds: list[SyntheticFeed]) -> dict[str, float]:
    return mean_figures([year_figures(feed, year) for feed in feeds for year in YEARS])


@pytest.mark.parametrize("name", BANDS)
def test_the_synthetic_market_lies_in_the_bands(synthetic: dict[str, float], name: str) -> None:
    assert BANDS[name].low <= synthetic[name] <= BANDS[name].high, BANDS[name].why


def test_the_bands_are_those_of_real_markets(market_data: Path) -> None:
    feed = recorded_feed(market_data / "binance")
    years = [year_figures(feed, year) for year in RECORDED_YEARS]
    real = mean_figures(years)
    outside = {n: real[n] for n, band in BANDS.items() if not band.low <= real[n] <= band.high}
    assert outside == {}
    returns = after_crashes(feed)
    assert aftermath("recorded", returns).startswith("24 h after a 6 h fall of 8 % in an uptrend")
    # What the synthetic market must not promise more of than the real one gave.
    assert 0.0 < returns.mean() < 0.08


def test_buying_crashes_is_no_sure_thing(feeds: list[SyntheticFeed]) -> None:
    returns = np.concatenate([after_crashes(feed) for feed in feeds])
    assert len(returns) > 50
    assert -0.03 < returns.mean() < 0.038  # 0.038: the recorded mean, 449 of them
    assert 0.35 < np.mean(returns > 0.0) < 0.65
    assert returns.std() > 0.06


@given(seed=st.integers(0, 100), threshold=st.sampled_from([-0.02, -0.05]))
def test_crash_entries_equal_their_slow_twin(seed: int, threshold: float) -> None:
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0005, 0.012, 320)))
    average, slow = close[0], []
    for place, price in enumerate(close):
        average += (price - average) * 2 / 25 if place else 0.0
        enough = place >= 199
        trend = close[place - 199 : place + 1].mean() if enough else np.inf
        fallen = place >= 6 and price / close[place - 6] - 1 < threshold
        slow.append(bool(enough and fallen and price > trend and price < average))
    entries = crash_entries(close, threshold)
    assert entries.tolist() == slow
    first = [n for n in range(320) if slow[n] and not (n and slow[n - 1]) and n + 24 < 320]
    expected = [close[n + 24] / close[n] - 1 for n in first]
    assert after_crash(close, threshold) == pytest.approx(expected)
