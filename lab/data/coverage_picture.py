"""The picture of coverage: a bar over time for each file, holes and oddities where they are.

An SVG that needs nothing else, is the same each time, and is readable on light and dark.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import groupby

from lab.data.findings import Finding, Grade, Kind, Span, counted, minute
from lab.data.quality import FileReport

WIDTH, LEFT, RIGHT = 1180.0, 172.0, 860.0
ROW, BAR, PAIR_GAP = 14.0, 8.0, 4.0
TOP, HEADING, BOTTOM = 70.0, 30.0, 26.0
NARROWEST = 1.6  # a hole of one candle has to be seen among years of them
MOST_LETTERS = 44
MOST_TICKS = 13
# What is drawn over a bar, in this order, and the words for it.
MARKS: tuple[tuple[str, str, frozenset[Kind]], ...] = (
    ("sparse", "settlements only", frozenset({Kind.SPARSE})),
    ("hole", "hole", frozenset({Kind.GAPS})),
    ("quiet", "no volume", frozenset({Kind.FILLED, Kind.ZERO_VOLUME})),
    ("odd", "suspicious", frozenset({Kind.JUMPS, Kind.DISAGREES, Kind.INCOMPLETE})),
    (
        "wrong",
        "wrong",
        frozenset({Kind.IMPOSSIBLE, Kind.OFF_GRID, Kind.DUPLICATES, Kind.UNSORTED}),
    ),
)
# Where a number goes before them.
WORDS: Mapping[Kind, tuple[str, str]] = {
    Kind.DUPLICATES: ("duplicate", "duplicates"),
    Kind.JUMPS: ("jump", "jumps"),
    Kind.DISAGREES: ("disagrees", "disagree"),
    Kind.ZERO_VOLUME: ("no volume", "no volume"),
    Kind.TIMES: ("odd time", "odd times"),
}
LIGHT = (
    "--paper:#ffffff;--ink:#1f2328;--faint:#656d76;--grid:#e4e8ec;--bar:#6ea0c8;--sparse:#c9dcec;"
    "--hole:#d1242f;--quiet:#e8a200;--odd:#8250df;--wrong:#c2188b;--ok:#1a7f37;--notes:#9a6700;"
    "--bad:#cf222e"
)
DARK = (
    "--paper:#0d1117;--ink:#e6edf3;--faint:#8d96a0;--grid:#242b33;--bar:#3f76a3;--sparse:#203f58;"
    "--hole:#ff5a52;--quiet:#f2c14e;--odd:#c69cff;--wrong:#ff6ec7;--ok:#3fb950;--notes:#d8a72b;"
    "--bad:#ff7b72"
)
STYLE = f"""
.coverage {{ {LIGHT}; font: 11px -apple-system, "Segoe UI", "DejaVu Sans", Arial, sans-serif }}
@media (prefers-color-scheme: dark) {{ .coverage {{ {DARK} }} }}
.coverage .paper {{ fill: var(--paper) }} .coverage .grid {{ stroke: var(--grid) }}
.coverage text {{ fill: var(--ink) }} .coverage .faint {{ fill: var(--faint); font-size: 10px }}
.coverage .title {{ font-size: 15px; font-weight: 600 }}
.coverage .kind {{ font-size: 12px; font-weight: 600 }} .coverage .pair {{ font-weight: 600 }}
.coverage .end {{ text-anchor: end }} .coverage .middle {{ text-anchor: middle }}
.coverage .bar {{ fill: var(--bar) }} .coverage .sparse {{ fill: var(--sparse) }}
.coverage .void {{ fill: var(--paper); stroke: var(--hole); stroke-width: 1 }}
.coverage .hole {{ fill: var(--hole) }} .coverage .quiet {{ fill: var(--quiet) }}
.coverage .odd {{ fill: var(--odd) }} .coverage .wrong {{ fill: var(--wrong) }}
.coverage .ok {{ fill: var(--ok) }} .coverage .notes {{ fill: var(--notes) }}
.coverage .bad {{ fill: var(--bad); font-weight: 600 }}
"""


@dataclass(frozen=True, slots=True)
class Axis:
    """Time to horizontal place."""

    first: datetime
    last: datetime

    def x(self, at: datetime) -> float:
        return LEFT + (RIGHT - LEFT) * ((at - self.first) / (self.last - self.first))


def axis_of(reports: Sequence[FileReport]) -> Axis:
    """From the first candle of all to the end of the last; a day where there is none."""
    firsts = [report.first for report in reports if report.first is not None]
    ends = [_end(report.last, report) for report in reports if report.last is not None]
    if not firsts:
        return Axis(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC))
    return Axis(min(firsts), max(ends))


def _end(opened: datetime, report: FileReport) -> datetime:
    try:
        return opened + timedelta(microseconds=report.file.timeframe.length_us)
    except OverflowError:
        return opened


def ticks(axis: Axis) -> list[tuple[datetime, str]]:
    """Moments to label, at most MOST_TICKS: days, weeks, months, quarters or years."""
    length = axis.last - axis.first
    for days in (1, 2, 7):
        if length / timedelta(days=days) <= MOST_TICKS:
            start = axis.first.replace(hour=0, minute=0, second=0, microsecond=0)
            places = (start + timedelta(days=days * number) for number in range(MOST_TICKS + 2))
            inside = [at for at in places if axis.first <= at <= axis.last]
            # The year once: thirteen of them would run into each other.
            return [(at, f"{at:%d %b}{f' {at:%Y}' if at == inside[0] else ''}") for at in inside]
    for months in (1, 3, 12, 24, 60, 120, 600):
        if length / timedelta(days=30.4 * months) <= MOST_TICKS:
            break
    begin = axis.first.year * 12 // months * months
    found = []
    for number in range(begin, axis.last.year * 12 + 12, months):
        at = datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
        if axis.first <= at <= axis.last:
            found.append((at, f"{at:%Y}" if months >= 12 else f"{at:%b %Y}"))
    return found


def stretches(spans: Iterable[Span], axis: Axis, report: FileReport) -> list[tuple[float, float]]:
    """(from, to) on the picture, none narrower than can be seen, those that touch joined."""
    found: list[tuple[float, float]] = []
    for span in sorted(spans, key=lambda each: each.first):
        begin = min(max(axis.x(span.first), LEFT), RIGHT)
        end = min(max(axis.x(_end(span.last, report)), begin), RIGHT)
        if end - begin < NARROWEST:
            begin = min(begin, RIGHT - NARROWEST)
            end = begin + NARROWEST
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return found


def _outline(parts: Iterable[tuple[float, float]], y: float, height: float) -> str:
    return "".join(
        f"M{begin:.1f} {y:.1f}h{end - begin:.1f}v{height:g}H{begin:.1f}z" for begin, end in parts
    )


def summary(report: FileReport) -> str:
    """What was found, in a few words."""
    text = ""
    for finding in report.findings:
        longer = f"{text}, {_words(finding)}" if text else _words(finding)
        if len(longer) > MOST_LETTERS:
            return f"{text}, …"
        text = longer
    return text


def _words(finding: Finding) -> str:
    if finding.kind is Kind.GAPS:
        return counted(len(finding.spans), "hole")
    if not finding.candles or finding.kind is Kind.SPARSE:
        return str(finding.kind)
    return counted(finding.candles, *WORDS.get(finding.kind, (finding.kind, finding.kind)))


def share(report: FileReport) -> str:
    """How much of the time between its first candle and its last a file has, never rounded up."""
    if not report.rows or report.first is None:
        return "-"
    if not report.missing:
        return "100 %"
    whole = 100.0 * report.rows / (report.rows + report.missing)
    return f"{math.floor(whole * 100.0) / 100.0:.2f} %"


def coverage_svg(reports: Sequence[FileReport], title: str) -> str:
    """The whole picture as text. reports: sorted as check_files returns them."""
    axis = axis_of(reports)
    rows: list[str] = []
    y = TOP
    for kind, group in groupby(reports, key=lambda report: report.file.kind):
        y += HEADING
        rows.append(f'<text class="kind" x="12" y="{y - 8:.1f}">{escape(kind)}</text>')
        pair = ""
        for report in group:
            is_new = report.file.pair != pair
            y += PAIR_GAP if is_new and pair else 0.0
            pair = report.file.pair
            rows.append(_row(report, axis, y, is_new=is_new))
            y += ROW
    height = y + BOTTOM
    lines = "".join(_tick(axis.x(at), text, height) for at, text in ticks(axis))
    body = "\n".join(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="coverage" role="img" '
        f'viewBox="0 0 {WIDTH:g} {height:g}" width="{WIDTH:g}" height="{height:g}">'
        f"<style>{STYLE}</style>"
        f'<rect class="paper" width="{WIDTH:g}" height="{height:g}"/>'
        f'<text class="title" x="12" y="26">{escape(title)}</text>{_legend()}{lines}\n'
        f"{body}\n</svg>\n"
    )


def _tick(x: float, text: str, height: float) -> str:
    return (
        f'<path class="grid" d="M{x:.1f} {TOP + 4:g}V{height - BOTTOM + 2:g}"/>'
        f'<text class="faint middle" x="{x:.1f}" y="{TOP - 2:g}">{text}</text>'
        f'<text class="faint middle" x="{x:.1f}" y="{height - 10:g}">{text}</text>'
    )


def _legend() -> str:
    entries = [("bar", "candles"), *((name, words) for name, words, _ in MARKS)]
    parts, x = [], 12.0
    for name, words in entries:
        parts.append(
            f'<rect class="{name}" x="{x:g}" y="39" width="12" height="8" rx="1"/>'
            f'<text x="{x + 17:g}" y="47">{words}</text>'
        )
        x += 38 + 6.2 * len(words)
    return "".join(parts)


def _row(report: FileReport, axis: Axis, y: float, *, is_new: bool) -> str:
    base = y + BAR + 0.5
    told = "\n".join(f"{finding.kind}: {finding.text}" for finding in report.findings)
    parts = [f"<title>{escape(_heading(report))}{escape(chr(10) + told if told else '')}</title>"]
    if is_new:
        parts.append(f'<text class="pair" x="12" y="{base:.1f}">{escape(report.file.pair)}</text>')
    parts.append(
        f'<text class="faint end" x="{LEFT - 8:g}" y="{base:.1f}">{report.file.timeframe.name}'
        f'</text><text class="{report.grade} end" x="{RIGHT + 56:g}" y="{base:.1f}">'
        f"{share(report)}</text>"
        f'<text class="{"bad" if report.grade is Grade.BAD else "faint"}" x="{RIGHT + 66:g}" '
        f'y="{base:.1f}">{escape(summary(report)) or "ok"}</text>'
    )
    parts += _bars(report, axis, y)
    return f"<g>{''.join(parts)}</g>"


def _heading(report: FileReport) -> str:
    if report.first is None or report.last is None:
        return report.file.name
    dates = f"{minute(report.first)} to {minute(report.last)}"
    return f"{report.file.name}: {report.rows:,} rows, {dates}"


def _bars(report: FileReport, axis: Axis, y: float) -> Iterator[str]:
    if report.first is None or report.last is None:
        return
    whole = stretches([Span(report.first, report.last, 0)], axis, report)
    yield f'<path class="bar" d="{_outline(whole, y, BAR)}"/>'
    for name, _, kinds in MARKS:
        spans = [
            span for finding in report.findings if finding.kind in kinds for span in finding.spans
        ]
        parts = stretches(spans, axis, report)
        # A hole as wide as this is shown as one: nothing there.
        wide = [part for part in parts if name == "hole" and part[1] - part[0] > 4.0]
        thin = [part for part in parts if part not in wide]
        if wide:
            yield f'<path class="void" d="{_outline(wide, y + 0.5, BAR - 1)}"/>'
        if thin:
            yield f'<path class="{name}" d="{_outline(thin, y, BAR)}"/>'
