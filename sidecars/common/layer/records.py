"""A layer's score as it is kept and sent. Pure."""

from dataclasses import dataclass

import orjson

from sidecars.common.layer.scores import LayerScore, SubScore, towards_middle
from sidecars.common.moments import iso_ms


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """One score of one asset. Never changed. body: the JSON object that the API sends."""

    formula: str
    asset: str
    as_of_ms: int
    available_at_ms: int
    long: float | None
    short: float | None
    confidence: float
    regime: str | None
    flags: str  # names with commas between them
    body: bytes


def make_record(formula: str, score: LayerScore, available_at_ms: int) -> ScoreRecord:
    """The record of a score."""
    return ScoreRecord(
        formula=formula,
        asset=score.asset,
        as_of_ms=score.at_ms,
        available_at_ms=available_at_ms,
        long=_rounded(score.long),
        short=_rounded(score.short),
        confidence=round(score.confidence, 4),
        regime=score.regime,
        flags=",".join(score.flags),
        body=orjson.dumps(
            {
                "asset": score.asset,
                "as_of": iso_ms(score.at_ms),
                "available_at": iso_ms(available_at_ms),
                "formula": formula,
                "long": _rounded(score.long),
                "short": _rounded(score.short),
                "confidence": round(score.confidence, 4),
                "regime": score.regime,
                "flags": score.flags,
                "reasons": score.reasons,
                "unavailable": [each.name for each in score.sub_scores if each.long is None],
                "sub_scores": [_sub_score(each) for each in score.sub_scores],
            }
        ),
    )


def _sub_score(each: SubScore) -> dict[str, object]:
    there = each.long is not None and each.short is not None
    return {
        "name": each.name,
        "weight": each.weight,
        "available": there,
        "long": _rounded(each.long),
        "short": _rounded(each.short),
        "effective_long": _rounded(_effective(each.long, each.freshness)),
        "effective_short": _rounded(_effective(each.short, each.freshness)),
        "freshness": round(each.freshness, 4) if there else None,
        "as_of": None if each.as_of_ms is None else iso_ms(each.as_of_ms),
        "readings": dict(each.readings),
        "reason": each.reason,
    }


def _effective(strength: float | None, freshness: float) -> float | None:
    return None if strength is None else towards_middle(strength, freshness)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
