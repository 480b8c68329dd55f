"""Risk in one bot: looks at its book, trips, locks, closes, and judges each of its entries.

The same live, in dry-run and in backtests; what differs is where trades, prices and candles come
from (bot_world), and that a backtest remembers nothing after its run.
"""

import logging
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from aquatrade.bot_book import BotIdentity, History, bot_book
from aquatrade.bot_closing import Closing
from aquatrade.bot_entries import signal_at, wanted_entry
from aquatrade.bot_gate import Gate
from aquatrade.bot_locks import Cause
from aquatrade.bot_market import MarketView, correlation_hours
from aquatrade.bot_quick_look import QuickLook
from aquatrade.bot_reports import Reports
from aquatrade.bot_world import (
    BacktestWorld,
    LiveWorld,
    kill_switch,
    money_of,
    with_kill_file_found,
)
from aquatrade.guard_client import Signal
from aquatrade.risk.breakers import (
    CLOCK,
    clock_is_behind,
    families_to_close,
    for_one_bot,
    observe,
    resume,
)
from aquatrade.risk.judging import Scope, judge_entry
from aquatrade.risk.model import (
    Book,
    Change,
    Decision,
    Entry,
    Reason,
    RiskState,
    Trip,
    Verdict,
)
from aquatrade.risk.profile import RiskProfile
from aquatrade.settings import AquatradeSettings

logger = logging.getLogger(__name__)

EXIT_TAG = "risk_{rule}"
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
# With a guard and without a profile: every rule of the bot's own is off.
GUARD_ALONE = RiskProfile(
    name="the guard's alone",
    rest_after_stop_minutes=None,
    max_atr_ratio=None,
    max_candle_age=None,
    max_clock_skew_seconds=None,
    max_exchange_silence_minutes=None,
)


