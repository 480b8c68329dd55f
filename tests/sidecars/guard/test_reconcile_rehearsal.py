"""Unmodified freqtrade trades live on the replay exchange while it is reconciled all the time.

Nothing may differ but what is damaged on purpose.
"""

import asyncio
import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt.async_support
import pytest
import requests
from requests.auth import HTTPBasicAuth
from sqlalchemy import MetaData

from sidecars.common.clock import SystemClock
from sidecars.common.database import open_database
from sidecars.common.settings_file import check_settings
from sidecars.common.source_errors import SourceError
from sidecars.guard.model import Reconciliation
from sidecars.guard.reconcile_setup import make_reconciler
from sidecars.guard.settings import GuardSettings
from sidecars.replay.client_config import (
    LOCAL_KEY,
    LOCAL_SECRET,
    freqtrade_exchange_config,
    rest_urls,
)
from tests.sidecars.replay.edge_rig import RunningExchange, running_exchange
from tests.sidecars.replay.test_freqtrade import STRATEGY, trading

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.timeout(300),
    # It waits for candles of the wall clock's minutes.
    pytest.mark.skipif(
        os.environ.get("AQUATRADE_REHEARSAL") != "full", reason="AQUATRADE_REHEARSAL=full runs it"
    ),
]

PREFIX = "aq-blink-"
USER, PASSWORD = "guard", "only-for-this-test"


class Bot:
    """GET and DELETE through the bot's REST API, in a thread."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.auth = HTTPBasicAuth(USER, PASSWORD)

    async def get(self, path: str, **parameters: str | int) -> Any:
        return await asyncio.to_thread(self.ask, "GET", path, parameters)

    def ask(self, method: str, path: str, parameters: dict[str, str | int] | None = None) -> Any:
        try:
            answer = self.session.request(
                method, f"{self.url}/api/v1/{path}", params=parameters, timeout=10
            )
            answer.raise_for_status()
            return answer.json()
        except requests.RequestException as error:
            raise SourceError(f"bot blink: {type(error).__name__}") from None


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    with running_exchange(
        "--seed", "7", "--pairs", "BTC/USDT,ETH/USDT", "--start", "now", "--balance", "USDT=1000"
    ) as running:
        yield running


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def bot(tmp_path: Path, exchange: RunningExchange) -> Iterator[Bot]:
    port = free_port()
    section = freqtrade_exchange_config(exchange.url, exchange.ws_url)
    ccxt_config: Any = section["ccxt_config"]
    ccxt_config["options"]["broker"] = {"spot": PREFIX}
    pricing = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
    config = {
        "max_open_trades": 2,
        "stake_currency": "USDT",
        "stake_amount": 100,
        "available_capital": 1000,
        "dry_run": False,
        "trading_mode": "spot",
        "entry_pricing": pricing,
        "exit_pricing": pricing,
        "exchange": {**section, "pair_whitelist": ["BTC/USDT", "ETH/USDT"]},
        "pairlists": [{"method": "StaticPairList"}],
        "bot_name": "blink",
        "initial_state": "running",
        "internals": {"process_throttle_secs": 1},
        "api_server": {
            "enabled": True,
            "listen_ip_address": "127.0.0.1",
            "listen_port": port,
            "username": USER,
            "password": PASSWORD,
            "jwt_secret_key": "only-for-this-test-only-for-this-test",
            "ws_token": "only-for-this-test",
        },
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "Blink.py").write_text(STRATEGY)
    with trading(tmp_path, "live") as log:
        bot = Bot(f"http://127.0.0.1:{port}")
        end = time.monotonic() + 100
        while not _trades(bot):
            assert time.monotonic() < end, log.read_text()[-5000:]
            time.sleep(0.5)
        yield bot
        assert "Traceback" not in log.read_text()


def _trades(bot: Bot) -> int:
    try:
        return int(bot.ask("GET", "trades")["total_trades"])
    except SourceError:
        return 0


def settings(exchange: RunningExchange, bot: Bot) -> GuardSettings:
    content = {
        "bots": [
            {
                "name": "blink", "url": bot.url, "username": USER, "allotment": 1000.0,
                "stage": "live", "client_id_prefix": PREFIX, "account": "main",
            }
        ],
        "capital": 1000.0,
        "profile_files": ["risk.json"],
        "accounts": [
            {"name": "main", "ccxt_config": {"urls": {"api": rest_urls(exchange.url)}}}
        ],
    }  # fmt: skip
    return check_settings(GuardSettings, content, "test")


KEYS = {"AQUATRADE_ACCOUNT_MAIN_KEY": LOCAL_KEY, "AQUATRADE_ACCOUNT_MAIN_SECRET": LOCAL_SECRET}


async def test_nothing_differs_while_a_bot_trades_and_what_is_damaged_is_found(
    exchange: RunningExchange, bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecars.guard.books.SETTLE", timedelta(seconds=20))
    engine = open_database(f"sqlite:///{tmp_path / 'guard.sqlite'}", MetaData())
    reconciler = make_reconciler(
        settings(exchange, bot), KEYS, {"blink": bot}, SystemClock(), engine
    )
    person = ccxt.async_support.binance(
        {
            "apiKey": LOCAL_KEY, "secret": LOCAL_SECRET, "enableRateLimit": False,
            "urls": {"api": rest_urls(exchange.url)}, "options": {"fetchCurrencies": False},
        }
    )  # fmt: skip

    async def look() -> Reconciliation:
        found = await reconciler.look({}, {"blink": "main"})
        assert found.errors == {}
        return found

    try:
        end = time.monotonic() + 120
        while await asyncio.to_thread(_trades, bot) < 2:
            assert time.monotonic() < end
            assert (await look()).mismatches == ()
            await asyncio.sleep(1)
        # An order with the bot's name on it that it never made, and one that is nobody's.
        ticker = await person.fetch_ticker("ETH/USDT")
        price = float(person.price_to_precision("ETH/USDT", ticker["last"] * 0.9))
        for name in (f"{PREFIX}stray", "web-1"):
            await person.create_order(
                "ETH/USDT", "limit", "buy", 0.01, price, {"newClientOrderId": name}
            )
        # A trade that the bot is made to forget.
        lost = await asyncio.to_thread(_forget_a_holding, bot)
        end = time.monotonic() + 100
        found = (await look()).mismatches
        while len({each.kind for each in found} & {"coins_unclaimed", "unknown_order"}) < 2:
            assert time.monotonic() < end, found
            await asyncio.sleep(2)
            found = (await look()).mismatches
        stray = [each for each in found if each.pair == "ETH/USDT"]
        assert [(each.kind, each.bot) for each in stray] == [("unknown_order", "blink")]
        claims = [each for each in found if each.kind == "coins_unclaimed"]
        assert [each.key for each in claims] == ["main|coins_unclaimed|BTC"]
        assert claims[0].exchange_value is not None
        assert abs(Decimal(str(claims[0].exchange_value)) - lost) < Decimal("0.0001")
    finally:
        await reconciler.close()
        await person.close()
        engine.dispose()


def _forget_a_holding(bot: Bot) -> Decimal:
    """Delete a trade that holds coins from the bot's database; what it held."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for trade in bot.ask("GET", "status"):
            if trade["amount"] and not trade["has_open_orders"]:
                bot.ask("DELETE", f"trades/{trade['trade_id']}")
                return Decimal(str(trade["amount"]))
        time.sleep(0.2)
    raise AssertionError("the bot never held anything")
