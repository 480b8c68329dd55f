"""Titles of new posts from subreddits' public Atom feeds. Free, without a key.

https://www.reddit.com/r/A+B/new/.rss?limit=100 gives the 100 newest posts of several subreddits at
once (https://www.reddit.com/wiki/rss). It is what answers without a login: the .json pages have
been refused with 403 since May 2026, and the Data API wants OAuth
(https://support.reddithelp.com/hc/en-us/articles/16160319875092-Reddit-Data-API-Wiki). Since
June 2026 an address gets about one answer a minute before 429, often none from data centres. That
page asks for a User-Agent "platform:app:version" that tells the truth, and that whoever keeps posts
deletes those deleted on Reddit. An Atom feed has no scores: reach is the same for all posts.

Options: "subreddits", "reach", "polarity_model" (see polarity.py).
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sidecars.common.fetch import RateLimit
from sidecars.common.settings_file import check_settings
from sidecars.common.sources import Batch, SourceContext, SourceEntry, SourceFacts
from sidecars.sentiment.headline_source import Feed, FeedReader
from sidecars.sentiment.polarity import load_polarity_model

KEY = "reddit"
USER_AGENT = "python:aquatrade.sentiment:v0.1.0 (self-hosted, one request in ten minutes)"
MOST_POSTS = 100  # the most that a listing gives

Subreddit = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]{1,20}$")]


class RedditOptions(BaseModel):
    """Options of this source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subreddits: Annotated[tuple[Subreddit, ...], Field(min_length=1, max_length=20)] = (
        "CryptoCurrency",
        "Bitcoin",
        "ethereum",
        "CryptoMarkets",
    )
    # A new post is seen by few: five of them weigh as much as one headline of a news site.
    reach: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 0.2
    polarity_model: str = "vader"


FACTS = SourceFacts(
    name="Reddit",
    series=(),
    poll_seconds=600.0,
    stale_seconds=3 * 3600.0,
    licence="Reddit's Data API Terms; titles are its users'",
    home="https://www.reddit.com/wiki/rss",
)


class Reddit:
    """Keeps to Source. Raises SettingsError for options that are wrong."""

    def __init__(self, context: SourceContext) -> None:
        options = check_settings(RedditOptions, context.options, f"options of {KEY}")
        self._fetcher = context.fetcher
        self._feeds = [
            Feed("Reddit", path_of(options.subreddits), options.reach),
        ]
        model = load_polarity_model(options.polarity_model)
        self._reader = FeedReader(KEY, model, context.assets)

    @property
    def facts(self) -> SourceFacts:
        return FACTS

    async def poll(self, now_ms: int) -> Batch:
        """The newest posts of all subreddits, in one request."""
        return await self._reader.ask_all(self._fetcher, self._feeds, now_ms)

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        """Nothing: the feed shows the newest posts only, without those deleted since."""
        return Batch()


def path_of(subreddits: tuple[str, ...]) -> str:
    """Several subreddits are one listing."""
    return f"/r/{'+'.join(subreddits)}/new/.rss?limit={MOST_POSTS}"


ENTRY = SourceEntry(
    key=KEY,
    facts=FACTS,
    base_url="https://www.reddit.com",
    limit=RateLimit(requests=1, per_seconds=60.0),
    make=Reddit,
    headers=lambda _: {"User-Agent": USER_AGENT},
)
