"""Unmodified freqtrade against the exchange: only addresses in its config are ours.

The exchange runs on the machine's own time, as freqtrade does.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pandas as pd
import pytest
import requests

from sidecars.replay.client_config import freqtrade_exchange_config
from tests.sidecars.replay.edge_rig import RunningExchange

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(240)]

PATIENCE_SECONDS = 100.0
# Buys BTC at the market's price and sells it five seconds later, over and over; its limit orders
# for ETH lie too low to be filled, time out and are cancelled.
STRATEGY = """
from freqtrade.strategy import IStrategy


class Blink(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {"0": 10}
    stoploss = -0.5
    startup_candle_count = 5
    process_only_new_candles = False
    unfilledtimeout = {"entry": 4, "exit": 30, "unit": "seconds"}

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["volume"] > 0, "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe

    def custom_entry_price(self, pair, trade, current_time, proposed_rate, entry_tag, side, **_):
        return proposed_rate * 0.985 if pair == "ETH/USDT" else proposed_rate

    def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **_):
        age = current_time - trade.date_last_filled_utc
        return "blink" if age.total_seconds() > 5 else None
"""


@pytest.fixture(scope="module")
def user_folder(tmp_path_factory: pytest.TempPathFactory, exchange: RunningExchange) -> Path:
    folder = tmp_path_factory.mktemp("user")
    (folder / "strategies").mkdir()
    (folder / "strategies" / "Blink.py").write_text(STRATEGY)
    pricing = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
    config = {
        "max_open_trades": 2,
        "stake_currency": "USDT",
        "stake_amount": 100,
        "dry_run": True,
        "dry_run_wallet": 1000,
        "trading_mode": "spot",
        "entry_pricing": pricing,
        "exit_pricing": pricing,
        "exchange": {
            **freqtrade_exchange_config(exchange.url, exchange.ws_url),
            "pair_whitelist": ["BTC/USDT", "ETH/USDT"],
        },
        "pairlists": [{"method": "StaticPairList"}],
        "bot_name": "blink",
        "cancel_open_orders_on_exit": True,
        "initial_state": "running",
        "internals": {"process_throttle_secs": 1},
        "dataformat_ohlcv": "feather",
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def command(user_folder: Path, *arguments: str) -> list[str]:
    config = str(user_folder / "config.json")
    common = ["--userdir", str(user_folder), "-c", config]
    return [sys.executable, "-m", "freqtrade", *arguments, *common]


def run(user_folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        command(user_folder, *arguments),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
        cwd=user_folder,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def candles(user_folder: Path, name: str) -> pd.DataFrame:
    return pd.read_feather(user_folder / "data" / "binance" / f"{name}.feather")


@pytest.fixture(scope="module")
def downloaded(user_folder: Path) -> Path:
    run(user_folder, "download-data", "--timeframes", "1m", "5m", "--days", "1")
    return user_folder


def test_downloaded_candles_are_the_exchanges(downloaded: Path, exchange: RunningExchange) -> None:
    stored = candles(downloaded, "ETH_USDT-1m")
    # One day and what today has had so far, without a hole, and without the forming candle.
    assert len(stored) > 1440
    assert (stored["date"].diff().dropna() == pd.Timedelta(minutes=1)).all()
    start = stored["date"].iloc[200]
    parameters: dict[str, str | int] = {
        "symbol": "ETHUSDT",
        "interval": "1m",
        "startTime": int(start.timestamp() * 1000),
        "limit": 1000,
    }
    rows = requests.get(f"{exchange.url}/api/v3/klines", params=parameters, timeout=10).json()
    own = stored.iloc[200:1200][["open", "high", "low", "close", "volume"]].to_numpy()
    assert own.tolist() == [[float(value) for value in row[1:6]] for row in rows]
    coarse = candles(downloaded, "ETH_USDT-5m").set_index("date")["close"]
    fine = stored.set_index("date")["close"].resample("5min").last()
    common = coarse.index[:-1]
    assert (coarse[common] == fine[common]).all()


def test_backtesting(downloaded: Path) -> None:
    since = candles(downloaded, "BTC_USDT-1m")["date"].iloc[0]
    run(downloaded, "backtesting", "-s", "Blink", "--timerange", f"{since:%Y%m%d}-")
    (archive,) = (downloaded / "backtest_results").glob("*.zip")
    with ZipFile(archive) as results:
        told = json.loads(results.read(f"{archive.stem}.json"))["strategy"]["Blink"]
    assert told["total_trades"] > 100
    assert told["trades"][0]["fee_open"] == 0.001


@contextmanager
def trading(user_folder: Path, name: str, *arguments: str) -> Iterator[Path]:
    """`freqtrade trade` while the block runs; yields its log."""
    log = user_folder / f"{name}.log"
    database = f"sqlite:///{user_folder / name}.sqlite"
    line = command(user_folder, "trade", "-s", "Blink", "--db-url", database, *arguments)
    with log.open("w") as output:
        bot = subprocess.Popen(
            line,
            stdout=output,
            stderr=output,
            cwd=user_folder,
            env={**os.environ, "COLUMNS": "400"},
        )
        try:
            yield log
        finally:
            bot.send_signal(signal.SIGTERM)
            try:
                bot.wait(timeout=30)
            except subprocess.TimeoutExpired:
                bot.kill()
                bot.wait()


def wait_until(done: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < end, log.read_text()[-5000:]
        time.sleep(0.5)


def rows(database: Path, query: str) -> list[dict[str, Any]]:
    if not database.exists():
        return []
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(query)]
        except sqlite3.OperationalError:  # the bot has not made its tables yet
            return []


def test_dry_run_on_websocket_candles(user_folder: Path) -> None:
    database = user_folder / "dry.sqlite"
    with trading(user_folder, "dry", "--dry-run", "-vv") as log:
        wait_until(
            lambda: (
                bool(rows(database, "select * from trades where not is_open"))
                and "watch done BTC/USDT, 1m" in log.read_text()
            ),
            log,
        )
    assert "ERROR" not in log.read_text()


def ledger(exchange: RunningExchange, part: str) -> Any:
    return requests.get(f"{exchange.url}/control/ledger/{part}", timeout=10).json()


def test_live_orders_equal_the_ledger(user_folder: Path, exchange: RunningExchange) -> None:
    database = user_folder / "live.sqlite"
    config = json.loads((user_folder / "config.json").read_text()) | {"dry_run": False}
    (user_folder / "config.json").write_text(json.dumps(config))
    with trading(user_folder, "live") as log:
        wait_until(
            lambda: (
                bool(rows(database, "select * from trades where not is_open"))
                and "CANCELED"
                in {order["status"] for order in ledger(exchange, "orders")["orders"]}
            ),
            log,
        )
    assert "Traceback" not in log.read_text()
    told = {str(order["order_id"]): order for order in ledger(exchange, "orders")["orders"]}
    own = {order["order_id"]: order for order in rows(database, "select * from orders")}
    # Freqtrade forgets an entry that was cancelled without a fill; it may forget no other order.
    forgotten = [told[order_id] for order_id in told.keys() - own.keys()]
    assert {(order["status"], order["symbol"]) for order in forgotten} == {("CANCELED", "ETHUSDT")}
    assert all(Decimal(order["filled_amount"]) == 0 for order in forgotten)
    assert own.keys() <= told.keys()
    for order_id, order in own.items():
        exact = told[order_id]
        assert order["ft_order_side"] == exact["side"].lower()
        assert Decimal(str(order["filled"] or 0)) == Decimal(exact["filled_amount"])
        assert (order["status"], exact["status"]) == ("closed", "FILLED")
    closed = rows(database, "select * from trades where not is_open")[0]
    mine = [order for order in own.values() if order["ft_trade_id"] == closed["id"]]
    buy, sell = (told[order["order_id"]] for order in mine)
    # What the buy left after its fee, to the last unit the market lets it sell.
    bought = Decimal(buy["filled_amount"]) - sum(Decimal(f["fee"]) for f in buy["fills"])
    sold = Decimal(sell["filled_amount"])
    assert 0 <= bought - sold < Decimal("0.00001")
    assert ledger(exchange, "verify")["agrees"] is True
    assert ledger(exchange, "totals")["open_orders"] == 0
