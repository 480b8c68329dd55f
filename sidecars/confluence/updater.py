"""Keeps the records up: backfill at the start, then every pair after each close of a UTC day."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, repeat

from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.clock import Clock
from sidecars.common.moments import moment_at, ms_of
from sidecars.common.promptness import keep_what_lives
from sidecars.confluence.candles import EMPTY, MS_PER_DAY, DailyCandles
from sidecars.confluence.feed import Feed
from sidecars.confluence.feeds import Feeds
from sidecars.confluence.ledger import (
    Availability,
    market_is_complete,
    market_of,
    merged,
    resume_from,
    rows_to_write,
)
from sidecars.confluence.records import ScoreRow, score_days
from sidecars.confluence.settings import ConfluenceSettings
from sidecars.confluence.source import CandleSource, SourceError
from sidecars.confluence.store import Store
from sidecars.confluence.timeline import Timeline

logger = logging.getLogger(__name__)

DAY = timedelta(days=1)
REQUESTS_AT_ONCE = 4
# Waits between attempts for a candle that is late; the last one repeats until the next close.
RETRY_SECONDS = (15, 40, 60, 120, 300, 900, 3600)


@dataclass(slots=True)
class PairSource:
    """How the source of one pair's candles is doing."""

    asked_ms: int | None = None
    succeeded_ms: int | None = None
    error: str | None = None


