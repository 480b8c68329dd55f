"""Faults against the exchange as a process of its own: killed and stopped in the middle of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ccxt
import pytest
import requests

from sidecars.replay.client_config import freqtrade_exchange_config

pytestmark = pytest.mark.rehearsal

PAIR = "BTC/USDT"
READY = "replay exchange ready at "


class Exchange:
    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process = process
        self.url = url

    def control(self, method: str, path: str, body: object = None) -> Any:
        answer = requests.request(method, f"{self.url}/control/{path}", json=body, timeout=10)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def bot(self) -> Any:
        config: dict[str, Any] = freqtrade_exchange_config(self.url, self.url)
        bot = ccxt.binance(
            {"apiKey": config["key"], "secret": config["secret"], "timeout": 2000}
            | config["ccxt_config"]
        )
        bot.load_time_difference()
        bot.load_markets()
        return bot


@contextmanager
def running(ledger: Path) -> Iterator[Exchange]:
    options = ["--port", "0", "--pairs", PAIR, "--ledger", str(ledger), "--start", "2024-03-05"]
    span = ["--synthetic-start", "2024-03-01", "--synthetic-end", "2024-03-09"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sidecars.replay", *options, *span],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(READY), line
        yield Exchange(process, line.removeprefix(READY).partition(",")[0])
    finally:
        process.kill()
        process.communicate()


def place(bot: Any, name: str) -> Any:
    price = round(bot.fetch_ticker(PAIR)["last"] * 0.9, 2)
    return bot.create_order(PAIR, "limit", "buy", 0.001, price, {"newClientOrderId": name})


def test_a_lost_answer_survives_sigkill(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    lost = {"kind": "response_lost", "next": 1, "parameters": {"seconds": 60}}
    with running(ledger) as exchange:
        bot = exchange.bot()
        exchange.control("POST", "faults", lost)
        with ThreadPoolExecutor(1) as pool:
            placing = pool.submit(place, bot, "mine")
            while not exchange.control("GET", "faults/log")["events"]:
                time.sleep(0.02)
            exchange.process.send_signal(signal.SIGKILL)
            with pytest.raises(ccxt.NetworkError):
                placing.result(10)
    with running(ledger) as exchange:
        bot = exchange.bot()
        assert exchange.control("GET", "faults")["rules"] == []
        found = bot.fetch_order(None, PAIR, {"origClientOrderId": "mine"})
        orders = exchange.control("GET", "ledger/orders")["orders"]
        assert [(o["order_id"], o["client_order_id"]) for o in orders] == [
            (int(found["id"]), "mine")
        ]
        assert exchange.control("GET", "ledger/verify")["disagreements"] == []


def test_sigterm_does_not_wait_for_hanging_requests(tmp_path: Path) -> None:
    with running(tmp_path / "ledger.sqlite") as exchange:
        bot = exchange.bot()
        exchange.control("POST", "faults", {"kind": "time_out", "parameters": {"seconds": 3600}})
        bot.timeout = 20_000
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(bot.fetch_time)
            while not exchange.control("GET", "faults/log")["events"]:
                time.sleep(0.02)
            started = time.monotonic()
            exchange.process.send_signal(signal.SIGTERM)
            assert exchange.process.wait(10) == 0
            assert time.monotonic() - started < 4
            with pytest.raises(ccxt.NetworkError):
                asking.result(10)
