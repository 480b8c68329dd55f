"""What the tests of the sentiment rules share: series of values as what was known."""

from collections.abc import Mapping, Sequence

from sidecars.common.layer.events import EventTimeline
from sidecars.common.layer.scores import LayerScore, SubScore
from sidecars.common.observations import (
    MS_PER_DAY,
    MS_PER_HOUR,
    MS_PER_MINUTE,
    KnownAt,
    Observation,
    SeriesTimeline,
)
from sidecars.sentiment.crowd import SocialInput
from sidecars.sentiment.scoring import SentimentScorer

WEDNESDAY = 1_718_150_400_000  # 2024-06-12 00:00 UTC
NOW = WEDNESDAY + 12 * MS_PER_HOUR
NO_EVENTS = EventTimeline().known_at(NOW)
Values = Sequence[tuple[int, float]]  # as_of_ms, value


def known(series: Mapping[str, Values], at_ms: int = NOW) -> KnownAt:
    """Each value available at the moment it speaks of."""
    timelines = {
        name: SeriesTimeline(
            [Observation(name, as_of, as_of, value, "test") for as_of, value in values]
        )
        for name, values in series.items()
    }
    return KnownAt(timelines, at_ms)


def scorer(social: SocialInput | None = None) -> SentimentScorer:
    return SentimentScorer(lambda asset, events, at_ms: social, "test")


def scored(
    series: Mapping[str, Values],
    asset: str = "ETH",
    at_ms: int = NOW,
    social: SocialInput | None = None,
) -> LayerScore:
    return scorer(social).score(asset, known(series, at_ms), NO_EVENTS)


def part(score: LayerScore, name: str) -> SubScore:
    return next(each for each in score.sub_scores if each.name == name)


def judged(
    name: str,
    series: Mapping[str, Values],
    asset: str = "ETH",
    at_ms: int = NOW,
    social: SocialInput | None = None,
) -> SubScore:
    return part(scored(series, asset, at_ms, social), name)


def strengths(score: SubScore) -> tuple[float, float]:
    """Long and short of a sub-score that has to be there."""
    assert score.long is not None
    assert score.short is not None
    return score.long, score.short


def weeks(dominance: tuple[float, float], total: tuple[float, float]) -> dict[str, Values]:
    """Dominance and total market cap of a week ago and of now."""
    days = (WEDNESDAY - 7 * MS_PER_DAY, WEDNESDAY)
    return {
        "btc_dominance_pct": list(zip(days, dominance, strict=True)),
        "total_market_cap_usd": list(zip(days, total, strict=True)),
    }


def closes(**values: tuple[float, float]) -> dict[str, Values]:
    """Closes of yesterday and of today."""
    days = (WEDNESDAY - MS_PER_DAY, WEDNESDAY)
    return {name: list(zip(days, each, strict=True)) for name, each in values.items()}


def ticks(at_ms: int, minutes_and_values: Values) -> list[tuple[int, float]]:
    """Values of so many minutes ago."""
    return [(at_ms - minutes * MS_PER_MINUTE, value) for minutes, value in minutes_and_values]
