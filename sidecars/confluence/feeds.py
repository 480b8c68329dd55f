"""All that is observed beside candles: asked at each close, kept, and how each feed is doing."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sidecars.common.clock import Clock
from sidecars.common.moments import ms_of
from sidecars.common.observations import MS_PER_DAY, SeriesTimeline
from sidecars.common.source_errors import SourceError
from sidecars.confluence.feed import Feed
from sidecars.confluence.records import Observed
from sidecars.confluence.store import Store

logger = logging.getLogger(__name__)

# What was read is read again from so long before it: a late correction is among it then.
OVERLAP_MS = 3 * MS_PER_DAY
NEVER_MS = -1
FOREVER_MS = 1 << 62


@dataclass(slots=True)
class FeedState:
    """How a feed is doing. complete_until_ms: everything available before it has been read."""

    complete_until_ms: int = NEVER_MS
    asked_ms: int | None = None
    succeeded_ms: int | None = None
    error: str | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


class Feeds:
    """The feeds of one formula. `version` changes whenever what records read may have."""

    def __init__(
        self,
        feeds: Sequence[Feed],
        store: Store,
        formula: str,
        history_start_ms: int,
        clock: Clock,
    ) -> None:
        self.states = {feed.name: FeedState() for feed in feeds}
        self.version = 0
        self._feeds = tuple(feeds)
        self._store = store
        self._formula = formula
        self._history_start_ms = history_start_ms
        self._clock = clock
        self._timelines: dict[str, SeriesTimeline] = {}

    async def load(self) -> None:
        """Read what is kept."""
        until = await asyncio.to_thread(self._store.feeds_complete_until_ms, self._formula)
        for feed in self._feeds:
            self.states[feed.name].complete_until_ms = until.get(feed.name, NEVER_MS)
            await self._load_series(feed)

    async def refresh(self, close_ms: int) -> None:
        """Ask every feed that is not read up to the close; what fails is said in its state."""
        behind = [
            feed for feed in self._feeds if self.states[feed.name].complete_until_ms < close_ms
        ]
        await asyncio.gather(*(self._refresh(feed, close_ms) for feed in behind))

    def are_complete(self, close_ms: int) -> bool:
        """Whether everything that was available before the close has been read."""
        return self.complete_until_ms >= close_ms

    @property
    def complete_until_ms(self) -> int:
        """The moment up to which all of them have been read."""
        return min((state.complete_until_ms for state in self.states.values()), default=FOREVER_MS)

    @property
    def never_reached(self) -> list[str]:
        """Feeds that were not read once yet: until they are, days of the past are not scored."""
        return [name for name, state in self.states.items() if state.complete_until_ms == NEVER_MS]

    def observed(self) -> Observed:
        """What is known, for a thread to score with."""
        until = {name: state.complete_until_ms for name, state in self.states.items()}
        return Observed(dict(self._timelines), until)

    async def _refresh(self, feed: Feed, close_ms: int) -> None:
        state = self.states[feed.name]
        state.asked_ms = ms_of(self._clock.now())
        since_ms = max(self._history_start_ms, state.complete_until_ms - OVERLAP_MS)
        try:
            answer = await feed.read(since_ms, close_ms)
        except SourceError as error:
            state.error = str(error)
            logger.warning("feed failed", extra={"feed": feed.name, "error": state.error})
            return
        await asyncio.to_thread(self._store.append_observations, answer.observations)
        await self._load_series(feed)
        await asyncio.to_thread(self._store.say_complete, self._formula, feed.name, close_ms)
        state.succeeded_ms = ms_of(self._clock.now())
        state.complete_until_ms = close_ms
        state.error = None
        state.missing, state.notes = answer.missing, answer.notes
        self.version += 1
        logger.info(
            "feed read",
            extra={
                "feed": feed.name,
                "observations": len(answer.observations),
                "missing": len(answer.missing),
                "notes": list(answer.notes),
            },
        )

    async def _load_series(self, feed: Feed) -> None:
        # From the store, and nothing else: what is read now is what a restart would read.
        loaded = await asyncio.to_thread(self._store.observations, feed.series)
        self._timelines.update(loaded)
