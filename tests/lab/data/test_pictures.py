"""The picture and the page: every file has its bar, holes are seen, nothing comes from outside."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.data.coverage_picture import (
    LEFT,
    MOST_TICKS,
    NARROWEST,
    RIGHT,
    Axis,
    axis_of,
    coverage_svg,
    share,
    stretches,
    summary,
    ticks,
)  # fmt: skip
from lab.data.example import write_example
from lab.data.files import CandleFile, find_files
from lab.data.findings import Finding, Grade, Kind, Span
from lab.data.quality import FileReport, check_files
from lab.data.quality_page import MOST_PLACES, place_lines, quality_page
from lab.data.timeframes import parse_timeframe
from tests.lab.data.planted import NOW

DAY = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
FILE = CandleFile(Path("BTC_USDT-1h.feather"), "BTC/USDT", parse_timeframe("1h"), "spot")
NAME = "{http://www.w3.org/2000/svg}"


def report(*findings: Finding, hours: int = 24, file: CandleFile = FILE) -> FileReport:
    return FileReport(file, hours, DAY, DAY + (hours - 1) * HOUR, findings)


def holes(*spans: tuple[int, int]) -> Finding:
    """From hour to hour, both missing."""
    found = tuple(Span(DAY + a * HOUR, DAY + b * HOUR, b - a + 1) for a, b in spans)
    return Finding(Kind.GAPS, Grade.NOTES, "text & <more>", found)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 300)), max_size=12))
def test_stretches_are_apart_wide_enough_and_cover_all(spans: list[tuple[int, int]]) -> None:
    one = report(hours=10_000)
    axis = axis_of([one])
    parts = stretches(holes(*((a, a + n) for a, n in spans)).spans, axis, one)
    assert all(a >= LEFT and b <= RIGHT and b - a > NARROWEST - 1e-9 for a, b in parts)
    assert all(b < c for (_, b), (c, _) in pairwise(parts))
    for begin, length in spans:
        first, last = axis.x(DAY + begin * HOUR), axis.x(DAY + (begin + length + 1) * HOUR)
        assert any(a - 1e-9 <= first + NARROWEST and last <= b + 1e-9 for a, b in parts)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20_000), st.integers(0, 5000))
def test_ticks_are_few_inside_and_rising(days: int, start: int) -> None:
    first = DAY - timedelta(days=start)
    axis = Axis(first, first + timedelta(days=days))
    found = ticks(axis)
    assert len(found) <= MOST_TICKS + 1
    assert all(axis.first <= at <= axis.last for at, _ in found)
    assert [at for at, _ in found] == sorted({at for at, _ in found})
    assert len({text for _, text in found}) == len(found)


def test_shares_are_never_rounded_up() -> None:
    assert share(report()) == "100 %"
    assert share(report(holes((3, 3)), hours=1_000_000)) == "99.99 %"
    assert share(report(holes((0, 7)), hours=8)) == "50.00 %"
    assert share(FileReport(FILE, 0, None, None, ())) == "-"


def test_words_are_counted_and_cut() -> None:
    jump = Finding(Kind.JUMPS, Grade.NOTES, "", (Span(DAY, DAY, 1),))
    assert summary(report(holes((1, 2)), jump)) == "1 hole, 1 jump"
    assert summary(report(holes((1, 2), (4, 4)))) == "2 holes"
    assert summary(report(*[jump] * 9)) == "1 jump, 1 jump, 1 jump, 1 jump, 1 jump, …"


def test_a_picture_by_hand() -> None:
    svg = coverage_svg([report(holes((6, 11), (20, 20)), hours=24)], "A < B")
    tree = ElementTree.fromstring(svg)
    (void,) = [path for path in tree.iter(f"{NAME}path") if path.get("class") == "void"]
    width = (RIGHT - LEFT) / 4
    assert f"M{LEFT + width:.1f} " in str(void.get("d")) and f"h{width:.1f}" in str(void.get("d"))
    texts = ["".join(text.itertext()) for text in tree.iter(f"{NAME}text")]
    assert "A < B" in texts and "77.41 %" in texts and "2 holes" in texts
    (title,) = tree.iter(f"{NAME}title")
    assert "text & <more>" in str(title.text)
    # Names come from files.
    named = CandleFile(FILE.path, "<script>/X", FILE.timeframe, "spot")
    assert "<script>" not in coverage_svg([report(file=named)], "")
    assert "<script>" not in quality_page([report(file=named)], "<script>", NOW, ["<script>"])


def test_a_file_without_candles_has_a_row_and_no_bar() -> None:
    broken = FileReport(FILE, 0, None, None, (Finding(Kind.UNREADABLE, Grade.BAD, "no table"),))
    svg = coverage_svg([broken], "x")
    assert 'class="bar" d=' not in svg and ">unreadable<" in svg


def test_long_lists_of_places_are_cut_to_the_longest() -> None:
    spans = holes(*((10 * number, 10 * number + number % 5) for number in range(40))).spans
    lines = place_lines(spans)
    assert len(lines) == MOST_PLACES + 1 and lines[-1] == f"and {40 - MOST_PLACES} more places"
    assert lines[0] == "2024-01-02 06:00 to 2024-01-02 09:00: 4 candles"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> list[FileReport]:
    folder = write_example(tmp_path_factory.mktemp("example"))
    return check_files(find_files(folder)[0], NOW)


def test_the_example_has_one_of_each(example: list[FileReport]) -> None:
    found = {(one.file.name, finding.kind) for one in example for finding in one.findings}
    assert found == {
        ("BTC/USDT 1h", Kind.OFF_GRID),
        ("BTC/USDT 1h", Kind.IMPOSSIBLE),
        ("ETH/USDT 5m", Kind.FILLED),
        ("ETH/USDT 1h", Kind.DISAGREES),
        ("LINK/USDT 5m", Kind.JUMPS),
        ("LINK/USDT 1h", Kind.DISAGREES),
        ("LINK/USDT 1d", Kind.DISAGREES),
        *((f"SOL/USDT {name}", Kind.GAPS) for name in ("5m", "1h", "4h", "1d")),
        *((f"BTC/USDT:USDT {name} futures", Kind.GAPS) for name in ("1h", "4h", "1d")),
        ("BTC/USDT:USDT 1h mark", Kind.SPARSE),
        ("BTC/USDT:USDT 1h funding_rate", Kind.GAPS),
    }


def test_the_page_and_the_picture_need_nothing_else(example: list[FileReport]) -> None:
    page = quality_page(example, "Candles in example", NOW, ["scores.feather"])
    svg = coverage_svg(example, "Coverage of example")
    assert svg == coverage_svg(example, "Coverage of example")
    for text in (page, svg):
        assert not re.search(r"(src|href)=|url\(|@import|<script", text)
        assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}
        assert "prefers-color-scheme: dark" in text
    assert "scores.feather" in page
    rows = ElementTree.fromstring(svg).findall(f"{NAME}g")
    assert len(rows) == len(example)
    assert all(f">{one.file.name}</td>" in page for one in example)
