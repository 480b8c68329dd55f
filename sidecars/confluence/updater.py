"""Keeps the records up: backfill at the start, then every pair after each close of a UTC day."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat

from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.clock import Clock
from sidecars.confluence.candles import EMPTY, MS_PER_DAY, DailyCandles
from sidecars.confluence.ledger import (
    Availability,
    market_is_complete,
    merged,
    resume_from,
    rows_to_write,
    score_all,
)
from sidecars.confluence.records import ScoreRow
from sidecars.confluence.settings import ConfluenceSettings
from sidecars.confluence.source import CandleSource, SourceError
from sidecars.confluence.store import Store
from sidecars.confluence.timeline import Timeline

logger = logging.getLogger(__name__)

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REQUESTS_AT_ONCE = 4
# Waits between attempts for a candle that is late; the last one repeats until the next close.
RETRY_SECONDS = (15, 40, 60, 120, 300, 900, 3600)


@dataclass(slots=True)
class PairSource:
    """How the source of one pair's candles is doing."""

    asked_ms: int | None = None
    succeeded_ms: int | None = None
    error: str | None = None


def ms_of(moment: datetime) -> int:
    """An aware moment as whole milliseconds since the epoch."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def day_start(moment: datetime) -> datetime:
    """00:00 UTC of the moment's day: the close of the last daily candle."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


class Updater:
    """Candles and records of one formula, in memory and in the store.

    Readers take `timelines` and `generation` (it changes whenever a timeline does). All of it
    belongs to the event loop; what blocks or computes runs in a thread on values.
    """

    def __init__(
        self, settings: ConfluenceSettings, store: Store, source: CandleSource, clock: Clock
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
        self._candles: dict[str, DailyCandles] = dict.fromkeys(settings.all_pairs, EMPTY)
        self._rows: dict[str, list[ScoreRow]] = {pair: [] for pair in settings.pairs}
        self._alive_until_ms: int | None = None
        self._scored: tuple[int, int] | None = None

    async def run(self) -> None:
        """Catch up, then follow the days until cancelled. After load()."""
        await self._follow(day_start(self.clock.now()), once=True)
        self.caught_up = True
        await self._follow(day_start(self.clock.now()))
        while True:
            close = day_start(self.clock.now()) + DAY
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
        self._publish()

    async def _follow(self, close: datetime, *, once: bool = False) -> None:
        """Update until every pair has the day that closed, or the next one closes."""
        for wait_seconds in chain(RETRY_SECONDS, repeat(RETRY_SECONDS[-1])):
            if await self._try_update(ms_of(close)) or once:
                return
            moment = self.clock.now() + timedelta(seconds=wait_seconds)
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
        await self._say_alive()
        last_open_ms = close_ms - MS_PER_DAY
        behind = [pair for pair in self._candles if not self._candles[pair].has(last_open_ms)]
        if not self.caught_up:
            behind = list(self._candles)
        gate = asyncio.Semaphore(REQUESTS_AT_ONCE)
        await asyncio.gather(*(self._fetch(pair, gate) for pair in behind))
        await self._say_alive()
        await self._score(close_ms)
        return all(
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
        """Score what the candles allow and write what is new."""
        settings = self.settings
        last_open_ms = close_ms - MS_PER_DAY
        patience_ends_ms = close_ms + round(settings.market_patience_seconds * 1000)
        whole = market_is_complete(
            last_open_ms, settings.reference, settings.index_members, self._candles
        )
        # A late candle of the market holds back the records of its day, for a while.
        in_time = whole or ms_of(self.clock.now()) >= patience_ends_ms
        upto_ms = close_ms if in_time else last_open_ms
        state = (upto_ms, sum(len(candles) for candles in self._candles.values()))
        if state == self._scored:
            return
        candles = {pair: each.before(upto_ms) for pair, each in self._candles.items()}
        days = await asyncio.to_thread(
            score_all, settings.pairs, settings.reference, settings.index_members, candles
        )
        known = {pair: _latest_revisions(rows) for pair, rows in self._rows.items()}
        availability = Availability(
            now_ms=ms_of(self.clock.now()),
            publish_delay_ms=round(settings.publish_delay_seconds * 1000),
            answering_since_ms=self.answering_since_ms,
            alive_until_ms=self._alive_until_ms,
        )
        new = {
            pair: await asyncio.to_thread(
                rows_to_write, days[pair], self._formula, known[pair], availability
            )
            for pair in settings.pairs
        }
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
