"""Items of an RSS or Atom feed, from bytes. Pure.

A feed is read as what it says or not at all: it must be well-formed XML in UTF-8 without a document
type (so there are no entities that could grow), where feedparser alone would guess. Dates must
carry an offset: RFC 822 (RSS 2.0, https://www.rssboard.org/rss-specification) or RFC 3339 (Atom,
RFC 4287).
"""

import email.utils
import hashlib
import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.parsers import expat

import feedparser

from sidecars.common.observations import MS_PER_DAY
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Headline, describes_future
from sidecars.sentiment.asset_names import assets_in
from sidecars.sentiment.polarity import PolarityModel, judged

OLDEST_MS = 30 * MS_PER_DAY
MOST_ITEMS = 500
MOST_FEED_BYTES = 4 * 1024 * 1024
DEEPEST_NESTING = 100
TITLE_LENGTH = 300

# A link's query tells articles apart (?p=123), except for what only says where a reader came from.
_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|ref|source|cmpid|mc_[ce]id", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One item. event_id: of its link, so the same in every feed that carries the article."""

    event_id: str
    title: str
    published_ms: int


@dataclass(frozen=True, slots=True)
class FeedContent:
    """Items of the last 30 days, newest first; rejected: one line for each that was refused."""

    items: Sequence[FeedItem]
    rejected: Sequence[str]


def read_feed(body: bytes, now_ms: int, name: str) -> FeedContent:
    """The items of a feed. Raises SourceError where it is no feed or has no usable item."""
    check_xml(body, name)
    entries = _entries(body, name)
    if not entries:
        raise SourceError(f"{name}: no items, expected an RSS or Atom feed", "malformed")
    items: dict[str, FeedItem] = {}
    rejected: list[str] = []
    old = 0
    for entry in entries[:MOST_ITEMS]:
        read = _item(entry, now_ms)
        if isinstance(read, str):
            rejected.append(f"{name}: {read}")
        elif read.published_ms < now_ms - OLDEST_MS:
            old += 1
        else:
            items.setdefault(read.event_id, read)
    if len(entries) > MOST_ITEMS:
        rejected.append(f"{name}: {len(entries)} items, only the first {MOST_ITEMS} are read")
    if not items and old:
        rejected.append(f"{name}: nothing newer than 30 days among {old} items")
    if not items and not old:
        raise SourceError(f"{name}: no usable item ({rejected[0][:120]})", "malformed")
    return FeedContent(sorted(items.values(), key=lambda item: -item.published_ms), rejected)


def headlines(
    items: Sequence[FeedItem],
    source: str,
    reach: float,
    model: PolarityModel,
    symbols: Sequence[str] = (),
) -> list[Headline]:
    """Items judged. symbols: assets to look for besides the known ones. Raises SourceError."""
    polarities = judged(model, [item.title for item in items])
    return [
        Headline(
            event_id=item.event_id,
            source=source,
            as_of_ms=item.published_ms,
            published_ms=item.published_ms,
            title=item.title,
            assets=assets_in(item.title, symbols),
            polarity=polarity,
            reach=reach,
        )
        for item, polarity in zip(items, polarities, strict=True)
    ]


def check_xml(body: bytes, name: str) -> None:
    """Raise SourceError for all but well-formed UTF-8 XML without a document type."""
    if len(body) > MOST_FEED_BYTES:
        raise SourceError(f"{name}: a feed of more than {MOST_FEED_BYTES} bytes", "malformed")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(f"{name}: not UTF-8 (byte {error.start})", "malformed") from None
    if b"\0" in body:  # UTF-16, which expat would detect and feedparser read in its own way
        raise SourceError(f"{name}: not UTF-8 (a zero byte)", "malformed")
    parser = expat.ParserCreate("utf-8", " ")
    depth = 0

    def refuse_document_type(*_: object) -> None:
        raise SourceError(f"{name}: XML with a document type, which no feed needs", "malformed")

    def deeper(*_: object) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST_NESTING:
            raise SourceError(f"{name}: XML nested deeper than {DEEPEST_NESTING}", "malformed")

    def less_deep(*_: object) -> None:
        nonlocal depth
        depth -= 1

    parser.StartDoctypeDeclHandler = refuse_document_type
    parser.StartElementHandler = deeper
    parser.EndElementHandler = less_deep
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise SourceError(f"{name}: not well-formed XML ({error})", "malformed") from None


def _entries(body: bytes, name: str) -> list[Any]:
    try:
        feed = feedparser.parse(
            io.BytesIO(body),  # bytes alone could be taken for a file's name
            response_headers={"content-type": "application/xml; charset=utf-8"},
            resolve_relative_uris=False,
            sanitize_html=False,
        )
    except Exception as error:  # whatever a parser of half a dozen formats trips over
        kind = type(error).__name__
        raise SourceError(f"{name}: feedparser failed ({kind})", "malformed") from error
    return list(feed.get("entries", ()))


def _item(entry: Any, now_ms: int) -> FeedItem | str:
    """The item, or why it is refused."""
    title = clean_title(entry.get("title"))
    if not title:
        return "an item without a title"
    said = f'item "{title[:60]}"'
    link, guid = entry.get("link"), entry.get("id")
    if not isinstance(link, str) or not link.strip():
        link = guid
    if not isinstance(link, str) or not link.strip():
        return f"{said}: neither link nor guid"
    written = dict.get(entry, "published") or dict.get(entry, "updated")
    published_ms = moment_ms(written)
    if published_ms is None:
        return f"{said}: date {str(written)[:40]!r}, expected RFC 822 or RFC 3339 with an offset"
    if describes_future(published_ms, now_ms):
        return f"{said}: date {str(written)[:40]!r} is in the future"
    return FeedItem(event_id_of(link), title, published_ms)


def clean_title(text: object) -> str:
    """One line without tags, entities and control characters, of 300 characters at most."""
    if not isinstance(text, str):
        return ""
    plain = html.unescape(_TAG.sub(" ", html.unescape(text)))
    printable = "".join(each if each.isprintable() else " " for each in plain)
    return " ".join(printable.split())[:TITLE_LENGTH].rstrip()


def moment_ms(written: object) -> int | None:
    """RFC 822 or RFC 3339 with an offset -> ms since 1970; None for all else."""
    if not isinstance(written, str):
        return None
    text = written.strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError):
            return None
    if moment.tzinfo is None:
        return None
    try:
        return int(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        return None


def event_id_of(link: str) -> str:
    """The same for a link however it is written: scheme, "www.", tracking, final slash."""
    text = link.strip()
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        host = ""
    if host:
        kept = [pair for pair in parse_qsl(parts.query) if not _TRACKING.fullmatch(pair[0])]
        query = f"?{urlencode(sorted(kept))}" if kept else ""
        text = f"{host}{parts.path.rstrip('/')}{query}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
