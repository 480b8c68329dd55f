"""Score records: from columns of a pair to immutable rows, and from a row to what is sent. Pure."""

import math
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import orjson

from sidecars.common.moments import iso_ms
from sidecars.confluence.candles import (
    MS_PER_DAY,
    DailyCandles,
    FloatArray,
    IntArray,
    unbroken_runs,
)
from sidecars.confluence.indicators import PAIR_READINGS, TREND_DAYS, pair_readings
from sidecars.confluence.market import MARKET_READINGS, Market
from sidecars.confluence.observed import PAIR_OBSERVED, Timelines, pair_observed
from sidecars.confluence.scoring import (
    INPUTS,
    PARTS,
    Scores,
    percentiles,
    score,
    zone_by_percentile,
    zone_of,
)
from sidecars.confluence.settings import ZonePreset
from sidecars.confluence.words import reading_in_words, strongest_reasons

READINGS = (*PAIR_READINGS, *MARKET_READINGS, *PAIR_OBSERVED)
_OWN_INPUTS = tuple(each.name for each in INPUTS if each.part in ("technical", "momentum"))


@dataclass(frozen=True, slots=True)
class Observed:
    """What is known beside candles. complete_until_ms: of each source that is asked for it, by its
    name, the moment up to which everything that was available has been read."""

    timelines: Timelines = field(default_factory=dict)
    complete_until_ms: Mapping[str, int] = field(default_factory=dict)


NOTHING_OBSERVED = Observed()


@dataclass(frozen=True, slots=True)
class ScoredDays:
    """Every day of one pair, scored. Rows are the days of its candles."""

    pair: str
    as_of_ms: IntArray  # closes of the candles
    readings: Mapping[str, FloatArray]
    scores: Scores
    percentile: FloatArray
    degraded: Mapping[int, tuple[str, ...]]  # by as_of_ms
    candles_from_ms: int


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One record as it is kept. Never changed; a revision is another row, available later.

    readings and points: JSON arrays in the order of READINGS and INPUTS, null where unavailable.
    degraded: JSON array of what the record had to do without.
    """

    pair: str
    formula: str
    as_of_ms: int
    revision: int
    available_at_ms: int
    total: float
    zone: str
    vetoed: bool
    confidence: float
    percentile: float | None
    technical: float
    momentum: float
    regime: float
    sentiment: float
    candles_from_ms: int
    readings: str
    points: str
    degraded: str

    @property
    def zone_by_percentile(self) -> str | None:
        """The zone among the pair's own last two years; None where that is not known."""
        zone = zone_by_percentile(self.percentile, vetoed=self.vetoed)
        return None if zone is None else zone.value


def recommended_zone(row: ScoreRow, preset: ZonePreset) -> str:
    """The zone that counts: by points, or by percentile where that is asked for and known."""
    by_percentile = row.zone_by_percentile if preset == "percentile" else None
    return row.zone if by_percentile is None else by_percentile


def score_days(
    pair: str, candles: DailyCandles, market: Market, observed: Observed = NOTHING_OBSERVED
) -> ScoredDays:
    """Score every day of a pair: the one path of backfill and live."""
    as_of_ms = candles.open_time_ms + MS_PER_DAY
    readings = {
        **pair_readings(candles),
        **market.on(candles.open_time_ms),
        **pair_observed(pair, observed.timelines, as_of_ms),
    }
    scores = score(readings, len(candles))
    degraded = _own_troubles(candles)
    for open_ms, troubles in market.troubles.items():
        if candles.has(open_ms):
            as_of = open_ms + MS_PER_DAY
            degraded[as_of] = (*degraded.get(as_of, ()), *troubles)
    for name, until_ms in sorted(observed.complete_until_ms.items()):
        for as_of in as_of_ms[as_of_ms > until_ms].tolist():
            degraded[as_of] = (*degraded.get(as_of, ()), f"{name} not reached")
    return ScoredDays(
        pair=pair,
        as_of_ms=as_of_ms,
        readings=readings,
        scores=scores,
        percentile=percentiles(as_of_ms, scores.total, scores.confidence),
        degraded=degraded,
        candles_from_ms=int(candles.open_time_ms[0]) if len(candles) else 0,
    )


