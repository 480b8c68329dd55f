"""`aquatrade suite` and `aquatrade fleet`: every strategy, and the suggested fleet, measured."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # starting up is quick where nothing of it is needed
    from rich.console import Console

    from lab.suite import Results
    from lab.suite_tables import TextTable

PLAIN_WIDTH = 200  # columns, where no terminal says how many it has: the tables are wide
Data = Annotated[Path, typer.Option(help="A freqtrade datadir with recorded candles.")]
Markdown = Annotated[
    Path | None,
    typer.Option(help="Write the tables into this page, between its marks if it has them."),
]


def suite(
    data: Annotated[
        Path | None, typer.Option(help="A freqtrade datadir with recorded candles.")
    ] = None,
    strategy: Annotated[str | None, typer.Option(help="Only this strategy.")] = None,
    preset: Annotated[str | None, typer.Option(help="Only this preset.")] = None,
    cost: Annotated[
        list[float] | None,
        typer.Option(help="Fee plus slippage of one order in %; repeatable; default: 0.1, 0.3."),
    ] = None,
    wallet: Annotated[float, typer.Option(help="The wallet of each bot in USD.")] = 5000.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every figure to this file.")
    ] = None,
    markdown: Markdown = None,
    results: Annotated[
        list[Path] | None,
        typer.Option(help="Measure nothing: tables from files of --json; repeatable."),
    ] = None,
) -> None:
    """Backtest every strategy and preset on candles before 2025: one table, targets, reasons."""
    from lab.suite import read_results, write_results
    from lab.suite_plan import SuiteError
    from lab.suite_tables import losing_lines, suite_tables
    from operations.processes import termination_as_interrupt

    console = _console()
    try:
        costs = _costs(cost)
        if results:
            found = read_results(results)
        elif data is None:
            raise SuiteError("name a folder with --data, or files of earlier runs with --results")
        else:
            with termination_as_interrupt():
                found = _measure(data, strategy, preset, costs, wallet, console)
        if json_file is not None:
            write_results(found, json_file)
        if not found.rows:
            raise SuiteError("; ".join(["nothing could be measured", *found.notes]))
        tables = suite_tables(found)
        lines = [*losing_lines(found.rows), *(f"Left out: {note}." for note in found.notes)]
        _show(console, tables, lines)
        if markdown is not None:
            _write_page(markdown, "suite", tables, lines)
    except (SuiteError, OSError) as error:
        typer.echo(f"aquatrade suite: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("aquatrade suite: interrupted", err=True)
        raise typer.Exit(130) from None


def _measure(
    data: Path,
    strategy: str | None,
    preset: str | None,
    costs: tuple[float, ...],
    wallet: float,
    console: "Console",
) -> "Results":
    from lab.suite import Results, run_suite
    from lab.suite_plan import Wish, plan_suite, strategy_class

    def evidence(name: str, chosen: str) -> tuple[bool, str]:
        rules = strategy_class(name).PRESETS[chosen]
        return rules.lost_when_measured, rules.evidence

    jobs, notes = plan_suite(Wish(data.resolve(), strategy, preset, costs, wallet))
    for note in notes:
        console.print(note, markup=False, highlight=False)
    found = run_suite(
        jobs, evidence, lambda line: console.print(line, markup=False, highlight=False)
    )
    return Results(found.rows, (*notes, *found.notes))


def _costs(cost: Sequence[float] | None) -> tuple[float, ...]:
    from lab.suite_plan import SuiteError

    costs = tuple(dict.fromkeys(cost or (0.1, 0.3)))
    for each in costs:
        if not 0.0 <= each <= 5.0:
            raise SuiteError(f"--cost {each:g}: expected a percentage from 0 to 5")
    return costs


def _console() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def _show(console: "Console", tables: Sequence["TextTable"], lines: Sequence[str]) -> None:
    from rich.table import Table

    for each in tables:
        table = Table(title=each.title)
        for number, heading in enumerate(each.headings):
            table.add_column(heading, justify="left" if number < each.names else "right")
        for row in each.rows:
            table.add_row(*(cell.replace("`", "") for cell in row))
        console.print(table)
    for line in lines:
        console.print(line.replace("`", ""), markup=False, highlight=False)


def _write_page(page: Path, part: str, tables: Sequence["TextTable"], lines: Sequence[str]) -> None:
    """Between <!-- PART --> and <!-- /PART --> where the page has them, else as the whole page."""
    from lab.suite_tables import markdown

    notes = "".join(f"- {line}\n" for line in lines)
    text = f"\n{markdown(tables)}\n{notes}"
    begin, end = f"<!-- {part} -->", f"<!-- /{part} -->"
    old = page.read_text(encoding="utf-8") if page.is_file() else ""
    if begin in old and end in old:
        head, _, rest = old.partition(begin)
        _, _, tail = rest.partition(end)
        text = f"{head}{begin}\n{text}\n{end}{tail}"
    page.write_text(text, encoding="utf-8")


def fleet(
    data: Data,
    cost: Annotated[
        list[float] | None,
        typer.Option(help="Fee plus slippage of one order in %; repeatable; default: 0.1, 0.3."),
    ] = None,
    slots: Annotated[
        int, typer.Option(min=1, max=100, help="Slots of the one bot that it is compared with.")
    ] = 10,
    markdown: Markdown = None,
) -> None:
    """Backtest the suggested fleet's spot part as one portfolio, 2021 to 2024."""
    from lab.fleet import read_members, run_fleet
    from lab.fleet_tables import fleet_table
    from lab.suite_plan import SuiteError
    from operations.processes import termination_as_interrupt

    console = _console()

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False)

    try:
        costs = _costs(cost)
        if not data.is_dir():
            raise SuiteError(f"--data {data}: no such folder, expected a freqtrade datadir")
        members = read_members(data.resolve())
        capital = sum(member.allotment for member in members)
        for member in members:
            say(
                f"{member.name}: {member.strategy} {member.preset}, {len(member.pairs)} pairs, "
                f"{member.allotment:,.0f} of {capital:,.0f} USD"
            )
        with termination_as_interrupt():
            table = fleet_table(run_fleet(members, data.resolve(), costs, slots, say))
        _show(console, [table], [])
        if markdown is not None:
            _write_page(markdown, "fleet", [table], [])
    except (SuiteError, OSError) as error:
        typer.echo(f"aquatrade fleet: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("aquatrade fleet: interrupted", err=True)
        raise typer.Exit(130) from None
