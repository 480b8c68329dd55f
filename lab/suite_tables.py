"""The suite's figures as tables, for a terminal and for docs/suite.md."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.suite import EARLIER, LAST, WHOLE, Period, Results, Row
from lab.suite_equity import CapitalFigures, TradeFigures
from lab.suite_plan import FUTURES
from lab.suite_targets import WHY_IT_LOSES, Verdict, judge

NO_FIGURE = "-"


@dataclass(frozen=True, slots=True)
class TextTable:
    """Cells as text; the first `names` columns are names, the rest figures."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int


def suite_tables(results: Results) -> list[TextTable]:
    """All tables that have a row."""
    traded = [row for row in results.rows if row.as_traded]
    staked = [row for row in results.rows if not row.as_traded]
    tables = [
        _figures("As traded: the bot's pairs, slots, sizing, protections and one wallet", traded),
        _figures("Per stake: a slot and the same stake for every pair, capital is all", staked),
        _years("As traded, years apart", traded),
        _years("Per stake, years apart", staked),
        _holding(results.rows),
        _targets(traded),
        _short_side(results.rows),
    ]
    return [table for table in tables if table.rows]


def _name(row: Row) -> tuple[str, ...]:
    return (_rules(row), row.timeframe, f"{row.cost_pct:g} %")


def _rules(row: Row) -> str:
    where = " on futures" if row.trading_mode == FUTURES else ""
    return f"{row.strategy} `{row.preset}`{where}"


def _figures(title: str, rows: Iterable[Row]) -> TextTable:
    headings = (
        "strategy", "candles", "cost a side", "pairs", "trades", "a week", "win", "profit factor",
        "mean net a trade [95 %]", "a year", "max drawdown", "Sharpe", "Sortino", "costs paid",
    )  # fmt: skip
    cells = tuple(
        (
            *_name(row),
            str(len(row.pairs)),
            str(period.trades.trades),
            f"{period.trades.trades_a_week:.1f}",
            _number(period.trades.win_pct, ".0f", " %"),
            _number(period.trades.profit_factor, ".2f"),
            mean_text(period.trades),
            f"{period.capital.cagr_pct:+.1f} %",
            f"{period.capital.drawdown_pct:.1f} %",
            _number(period.capital.sharpe, ".2f"),
            _number(period.capital.sortino, ".2f"),
            f"{100 * period.trades.costs_usd / row.capital_usd:,.0f} %",
        )
        for row in rows
        for name, period in row.periods.items()
        if name == WHOLE
    )
    return TextTable(title, headings, cells, 3)


def _years(title: str, rows: Iterable[Row]) -> TextTable:
    figures = ("trades", "mean net [95 %]", "total", "max drawdown", "Sharpe")
    headings = [f"{name}: {figure}" for name in (EARLIER, LAST) for figure in figures]
    cells = []
    for row in rows:
        parts: list[str] = []
        for name in (EARLIER, LAST):
            period = row.periods.get(name)
            parts += [NO_FIGURE] * len(figures) if period is None else _year(period)
        cells.append((*_name(row), *parts))
    return TextTable(title, ("strategy", "candles", "cost a side", *headings), tuple(cells), 3)


def _year(period: Period) -> list[str]:
    return [
        str(period.trades.trades),
        mean_text(period.trades),
        f"{period.capital.total_pct:+.1f} %",
        f"{period.capital.drawdown_pct:.1f} %",
        _number(period.capital.sharpe, ".2f"),
    ]


def _holding(rows: Iterable[Row]) -> TextTable:
    """One line for each list of pairs and stretch of years, whatever traded them."""
    lines: dict[tuple[str, ...], tuple[str, ...]] = {}
    for row in rows:
        for name, period in row.periods.items():
            dates = f"{period.since:%Y-%m-%d} to {period.until:%Y-%m-%d}"
            key = (_rules(row), name, dates, str(len(row.pairs)))
            lines.setdefault(key, (*key, *_held(period.hold_pairs), *_held(period.hold_bitcoin)))
    figures = ("a year", "max drawdown", "Sharpe")
    headings = (
        "same pairs as", "years", "dates", "pairs",
        *(f"its pairs: {each}" for each in figures), *(f"BTC: {each}" for each in figures),
    )  # fmt: skip
    return TextTable("Buying once and holding", headings, tuple(lines.values()), 3)


