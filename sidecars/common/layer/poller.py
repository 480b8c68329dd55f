"""Asks one source at its own pace, for as long as the service lives."""

import asyncio
import hashlib
import logging
import random
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.availability import TooLateError
from sidecars.common.clock import Clock
from sidecars.common.layer.intake import LayerMemory
from sidecars.common.lockstep import LockstepError
from sidecars.common.moments import ms_of
from sidecars.common.observations import (
    HEARD_PREFIX,
    MS_PER_DAY,
    MS_PER_HOUR,
    MS_PER_MINUTE,
    Reading,
)
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, Source, SourceState

logger = logging.getLogger(__name__)

# After a failure the next attempt comes sooner than its turn, then later and later.
FIRST_RETRY_SECONDS = 30.0
LONGEST_RETRY_SECONDS = 900.0
# Sources of events are silent when nothing happens: that they were heard is a value of its own.
HEARD_EVERY_MS = 4 * MS_PER_MINUTE
# A refused line that begins so says that the source may have missed what happened.
NOT_HEARD = "not heard:"
# History is asked for again from this long before the newest value: late corrections.
OVERLAP_MS = 3 * MS_PER_DAY
# A history that could not be read, or not all of it, is asked for again.
HISTORY_AGAIN_MS = MS_PER_HOUR
HISTORY_TRIES = 3


class Poller:
    """One source and how it is doing."""

    def __init__(
        self,
        key: str,
        source: Source,
        memory: LayerMemory,
        clock: Clock,
        poll_seconds: float | None = None,
        assets: Sequence[str] = (),
    ) -> None:
        self.key = key
        self.state = SourceState(source.facts)
        self.poll_seconds = poll_seconds or source.facts.poll_seconds
        self._source = source
        self._memory = memory
        self._clock = clock
        self._chance = random.Random(key)
        self._heard_ms = 0
        self._assets = tuple(assets)
        self._history_start_ms = 0
        self._history_asked_ms = 0
        self._history_tries = 0
        self._lacks_history = False

    @property
    def awaits_history(self) -> bool:
        """Whether a history that was never read may still come soon."""
        return self._lacks_history and self._history_tries < HISTORY_TRIES

    async def read_history(self, history_start_ms: int, *, whole: bool = False) -> None:
        """What the source has that is not kept yet; all of it until that has once gone well, and
        with `whole`."""
        store, self._history_start_ms = self._memory.store, history_start_ms
        key = f"{self.key}|{history_start_ms}|{','.join(self._assets)}"
        key = hashlib.sha256(key.encode()).hexdigest()
        try:
            has_history = await asyncio.to_thread(store.has_history, key)
            self._lacks_history = not has_history
            newest_ms = await asyncio.to_thread(store.newest_as_of_ms, self.state.facts.name)
            since_ms = history_start_ms
            if has_history and newest_ms is not None and not whole:
                since_ms = max(newest_ms - OVERLAP_MS, history_start_ms)
            refused_before = self.state.rejected
            succeeded = await self._attempt(since_ms)
            self._history_tries += 1
            # What is refused every time, an asset that the source lacks, is no reason to go on.
            is_whole = self.state.rejected == refused_before or self._history_tries >= HISTORY_TRIES
            self._lacks_history = not (has_history or (succeeded and is_whole))
            if succeeded and is_whole and not has_history:
                now_ms = ms_of(self._clock.now())
                await asyncio.to_thread(store.say_history_read, key, now_ms)
        except SQLAlchemyError as error:
            self._note_failure(str(error).splitlines()[0])
            logger.error("store failed", extra={"error": self.state.error})
        self._history_asked_ms = ms_of(self._clock.now())

    async def run(self) -> None:
        """Poll until cancelled; ask for the history again while it is not all there."""
        while True:
            since_asked_ms = ms_of(self._clock.now()) - self._history_asked_ms
            if self._lacks_history and since_asked_ms >= HISTORY_AGAIN_MS:
                await self.read_history(self._history_start_ms)
            succeeded = await self._attempt(since_ms=None)
            wait_seconds = self.poll_seconds if succeeded else self._retry_seconds()
            # Sources of the same pace are not asked all in the same moment.
            wait_seconds *= self._chance.uniform(0.98, 1.0)
            await self._clock.sleep_until(self._clock.now() + timedelta(seconds=wait_seconds))

    async def _attempt(self, since_ms: int | None) -> bool:
        state = self.state
        state.asked_ms = now_ms = ms_of(self._clock.now())
        try:
            if since_ms is None:
                batch = self._with_heard(await self._source.poll(now_ms))
            else:
                batch = await self._source.history(since_ms, now_ms)
            new = await self._memory.take(batch, state.facts.name, lambda: ms_of(self._clock.now()))
        except (SourceError, SQLAlchemyError, TooLateError) as error:
            self._note_failure((str(error).splitlines() or ["the store takes too long"])[0])
            logger.warning("source failed", extra={"source": self.key, "error": state.error})
            return False
        except LockstepError:
            raise
        except Exception as error:  # an adapter's own mistake must not end the service
            self._note_failure(f"{state.facts.name}: {type(error).__name__} in the adapter")
            logger.exception("adapter failed", extra={"source": self.key})
            return False
        if state.error is not None:
            logger.info("source is back", extra={"source": self.key})
        state.error, state.failures_in_a_row = None, 0
        if since_ms is None or batch.readings or batch.events:
            # That a source without a history gives none says nothing of how it is.
            state.succeeded_ms = ms_of(self._clock.now())
        self._note(batch)
        if new:
            logger.info("source read", extra={"source": self.key, "new": new})
        return True

    def _note_failure(self, error: str) -> None:
        self.state.failures_in_a_row += 1
        self.state.error = error

    def _with_heard(self, batch: Batch) -> Batch:
        """With the word that an event source was heard, every few minutes."""
        now_ms = ms_of(self._clock.now())
        heard = f"{HEARD_PREFIX}{self.key}"
        if heard not in self.state.facts.series or now_ms - self._heard_ms < HEARD_EVERY_MS:
            return batch
        if any(line.startswith(NOT_HEARD) for line in batch.rejected):
            return batch
        self._heard_ms = now_ms
        reading = Reading(heard, now_ms, now_ms, 1.0)
        return Batch((*batch.readings, reading), batch.events, batch.rejected)

    def _note(self, batch: Batch) -> None:
        state = self.state
        told = [each for each in batch.readings if not each.series.startswith(HEARD_PREFIX)]
        moments = [each.as_of_ms for each in (*told, *batch.events)]
        if moments:
            state.newest_as_of_ms = max(state.newest_as_of_ms or 0, *moments)
        if batch.rejected:
            state.rejected += len(batch.rejected)
            state.last_rejected = batch.rejected[-1]
            logger.warning(
                "values refused",
                extra={
                    "source": self.key,
                    "count": len(batch.rejected),
                    "last": batch.rejected[-1],
                },
            )

    def _retry_seconds(self) -> float:
        pause = min(self.poll_seconds, FIRST_RETRY_SECONDS)
        doubled = pause * 2.0 ** min(self.state.failures_in_a_row - 1, 12)
        return min(doubled, max(self.poll_seconds, LONGEST_RETRY_SECONDS))
