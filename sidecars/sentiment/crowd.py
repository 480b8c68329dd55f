"""What people say about an asset: how loud, how happy, and since when. Pure."""

from dataclasses import dataclass

from sidecars.common.layer.latest import newest
from sidecars.common.layer.ranges import Curve, Decay
from sidecars.common.layer.scores import SubScore
from sidecars.common.observations import MS_PER_DAY, Known, series_of
from sidecars.sentiment.readings import ONCE_A_DAY, ONCE_A_DAY_SPAN_MS, SOCIAL_VOLUME
from sidecars.sentiment.social import SocialReading

WEIGHT = 0.30
# Headlines come at any hour: three hours without one is nothing, a day is a source that is gone.
HEADLINES = Decay(full_hours=3.0, low_hours=24.0, gone_hours=48.0)

# Times the 7-day mean. Up to 1 is quiet, from 1.5 on it is growth, from 3 on a spike.
GROWTH = Curve((1.0, 0.0), (1.5, 1.0))
SPIKE = Curve((2.5, 0.0), (3.0, 1.0))
# Within 0.05 of zero VADER itself calls a text neutral; 0.15 is beyond the mean of nine days in
# ten of crypto headlines.
MOOD = Curve((-0.15, -1.0), (-0.05, 0.0), (0.05, 0.0), (0.15, 1.0))
# The last hours against the whole day. A spike that no longer grows is capitulation; one that is
# louder now than over the day is breaking news.
BREAKING = Curve((1.0, 0.0), (1.5, 1.0))

QUIET, SLOW_GROWTH, JOY = 50.0, 65.0, 75.0
CAPITULATION_LONG, CAPITULATION_SHORT = 80.0, 20.0
BAD_NEWS_LONG, BAD_NEWS_SHORT = 20.0, 85.0
FEW_MENTIONS = 3
VOLUME_DAYS = 7
VOLUME_DAYS_NEEDED = 5


@dataclass(frozen=True, slots=True)
class SocialInput:
    """What was said of an asset, weighted by reach.

    burst_ratio: mentions per hour of the last hours / mean per hour of the 7 days before.
    day_ratio: mentions of the last 24 h / mean per 24 h of the 7 days before. None: not enough
    heard to say. polarity: mean of the last 24 h, -1 to 1; None where nobody said anything or no
    text was seen. as_of_ms: the newest item heard of any asset, which proves that the sources
    speak. burst_mentions, day_mentions: how many there were; None where they are not counted one
    by one. is_daily: from a source of daily counts rather than from headlines.
    """

    as_of_ms: int
    burst_ratio: float | None
    day_ratio: float | None
    polarity: float | None
    burst_mentions: float | None = None
    day_mentions: float | None = None
    is_daily: bool = False

    @property
    def loudness(self) -> float | None:
        """The greater of the ratios that are known; a few mentions are quiet at any ratio."""
        known = [
            min(ratio, 1.0) if mentions is not None and mentions < FEW_MENTIONS else ratio
            for ratio, mentions in (
                (self.burst_ratio, self.burst_mentions),
                (self.day_ratio, self.day_mentions),
            )
            if ratio is not None
        ]
        return max(known, default=None)

    @property
    def breaking(self) -> float:
        """0 (no louder now than over the day) to 1; where it is not known 1, the careful side."""
        if self.burst_ratio is None or not self.day_ratio:
            return 1.0
        return BREAKING(self.burst_ratio / self.day_ratio)


def judge_social(social: SocialInput | None, at_ms: int) -> SubScore:
    """The sub-score of the last day's mentions."""
    if social is None or social.loudness is None:
        return _unavailable("social: too little heard to compare with")
    decay = ONCE_A_DAY if social.is_daily else HEADLINES
    freshness = decay.of(max(0, at_ms - social.as_of_ms))
    if freshness is None:
        return _unavailable("social: nothing heard lately")
    loudness, polarity = social.loudness, social.polarity
    if polarity is None and SPIKE(loudness) > 0:
        return _unavailable(f"social {loudness:.1f} x its mean, but not known in which mood")
    mood = 0.0 if polarity is None else MOOD(polarity)
    long, short = strength(loudness, mood, social.breaking)
    return SubScore(
        name="social",
        weight=WEIGHT,
        long=long,
        short=short,
        freshness=freshness,
        as_of_ms=social.as_of_ms,
        readings={
            "burst_ratio": social.burst_ratio,
            "day_ratio": social.day_ratio,
            "polarity": polarity,
        },
        reason=_words(loudness, mood, social.breaking, polarity),
    )


