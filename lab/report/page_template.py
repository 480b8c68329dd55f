"""The report's page as a Jinja template: one file, nothing fetched, light and dark."""

STYLE = """
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 -apple-system, "Segoe UI", Roboto, "DejaVu Sans", Arial, sans-serif;
  -webkit-text-size-adjust: 100% }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 60px }
h1 { font-size: 26px; line-height: 1.2; margin: 0; letter-spacing: -0.01em }
h2 { font-size: 17px; margin: 0 0 10px } h3 { font-size: 14px; margin: 18px 0 6px }
p { margin: 6px 0 } .faint { color: var(--faint) } .small { font-size: 13px }
.good { color: var(--up) } .bad { color: var(--down) } .acceptable { color: var(--held) }
section { background: var(--paper); border: 1px solid var(--grid); border-radius: 12px;
  padding: 18px 20px; margin: 16px 0; min-width: 0 }
.lead { font-size: 16px; margin: 14px 0 18px; max-width: 92ch }
.flags { border-left: 4px solid var(--down); padding: 2px 0 2px 12px; margin: 14px 0 }
.tiles { display: grid; gap: 12px; grid-template-columns: repeat(4, minmax(0, 1fr));
  margin: 18px 0 }
.tile { background: var(--paper); border: 1px solid var(--grid); border-radius: 12px;
  padding: 10px 14px 12px }
.tile b { display: block; font-size: 24px; line-height: 1.25; font-weight: 650;
  font-variant-numeric: tabular-nums; letter-spacing: -0.02em; white-space: nowrap }
.tile span { display: block; color: var(--faint); font-size: 13px }
.tile em { font-style: normal; font-size: 12px; font-weight: 600 }
.tile em::before { content: "\\25CF\\00A0" }
.pair { display: grid; gap: 16px; grid-template-columns: repeat(2, minmax(0, 1fr)) }
.middle { max-width: 560px } .pair > section { margin: 0 } .pair { margin: 16px 0 }
.chart { margin: 0 } .chart svg { width: 100%; height: auto; overflow: visible }
.chart svg * { stroke-linejoin: round } .chart svg.narrow { display: none }
.pair .chart svg.wide, .middle .chart svg.wide { display: none }
.pair .chart svg.narrow, .middle .chart svg.narrow { display: block }
.table { overflow-x: auto; margin: 0 -20px; padding: 0 20px }
table { border-collapse: collapse; width: 100%; font-size: 14px }
th, td { padding: 6px 14px 6px 0; text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; border-bottom: 1px solid var(--grid) }
th { color: var(--faint); font-weight: 500; font-size: 13px; vertical-align: bottom }
th:last-child, td:last-child { padding-right: 0 }
th.name, td.name { text-align: left } tr:last-child td { border-bottom: 0 }
tr.own td { font-weight: 650 }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 18px; margin: 0 }
dl.many { grid-template-columns: repeat(2, max-content minmax(0, 1fr)) }
dt { color: var(--faint) } dd { margin: 0; overflow-wrap: anywhere }
ul { margin: 6px 0; padding-left: 20px } li { margin: 4px 0 }
summary { cursor: pointer } summary h2 { display: inline-block; margin: 0 }
details[open] summary { margin-bottom: 10px }
nav { display: flex; flex-wrap: wrap; gap: 6px 16px; margin: 12px 0 } a { color: var(--own) }
hr { border: 0; border-top: 2px solid var(--grid); margin: 48px 0 36px }
footer { color: var(--faint); font-size: 13px; margin-top: 28px }
@media (max-width: 720px) {
  main { padding: 20px 12px 40px } section { padding: 14px; border-radius: 10px }
  .pair { grid-template-columns: minmax(0, 1fr) } .table { margin: 0 -14px; padding: 0 14px }
  .chart svg.wide { display: none } .chart svg.narrow { display: block }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px } h1 { font-size: 22px }
  .tile b { font-size: 21px } dl.many dd { margin: 0; text-align: right }
  dl.many { grid-template-columns: minmax(0, 1fr) max-content; gap: 2px 12px }
}
@media print { body { background: none } section, .tile { break-inside: avoid } }
"""

