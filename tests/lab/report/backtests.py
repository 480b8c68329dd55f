"""Results of backtests for the report's tests: one by freqtrade itself, others by hand."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode
from freqtrade.optimize.backtesting import Backtesting

from lab.evidence_runner import BacktestRequest, backtest_config, offline_markets

START = datetime(2023, 1, 1, tzinfo=UTC)
FEE = 0.001


def exported(request: BacktestRequest, folder: Path) -> Path:
    """The file that `freqtrade backtesting --export trades` leaves."""
    results = folder / "backtest_results"
    results.mkdir()
    file = folder / "config.json"
    file.write_text(json.dumps(backtest_config(request)))
    arguments = {
        "config": [str(file)],
        "datadir": str(request.datadir),
        "user_data_dir": str(folder),
        "strategy": request.strategy,
        "strategy_path": str(request.strategy_path),
        "export": "trades",
        "exportdirectory": results,
        "backtest_cache": "none",
    }
    with offline_markets(request.pairs):
        backtesting = Backtesting(Configuration(arguments, RunMode.BACKTEST).get_config())
        try:
            backtesting.start()
        finally:
            Backtesting.cleanup()
    return next(results.glob("*.zip"))


def trade(
    day: float, profit_pct: float, *, hours: float = 24.0, stake: float = 100.0, **more: Any
) -> dict[str, Any]:
    """One trade of 10 coins bought `day` days after START; its rates give the profit after fees."""
    opened = START + timedelta(days=day)
    closed = opened + timedelta(hours=hours)
    rate = stake / 10.0
    close_rate = rate * (1 + FEE) * (1 + profit_pct / 100.0) / (1 - FEE)
    sides = [("buy", rate, opened), ("sell", close_rate, closed)]
    return {
        "pair": "BTC/USDT", "stake_amount": stake, "open_date": str(opened),
        "close_date": str(closed), "open_rate": rate, "close_rate": close_rate, "fee_open": FEE,
        "fee_close": FEE, "trade_duration": int(hours * 60), "profit_ratio": profit_pct / 100.0,
        "profit_abs": stake * (1 + FEE) * profit_pct / 100.0, "exit_reason": "roi",
        "enter_tag": "crash", "is_short": False, "funding_fees": 0.0,
        "orders": [
            {"amount": 10.0, "safe_price": price, "ft_order_side": side, "cost": 10.0 * price,
             "order_filled_timestamp": int(at.timestamp() * 1000), "ft_is_entry": side == "buy"}
            for side, price, at in sides
        ],
        **more,
    }  # fmt: skip


def write_result(
    folder: Path, trades: Sequence[dict[str, Any]], days: int = 100, strategy: str = "Dipper"
) -> Path:
    """A result file of 1,000 USDT as freqtrade writes it, as far as the report reads it."""
    file = folder / f"backtest-result-{strategy}.json"
    own = {
        "trades": list(trades), "starting_balance": 1000, "stake_currency": "USDT",
        "backtest_start_ts": int(START.timestamp() * 1000),
        "backtest_end_ts": int((START + timedelta(days=days)).timestamp() * 1000),
        "timeframe": "1h", "pairlist": ["BTC/USDT"], "max_open_trades": 5,
    }  # fmt: skip
    file.write_text(json.dumps({"strategy": {strategy: own}, "strategy_comparison": []}))
    return file


def write_daily(folder: Path, coin: str, closes: Sequence[float]) -> None:
    """Daily candles from START on, of which only the closes are told."""
    days = pd.date_range(START, periods=len(closes), freq="D")
    pd.DataFrame({"date": days, "close": list(closes)}).to_feather(
        folder / f"{coin}_USDT-1d.feather"
    )


def scored(day: float, profit_pct: float, score: int) -> dict[str, Any]:
    """A trade whose tag says the bucket of its score."""
    return trade(day, profit_pct, enter_tag=f"crash_conf{score}")
