"""What records read from observations: funding, fear & greed, social volume, whales. Pure.

A record as of T reads what was available strictly before T, so that one that is made live seconds
after the close and one that is backfilled read the same. What is published at 00:00 of T itself
(a daily value of the day that ended) is read by the next day's record.
"""

from collections.abc import Mapping

import numpy as np

from sidecars.common.observations import (
    MS_PER_DAY,
    MS_PER_HOUR,
    FloatArray,
    IntArray,
    SeriesTimeline,
    series_of,
)

Timelines = Mapping[str, SeriesTimeline]

FEAR_GREED = "fear_greed"
TOTAL_CAP = "total_market_cap_usd"
FUNDING = series_of("funding_rate_pct", "BTC")
OPEN_INTEREST = series_of("open_interest_usd", "BTC")
SOCIAL = "social_ratio"
WHALES = "whales_accumulating"

# Older than these before the close a value says nothing of the day.
FEAR_GREED_HOURS = 48
SOCIAL_HOURS = 48
WHALES_HOURS = 72
FUNDING_DAYS = 7
FUNDING_DAYS_NEEDED = 5

MARKET_OBSERVED = ("funding_pct", "fear_greed")
PAIR_OBSERVED = ("social_ratio", "whales_accumulating")


def market_observed(timelines: Timelines, as_of_ms: IntArray) -> dict[str, FloatArray]:
    """MARKET_OBSERVED of each moment; NaN where nothing fresh was known."""
    return {
        "funding_pct": funding_mean(timelines.get(FUNDING), as_of_ms),
        "fear_greed": latest_before(
            timelines.get(FEAR_GREED), as_of_ms, FEAR_GREED_HOURS * MS_PER_HOUR
        ),
    }


def pair_observed(pair: str, timelines: Timelines, as_of_ms: IntArray) -> dict[str, FloatArray]:
    """PAIR_OBSERVED of each moment, of the pair's own coin; NaN where nothing fresh was known."""
    asset = asset_of(pair)
    social, whales = (timelines.get(series_of(name, asset)) for name in (SOCIAL, WHALES))
    return {
        "social_ratio": latest_before(social, as_of_ms, SOCIAL_HOURS * MS_PER_HOUR),
        "whales_accumulating": latest_before(whales, as_of_ms, WHALES_HOURS * MS_PER_HOUR),
    }


def asset_of(pair: str) -> str:
    """The coin of a pair, as the layers name it: "BTC" of "BTC/USDT"."""
    return pair.split("/", 1)[0].upper()


def latest_before(
    timeline: SeriesTimeline | None, moments_ms: IntArray, max_age_ms: int
) -> FloatArray:
    """For each moment the value with the latest as_of among those available before it.

    NaN where there is none, or where it speaks of more than `max_age_ms` before the moment.
    """
    values = np.full(len(moments_ms), np.nan)
    if timeline is None or len(timeline) == 0:
        return values
    known = np.searchsorted(timeline.available_at_ms, moments_ms, side="left").tolist()
    previous, as_of_ms, value = 0, 0, np.nan
    for row, (count, moment_ms) in enumerate(zip(known, moments_ms.tolist(), strict=True)):
        if count != previous:
            found = timeline.latest("", moment_ms - 1)
            if found is not None:
                previous, as_of_ms, value = count, found.as_of_ms, found.value
        if count and moment_ms - as_of_ms <= max_age_ms:
            values[row] = value
    return values


def funding_mean(timeline: SeriesTimeline | None, moments_ms: IntArray) -> FloatArray:
    """For each moment the mean of funding (% per 8 h) over the 7 days before it.

    Of the values (settlements, or one a day) with moment - 7 days <= as_of < moment that were
    available before the moment; each UTC day weighs the same, however often it settled. NaN
    where fewer than 5 of the days have a value.
    """
    values = np.full(len(moments_ms), np.nan)
    if timeline is None or len(timeline) == 0:
        return values
    for row, moment_ms in enumerate(moments_ms.tolist()):
        # Nothing is available before it is as of: what it speaks of is before the moment as well.
        window = timeline.window(moment_ms - FUNDING_DAYS * MS_PER_DAY, moment_ms - 1)
        days, place = np.unique(window.as_of_ms // MS_PER_DAY, return_inverse=True)
        if len(days) >= FUNDING_DAYS_NEEDED:
            sums = np.bincount(place, weights=window.value)
            values[row] = float(np.mean(sums / np.bincount(place)))
    return values
