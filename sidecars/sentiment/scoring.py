"""The sentiment layer's score: fear & greed, what people say, the regime, macro. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sidecars.common.layer.latest import newest
from sidecars.common.layer.ranges import Curve
from sidecars.common.layer.scorer import KnownEvents
from sidecars.common.layer.scores import LayerScore, SubScore, combine
from sidecars.common.observations import Known, series_of
from sidecars.sentiment.crowd import SocialInput, judge_social, volume_input
from sidecars.sentiment.macro import judge_macro
from sidecars.sentiment.readings import FEAR_GREED, ONCE_A_DAY, ONCE_A_DAY_SPAN_MS
from sidecars.sentiment.regime import FLAGS, WeekRegime, regime_score, week_regime

FEAR_GREED_WEIGHT = 0.20
# Contrarian. The index comes in whole numbers: only a threshold itself lies between two bands.
FEAR_GREED_STRENGTH = Curve.of_bands(
    (
        (0.0, 25.0, 90.0, 75.0),
        (25.0, 45.0, 70.0, 60.0),
        (45.0, 55.0, 50.0, 50.0),
        (55.0, 75.0, 40.0, 40.0),
        (75.0, 100.0, 25.0, 15.0),
    ),
    ramp=1.0,
)
_MOODS = ((25.0, "extreme fear"), (45.0, "fear"), (55.0, "neutral"), (75.0, "greed"))

SocialOf = Callable[[str, KnownEvents, int], SocialInput | None]


@dataclass(frozen=True, slots=True)
class _Market:
    """What is the same for every asset."""

    fear_greed: SubScore
    regime: WeekRegime
    macro: SubScore
    alarms: tuple[str, ...]


class SentimentScorer:
    """Keeps to Scorer. Series are named in readings.py; headlines come as events.

    social_of: what was said of an asset by a moment (ms), None where too little was heard.
    polarity_model: what judged the headlines; another one is another formula.
    """

    days_needed = 16.0  # a week of staleness, eight days before it, and a day
    event_days_needed = 9.0  # the day and the seven before it, and a day

    def __init__(self, social_of: SocialOf, polarity_model: str) -> None:
        self._social_of = social_of
        self.formula = f"sentiment-1+{polarity_model}"
        # What is the same for every asset of a moment is judged once: for the last `known`.
        self._last_market: tuple[Known, _Market] | None = None

    def score(self, asset: str, known: Known, events: KnownEvents) -> LayerScore:
        """The score of an asset from what was known."""
        market = self._market_of(known)
        regime = market.regime
        social = self._social(asset, known, events)
        return combine(
            asset,
            known.at_ms,
            (
                market.fear_greed,
                judge_social(social, known.at_ms),
                regime_score(asset, regime),
                market.macro,
            ),
            flags=(*market.alarms, *FLAGS.get(regime.regime, ())),
            regime=None if regime.regime is None else regime.regime.value,
        )

    def derived(self, asset: str, known: Known, events: KnownEvents) -> Mapping[str, float]:
        """social_ratio:ASSET and social_polarity:ASSET, each where it is known."""
        social = self._social(asset, known, events)
        if social is None:
            return {}
        series = {"social_ratio": social.day_ratio, "social_polarity": social.polarity}
        return {
            series_of(name, asset): value for name, value in series.items() if value is not None
        }

    def _market_of(self, known: Known) -> "_Market":
        last = self._last_market
        if last is None or last[0] is not known:
            macro, alarms = judge_macro(known)
            last = (known, _Market(judge_fear_greed(known), week_regime(known), macro, alarms))
            self._last_market = last
        return last[1]

    def _social(self, asset: str, known: Known, events: KnownEvents) -> SocialInput | None:
        social = self._social_of(asset, events, known.at_ms)
        if social is not None and social.loudness is not None:
            return social
        volume = volume_input(asset, known)
        if volume is None or social is None:
            return volume or social
        return replace(volume, polarity=social.polarity)  # posts are counted, headlines are read


def judge_fear_greed(known: Known) -> SubScore:
    """The sub-score of the day's index."""
    window = known.window(FEAR_GREED, known.at_ms - ONCE_A_DAY_SPAN_MS)
    latest = newest(window, known.at_ms, ONCE_A_DAY)
    if latest is None:
        reason = "no fear & greed index of this week"
        return SubScore("fear_greed", FEAR_GREED_WEIGHT, None, None, reason=reason)
    index = latest.value
    long = FEAR_GREED_STRENGTH(index)
    mood = next((name for border, name in _MOODS if index < border), "extreme greed")
    verdict = "neutral" if 45 <= index <= 55 else f"contrarian {'long' if index < 45 else 'short'}"
    return SubScore(
        name="fear_greed",
        weight=FEAR_GREED_WEIGHT,
        long=long,
        short=100.0 - long,
        freshness=latest.freshness,
        as_of_ms=latest.as_of_ms,
        readings={"fear_greed": index},
        reason=f"fear & greed {index:.0f} ({mood}): {verdict}",
    )