def day_start(moment: datetime) -> datetime:
    """00:00 UTC of the moment's day: the close of the last daily candle."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


class Updater:
    """Candles and records of one formula, in memory and in the store.

    Readers take `timelines` and `generation` (it changes whenever a timeline does). All of it
    belongs to the event loop; what blocks or computes runs in a thread on values.
    """

    def __init__(
        self,
        settings: ConfluenceSettings,
        store: Store,
        source: CandleSource,
        clock: Clock,
        feeds: Sequence[Feed] = (),
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.sources = {pair: PairSource() for pair in settings.all_pairs}
        self.timelines: Mapping[str, Timeline] = {}
        self.generation = 0
        self.caught_up = False
        self.answering_since_ms: int | None = None
        self.store_error: str | None = None
        self._store = store
        self._source = source
        self._formula = settings.formula
        self.feeds = Feeds(feeds, store, self._formula, settings.history_start_ms, clock)
        self._candles: dict[str, DailyCandles] = dict.fromkeys(settings.all_pairs, EMPTY)
        self._rows: dict[str, list[ScoreRow]] = {pair: [] for pair in settings.pairs}
        self._alive_until_ms: int | None = None
        self._started_ms: int | None = None
        self._scored: tuple[int, ...] | None = None

    @property
    def candles(self) -> Mapping[str, DailyCandles]:
        """Closed candles of every pair that is needed, by pair."""
        return self._candles

    async def run(self) -> None:
        """Catch up, then follow the days until cancelled. After load()."""
        close = day_start(self.clock.now())
        await self._follow(close, enough=self._has_answers)
        keep_what_lives()
        self.caught_up = True
        await self._follow(close)
        while True:
            # The next one after the last, also where that took until after midnight.
            close = max(close + DAY, day_start(self.clock.now()))
            await self.clock.sleep_until(
                close + timedelta(seconds=self.settings.close_delay_seconds)
            )
            await self._follow(close)

    async def backfill(self) -> bool:
        """Catch up once; whether every pair has its last day. After load()."""
        complete = await self.update(ms_of(day_start(self.clock.now())))
        self.caught_up = True
        return complete

    async def load(self) -> None:
        """Read what the store has."""
        self._alive_until_ms = await asyncio.to_thread(self._store.alive_until_ms, self._formula)
        for pair in self.settings.all_pairs:
            candles = await asyncio.to_thread(self._store.candles, pair)
            self._candles[pair] = _from(candles, self.settings.history_start_ms)
        for pair in self.settings.pairs:
            self._rows[pair] = await asyncio.to_thread(self._store.scores, self._formula, pair)
        await self.feeds.load()
        self._publish()

    def _has_answers(self) -> bool:
        """Whether there is anything to answer, or nothing that is worth waiting for."""
        close_ms = ms_of(day_start(self.clock.now()))
        held = not self.feeds.are_complete(close_ms) and not self._is_patience_over(close_ms)
        return not held or any(self._rows.values())

    def _patience_ends_ms(self, close_ms: int) -> int:
        """Until when the records of a day wait for what is late.

        A feed that is not there at the start gets its time as well; a candle had it already.
        """
        since_ms = close_ms
        if self._started_ms is not None and not self.feeds.are_complete(close_ms):
            since_ms = max(close_ms, self._started_ms)
        return since_ms + round(self.settings.market_patience_seconds * 1000)

    def _is_patience_over(self, close_ms: int) -> bool:
        return ms_of(self.clock.now()) >= self._patience_ends_ms(close_ms)

    async def _follow(self, close: datetime, *, enough: Callable[[], bool] = lambda: False) -> None:
        """Update until every pair has the day that closed, or `enough`, or the next day closes."""
        for wait_seconds in chain(RETRY_SECONDS, repeat(RETRY_SECONDS[-1])):
            if await self._try_update(ms_of(close)) or enough():
                return
            now = self.clock.now()
            moment = now + timedelta(seconds=wait_seconds)
            patience_ends = moment_at(self._patience_ends_ms(ms_of(close)))
            if now < patience_ends < moment:
                moment = patience_ends
            if moment >= close + DAY:
                return
            await self.clock.sleep_until(moment)

    async def _try_update(self, close_ms: int) -> bool:
        """An update; a store that fails (disk full, locked) is said and tried again."""
        try:
            complete = await self.update(close_ms)
        except SQLAlchemyError as error:
            self.store_error = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            logger.error("store failed", extra={"error": self.store_error})
            return False
        self.store_error = None
        return complete

    async def update(self, close_ms: int) -> bool:
        """Fetch what is missing up to the close, score, write; whether nothing is missing."""
        if self._started_ms is None:
            self._started_ms = ms_of(self.clock.now())
        await self._say_alive()
        last_open_ms = close_ms - MS_PER_DAY
        behind = [pair for pair in self._candles if not self._candles[pair].has(last_open_ms)]
        if not self.caught_up:
            behind = list(self._candles)
        gate = asyncio.Semaphore(REQUESTS_AT_ONCE)
        await asyncio.gather(
            self.feeds.refresh(close_ms), *(self._fetch(pair, gate) for pair in behind)
        )
        await self._say_alive()
        await self._score(close_ms)
        return self.feeds.are_complete(close_ms) and all(
            candles.has(last_open_ms) or (len(candles) == 0 and self.sources[pair].error is None)
            for pair, candles in self._candles.items()
        )

    async def _fetch(self, pair: str, gate: asyncio.Semaphore) -> None:
        async with gate:
            now_ms = ms_of(self.clock.now())
            state = self.sources[pair]
            state.asked_ms = now_ms
            known = self._candles[pair]
            start_ms = self.settings.history_start_ms
            # An earlier first day than what is kept begins at may have been set since.
            begins_late = not self.caught_up and len(known) and known.open_time_ms[0] > start_ms
            since_ms = start_ms if begins_late else resume_from(known, start_ms)
            try:
                fetched = await self._source.daily_candles(pair, since_ms, now_ms)
            except SourceError as error:
                state.error = str(error)
                logger.warning("source failed", extra={"pair": pair, "error": str(error)})
                return
            state.succeeded_ms = ms_of(self.clock.now())
            state.error = None
            if len(fetched):
                await asyncio.to_thread(self._store.append_candles, pair, fetched)
                self._candles[pair] = merged(known, fetched)

    async def _score(self, close_ms: int) -> None:
        """Score what candles and observations allow and write what is new."""
        settings = self.settings
        last_open_ms = close_ms - MS_PER_DAY
        whole = self.feeds.are_complete(close_ms) and market_is_complete(
            last_open_ms, settings.reference, settings.index_members, self._candles
        )
        # What records need and is late holds them back, for a while: of the day that closed, and
        # of days that this service slept through.
        upto_ms = close_ms
        if not whole and not self._is_patience_over(close_ms):
            upto_ms = min(last_open_ms, self.feeds.complete_until_ms)
        # The past is not scored without a feed that was never read: it would stay so.
        from_ms = close_ms if self.feeds.never_reached else 0
        candle_count = sum(len(candles) for candles in self._candles.values())
        state = (upto_ms, from_ms, candle_count, self.feeds.version)
        if state == self._scored:
            return
        candles = {pair: each.before(upto_ms) for pair, each in self._candles.items()}
        observed = self.feeds.observed()
        market = await asyncio.to_thread(
            market_of, settings.reference, settings.index_members, candles, observed
        )
        known = {pair: _latest_revisions(rows) for pair, rows in self._rows.items()}
        availability = Availability(
            now_ms=ms_of(self.clock.now()),
            publish_delay_ms=round(settings.publish_delay_seconds * 1000),
            answering_since_ms=self.answering_since_ms,
            alive_until_ms=self._alive_until_ms,
        )

        def rows_of(pair: str) -> list[ScoreRow]:
            # One pair's columns at a time are all that is in memory.
            days = score_days(pair, candles[pair], market, observed)
            return rows_to_write(days, self._formula, known[pair], availability, from_ms)

        new = {pair: await asyncio.to_thread(rows_of, pair) for pair in settings.pairs}
        # All or none: what is written is answered at once, and the one is never without the other.
        every = [row for rows in new.values() for row in rows]
        if every:
            await asyncio.to_thread(self._store.append_scores, every)
        for pair, rows in new.items():
            if rows:
                self._rows[pair] = [*self._rows[pair], *rows]
                _log_scored(pair, rows)
        self._scored = state
        self._publish()

    async def _say_alive(self) -> None:
        if self.answering_since_ms is not None:
            now_ms = ms_of(self.clock.now())
            await asyncio.to_thread(self._store.say_alive, self._formula, now_ms)
            # Until it has caught up it answers that it has not.
            if self.caught_up:
                self._alive_until_ms = now_ms

    def _publish(self) -> None:
        self.timelines = {pair: Timeline(rows) for pair, rows in self._rows.items()}
        self.generation += 1


def _from(candles: DailyCandles, start_ms: int) -> DailyCandles:
    """Those that open at the moment or later."""
    return DailyCandles.from_rows([row for row in candles.rows() if row[0] >= start_ms])


def _latest_revisions(rows: Sequence[ScoreRow]) -> dict[int, ScoreRow]:
    latest: dict[int, ScoreRow] = {}
    for row in rows:
        before = latest.get(row.as_of_ms)
        if before is None or row.revision > before.revision:
            latest[row.as_of_ms] = row
    return latest


def _log_scored(pair: str, rows: Sequence[ScoreRow]) -> None:
    last = max(rows, key=lambda row: (row.as_of_ms, row.revision))
    logger.info(
        "scored",
        extra={
            "pair": pair,
            "records": len(rows),
            "as_of_ms": last.as_of_ms,
            "available_at_ms": last.available_at_ms,
            "total": last.total,
            "zone": last.zone,
            "confidence": last.confidence,
        },
    )
