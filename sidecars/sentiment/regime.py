"""The market's regime over seven days, from BTC's dominance and the total capitalisation. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sidecars.common.layer.latest import Newest, change_pct, newest, value_near
from sidecars.common.layer.scores import SubScore
from sidecars.common.observations import MS_PER_DAY, Known, Window
from sidecars.sentiment.readings import DOMINANCE, ONCE_A_DAY, ONCE_A_DAY_SPAN_MS, TOTAL_CAP

WEIGHT = 0.30
SPAN_MS = 7 * MS_PER_DAY
TOLERANCE_MS = MS_PER_DAY  # a value of 6 to 8 days ago
# Moves that are no direction: the smallest quarter of all weeks of 2018 to 2024 (25 % of them moved
# the dominance by less than 0.34 points, the capitalisation by less than 2.2 %).
DOMINANCE_BAND_POINTS = 0.3
CAP_BAND_PCT = 2.0


class Regime(StrEnum):
    """Where the market's money goes."""

    RISK_ON = "RISK_ON"  # into everything, BTC least: dominance falls, BTC and total rise
    BTC_SEASON = "BTC_SEASON"  # into BTC first: dominance and BTC rise
    RISK_OFF = "RISK_OFF"  # out: BTC and total fall
    CHOPPY = "CHOPPY"  # none of these


FLAGS: dict[Regime | None, tuple[str, ...]] = {Regime.CHOPPY: ("HALF_SIZE", "WIDE_STOP")}

_STRENGTH = {
    Regime.RISK_ON: (80.0, 30.0),
    Regime.BTC_SEASON: (50.0, 50.0),
    Regime.RISK_OFF: (25.0, 80.0),
    Regime.CHOPPY: (45.0, 45.0),
}


@dataclass(frozen=True, slots=True)
class WeekChange:
    """Changes over seven days: dominance in points, BTC's own and the total capitalisation in %."""

    dominance_points: float
    btc_pct: float
    total_pct: float


def regime_of(change: WeekChange) -> Regime:
    """The regime; a move inside the dead band is neither a rise nor a fall."""
    btc_rises = change.btc_pct > CAP_BAND_PCT
    if btc_rises and change.dominance_points > DOMINANCE_BAND_POINTS:
        return Regime.BTC_SEASON
    total_rises = change.total_pct > CAP_BAND_PCT
    if btc_rises and total_rises and change.dominance_points < -DOMINANCE_BAND_POINTS:
        return Regime.RISK_ON
    if change.btc_pct < -CAP_BAND_PCT and change.total_pct < -CAP_BAND_PCT:
        return Regime.RISK_OFF
    return Regime.CHOPPY


def strength(regime: Regime, asset: str) -> tuple[float, float]:
    """Long and short, 0 to 100.

    80 and 30 under RISK_ON are given for alts alone. BTC, which rises least then, cannot stand
    better than in its own season: it gets 50 and 50.
    """
    if asset == "BTC" and regime is Regime.RISK_ON:
        return _STRENGTH[Regime.BTC_SEASON]
    return _STRENGTH[regime]


@dataclass(frozen=True, slots=True)
class WeekRegime:
    """The regime over the week, or None and why it is not known, in `reason`."""

    regime: Regime | None
    reason: str
    freshness: float = 1.0
    as_of_ms: int | None = None
    readings: Mapping[str, float | None] = field(default_factory=dict)


def week_regime(known: Known) -> WeekRegime:
    """The regime; unknown where a value of now or of a week ago is missing."""
    from_ms = known.at_ms - ONCE_A_DAY_SPAN_MS - SPAN_MS - TOLERANCE_MS
    dominances = known.window(DOMINANCE, from_ms)
    totals = known.window(TOTAL_CAP, from_ms)
    dominance = newest(dominances, known.at_ms, ONCE_A_DAY)
    total = newest(totals, known.at_ms, ONCE_A_DAY)
    if dominance is None or total is None:
        missing = "dominance" if dominance is None else "total market cap"
        return WeekRegime(None, f"regime unknown: no {missing} of this week")
    change = _week_change(dominances, dominance, totals, total)
    if change is None:
        return WeekRegime(None, "regime unknown: no values of 6 to 8 days ago")
    regime = regime_of(change)
    return WeekRegime(
        regime,
        f"{regime.value} over 7 days: dominance {change.dominance_points:+.1f} points, "
        f"BTC {change.btc_pct:+.1f} %, market {change.total_pct:+.1f} %",
        freshness=min(dominance.freshness, total.freshness),
        as_of_ms=min(dominance.as_of_ms, total.as_of_ms),
        readings={
            "dominance_change_points": change.dominance_points,
            "btc_cap_change_pct": change.btc_pct,
            "total_cap_change_pct": change.total_pct,
        },
    )


def regime_score(asset: str, week: WeekRegime) -> SubScore:
    """The sub-score of an asset in the regime."""
    long, short = (None, None) if week.regime is None else strength(week.regime, asset)
    return SubScore(
        name="regime",
        weight=WEIGHT,
        long=long,
        short=short,
        freshness=week.freshness,
        as_of_ms=week.as_of_ms,
        readings=week.readings,
        reason=week.reason,
    )


def _week_change(
    dominances: Window, dominance: Newest, totals: Window, total: Newest
) -> WeekChange | None:
    dominance_before = value_near(dominances, dominance.as_of_ms - SPAN_MS, TOLERANCE_MS)
    total_before = value_near(totals, total.as_of_ms - SPAN_MS, TOLERANCE_MS)
    if dominance_before is None or total_before is None:
        return None
    total_pct = change_pct(total.value, total_before)
    # BTC's own capitalisation is its share of the total.
    btc_pct = change_pct(total.value * dominance.value, total_before * dominance_before)
    if total_pct is None or btc_pct is None:
        return None
    return WeekChange(dominance.value - dominance_before, btc_pct, total_pct)
