"""Readings in words, and why a score is what it is. Pure."""

import math
from collections.abc import Callable, Mapping

from sidecars.confluence.observed import (
    FEAR_GREED_HOURS,
    FUNDING_DAYS,
    FUNDING_DAYS_NEEDED,
    SOCIAL_HOURS,
    WHALES_HOURS,
)
from sidecars.confluence.scoring import INPUTS, VETO_BELOW, Input

STRONGEST = 3
# Why an input that is read beside candles is unavailable.
_UNKNOWN: Mapping[str, str] = {
    "funding": f"unknown: no funding of {FUNDING_DAYS_NEEDED} of the last {FUNDING_DAYS} days",
    "fear_greed": f"unknown: no index of the last {FEAR_GREED_HOURS} hours",
    "social": f"unknown: no social volume of the last {SOCIAL_HOURS} hours",
    "whales": f"unknown: nothing about whales in the last {WHALES_HOURS} hours",
}
# As alternative.me names them.
_MOODS = (
    (25, "extreme fear"),
    (47, "fear"),
    (55, "neutral"),
    (76, "greed"),
    (101, "extreme greed"),
)

Row = Mapping[str, float]


def _sma200(row: Row) -> str:
    return f"{_away(row['sma200_distance'])} its 200-day mean"


def _rsi(row: Row) -> str:
    return f"RSI(14) {row['rsi']:.1f}"


def _bollinger(row: Row) -> str:
    return f"at {row['bollinger_position']:.2f} of the Bollinger bands (0 lower, 1 upper)"


def _drawdown(row: Row) -> str:
    return f"{row['drawdown']:.1%} under the all-time high of the record"


def _volume(row: Row) -> str:
    return f"volume {row['volume_ratio']:.2f} x its 30-day mean"


def _macd(row: Row) -> str:
    if row["macd_histogram"] > 0:
        side = "crossed above" if row["macd_crossed_up"] > 0 else "above"
    else:
        side = "below"
    rising = ", histogram rising for 3 bars" if row["macd_rising"] > 0 else ""
    return f"MACD {side} its signal{rising}"


def _candles(row: Row) -> str:
    found = [f"{row['higher_lows']:.0f} higher lows"]
    if row["reversal"] > 0:
        found.append("hammer or bullish engulfing")
    if row["doji_near_support"] > 0:
        found.append("doji near support")
    return f"last five days: {', '.join(found)}"


def _btc(row: Row) -> str:
    cross = "above" if row["btc_sma50"] > row["btc_sma200"] else "not above"
    return (
        f"BTC {_away(row['btc_price'] / row['btc_sma50'] - 1)} its 50-day and "
        f"{_away(row['btc_price'] / row['btc_sma200'] - 1)} its 200-day mean, "
        f"the 50-day {cross} the 200-day"
    )


def _market(row: Row) -> str:
    what = "total market cap" if row["market_source"] > 0 else "market index"
    return (
        f"{what} {_away(row['market_ratio'] - 1)} its 200-day mean, "
        f"weekly RSI {row['market_weekly_rsi']:.1f}"
    )


def _funding(row: Row) -> str:
    return f"BTC funding {row['funding_pct']:.3f} % per 8 h over {FUNDING_DAYS} days"


def _fear_greed(row: Row) -> str:
    index = row["fear_greed"]
    mood = next(words for below, words in _MOODS if index < below)
    return f"fear & greed {index:.0f}: {mood}"


def _social(row: Row) -> str:
    return f"social volume {row['social_ratio']:.2f} x its mean"


def _whales(row: Row) -> str:
    return "whales accumulate" if row["whales_accumulating"] > 0 else "whales do not accumulate"


_WORDS: Mapping[str, Callable[[Row], str]] = {
    "sma200": _sma200,
    "rsi": _rsi,
    "bollinger": _bollinger,
    "drawdown": _drawdown,
    "volume": _volume,
    "macd": _macd,
    "candles": _candles,
    "btc": _btc,
    "market": _market,
    "funding": _funding,
    "fear_greed": _fear_greed,
    "social": _social,
    "whales": _whales,
}


def reading_in_words(each: Input, row: Row, available: bool) -> str:
    """What an input says on a day, or why it says nothing. row: the day's readings by name."""
    if available:
        return _WORDS[each.name](row)
    if each.name in _UNKNOWN:
        return _UNKNOWN[each.name]
    return "too few candles in an unbroken row"


def strongest_reasons(row: Row, points: Mapping[str, float], regime: float) -> list[str]:
    """Two or three reasons in words: the veto if it fell, then the inputs that moved the score
    most, which are those whose points are farthest from half of what they could be."""
    reasons = []
    if regime < VETO_BELOW:
        reasons.append(f"veto: regime {regime:.0f} of 30 is under {VETO_BELOW}, total forced to 0")
    judged = [each for each in INPUTS if not math.isnan(points[each.name])]
    judged.sort(key=lambda each: -abs(points[each.name] - each.max_points / 2))
    for each in judged[: STRONGEST - len(reasons)]:
        words = reading_in_words(each, row, True)
        reasons.append(f"{words} ({points[each.name]:.0f} of {each.max_points})")
    return reasons


def _away(distance: float) -> str:
    """'3.2 % above' for 0.032."""
    return f"{abs(distance) * 100:.1f} % {'below' if distance < 0 else 'above'}"
