"""The quality report as one HTML file that opens without a network, on light and dark."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from jinja2 import Environment
from markupsafe import Markup

from lab.data.coverage_picture import DARK, LIGHT, coverage_svg, share
from lab.data.findings import Grade, Kind, Span, counted, minute
from lab.data.quality import FileReport

MOST_PLACES = 12  # of one finding, the longest first
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; {{ light }} }
@media (prefers-color-scheme: dark) { :root { {{ dark }} } }
body { margin: 0 auto; padding: 24px; max-width: 1180px; background: var(--paper);
  color: var(--ink); font: 14px/1.5 -apple-system, "Segoe UI", "DejaVu Sans", Arial, sans-serif }
h1 { font-size: 22px; margin: 0 0 4px } h2 { font-size: 17px; margin: 32px 0 8px }
p { margin: 4px 0; color: var(--faint) }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 16px 0 }
.tiles div { border: 1px solid var(--grid); border-radius: 8px; padding: 8px 16px; min-width: 84px }
.tiles b { display: block; font-size: 22px; font-weight: 600 }
.tiles span { color: var(--faint) }
.ok { color: var(--ok) } .notes { color: var(--notes) } .bad { color: var(--bad); font-weight: 600 }
.picture { overflow-x: auto; margin: 0 -12px } .picture svg { display: block }
.table { overflow-x: auto }
table { border-collapse: collapse; width: 100% } th { text-align: left; font-weight: 600 }
th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--grid); vertical-align: top }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
th:first-child { min-width: 190px }
td.name, td.time { white-space: nowrap } td.time { font-variant-numeric: tabular-nums }
summary { cursor: pointer } ul { margin: 2px 0 6px; padding-left: 18px; color: var(--faint) }
</style></head><body>
<h1>{{ title }}</h1>
<p>{{ rows }} rows in {{ reports | length }} files, checked {{ at }} UTC</p>
<div class="tiles">
{% for grade, number in tiles %}<div><b class="{{ grade }}">{{ number }}</b><span>{{ grade }}</span>
</div>{% endfor %}
{% for what, number in totals %}<div><b>{{ number }}</b><span>{{ what }}</span></div>{% endfor %}
</div>
<div class="picture">{{ picture }}</div>
{% for heading, grade in parts %}{% set chosen = reports | selectattr("grade", "equalto", grade)
  | list %}{% if chosen %}
<h2>{{ heading }}</h2><div class="table"><table>
<tr><th>file</th><th>from</th><th>to</th><th class="number">rows</th><th class="number">there</th>
<th>what was found</th></tr>
{% for report in chosen %}<tr><td class="name {{ report.grade }}">{{ report.file.name }}</td>
<td class="time">{{ when(report.first) }}</td><td class="time">{{ when(report.last) }}</td>
<td class="number">{{ "{:,}".format(report.rows) }}</td><td class="number">{{ share(report) }}</td>
<td>{% for finding in report.findings %}{% if finding.spans %}<details><summary>
<span class="{{ finding.grade }}">{{ finding.kind }}</span> {{ finding.text }}</summary>
<ul>{% for place in places(finding.spans) %}<li>{{ place }}</li>{% endfor %}</ul></details>
{% else %}<div><span class="{{ finding.grade }}">{{ finding.kind }}</span> {{ finding.text }}</div>
{% endif %}{% else %}nothing{% endfor %}</td></tr>
{% endfor %}</table></div>{% endif %}{% endfor %}
{% if others %}<h2>Left out</h2><p>No candle files by their names: {{ others | join(", ") }}</p>
{% endif %}</body></html>
"""


def quality_page(
    reports: Sequence[FileReport], title: str, at: datetime, others: Sequence[str] = ()
) -> str:
    """The page as text. others: names of feather files that are no candles."""
    graded = Counter(report.grade for report in reports)
    page = Environment(autoescape=True).from_string(PAGE)
    return page.render(
        title=title,
        at=minute(at),
        rows=f"{sum(report.rows for report in reports):,}",
        reports=reports,
        tiles=[(grade.value, graded[grade]) for grade in Grade],
        totals=[
            (words, f"{sum(f.candles for r in reports for f in r.of(kind)):,}")
            for words, kind in TOTALS
        ],
        # It is drawn by this package, which has escaped what comes from files.
        picture=Markup(coverage_svg(reports, "Coverage")),
        parts=[("Bad", Grade.BAD), ("With notes", Grade.NOTES), ("Ok", Grade.OK)],
        light=Markup(LIGHT),
        dark=Markup(DARK),
        when=lambda at: "" if at is None else f"{at:%Y-%m-%d}",
        share=share,
        places=place_lines,
        others=others,
    )


TOTALS = (
    ("candles missing", Kind.GAPS),
    ("filled flat", Kind.FILLED),
    ("without volume", Kind.ZERO_VOLUME),
    ("disagree", Kind.DISAGREES),
)


def place_lines(spans: Sequence[Span]) -> list[str]:
    """The longest places in the order of time, and how many more there are."""
    longest = sorted(spans, key=lambda span: -span.candles)[:MOST_PLACES]
    lines = [_place(span) for span in sorted(longest, key=lambda span: span.first)]
    more = len(spans) - len(longest)
    return [*lines, f"and {counted(more, 'more place')}"] if more else lines


def _place(span: Span) -> str:
    if span.candles == 1:
        return minute(span.first)
    return f"{minute(span.first)} to {minute(span.last)}: {counted(span.candles, 'candle')}"
