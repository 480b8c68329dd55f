"""What was known when a trade was entered, taken from the candle that gave the signal. Pure.

Kept on the trade as one JSON value (custom data "entry_context"): one write, whole or not at all.
The journal reads it to tell whether scores work.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from freqtrade.exchange import timeframe_to_prev_date, timeframe_to_seconds

from aquatrade.regime import REGIME_COLUMN, UNKNOWN
from aquatrade.score_join import AGE_COLUMN, SCORE_COLUMNS
from aquatrade.score_records import PARTS

CONTEXT_KEY = "entry_context"
FILL_KEY_PREFIX = "fill_"
TREND_COLUMN = "sma_200"


class EntryContext(TypedDict):
    """The value of "entry_context". None means not known, never neutral."""

    preset: str
    signal_candle: str  # open of the candle whose close gave the signal, ISO 8601, UTC
    expected_price: float
    stop_pct: float  # distance of the stop that the stake was sized for
    rsi: float | None
    volume_ratio: float | None
    # The pair's own: the label of the regime filter ("up", "chop", ...) where it is on; without it
    # "uptrend" above its SMA(200), else "downtrend".
    regime: str | None
    score: float | None
    score_confidence: float | None
    score_layers: dict[str, float | None]
    score_percentile: float | None
    score_vetoed: bool | None
    score_age_hours: float | None
    score_unavailable: str | None  # why there is no score, where there is none


class Fill(TypedDict):
    """The value of "fill_<order id>"."""

    side: str  # "buy" | "sell"
    expected_price: float
    actual_price: float
    slippage_pct: float | None  # positive is a cost


def signal_candle_open(order_date: datetime, timeframe: str) -> datetime:
    """Open of the candle that had closed last when an order was made."""
    forming: datetime = timeframe_to_prev_date(timeframe, order_date)
    opened = forming.timestamp() - timeframe_to_seconds(timeframe)
    return datetime.fromtimestamp(opened, order_date.tzinfo)


def entry_context(
    row: Mapping[str, Any],
    *,
    preset: str,
    signal_candle: datetime,
    expected_price: float,
    stop_pct: float,
    score_unavailable: str | None,
) -> EntryContext:
    """The context from the row of the signal candle (a dataframe's row with its indicators).

    score_unavailable: said if the row has no score. Columns that the row does not have are None.
    """
    score = _number(row, SCORE_COLUMNS["total"])
    vetoed = _number(row, SCORE_COLUMNS["vetoed"])
    return EntryContext(
        preset=preset,
        signal_candle=signal_candle.isoformat(),
        expected_price=expected_price,
        stop_pct=stop_pct,
        rsi=_number(row, "rsi"),
        volume_ratio=_number(row, "volume_ratio"),
        regime=_regime(row),
        score=score,
        score_confidence=_number(row, SCORE_COLUMNS["confidence"]),
        score_layers={part: _number(row, SCORE_COLUMNS[part]) for part in PARTS},
        score_percentile=_number(row, SCORE_COLUMNS["percentile"]),
        score_vetoed=None if vetoed is None else vetoed > 0.5,
        score_age_hours=_number(row, AGE_COLUMN),
        score_unavailable=score_unavailable if score is None else None,
    )


def _regime(row: Mapping[str, Any]) -> str | None:
    label = row.get(REGIME_COLUMN)
    if isinstance(label, str):
        return None if label == UNKNOWN else label
    close, trend = _number(row, "close"), _number(row, TREND_COLUMN)
    if close is None or trend is None:
        return None
    return "uptrend" if close > trend else "downtrend"


def _number(row: Mapping[str, Any], column: str) -> float | None:
    value = row.get(column)
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None
