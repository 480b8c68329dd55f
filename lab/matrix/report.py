"""A matrix as a table: by strategy, preset and cost model, over all pairs and periods."""

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import pandas as pd

from lab.matrix.cell_run import Outcome, covered, unfeather
from lab.matrix.costs import CostModel
from lab.matrix.plan import Cell
from lab.suite_equity import CapitalFigures, capital_figures
from lab.suite_plan import FUTURES, TradingMode

PARTLY = 0.9  # of a period; less is said
Measured = tuple[Cell, Outcome]


@dataclass(frozen=True, slots=True)
class Group:
    """Cells of one strategy, preset, market and cost model. Trades are in % of their stakes.

    Pairs of a period are one portfolio with a wallet each: total and Sharpe are means over the
    periods, the drawdown is the worst of them. None where there is nothing to say.
    """

    strategy: str
    preset: str
    cost: str
    trading_mode: TradingMode
    cells: int
    measured: int
    without_trades: int
    earning: int
    trades: int
    left_open: int
    mean_pct: float | None
    win_pct: float | None
    profit_factor: float | None
    total_pct: float | None
    drawdown_pct: float | None
    sharpe: float | None


def groups_of(cells: Sequence[Cell], outcomes: Mapping[str, Outcome]) -> list[Group]:
    """One for each strategy, preset, market and cost model, in the order of the cells."""
    found: dict[tuple[str, str, TradingMode, CostModel], list[Cell]] = {}
    for cell in cells:
        name = (cell.strategy, cell.preset, cell.request.trading_mode, cell.cost)
        found.setdefault(name, []).append(cell)
    return [_group(members, outcomes) for members in found.values()]


def _group(members: Sequence[Cell], outcomes: Mapping[str, Outcome]) -> Group:
    measured = [
        (cell, outcomes[cell.key])
        for cell in members
        if cell.key in outcomes and outcomes[cell.key].figures is not None
    ]
    figures = [outcome.figures for _, outcome in measured if outcome.figures is not None]
    trades = sum(each.trades for each in figures)
    lost = sum(each.lost_usd for each in figures)
    portfolios = _portfolios(measured)
    sharpes = [each.sharpe for each in portfolios if each.sharpe is not None]
    return Group(
        strategy=members[0].strategy,
        preset=members[0].preset,
        cost=members[0].cost.text,
        trading_mode=members[0].request.trading_mode,
        cells=len(members),
        measured=len(measured),
        without_trades=sum(each.trades == 0 for each in figures),
        earning=sum(each.total_pct > 0.0 for each in figures),
        trades=trades,
        left_open=sum(each.left_open for each in figures),
        mean_pct=100.0 * sum(each.sum_ratio for each in figures) / trades if trades else None,
        win_pct=100.0 * sum(each.wins for each in figures) / trades if trades else None,
        profit_factor=sum(each.won_usd for each in figures) / lost if lost > 0.0 else None,
        total_pct=fmean(each.total_pct for each in portfolios) if portfolios else None,
        drawdown_pct=max(each.drawdown_pct for each in portfolios) if portfolios else None,
        sharpe=fmean(sharpes) if sharpes else None,
    )


def _portfolios(measured: Sequence[Measured]) -> list[CapitalFigures]:
    """Of each period, what all wallets together did."""
    periods: dict[str, list[pd.Series]] = {}
    for cell, outcome in measured:
        frame = unfeather(outcome.equity)
        value = pd.Series(frame["value"].to_numpy(), index=pd.DatetimeIndex(frame["day"]))
        periods.setdefault(cell.period.timerange, []).append(value)
    return [capital_figures(together(values)) for values in periods.values()]


def together(values: Sequence[pd.Series]) -> pd.Series:
    """The sum of wallets by the day; one that begins later or ends earlier stands still there."""
    whole: pd.Series = pd.concat(values, axis="columns", sort=True).ffill().bfill().sum(axis=1)
    return whole


def lines_of(cells: Sequence[Cell], outcomes: Mapping[str, Outcome]) -> list[str]:
    """What the table cannot say: failures, cells without candles, periods covered in part."""
    lines = []
    partly = 0
    for cell in cells:
        outcome = outcomes.get(cell.key)
        if outcome is None:
            lines.append(f"not run: {cell.name}")
        elif outcome.status != "ok":
            word = "no candles" if outcome.status == "empty" else "failed"
            lines.append(f"{word}: {cell.name}: {outcome.message}")
        elif covered(outcome, cell) < PARTLY:
            partly += 1
    if partly:
        lines.append(
            f"{partly} of {len(cells)} cells have candles of less than {PARTLY:.0%} of their period"
        )
    return lines


HEADINGS = (
    "strategy", "preset", "cost a side", "cells", "earn", "no trade", "trades", "left open",
    "mean net", "win", "PF", "total", "max DD", "Sharpe",
)  # fmt: skip
NAMES = 3  # headings that are words


def text_rows(groups: Iterable[Group]) -> list[tuple[str, ...]]:
    """Cells of the table as text, by HEADINGS."""
    return [
        (
            group.strategy,
            f"{group.preset} {FUTURES}" if group.trading_mode == FUTURES else group.preset,
            group.cost,
            str(group.cells)
            if group.measured == group.cells
            else f"{group.measured} of {group.cells}",
            "-" if not group.measured else f"{100.0 * group.earning / group.measured:.0f} %",
            str(group.without_trades),
            str(group.trades),
            str(group.left_open),
            _text(group.mean_pct, "+.2f", " %"),
            _text(group.win_pct, ".0f", " %"),
            _text(group.profit_factor, ".2f"),
            _text(group.total_pct, "+.1f", " %"),
            _text(group.drawdown_pct, ".1f", " %"),
            _text(group.sharpe, ".2f"),
        )
        for group in groups
    ]


def _text(value: float | None, form: str, unit: str = "") -> str:
    return "-" if value is None else f"{value:{form}}{unit}"


def cell_rows(cells: Sequence[Cell], outcomes: Mapping[str, Outcome]) -> list[dict[str, Any]]:
    """A flat row for each cell, every figure unrounded."""
    rows = []
    for cell in cells:
        outcome = outcomes.get(cell.key)
        figures = None if outcome is None else outcome.figures
        row: dict[str, Any] = {
            "key": cell.key,
            "strategy": cell.strategy,
            "preset": cell.preset,
            "pairs": " ".join(cell.pairs),
            "period": cell.period.name,
            "cost": cell.cost.text,
            "timeframe": cell.timeframe,
            "capital_usd": cell.capital,
            "status": "missing" if outcome is None else outcome.status,
            "message": "" if outcome is None else outcome.message,
            "start": None if outcome is None or not outcome.start else outcome.start.isoformat(),
            "end": None if outcome is None or not outcome.end else outcome.end.isoformat(),
            "seconds": None if outcome is None else outcome.seconds,
        }
        if figures is not None:
            row |= dataclasses.asdict(figures)
        rows.append(row)
    return rows


def as_json(
    groups: Sequence[Group], rows: Sequence[Mapping[str, Any]], lines: Sequence[str]
) -> str:
    """All of it."""
    content = {
        "groups": [dataclasses.asdict(group) for group in groups],
        "cells": list(rows),
        "notes": list(lines),
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line for each cell, all columns that any of them has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
