"""Daily equity and figures: against freqtrade's own curve, by hand, and on random orders."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.evidence_runner import backtest
from lab.suite_equity import (
    ORDER_COLUMNS,
    capital_figures,
    daily_equity,
    held_equity,
    orders_of,
    slice_equity,
    trade_figures,
)
from lab.suite_plan import daily_closes
from tests.lab.suite_market import dipping

START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2024, 1, 6, tzinfo=UTC)
DAYS = pd.date_range(START, END, freq="D")


def orders(*rows: tuple[int, str, str, bool, float, float]) -> pd.DataFrame:
    """(trade, pair, day of January, is it an entry, amount, price) at a fee of 1 %."""
    frame = [
        (trade, pair, pd.Timestamp(f"2024-01-{day}T12:00Z"), entry, False, amount, price, 0.01, 0.0)
        for trade, pair, day, entry, amount, price in rows
    ]
    return pd.DataFrame(frame, columns=list(ORDER_COLUMNS))


def closes(*values: float) -> pd.Series:
    return pd.Series(values, index=DAYS[: len(values)])


def test_cash_and_coins_by_hand() -> None:
    traded = orders((0, "A/USDT", "02", True, 1.0, 100.0), (0, "A/USDT", "04", False, 1.0, 120.0))
    equity = daily_equity(
        traded, {"A/USDT": closes(90.0, 110.0, 130.0, 125.0, 5.0, 5.0)}, 1000.0, START, END
    )
    assert equity.tolist() == pytest.approx(
        [1000.0, 1000.0, 1000 - 101 + 110, 1000 - 101 + 130, *[1000 - 101 + 118.8] * 3]
    )
    assert equity.index[0] == pd.Timestamp("2023-12-31", tz="UTC")


def test_what_is_sold_short_counts_against_it_and_funding_is_paid() -> None:
    traded = orders((0, "A/USDT", "02", True, 1.0, 100.0), (0, "A/USDT", "04", False, 1.0, 80.0))
    traded["is_short"] = True
    traded["funding_usd"] = [0.0, -3.0]
    equity = daily_equity(traded, {"A/USDT": closes(100.0, 110.0, 90.0, 1.0)}, 1000.0, START, END)
    # Sold for 99, owed at the day's close, bought back for 80.80 after 3 of funding.
    assert equity.tolist()[:6] == pytest.approx([1000, 1000, 989, 1009, 1015.2, 1015.2])


def test_few_dear_coins_count_beside_many_cheap_ones() -> None:
    traded = orders(
        (0, "BTC/USDT", "02", True, 0.001, 50_000.0), (1, "PEPE/USDT", "02", True, 2e7, 1e-6)
    )
    prices = {"BTC/USDT": closes(*[60_000.0] * 6), "PEPE/USDT": closes(*[1e-6] * 6)}
    equity = daily_equity(traded, prices, 1000.0, START, END)
    assert equity.iloc[-1] == pytest.approx(1000 - 50.5 - 20.2 + 60 + 20)


def test_what_is_held_keeps_its_last_close_where_candles_are_missing() -> None:
    traded = orders((0, "A/USDT", "02", True, 1.0, 100.0))
    equity = daily_equity(traded, {"A/USDT": closes(90.0, 110.0)}, 1000.0, START, END)
    assert equity.iloc[-1] == pytest.approx(1000 - 101 + 110)
    before_any_close = daily_equity(
        traded, {"A/USDT": pd.Series(dtype=float, index=DAYS[:0])}, 1000.0, START, END
    )
    assert before_any_close.iloc[-1] == pytest.approx(1000 - 101 + 100)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(1, 5),
            st.booleans(),
            st.floats(0.1, 10.0),
            st.floats(1.0, 100.0),
        ),
        max_size=12,
    )
)
def test_equity_equals_adding_it_up_order_by_order(
    drawn: list[tuple[int, int, bool, float, float]],
) -> None:
    traded = orders(
        *((0, f"{'ABC'[pair]}/USDT", f"0{day}", entry, amount, price)
          for pair, day, entry, amount, price in drawn)
    )  # fmt: skip
    marks = {
        f"{name}/USDT": closes(*np.random.default_rng(seed).uniform(1, 100, len(DAYS)))
        for seed, name in enumerate("ABC")
    }
    equity = daily_equity(traded, marks, 500.0, START, END)
    for day, value in equity.items():
        cash, held = 500.0, dict.fromkeys(marks, 0.0)
        for _, pair, at, is_entry, _, amount, price, *_ in traded.to_numpy().tolist():
            if at.floor("D") <= day:
                cash += -amount * price * 1.01 if is_entry else amount * price * 0.99
                held[pair] += amount if is_entry else -amount
        for pair, amount in held.items():
            cash += amount * marks[pair].get(day, 0.0)
        assert value == pytest.approx(cash, abs=1e-5)


def test_a_stretch_starts_from_the_value_before_it() -> None:
    equity = pd.Series([100.0, 110.0, 121.0, 133.1], index=pd.date_range(START, periods=4))
    part = slice_equity(equity, datetime(2024, 1, 3, tzinfo=UTC), END)
    assert part.tolist() == [110.0, 121.0, 133.1]
    assert slice_equity(equity, None, datetime(2024, 1, 3, tzinfo=UTC)).tolist() == [100.0, 110.0]
    assert slice_equity(equity, START, END).tolist() == equity.tolist()


def test_figures_of_a_capital_by_hand() -> None:
    equity = pd.Series([100.0, 110.0, 99.0, 108.9], index=pd.date_range(START, periods=4))
    found = capital_figures(equity)
    returns = np.array([0.1, -0.1, 0.1])
    assert found.total_pct == pytest.approx(8.9)
    assert found.drawdown_pct == pytest.approx(10.0)
    assert found.sharpe == pytest.approx(returns.mean() / returns.std() * np.sqrt(365))
    assert found.sortino is None  # one loss has no deviation
    assert found.cagr_pct == pytest.approx(100 * (1.089 ** (365 / 3) - 1))
    flat = capital_figures(pd.Series([100.0] * 4, index=pd.date_range(START, periods=4)))
    assert (flat.sharpe, flat.drawdown_pct) == (None, 0.0)


def test_a_capital_that_is_gone_has_no_ratios() -> None:
    gone = capital_figures(pd.Series([100.0, -5.0, 20.0], index=pd.date_range(START, periods=3)))
    assert (gone.drawdown_pct, gone.sharpe, gone.sortino) == (100.0, None, None)
    with pytest.raises(ValueError, match="expected two or more"):
        capital_figures(pd.Series([1.0], index=DAYS[:1]))


def trades(*rows: tuple[str, float, float, str]) -> pd.DataFrame:
    """(day of January of entry, ratio, USD, reason of exit)."""
    opened = [pd.Timestamp(f"2024-01-{day}", tz="UTC") for day, *_ in rows]
    return pd.DataFrame(
        {
            "open_date": opened,
            "profit_ratio": [row[1] for row in rows],
            "profit_abs": [row[2] for row in rows],
            "exit_reason": [row[3] for row in rows],
        }
    )


def test_figures_of_trades_by_hand() -> None:
    made = trades(
        ("01", 0.10, 30.0, "roi"), ("02", -0.05, -10.0, "stop_loss"), ("03", 0.02, 2.0, "roi"),
        ("04", -0.5, -99.0, "force_exit"), ("09", 0.5, 99.0, "roi"),
    )  # fmt: skip
    ordered = orders((0, "A", "01", True, 1.0, 100.0), (0, "A", "02", False, 1.0, 130.0))
    found = trade_figures(made, ordered, START, datetime(2024, 1, 8, tzinfo=UTC))
    assert found.trades == 3 and found.trades_a_week == pytest.approx(3.0)
    assert found.win_pct == pytest.approx(200 / 3)
    assert found.profit_factor == pytest.approx(3.2)
    assert found.winner_to_loser == pytest.approx(1.2)
    assert found.mean_pct == pytest.approx(7 / 3)
    assert found.costs_usd == pytest.approx(2.3)
    assert found.sales_a_week == pytest.approx(1.0)
    none = trade_figures(made, ordered, END, datetime(2024, 1, 8, tzinfo=UTC))
    assert (none.trades, none.mean_pct, none.interval_pct) == (0, None, None)


def test_holding_is_equal_parts_and_cash_until_the_listing() -> None:
    late = pd.Series([10.0, 20.0], index=DAYS[4:])
    held = held_equity({"A": closes(1.0, 2.0, 2.0, 2.0, 2.0, 4.0), "B": late}, START, END)
    assert held is not None
    assert held.tolist() == pytest.approx([1.0, 1.5, 1.5, 1.5, 1.5])
    assert held_equity({"A": closes(1.0)}, START, END) is None


def test_equity_of_a_backtest_ends_with_freqtrades_profit(seeded_datadir: Path) -> None:
    run = backtest(dipping(seeded_datadir, {"sizing": {"method": "fixed", "stake_usd": 200.0}}))
    assert len(run.trades) >= 10
    marks = {pair: daily_closes(seeded_datadir, pair, "1h") for pair in run.trades["pair"].unique()}
    equity = daily_equity(orders_of(run.trades), marks, 5000.0, run.start, run.end)
    assert equity.iloc[-1] == pytest.approx(5000.0 + run.trades["profit_abs"].sum(), abs=1e-4)
    assert equity.index[0] == pd.Timestamp(run.start).floor("D") - pd.Timedelta("1D")
