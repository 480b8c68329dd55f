"""What stands around the rules of one bot: the live freqtrade, or a run of a backtest."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from freqtrade.exceptions import FreqtradeException
from freqtrade.persistence import LocalTrade, Order, PairLocks, Trade

from aquatrade.bot_approvals import Approval
from aquatrade.bot_book import BotIdentity, Money, unrealized_profit
from aquatrade.bot_candles import BacktestCandles, Candles, LiveCandles, milliseconds
from aquatrade.bot_ledger import BacktestLedger, LiveLedger
from aquatrade.bot_locks import BacktestLocks, LiveLocks
from aquatrade.bot_probe import ExchangeProbe, exchange_time
from aquatrade.bot_store import MemoryStore, RiskStore, Store, new_process, risk_database_url
from aquatrade.guard_client import Asker, GuardClient, GuardServer
from aquatrade.guard_events import GuardEvents
from aquatrade.kill_file import kill_file_text
from aquatrade.risk.model import RiskState
from aquatrade.risk.profile import RiskProfile
from aquatrade.settings import AquatradeSettings, SettingsError, guard_token

logger = logging.getLogger(__name__)

# The exchange stamps orders with its own clock.
CLOCK_SLACK = timedelta(seconds=10)
# A price that could not be fetched is not asked for again at once: each try may hold up exits.
RETRY_RATE_SECONDS = 60.0
FLUSH_SECONDS = 1.0


def money_of(strategy: Any, open_trades: Sequence[Any]) -> Money:
    """What the bot's wallet holds."""
    wallets = strategy.wallets
    capital = float(wallets.get_total_stake_amount())
    if "available_capital" in strategy.config:
        # Freqtrade adds what closed trades made, and not what open ones have realised already.
        capital += sum(trade.realized_profit or 0.0 for trade in open_trades)
    return Money(capital=capital, free=max(0.0, float(wallets.get_available_stake_amount())))


class BacktestWorld:
    """Past candles: one strategy, run after run; nothing of one run is left in the next."""

    is_live = False
    probe = None
    guard = None
    obstacle: str | None = None

    def __init__(self, strategy: Any, identity: BotIdentity, hours: int) -> None:
        self._strategy = strategy
        self._balances: Any = None
        self._capital = math.nan
        self.ledger = BacktestLedger(identity)
        self.backtest_candles = BacktestCandles(strategy.timeframe, hours, strategy.config)
        self.candles: Candles = self.backtest_candles
        self.locks = BacktestLocks()
        self.store: Store = MemoryStore()
        self.first_state = RiskState()
        self._run: list[LocalTrade] | None = None
        self._closed_seen = -1

    def begins_anew(self) -> bool:
        """Whether another run has begun since the last time this was asked."""
        # Freqtrade gives each run a new list: held on to here, it cannot be mistaken for another.
        if LocalTrade.bt_trades is self._run:
            return False
        self._run = LocalTrade.bt_trades
        self.locks = BacktestLocks()
        self._balances = None
        self._closed_seen = -1
        return True

    def is_same_run(self) -> bool:
        return LocalTrade.bt_trades is self._run

    def is_quiet(self) -> bool:
        return (
            LocalTrade.bt_open_open_trade_count == 0
            and LocalTrade.bt_trades is self._run
            and len(self._run) == self._closed_seen
        )

    def looked(self) -> None:
        self._closed_seen = len(LocalTrade.bt_trades)

    def rate_of(self, now: datetime) -> Callable[[str, bool], float]:
        def rate(pair: str, is_short: bool) -> float:
            columns = self.candles.columns(pair)
            return float("nan") if columns is None else columns.newest_close(now)

        return rate

    def quick_figures(self, now: datetime) -> tuple[float, float]:
        """Equity and profit as the book has them, in a fraction of its time."""
        now_ms = milliseconds(now)
        unrealized = realized = 0.0
        for trade in LocalTrade.bt_trades_open:
            if trade.amount:
                columns = self.candles.columns(trade.pair)
                rate = math.nan if columns is None else columns.newest_close_ms(now_ms)
                unrealized += unrealized_profit(trade, rate)
            realized += trade.realized_profit or 0.0
        # Freqtrade makes a new list of balances whenever an order has changed one.
        balances = self._strategy.wallets.get_all_balances()
        if balances is not self._balances:
            self._balances = balances
            self._capital = money_of(self._strategy, LocalTrade.bt_trades_open).capital
        profit = LocalTrade.bt_total_profit + realized + unrealized
        return self._capital + unrealized, profit

    def order_came(self, approval: Approval) -> bool:
        return bool(LocalTrade.bt_trades_open_pp[approval.pair])

    def entry_waits(self, approval: Approval) -> bool:
        return _entry_waits(LocalTrade.bt_trades_open_pp[approval.pair])

    def say(self, text: str) -> None:
        """Nobody listens to the past."""


