"""The adapter of Reddit's Atom feeds."""

import pytest

from sidecars.common.fetch import Fetcher
from sidecars.common.settings_file import SettingsError
from sidecars.common.sources import Headline, SourceContext
from sidecars.replay.public_data.model import StandInRequest
from sidecars.replay.public_data.reddit import STAND_IN
from sidecars.sentiment.headline_source import Feed, FeedReader
from sidecars.sentiment.polarity import VaderPolarity
from sidecars.sentiment.sources.reddit import ENTRY, Reddit, path_of
from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader
from tests.sidecars.common.jumping_clock import JumpingClock

FEED = """<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom"
 xmlns:media="http://search.yahoo.com/mrss/"><category term="Bitcoin" label="r/Bitcoin"/>
<updated>2024-08-05T14:37:00+00:00</updated><icon>https://www.redditstatic.com/icon.png/</icon>
<id>/r/Bitcoin+ethereum/new/.rss?limit=100</id>
<link rel="self" href="https://www.reddit.com/r/Bitcoin/new/.rss" type="application/atom+xml" />
<title>newest submissions : Bitcoin+ethereum</title>
<entry><author><name>/u/someone</name><uri>https://www.reddit.com/user/someone</uri></author>
<category term="ethereum" label="r/ethereum"/><content type="html">&lt;!-- SC_OFF --&gt;
&lt;p&gt;I lost it all&lt;/p&gt;</content><id>t3_1ekabcd</id>
<link href="https://www.reddit.com/r/ethereum/comments/1ekabcd/eth_crash_are_you_buying/" />
<updated>2024-08-05T14:20:11+00:00</updated><published>2024-08-05T14:20:11+00:00</published>
<title>ETH crash: are you buying? &amp;#128640; $sol too</title></entry></feed>"""
READER = FeedReader("reddit", VaderPolarity())


def test_reads_posts() -> None:
    (post,) = READER.read(FEED.encode(), NOW_MS, Feed("Reddit", "/", 0.2)).events
    assert isinstance(post, Headline)
    assert post.title == "ETH crash: are you buying? \N{ROCKET} $sol too"
    assert (post.assets, post.reach, post.source) == (("ETH", "SOL"), 0.2, "reddit")
    assert post.as_of_ms == post.published_ms == 1_722_867_611_000


def test_reader_refuses_nonsense() -> None:
    fuzz_reader(
        lambda body: READER.read(body, NOW_MS, Feed("Reddit", "/")),
        FEED.encode(),
        examples=300,
        seed=2,
    )


async def test_survives() -> None:
    await check_source_survives(ENTRY, STAND_IN, has_history=False)


def test_asks_for_all_subreddits_at_once() -> None:
    assert path_of(("Bitcoin", "ethereum")) == "/r/Bitcoin+ethereum/new/.rss?limit=100"


def test_its_user_agent_says_what_it_is() -> None:
    assert ENTRY.headers is not None
    agent = ENTRY.headers(None)["User-Agent"]
    assert agent.startswith("python:aquatrade.sentiment:v") and "Mozilla" not in agent


@pytest.mark.parametrize("count", [1, 25, 100])
def test_the_stand_in_shows_as_many_posts_as_asked(count: int) -> None:
    (answer,) = STAND_IN.routes.values()
    request = StandInRequest(NOW_MS, "/", {"subreddits": "A+B"}, {"limit": str(count)}, {})
    assert answer(request).body.count(b"<entry>") == count


@pytest.mark.parametrize("names", [[], ["r/Bitcoin"], ["a b"], ["x" * 30], ["../user"]])
def test_refuses_what_is_no_subreddit(names: list[str]) -> None:
    clock = JumpingClock.at_ms(NOW_MS)
    # The session is not used before the first request.
    fetcher = Fetcher("Reddit", ENTRY.base_url, None, clock, ENTRY.limit)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="subreddits"):
        Reddit(SourceContext(fetcher, (), options={"subreddits": names}))
