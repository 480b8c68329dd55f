"""The report as one HTML file that opens without a network, and its pictures as PNG files."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from lab.report.build import Report, ranked
from lab.report.canvas import DARK, LIGHT, Picture
from lab.report.figures import DRAWDOWN, PROFIT_FACTOR, SHARPE, CapitalFigures, Grade
from lab.report.page_template import PAGE, STYLE
from lab.report.pictures import (
    bands_picture,
    growth_picture,
    histogram_picture,
    months_picture,
    rolling_picture,
)
from lab.report.sections import (
    Row,
    all_figures,
    capital_cells,
    cell,
    costs_view,
    group_rows,
    interval,
    number,
    percent,
    score_view,
    tiles,
    toned,
    trade_rows,
)

GROUND = {"light": "#f4f6f8", "dark": "#0f141a"}


def report_page(reports: Sequence[Report], title: str, at: datetime, notes: Sequence[str]) -> str:
    """The page as text: one backtest, or several ranked and then each by itself."""
    ordered = ranked(reports)
    views = [_view(report, name) for name, report in named(ordered)]
    page = Environment(autoescape=True).from_string(PAGE)
    several = len(ordered) > 1
    return page.render(
        title=title,
        subtitle=f"{len(ordered)} backtests, written {at:%Y-%m-%d %H:%M} UTC"
        if several
        else _subtitle(ordered[0]),
        notes=notes,
        comparison=_comparison(ordered) if several else None,
        views=views,
        style=Markup(STYLE),
        light=Markup(_variables(LIGHT, GROUND["light"])),
        dark=Markup(_variables(DARK, GROUND["dark"])),
    )


def _variables(colours: Mapping[str, str], ground: str) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in (*colours.items(), ("ground", ground)))


def pictures_of(report: Report) -> dict[str, Picture]:
    """The pictures of one backtest by their place on the page, those that it has figures for."""
    own = {report.backtest.name: report.curve.daily, **report.held_growth}
    pictures = {
        "equity": growth_picture(own),
        "months": months_picture(report.months),
        "trades": histogram_picture((100.0 * report.backtest.trades["profit_ratio"]).tolist()),
    }
    if len(report.rolling) > 1:
        pictures["rolling"] = rolling_picture(report.rolling)
    if report.score.scored:
        pictures["score"] = bands_picture(report.score.bands)
    return pictures


def comparison_picture(ordered: Sequence[Report]) -> Picture:
    """All of them as multiples of their capital, and holding where it is known."""
    curves = {name: report.curve.daily for name, report in named(ordered)}
    held = max((report.held_growth for report in ordered), key=len)
    if "hold BTC" in held:
        curves["hold BTC"] = held["hold BTC"]
    return growth_picture(curves, "comparison", "Growth of 1, all backtests")


def named(reports: Iterable[Report]) -> list[tuple[str, Report]]:
    """Each with a name of its own: a number behind one that has been taken."""
    taken: dict[str, int] = {}
    pairs = []
    for report in reports:
        name = report.backtest.name
        taken[name] = taken.get(name, 0) + 1
        pairs.append((name if taken[name] == 1 else f"{name} ({taken[name]})", report))
    return pairs


def write_pngs(reports: Sequence[Report], folder: Path) -> list[Path]:
    """The pictures as files: equity.png, months.png, ...; of several backtests each in a folder
    of its own and comparison.png above them. Raises OSError."""
    ordered = ranked(reports)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, report in named(ordered):
        place = folder if len(ordered) == 1 else folder / _file_name(name)
        place.mkdir(exist_ok=True)
        files += [picture.png(place) for picture in pictures_of(report).values()]
    if len(ordered) > 1:
        files.append(comparison_picture(ordered).png(folder))
    return files


def _file_name(name: str) -> str:
    return "".join(each if each.isalnum() else "-" for each in name)


def _subtitle(report: Report) -> str:
    backtest = report.backtest
    pairs = len(backtest.stats.get("pairlist", []))
    return (
        f"{backtest.start:%Y-%m-%d} to {backtest.end:%Y-%m-%d}, {backtest.stats['timeframe']} "
        f"candles, {pairs} pair{'' if pairs == 1 else 's'}, {100 * backtest.fee_rate:.3g} % a side"
    )


def _view(report: Report, name: str) -> dict[str, Any]:
    backtest = report.backtest
    held: Mapping[str, CapitalFigures] = {backtest.name: report.capital, **report.held}
    return {
        "name": name,
        "subtitle": _subtitle(report),
        "verdicts": report.verdicts,
        "flags": report.flags,
        "tiles": tiles(report),
        # They are drawn by this package, which escapes what comes from files.
        "pictures": {place: Markup(each.svg()) for place, each in pictures_of(report).items()},
        "holding": [
            Row([cell(who), *capital_cells(figures)], own=who == backtest.name)
            for who, figures in held.items()
        ]
        if report.held
        else [],
        "score": score_view(report.score),
        "groups": [
            (heading, group_rows(groups)) for heading, groups in report.groups.items() if groups
        ],
        "costs": costs_view(report),
        "trades": trade_rows(report),
        "figures": all_figures(report),
        "caveats": report.caveats,
        "measured": report.measured,
    }


def _comparison(ordered: Sequence[Report]) -> dict[str, Any]:
    rows = []
    for name, report in named(ordered):
        capital, trades = report.capital, report.trades
        rows.append(
            Row(
                [
                    cell(name),
                    cell(number(capital.sharpe), _tone(SHARPE.grade, capital.sharpe)),
                    cell(
                        number(trades.profit_factor),
                        _tone(PROFIT_FACTOR.grade, trades.profit_factor),
                    ),
                    cell(
                        percent(capital.drawdown_pct),
                        _tone(DRAWDOWN.grade, capital.drawdown_pct),
                    ),
                    toned(capital.total_pct),
                    toned(capital.cagr_pct),
                    cell(percent(trades.win_rate_pct, 0)),
                    cell(f"{trades.trades:,}"),
                    cell(f"{trades.mean_pct:+.2f} % {interval(trades.interval_pct)}"),
                ]
            )
        )
    for name, figures in max((report.held for report in ordered), key=len).items():
        rows.append(
            Row(
                [
                    cell(name), cell(number(figures.sharpe)), cell("-"),
                    cell(percent(figures.drawdown_pct)), toned(figures.total_pct),
                    toned(figures.cagr_pct), cell("-"), cell("-"), cell("-"),
                ]
            )
        )  # fmt: skip
    spans = {f"{each.backtest.start:%Y-%m-%d} to {each.backtest.end:%Y-%m-%d}" for each in ordered}
    return {
        "rows": rows,
        "picture": Markup(comparison_picture(ordered).svg()),
        "differ": "; ".join(sorted(spans)) if len(spans) > 1 else "",
    }


def _tone(grade: Any, value: float | None) -> str:
    if value is None:
        return ""
    word: Grade = grade(value)
    return str(word)
