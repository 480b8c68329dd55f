"""A report of a backtest: everything that its page shows, and the same as JSON."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from lab.report.costs import Costs, costs_of
from lab.report.equity import (
    Curve,
    balance_of,
    benchmarks_of,
    curve_of,
    monthly_returns_pct,
    rolling_sharpe,
)
from lab.report.figures import (
    CapitalFigures,
    ClosedFigures,
    TradeFigures,
    capital_figures,
    closed_figures,
    figures_of_curve,
    trade_figures,
)
from lab.report.groups import Group, TradeLine, best_and_worst, groups_by
from lab.report.score_buckets import ScoreReport, score_report
from lab.report.source import Backtest, ReportError
from lab.report.words import caveats, graded, measured, red_flags, verdicts

HEADINGS = {"enter_tag": "entry", "exit_reason": "exit", "pair": "pair"}


@dataclass(frozen=True, slots=True)
class Report:
    """One backtest, measured. held: growth of 1 and figures of what was merely held, by name."""

    backtest: Backtest
    curve: Curve
    trades: TradeFigures
    capital: CapitalFigures
    closed: ClosedFigures
    flags: tuple[str, ...]
    verdicts: tuple[str, ...]
    held_growth: Mapping[str, pd.Series]
    held: Mapping[str, CapitalFigures]
    months: Mapping[int, Mapping[int, float]]
    rolling: pd.Series
    groups: Mapping[str, tuple[Group, ...]]
    best: tuple[TradeLine, ...]
    worst: tuple[TradeLine, ...]
    costs: Costs | None
    score: ScoreReport
    measured: tuple[tuple[str, str], ...]
    caveats: tuple[str, ...]


def report_of(backtest: Backtest, datadir: Path | None) -> Report:
    """Measure a backtest; datadir: candles to value positions and to hold BTC and ETH.

    Raises ReportError.
    """
    curve, days = curve_of(backtest, datadir), backtest.whole_days
    growth = {} if datadir is None else benchmarks_of(backtest, datadir)
    try:
        held = {
            name: capital_figures(balance_of(each), each, days) for name, each in growth.items()
        }
        capital = figures_of_curve(curve, days)
    except ValueError as error:
        raise ReportError(f"{backtest.name} in {backtest.file.name}: {error}") from None
    trades = trade_figures(backtest)
    costs = costs_of(backtest)
    best, worst = best_and_worst(backtest)
    return Report(
        backtest=backtest,
        curve=curve,
        trades=trades,
        capital=capital,
        closed=closed_figures(backtest),
        flags=tuple(red_flags(trades, capital)),
        verdicts=tuple(verdicts(backtest, trades, capital, held)),
        held_growth=growth,
        held=held,
        months=monthly_returns_pct(curve.daily),
        rolling=rolling_sharpe(curve.daily),
        groups={heading: groups_by(backtest, column) for column, heading in HEADINGS.items()},
        best=best,
        worst=worst,
        costs=costs,
        score=score_report(backtest.trades),
        measured=tuple(measured(backtest, curve)),
        caveats=tuple(caveats(backtest, trades, capital, curve, costs)),
    )


def ranked(reports: Sequence[Report]) -> list[Report]:
    """Best first: by Sharpe ratio, then by profit factor, then by the lesser drawdown."""

    def key(report: Report) -> tuple[float, float, float]:
        sharpe, factor = report.capital.sharpe, report.trades.profit_factor
        return (
            float("inf") if sharpe is None else -sharpe,
            float("-inf") if factor is None else -factor,  # none: it never lost
            report.capital.drawdown_pct,
        )

    return sorted(reports, key=key)


def reports_json(reports: Sequence[Report], notes: Sequence[str]) -> bytes:
    """Every figure unrounded."""
    content = {"backtests": [_facts(report) for report in reports], "notes": list(notes)}
    return orjson.dumps(
        content, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    )


def _facts(report: Report) -> dict[str, Any]:
    grades = graded(report.trades, report.capital)
    return {
        "strategy": report.backtest.strategy,
        "preset": report.backtest.preset,
        "measured": dict(report.measured),
        "trades": dataclasses.asdict(report.trades),
        "capital": dataclasses.asdict(report.capital),
        "closed_trades": dataclasses.asdict(report.closed),
        "grades": {measure.name: grade for measure, _, grade in grades},
        "red_flags": list(report.flags),
        "verdicts": list(report.verdicts),
        "held": {name: dataclasses.asdict(each) for name, each in report.held.items()},
        "months": report.months,
        "groups": {name: [dataclasses.asdict(each) for each in groups]
                   for name, groups in report.groups.items()},
        "best": [dataclasses.asdict(each) for each in report.best],
        "worst": [dataclasses.asdict(each) for each in report.worst],
        "costs": None if report.costs is None else dataclasses.asdict(report.costs),
        "score": dataclasses.asdict(report.score),
        "caveats": list(report.caveats),
        "equity": {f"{day:%Y-%m-%d}": float(worth)
                   for day, worth in report.curve.daily.items()},
    }  # fmt: skip


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} in a report")
