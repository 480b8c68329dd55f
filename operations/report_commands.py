"""`aquatrade report` and `aquatrade compound`: a backtest as a page, returns as a capital."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # starting up is quick where nothing of it is needed
    from lab.report.build import Report
    from lab.report.compounding import Step

PLAIN_WIDTH = 160  # columns, where no terminal says how many it has
BAD_INPUT = 2
RESULTS = Path("user_data/backtest_results")
MOST_STEPS = 40  # of a table on the terminal; the others are told of in one line


def report(
    results: Annotated[
        list[Path] | None,
        typer.Argument(help="Results of freqtrade's backtesting: files, or folders (the newest)."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="A freqtrade datadir: values open positions, holds BTC and ETH."),
    ] = None,
    html: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write every figure, JSON.")
    ] = None,
    png: Annotated[
        Path | None, typer.Option(help="Also write the main pictures as PNG into this folder.")
    ] = None,
    strategy: Annotated[
        list[str] | None, typer.Option(help="Only this strategy; repeatable; default: all.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="The page's heading.")] = None,
) -> None:
    """Backtest results as one page that opens offline: figures, pictures, costs, caveats."""
    from lab.report.source import ReportError
    from operations.processes import termination_as_interrupt

    try:
        with termination_as_interrupt():
            _report(results or [RESULTS], data, html, json_file, png, strategy or [], title)
    except (ReportError, OSError) as error:
        typer.echo(f"aquatrade report: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        typer.echo("aquatrade report: interrupted", err=True)
        raise typer.Exit(130) from None


def _report(
    places: Sequence[Path],
    data: Path | None,
    html: Path,
    json_file: Path | None,
    png: Path | None,
    strategies: Sequence[str],
    title: str | None,
) -> None:
    from lab.report.build import report_of, reports_json
    from lab.report.page import report_page, write_pngs
    from lab.report.source import ReportError, read_backtests

    if data is not None and not data.is_dir():
        raise ReportError(f"--data {data}: no such folder, expected a freqtrade datadir")
    backtests, notes = read_backtests(places, strategies)
    reports = [report_of(backtest, data) for backtest in backtests]
    now = datetime.now(UTC)  # house: clock - the command's own time
    heading = title or (reports[0].backtest.name if len(reports) == 1 else "Backtests compared")
    html.write_text(report_page(reports, heading, now, notes), encoding="utf-8")
    written = [html]
    if json_file is not None:
        json_file.write_bytes(reports_json(reports, notes))
        written.append(json_file)
    if png is not None:
        written += write_pngs(reports, png)
    _show(reports, notes, written)


def _show(reports: Sequence["Report"], notes: Sequence[str], written: Sequence[Path]) -> None:
    from lab.report.build import ranked

    for each in ranked(reports):
        for line in (*each.verdicts, each.score.sentence):
            typer.echo(line)
        if each.flags:
            typer.echo(f"Red flags: {'; '.join(each.flags)}")
    for note in notes:
        typer.echo(f"Left out: {note}.")
    typer.echo(f"Written: {', '.join(str(file) for file in written)}")


def compound(
    capital: Annotated[float, typer.Option(help="What there is at the beginning.")] = 10_000.0,
    return_pct: Annotated[
        list[float] | None,
        typer.Option("--return", help="A return in %; repeatable, in order: --return=-3."),
    ] = None,
    times: Annotated[
        int, typer.Option(min=1, max=10_000, help="Go through the returns so many times.")
    ] = 1,
    result: Annotated[
        Path | None,
        typer.Option(help="Take the monthly returns of a backtest's result in place of --return."),
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="Only this: all, half-base or fixed; default: all three.")
    ] = None,
    steps: Annotated[bool, typer.Option("--steps", help="Show each step.")] = False,
) -> None:
    """What a row of returns makes of a capital: the arithmetic of compounding, no forecast."""
    from lab.report.compounding import Rule
    from lab.report.compounding import compound as compounded
    from lab.report.source import ReportError

    try:
        returns = [*(return_pct or []), *([] if result is None else _monthly(result))] * times
        if not returns:
            raise ReportError("no returns: give --return, more than once if you like, or --result")
        known = [each.value for each in Rule]
        if rule is not None and rule not in known:
            raise ReportError(f"--rule {rule!r}: expected one of {', '.join(known)}")
        rules = list(Rule) if rule is None else [Rule(rule)]
        _show_compounding(
            capital, returns, {each: compounded(capital, returns, each) for each in rules}, steps
        )
    except (ValueError, OSError) as error:
        typer.echo(f"aquatrade compound: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from None


def _monthly(result: Path) -> list[float]:
    from lab.report.equity import curve_of, monthly_returns_pct
    from lab.report.source import ReportError, read_backtests

    backtests, _ = read_backtests([result])
    if len(backtests) > 1:
        names = ", ".join(backtest.strategy for backtest in backtests)
        raise ReportError(f"{result} has several strategies ({names}), expected one")
    months = monthly_returns_pct(curve_of(backtests[0], None).daily)
    return [year[month] for year in months.values() for month in sorted(year) if month]


def _show_compounding(
    capital: float, returns: Sequence[float], found: "dict[str, list[Step]]", with_steps: bool
) -> None:
    from rich.console import Console
    from rich.table import Table

    from lab.report.compounding import deepest_pct, recovery_pct, total_pct

    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    table = Table(title=f"{capital:,.2f} through {len(returns)} returns")
    for heading in ("rule", "end", "total", "deepest fall", "to recover from it"):
        table.add_column(heading, justify="left" if heading == "rule" else "right")
    for name, steps in found.items():
        deepest = deepest_pct(capital, steps)
        recovery = recovery_pct(deepest)
        table.add_row(
            name, f"{steps[-1].capital:,.2f}", f"{total_pct(capital, steps):+.2f} %",
            f"{deepest:.2f} %", "never" if recovery is None else f"+{recovery:.2f} %",
        )  # fmt: skip
    console.print(table)
    for name, steps in found.items() if with_steps else ():
        console.print(f"{name}:", highlight=False)
        for number, step in enumerate(steps[:MOST_STEPS], 1):
            console.print(
                f"{number:>4}  {step.return_pct:+8.2f} %  on {step.at_work:>14,.2f}  "
                f"{step.profit:>+14,.2f}  {step.capital:>14,.2f}",
                highlight=False,
            )
        if len(steps) > MOST_STEPS:
            console.print(f"      and {len(steps) - MOST_STEPS} more", highlight=False)
    console.print(
        "Mechanics only: returns that were are no returns to come. half-base keeps half of the "
        "base in cash.",
        markup=False,
        highlight=False,
    )
