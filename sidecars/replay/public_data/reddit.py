"""Stand-in of Reddit's Atom feeds: GET /r/A+B/new/.rss?limit=N (https://www.reddit.com/wiki/rss)."""

from datetime import UTC, datetime
from html import escape

from sidecars.replay.public_data.made_headlines import MadeHeadline, newest_headlines
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest
from sidecars.replay.public_data.smooth_values import whole_number_of

DEFAULT_ITEMS, MOST_ITEMS = 25, 100
EACH_HOUR = 8
HOME = "https://www.reddit.com"


def _feed(request: StandInRequest) -> StandInAnswer:
    names = request.match["subreddits"].replace(" ", "+")  # a plus in an address is a space to some
    count = min(MOST_ITEMS, whole_number_of(request.query, "limit", DEFAULT_ITEMS))
    made = newest_headlines(f"reddit/{names}", request.now_ms, count, EACH_HOUR)
    subreddits = names.split("+")
    entries = "".join(
        _entry(subreddits[headline.number % len(subreddits)], headline) for headline in made
    )
    self_address = f"{HOME}/r/{escape(names)}/new/.rss"
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom"'
        ' xmlns:media="http://search.yahoo.com/mrss/">'
        f'<category term="{escape(subreddits[0])}" label="r/{escape(subreddits[0])}"/>'
        f"<updated>{_date(request.now_ms)}</updated>"
        "<icon>https://www.redditstatic.com/icon.png/</icon>"
        f"<id>/r/{escape(names)}/new/.rss</id>"
        f'<link rel="self" href="{self_address}" type="application/atom+xml" />'
        f'<link rel="alternate" href="{HOME}/r/{escape(names)}/new/" type="text/html" />'
        f"<title>newest submissions : {escape(names)}</title>{entries}</feed>"
    )
    return StandInAnswer(body.encode(), "application/atom+xml; charset=UTF-8")


def _entry(subreddit: str, headline: MadeHeadline) -> str:
    post = f"{headline.number:x}"
    link = f"{HOME}/r/{subreddit}/comments/{post}/{headline.slug.replace('-', '_')[:50]}/"
    moment = _date(headline.moment_ms)
    content = f'<!-- SC_OFF --><div class="md"><p>{headline.title}</p></div><!-- SC_ON -->'
    return (
        f"<entry><author><name>/u/someone</name><uri>{HOME}/user/someone</uri></author>"
        f'<category term="{escape(subreddit)}" label="r/{escape(subreddit)}"/>'
        f'<content type="html">{escape(content)}</content><id>t3_{post}</id>'
        f'<link href="{escape(link)}" /><updated>{moment}</updated>'
        f"<published>{moment}</published><title>{escape(headline.title)}</title></entry>"
    )


def _date(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat(timespec="seconds")


STAND_IN = StandIn(key="reddit", routes={"/r/{subreddits}/new/.rss": _feed})
