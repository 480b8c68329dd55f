"""Which pairs and dates a datadir can carry, and one clear line where it cannot."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from operations.demo_plan import (
    BACKTEST_DAYS,
    PlanError,
    Record,
    plan_from_records,
    read_records,
    recorded_plan,
    synthetic_plan,
)
from operations.road import MarketSource

SOURCE = MarketSource(Path("candles"), 1)
END = datetime(2024, 9, 7, tzinfo=UTC)
YEAR = timedelta(days=365)
LATE = END + timedelta(hours=2)


def test_the_end_is_the_latest_midnight_that_most_fine_records_reach() -> None:
    records = {
        ("BTC/USDT", "1h"): Record(END - 4 * YEAR, END + YEAR),
        ("BTC/USDT", "5m"): Record(END - YEAR, END + YEAR),
        ("ETH/USDT", "1h"): Record(END - 4 * YEAR, LATE),
        ("ETH/USDT", "5m"): Record(END - YEAR, LATE),
        ("SOL/USDT", "1h"): Record(END - 3 * YEAR, LATE),
        ("SOL/USDT", "5m"): Record(END - YEAR / 2, LATE),
        ("LTC/USDT", "1h"): Record(END - 4 * YEAR, LATE),
        ("LTC/USDT", "5m"): Record(END - YEAR, END - timedelta(hours=20)),
    }
    plan = plan_from_records(records, SOURCE)
    assert plan.end == END
    assert plan.pairs == ("BTC/USDT", "ETH/USDT", "SOL/USDT")  # LTC's fine candles end before
    assert plan.backtest_start == END - timedelta(days=BACKTEST_DAYS)
    assert END - YEAR / 2 < plan.fine_from <= END - YEAR / 2 + timedelta(days=1)
    assert plan.history_start < plan.backtest_start


def test_without_fine_candles_the_hours_themselves_are_rehearsed() -> None:
    plan = plan_from_records({("BTC/USDT", "1h"): Record(END - 4 * YEAR, LATE)}, SOURCE)
    assert plan.fine_from == plan.backtest_start


def test_a_short_record_is_refused_in_one_line() -> None:
    with pytest.raises(PlanError, match="no pair has 90 days of 1h candles"):
        plan_from_records({("BTC/USDT", "1h"): Record(END - timedelta(days=30), LATE)}, SOURCE)


def test_no_folder_no_hours_and_no_feather_are_one_line_each(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="no such folder"):
        recorded_plan(tmp_path / "nowhere", 1)
    with pytest.raises(PlanError, match=r"no file like BTC_USDT-1h\.feather"):
        recorded_plan(tmp_path, 1)
    (tmp_path / "BTC_USDT-1h.feather").write_text("not feather")
    with pytest.raises(PlanError, match="not a readable feather file") as refused:
        recorded_plan(tmp_path, 1)
    assert "\n" not in str(refused.value)


def test_records_are_read_from_files(tmp_path: Path) -> None:
    dates = pd.date_range(END, periods=5, freq="1h")
    pd.DataFrame({"date": dates}).to_feather(tmp_path / "BTC_USDT-1h.feather")
    assert read_records(tmp_path) == {
        ("BTC/USDT", "1h"): Record(END, END + timedelta(hours=4)),
    }


def test_the_real_candles_carry_a_demo(market_data: Path) -> None:
    plan = recorded_plan(market_data / "binance", 1)
    assert plan.end == END
    assert {"BTC/USDT", "ETH/USDT", "SOL/USDT"} <= set(plan.pairs)
    assert len(plan.pairs) >= 20


def test_the_synthetic_plan_has_the_pairs_of_the_synthetic_market() -> None:
    plan = synthetic_plan(7)
    assert len(plan.pairs) == 10
    assert plan.source.datadir is None
