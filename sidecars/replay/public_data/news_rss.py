"""Stand-in of news sites' RSS 2.0 feeds (https://www.rssboard.org/rss-specification).

The site's host stands in the path, as the adapter asks for it: /news_rss//HOST/PATH.
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape, quoteattr

from sidecars.replay.public_data.made_headlines import MadeHeadline, newest_headlines
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest

ITEMS = 25
EACH_HOUR = 2
NAMESPACES = (
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:media="http://search.yahoo.com/mrss/"'
    ' xmlns:content="http://purl.org/rss/1.0/modules/content/"'
)


def _feed(request: StandInRequest) -> StandInAnswer:
    host = request.match["host"]
    home = f"https://{host}"
    made = newest_headlines(f"news/{host}", request.now_ms, ITEMS, EACH_HOUR)
    items = "".join(_item(home, headline) for headline in made)
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" {NAMESPACES}><channel>'
        f"<title>{escape(host)}</title><link>{escape(home)}</link>"
        f"<atom:link href={quoteattr(home + '/feed')} rel='self' type='application/rss+xml'/>"
        f"<description>Made-up news for tests</description><language>en-us</language>"
        f"<lastBuildDate>{_date(request.now_ms)}</lastBuildDate><ttl>5</ttl>"
        f"<generator>stand-in</generator>{items}</channel></rss>\n"
    )
    return StandInAnswer(body.encode(), "application/rss+xml; charset=utf-8")


def _item(home: str, headline: MadeHeadline) -> str:
    link = f"{home}/markets/{headline.number}/{headline.slug}"
    title = headline.title
    return (
        f"<item><title><![CDATA[{title}]]></title>"
        f"<link>{escape(link)}?utm_source=rss&amp;utm_medium=feed</link>"
        f'<guid isPermaLink="false">{headline.number}</guid>'
        f"<pubDate>{_date(headline.moment_ms)}</pubDate><dc:creator>A. Writer</dc:creator>"
        f"<description><![CDATA[<p>{title}. More to follow.</p>]]></description>"
        f"<category>Markets</category><content:encoded><![CDATA[<p>{title}.</p>]]></content:encoded>"
        f'<media:content url="{escape(home)}/{headline.number}.jpg" type="image/jpeg"/></item>'
    )


def _date(moment_ms: int) -> str:
    return format_datetime(datetime.fromtimestamp(moment_ms / 1000, UTC))


STAND_IN = StandIn(key="news_rss", routes={"//{host}/{path:.*}": _feed})
