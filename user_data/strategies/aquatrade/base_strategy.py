"""What the strategies share: settings, presets, scores, stake, and what is kept about a trade.

One base class and no mixins: a base whose own base is `object` breaks parallel hyperopt.
"""

import logging
import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.persistence import Order, Trade
from freqtrade.strategy import IStrategy

from aquatrade import trade_records
from aquatrade.bot_callbacks import GatedCallbacks
from aquatrade.bot_risk import BotRisk
from aquatrade.entry_context import CONTEXT_KEY
from aquatrade.market_filter import MarketFilter
from aquatrade.order_chase import OrderChase
from aquatrade.orphan_watch import OrphanWatch
from aquatrade.presets import Preset, refuse_negative_evidence, with_sizing_of
from aquatrade.regime import RegimeKind
from aquatrade.regime_filter import RegimeFilter
from aquatrade.score_feed import SCORE_COLUMN, ScoreFeed
from aquatrade.settings import (
    choose_name,
    load_settings,
    score_threshold,
)
from aquatrade.sizing import StakeDecision
from aquatrade.stake_choice import choose_stake
from aquatrade.stake_figures import FreqtradeFigures
from aquatrade.stop_annotations import fixed_annotations
from aquatrade.stops import tightened_stop
from aquatrade.strategy_parameters import say_what_trades, take_parameters
from aquatrade.unused_callbacks import keep_no_records

logger = logging.getLogger(__name__)

NO_TARGET_PCT = 1000.0  # a take-profit this far away is how a preset says that it has none

BUCKET_WIDTH = 10


