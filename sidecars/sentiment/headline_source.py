"""What the sources of headlines share: asking several feeds, of which some may fail."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sidecars.common.fetch import Fetcher
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, Headline
from sidecars.sentiment.feed_items import FeedContent, headlines, read_feed
from sidecars.sentiment.polarity import PolarityModel


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed. path: behind the source's address; reach: weight of its audience."""

    name: str
    path: str
    reach: float = 1.0


@dataclass(frozen=True, slots=True)
class FeedReader:
    """Turns feeds into headlines of a source. symbols: assets to look for besides the known.

    names_feeds: each feed is a source of its own, "source/feed", that can fall silent alone.
    """

    source: str
    model: PolarityModel
    symbols: tuple[str, ...] = ()
    names_feeds: bool = False

    def read(self, body: bytes, now_ms: int, feed: Feed) -> Batch:
        """One feed's answer. Raises SourceError."""
        content = read_feed(body, now_ms, feed.name)
        return Batch(events=self._headlines(content, feed), rejected=content.rejected)

    async def ask_all(self, fetcher: Fetcher, feeds: Sequence[Feed], now_ms: int) -> Batch:
        """What all feeds gave. One that fails is a rejected line; SourceError when all fail."""
        answers = await asyncio.gather(*(self._ask(fetcher, feed, now_ms) for feed in feeds))
        failures = [each for each in answers if isinstance(each, SourceError)]
        if len(failures) == len(answers):
            raise _of_all(failures)
        batches = [each for each in answers if isinstance(each, Batch)]
        events: dict[str, Headline] = {}
        for batch in batches:
            for event in batch.events:
                if isinstance(event, Headline):
                    _keep_widest(events, event)
        rejected = [str(failure) for failure in failures]
        rejected += [line for batch in batches for line in batch.rejected]
        return Batch(events=tuple(events.values()), rejected=rejected)

    async def _ask(self, fetcher: Fetcher, feed: Feed, now_ms: int) -> Batch | SourceError:
        try:
            body = await fetcher.body(feed.path)
            # A long feed takes a tenth of a second to parse and judge: not in the event loop.
            return await asyncio.to_thread(self.read, body, now_ms, feed)
        except SourceError as error:
            text = str(error)
            named = text if text.startswith(feed.name) else f"{feed.name}: {text}"
            return SourceError(named, error.kind)

    def _headlines(self, content: FeedContent, feed: Feed) -> list[Headline]:
        source = f"{self.source}/{feed.name}" if self.names_feeds else self.source
        return headlines(content.items, source, feed.reach, self.model, self.symbols)


def _keep_widest(events: dict[str, Headline], event: Headline) -> None:
    """One article in two feeds is one event: that of the wider reach, of equals the first."""
    seen = events.get(event.event_id)
    if seen is None or event.reach > seen.reach:
        events[event.event_id] = event


def _of_all(failures: Sequence[SourceError]) -> SourceError:
    if len(failures) == 1:
        return failures[0]
    kinds = {failure.kind for failure in failures}
    text = f"all {len(failures)} feeds failed; {failures[0]}"
    # Feeds that fail in different ways: what the first says of itself is as good as any.
    return SourceError(text, kinds.pop() if len(kinds) == 1 else failures[0].kind)
