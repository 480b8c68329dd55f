"""The parts of a report's page as rows of text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lab.report.build import Report
from lab.report.figures import CapitalFigures
from lab.report.groups import Group, TradeLine
from lab.report.score_buckets import ScoreReport, Worth
from lab.report.words import graded

NO_FIGURE = "-"
HOURS_OF_A_DAY = 24
MOST_GROUPS = 30
WORTH_TONES = {Worth.YES: "good", Worth.NO: "bad"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A text and how it is coloured: good, acceptable, bad, faint or not."""

    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table; own: what the report is about."""

    cells: list[Cell]
    own: bool = False


def cell(text: str, tone: str = "") -> Cell:
    """Short for Cell."""
    return Cell(text, tone)


def number(value: float | None, digits: int = 2) -> str:
    """A figure, or a dash where there is none."""
    return NO_FIGURE if value is None else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 1, sign: str = "") -> str:
    """The same in %."""
    return NO_FIGURE if value is None else f"{value:{sign}.{digits}f} %"


def toned(value: float, digits: int = 1) -> Cell:
    """A gain or a loss in %, by colour."""
    return Cell(percent(value, digits, "+"), "good" if value > 0 else "bad" if value < 0 else "")


def interval(bounds: tuple[float, float] | None, sign: str = "+", digits: int = 2) -> str:
    """[low, high], or nothing."""
    if bounds is None:
        return ""
    return f"[{bounds[0]:{sign}.{digits}f}, {bounds[1]:{sign}.{digits}f}]"


def duration(hours: float) -> str:
    """As a person says it: 40 min, 5 h, 3.2 days."""
    if hours < 1.0:
        return f"{60 * hours:.0f} min"
    return f"{hours:.0f} h" if hours < 2 * HOURS_OF_A_DAY else f"{hours / HOURS_OF_A_DAY:.1f} days"


def tiles(report: Report) -> list[dict[str, str]]:
    """The headline: total and trades, then what has a grade."""
    capital, trades = report.capital, report.trades
    low, high = trades.interval_pct
    units = {"win rate": 1, "drawdown": 1, "90-day return": 1}
    judged = [
        {
            "name": measure.name,
            "value": percent(value, units[measure.name])
            if measure.name in units
            else number(value),
            "grade": "" if grade is None else str(grade),
        }
        for measure, value, grade in graded(trades, capital)
    ]
    return [
        {
            "name": "total",
            "value": percent(capital.total_pct, 1, "+"),
            "more": f"{capital.cagr_pct:+.1f} % a year",
        },
        *judged,
        {
            "name": "trades",
            "value": f"{trades.trades:,}",
            "more": f"{trades.trades_a_week:.1f} a week",
        },
        {
            "name": "mean trade",
            "value": percent(trades.mean_pct, 2, "+"),
            "more": f"95 %: {low:+.2f} to {high:+.2f}",
        },
    ]


def capital_cells(figures: CapitalFigures) -> list[Cell]:
    """A line of the comparison with holding."""
    return [
        toned(figures.total_pct),
        toned(figures.cagr_pct),
        cell(percent(figures.drawdown_pct)),
        cell(f"{figures.days_under_water} days"),
        cell(number(figures.sharpe)),
        cell(number(figures.sortino)),
    ]


def group_rows(groups: Sequence[Group]) -> list[Row]:
    """The groups, the most profitable first; of very many the best and the worst."""
    shown: Iterable[Group] = groups
    if len(groups) > MOST_GROUPS:
        half = MOST_GROUPS // 2
        shown = [*groups[:half], *groups[-half:]]
    rows = [
        Row(
            [
                cell(each.name),
                cell(f"{each.trades:,}"),
                cell(f"{each.win_pct:.0f} % {interval(each.win_interval_pct, '', 0)}"),
                toned(each.mean_pct, 2),
                cell(f"{each.profit:+,.0f}"),
                toned(each.of_capital_pct),
                cell(number(each.profit_factor)),
                cell(duration(each.mean_hours)),
            ]
        )
        for each in shown
    ]
    if len(groups) > MOST_GROUPS:
        rows.insert(
            MOST_GROUPS // 2, Row([cell(f"{len(groups) - MOST_GROUPS} more between", "faint")])
        )
    return rows


def score_view(score: ScoreReport) -> dict[str, Any]:
    """The confluence score against what trades made."""
    rows = [
        Row(
            [
                cell(band.name),
                cell(f"{band.trades:,}"),
                cell(
                    NO_FIGURE
                    if band.win_pct is None
                    else f"{band.win_pct:.0f} % {interval(band.win_interval_pct, '', 0)}"
                ),
                cell(f"{percent(band.mean_pct, 2, '+')} {interval(band.interval_pct)}".strip()),
                cell(str(band.worth), WORTH_TONES.get(band.worth, "faint")),
            ]
        )
        for band in score.bands
    ]
    notes = []
    if score.correlation is not None:
        notes.append(f"Rank correlation of score and result {score.correlation:+.2f}.")
    if score.unscored:
        notes.append(f"{score.unscored} trades without a score are not in it.")
    return {"sentence": score.sentence, "rows": rows, "note": " ".join(notes)}


def costs_view(report: Report) -> dict[str, Any] | None:
    """What was paid, and the same trades at other costs."""
    costs = report.costs
    if costs is None:
        return None
    currency = report.backtest.currency
    sentence = (
        f"Fees and slippage of {costs.rate_pct:.3g} % a side came to {costs.paid:,.0f} {currency}, "
        f"{costs.paid_of_capital_pct:.1f} % of the capital, on a turnover of "
        f"{costs.turnover_of_capital:.1f} times the capital: {costs.before_costs:+,.0f} before "
        f"them, {costs.after_costs:+,.0f} after."
    )
    if costs.break_even_pct is not None:
        sentence += f" Nothing is left at {costs.break_even_pct:.2f} % a side."
    return {
        "sentence": sentence,
        "headings": [
            "cost of a side",
            *(percent(each.rate_pct, 1) for each in costs.others),
        ],
        "rows": [
            Row(
                [
                    cell("total of the same trades"),
                    *(toned(each.total_pct) for each in costs.others),
                ]
            )
        ],
    }


def trade_rows(report: Report) -> list[Row]:
    """The best, then the worst from bad to worst."""
    lines = (*report.best, *reversed(report.worst))
    return [_trade_row(line) for line in lines]


def _trade_row(line: TradeLine) -> Row:
    side = " short" if line.is_short else ""
    hours = (line.closed - line.opened).total_seconds() / 3600.0
    return Row(
        [
            cell(f"{line.pair}{side}"),
            cell(line.tag or NO_FIGURE),
            cell(line.exit_reason),
            cell(f"{line.opened:%Y-%m-%d %H:%M}"),
            cell(duration(hours)),
            toned(line.profit_pct, 2),
            cell(f"{line.profit:+,.2f}"),
        ]
    )


def all_figures(report: Report) -> list[tuple[str, str]]:
    """Every figure with its unit, those of closed trades beside those of the whole balance."""
    trades, capital, closed = report.trades, report.capital, report.closed
    currency = report.backtest.currency
    return [
        ("Sharpe, open positions valued", number(capital.sharpe)),
        ("Sharpe, closed trades only", number(closed.sharpe)),
        ("Sortino, valued / closed", f"{number(capital.sortino)} / {number(closed.sortino)}"),
        ("Calmar, valued / closed", f"{number(capital.calmar)} / {number(closed.calmar)}"),
        (
            "drawdown, valued / closed",
            f"{percent(capital.drawdown_pct)} / {percent(closed.drawdown_pct)}",
        ),
        ("longest time under water", f"{capital.days_under_water} days"),
        ("expectancy", f"{trades.expectancy:+.2f} {currency} a trade"),
        ("expectancy ratio", number(trades.expectancy_ratio)),
        ("mean win / mean loss", f"{percent(trades.mean_win_pct, 2, '+')} / "
         f"{percent(trades.mean_loss_pct, 2, '+')}"),
        ("mean win to mean loss", number(trades.win_to_loss)),
        ("median trade", percent(trades.median_pct, 2, "+")),
        ("SQN", number(trades.sqn)),
        ("p-value of the mean trade", number(trades.p_value, 4)),
        ("losses in a row", str(trades.losses_in_a_row)),
        ("mean time in a trade", duration(trades.mean_hours)),
        ("time in market", percent(trades.time_in_market_pct)),
        ("mean exposure", f"{percent(trades.exposure_pct)} of the capital"),
        ("open at the end", str(trades.left_open)),
    ]  # fmt: skip
