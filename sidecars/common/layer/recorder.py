"""Makes the scores at whole moments of the clock, live and for the past, by the same function."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.availability import MARGINS_MS, TooLateError, live_ms
from sidecars.common.clock import Clock
from sidecars.common.layer.events import EventTimeline
from sidecars.common.layer.intake import LayerMemory, Span
from sidecars.common.layer.records import ScoreRecord, make_record
from sidecars.common.layer.scorer import Scorer
from sidecars.common.layer.settings import LayerSettings
from sidecars.common.moments import moment_at, ms_of
from sidecars.common.observations import (
    MS_PER_DAY,
    MS_PER_HOUR,
    MS_PER_SECOND,
    KnownAt,
    Observation,
    SeriesTimeline,
)

logger = logging.getLogger(__name__)

# A score of T is made this long after T: what became available by T is in memory by then.
RECORD_DELAY_SECONDS = 2
# When a score of the past counts as available: as long after its moment as a live one would be.
PUBLISH_DELAY_MS = live_ms(RECORD_DELAY_SECONDS * MS_PER_SECOND)
# A derived value that stays the same is said again after so long, as a sign of life.
DERIVED_REPEAT_MS = 12 * MS_PER_HOUR
# After a pause, moments of this last span are made up on the fine grid.
FINE_GRID_MS = 2 * MS_PER_DAY
MOMENTS_AT_ONCE = 200
SPARE_DAYS = 2.0
RECORDS_IN_MEMORY = 100


@dataclass(slots=True)
class Scored:
    """What one or more moments gave, not yet written."""

    records: list[ScoreRecord]
    derived: list[Observation]


def score_moments(
    scorer: Scorer,
    assets: Sequence[str],
    timelines: Mapping[str, SeriesTimeline],
    events: EventTimeline,
    available_at_ms: Mapping[int, int],
    *,
    keep_empty: bool,
) -> Scored:
    """Score every asset at each moment (as_of_ms -> available_at_ms, in order). Pure.

    keep_empty: whether a score of nothing is recorded: live it says that nothing was known, for
    the past it would only say that the data begins later.
    """
    scored = Scored([], [])
    last_derived: dict[str, tuple[int, float]] = {}
    for as_of_ms, available_ms in available_at_ms.items():
        known, known_events = KnownAt(timelines, as_of_ms), events.known_at(as_of_ms)
        for asset in assets:
            score = scorer.score(asset, known, known_events)
            if keep_empty or score.confidence > 0:
                scored.records.append(make_record(scorer.formula, score, available_ms))
            for series, value in scorer.derived(asset, known, known_events).items():
                if series not in last_derived and (before := known.latest(series)) is not None:
                    last_derived[series] = (before.as_of_ms, before.value)
                if _is_worth_saying(last_derived.get(series), as_of_ms, value):
                    last_derived[series] = (as_of_ms, value)
                    scored.derived.append(
                        Observation(series, as_of_ms, available_ms, value, "derived")
                    )
    return scored


def _is_worth_saying(before: tuple[int, float] | None, as_of_ms: int, value: float) -> bool:
    return before is None or abs(before[1] - value) > 0 or as_of_ms - before[0] >= DERIVED_REPEAT_MS


def grid(from_ms: int, until_ms: int, every_seconds: int) -> Iterator[int]:
    """Whole multiples of the step with from_ms <= moment <= until_ms."""
    step_ms = every_seconds * MS_PER_SECOND
    first = -(-from_ms // step_ms) * step_ms
    return iter(range(first, until_ms + 1, step_ms))


class Recorder:
    """The scores of a layer's assets, in memory and in the store."""

    def __init__(
        self, settings: LayerSettings, scorer: Scorer, memory: LayerMemory, clock: Clock
    ) -> None:
        self.settings = settings
        self.scorer = scorer
        self.clock = clock
        self.trouble: str | None = None
        self._caught_up_ms: int | None = None
        self._memory = memory
        self._latest: dict[str, list[ScoreRecord]] = {asset: [] for asset in settings.assets}

    def span_at(self, moment_ms: int) -> Span:
        """How much of the past memory needs to hold for scores of the moment and later."""
        scorer = self.scorer
        return Span(
            moment_ms - round((scorer.days_needed + SPARE_DAYS) * MS_PER_DAY),
            moment_ms - round((scorer.event_days_needed + SPARE_DAYS) * MS_PER_DAY),
        )

    def latest(self, asset: str, at_ms: int) -> ScoreRecord | None:
        """Of the records in memory the one known at the moment; None: look in the store."""
        for record in reversed(self._latest[asset]):
            if record.available_at_ms <= at_ms:
                return record
        return None

    def newest(self, asset: str) -> ScoreRecord | None:
        records = self._latest[asset]
        return records[-1] if records else None

    async def load(self) -> None:
        """Read the newest scores that are kept."""
        far_ms = 1 << 62
        for asset in self.settings.assets:
            record = await asyncio.to_thread(
                self._memory.store.score_at, self.scorer.formula, asset, far_ms
            )
            self._latest[asset] = [] if record is None else [record]

    async def catch_up(self, until_ms: int) -> int:
        """Make the scores of the past that are not there yet; how many were made."""
        made = 0
        for assets, missing in (await self._missing(until_ms)).items():
            made += await self._make_past(assets, missing, until_ms)
        if made:
            await self.load()
        self._caught_up_ms = until_ms
        return made

    async def _missing(self, until_ms: int) -> dict[tuple[str, ...], list[int]]:
        """Moments without a score, by the assets that miss just those: one that is new to the
        settings misses them all."""
        store, formula = self._memory.store, self.scorer.formula
        by_moments: dict[tuple[int, ...], list[str]] = {}
        for asset in self.settings.assets:
            have = set(await asyncio.to_thread(store.recorded_as_of_ms, formula, asset))
            missing = tuple(self._missing_moments(have, until_ms))
            if missing:
                by_moments.setdefault(missing, []).append(asset)
        return {tuple(assets): list(missing) for missing, assets in by_moments.items()}

    async def _make_past(
        self, assets: tuple[str, ...], missing: Sequence[int], until_ms: int
    ) -> int:
        store = self._memory.store
        span = self.span_at(missing[0])
        timelines = await asyncio.to_thread(store.timelines, span.from_ms, span.events_from_ms)
        events = EventTimeline(await asyncio.to_thread(store.events, span.events_from_ms))
        first_known_ms = min(
            (int(each.available_at_ms[0]) for each in timelines.values() if len(each)),
            default=until_ms + 1,
        )
        known = [moment for moment in missing if moment >= first_known_ms]
        made = 0
        for start in range(0, len(known), MOMENTS_AT_ONCE):
            some = known[start : start + MOMENTS_AT_ONCE]
            made += await self._make_up(assets, some, timelines, events)
        return made

    def _missing_moments(self, have: set[int], until_ms: int) -> list[int]:
        settings = self.settings
        wanted = set(grid(settings.history_start_ms, until_ms, settings.backfill_every_seconds))
        if have:
            fine_from_ms = max(max(have), until_ms - FINE_GRID_MS)
            wanted |= set(grid(fine_from_ms, until_ms, settings.record_every_seconds))
        return sorted(wanted - have)

    async def _make_up(
        self,
        assets: tuple[str, ...],
        moments: Sequence[int],
        timelines: dict[str, SeriesTimeline],
        events: EventTimeline,
    ) -> int:
        now_ms = ms_of(self.clock.now())
        served = self._memory.served
        available = {
            moment: max(moment, served.available_at(moment + PUBLISH_DELAY_MS, now_ms))
            for moment in moments
        }
        scored = await asyncio.to_thread(
            score_moments,
            self.scorer,
            assets,
            timelines,
            events,
            available,
            keep_empty=False,
        )
        await asyncio.to_thread(self._memory.store.append_scores, scored.records, scored.derived)
        for value in scored.derived:
            timelines.setdefault(value.series, SeriesTimeline()).extend([value])
        self._memory.hold(scored.derived)
        return len(scored.records)

    async def run(self) -> None:
        """A score of every asset at each moment of the grid, until cancelled. After catch_up():
        a moment that came since is made first."""
        step_ms = self.settings.record_every_seconds * MS_PER_SECOND
        last_ms = ms_of(self.clock.now()) if self._caught_up_ms is None else self._caught_up_ms
        while True:
            as_of_ms = (last_ms // step_ms + 1) * step_ms
            await self.clock.sleep_until(
                moment_at(as_of_ms) + timedelta(seconds=RECORD_DELAY_SECONDS)
            )
            await self._record(as_of_ms)
            # What a machine slept through is made up at the next start, not in a burst.
            last_ms = max(as_of_ms, ms_of(self.clock.now()) - step_ms)

    async def _record(self, as_of_ms: int) -> None:
        try:
            # What is being taken in may count as available already: it is waited for.
            async with self._memory.taking:
                scored = await self._score_and_write(as_of_ms)
        except SQLAlchemyError as error:
            self.trouble = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            logger.error("store failed", extra={"error": self.trouble})
        except TooLateError:
            self.trouble = "the store takes too long"
            logger.error("store failed", extra={"error": self.trouble})
        except Exception as error:  # a rule's own mistake must not end the service
            self.trouble = f"no score could be made: {type(error).__name__}"
            logger.exception("scoring failed", extra={"as_of_ms": as_of_ms})
        else:
            self.trouble = None
            self._hold(scored, ms_of(self.clock.now()))

    async def _score_and_write(self, as_of_ms: int) -> Scored:
        """Raises SQLAlchemyError and TooLateError."""
        memory = self._memory
        for margin_ms in MARGINS_MS:
            available_ms = live_ms(ms_of(self.clock.now()), margin_ms)

            def in_time(limit_ms: int = available_ms) -> bool:
                return ms_of(self.clock.now()) < limit_ms

            scored = await asyncio.to_thread(
                score_moments,
                self.scorer,
                self.settings.assets,
                memory.timelines,
                memory.events,
                {as_of_ms: available_ms},
                keep_empty=True,
            )
            try:
                await asyncio.to_thread(
                    memory.store.append_scores, scored.records, scored.derived, in_time
                )
            except TooLateError:
                continue
            return scored
        raise TooLateError

    def _hold(self, scored: Scored, now_ms: int) -> None:
        """Have in memory what is in the store."""
        self._memory.hold(scored.derived)
        for record in scored.records:
            kept = self._latest[record.asset]
            kept.append(record)
            del kept[:-RECORDS_IN_MEMORY]
            _log_scored(record)
        self._memory.forget_before(self.span_at(now_ms))


def _log_scored(record: ScoreRecord) -> None:
    logger.info(
        "scored",
        extra={
            "asset": record.asset,
            "as_of_ms": record.as_of_ms,
            "long": record.long,
            "short": record.short,
            "confidence": record.confidence,
            "regime": record.regime,
            "flags": record.flags,
        },
    )