def _held(figures: CapitalFigures | None) -> tuple[str, str, str]:
    if figures is None:
        return (NO_FIGURE, NO_FIGURE, NO_FIGURE)
    return (
        f"{figures.cagr_pct:+.0f} %",
        f"{figures.drawdown_pct:.0f} %",
        _number(figures.sharpe, ".2f"),
    )


def _targets(rows: Iterable[Row]) -> TextTable:
    cells = tuple(
        (*_name(row), verdict.target.text, _reached(verdict), _met(verdict))
        for row in rows
        for name, period in row.periods.items()
        if name == WHOLE
        for verdict in judge(row.strategy, period.trades, period.capital, len(row.pairs))
    )
    headings = ("strategy", "candles", "cost a side", "target", "reached", "met")
    return TextTable("Targets, as traded, all years", headings, cells, 4)


def _short_side(rows: Iterable[Row]) -> TextTable:
    """Trades that sold first, per stake, where they do not depend on the long ones."""
    cells = tuple(
        (
            *_name(row),
            name,
            str(period.short_trades.trades),
            _number(period.short_trades.win_pct, ".0f", " %"),
            _number(period.short_trades.profit_factor, ".2f"),
            mean_text(period.short_trades),
        )
        for row in rows
        if not row.as_traded
        for name, period in row.periods.items()
        if period.short_trades is not None
    )
    headings = (
        "strategy", "candles", "cost a side", "years", "trades", "win", "profit factor",
        "mean net a trade [95 %]",
    )  # fmt: skip
    return TextTable("The short side alone, per stake", headings, cells, 4)


def _reached(verdict: Verdict) -> str:
    unit = f" {verdict.target.unit}".rstrip()
    return _number(verdict.value, ".2f" if not unit else ".0f", unit)


def _met(verdict: Verdict) -> str:
    return {True: "yes", False: "no", None: NO_FIGURE}[verdict.met]


def _number(value: float | None, form: str, unit: str = "") -> str:
    return NO_FIGURE if value is None else f"{value:{form}}{unit}"


def mean_text(trades: TradeFigures) -> str:
    """Mean and interval of a trade in %."""
    mean, interval = trades.mean_pct, trades.interval_pct
    if mean is None or interval is None:
        return NO_FIGURE
    return f"{mean:+.2f} % [{interval[0]:+.2f}, {interval[1]:+.2f}]"


def losing_lines(rows: Sequence[Row]) -> list[str]:
    """A sentence for each preset that lost money at one of its costs, with the reason."""
    lost: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        if row.periods[WHOLE].capital.total_pct < 0.0:
            costs = lost.setdefault((_rules(row), row.strategy, row.preset), [])
            costs += [] if row.cost_pct in costs else [row.cost_pct]
    evidence = {(row.strategy, row.preset): row.evidence for row in rows}
    why = {
        key: WHY_IT_LOSES.get(key, f"its own evidence is {told}") for key, told in evidence.items()
    }
    return [
        f"{name} loses at {' and '.join(f'{cost:g}' for cost in sorted(costs))} % a side: "
        f"{why[strategy, preset]}."
        for (name, strategy, preset), costs in lost.items()
    ]


def markdown(tables: Sequence[TextTable]) -> str:
    """The tables as GitHub's Markdown, each under a heading."""
    parts = []
    for table in tables:
        rule = ["---" if column < table.names else "---:" for column in range(len(table.headings))]
        lines = [table.headings, rule, *table.rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts.append(f"### {table.title}\n\n{body}\n")
    return "\n".join(parts)
