"""A real freqtrade bot in dry-run, in this process: its loop, its database, and no exchange.

Markets, candles and order books come from the test; the clock stands where the test puts it.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import time_machine
from freqtrade.configuration import Configuration
from freqtrade.enums import CandleType, RunMode
from freqtrade.exchange import Exchange
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.persistence import PairLocks, Trade

from lab.evidence_runner import BacktestRequest, backtest_config, offline_markets
from tests.strategies.candle_tables import FEE_RATE, Row
from tests.strategies.risk_rig import SCRIPTED

START = datetime(2024, 3, 12, 6, 0, 4, tzinfo=UTC)  # a Tuesday
HOUR = timedelta(hours=1)
LOOP = timedelta(seconds=5)
CANDLES = 80
SPREAD = 1e-5


class DryBot:
    """Prices: what the order book shows; a candle's close is the price when its hour ended."""

    def __init__(
        self,
        folder: Path,
        section: Mapping[str, Any],
        pairs: tuple[str, ...] = ("BTC/USDT",),
        **changes: Any,
    ) -> None:
        self.folder = folder
        self.now = START
        self.prices = dict.fromkeys(pairs, 100.0)
        self.rows: dict[str, list[Row]] = {
            pair: [(100.0, 100.0, 100.0, 100.0, 50.0)] * CANDLES for pair in pairs
        }
        self.is_away = False
        request = BacktestRequest(
            datadir=folder, pairs=pairs, fee_rate=FEE_RATE, aquatrade=section, max_open_trades=3,
            wallet=10_000.0, strategy="Scripted", strategy_path=SCRIPTED,
        )  # fmt: skip
        order_book = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
        self._config: dict[str, Any] = {
            **backtest_config(request),
            "db_url": f"sqlite:///{folder / 'bot.sqlite'}",
            "bot_name": "tester",
            "entry_pricing": order_book,
            "exit_pricing": order_book,
            "unfilledtimeout": {"entry": 600, "exit": 600, "unit": "minutes"},
            "initial_state": "running",
            "force_entry_enable": True,
            "exchange": {"name": "binance", "pair_whitelist": list(pairs), "enable_ws": False},
            **changes,
        }
        self.bot: FreqtradeBot | None = None

    def start(self) -> FreqtradeBot:
        """A new process of the bot, as far as it can be one here."""
        file = self.folder / "config.json"
        file.write_text(json.dumps(self._config))
        arguments = {
            "config": [str(file)], "user_data_dir": str(self.folder), "strategy": "Scripted",
            "strategy_path": str(SCRIPTED),
        }  # fmt: skip
        config = Configuration(arguments, RunMode.DRY_RUN).get_config()
        self.bot = FreqtradeBot(config)
        self.bot.startup()
        return self.bot

    def stop(self) -> None:
        if self.bot is not None:
            self.bot.cleanup()
            self.bot = None

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def strategy(self) -> Any:
        assert self.bot is not None
        return self.bot.strategy

    @property
    def risk(self) -> Any:
        return self.strategy.risk

    def loop(self, times: int = 1) -> None:
        """Freqtrade's loop, five seconds apart."""
        assert self.bot is not None
        for _ in range(times):
            with time_machine.travel(self.now, tick=False):
                self.bot.process()
            self.now += LOOP

    def at(self, call: Any, *arguments: Any, **kwargs: Any) -> Any:
        """Call something at the bot's present time."""
        with time_machine.travel(self.now, tick=False):
            return call(*arguments, **kwargs)

    def next_hour(self, **prices: float) -> None:
        """Shortly after the end of the hour, whose candles end at the prices (BTC=90.0)."""
        self.now = self.now.replace(minute=0, second=4) + HOUR
        for pair in self.prices:
            before = self.prices[pair]
            after = prices.get(pair.split("/")[0], before)
            self.prices[pair] = after
            row = (before, max(before, after), min(before, after), after, 50.0)
            self.rows[pair] = [*self.rows[pair][1:], row]

    def frame(self, pair: str) -> pd.DataFrame:
        end = self.now.replace(minute=0, second=0, microsecond=0)
        dates = pd.date_range(end=end - HOUR, periods=CANDLES, freq="1h").as_unit("us")
        frame = pd.DataFrame(self.rows[pair], columns=["open", "high", "low", "close", "volume"])
        frame.insert(0, "date", dates)
        return frame

    def order_book(self, pair: str) -> dict[str, Any]:
        price = self.prices[pair]
        return {
            # On the tick: an order at the price that was seen is filled at it.
            "bids": [[round(price * (1 - SPREAD), 4), 1e9]],
            "asks": [[round(price * (1 + SPREAD), 4), 1e9]],
            "symbol": pair,
        }

    # -- what came of it --------------------------------------------------------------------------

    def open_trades(self) -> list[Any]:
        return list(Trade.get_open_trades())

    def closed_trades(self) -> list[Any]:
        return list(Trade.get_trades_proxy(is_open=False))

    def locks(self) -> list[Any]:
        return list(self.at(PairLocks.get_pair_locks, None))

    def events(self, kind: str | None = None) -> list[Any]:
        """Of the bot's own event log, oldest first."""
        stored = self.risk.world.store.log.newest(1_000, kind=kind)
        return [one.event for one in reversed(stored)]


@contextlib.contextmanager
def dry_bot(folder: Path, section: Mapping[str, Any], **changes: Any) -> Iterator[DryBot]:
    """A bot that has not started yet; everything is put back when the block ends."""
    pairs = tuple(changes.pop("pairs", ("BTC/USDT",)))
    dry = DryBot(folder, section, pairs, **changes)

    def refresh(exchange: Any, pair_list: Any, **kwargs: Any) -> dict[Any, Any]:
        for pair, timeframe, kind in pair_list:
            exchange._klines[(pair, timeframe, kind or CandleType.SPOT)] = dry.frame(pair)
        return {}

    def order_book(exchange: Any, pair: str, limit: int = 100) -> dict[str, Any]:
        if dry.is_away:
            from freqtrade.exceptions import TemporaryError

            raise TemporaryError("the exchange is away")
        return dry.order_book(pair)

    originals = {name: getattr(Exchange, name) for name in
                 ("refresh_latest_ohlcv", "fetch_l2_order_book")}  # fmt: skip
    Exchange.refresh_latest_ohlcv = refresh
    Exchange.fetch_l2_order_book = order_book
    try:
        with offline_markets(pairs):
            yield dry
            dry.stop()
    finally:
        for name, original in originals.items():
            setattr(Exchange, name, original)