class LiveWorld:
    """The bot that trades, live or in dry-run."""

    is_live = True

    def __init__(
        self,
        strategy: Any,
        identity: BotIdentity,
        settings: AquatradeSettings,
        profile: RiskProfile,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Opens the risk database. If it or the guard's token is no good, `obstacle` says so.

        Then nothing may be entered, and what happens is remembered in memory alone: open positions
        still need their stops. Raises SettingsError where the config does not say which database.
        """
        self._strategy = strategy
        self._monotonic = monotonic
        self._no_rate_before: dict[str, float] = {}
        self.ledger = LiveLedger(identity)
        self.candles: Candles = LiveCandles(strategy)
        self.locks = LiveLocks()
        self.guard: GuardClient | None = None
        self.probe: ExchangeProbe | None = None
        self.events: GuardEvents | None = None
        self.obstacle: str | None = None  # why nothing may be entered before the next start
        self.first_state = RiskState()
        self._profile = profile
        url = risk_database_url(strategy.config, settings.risk_database_url)
        if url is None:
            logger.warning("the bot's database is in memory: so is what the risk rules remember")
        disk = self._opened(url, identity.bot) if url is not None else None
        self.store: Store = disk if disk is not None else MemoryStore()
        guard_url = settings.guard.url
        if guard_url is not None:
            process = disk.process if disk is not None else new_process()
            asker = Asker(strategy.config.get("dry_run") is True, process)
            token = self._token()

            def server() -> GuardServer:
                return GuardServer(guard_url, token)

            self.guard = GuardClient(server, settings.guard.timeout_seconds, asker)
            if disk is not None:
                self.events = GuardEvents(server, identity.bot, disk)

    def _opened(self, url: str, bot: str) -> RiskStore | None:
        """The risk database, and what it remembers; None if it cannot be used."""
        try:
            store = RiskStore(url, bot)
        except SettingsError as error:
            self._blocked(error)
            return None
        try:
            self.first_state = store.load()
        except SettingsError as error:
            self._blocked(error)
            store.close()
            return None
        return store

    def _token(self) -> str | None:
        try:
            return guard_token()
        except SettingsError as error:
            self._blocked(error)
            return None

    def _blocked(self, error: SettingsError) -> None:
        logger.error("%s: no entries before this is mended and the bot restarted", error)
        self.obstacle = self.obstacle or str(error)

    def start(self) -> None:
        """Begin what runs beside the loop."""
        profile = self._profile
        if profile.max_clock_skew_seconds or profile.max_exchange_silence_minutes:
            api = self._strategy.dp._exchange._api
            pairs = self._strategy.dp.current_whitelist()
            self.probe = ExchangeProbe(exchange_time(api, pairs[0] if pairs else ""))
            self.probe.start()
        if self.events is not None:
            self.events.start()

    def close(self) -> None:
        if self.probe is not None:
            self.probe.stop()
        if self.events is not None:
            self.events.stop(FLUSH_SECONDS)
        if self.guard is not None:
            self.guard.close()
        self.store.close()

    def begins_anew(self) -> bool:
        return False

    def is_same_run(self) -> bool:
        return True

    def is_quiet(self) -> bool:
        return False

    def looked(self) -> None:
        """Live there is always a next look."""

    def rate_of(self, now: datetime) -> Callable[[str, bool], float]:
        def rate(pair: str, is_short: bool) -> float:
            return self._exit_rate(pair, is_short, now)

        return rate

    def order_came(self, approval: Approval) -> bool:
        newest = sa.select(sa.func.count(Order.id)).where(
            Order.ft_pair == approval.pair, Order.order_date >= approval.at - CLOCK_SLACK
        )
        return bool(Order.session.scalar(newest))

    def entry_waits(self, approval: Approval) -> bool:
        return _entry_waits(Trade.get_trades_proxy(pair=approval.pair, is_open=True))

    def say(self, text: str) -> None:
        self._strategy.dp.send_msg(text, always_send=True)

    def lock_on(self, pair: str, side: str, at: datetime) -> str | None:
        """The reason of the lock that keeps a pair from being entered."""
        for name in (pair, "*"):
            lock = PairLocks.get_pair_longest_lock(name, at, side)
            if lock is not None:
                return lock.reason or "no reason given"
        return None

    def _exit_rate(self, pair: str, is_short: bool, now: datetime) -> float:
        """As freqtrade fetched it for the exits of its last loop; else the newest close."""
        if self._monotonic() >= self._no_rate_before.get(pair, 0.0):
            try:
                return float(
                    self._strategy.dp._exchange.get_rate(
                        pair, refresh=False, side="exit", is_short=is_short
                    )
                )
            except FreqtradeException as error:
                self._no_rate_before[pair] = self._monotonic() + RETRY_RATE_SECONDS
                logger.warning("no price of %s, its newest candle has to do: %s", pair, error)
        columns = self.candles.columns(pair)
        return float("nan") if columns is None else columns.newest_close(now)


def _entry_waits(trades: Sequence[Any]) -> bool:
    return any(
        order.ft_is_open and order.ft_order_side == trade.entry_side
        for trade in trades
        for order in trade.orders
    )


def with_kill_file_found(profile: RiskProfile, user_data: Path | str | None) -> RiskProfile:
    """The profile with a kill file in "user_data" taken for one in freqtrade's own user folder,
    wherever the bot was started."""
    file = Path(profile.kill_file or "")
    if user_data is None or file.is_absolute() or file.parts[:1] != ("user_data",):
        return profile
    found = Path(user_data, *file.parts[1:])
    return profile.model_copy(update={"kill_file": str(found)})


def kill_switch(profile: RiskProfile) -> str | None:
    """Why the kill switch is on; None: it is off."""
    if profile.kill_file is None:
        return None
    text = kill_file_text(Path(profile.kill_file))
    return None if text is None else f"kill switch: {text}"
