"""The one door through which a strategy gets scores: live, in dry-run and in backtests."""

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd
from freqtrade.exchange import timeframe_to_prev_date

from aquatrade.live_scores import LiveScores, server_fetch
from aquatrade.score_history import ScoreHistory
from aquatrade.score_http import ScoreServer, ScoreUnavailableError
from aquatrade.score_join import JOINED_COLUMNS, SCORE_COLUMNS, close_times_ms, join_scores
from aquatrade.score_records import empty_records
from aquatrade.settings import ScoreSettings, SettingsError, scores_token

logger = logging.getLogger(__name__)

SCORE_COLUMN = SCORE_COLUMNS["total"]


class ScoreFeed:
    """Joins scores to candles, whatever the run: the latest of a sidecar, or its history.

    live: the reader of a trading bot, None in backtests and without a sidecar.
    """

    def __init__(
        self, settings: ScoreSettings, timeframe: str, user_folder: Path, *, trades_now: bool
    ) -> None:
        """Raises SettingsError if the sidecar's token cannot be read."""
        self._settings = settings
        self._timeframe = timeframe
        self.live: LiveScores | None = None
        self._history: ScoreHistory | None = None
        self._has_failed = False
        if settings.url is None:
            return
        server = ScoreServer(settings.url, scores_token())
        if trades_now:
            fetch = server_fetch(server, settings.timeout_seconds)
            self.live = LiveScores(fetch, settings.timeout_seconds)
            return
        folder = settings.cache_directory
        self._history = ScoreHistory(
            server, Path(folder) if folder else user_folder / "scores_cache"
        )

    def refresh(self, pairs: Sequence[str], current_time: datetime) -> bool:
        """Live: have the scores known at the last candle's close. Returns whether any is new."""
        if self.live is None:
            return False
        close = timeframe_to_prev_date(self._timeframe, current_time)
        return self.live.refresh(pairs, int(close.timestamp() * 1000))

    @property
    def is_down(self) -> bool:
        """Live: whether the last read of the sidecar failed."""
        return self.live is not None and self.live.is_down

    def join(self, dataframe: pd.DataFrame, pair: str) -> pd.DataFrame:
        """The candles with the score columns; unchanged when no sidecar is configured.

        Live, a candle for whose close the sidecar has not answered has no score: fail closed.

        In a backtest raises SettingsError if the filter is on and the sidecar cannot give the
        range: a run without its filter would be another strategy.
        """
        if self.live is not None:
            records = self.live.records(pair)
        elif self._history is not None:
            records = self._past(self._history, dataframe, pair)
        else:
            return dataframe
        scored = join_scores(dataframe, records, self._timeframe, self._settings.max_age_hours)
        if self.live is not None:
            closes = close_times_ms(dataframe["date"], self._timeframe)
            scored.loc[closes > self.live.confirmed_until_ms(pair), JOINED_COLUMNS] = float("nan")
        if self._history is not None and self._settings.filter:
            self._check_coverage(scored[SCORE_COLUMN], pair)
        return scored

    def allows(self, dataframe: pd.DataFrame, threshold: float) -> pd.Series:
        """Whether the score lets each candle enter: no score is no entry when the filter is on."""
        if not self._settings.filter:
            return pd.Series(True, index=dataframe.index)
        if SCORE_COLUMN not in dataframe:
            return pd.Series(False, index=dataframe.index)
        return dataframe[SCORE_COLUMN] >= threshold

    def _past(self, history: ScoreHistory, dataframe: pd.DataFrame, pair: str) -> pd.DataFrame:
        if self._has_failed or dataframe.empty:
            return empty_records()
        closes = close_times_ms(dataframe["date"], self._timeframe)
        try:
            return history.read(pair, int(closes[0]), int(closes[-1]))
        except ScoreUnavailableError as error:
            if self._settings.filter:
                raise SettingsError(str(error)) from error
            self._has_failed = True  # said once, and no time-out for each further pair
            logger.warning("%s; the filter is off, going on without scores", error)
            return empty_records()

    def _check_coverage(self, score: pd.Series, pair: str) -> None:
        covered_pct = 100.0 * float(score.notna().mean()) if len(score) else 0.0
        least_pct = self._settings.min_coverage_pct
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
