"""Figures of equity curves and of holding."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.results import equity_figures, hold_outcome

START = datetime(2024, 1, 1, tzinfo=UTC)


def test_equity_figures_by_hand() -> None:
    total_pct, drawdown_pct, sharpe = equity_figures(pd.Series([100.0, 110.0, 88.0, 99.0]))
    assert total_pct == pytest.approx(-1.0)
    assert drawdown_pct == pytest.approx(20.0)
    returns = [0.1, -0.2, 0.125]
    assert sharpe == pytest.approx(np.mean(returns) / np.std(returns, ddof=1) * 365**0.5)


def test_a_flat_curve_has_no_sharpe() -> None:
    assert equity_figures(pd.Series([100.0, 100.0, 100.0])) == (0.0, 0.0, None)


@given(st.lists(st.floats(1.0, 1000.0), min_size=3, max_size=40))
def test_drawdown_equals_the_slow_way(values: list[float]) -> None:
    slow = max(1 - later / earlier for i, earlier in enumerate(values) for later in values[i:])
    assert equity_figures(pd.Series(values))[1] == pytest.approx(max(slow, 0.0) * 100)


def test_holding_in_equal_parts() -> None:
    days = pd.date_range(START, periods=3, freq="1D")
    closes = {
        "BTC/USDT": pd.Series([100.0, 150.0, 200.0], index=days),
        "ETH/USDT": pd.Series([10.0, 10.0, 5.0], index=days),
    }
    outcome = hold_outcome("hold", closes, START, days[-1].to_pydatetime())
    assert outcome.total_pct == pytest.approx(25.0)
    assert outcome.max_drawdown_pct == pytest.approx(0.0)


def test_a_pair_listed_later_is_cash_until_then() -> None:
    days = pd.date_range(START, periods=3, freq="1D")
    closes = {
        "BTC/USDT": pd.Series([100.0, 100.0, 100.0], index=days),
        "NEW/USDT": pd.Series([4.0, 8.0], index=days[1:]),
    }
    assert hold_outcome("hold", closes, START, days[-1].to_pydatetime()).total_pct == 50.0


def test_nothing_to_hold_is_said() -> None:
    with pytest.raises(ValueError, match="no candles between 2025"):
        hold_outcome(
            "hold",
            {"BTC/USDT": pd.Series([1.0], index=pd.date_range(START, periods=1))},
            datetime(2025, 1, 1, tzinfo=UTC),
            datetime(2025, 2, 1, tzinfo=UTC),
        )
