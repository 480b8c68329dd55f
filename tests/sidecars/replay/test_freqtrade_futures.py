"""Unmodified freqtrade downloads perpetuals from the exchange and backtests on them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pandas as pd
import pytest

from sidecars.replay.client_config import freqtrade_exchange_config
from sidecars.replay.market.timeframes import HOUR_MS
from tests.sidecars.replay.edge_rig import running_exchange
from tests.sidecars.replay.futures_fakes import (
    HOURS,
    marks_of,
    settlements,
    write_perpetual,
)
from tests.sidecars.replay.market_fakes import START_MS, seeded_candles, write_candles

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(240)]

PATIENCE_SECONDS = 100
TIMERANGE = "20240101-20240109"
# Sells short at every chance and buys back after a day, through three settlements.
STRATEGY = """
from freqtrade.strategy import IStrategy


class Sleeper(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1h"
    can_short = True
    minimal_roi = {"0": 100}
    stoploss = -0.9
    startup_candle_count = 1

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe

    def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **kwargs):
        held = current_time - trade.open_date_utc
        return "a day" if held.total_seconds() >= 86400 else None
"""


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "freqtrade", *arguments, "--userdir", ".", "-c", "config.json"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def config(url: str) -> dict[str, Any]:
    exchange = freqtrade_exchange_config(url, url.replace("http://", "ws://"))
    pricing = {"price_side": "same", "use_order_book": True, "order_book_top": 1}
    return {
        "max_open_trades": 1, "stake_currency": "USDT", "stake_amount": 100, "dry_run": True,
        "dry_run_wallet": 1000, "trading_mode": "futures", "margin_mode": "isolated",
        "entry_pricing": pricing, "exit_pricing": pricing,
        "exchange": {**exchange, "pair_whitelist": ["BTC/USDT:USDT"]},
        "pairlists": [{"method": "StaticPairList"}], "dataformat_ohlcv": "feather",
    }  # fmt: skip


def backtested(folder: Path) -> list[dict[str, Any]]:
    (archive,) = (folder / "backtest_results").glob("*.zip")
    with ZipFile(archive) as results:
        told = json.loads(results.read(f"{archive.stem}.json"))["strategy"]["Sleeper"]
    trades: list[dict[str, Any]] = told["trades"]
    return trades


def test_download_and_backtest(tmp_path: Path) -> None:
    recorded, user = tmp_path / "recorded", tmp_path / "user"
    (user / "strategies").mkdir(parents=True)
    recorded.mkdir()
    (user / "strategies" / "Sleeper.py").write_text(STRATEGY)
    write_candles(recorded, "BTC/USDT", "1h", seeded_candles(HOURS, HOUR_MS, seed=5))
    candles, marks = write_perpetual(recorded, "BTC/USDT")
    with running_exchange("--data", str(recorded), "--start", "2024-01-10T12:00:00") as exchange:
        (user / "config.json").write_text(json.dumps(config(exchange.url)))
        run(user, "download-data", "--timeframes", "1h", "--timerange", TIMERANGE)
        run(user, "backtesting", "-s", "Sleeper", "--timerange", TIMERANGE)
    folder = user / "data" / "binance" / "futures"
    stored = {path.name: pd.read_feather(path) for path in folder.iterdir()}
    traded = stored["BTC_USDT_USDT-1h-futures.feather"]
    assert len(traded) >= 8 * 24
    assert traded["close"].tolist() == candles.close[: len(traded)].tolist()
    marked = stored["BTC_USDT_USDT-1h-mark.feather"]
    assert marked["open"].tolist() == marks.open[: len(marked)].tolist()
    funding = next(frame for name, frame in stored.items() if "funding_rate" in name)
    times, rates = settlements(HOURS // 8)
    assert funding["funding_rate"].tolist() == pytest.approx(rates[: len(funding)])
    settled = pd.to_datetime(times[: len(funding)], unit="ms", utc=True)
    assert len(funding) > 20 and (funding["date"] == settled).all()
    trades = backtested(user)
    assert len(trades) > 4 and all(trade["is_short"] for trade in trades)
    for trade in trades[:-1]:
        assert trade["funding_fees"] == pytest.approx(earned(trade), rel=1e-4)


def earned(trade: dict[str, Any]) -> float:
    """By hand: at each settlement a short receives rate x mark price x amount."""
    total = 0.0
    marks = marks_of(seeded_candles(HOURS, HOUR_MS))
    for time_ms, rate in zip(*settlements(HOURS // 8), strict=True):
        if trade["open_timestamp"] <= time_ms <= trade["close_timestamp"]:
            hour = (time_ms - START_MS) // HOUR_MS
            total += rate * float(marks.open[hour]) * trade["amount"]
    return total
