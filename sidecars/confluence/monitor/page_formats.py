"""Names and marks of the monitor's pages. Pure."""

from sidecars.common.pages.formats import NO_BREAK_SPACE
from sidecars.confluence.monitor.model import RungState, SignalState

ZONE_NAMES = {
    "STRONG_BUY": "Strong buy",
    "MODERATE_BUY": "Moderate buy",
    "WAIT": "Wait",
    "AVOID": "Avoid",
}
REGIME_NAMES = {
    "bull": "Bull market: sell targets are stretched",
    "bear": "Bear market: sell targets are tightened",
    "mixed": "Mixed market: sell targets as set",
    "unknown": "Market regime not known: sell targets as set",
}
SIGNAL_MARKS = {
    SignalState.TICK: ("\u2713", "good"),
    SignalState.CROSS: ("\u2717", "bad"),
    SignalState.UNAVAILABLE: ("\u2013", "not available"),
}
RUNG_MARKS = {
    RungState.HIT: ("\u2713", "Hit"),
    RungState.NEXT: ("\u2192", "Next"),
    RungState.LATER: ("\u00b7", "Later"),
}
HIT_BY = {
    "price": "by price",
    "score": "by a falling score",
    "regime": "by the regime turning bearish",
}


def zone_name(zone: str) -> str:
    """'Strong buy' for STRONG_BUY."""
    return ZONE_NAMES.get(zone, zone.replace("_", " ").capitalize())


def zone_class(zone: str) -> str:
    """'strong-buy' for STRONG_BUY: the part of a CSS class."""
    return zone.lower().replace("_", "-")


def percentile_in_words(percentile: float | None) -> str:
    """'higher than 83 % of its last two years'."""
    if percentile is None:
        return "no rank yet: too few comparable days in its last two years"
    if percentile <= 0:
        return "the lowest of its last two years"
    if percentile >= 100:
        return "the highest of its last two years"
    # 99.6 is not higher than 100 %, and 0.3 is not the lowest.
    rounded = min(99, max(1, round(percentile)))
    return f"higher than {rounded}{NO_BREAK_SPACE}% of its last two years"
