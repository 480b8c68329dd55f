"""The quick walk makes the trades of freqtrade's own, to the last digit."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.btanalysis import get_tick_size_over_time
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import quick_backtest
from lab.evidence_runner import BacktestRequest, backtest
from lab.quick_backtest import QuickBacktesting, tick_size_over_time
from tests.lab.suite_market import PAIRS


@pytest.mark.parametrize(
    ("strategy", "preset", "slots", "sizing"),
    [
        ("BuyTheDip", "crash_often", 1, {"method": "fraction", "stake_usd": None}),
        ("BuyTheDip", "specified", 2, {"method": "kelly", "kelly_min_trades": 20}),
    ],
)
def test_trades_are_the_same(
    strategy: str,
    preset: str,
    slots: int,
    sizing: dict[str, object],
    seeded_datadir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quick_backtest, "MOST_LOCKS", 2)  # so that old ones are thrown away
    request = BacktestRequest(
        datadir=seeded_datadir,
        pairs=PAIRS,
        fee_rate=0.001,
        aquatrade={"preset": preset, "sizing": sizing},
        max_open_trades=slots,
        wallet=1000.0,
        strategy=strategy,
        config={"enable_protections": True},
    )
    slow, quick = backtest(request), backtest(request, QuickBacktesting)
    assert len(slow.trades) >= 8
    pd.testing.assert_frame_equal(
        slow.trades.drop(columns="orders"), quick.trades.drop(columns="orders"), check_exact=True
    )
    assert slow.trades["orders"].tolist() == quick.trades["orders"].tolist()
    assert (slow.start, slow.end) == (quick.start, quick.end)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.floats(1e-9, 1e6), st.integers(0, 12), st.integers(0, 100)),
        min_size=4,
        max_size=16,
    )
)
def test_tick_sizes_are_freqtrades(drawn: list[tuple[float, int, int]]) -> None:
    prices = np.array([round(price, decimals) for price, decimals, _ in drawn])
    days = sorted(day for _, _, day in drawn)
    frame = pd.DataFrame(
        {
            "date": pd.to_datetime("2024-01-01T00:00Z") + pd.to_timedelta(days, unit="D"),
            **{
                name: np.roll(prices, shift)
                for shift, name in enumerate(("open", "high", "low", "close"))
            },
        }
    )
    expected = get_tick_size_over_time(frame.copy())
    pd.testing.assert_series_equal(
        tick_size_over_time(frame), expected, check_names=False, check_freq=False, rtol=1e-12
    )


def test_tick_sizes_of_recorded_candles_are_freqtrades(market_data: Path) -> None:
    for name in ("BTC_USDT", "SHIB_USDT"):
        frame = pd.read_feather(market_data / "binance" / f"{name}-4h.feather")
        expected = get_tick_size_over_time(frame.copy())
        pd.testing.assert_series_equal(
            tick_size_over_time(frame), expected, check_names=False, rtol=1e-12
        )