class AquatradeStrategy(IStrategy):  # type: ignore[misc]  # freqtrade is untyped here
    """Base of all strategies: subclasses set PRESETS, DEFAULT_PRESET and the populate_ methods.

    Presets become plain freqtrade attributes (stoploss, minimal_roi, buy_params, sell_params), so
    a hyperopt result file and config keys of freqtrade override them as in any strategy.
    """

    PRESETS: ClassVar[Mapping[str, Preset]]
    DEFAULT_PRESET: ClassVar[str]
    FAMILY = "other"  # what a limit may close by name: "dip", "trend", "grid", "scalp", ...
    STANDING_TAGS: ClassVar[frozenset[str]] = frozenset()  # of signals that stand on every candle
    REGIME_KIND: ClassVar[RegimeKind | None] = None  # None: no regime that it stands down in

    INTERFACE_VERSION = 3
    timeframe: str
    startup_candle_count: int = 0
    use_custom_stoploss = True
    order_types: ClassVar[dict[str, Any]] = {
        "entry": "limit",
        "exit": "limit",
        "emergency_exit": "market",
        "force_entry": "limit",
        "force_exit": "market",
        "stoploss": "market",  # freqtrade's own default is a limit, which a fast fall leaves behind
        "stoploss_on_exchange": False,
    }

    def __init__(self, config: dict[str, Any]) -> None:
        self.settings = load_settings(config)
        self.preset_name = choose_name(
            self.settings.preset, self.PRESETS, self.DEFAULT_PRESET, "aquatrade.preset"
        )
        self.preset = self.PRESETS[self.preset_name]
        self.settings = with_sizing_of(self.settings, self.preset)
        self.timeframe = self.preset.timeframe or self.timeframe
        self.startup_candle_count = self.preset.startup_candles or self.startup_candle_count
        runmode = config.get("runmode")
        refuse_negative_evidence(
            type(self).__name__,
            self.preset_name,
            self.preset,
            live=runmode == RunMode.LIVE,
            accepted=self.settings.accept_negative_evidence,
        )
        self._trades_now = runmode in (RunMode.LIVE, RunMode.DRY_RUN)
        threshold = score_threshold(self.settings.scores, live=runmode == RunMode.LIVE)
        self.stoploss = -self.preset.stop_pct / 100.0
        self.minimal_roi = dict(self.preset.minimal_roi)
        self.buy_params = {**self.preset.buy, "score_threshold": threshold}
        self.sell_params = dict(self.preset.sell)
        super().__init__(config)
        self.market = MarketFilter(self, self.preset.market_mean_candles)
        take_parameters(self, self.preset, scores_filter=self.settings.scores.filter)
        self.scores = ScoreFeed(
            self.settings.scores,
            self.timeframe,
            Path(config.get("user_data_dir", "user_data")),
            trades_now=self._trades_now,
        )
        if not self._trades_now:
            keep_no_records(self, AquatradeStrategy)
        self.no_stake_reason = ""  # of the last wish to enter that sizing left without a stake
        if self.settings.sizing.method == "volatility":
            self.startup_candle_count = max(
                self.startup_candle_count, self.settings.sizing.volatility_candles + 1
            )
        self._regime_filter = RegimeFilter.of(self)
        self.startup_candle_count = max(
            self.startup_candle_count, self._regime_filter.startup_candles
        )
        self._order_chase = OrderChase(self, self.settings.orders, trades_now=self._trades_now)
        self._order_chase.install(config, IStrategy)
        self.risk: BotRisk | None = None
        if self.settings.risk is not None or self.settings.guard.url is not None:
            self.risk = BotRisk(self, self.settings, trades_now=self._trades_now)
            GatedCallbacks(self, self.risk).install(AquatradeStrategy)
        self._context_due = self._trades_now
        self._contexts_tried = 0
        self.orphans = OrphanWatch(self, is_live=runmode == RunMode.LIVE)

    # -- start and loop -------------------------------------------------------------------------

    def ft_bot_start(self, **kwargs: Any) -> None:
        """Freqtrade's own start of a strategy, after that of its rules."""
        if self.risk is not None:
            self.risk.start()
        self.orphans.start()
        super().ft_bot_start(**kwargs)
        # Not in bot_start: freqtrade gives the parameters their values only after it.
        say_what_trades(self, self.preset_name, self.preset)

    def ft_bot_cleanup(self) -> None:
        super().ft_bot_cleanup()
        if self.risk is not None:
            self.risk.close()

    def ft_advise_signals(self, dataframe: pd.DataFrame, metadata: dict[str, Any]) -> pd.DataFrame:
        """Backtest: the whole frame of a pair, which freqtrade's run then cuts into candles."""
        if self.risk is not None:
            self.risk.take_frame(metadata["pair"], dataframe)
        advised: pd.DataFrame = super().ft_advise_signals(dataframe, metadata)
        return advised

    def advise_indicators(self, dataframe: pd.DataFrame, metadata: dict[str, Any]) -> pd.DataFrame:
        """Freqtrade's own, with the columns of the regime on the frame where the filter is on."""
        self._regime_filter.add_column(
            dataframe, lambda slower: self.dp.get_pair_dataframe(metadata["pair"], slower)
        )
        advised: pd.DataFrame = super().advise_indicators(dataframe, metadata)
        return advised

    def informative_pairs(self) -> list[tuple[str, str]]:
        """What is looked at besides the pairs' own candles; a subclass adds its own to it."""
        wanted = [(self.market.pair, self.timeframe)] if self.preset.market_mean_candles else []
        hourly = self._trades_now and self.risk is not None and self.risk.correlation_hours
        if (hourly and self.timeframe != "1h") or self._regime_filter.slower:
            wanted += [(pair, "1h") for pair in self.dp.current_whitelist()]
        return wanted

    def regime_allows(self, dataframe: pd.DataFrame) -> pd.Series:
        """For each candle: False where this kind of strategy stands down in the pair's regime."""
        return self._regime_filter.allows(dataframe)

    def bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        """The risk rules look. Live: complete what a killed bot left undone; read scores."""
        if self.risk is not None:
            self.risk.look(current_time)
        if not self._trades_now:
            return
        self._order_chase.loop_starts()
        self.orphans.look(current_time)
        # A score that comes after its candle was analysed counts all the same.
        news = self.scores.refresh(self.dp.current_whitelist(), current_time)
        self.process_only_new_candles = not news
        # One wait for the sidecar a loop is enough: a read that failed or waited just now was it.
        if self._context_due and not news and not self.scores.is_down:
            self._complete_contexts()

    # -- entries --------------------------------------------------------------------------------

    def entry_tags(self, dataframe: pd.DataFrame, signals: pd.Series) -> list[str]:
        """A tag for each signal: the preset, and the bucket of its score where it has one."""
        if SCORE_COLUMN not in dataframe:
            return [self.preset_name] * int(signals.sum())
        return [
            self.preset_name
            if math.isnan(score)
            else f"{self.preset_name}_conf{int(score // BUCKET_WIDTH) * BUCKET_WIDTH}"
            for score in dataframe.loc[signals, SCORE_COLUMN]
        ]

    # -- stake and stop -------------------------------------------------------------------------

    def custom_stake_amount(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_stake: float,
        min_stake: float | None,
        max_stake: float,
        leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        """The stake of an entry; 0 (no entry) where it cannot be told or is not allowed."""
        try:
            stop_pct = self.entry_stop_pct(pair, current_rate, side)
            decision = self._stake(pair, side, stop_pct, max_stake, min_stake or 0.0)
            decision = self._order_chase.fitted(pair, side, decision, leverage, min_stake or 0.0)
        except Exception:
            # Freqtrade would answer an exception with its own stake: unknown is not good news.
            logger.exception("no stake for %s, entry refused", pair)
            self.no_stake_reason = "no stake could be worked out, see the log"
            return 0.0
        self.no_stake_reason = decision.reason
        if decision.reason:
            logger.info("entry of %s refused: %s", pair, decision.reason)
        return decision.stake

    def _stake(
        self, pair: str, side: str, stop_pct: float, available: float, min_stake: float
    ) -> StakeDecision:
        sizing = self.settings.sizing
        if sizing.method != "fixed" and self.wallets is None:
            return StakeDecision(0.0, "no wallet to size by")
        return choose_stake(
            sizing,
            FreqtradeFigures(self, pair),
            stop_pct=stop_pct,
            available=available,
            min_stake=min_stake,
            is_short=side == "short",
        )

    def entry_stop_pct(self, pair: str, rate: float, side: str) -> float:
        """How far from its price the stop of an entry will be, in percent of it; NaN: not known.

        The stake is sized for it. A strategy whose stop follows volatility overrides it.
        """
        return abs(self.stoploss) * 100.0

    def initial_stop_pct(self, trade: Trade) -> float:
        """The same of a trade that was entered. Overridden together with entry_stop_pct."""
        return abs(self.stoploss) * 100.0

    def signal_row(self, pair: str) -> pd.Series | None:
        """The analysed candle that closed last; None without one."""
        frame, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
        return frame.iloc[-1] if len(frame) else None

    def stop_rate(self, pair: str, rate: float, side: str, leverage: float) -> float | None:
        """Where the stop of an entry at this rate will be; None if it has none."""
        distance = self.entry_stop_pct(pair, rate, side) / 100.0 / leverage
        stop = rate * (1.0 + distance if side == "short" else 1.0 - distance)
        return stop if stop > 0.0 else None

    def custom_stoploss(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        after_fill: bool,
        **kwargs: Any,
    ) -> float | None:
        """The stop that a stake was sized for is never loosened; overridden where it moves.

        At a restart freqtrade moves the stops of open trades to the strategy's present stop; with
        a wider preset that would put more at risk than the stake was made for.
        """
        if not self._trades_now:
            return None  # no restart inside a backtest: the stop is the one of the entry
        context = trade.get_custom_data(CONTEXT_KEY)
        if not isinstance(context, dict):
            return None
        return tightened_stop(
            open_rate=trade.open_rate,
            sized_stop_pct=context["stop_pct"],
            present_stop=trade.stop_loss,
            current_rate=current_rate,
        )

    # -- what is kept about a trade -------------------------------------------------------------

    def order_filled(
        self, pair: str, trade: Trade, order: Order, current_time: datetime, **kwargs: Any
    ) -> None:
        """Keep the slippage of the fill and, for an entry, what was known. Not in backtests."""
        trade_records.keep_fill(trade, order)
        if order.ft_order_side != trade.entry_side or trade.get_custom_data(CONTEXT_KEY):
            return
        if not self._keep_context(trade):
            self._context_due = True

    def _keep_context(self, trade: Trade) -> bool:
        """Whether the context could be kept: it needs the analysed candles of the signal."""
        frame, _ = self.dp.get_analyzed_dataframe(trade.pair, self.timeframe)
        return trade_records.keep_context(
            trade,
            frame,
            timeframe=self.timeframe,
            stop_pct=self.initial_stop_pct(trade),
            max_age_hours=self.settings.scores.max_age_hours,
            scores=self.scores.live,
        )

    def _complete_contexts(self) -> None:
        """After a restart, and after a fill that came before its candles were analysed."""
        undone = [
            trade
            for trade in Trade.get_open_trades()
            if trade.nr_of_successful_entries and not trade.get_custom_data(CONTEXT_KEY)
        ]
        # One a loop: each may have to ask the sidecar, and wait for it.
        self._contexts_tried += 1
        if undone:
            self._keep_context(undone[self._contexts_tried % len(undone)])
        self._context_due = bool(undone)

    def plot_annotations(
        self,
        pair: str,
        start_date: datetime,
        end_date: datetime,
        dataframe: pd.DataFrame,
        **kwargs: Any,
    ) -> list[dict[str, Any]]:
        """The candles whose close was a signal to enter long, its stop and its target."""
        ratios = {int(minutes): ratio for minutes, ratio in self.minimal_roi.items()}
        target = 100.0 * ratios.get(0, NO_TARGET_PCT / 100.0)
        return fixed_annotations(
            dataframe,
            self.preset_name,
            stop_pct=abs(self.stoploss) * 100.0,
            target_pct=target if target < NO_TARGET_PCT else None,
        )
