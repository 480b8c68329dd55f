"""Headlines of the past from a CSV file, for the backfill of scores. Pure.

Columns: date (RFC 3339 with an offset, when it was published), source, subject, title, text,
sentiment. Only date, source and title are used: live feeds are judged by their titles too, and
other people's labels are no part of the score.
"""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence

from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, describes_future
from sidecars.sentiment.feed_items import FeedItem, clean_title, headlines, moment_ms
from sidecars.sentiment.polarity import PolarityModel

KEY = "news_file"
COLUMNS = ("date", "source", "subject", "title", "text", "sentiment")
REACH = 1.0


def read_news_file(
    body: bytes, now_ms: int, model: PolarityModel, symbols: Sequence[str] = ()
) -> Batch:
    """All headlines of the file, by time. symbols: assets to look for besides the known ones.

    A bad row is one line in `rejected`. Raises SourceError where the file is no such table or has
    no good row.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{KEY}: not UTF-8 (byte {error.start})", "malformed") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    items: dict[str, FeedItem] = {}
    rejected: list[str] = []
    try:
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise SourceError(
                f"{KEY}: got the columns {str(reader.fieldnames)[:80]},"
                f" expected {','.join(COLUMNS)}",
                "malformed",
            )
        for row in reader:
            read = _item(row, now_ms)
            if isinstance(read, str):
                rejected.append(f"{KEY}, line {reader.line_num}: {read}")
            else:
                items.setdefault(read.event_id, read)
    except csv.Error as error:
        where = f"line {reader.line_num}"
        raise SourceError(f"{KEY}, {where}: not CSV ({error})", "malformed") from None
    if not items:
        reason = rejected[0] if rejected else "no rows"
        raise SourceError(f"{KEY}: no usable row ({reason[:120]})", "malformed")
    ordered = sorted(items.values(), key=lambda item: item.published_ms)
    return Batch(events=headlines(ordered, KEY, REACH, model, symbols), rejected=rejected)


def _item(row: Mapping[str | None, object], now_ms: int) -> FeedItem | str:
    """The row's headline, or why it is refused."""
    if None in row or None in row.values():
        return f"expected {len(COLUMNS)} fields"
    title = clean_title(row["title"])
    if not title:
        return "no title"
    date = row["date"]
    published_ms = moment_ms(date)
    if published_ms is None or published_ms <= 0:
        return f"date {str(date)[:40]!r}, expected RFC 3339 with an offset"
    if describes_future(published_ms, now_ms):
        return f"date {str(date)[:40]!r} is in the future"
    identity = f"{published_ms}|{row['source']}|{title}"
    event_id = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return FeedItem(event_id, title, published_ms)
