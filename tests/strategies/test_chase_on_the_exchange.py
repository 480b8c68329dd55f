"""The post-only chase of an unmodified freqtrade, in live mode, on the replay exchange.

The market stands still, so that nobody takes what the bot offers: each order has to go all the way.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests

from lab.evidence_runner import REPOSITORY, STRATEGIES
from sidecars.common.clock import SystemClock
from sidecars.replay.client_config import freqtrade_exchange_config
from tests.sidecars.replay.edge_rig import running_exchange

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(150)]

PATIENCE_SECONDS = 100.0
TICK_AFTER, MARKET_AFTER = 2.0, 5.0
PRICE = 10_000.03
LOOP_SECONDS = 1
# As Binance says it when the market has come to a post-only order before it arrived: once.
REFUSED = {
    "kind": "reject_order",
    "next": 1,
    "parameters": {"code": -2010, "message": "Order would immediately match and take."},
}
STRATEGY = """
from aquatrade.base_strategy import AquatradeStrategy
from aquatrade.presets import Preset


class Chaser(AquatradeStrategy):
    DEFAULT_PRESET = "only"
    PRESETS = {
        "only": Preset(
            stop_pct=50.0, minimal_roi={"0": 10.0}, buy={}, sell={}, searched=frozenset(),
            evidence="none: it shows how orders are placed",
        )
    }
    timeframe = "1m"
    startup_candle_count = 5
    use_exit_signal = True

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe

    def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **kwargs):
        return "enough"
"""


def write_still_market(folder: Path) -> None:
    """Minutes at one price, from two days ago until tomorrow: the tick is a cent."""
    start = SystemClock().now().replace(second=0, microsecond=0) - timedelta(days=2)
    dates = pd.date_range(start, periods=3 * 1440, freq="1min").as_unit("ms")
    frame = pd.DataFrame({"date": dates})
    frame[["open", "high", "low", "close"]] = PRICE
    frame["volume"] = 5000.00001
    frame.to_feather(folder / "BTC_USDT-1m.feather")


@contextmanager
def trading(folder: Path, config: dict[str, Any]) -> Iterator[Path]:
    """`freqtrade trade` while the block runs; yields its log."""
    (folder / "Chaser.py").write_text(STRATEGY)
    (folder / "config.json").write_text(json.dumps(config))
    log = folder / "bot.log"
    line = [sys.executable, "-m", "freqtrade", "trade", "-c", "config.json", "--userdir", "."]
    line += ["-s", "Chaser", "--strategy-path", ".", "--db-url", "sqlite:///bot.sqlite"]
    path = os.pathsep.join([str(REPOSITORY), str(STRATEGIES)])
    with log.open("w") as output:
        bot = subprocess.Popen(
            line, stdout=output, stderr=output, cwd=folder,
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "400"},
        )  # fmt: skip
        try:
            yield log
        finally:
            bot.send_signal(signal.SIGTERM)
            try:
                bot.wait(timeout=30)
            except subprocess.TimeoutExpired:
                bot.kill()
                bot.wait()


def closed_trades(folder: Path) -> list[dict[str, Any]]:
    if not (folder / "bot.sqlite").exists():
        return []
    with sqlite3.connect(f"file:{folder / 'bot.sqlite'}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        try:
            found = connection.execute("select * from trades where not is_open order by id")
            return [dict(row) for row in found]
        except sqlite3.OperationalError:  # the bot has not made its tables yet
            return []


def test_every_order_goes_from_maker_to_market(tmp_path: Path) -> None:
    write_still_market(tmp_path)
    pricing = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
    faults = tmp_path / "faults.json"
    faults.write_text(json.dumps([REFUSED]))
    arguments = ["--data", str(tmp_path), "--start", "now", "--faults", str(faults)]
    with running_exchange(*arguments) as exchange:
        config: dict[str, Any] = {
            "max_open_trades": 1, "stake_currency": "USDT", "stake_amount": 100, "dry_run": False,
            "trading_mode": "spot", "entry_pricing": pricing, "exit_pricing": pricing,
            # As in the shipped config: the chase has to put its own in their place.
            "order_time_in_force": {"entry": "GTC", "exit": "GTC"},
            "unfilledtimeout": {"entry": 10, "exit": 10, "exit_timeout_count": 0},
            "exchange": {
                **freqtrade_exchange_config(exchange.url, exchange.ws_url),
                "pair_whitelist": ["BTC/USDT"],
            },
            "pairlists": [{"method": "StaticPairList"}],
            "initial_state": "running", "internals": {"process_throttle_secs": LOOP_SECONDS},
            "dataformat_ohlcv": "feather", "bot_name": "chaser",
            "aquatrade": {
                "orders": {
                    "chase": True,
                    "tick_after_seconds": TICK_AFTER,
                    "market_after_seconds": MARKET_AFTER,
                },
            },
        }  # fmt: skip
        with trading(tmp_path, config) as log:
            end = time.monotonic() + PATIENCE_SECONDS
            while not closed_trades(tmp_path):
                assert time.monotonic() < end, log.read_text()[-6000:]
                time.sleep(0.3)
            text = log.read_text()  # a signal in the middle of a commit has a traceback of its own
        told = requests.get(f"{exchange.url}/control/ledger/orders", timeout=10).json()["orders"]
        verified = requests.get(f"{exchange.url}/control/ledger/verify", timeout=10).json()
    assert "Traceback" not in text, text[-6000:]
    assert "Unable to create trade for BTC/USDT" in text and "immediately match" in text
    assert verified["agrees"] is True
    for side, towards in (("BUY", 1), ("SELL", -1)):
        best, nearer, last = [order for order in told if order["side"] == side][:3]
        for order in (best, nearer):
            assert (order["type"], order["status"]) == ("LIMIT_MAKER", "CANCELED")
            assert (PRICE - float(order["price"])) * towards > 0.0
            assert not order["fills"]
        assert (last["type"], last["status"]) == ("MARKET", "FILLED")
        ages = [(order["created_ms"] - best["created_ms"]) / 1000 for order in (nearer, last)]
        # The entry's clock runs from the order that was refused.
        before = 5 * LOOP_SECONDS if side == "BUY" else 0.0
        assert TICK_AFTER - before <= ages[0] < MARKET_AFTER
        assert MARKET_AFTER - before <= ages[1]
    (trade,) = closed_trades(tmp_path)
    assert trade["exit_reason"] == "emergency_exit"
