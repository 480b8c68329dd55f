"""What the rules of a bot say, to whom: the event log, the log, the alerts, the guard."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from freqtrade.enums import RunMode
from freqtrade.persistence import Trade
from sqlalchemy.exc import SQLAlchemyError

from aquatrade.bot_entries import signal_candle, signal_until
from aquatrade.bot_world import BacktestWorld, LiveWorld
from aquatrade.event_log import Event
from aquatrade.guard_client import Signal
from aquatrade.risk.breakers import profile_hash
from aquatrade.risk.model import Change, Entry, RiskState, Verdict
from aquatrade.risk.profile import RiskProfile
from aquatrade.signal_watch import Around, Became, Seen, SignalWatch
from aquatrade.wording import one_line

logger = logging.getLogger(__name__)

GOOD_NEWS = frozenset({"resume", "recovery_end"})


class Reports:
    """In a backtest only the log is told of what trips; a search tells nothing."""

    def __init__(self, strategy: Any, bot: str, world: LiveWorld | BacktestWorld) -> None:
        self._strategy = strategy
        self._bot = bot
        self._live = world if isinstance(world, LiveWorld) else None
        self._unsaved: list[Event] = []
        self._is_failing = False
        self._watch = SignalWatch(
            bot,
            strategy.timeframe,
            frame_of=self._frame,
            around=self._around,
            until_of=lambda candle: signal_until(strategy, candle),
            told_before=self._told_before,
            standing_tags=strategy.STANDING_TAGS,
        )

    def started(self, profile: RiskProfile, state: RiskState, now: datetime) -> None:
        """Live: say by which limits this process goes, and what it has inherited."""
        tripped = "; ".join(trip.text for trip in state.trips)
        text = f"risk profile {profile.name}" + (f", still tripped: {tripped}" if tripped else "")
        if state.last_at is None:
            text += ", losses count from now on: nothing is known of earlier days"
        logger.info("%s", text)
        self._append([Event(now, self._bot, "state", text, data={"hash": profile_hash(profile)})])

    def keep(self, state: RiskState, changes: Sequence[Change], now: datetime) -> str | None:
        """Keep state and news, and tell people. Returns why nothing could be kept, or None."""
        live = self._live
        if live is None:
            if self._strategy.config.get("runmode") == RunMode.BACKTEST:
                for change in changes:
                    logger.info("%s risk: %s", f"{now:%Y-%m-%d %H:%M}", change.text)
            return None
        self._unsaved += [self._event(change, state, now) for change in changes]
        for change in changes:
            level = logging.INFO if change.kind in GOOD_NEWS else logging.WARNING
            logger.log(level, "risk: %s", change.text)
            live.say(f"{self._bot}: {change.text}")
        try:
            live.store.keep(state, self._unsaved)
        except (SQLAlchemyError, ValueError) as error:
            return self._not_kept(error)
        if self._unsaved and live.events is not None:
            live.events.wake()
        self._unsaved = []
        self._is_failing = False
        return None

    def judged(self, entry: Entry, signal: Signal, verdict: Verdict, now: datetime) -> None:
        """A verdict of the gate."""
        if self._live is None:
            return
        event = self._watch.judged(entry, signal, verdict, now)
        if event is not None:
            logger.info("%s", event.text)
            self._append([event])

    def declined(self, pair: str, side: str, now: datetime, why: str) -> None:
        """The strategy itself did not want it after all."""
        if self._live is not None:
            candle = signal_candle(self._strategy, now)
            self._watch.declined(pair, side, candle, why)

    def look(self, now: datetime) -> None:
        """What became of the signals of the last loop."""
        if self._live is None:
            return
        try:
            self._append(self._watch.look(self._strategy.dp.current_whitelist(), now))
        except Exception:
            # A story that cannot be told changes nothing about the money.
            logger.exception("what became of the signals could not be told")

    def _append(self, events: Sequence[Event]) -> None:
        if self._live is None or not events:
            return
        try:
            self._live.store.append(events)
        except (SQLAlchemyError, ValueError) as error:
            self._unsaved += events
            self._not_kept(error)
        else:
            if self._live.events is not None:
                self._live.events.wake()

    def _not_kept(self, error: Exception) -> str:
        text = f"the risk database cannot be written: {one_line(str(error))[:200]}"
        if not self._is_failing:
            logger.error("%s: no entries, exits go on", text)
        self._is_failing = True
        return text

    def _event(self, change: Change, state: RiskState, now: datetime) -> Event:
        trip = next((trip for trip in state.trips if trip.rule == change.rule), None)
        return Event(
            at=now,
            origin=self._bot,
            kind=change.kind,
            text=change.text,
            data={"rule": change.rule, "value": change.value, "limit": change.limit,
                  "trip": trip if change.kind == "trip" else None},
        )  # fmt: skip

    # -- what the signal watch asks ---------------------------------------------------------------

    def _frame(self, pair: str) -> Any:
        frame, _ = self._strategy.dp.get_analyzed_dataframe(pair, self._strategy.timeframe)
        return frame

    def _told_before(self, pair: str, candle: datetime) -> Became | None:
        event = self._live.store.last_signal(pair, candle) if self._live is not None else None
        if event is None:
            return None
        rules = tuple(str(rule) for rule in event.data.get("rules", ()))
        return Became(str(event.data.get("became")), event.text, rules)

    def _around(self, seen: Seen) -> Around:
        config, wallets = self._strategy.config, self._strategy.wallets
        trades = Trade.get_trades_proxy(pair=seen.pair, is_open=True)
        stake = config.get("stake_amount")
        return Around(
            opened_at=max((trade.open_date_utc for trade in trades), default=None),
            lock=self._live.lock_on(seen.pair, seen.side, seen.closed) if self._live else None,
            free_slots=config["max_open_trades"] - Trade.get_open_trade_count(),
            free_money=float(wallets.get_available_stake_amount()),
            stake_needed=float(stake) if isinstance(stake, int | float) else 0.0,
        )
