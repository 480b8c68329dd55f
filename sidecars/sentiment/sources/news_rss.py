"""Headlines from the RSS or Atom feeds of news sites. Free, without a key.

Each site says where its feed is; format: https://www.rssboard.org/rss-specification (RSS 2.0) and
RFC 4287 (Atom). A feed shows its newest 10 to 100 items and keeps no history.

Options: "feeds", a list of {"name", "url", "reach"} (https only; reach 1 unless said), and
"polarity_model" (see polarity.py).
"""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from sidecars.common.fetch import RateLimit
from sidecars.common.settings_file import check_settings
from sidecars.common.sources import Batch, SourceContext, SourceEntry, SourceFacts
from sidecars.sentiment.headline_source import Feed, FeedReader
from sidecars.sentiment.polarity import load_polarity_model

KEY = "news_rss"
USER_AGENT = "python:aquatrade.sentiment:v0.1.0 (feed reader)"


class FeedOption(BaseModel):
    """One feed in the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Behind "news_rss/" it is the source of its headlines, which is kept in 40 characters.
    name: Annotated[str, Field(min_length=1, max_length=31)]
    url: str
    reach: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 1.0

    @field_validator("url")
    @classmethod
    def _is_https(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            usable = parts.scheme == "https" and bool(parts.hostname) and not parts.username
        except ValueError:
            usable = False
        if not usable or not url.isprintable() or " " in url:
            raise ValueError("an address that begins with https://")
        return url


DEFAULT_FEEDS = (
    FeedOption(name="CoinDesk", url="https://www.coindesk.com/arc/outboundfeeds/rss/"),
    FeedOption(name="Cointelegraph", url="https://cointelegraph.com/rss"),
    FeedOption(name="Decrypt", url="https://decrypt.co/feed"),
    FeedOption(name="Bitcoin Magazine", url="https://bitcoinmagazine.com/feed", reach=0.5),
)


class NewsOptions(BaseModel):
    """Options of this source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feeds: Annotated[tuple[FeedOption, ...], Field(min_length=1, max_length=40)] = DEFAULT_FEEDS
    polarity_model: str = "vader"

    @field_validator("feeds")
    @classmethod
    def _are_told_apart(cls, feeds: tuple[FeedOption, ...]) -> tuple[FeedOption, ...]:
        if len({feed.name for feed in feeds}) < len(feeds):
            raise ValueError("feeds of different names")
        return feeds


FACTS = SourceFacts(
    name="news feeds",
    series=(),
    poll_seconds=300.0,
    stale_seconds=6 * 3600.0,
    licence="headlines of the sites named in the settings, each under its own terms",
    home="https://www.rssboard.org/rss-specification",
)


class NewsRss:
    """Keeps to Source. Raises SettingsError for options that are wrong."""

    def __init__(self, context: SourceContext) -> None:
        options = check_settings(NewsOptions, context.options, f"options of {KEY}")
        self._fetcher = context.fetcher
        self._feeds = [Feed(each.name, path_of(each.url), each.reach) for each in options.feeds]
        model = load_polarity_model(options.polarity_model)
        self._reader = FeedReader(KEY, model, context.assets, names_feeds=True)

    @property
    def facts(self) -> SourceFacts:
        return FACTS

    async def poll(self, now_ms: int) -> Batch:
        """The items that the feeds show now."""
        return await self._reader.ask_all(self._fetcher, self._feeds, now_ms)

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        """Nothing: a feed keeps no history, and shows titles as they were last rewritten."""
        return Batch()


def path_of(url: str) -> str:
    """What stands behind "https:", since the feeds have no host in common."""
    return url.removeprefix("https:")


ENTRY = SourceEntry(
    key=KEY,
    facts=FACTS,
    base_url="https://",  # a Fetcher drops the slashes, the paths bring them: //HOST/PATH
    limit=RateLimit(requests=1, per_seconds=1.0),
    make=NewsRss,
    headers=lambda _: {"User-Agent": USER_AGENT},
)