PAGE = """{% macro table(rows, headings, names=1) %}<div class="table"><table>
<thead><tr>{% for each in headings %}<th{% if loop.index <= names %} class="name"{% endif %}>\
{{ each }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr{% if row.own %} class="own"{% endif %}>{% for cell in row.cells %}\
<td class="{% if loop.index <= names %}name {% endif %}{{ cell.tone }}">{{ cell.text }}</td>\
{% endfor %}</tr>
{% endfor %}</tbody></table></div>{% endmacro %}
{% macro grouped(rows) %}{{ table(rows, ["", "trades", "win rate [95 %]", "mean", "profit", \
"of capital", "profit factor", "held"]) }}{% endmacro %}
{% macro one(view) %}
<div class="lead">{% for each in view.verdicts %}<p>{{ each }}</p>{% endfor %}</div>
{% if view.flags %}<div class="flags"><b class="bad">Red flags</b>: {{ view.flags | join("; ") }}\
</div>{% endif %}
<div class="tiles">{% for tile in view.tiles %}<div class="tile"><span>{{ tile.name }}</span>\
<b>{{ tile.value }}</b>{% if tile.grade %}<em class="{{ tile.grade }}">{{ tile.grade }}</em>\
{% elif tile.more %}<span>{{ tile.more }}</span>{% endif %}</div>{% endfor %}</div>
<section><h2>Growth and drawdown</h2>{{ view.pictures.equity }}
{% if view.holding %}<h3>Beside holding</h3>\
{{ table(view.holding, ["", "total", "a year", "drawdown", "under water", "Sharpe", "Sortino"]) }}
{% else %}<p class="faint small">Give a folder of candles with --data to compare with holding BTC, \
ETH and both.</p>{% endif %}</section>
<section><h2>Return of each month, %</h2>{{ view.pictures.months }}</section>
<div class="pair"><section><h2>Results of the trades</h2>{{ view.pictures.trades }}</section>
<section><h2>Sharpe of 90 days</h2>{% if view.pictures.rolling %}{{ view.pictures.rolling }}\
{% else %}<p class="faint">Fewer than 90 days, or nothing moved.</p>{% endif %}</section></div>
<section><h2>Does the score work?</h2><p>{{ view.score.sentence }}</p>
{% if view.score.rows %}<div class="middle">{{ view.pictures.score }}</div>
{{ table(view.score.rows, ["score", "trades", "win rate [95 %]", "mean [95 %]", "worth it"]) }}
<p class="faint small">{{ view.score.note }}</p>{% endif %}</section>
{% for heading, rows in view.groups %}<section>{% if rows | length > 8 %}<details><summary>\
<h2>By {{ heading }}</h2></summary>{{ grouped(rows) }}</details>{% else %}\
<h2>By {{ heading }}</h2>{{ grouped(rows) }}{% endif %}</section>{% endfor %}
<section><h2>Costs</h2>{% if view.costs %}<p>{{ view.costs.sentence }}</p>
{{ table(view.costs.rows, view.costs.headings) }}
{% else %}<p class="faint">The result file has no orders.</p>{% endif %}</section>
<section><h2>Best and worst trades</h2>
{{ table(view.trades, ["pair", "entry", "exit", "opened", "held", "result", "profit"], 3) }}\
</section>
<section><h2>All figures</h2><dl class="many">{% for label, value in view.figures %}\
<dt>{{ label }}</dt><dd>{{ value }}</dd>{% endfor %}</dl></section>
<div class="pair"><section><h2>Before you believe it</h2><ul>{% for each in view.caveats %}\
<li>{{ each }}</li>{% endfor %}</ul></section>
<section><h2>What was measured</h2><dl>{% for label, value in view.measured %}<dt>{{ label }}</dt>\
<dd>{{ value }}</dd>{% endfor %}</dl></section></div>
{% endmacro %}<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{{ title }}</title>
<style>:root { color-scheme: light dark; {{ light }} }
@media (prefers-color-scheme: dark) { :root { {{ dark }} } }{{ style }}</style></head><body><main>
<header><h1>{{ title }}</h1><p class="faint">{{ subtitle }}</p></header>
{% for each in notes %}<p class="faint">Left out: {{ each }}.</p>{% endfor %}
{% if comparison %}<section><h2>Ranked by Sharpe ratio</h2>
{{ table(comparison.rows, ["", "Sharpe", "profit factor", "drawdown", "total", "a year", \
"win rate", "trades", "mean [95 %]"], 1) }}
<h3>Growth and drawdown</h3>{{ comparison.picture }}
{% if comparison.differ %}<p class="faint small">They do not cover the same days: \
{{ comparison.differ }}.</p>{% endif %}</section>
<nav>{% for view in views %}<a href="#b{{ loop.index }}">{{ view.name }}</a>{% endfor %}</nav>
{% for view in views %}<hr><h1 id="b{{ loop.index }}">{{ view.name }}</h1>\
<p class="faint">{{ view.subtitle }}</p>{{ one(view) }}{% endfor %}
{% else %}{{ one(views[0]) }}{% endif %}
<footer>Figures by freqtrade's definitions, 365 days a year, no risk-free rate. A backtest is no \
promise.</footer>
</main></body></html>
"""
