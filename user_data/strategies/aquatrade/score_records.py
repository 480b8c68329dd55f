"""Score records as the sidecar sends them, checked before anybody trusts them. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

PARTS = ("technical", "momentum", "regime", "sentiment")
# Points a part can reach (scores: technical 35, momentum 25, regime 30, sentiment 10).
PART_LIMITS: Mapping[str, float] = {
    "technical": 35.0,
    "momentum": 25.0,
    "regime": 30.0,
    "sentiment": 10.0,
}
MOMENT_COLUMNS = ("as_of_ms", "available_at_ms")
VALUE_COLUMNS = ("total", "confidence", *PARTS, "percentile", "vetoed")
COLUMNS = (*MOMENT_COLUMNS, *VALUE_COLUMNS)
# Rounding of a sum of points, no more.
SLACK = 1e-6


class ScoreAnswerError(ValueError):
    """An answer of the sidecar that cannot be what it claims to be; the text says why."""


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """One score of one pair. Parts and percentile are NaN where the sidecar has none."""

    pair: str
    as_of_ms: int
    available_at_ms: int
    total: float  # 0 to 100
    confidence: float  # 0 to 1
    technical: float
    momentum: float
    regime: float
    sentiment: float
    percentile: float  # 0 to 100
    vetoed: bool


def moment_ms(value: object, name: str) -> int:
    """An aware ISO 8601 moment as milliseconds. Raises ScoreAnswerError."""
    if not isinstance(value, str):
        raise ScoreAnswerError(f"{name} is {value!r}, expected an ISO 8601 moment")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ScoreAnswerError(f"{name} is {value!r}, expected an ISO 8601 moment") from None
    if moment.tzinfo is None:
        raise ScoreAnswerError(f"{name} is {value!r}, expected an offset from UTC in it")
    return round(moment.timestamp() * 1000)


def iso_moment(at_ms: int) -> str:
    """Milliseconds as the sidecar's API takes them: 2024-03-01T12:00:00Z."""
    text = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace(".000", "").replace("+00:00", "Z")


def parse_record(pair: str, raw: object, at_ms: int) -> ScoreRecord:
    """One entry of "scores". Raises ScoreAnswerError for anything that cannot be true.

    at_ms: the moment that was asked for; a record that became available after it is refused.
    """
    if not isinstance(raw, Mapping):
        raise ScoreAnswerError(f"a score of {pair} is {type(raw).__name__}, expected an object")
    if raw.get("pair", pair) != pair:
        raise ScoreAnswerError(f"asked for {pair}, got a score of {raw.get('pair')!r}")
    as_of_ms = moment_ms(raw.get("as_of"), "as_of")
    available_at_ms = moment_ms(raw.get("available_at"), "available_at")
    if available_at_ms > at_ms or as_of_ms > available_at_ms:
        raise ScoreAnswerError(
            f"a score of {pair} as of {raw.get('as_of')} claims to be available at "
            f"{raw.get('available_at')}, asked for what was known at {iso_moment(at_ms)}"
        )
    vetoed = raw.get("vetoed", False)
    if not isinstance(vetoed, bool):
        raise ScoreAnswerError(f"vetoed of {pair} is {vetoed!r}, expected true or false")
    parts = raw.get("parts", {})
    if not isinstance(parts, Mapping):
        raise ScoreAnswerError(f"parts of {pair} is {type(parts).__name__}, expected an object")
    return ScoreRecord(
        pair=pair,
        as_of_ms=as_of_ms,
        available_at_ms=available_at_ms,
        total=_number(raw.get("total"), f"total of {pair}", 100.0),
        confidence=_number(raw.get("confidence"), f"confidence of {pair}", 1.0),
        percentile=_number_or_nan(raw.get("percentile"), f"percentile of {pair}", 100.0),
        vetoed=vetoed,
        **{
            part: _number_or_nan(_points(parts.get(part)), f"{part} of {pair}", PART_LIMITS[part])
            for part in PARTS
        },
    )


