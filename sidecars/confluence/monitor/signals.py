"""A record's inputs as signals, and the record as it is shown. Pure."""

from collections.abc import Mapping
from typing import Any

import orjson

from sidecars.confluence.candles import MS_PER_DAY
from sidecars.confluence.monitor.model import ScoreView, Signal, SignalState
from sidecars.confluence.records import ScoreRow, recommended_zone, record_json
from sidecars.confluence.settings import ZonePreset

# As the API has it: a record is stale when its successor is overdue by an hour.
STALE_AFTER_MS = MS_PER_DAY + 3_600_000
LABELS: Mapping[str, str] = {
    "sma200": "200-day mean",
    "rsi": "RSI",
    "bollinger": "Bollinger bands",
    "drawdown": "Fall from the high",
    "volume": "Volume",
    "macd": "MACD",
    "candles": "Last five candles",
    "btc": "BTC trend",
    "market": "Whole market",
    "funding": "Funding",
    "fear_greed": "Fear & greed",
    "social": "Social volume",
    "whales": "Whales",
}


def record_of(row: ScoreRow) -> dict[str, Any]:
    """A record as the API sends it."""
    record: dict[str, Any] = orjson.loads(record_json(row))
    return record


def signals_of(record: Mapping[str, Any]) -> tuple[Signal, ...]:
    """Every input in the formula's order: a tick for half of its points or more."""
    return tuple(
        Signal(
            name=each["name"],
            label=LABELS.get(each["name"], each["name"]),
            part=part,
            points=each["points"],
            max_points=each["max"],
            state=_state(each),
            reading=each["reason"],
        )
        for part, content in record["parts"].items()
        for each in content["inputs"]
    )


def score_view(
    row: ScoreRow, record: Mapping[str, Any], now_ms: int, preset: ZonePreset
) -> ScoreView:
    """The record as it is shown; stale once its successor is overdue by an hour."""
    return ScoreView(
        total=row.total,
        zone=recommended_zone(row, preset),
        vetoed=row.vetoed,
        confidence=row.confidence,
        percentile=row.percentile,
        as_of_ms=row.as_of_ms,
        available_at_ms=row.available_at_ms,
        is_stale=now_ms >= row.as_of_ms + STALE_AFTER_MS,
        parts=tuple(
            (part, content["points"], content["max"]) for part, content in record["parts"].items()
        ),
        reasons=tuple(record["reasons"]),
    )


def _state(given: Mapping[str, Any]) -> SignalState:
    if not given["available"]:
        return SignalState.UNAVAILABLE
    return SignalState.TICK if 2 * given["points"] >= given["max"] else SignalState.CROSS