def strength(loudness: float, mood: float, breaking: float) -> tuple[float, float]:
    """Long and short, 0 to 100. loudness: times the mean; mood: -1 to 1; breaking: 0 to 1.

    Quiet 50, slow growth 65 (of glad or indifferent talk: growth of bad talk stays 50), a spike
    75 if glad; if bad 80 when it has lasted (capitulation), 20 and 85 while it breaks.
    """
    gladness, badness = max(0.0, mood), max(0.0, -mood)
    growth = QUIET + (SLOW_GROWTH - QUIET) * GROWTH(loudness) * (1.0 - badness)
    bad_long = _between(CAPITULATION_LONG, BAD_NEWS_LONG, breaking)
    bad_short = _between(CAPITULATION_SHORT, BAD_NEWS_SHORT, breaking)
    spike_long = _between(_between(SLOW_GROWTH, JOY, gladness), bad_long, badness)
    spike_short = _between(_between(100.0 - SLOW_GROWTH, 100.0 - JOY, gladness), bad_short, badness)
    spike = SPIKE(loudness)
    return _between(growth, spike_long, spike), _between(100.0 - growth, spike_short, spike)


def headline_input(reading: SocialReading) -> SocialInput | None:
    """What headlines say; None where none was heard at all."""
    if reading.newest_as_of_ms is None:
        return None
    return SocialInput(
        as_of_ms=reading.newest_as_of_ms,
        burst_ratio=reading.ratio_hours_to_week,
        day_ratio=reading.ratio_day_to_week,
        polarity=reading.polarity,
        burst_mentions=reading.count_last_hours,
        day_mentions=reading.mentions_last_day,
    )


def volume_input(asset: str, known: Known) -> SocialInput | None:
    """Loudness from a source that counts posts per 24 h and shows no texts; the mood is unknown."""
    longest_ms = ONCE_A_DAY_SPAN_MS + (VOLUME_DAYS + 1) * MS_PER_DAY
    window = known.window(series_of(SOCIAL_VOLUME, asset), known.at_ms - longest_ms)
    latest = newest(window, known.at_ms, ONCE_A_DAY)
    if latest is None:
        return None
    # Counts of 24 h that end a day before the latest one's end or earlier share no hour with it.
    first_ms = latest.as_of_ms - (VOLUME_DAYS + 1) * MS_PER_DAY
    first = int(window.as_of_ms.searchsorted(first_ms))
    end = int(window.as_of_ms.searchsorted(latest.as_of_ms - MS_PER_DAY, side="right"))
    days = {moment // MS_PER_DAY for moment in window.as_of_ms[first:end].tolist()}
    mean = float(window.value[first:end].mean()) if len(days) >= VOLUME_DAYS_NEEDED else 0.0
    if mean <= 0.0:
        return None
    return SocialInput(
        as_of_ms=latest.as_of_ms,
        burst_ratio=None,
        day_ratio=latest.value / mean,
        polarity=None,
        is_daily=True,
    )


def _between(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


def _words(loudness: float, mood: float, breaking: float, polarity: float | None) -> str:
    said = "" if polarity is None else f", polarity {polarity:+.2f}"
    if SPIKE(loudness) > 0:
        if mood > 0:
            what = "spike of joy"
        elif mood < 0:
            what = "viral bad news" if breaking > 0.5 else "capitulation: contrarian long"
        else:
            what = "spike without a mood"
    elif GROWTH(loudness) > 0:
        what = "bad talk grows" if mood < 0 else "slow growth"
    else:
        what = "quiet"
    return f"social {loudness:.1f} x its mean{said}: {what}"


def _unavailable(reason: str) -> SubScore:
    return SubScore("social", WEIGHT, None, None, reason=reason)
