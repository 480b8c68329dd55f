"""Daily returns of trades, by hand."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from lab.walkforward.returns import part_of, returns_of

START = datetime(2023, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def order(at: datetime, is_entry: bool, price: float, amount: float = 1.0) -> dict[str, object]:
    return {
        "order_filled_timestamp": int(at.timestamp() * 1000),
        "ft_is_entry": is_entry,
        "amount": amount,
        "safe_price": price,
    }


def test_an_open_position_counts_at_each_days_close() -> None:
    days = pd.date_range(START, periods=4, freq="D")
    closes = {"BTC/USDT": pd.Series([110.0, 99.0, 120.0, 120.0], index=days)}
    trade = {
        "pair": "BTC/USDT", "is_short": False, "fee_open": 0.0, "fee_close": 0.0,
        "profit_ratio": 0.15,
        "orders": [order(START, True, 100.0), order(START + 2.5 * DAY, False, 115.0)],
    }  # fmt: skip
    part = part_of(pd.DataFrame([trade]), closes, 1000.0, START, START + 4 * DAY)
    assert part.returns == pytest.approx([10 / 1000, -11 / 1010, 16 / 999, 0.0])
    assert (part.trades, part.wins) == (1, 1)
    assert part.mean_pct == pytest.approx(15.0)


def test_without_trades_each_day_is_zero() -> None:
    part = part_of(pd.DataFrame(), {}, 1000.0, START, START + 3 * DAY)
    assert part.returns == (0.0, 0.0, 0.0)
    assert (part.trades, part.mean_pct) == (0, None)


def test_what_is_lost_stays_lost() -> None:
    days = pd.date_range(START, periods=5, freq="D")
    returns = returns_of(pd.Series([100.0, 50.0, -20.0, 30.0, 40.0], index=days))
    assert list(returns) == [-0.5, -1.0, 0.0, 0.0]
