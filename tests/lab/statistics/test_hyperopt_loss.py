"""The hyperopt loss: what clears everything is below 0, and freqtrade itself searches with it."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException
from freqtrade.optimize.optimize_reports import generate_strategy_stats
from freqtrade.resolvers.hyperopt_resolver import HyperOptLossResolver
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.evidence_runner import REPOSITORY
from tests.strategies.test_freqtrade_commands import freqtrade
from user_data.hyperopts.AquatradeHyperOptLoss import (
    FIGURES,
    Figures,
    Thresholds,
    achieved_r,
    figures_of,
    loss_of,
    thresholds_of,
)

HYPEROPTS = REPOSITORY / "user_data" / "hyperopts"
LOSS = "AquatradeHyperOptLoss"
START = datetime(2024, 1, 1, tzinfo=UTC)
NEEDED = Thresholds()
GOOD = Figures(
    trades=250, win_rate=0.6, profit_factor=2.0, drawdown=0.10, sharpe=1.8, achieved_r=2.0,
    losses_in_a_row=6,
)  # fmt: skip
in_full = pytest.mark.skipif(
    os.environ.get("AQUATRADE_REHEARSAL") != "full", reason="AQUATRADE_REHEARSAL=full runs it"
)

figures = st.builds(
    Figures,
    trades=st.integers(1, 500),
    win_rate=st.floats(0, 1),
    profit_factor=st.one_of(st.floats(0, 5), st.just(math.inf)),
    drawdown=st.floats(0, 1),
    sharpe=st.floats(-100, 8),
    achieved_r=st.one_of(st.none(), st.floats(0, 6)),
    losses_in_a_row=st.integers(0, 40),
)


def with_figures(found: Figures, changed: Mapping[str, Any]) -> Figures:
    return replace(found, **changed)


def trades_of(profits: list[float], stop_pct: float = 2.0) -> pd.DataFrame:
    """Freqtrade's table of one trade of 100 USDT a day, each with a return."""
    rows = [
        {
            "pair": "BTC/USDT", "stake_amount": 100.0, "max_stake_amount": 100.0, "amount": 1.0,
            "open_date": START + timedelta(days=number),
            "close_date": START + timedelta(days=number, hours=5),
            "open_rate": 100.0, "close_rate": 100.0 * (1 + profit), "fee_open": 0.0,
            "fee_close": 0.0, "trade_duration": 300, "profit_ratio": profit,
            "profit_abs": 100.0 * profit, "exit_reason": "roi",
            "initial_stop_loss_abs": 100.0 - stop_pct, "initial_stop_loss_ratio": -stop_pct / 100,
            "stop_loss_abs": 100.0 - stop_pct, "stop_loss_ratio": -stop_pct / 100,
            "min_rate": 98.0, "max_rate": 105.0, "is_open": False, "enter_tag": "",
            "leverage": 1.0, "is_short": False, "open_timestamp": 0.0, "close_timestamp": 0.0,
            "orders": [], "funding_fees": 0.0,
        }
        for number, profit in enumerate(profits)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def freqtrade_loss(trades: pd.DataFrame, config: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
    """The loss that freqtrade's resolver loads, of freqtrade's own report of the trades."""
    end = START + timedelta(days=len(trades))
    settings = {
        "max_open_trades": 1, "stake_currency": "USDT", "stake_amount": 100.0,
        "dry_run_wallet": 1000.0, "timeframe": "1h", "stoploss": -0.02, "minimal_roi": {},
        "use_exit_signal": True, "exit_profit_only": False, "exit_profit_offset": 0.0,
        "ignore_roi_if_entry_signal": False, "trading_mode": "spot", "margin_mode": "",
        "hyperopt_loss": LOSS, "hyperopt_path": HYPEROPTS, "user_data_dir": HYPEROPTS.parent,
        **config,
    }  # fmt: skip
    profit = trades["profit_abs"].cumsum()
    wallet = pd.DataFrame(
        {"date": trades["close_date"], "currency": "USDT", "rate": 1.0, "balance": 1000.0 + profit}
    )
    content = {
        "results": trades, "config": settings, "locks": [], "rejected_signals": 0,
        "timedout_entry_orders": 0, "timedout_exit_orders": 0, "canceled_trade_entries": 0,
        "canceled_entry_orders": 0, "replaced_entry_orders": 0, "backtest_start_time": 0,
        "backtest_end_time": 0, "wallet_summary": wallet,
        "final_balance": 1000.0 + float(profit.iloc[-1]),
    }  # fmt: skip
    report = generate_strategy_stats(
        ["BTC/USDT"], "Any", content, START, end, market_change=0.0, is_hyperopt=True
    )
    loss = HyperOptLossResolver.load_hyperoptloss(settings).hyperopt_loss_function(
        results=trades, trade_count=len(trades), min_date=START, max_date=end, config=settings,
        processed={}, backtest_stats=report, starting_balance=1000.0,
    )  # fmt: skip
    return loss, report


def test_freqtrades_own_report_is_judged_by_its_own_figures() -> None:
    trades = trades_of([0.04, 0.04, 0.03, -0.02, 0.05, -0.01] * 40)
    loss, report = freqtrade_loss(trades, {})
    found = figures_of(trades, report)
    assert (found.trades, found.win_rate, found.losses_in_a_row) == (240, 4 / 6, 1)
    assert found.profit_factor == pytest.approx(0.16 / 0.03) == report["profit_factor"]
    assert found.achieved_r == pytest.approx(2.0)  # 4 % of mean winner over a stop 2 % away
    assert found.sharpe == report["wallet_stats"]["sharpe"]
    assert found.drawdown == report["wallet_stats"]["max_relative_drawdown"]
    assert loss == loss_of(found, NEEDED) < 0.0


def test_few_lucky_trades_are_worth_next_to_nothing() -> None:
    lucky, _ = freqtrade_loss(trades_of([0.04, 0.05, 0.06]), {})
    assert 5.9 < lucky < FIGURES
    many = Figures(220, 0.45, 1.1, 0.25, 0.5, 1.2, 11)
    assert loss_of(many, NEEDED) < lucky
    few, _ = freqtrade_loss(
        trades_of([0.04, -0.02, 0.05, 0.06] * 3),
        {"aquatrade_hyperopt_loss": {"trades_over": 10, "sharpe_over": 1}},
    )
    assert few < 0.0


def test_only_what_clears_every_threshold_is_below_zero() -> None:
    assert loss_of(GOOD, NEEDED) < 0.0
    at_threshold = {
        "trades": 200, "win_rate": 0.55, "profit_factor": 1.5, "drawdown": 0.15, "sharpe": 1.2,
        "achieved_r": 1.5, "losses_in_a_row": 8,
    }  # fmt: skip
    for name, value in at_threshold.items():
        figures_then = with_figures(GOOD, {name: value})
        assert loss_of(figures_then, NEEDED) >= 0.0, name
    assert loss_of(Figures(201, 0.551, 1.51, 0.149, 1.21, 1.51, 7), NEEDED) < 0.0


def obvious_loss(found: Figures) -> float:
    credits = [
        min(1.0, max(0.0, found.win_rate / 0.55)),
        min(1.0, max(0.0, found.profit_factor / 1.5)),
        min(1.0, max(0.0, found.sharpe / 1.2)),
        min(1.0, max(0.0, (found.achieved_r or 0.0) / 1.5)),
        min(1.0, max(0.0, 2.0 - found.drawdown / 0.15)),
        min(1.0, max(0.0, 2.0 - found.losses_in_a_row / 8)),
    ]
    return 6.0 - min(1.0, found.trades / 201) * sum(credits)


@given(found=figures)
@settings(max_examples=60)
def test_it_equals_the_slow_one_and_lies_within_its_bounds(found: Figures) -> None:
    loss = loss_of(found, NEEDED)
    assert -1.0 <= loss <= FIGURES
    if loss >= 0.0:
        assert loss == pytest.approx(obvious_loss(found), abs=1e-9)
    else:
        assert obvious_loss(found) == pytest.approx(0.0, abs=1e-9)


@given(found=figures, better=st.floats(0.01, 2.0))
@settings(max_examples=60)
def test_a_better_figure_never_makes_it_worse(found: Figures, better: float) -> None:
    before = loss_of(found, NEEDED)
    improved: list[dict[str, float]] = [
        {"trades": found.trades + 50},
        {"win_rate": min(1.0, found.win_rate + better)},
        {"profit_factor": found.profit_factor + better},
        {"drawdown": max(0.0, found.drawdown - better)},
        {"sharpe": found.sharpe + better},
        {"achieved_r": (found.achieved_r or 0.0) + better},
        {"losses_in_a_row": max(0, found.losses_in_a_row - 3)},
    ]
    for each in improved:
        assert loss_of(with_figures(found, each), NEEDED) <= before + 1e-9, each


def test_what_is_no_number_earns_nothing() -> None:
    broken = Figures(250, 0.6, 2.0, math.nan, math.nan, None, 3)
    assert loss_of(broken, NEEDED) == pytest.approx(3.0)


def test_achieved_r_knows_leverage_shorts_and_missing_stops() -> None:
    trades = trades_of([0.06, 0.04, 0.02, -0.5])
    trades.loc[0, ["leverage", "is_short", "initial_stop_loss_abs"]] = [3.0, True, 101.0]
    trades.loc[2, "initial_stop_loss_abs"] = 0.0
    # A short at 3 x that earned 6 %, risked 3 %; 4 % over 2 %; the third has no stop.
    assert achieved_r(trades) == pytest.approx((2.0 + 2.0) / 2)
    assert achieved_r(trades.iloc[2:]) is None


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ({"sharp_over": 1.0}, "sharp_over is no threshold"),
        ({"sharpe_over": "1"}, "'1', expected a number over 0"),
        ({"drawdown_under": 0}, "0, expected a number over 0"),
        ({"trades_over": True}, "True, expected a number"),
        ([1], "expected a section"),
    ],
)
def test_a_wrong_threshold_is_one_line(section: object, text: str) -> None:
    with pytest.raises(OperationalException, match=text) as caught:
        thresholds_of({"aquatrade_hyperopt_loss": section})
    assert "\n" not in str(caught.value)


@in_full
@pytest.mark.rehearsal
def test_freqtrade_searches_with_it_on_two_cores(tmp_path: Path) -> None:
    output = freqtrade(
        tmp_path, "crash", "hyperopt", "--timerange", "20240201-", "-j", "2", "-e", "6",
        "--spaces", "buy", "stoploss", "--hyperopt-path", str(HYPEROPTS), "--hyperopt-loss", LOSS,
        "--disable-param-export", "--random-state", "1", "--min-trades", "1", "--print-json",
    )  # fmt: skip
    assert "Traceback" not in output
    assert "6 epochs saved" in output
    (file,) = (tmp_path / "hyperopt_results").glob("*.fthypt")
    losses = [json.loads(line)["loss"] for line in file.read_text().splitlines()]
    assert all(-1.0 < loss <= FIGURES or loss == 100_000 for loss in losses)
    assert any(loss < FIGURES for loss in losses)
