"""A wish to enter, in the words of the rules: from what freqtrade and the strategy say."""

import math
from datetime import datetime, timedelta
from typing import Any

from freqtrade.exchange import timeframe_to_seconds

from aquatrade.bot_book import BotIdentity
from aquatrade.entry_context import signal_candle_open
from aquatrade.guard_client import Signal
from aquatrade.risk.model import Entry, Side
from aquatrade.score_feed import SCORE_COLUMN


def signal_candle(strategy: Any, now: datetime) -> datetime:
    """Open of the candle that had closed last."""
    return signal_candle_open(now, strategy.timeframe)


def signal_until(strategy: Any, candle: datetime) -> datetime:
    """When the signal of a candle (its open) is too late: as freqtrade has it, or the next one."""
    seconds = timeframe_to_seconds(strategy.timeframe)
    alive: float = strategy.ignore_buying_expired_candle_after or seconds
    return candle + timedelta(seconds=seconds + min(alive, seconds))


def signal_at(strategy: Any, tag: str | None, now: datetime) -> Signal:
    """The signal that an entry of this moment comes from."""
    candle = signal_candle(strategy, now)
    return Signal(candle, signal_until(strategy, candle), tag or "")


def wanted_entry(
    strategy: Any,
    identity: BotIdentity,
    pair: str,
    side: str,
    stake: float,
    rate: float,
    leverage: float,
    min_stake: float | None,
    trade: Any | None,
) -> Entry:
    """trade: the open one that is to become larger; None for a new one."""
    stop = trade.stop_loss if trade is not None and trade.stop_loss else None
    return Entry(
        bot=identity.bot,
        exchange=identity.exchange,
        family=identity.family,
        pair=pair,
        side=Side(side),
        stake=stake,
        rate=rate,
        stop_rate=stop or strategy.stop_rate(pair, rate, side, leverage),
        leverage=leverage,
        cost_rate=identity.cost_rate,
        is_increase=trade is not None,
        score=_score(strategy, pair),
        score_needed=_score_needed(strategy),
        min_stake=min_stake or 0.0,
    )


def _score(strategy: Any, pair: str) -> float | None:
    """Of the last closed candle; None where the strategy has none."""
    if strategy.settings.scores.url is None:
        return None
    frame, _ = strategy.dp.get_analyzed_dataframe(pair, strategy.timeframe)
    if SCORE_COLUMN not in frame or not len(frame):
        return None
    score = float(frame[SCORE_COLUMN].iloc[-1])
    return score if math.isfinite(score) else None


def _score_needed(strategy: Any) -> float | None:
    """None where an entry needs none."""
    return float(strategy.score_threshold.value) if strategy.settings.scores.filter else None
