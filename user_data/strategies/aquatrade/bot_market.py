"""What is known about market and machine when an entry is judged."""

from collections.abc import Iterable
from datetime import datetime

import numpy as np
import pandas as pd
import talib
from freqtrade.exchange import timeframe_to_seconds

from aquatrade.bot_candles import Candles, FloatArray, IntArray, LiveCandles, milliseconds
from aquatrade.bot_probe import ExchangeProbe
from aquatrade.risk.correlation import correlations
from aquatrade.risk.model import Market
from aquatrade.risk.profile import CorrelationRule, RiskProfile

ATR_PERIOD = 14
ATR_MEAN_PERIOD = 20
# Always so many candles: what smoothing leaves of those before is then the same everywhere.
ATR_WINDOW = 60
HOUR_MS = 3_600_000


def atr_ratio(candles: Candles, pair: str, now: datetime) -> float | None:
    """ATR(14) over its 20-period mean at the last close known by then; None: not known."""
    columns = candles.columns(pair)
    count = 0 if columns is None else columns.known(now)
    if columns is None or count < ATR_WINDOW:
        return None
    window = slice(count - ATR_WINDOW, count)
    atr = talib.ATR(
        columns.high[window], columns.low[window], columns.close[window], timeperiod=ATR_PERIOD
    )
    newest = float(atr[-1])
    mean = float(np.mean(atr[-ATR_MEAN_PERIOD:]))
    if not np.isfinite(newest) or not np.isfinite(mean):
        return None
    # Where nothing moved for 20 candles, nothing moves more than it did.
    return newest / mean if mean > 0.0 else 0.0


def candle_age(candles: Candles, pair: str, now: datetime, timeframe: str) -> float | None:
    """How long ago the newest candle closed, in candles."""
    columns = candles.columns(pair)
    count = 0 if columns is None else columns.known(now)
    if columns is None or not count:
        return None
    age_ms = milliseconds(now) - int(columns.close_ms[count - 1])
    candle_ms = 1000.0 * float(timeframe_to_seconds(timeframe))
    return age_ms / candle_ms


class HourlyCorrelations:
    """Correlations of pairs, worked out once an hour for the pairs that are asked for."""

    def __init__(self, candles: Candles, hours: int) -> None:
        self._candles = candles
        self._hours = hours
        self._hour_ms = -1
        self._known: dict[tuple[str, ...], dict[tuple[str, str], float]] = {}

    def among(self, pairs: Iterable[str], now: datetime) -> dict[tuple[str, str], float]:
        """Of each two of the pairs, in both orders, from candles that had closed by then."""
        hour_ms = milliseconds(now) // HOUR_MS * HOUR_MS
        if hour_ms != self._hour_ms:
            self._hour_ms = hour_ms
            self._known.clear()
        key = tuple(sorted(set(pairs)))
        if key in self._known or len(key) < 2:
            return dict(self._known.get(key, {}))
        found = correlations(self._closes(key, now), self._hours)
        if len(found) == len(key) * (len(key) - 1):
            self._known[key] = found  # what lacks a pair is asked again: its candles may come
        return dict(found)

    def _closes(self, pairs: Iterable[str], now: datetime) -> pd.DataFrame:
        windows = {pair: self._window(pair, now) for pair in pairs}
        moments, _ = next(iter(windows.values()))
        if all(np.array_equal(moments, others) for others, _ in windows.values()):
            # Mostly so, and much faster than aligning series.
            closes = np.column_stack([close for _, close in windows.values()])
            return pd.DataFrame(closes, index=_opened(moments), columns=list(windows))
        return pd.DataFrame(
            {pair: pd.Series(close, _opened(ms)) for pair, (ms, close) in windows.items()}
        )

    def _window(self, pair: str, now: datetime) -> tuple[IntArray, FloatArray]:
        """When the last hours closed, and at what."""
        columns = self._candles.hourly(pair, now)
        if columns is None:
            return np.empty(0, dtype=np.int64), np.empty(0)
        end = columns.known(now)
        window = slice(max(0, end - self._hours - 1), end)
        return columns.close_ms[window], columns.close[window]


def _opened(close_ms: IntArray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex((close_ms - HOUR_MS).astype("datetime64[ms]"), tz="UTC")


class MarketView:
    """Asked for once for each entry that is judged."""

    def __init__(
        self,
        profile: RiskProfile,
        timeframe: str,
        candles: Candles,
        probe: ExchangeProbe | None,
    ) -> None:
        """probe: None in backtests, where candles are never late and no clock is off."""
        self._profile = profile
        self._timeframe = timeframe
        self._candles = candles
        self._probe = probe
        hours = correlation_hours(profile)
        self._correlations = HourlyCorrelations(candles, hours) if hours else None

    def market(
        self, pair: str, open_pairs: Iterable[str], now: datetime, *, kill_switch: bool
    ) -> Market:
        """What a rule of the profile asks for; the rest is left unknown, as nobody looks at it."""
        profile, probe = self._profile, self._probe
        related = [pair, *open_pairs]
        return Market(
            correlations=self._correlations.among(related, now) if self._correlations else None,
            atr_ratio=atr_ratio(self._candles, pair, now) if profile.max_atr_ratio else None,
            # A backtest has each candle at its close, and no clock but the candles'.
            candle_age=self._candle_age(pair, now),
            clock_skew_seconds=probe.skew_seconds if probe else 0.0,
            exchange_silence_seconds=probe.silence_seconds() if probe else 0.0,
            kill_switch=kill_switch,
        )

    def _candle_age(self, pair: str, now: datetime) -> float | None:
        if not isinstance(self._candles, LiveCandles):
            return 0.0
        return candle_age(self._candles, pair, now, self._timeframe)


def correlation_hours(profile: RiskProfile) -> int:
    """How many hourly returns the profile's rules look at; 0: none of them does."""
    if profile.correlation is None and profile.max_group_pct is None:
        return 0
    return (profile.correlation or CorrelationRule()).hours
