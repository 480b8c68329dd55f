"""How much is said of an asset, against its own week, and in which mood. Pure.

- Mentions are headlines that name the asset, each counted with its reach; market-wide ones (no
  asset named) are no mentions.
- Ratios compare the last hours, or the last day, with the 7 days before them, by the headlines of
  sources alone that were read without a gap over all 8 days: a feed that died makes no asset
  quieter, and one that came back no asset louder. Each feed is a source of its own; one that shows
  less than a headline a day is never without a gap, so it takes no part in ratios. In those 7 days
  there must be at least one mention for each span of that length on average (a spike of one
  headline is none). Else ratios are None.
- Polarity is the mean over the last day, weighted by reach; a market-wide headline counts half.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, FloatArray, IntArray
from sidecars.common.sources import Headline

BURST_HOURS = 3
WEEK_DAYS = 7
WEEK_MS = WEEK_DAYS * MS_PER_DAY
MARKET_WIDE_SHARE = 0.5
# What a reading looks at: the day and the 7 days before it.
DAYS_NEEDED = WEEK_DAYS + 1


@dataclass(frozen=True, slots=True)
class SocialReading:
    """What was said of an asset by a moment. Mentions are weighted by reach, and those of the
    sources alone that ratios are made from.

    mentions_last_hours: of the last 3 hours; ratio_hours_to_week: per hour, over the mean per hour
    of the 7 days before them. mentions_last_day, ratio_day_to_week: the same of the last 24 h.
    Ratios are None where no source was read without a gap, or where too little was said in the 7
    days: fewer than 56 mentions (hours) or 7 (day), by number. polarity: -1 to 1 over the last day,
    of all sources, None where nothing was said of the asset or the market; count: headlines in it.
    count_last_hours: mentions of the last hours by number. newest_as_of_ms: newest headline of
    whatever asset, which shows that those sources speak (any source, where none was read without a
    gap); None where there is none in 8 days.
    """

    mentions_last_hours: float
    ratio_hours_to_week: float | None
    mentions_last_day: float
    ratio_day_to_week: float | None
    polarity: float | None
    count: int
    count_last_hours: int
    newest_as_of_ms: int | None


class HeadlineColumns:
    """Headlines as columns by as_of, made once and read at many moments."""

    def __init__(
        self, headlines: Sequence[Headline], available_at_ms: Sequence[int] | None = None
    ) -> None:
        """headlines: in any order, each event once. available_at_ms: when each was known; None:
        each when it was published. Raises ValueError when the lengths differ."""
        if available_at_ms is None:
            available_at_ms = [each.published_ms for each in headlines]
        if len(available_at_ms) != len(headlines):
            raise ValueError(
                f"got {len(available_at_ms)} moments for {len(headlines)} headlines, expected one"
                " for each"
            )
        as_of = np.array([each.as_of_ms for each in headlines], dtype=np.int64)
        order = np.argsort(as_of, kind="stable")
        self.as_of_ms: IntArray = as_of[order]
        self.available_at_ms: IntArray = np.array(available_at_ms, dtype=np.int64)[order]
        self.reach: FloatArray = np.array([each.reach for each in headlines], dtype=float)[order]
        self.polarity: FloatArray = np.array([each.polarity for each in headlines], dtype=float)[
            order
        ]
        sources = [headlines[place].source for place in order.tolist()]
        self._sources = sorted(set(sources))
        number_of = {source: number for number, source in enumerate(self._sources)}
        self._source: IntArray = np.array([number_of[each] for each in sources], dtype=np.int64)
        ordered = [headlines[place].assets for place in order.tolist()]
        self._is_market_wide = np.array([not assets for assets in ordered], dtype=bool)
        self._names = {
            asset: np.array([asset in assets for assets in ordered], dtype=bool)
            for asset in {asset for assets in ordered for asset in assets}
        }
        self._names_nothing = np.zeros(len(ordered), dtype=bool)

    def __len__(self) -> int:
        return len(self.as_of_ms)

    def names(self, asset: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether each headline speaks of the asset."""
        return self._names.get(asset, self._names_nothing)

    def reading(self, asset: str, at_ms: int, covered: Collection[str]) -> SocialReading:
        """What was known at a moment. covered: sources whose headlines have been read without a
        gap for DAYS_NEEDED."""
        start, end = np.searchsorted(
            self.as_of_ms, [at_ms - DAYS_NEEDED * MS_PER_DAY, at_ms], side="right"
        ).tolist()
        # Only what was known takes part: what is not must not even change how sums are rounded.
        known = start + np.flatnonzero(self.available_at_ms[start:end] <= at_ms)
        as_of = self.as_of_ms[known]
        own = self.names(asset)[known]
        reach = self.reach[known]
        is_covered = np.array([each in covered for each in self._sources], dtype=bool)
        counts = is_covered[self._source[known]]

        hours_ms = BURST_HOURS * MS_PER_HOUR
        mentions = own & counts
        own_as_of, own_reach = as_of[mentions], reach[mentions]
        mentions_hours, mentions_day = (
            float(own_reach[own_as_of > at_ms - span_ms].sum())
            for span_ms in (hours_ms, MS_PER_DAY)
        )
        ratio_hours, ratio_day = (
            _ratio(own_as_of, own_reach, span_ms, at_ms) for span_ms in (hours_ms, MS_PER_DAY)
        )
        speaking = as_of[counts] if counts.any() else as_of
        in_day = as_of > at_ms - MS_PER_DAY
        share = own + MARKET_WIDE_SHARE * self._is_market_wide[known]
        weight = np.where(in_day, reach * share, 0.0)
        total_weight = float(weight.sum())
        return SocialReading(
            mentions_last_hours=mentions_hours,
            ratio_hours_to_week=ratio_hours,
            mentions_last_day=mentions_day,
            ratio_day_to_week=ratio_day,
            polarity=(
                float((weight * self.polarity[known]).sum()) / total_weight
                if total_weight > 0
                else None
            ),
            count=int(np.count_nonzero(weight)),
            count_last_hours=int(np.count_nonzero(own_as_of > at_ms - hours_ms)),
            newest_as_of_ms=int(speaking[-1]) if len(speaking) else None,
        )


def social_reading(
    headlines: Sequence[Headline], asset: str, at_ms: int, covered: Collection[str]
) -> SocialReading:
    """The reading from headlines that were all known at the moment."""
    columns = HeadlineColumns(headlines, [at_ms] * len(headlines))
    return columns.reading(asset, at_ms, covered)


def _ratio(as_of: IntArray, reach: FloatArray, span_ms: int, at_ms: int) -> float | None:
    """Mentions of the last span over their mean per span in the 7 days before it."""
    start_ms, end_ms = at_ms - span_ms - WEEK_MS, at_ms - span_ms
    in_week = (as_of > start_ms) & (as_of <= end_ms)
    if np.count_nonzero(in_week) * span_ms < WEEK_MS:
        return None
    week_mean = float(reach[in_week].sum()) * span_ms / WEEK_MS
    return float(reach[as_of > end_ms].sum()) / week_mean