def parse_scores(
    answer: object, pairs: Sequence[str], at_ms: int
) -> tuple[dict[str, ScoreRecord], dict[str, str]]:
    """(records, reasons of the pairs without one) of an answer to one batched read.

    Every asked pair is in exactly one of the two; what was not asked for is ignored. Raises
    ScoreAnswerError if the answer as a whole is no answer.
    """
    if not isinstance(answer, Mapping) or not isinstance(answer.get("scores"), Mapping):
        raise ScoreAnswerError('expected a JSON object with "scores" in it')
    missing = answer.get("missing", {})
    if not isinstance(missing, Mapping):
        raise ScoreAnswerError('"missing" is no JSON object')
    records: dict[str, ScoreRecord] = {}
    reasons: dict[str, str] = {}
    for pair in pairs:
        if pair not in answer["scores"]:
            reasons[pair] = str(missing.get(pair, "not in the answer"))
            continue
        try:
            records[pair] = parse_record(pair, answer["scores"][pair], at_ms)
        except ScoreAnswerError as error:
            reasons[pair] = f"refused: {error}"
    return records, reasons


def answered_ms(answer: object) -> int:
    """The moment that a batched answer says it speaks of ("at"). Raises ScoreAnswerError."""
    if not isinstance(answer, Mapping):
        raise ScoreAnswerError("expected a JSON object")
    return moment_ms(answer.get("at"), "at")


def empty_records() -> pd.DataFrame:
    """No record at all, in the columns that records have."""
    return pd.DataFrame(
        {
            name: np.empty(0, dtype=np.int64 if name in MOMENT_COLUMNS else np.float64)
            for name in COLUMNS
        }
    )


def records_frame(records: Sequence[ScoreRecord]) -> pd.DataFrame:
    """Records as columns (COLUMNS), ordered by available_at, then as_of."""
    ordered = sorted(records, key=lambda record: (record.available_at_ms, record.as_of_ms))
    return pd.DataFrame(
        {
            name: np.array(
                [getattr(record, name) for record in ordered],
                dtype=np.int64 if name in MOMENT_COLUMNS else np.float64,
            )
            for name in COLUMNS
        }
    )


def parse_history(answer: object, pair: str) -> pd.DataFrame:
    """A range of one pair's scores, sent in columns, as COLUMNS ordered by available_at.

    Raises ScoreAnswerError for missing or unequal columns, values out of range, another pair.
    """
    if not isinstance(answer, Mapping):
        raise ScoreAnswerError("expected a JSON object of columns")
    if answer.get("pair", pair) != pair:
        raise ScoreAnswerError(f"asked for {pair}, got a history of {answer.get('pair')!r}")
    columns: Any = answer.get("columns", answer)
    if not isinstance(columns, Mapping):
        raise ScoreAnswerError('"columns" is no JSON object')
    frame = pd.DataFrame({name: _column(columns, name) for name in COLUMNS})
    for name, limit in (("total", 100.0), ("confidence", 1.0)):
        if not frame[name].between(0.0, limit + SLACK).all():
            raise ScoreAnswerError(f"{name} of {pair} is not always between 0 and {limit:g}")
    for name, limit in (*PART_LIMITS.items(), ("percentile", 100.0), ("vetoed", 1.0)):
        if not (frame[name].isna() | frame[name].between(0.0, limit + SLACK)).all():
            raise ScoreAnswerError(f"{name} of {pair} is not always between 0 and {limit:g}")
    if (frame["as_of_ms"] > frame["available_at_ms"]).any():
        raise ScoreAnswerError(f"a score of {pair} is available before what it speaks of")
    return frame.sort_values(["available_at_ms", "as_of_ms"], ignore_index=True)


def _column(columns: Mapping[str, object], name: str) -> np.ndarray[Any, Any]:
    values = columns.get(name)
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ScoreAnswerError(f"column {name} is missing from the history")
    expected = columns.get("available_at_ms")
    if isinstance(expected, Sequence) and len(values) != len(expected):
        raise ScoreAnswerError(f"column {name} has {len(values)} values, not {len(expected)}")
    if name in MOMENT_COLUMNS:
        if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            raise ScoreAnswerError(f"column {name} is not made of whole milliseconds")
        return np.array(values, dtype=np.int64)
    if not all(value is None or isinstance(value, (int, float)) for value in values):
        raise ScoreAnswerError(f"column {name} is not made of numbers")
    return np.array(values, dtype=np.float64)  # None becomes NaN


def _points(part: object) -> object:
    """A part is its points, or an object that has them."""
    return part.get("points") if isinstance(part, Mapping) else part


def _number(value: object, name: str, limit: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ScoreAnswerError(f"{name} is {value!r}, expected a number")
    if not math.isfinite(value) or not -SLACK <= value <= limit + SLACK:
        raise ScoreAnswerError(f"{name} is {value!r}, expected 0 to {limit:g}")
    return float(value)


def _number_or_nan(value: object, name: str, limit: float) -> float:
    return math.nan if value is None else _number(value, name, limit)