def make_rows(
    days: ScoredDays, formula: str, available_at_ms: Mapping[int, int], revision: int = 0
) -> list[ScoreRow]:
    """Rows of the days named in `available_at_ms` (as_of_ms -> when it was available).

    A day on which nothing of the pair itself can be judged yet makes no record.
    """
    own = np.array([days.scores.points[name] for name in _OWN_INPUTS])
    judged = ~np.isnan(own).all(axis=0)
    chosen = [
        row for row in np.flatnonzero(judged).tolist() if int(days.as_of_ms[row]) in available_at_ms
    ]
    readings = _table([days.readings[name] for name in READINGS], chosen)
    points = _table([days.scores.points[each.name] for each in INPUTS], chosen)
    scores = days.scores
    rows = []
    for place, row in enumerate(chosen):
        as_of_ms = int(days.as_of_ms[row])
        total = float(scores.total[row])
        rows.append(
            ScoreRow(
                pair=days.pair,
                formula=formula,
                as_of_ms=shared_moment(as_of_ms),
                revision=revision,
                available_at_ms=shared_moment(available_at_ms[as_of_ms]),
                total=shared(total),
                zone=zone_of(total).value,
                vetoed=bool(scores.vetoed[row]),
                confidence=shared(float(scores.confidence[row])),
                percentile=_number(float(days.percentile[row])),
                **{part: shared(float(scores.parts[part][row])) for part in PARTS},
                candles_from_ms=shared_moment(days.candles_from_ms),
                readings=readings[place],
                points=points[place],
                degraded=sys.intern(orjson.dumps(days.degraded.get(as_of_ms, ())).decode()),
            )
        )
    return rows


_SHARED: dict[float, float] = {}
_SHARED_MOMENTS: dict[int, int] = {}


def shared(points: float) -> float:
    """The same number as one object for all rows: whole points and shares of 100 repeat, and rows
    are many."""
    return _SHARED.setdefault(points, points)


def shared_moment(moment_ms: int) -> int:
    """The same for moments: the days of all pairs are the same days."""
    return _SHARED_MOMENTS.setdefault(moment_ms, moment_ms)


def differs(row: ScoreRow, other: ScoreRow) -> bool:
    """Whether two rows of one day say something else (apart from when they were available)."""
    return (
        row.total != other.total
        or row.confidence != other.confidence
        or row.points != other.points
        or row.readings != other.readings
        or row.degraded != other.degraded
    )


def record_json(row: ScoreRow) -> bytes:
    """The record as the API sends it."""
    readings = dict(zip(READINGS, orjson.loads(row.readings), strict=True))
    given = zip(INPUTS, orjson.loads(row.points), strict=True)
    points = {each.name: math.nan if value is None else value for each, value in given}
    unavailable = [name for name, value in points.items() if math.isnan(value)]
    return orjson.dumps(
        {
            "pair": row.pair,
            "as_of": iso_ms(row.as_of_ms),
            "available_at": iso_ms(row.available_at_ms),
            "formula": row.formula,
            "revision": row.revision,
            "total": row.total,
            "zone": row.zone,
            "vetoed": row.vetoed,
            "confidence": row.confidence,
            "percentile": row.percentile,
            "zone_by_percentile": row.zone_by_percentile,
            "price": readings["price"],
            "parts": {
                part: {
                    "points": getattr(row, part),
                    "max": limit,
                    "inputs": _inputs_of(part, readings, points, unavailable),
                }
                for part, limit in PARTS.items()
            },
            "reasons": strongest_reasons(readings, points, row.regime),
            "unavailable": unavailable,
            "degraded": orjson.loads(row.degraded),
            "candles_from": iso_ms(row.candles_from_ms),
        }
    )


def _inputs_of(
    part: str,
    readings: Mapping[str, float],
    points: Mapping[str, float],
    unavailable: Collection[str],
) -> list[dict[str, object]]:
    return [
        {
            "name": each.name,
            "points": 0.0 if each.name in unavailable else points[each.name],
            "max": each.max_points,
            "available": each.name not in unavailable,
            "reading": {name: readings.get(name) for name in (*each.readings, *each.beside)},
            "reason": reading_in_words(each, readings, each.name not in unavailable),
        }
        for each in INPUTS
        if each.part == part
    ]


def _own_troubles(candles: DailyCandles) -> dict[int, tuple[str, ...]]:
    """Days after a hole on which the longest mean has not filled again."""
    troubles: dict[int, tuple[str, ...]] = {}
    runs = unbroken_runs(candles.open_time_ms)
    for run in runs[1:]:
        times = candles.open_time_ms[run]
        reason = f"no candles before {iso_ms(int(times[0]))[:10]}: its means start anew"
        for open_ms in times[: TREND_DAYS - 1].tolist():
            troubles[open_ms + MS_PER_DAY] = (reason,)
    return troubles


def _table(columns: list[FloatArray], rows: list[int]) -> list[str]:
    """One JSON array for each row; NaN becomes null."""
    table = np.column_stack(columns)[rows]
    return [orjson.dumps(values).decode() for values in table.tolist()]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
