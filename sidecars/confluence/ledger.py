"""Which records are to be written, and from when they count as available. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sidecars.common.availability import live_ms
from sidecars.confluence.candles import MS_PER_DAY, DailyCandles, unbroken_runs
from sidecars.confluence.market import Market, read_market
from sidecars.confluence.records import (
    NOTHING_OBSERVED,
    Observed,
    ScoredDays,
    ScoreRow,
    differs,
    make_rows,
)

# A hole is asked for again while what came after it is no longer than this.
HOLE_RETRY_DAYS = 14


@dataclass(frozen=True, slots=True)
class Availability:
    """Since when records count as available.

    publish_delay_ms: what a backfilled record is given after the close it speaks of.
    answering_since_ms: since when this process answers (None: it does not). alive_until_ms: until
    when an earlier one is known to have answered. A record that either of them should have had
    and did not have is available only now.
    """

    now_ms: int
    publish_delay_ms: int
    answering_since_ms: int | None
    alive_until_ms: int | None

    @property
    def live_ms(self) -> int:
        """The moment for a record that is made now."""
        return live_ms(self.now_ms)

    def of(self, as_of_ms: int, *, pair_is_known: bool) -> int:
        """available_at of a record that was not there before."""
        published_ms = as_of_ms + self.publish_delay_ms
        if published_ms > self.now_ms:
            return self.live_ms
        if self.answering_since_ms is not None and published_ms >= self.answering_since_ms:
            return self.live_ms
        # A pair that is new to the service has a past that nobody was answered about.
        was_missed = self.alive_until_ms is not None and published_ms <= self.alive_until_ms
        return self.live_ms if was_missed and pair_is_known else published_ms


def rows_to_write(
    days: ScoredDays,
    formula: str,
    known: Mapping[int, ScoreRow],
    availability: Availability,
    from_ms: int = 0,
) -> list[ScoreRow]:
    """Records of days without one, and revisions of degraded ones that now say something else.

    known: the latest revision of each day (by as_of_ms) that is kept already. from_ms: days that
    closed before it make no new record.
    """
    # Days before a pair's first record are its past, of which nobody was answered.
    first_ms = min(known, default=None)
    new = {
        as_of_ms: availability.of(
            as_of_ms, pair_is_known=first_ms is not None and as_of_ms > first_ms
        )
        for as_of_ms in days.as_of_ms.tolist()
        if as_of_ms not in known and as_of_ms >= from_ms
    }
    rows = make_rows(days, formula, new)
    degraded = {
        as_of_ms: availability.live_ms for as_of_ms, row in known.items() if row.degraded != "[]"
    }
    for row in make_rows(days, formula, degraded):
        before = known[row.as_of_ms]
        if differs(row, before):
            rows.append(replace(row, revision=before.revision + 1))
    return rows


def market_of(
    reference_pair: str,
    index_members: Sequence[str],
    candles: Mapping[str, DailyCandles],
    observed: Observed = NOTHING_OBSERVED,
) -> Market:
    """What all pairs' records read of the market, from the candles and observations given."""
    members = {pair: candles[pair] for pair in index_members}
    return read_market(reference_pair, candles[reference_pair], members, observed.timelines)


def resume_from(candles: DailyCandles, history_start_ms: int) -> int:
    """Open time of the first day to ask an exchange for, given what is there already."""
    if len(candles) == 0:
        return history_start_ms
    runs = unbroken_runs(candles.open_time_ms)
    last = runs[-1]
    if len(runs) > 1 and last.stop - last.start <= HOLE_RETRY_DAYS:
        return int(candles.open_time_ms[last.start - 1]) + MS_PER_DAY
    return int(candles.open_time_ms[-1]) + MS_PER_DAY


def merged(candles: DailyCandles, more: DailyCandles) -> DailyCandles:
    """Both, ordered; of a day that is in both the one that was there first."""
    have = {int(row[0]) for row in candles.rows()}
    fresh = [row for row in more.rows() if row[0] not in have]
    if not fresh:
        return candles
    return DailyCandles.from_rows(sorted([*candles.rows(), *fresh]))


def market_is_complete(
    last_open_ms: int,
    reference_pair: str,
    index_members: Sequence[str],
    candles: Mapping[str, DailyCandles],
) -> bool:
    """Whether BTC and every member of the index that was there the day before has its candle."""
    return all(
        candles[pair].has(last_open_ms)
        for pair in {reference_pair, *index_members}
        if candles[pair].has(last_open_ms - MS_PER_DAY)
    )
