"""What the strategies share: settings, presets, scores, stake, and what is kept about a trade.

One base class and no mixins: a base whose own base is `object` breaks parallel hyperopt.
"""

import copy
import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.exchange import timeframe_to_prev_date
from freqtrade.persistence import Order, Trade
from freqtrade.strategy import IStrategy
from freqtrade.strategy.parameters import BaseParameter

from aquatrade import trade_records
from aquatrade.entry_context import CONTEXT_KEY
from aquatrade.live_scores import LiveScores, server_fetch
from aquatrade.orphan_orders import settle_orphans
from aquatrade.presets import Preset, refuse_negative_evidence
from aquatrade.score_history import ScoreHistory
from aquatrade.score_http import ScoreServer, ScoreUnavailableError
from aquatrade.score_join import close_times_ms, join_scores
from aquatrade.score_records import empty_records
from aquatrade.settings import (
    SettingsError,
    choose_name,
    load_settings,
    score_threshold,
    scores_token,
)
from aquatrade.sizing import StakeDecision, fixed_stake, stake_at_risk
from aquatrade.stops import tightened_stop

logger = logging.getLogger(__name__)

SCORE_COLUMN = "score"
BUCKET_WIDTH = 10


class AquatradeStrategy(IStrategy):  # type: ignore[misc]  # freqtrade is untyped here
    """Base of all strategies: subclasses set PRESETS, DEFAULT_PRESET and the populate_ methods.

    Presets become plain freqtrade attributes (stoploss, minimal_roi, buy_params, sell_params), so
    a hyperopt result file and config keys of freqtrade override them as in any strategy.
    """

    PRESETS: ClassVar[Mapping[str, Preset]]
    DEFAULT_PRESET: ClassVar[str]

    INTERFACE_VERSION = 3

    def __init__(self, config: dict[str, Any]) -> None:
        self.settings = load_settings(config)
        self.preset_name = choose_name(
            self.settings.preset, self.PRESETS, self.DEFAULT_PRESET, "aquatrade.preset"
        )
        self.preset = self.PRESETS[self.preset_name]
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
        self._take_parameters()
        self._history: ScoreHistory | None = None
        self._live_scores: LiveScores | None = None
        self._open_scores(config)
        self._history_failure: str | None = None
        self._context_due = self._trades_now

    # -- start and loop -------------------------------------------------------------------------

    def bot_start(self, **kwargs: Any) -> None:
        """Say what trades; live: settle orders of ours that the database does not know."""
        logger.info("%s preset %s: %s", type(self).__name__, self.preset_name, self.preset.evidence)
        if abs(self.stoploss) * 100.0 - self.preset.stop_pct > 1e-9:
            logger.warning(
                "the stop is %.4g %% and not the %.4g %% of preset %s: a hyperopt result file or "
                "the config says so",
                abs(self.stoploss) * 100.0,
                self.preset.stop_pct,
                self.preset_name,
            )
        if self.config.get("runmode") == RunMode.LIVE:
            settle_orphans(self.dp, self.config)

    def bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        """Live: read the scores of the last candle; complete what a killed bot left undone."""
        if not self._trades_now:
            return
        if self._live_scores is not None:
            close_ms = int(timeframe_to_prev_date(self.timeframe, current_time).timestamp() * 1000)
            news = self._live_scores.refresh(self.dp.current_whitelist(), close_ms)
            # A score that comes after its candle was analysed counts all the same.
            self.process_only_new_candles = not news
        if self._context_due:
            self._complete_contexts()

    # -- scores ---------------------------------------------------------------------------------

    def with_scores(self, dataframe: pd.DataFrame, pair: str) -> pd.DataFrame:
        """The candles with the score columns; unchanged when no sidecar is configured.

        In a backtest raises SettingsError if the filter is on and the sidecar cannot give the
        range: a run without its filter would be another strategy.
        """
        if self._live_scores is not None:
            records = self._live_scores.records(pair)
        elif self._history is not None:
            records = self._history_of(dataframe, pair)
        else:
            return dataframe
        scored = join_scores(dataframe, records, self.timeframe, self.settings.scores.max_age_hours)
        if self._history is not None and self.settings.scores.filter:
            self._check_coverage(scored[SCORE_COLUMN], pair)
        return scored

    def score_allows(self, dataframe: pd.DataFrame, threshold: float) -> pd.Series:
        """Whether the score lets each candle enter: no score is no entry when the filter is on."""
        if not self.settings.scores.filter:
            return pd.Series(True, index=dataframe.index)
        if SCORE_COLUMN not in dataframe:
            return pd.Series(False, index=dataframe.index)
        return dataframe[SCORE_COLUMN] >= threshold

    def entry_tags(self, dataframe: pd.DataFrame, signals: pd.Series) -> list[str]:
        """A tag for each signal: the preset, and the bucket of its score where it has one."""
        if SCORE_COLUMN not in dataframe:
            return [self.preset_name] * int(signals.sum())
        return [
            self.preset_name
            if score != score
            else f"{self.preset_name}_conf{int(score // BUCKET_WIDTH) * BUCKET_WIDTH}"
            for score in dataframe.loc[signals, SCORE_COLUMN]
        ]

    def _open_scores(self, config: Mapping[str, Any]) -> None:
        scores = self.settings.scores
        if scores.url is None:
            return
        server = ScoreServer(scores.url, scores_token())
        if self._trades_now:
            self._live_scores = LiveScores(
                server_fetch(server, scores.timeout_seconds), scores.timeout_seconds
            )
            return
        folder = scores.cache_directory
        user_folder = Path(config.get("user_data_dir", "user_data"))
        self._history = ScoreHistory(
            server, Path(folder) if folder else user_folder / "scores_cache"
        )

    def _history_of(self, dataframe: pd.DataFrame, pair: str) -> pd.DataFrame:
        if self._history is None or self._history_failure is not None or dataframe.empty:
            return empty_records()
        closes = close_times_ms(dataframe["date"], self.timeframe)
        try:
            return self._history.read(pair, int(closes[0]), int(closes[-1]))
        except ScoreUnavailableError as error:
            if self.settings.scores.filter:
                raise SettingsError(str(error)) from error
            self._history_failure = str(error)
            logger.warning("%s; the filter is off, going on without scores", error)
            return empty_records()

    def _check_coverage(self, score: pd.Series, pair: str) -> None:
        covered_pct = 100.0 * float(score.notna().mean()) if len(score) else 0.0
        least_pct = self.settings.scores.min_coverage_pct
        if covered_pct < least_pct:
            raise SettingsError(
                f"scores of {pair} cover {covered_pct:.0f} % of its candles, "
                f"'aquatrade.scores.min_coverage_pct' asks for {least_pct:g} %: "
                "backfill the sidecar further or shorten the timerange"
            )
        if covered_pct < 100.0:
            logger.info(
                "%s: %.1f %% of the candles have no score and no entry", pair, 100.0 - covered_pct
            )

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
            decision = self._stake(max_stake, min_stake or 0.0)
        except Exception:
            # Freqtrade would answer an exception with its own stake: unknown is not good news.
            logger.exception("no stake for %s, entry refused", pair)
            return 0.0
        if decision.reason:
            logger.info("entry of %s refused: %s", pair, decision.reason)
        return decision.stake

    def _stake(self, available: float, min_stake: float) -> StakeDecision:
        sizing = self.settings.sizing
        if sizing.method == "fixed":
            return fixed_stake(stake=sizing.stake_usd, available=available, min_stake=min_stake)
        if self.wallets is None:
            return StakeDecision(0.0, "no wallet to size by")
        return stake_at_risk(
            capital=float(self.wallets.get_total_stake_amount()),
            available=available,
            risk_pct=sizing.risk_pct,
            stop_pct=abs(self.stoploss) * 100.0,
            cost_pct_per_side=sizing.cost_pct_per_side,
            max_stake=sizing.stake_usd,
            min_stake=min_stake,
        )

    def stop_kept(self, trade: Trade, current_rate: float) -> float | None:
        """For custom_stoploss: the stop a stake was sized for is never loosened afterwards.

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
        """Keep the slippage of the fill and, for an entry, what was known at its signal."""
        trade_records.keep_fill(trade, order)
        if order.ft_order_side != trade.entry_side or trade.get_custom_data(CONTEXT_KEY):
            return
        if not self._keep_context(trade):
            self._context_due = True

    def _keep_context(self, trade: Trade) -> bool:
        """Whether the context could be kept: it needs the analysed candles of the signal."""
        frame, _ = self.dp.get_analyzed_dataframe(trade.pair, self.timeframe)
        scores = self._live_scores
        return trade_records.keep_context(
            trade,
            frame,
            timeframe=self.timeframe,
            stop_pct=abs(self.stoploss) * 100.0,
            max_age_hours=self.settings.scores.max_age_hours,
            scores=scores,
        )

    def _complete_contexts(self) -> None:
        """After a restart, and after a fill that came before its candles were analysed."""
        undone = [
            trade
            for trade in Trade.get_open_trades()
            if trade.nr_of_successful_entries and not trade.get_custom_data(CONTEXT_KEY)
        ]
        self._context_due = not all([self._keep_context(trade) for trade in undone])

    # -- hyperopt -------------------------------------------------------------------------------

    def _take_parameters(self) -> None:
        """Parameters of this instance alone; those of other presets are not searched."""
        for name in dir(type(self)):
            parameter = getattr(type(self), name, None)
            if isinstance(parameter, BaseParameter):
                own = copy.deepcopy(parameter)
                own.optimize = name in self.preset.searched or (
                    name == "score_threshold" and self.settings.scores.filter
                )
                setattr(self, name, own)
