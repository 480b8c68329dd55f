"""The score of a layer (sentiment, on-chain): sub-scores with weights, freshness, confidence. Pure.

Scale: 0 to 100, 50 neutral, for each direction. A sub-score whose input is missing is missing:
its weight is taken by those that are there, and the confidence falls by it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MIDDLE = 50.0
STRONGEST_REASONS = 3


@dataclass(frozen=True, slots=True)
class SubScore:
    """One input, judged. long, short: 0 to 100 before freshness, None where it is unavailable.

    freshness: 1 (new) to 0; as_of_ms: the moment that its oldest needed input speaks of.
    reason: a few words for people ("fear & greed 22: extreme fear"); for an unavailable one why.
    """

    name: str
    weight: float
    long: float | None
    short: float | None
    freshness: float = 1.0
    as_of_ms: int | None = None
    readings: Mapping[str, float | None] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LayerScore:
    """A layer's score of an asset at a moment. long, short: None where nothing was known.

    confidence: 0 to 1, the sum of weight x freshness over all weights. flags: sorted names such
    as "DANGER". regime: one name, or None where unknown (or not of this layer).
    """

    asset: str
    at_ms: int
    long: float | None
    short: float | None
    confidence: float
    sub_scores: tuple[SubScore, ...]
    flags: tuple[str, ...] = ()
    regime: str | None = None
    reasons: tuple[str, ...] = ()


def towards_middle(strength: float, freshness: float) -> float:
    """50 + (strength - 50) x freshness."""
    return MIDDLE + (strength - MIDDLE) * freshness


def combine(
    asset: str,
    at_ms: int,
    sub_scores: Sequence[SubScore],
    flags: Sequence[str] = (),
    regime: str | None = None,
) -> LayerScore:
    """Weighted mean of the sub-scores that are there, each moved to the middle by its freshness."""
    there = [each for each in sub_scores if each.long is not None and each.short is not None]
    weight = sum(each.weight for each in there)
    all_weights = sum(each.weight for each in sub_scores)
    long = short = None
    if there:
        long = sum(each.weight * towards_middle(each.long or 0.0, each.freshness) for each in there)
        short = sum(
            each.weight * towards_middle(each.short or 0.0, each.freshness) for each in there
        )
        long, short = long / weight, short / weight
    return LayerScore(
        asset=asset,
        at_ms=at_ms,
        long=long,
        short=short,
        confidence=sum(each.weight * each.freshness for each in there) / all_weights,
        sub_scores=tuple(sub_scores),
        flags=tuple(sorted(set(flags))),
        regime=regime,
        reasons=strongest_reasons(sub_scores),
    )


def strongest_reasons(sub_scores: Sequence[SubScore]) -> tuple[str, ...]:
    """The reasons of the sub-scores that pull furthest from the middle, strongest first."""
    pulls = [
        (
            each.weight * each.freshness * max(abs(each.long - MIDDLE), abs(each.short - MIDDLE)),
            each,
        )
        for each in sub_scores
        if each.long is not None and each.short is not None
    ]
    pulling = [pair for pair in pulls if pair[0] > 0]
    ordered = sorted(pulling, key=lambda pair: -pair[0])
    return tuple(each.reason for _, each in ordered[:STRONGEST_REASONS] if each.reason)
