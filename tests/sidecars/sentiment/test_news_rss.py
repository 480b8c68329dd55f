"""The adapter of news feeds: what it reads, what it refuses, how it survives its sources."""

import asyncio
from collections.abc import Sequence

import aiohttp
import pytest

from sidecars.common.fetch import Fetcher
from sidecars.common.observations import MS_PER_DAY
from sidecars.common.running import listening
from sidecars.common.settings_file import SettingsError
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, Headline, SourceContext
from sidecars.replay.public_data.app import create_app
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest
from sidecars.replay.public_data.news_rss import STAND_IN
from sidecars.sentiment.feed_items import MOST_ITEMS, event_id_of
from sidecars.sentiment.headline_source import Feed, FeedReader
from sidecars.sentiment.polarity import VaderPolarity
from sidecars.sentiment.sources.news_rss import ENTRY, NewsRss, path_of
from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader
from tests.sidecars.common.jumping_clock import JumpingClock

# The shape of a real site's feed; 2024-08-05 14:37:21 UTC is now.
RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>
<title>A site</title><link>https://site.example</link><description>News</description>
<item><title><![CDATA[Bitcoin Plunges as &#8216;Carry Trade&#8217; Unwinds]]></title>
<link>https://www.site.example/markets/1/plunge/?utm_source=rss&amp;utm_medium=feed</link>
<guid isPermaLink="false">one</guid><pubDate>Mon, 05 Aug 2024 14:00:00 +0000</pubDate>
<dc:creator>A</dc:creator><description><![CDATA[<p>Long text</p>]]></description></item>
<item><title>Solana &amp; Ether recover</title><link>http://site.example/markets/2?id=7</link>
<guid>two</guid><pubDate>Mon, 05 Aug 2024 09:30:00 -0400</pubDate></item>
</channel></rss>"""
ATOM = """<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">
<title>A site</title><id>x</id><updated>2024-08-05T14:00:00Z</updated>
<entry><title type="html">XRP &amp;lt;b&amp;gt;soars&amp;lt;/b&amp;gt;</title><id>tag:1</id>
<link rel="alternate" href="https://site.example/3"/><updated>2024-08-05T14:30:00Z</updated>
<published>2024-08-05T14:01:02.5Z</published></entry></feed>"""
FEED = Feed("A site", "//site.example/feed", 0.5)
READER = FeedReader("news_rss", VaderPolarity())


def read(text: str, now_ms: int = NOW_MS) -> Batch:
    return READER.read(text.encode(), now_ms, FEED)


def with_item(fields: str) -> str:
    return RSS.replace("<item>", f"<item>{fields}</item><item>", 1)


def titles(batch: Batch) -> list[str]:
    return [event.title for event in batch.events if isinstance(event, Headline)]


def test_reads_rss() -> None:
    first, second = read(RSS).events
    assert first == Headline(
        event_id=event_id_of("https://site.example/markets/1/plunge"),
        source="news_rss",
        as_of_ms=1_722_866_400_000,
        published_ms=1_722_866_400_000,
        title="Bitcoin Plunges as \N{LEFT SINGLE QUOTATION MARK}Carry Trade"
        "\N{RIGHT SINGLE QUOTATION MARK} Unwinds",
        assets=("BTC",),
        polarity=first.polarity if isinstance(first, Headline) else 0.0,
        reach=0.5,
    )
    assert isinstance(first, Headline) and first.polarity < -0.4
    assert isinstance(second, Headline) and second.polarity > 0.3
    assert (second.assets, second.title) == (("ETH", "SOL"), "Solana & Ether recover")
    assert second.as_of_ms == 1_722_864_600_000  # 09:30 at -04:00


def test_reads_atom() -> None:
    (event,) = read(ATOM).events
    assert isinstance(event, Headline)
    assert (event.title, event.assets) == ("XRP soars", ("XRP",))
    assert event.as_of_ms == 1_722_866_462_500  # published, not updated


@pytest.mark.parametrize(
    "other",
    [
        "http://site.example/markets/1/plunge",
        "https://WWW.site.example/markets/1/plunge/",
        "https://site.example/markets/1/plunge?utm_campaign=x&fbclid=1#comments",
    ],
)
def test_a_link_is_one_event_however_it_is_written(other: str) -> None:
    assert event_id_of(other) == event_id_of("https://www.site.example/markets/1/plunge/")


def test_another_query_is_another_event() -> None:
    assert event_id_of("https://site.example/?p=1") != event_id_of("https://site.example/?p=2")
    assert event_id_of("t3_a") != event_id_of("t3_b")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("<link>https://a/b</link><pubDate>Mon, 05 Aug 2024 14:00:00 GMT</pubDate>", "title"),
        ("<title>T</title><link>https://a/b</link>", "expected RFC 822"),
        ("<title>T</title><link>https://a/b</link><pubDate>2024</pubDate>", "expected RFC 822"),
        ("<title>T</title><link>https://a/b</link><pubDate>yesterday</pubDate>", "RFC 822"),
        (
            "<title>T</title><link>https://a/b</link><pubDate>Mon, 05 Aug 2024 14:00:00</pubDate>",
            "with an offset",
        ),
        (
            "<title>T</title><link>https://a/b</link>"
            "<pubDate>Mon, 05 Aug 2024 14:40:00 GMT</pubDate>",
            "in the future",
        ),
        ("<title>T</title><pubDate>Mon, 05 Aug 2024 14:00:00 GMT</pubDate>", "neither link"),
    ],
)
def test_refuses_one_item_and_keeps_the_others(fields: str, reason: str) -> None:
    batch = read(with_item(fields))
    assert len(batch.events) == 2
    (line,) = batch.rejected
    assert reason in line and line.startswith("A site: ")


def test_ignores_what_is_older_than_30_days() -> None:
    assert len(read(RSS, NOW_MS + 30 * MS_PER_DAY - 3_600_000).events) == 1
    dead = read(RSS, NOW_MS + 31 * MS_PER_DAY)
    assert not dead.events
    assert dead.rejected == ["A site: nothing newer than 30 days among 2 items"]


BOMB = RSS.replace(
    "<rss ",
    '<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><rss ',
).replace("<title>A site", "<title>&b;")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not well-formed"),
        (b"\xff\xfe<", "not UTF-8"),
        (BOMB.encode(), "document type"),
        (BOMB.encode("utf-16"), "not UTF-8"),
        (RSS.replace("UTF-8", "UTF-16").encode("utf-16-be"), "not UTF-8"),
        (RSS.encode()[:-20], "not well-formed"),
        (RSS.replace("&amp; Ether", "& Ether").encode(), "not well-formed"),
        (RSS.replace("&amp; Ether", "&nbsp; Ether").encode(), "not well-formed"),
        (b"<a>" * 200 + b"</a>" * 200, "nested"),
        (b"<rss version='2.0'><channel/></rss>", "no items"),
        (b"/etc/hostname", "not well-formed"),
        (b"http://127.0.0.1/", "not well-formed"),
        (RSS.replace("Mon, 05 Aug 2024", "Mon, 05 Aug 2094").encode(), "no usable item"),
        (b"<rss>" + b" " * 4_200_000 + b"</rss>", "more than"),
    ],
)
def test_refuses_what_is_no_feed(body: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        READER.read(body, NOW_MS, FEED)
    assert caught.value.kind == "malformed"


def test_reads_no_more_items_than_its_limit() -> None:
    items = "".join(
        f"<item><title>T {n}</title><link>https://a/{n}</link>"
        "<pubDate>Mon, 05 Aug 2024 14:00:00 GMT</pubDate></item>"
        for n in range(MOST_ITEMS + 1)
    )
    batch = read(f"<rss version='2.0'><channel>{items}</channel></rss>")
    assert len(batch.events) == MOST_ITEMS
    assert batch.rejected == [f"A site: {MOST_ITEMS + 1} items, only the first 500 are read"]


@pytest.mark.parametrize("example", [RSS, ATOM])
def test_reader_refuses_nonsense(example: str) -> None:
    fuzz_reader(
        lambda body: READER.read(body, NOW_MS, FEED), example.encode(), examples=300, seed=1
    )


async def test_survives() -> None:
    await check_source_survives(ENTRY, STAND_IN, has_history=False)


# --- several feeds -----------------------------------------------------------------------------


def site(answers: dict[str, StandInAnswer]) -> StandIn:
    def answer(request: StandInRequest) -> StandInAnswer:
        return answers[request.match["host"]]

    return StandIn("news_rss", {"//{host}/{path:.*}": answer})


async def poll(stand_in: StandIn, feeds: Sequence[dict[str, object]]) -> Batch:
    clock = JumpingClock.at_ms(NOW_MS)
    async with (
        listening(create_app([stand_in], clock), "127.0.0.1", 0) as port,
        aiohttp.ClientSession() as session,
    ):
        url = f"http://127.0.0.1:{port}/news_rss"
        fetcher = Fetcher("news feeds", url, session, clock, ENTRY.limit)
        context = SourceContext(fetcher, ("BTC",), options={"feeds": feeds})
        return await ENTRY.make(context).poll(NOW_MS)


def feed(name: str, reach: float = 1.0) -> dict[str, object]:
    return {"name": name, "url": f"https://{name}.example/feed/?a=b", "reach": reach}


GOOD = StandInAnswer(RSS.encode(), "application/rss+xml")
GONE = StandInAnswer(b"gone", "text/plain", 404)
BROKEN = StandInAnswer(b"<html><p>no</html>", "text/html")


async def test_one_failing_feed_does_not_lose_the_others() -> None:
    answers = {"a.example": GONE, "b.example": GOOD, "c.example": BROKEN}
    batch = await poll(site(answers), [feed("a"), feed("b"), feed("c")])
    assert len(batch.events) == 2
    assert len(batch.rejected) == 2
    assert batch.rejected[0] == "a: news feeds: HTTP 404"
    assert batch.rejected[1].startswith("c: not well-formed XML")


async def test_all_feeds_failing_is_an_error() -> None:
    with pytest.raises(SourceError, match="all 2 feeds failed; a: news feeds: HTTP 404") as caught:
        await poll(site({"a.example": GONE, "b.example": GONE}), [feed("a"), feed("b")])
    assert caught.value.kind == "refused"


async def test_an_article_in_two_feeds_is_one_event_of_the_wider_reach() -> None:
    answers = {"a.example": GOOD, "b.example": GOOD}
    batch = await poll(site(answers), [feed("a", 0.5), feed("b", 2.0)])
    assert [event.reach for event in batch.events if isinstance(event, Headline)] == [2.0, 2.0]


async def test_each_feed_is_a_source_of_its_own() -> None:
    batch = await poll(site({"a.example": GOOD, "b.example": BROKEN}), [feed("a"), feed("b")])
    sources = {event.source for event in batch.events if isinstance(event, Headline)}
    assert sources == {"news_rss/a"}


async def test_the_stand_in_keeps_its_events_from_look_to_look() -> None:
    first, second = await asyncio.gather(*(poll(STAND_IN, [feed("a")]) for _ in range(2)))
    assert titles(first) == titles(second)
    assert len({event.event_id for event in first.events}) == len(first.events) == 25


# --- options -----------------------------------------------------------------------------------


def context_with(options: dict[str, object]) -> SourceContext:
    clock = JumpingClock.at_ms(NOW_MS)
    # The session is not used before the first request.
    fetcher = Fetcher("news feeds", ENTRY.base_url, None, clock, ENTRY.limit)  # type: ignore[arg-type]
    return SourceContext(fetcher, ("BTC",), options=options)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"feed": []}, "did you mean"),
        ({"feeds": []}, "feeds"),
        ({"feeds": [{"name": "a", "url": "http://a/feed"}]}, "begins with https"),
        ({"feeds": [{"name": "a", "url": "https://user@a/feed"}]}, "begins with https"),
        ({"feeds": [{"name": "a", "url": "https://a/feed", "reach": 0}]}, "reach"),
        ({"feeds": [{"name": "x" * 32, "url": "https://a/feed"}]}, "name"),
        ({"feeds": [feed("a"), feed("a")]}, "different names"),
        ({"polarity_model": "good"}, "polarity model"),
    ],
)
def test_wrong_options_are_one_clear_line(options: dict[str, object], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as caught:
        NewsRss(context_with(options))
    assert "\n" not in str(caught.value)


def test_paths_meet_the_base_address_in_the_url() -> None:
    fetcher = context_with({}).fetcher
    url = "https://site.example/feed/?a=b"
    assert fetcher.base_url + path_of(url) == url
