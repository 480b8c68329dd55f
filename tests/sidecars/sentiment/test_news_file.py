"""Headlines from a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, Headline
from sidecars.sentiment.news_file import read_news_file
from sidecars.sentiment.polarity import VaderPolarity
from tests.sidecars.common.sound_batches import check_batch

NOW_MS = 1_700_000_000_000
MODEL = VaderPolarity()
HEADER = "date,source,subject,title,text,sentiment\n"
GOOD = '2022-01-04T17:00:00Z,CoinTelegraph,altcoin,"Ether, Solana soar","Text, long",x\n'


def read(rows: str, header: str = HEADER) -> Batch:
    return read_news_file((header + rows).encode(), NOW_MS, MODEL)


def test_reads_rows_by_time() -> None:
    earlier = "2022-01-04T15:00:00+01:00,A,bitcoin,Bitcoin crashes,,x\n"
    first, second = read(GOOD + earlier).events
    assert isinstance(first, Headline) and isinstance(second, Headline)
    assert (first.title, first.assets, first.source) == ("Bitcoin crashes", ("BTC",), "news_file")
    assert first.as_of_ms == first.published_ms == 1_641_304_800_000
    assert first.polarity < -0.05 < 0.05 < second.polarity
    assert second.assets == ("ETH", "SOL")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2022-01-04T15:00:00Z,A,b, ,t,s\n", "no title"),
        ("2022-01-04,A,b,Title,t,s\n", "expected RFC 3339"),
        ("2022-01-04T15:00:00,A,b,Title,t,s\n", "with an offset"),
        ("soon,A,b,Title,t,s\n", "expected RFC 3339"),
        ("1960-01-04T15:00:00Z,A,b,Title,t,s\n", "expected RFC 3339"),
        ("2042-01-04T15:00:00Z,A,b,Title,t,s\n", "in the future"),
        ("2022-01-04T15:00:00Z,A,b,Title\n", "expected 6 fields"),
        ("2022-01-04T15:00:00Z,A,b,Title,t,s,more\n", "expected 6 fields"),
    ],
)
def test_a_bad_row_is_one_line(row: str, reason: str) -> None:
    batch = read(GOOD + row)
    assert len(batch.events) == 1
    (line,) = batch.rejected
    assert line.startswith("news_file, line 3: ") and reason in line


def test_a_row_that_comes_twice_is_one_event() -> None:
    assert len(read(GOOD + GOOD).events) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "columns"),
        (b"title,date\nx,y\n", "columns"),
        (HEADER.encode(), "no rows"),
        (HEADER.encode() + b"x,,,t,,\n", "no usable row"),
        (b"\xff\xfe", "not UTF-8"),
        (HEADER.encode() + b"x" * 200_000, "not CSV"),
    ],
)
def test_refuses_what_is_no_such_table(body: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        read_news_file(body, NOW_MS, MODEL)
    assert caught.value.kind == "malformed"
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=60), st.integers(0, len(HEADER + GOOD)))
def test_anything_is_a_sound_batch_or_an_error(noise: bytes, place: int) -> None:
    body = (HEADER + GOOD).encode()
    try:
        batch = read_news_file(body[:place] + noise + body[place:], NOW_MS, MODEL)
    except SourceError:
        return
    check_batch(batch, NOW_MS)