class BotRisk:
    """The rules of one strategy. Neither look() nor stake_for() ever raises."""

    def __init__(self, strategy: Any, settings: AquatradeSettings, *, trades_now: bool) -> None:
        """Raises SettingsError where the config does not say which database to remember in.

        With one, or a token, that cannot be used the bot starts and enters nothing.
        """
        config = strategy.config
        self.profile = with_kill_file_found(
            for_one_bot(settings.risk or GUARD_ALONE), config.get("user_data_dir")
        )
        self.identity = BotIdentity(
            bot=config.get("bot_name") or "freqtrade",
            exchange=config.get("exchange", {}).get("name", "unknown"),
            family=strategy.FAMILY,
            cost_rate=settings.sizing.cost_pct_per_side / 100.0,
        )
        self.correlation_hours = correlation_hours(self.profile)
        if trades_now and strategy.timeframe == "1h" and self.correlation_hours:
            # The correlations are those of the candles that the strategy fetches anyway.
            strategy.startup_candle_count = max(
                strategy.startup_candle_count, self.correlation_hours + 1
            )
        self.state = RiskState()
        self._strategy = strategy
        self._settings = settings
        self._trades_now = trades_now
        self._closing = Closing(strategy)
        self._looked_at: datetime | None = None
        self._quick = QuickLook(self.profile)
        self._is_settled = False
        self._blind: str | None = "the book has not been looked at yet"
        self._failed: dict[str | None, str] = {}
        self._kill: str | None = None
        self._locks_are_set = False
        self._begin(
            LiveWorld(strategy, self.identity, settings, self.profile)
            if trades_now
            else BacktestWorld(strategy, self.identity, self.correlation_hours)
        )

    def _begin(self, world: LiveWorld | BacktestWorld) -> None:
        self.world = world
        self.reports = Reports(self._strategy, self.identity.bot, world)
        self.gate = Gate(self.identity.bot, self.judge, world.guard, self.reports)
        self.state = world.first_state

    def start(self) -> None:
        """Live: begin what runs beside the loop."""
        world = self.world
        if isinstance(world, LiveWorld):
            world.start()
        self._market = MarketView(
            self.profile, self._strategy.timeframe, world.candles, world.probe
        )

    def close(self) -> None:
        if isinstance(self.world, LiveWorld):
            self.world.close()

    def take_frame(self, pair: str, frame: pd.DataFrame) -> None:
        """Backtest: a pair's whole frame, before the run begins."""
        if isinstance(self.world, BacktestWorld):
            self.world.backtest_candles.take(pair, frame)

    # -- the look at the book -------------------------------------------------------------------

    def look(self, now: datetime) -> None:
        """See how the book stands and do what follows from it. Never raises."""
        if self._is_settled and self._quick.may_idle(now) and self.world.is_quiet():
            return  # no trade is open, and none was closed since the last look
        try:
            if not self._quick_look(now):
                self._look(now)
        except Exception:
            logger.exception("the book could not be looked at: no entries, exits go on")
            self._blind = "the book could not be looked at, see the log"
            self._is_settled = False

    def _quick_look(self, now: datetime) -> bool:
        """Whether that was enough: in a backtest, where no loss is near a limit."""
        world = self.world
        if not self._is_settled or isinstance(world, LiveWorld) or not world.is_same_run():
            return False
        equity, profit = world.quick_figures(now)
        if not self._quick.is_enough(now, equity, profit):
            return False
        self.gate.settle(now, self.world.order_came, self.world.entry_waits)
        self._looked_at = now
        self.world.looked()
        return True

    def _look(self, now: datetime) -> None:
        if self.world.begins_anew():
            self._forget()
        elif now == self._looked_at:
            return
        self._blind = None
        self._failed.clear()
        book = self.book(now)
        if self.world.is_live and self._looked_at is None:
            self.reports.started(self.profile, self.state, now)
        changes = self._by_hand(book) if self.world.is_live else []
        self.state, observed = observe(self.profile, self._quick.caught_up(self.state), book)
        changes += observed
        changes += self._look_at_kill_switch()
        self._blind = self.reports.keep(self.state, changes, now)
        self._carry_out(now, changed=bool(changes))
        self.gate.settle(now, self.world.order_came, self.world.entry_waits)
        self.reports.look(now)
        self._looked_at = now
        self.world.looked()
        self._quick.looked(self.state, now)
        self._is_settled = self._blind is None

    def _forget(self) -> None:
        """Another run of a backtest: nothing is left of the one before."""
        self.state = RiskState()
        self._closing.demand(cancel_entries=False, exit_tag=None)
        self._quick.forget()
        self._is_settled = False
        self.gate = Gate(self.identity.bot, self.judge, None, self.reports)

    def _by_hand(self, book: Book) -> list[Change]:
        """Trips that a person has lifted: by removing their lock, or by other limits."""
        changes: list[Change] = []
        is_first = self._looked_at is None
        causes = {trip.rule: _cause(trip) for trip in self.state.trips}
        clock = self._clock_cause(book.at)
        if clock is not None:
            causes[CLOCK] = clock
        removed = self.world.locks.lifted(causes.values())
        lifted = {rule for rule, cause in causes.items() if cause in removed}
        if CLOCK in lifted:
            self.state, changes = resume(self.profile, self.state, book, CLOCK)
        for trip in self.state.trips:
            if trip.rule in lifted or (is_first and trip.needs_other_config is not None):
                self.state, more = resume(self.profile, self.state, book, trip.rule)
                changes += [one for one in more if trip.rule in lifted or one.kind == "resume"]
        if lifted:
            self._locks_are_set = False
        return changes

    def _look_at_kill_switch(self) -> list[Change]:
        text = kill_switch(self.profile) if self.world.is_live else None
        if text == self._kill:
            return []
        was, self._kill = self._kill, text
        return [Change("kill", "kill", text or f"off: {was} no more")]

    def _carry_out(self, now: datetime, *, changed: bool) -> None:
        """Locks for people to see, entry orders cancelled, positions closed."""
        trips, obstacle = self.state.trips, self.world.obstacle
        causes = [_cause(trip) for trip in trips]
        causes += [Cause(text, now) for text in (self._kill, obstacle) if text is not None]
        clock = self._clock_cause(now)
        if clock is not None:
            causes.append(clock)
        if changed or causes or not self._locks_are_set:
            # With an obstacle the trips of before are not known: their locks stay.
            self.world.locks.hold(causes, now, keep=obstacle is not None)
            self._locks_are_set = not causes
        self._closing.demand(cancel_entries=bool(trips or self._kill), exit_tag=self._exit_tag())

    def _clock_cause(self, now: datetime) -> Cause | None:
        """Live: a clock that was ahead and is right now, which a person has to say."""
        state = self.state
        if not self.world.is_live or state.error is None or not clock_is_behind(state, now):
            return None
        return Cause(state.error, EARLIEST)

    def _exit_tag(self) -> str | None:
        """Of the first trip that closes this bot's positions; None: they stay."""
        closing = families_to_close(self.state)
        family = self.identity.family
        if closing == "nothing" or (closing != "all" and family not in closing):
            return None
        rule = next(
            trip.rule
            for trip in self.state.trips
            if trip.close == "all" or (trip.close != "nothing" and family in trip.close)
        )
        return EXIT_TAG.format(rule=rule)

    def book(self, now: datetime, history: History | None = None) -> Book:
        """How the bot stands."""
        ledger = self.world.ledger
        trades = ledger.open_trades()
        money = money_of(self._strategy, trades)
        rates = self.world.rate_of(now)
        return bot_book(now, self.identity, money, trades, ledger.closed_profit(), rates, history)

    # -- entries --------------------------------------------------------------------------------

    def stake_for(self, entry: Entry, signal: Signal, now: datetime) -> float:
        """What may be staked on an entry; 0: it is refused. Never raises."""
        return self.gate.stake_for(entry, signal, now)

    def entry_of(
        self,
        pair: str,
        side: str,
        stake: float,
        rate: float,
        leverage: float,
        min_stake: float | None,
        trade: Any | None,
    ) -> Entry:
        """The entry that the strategy wants."""
        return wanted_entry(
            self._strategy, self.identity, pair, side, stake, rate, leverage, min_stake, trade
        )

    def signal_of(self, tag: str | None, now: datetime) -> Signal:
        """The signal that it comes from."""
        return signal_at(self._strategy, tag, now)

    def allows(self, pair: str, side: str, notional: float) -> bool:
        """The last word on an order."""
        return self.gate.allows(pair, side, notional)

    def failed(self, callback: str, pair: str | None) -> None:
        """The strategy's own code raised: nothing is entered until the next look."""
        self._is_settled = False
        self._failed[pair] = callback
        if pair is not None:
            self.gate.revoke(pair)

    def declined(self, pair: str, side: str, now: datetime, why: str) -> None:
        """The strategy itself does not enter."""
        self.gate.revoke(pair, side)
        self.reports.declined(pair, side, now, why)

    def judge(self, entry: Entry, now: datetime) -> Verdict:
        """What the bot's own rules say."""
        obstacle = self.world.obstacle or self._blind or self._failure(entry.pair)
        if obstacle is not None:
            reason = Reason("error", Decision.REJECT, obstacle)
            return Verdict(Decision.REJECT, 0.0, (reason,))
        book = self.book(now, self.world.ledger.history(now))
        is_killed = self.world.is_live and kill_switch(self.profile) is not None
        pairs = [position.pair for position in book.positions]
        market = self._market.market(entry.pair, pairs, now, kill_switch=is_killed)
        return judge_entry(self.profile, self.state, book, entry, market, Scope.BOT)

    def _failure(self, pair: str) -> str | None:
        callback = self._failed.get(None) or self._failed.get(pair)
        return None if callback is None else f"the strategy's {callback} failed, see the log"


def _cause(trip: Trip) -> Cause:
    return Cause(trip.text, trip.at, trip.until)
