"""`aquatrade data`: are recorded candles whole and right, and what can be done where not."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # starting up is quick where nothing of it is needed
    from lab.data.quality import FileReport
    from lab.data.rework import Outcome

PLAIN_WIDTH = 160  # columns, where no terminal says how many it has
BAD_INPUT = 2
data = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Recorded candles: check, resample, repair, download.",
)
Folder = Annotated[Path, typer.Option("--data", help="A freqtrade datadir with feather files.")]
Pairs = Annotated[
    list[str] | None, typer.Option("--pair", help="Only this pair; repeatable; default: all.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")]
Page = Annotated[Path | None, typer.Option("--html", help="Also write a page that opens offline.")]
Picture = Annotated[
    Path | None, typer.Option("--picture", help="Also draw coverage over time: an SVG file.")
]
Json = Annotated[Path | None, typer.Option("--json", help="Also write all findings, JSON.")]
MostMissing = Annotated[
    float,
    typer.Option(min=0.0, max=100.0, help="A file is bad where more than this % is missing."),
]


@contextmanager
def _one_line(command: str) -> Iterator[None]:
    """What cannot be done is one line and exit code 2."""
    from lab.data.files import DataError
    from operations.processes import termination_as_interrupt

    try:
        with termination_as_interrupt():
            yield
    except (DataError, OSError) as error:
        typer.echo(f"aquatrade data {command}: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        typer.echo(f"aquatrade data {command}: interrupted", err=True)
        raise typer.Exit(130) from None


def _now() -> datetime:
    return datetime.now(UTC)  # house: clock - the command's own time


@data.command()
def check(
    folder: Folder,
    pair: Pairs = None,
    timeframe: Annotated[
        list[str] | None, typer.Option(help="Only this timeframe; repeatable; default: all.")
    ] = None,
    json_file: Json = None,
    html: Page = None,
    picture: Picture = None,
    most_missing: MostMissing = 5.0,
) -> None:
    """Grade every file: holes, repeats, odd times, impossible candles, timeframes that disagree.

    Exit code 0 where nothing is bad, 1 otherwise.
    """
    with _one_line("check"):
        is_good = _checked(
            folder, pair or [], timeframe or [], json_file, html, picture, most_missing
        )
    raise typer.Exit(0 if is_good else 1)


def _checked(
    folder: Path,
    pairs: Sequence[str],
    timeframes: Sequence[str],
    json_file: Path | None = None,
    html: Path | None = None,
    picture: Path | None = None,
    most_missing_pct: float = 5.0,
) -> bool:
    from lab.data.coverage_picture import coverage_svg
    from lab.data.files import find_files
    from lab.data.findings import Grade
    from lab.data.quality import check_files, report_json
    from lab.data.quality_page import quality_page

    now = _now()
    files, others = find_files(folder, pairs, timeframes)
    reports = check_files(files, now, most_missing_pct)
    _show(reports, [str(path.relative_to(folder)) for path in others])
    name = folder.resolve().name
    if json_file is not None:
        json_file.write_text(report_json(folder, reports, others), encoding="utf-8")
    if picture is not None:
        picture.write_text(coverage_svg(reports, f"Coverage of {name}"), encoding="utf-8")
    if html is not None:
        names = [str(path.relative_to(folder)) for path in others]
        html.write_text(quality_page(reports, f"Candles in {name}", now, names), encoding="utf-8")
    return not any(report.grade is Grade.BAD for report in reports)


def _show(reports: Sequence["FileReport"], others: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    from lab.data.coverage_picture import share, summary
    from lab.data.findings import Grade, counted

    styles = {Grade.OK: "green", Grade.NOTES: "yellow", Grade.BAD: "bold red"}
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    table = Table()
    for heading in ("file", "grade", "from", "to", "rows", "there", "found"):
        table.add_column(heading, justify="right" if heading in {"rows", "there"} else "left")
    for report in reports:
        table.add_row(
            report.file.name,
            f"[{styles[report.grade]}]{report.grade}[/]",
            "-" if report.first is None else f"{report.first:%Y-%m-%d}",
            "-" if report.last is None else f"{report.last:%Y-%m-%d}",
            f"{report.rows:,}",
            share(report),
            summary(report),
        )
    console.print(table)
    for report in reports:
        for finding in report.findings:
            if finding.grade is Grade.BAD:
                typer.echo(f"bad: {report.file.name}: {finding.kind}: {finding.text}")
    if others:
        typer.echo(f"left out, no candle files by their names: {', '.join(others)}")
    counts = [sum(report.grade is grade for report in reports) for grade in Grade]
    typer.echo(
        f"{sum(report.rows for report in reports):,} rows in {counted(len(reports), 'file')}: "
        f"{counts[0]} ok, {counts[1]} with notes, {counts[2]} bad"
    )


@data.command()
def resample(
    folder: Folder,
    fine: Annotated[str, typer.Option("--from", help="Timeframe of the files to read.")],
    coarse: Annotated[str, typer.Option("--to", help="Timeframe to make: 15m, 4h, 1d, ...")],
    pair: Pairs = None,
    out: Annotated[Path | None, typer.Option(help="Where to; default: the same folder.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Make coarser candles of finer ones: whole ones alone, holes stay holes.

    Exit code 1 where a file was left out.
    """
    from lab.data.files import find_files, wished_timeframe
    from lab.data.rework import resample_files

    with _one_line("resample"):
        target = wished_timeframe(coarse)
        files, _ = find_files(folder, pair or [], [fine])
        now = _now()
        is_whole = _tell(resample_files(files, target, out or folder, now, overwrite=overwrite))
    raise typer.Exit(0 if is_whole else 1)


@data.command()
def repair(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="Where to; not the same folder.")],
    pair: Pairs = None,
    timeframe: Annotated[
        list[str] | None, typer.Option(help="Only this timeframe; repeatable; default: all.")
    ] = None,
    drop_impossible: Annotated[
        bool, typer.Option("--drop-impossible", help="Also drop candles that cannot be.")
    ] = False,
    drop_off_grid: Annotated[
        bool, typer.Option("--drop-off-grid", help="Also drop candles between two of the grid.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a repaired copy: sorted, without exact repeats and without an incomplete last candle.

    Holes are never filled, and of two rows that disagree none is chosen. Exit code 1 where a file
    was left out.
    """
    from lab.data.files import find_files
    from lab.data.repair import Wishes
    from lab.data.rework import repair_files

    with _one_line("repair"):
        files, _ = find_files(folder, pair or [], timeframe or [])
        wishes = Wishes(drop_impossible, drop_off_grid)
        now = _now()
        is_whole = _tell(repair_files(files, folder, out, now, wishes, overwrite=overwrite))
    raise typer.Exit(0 if is_whole else 1)


def _tell(outcomes: Iterable["Outcome"]) -> bool:
    """A line for each file as it is done; whether all of them were written."""
    written = left = 0
    for outcome in outcomes:
        typer.echo(f"{outcome.file.name}: {outcome.text}")
        written += outcome.written is not None
        left += outcome.written is None
    typer.echo(f"{written} written, {left} left out")
    return left == 0


@data.command()
def download(
    folder: Annotated[Path, typer.Option("--data", help="The datadir to fill or to continue.")],
    pair: Pairs = None,
    timeframe: Annotated[list[str] | None, typer.Option(help="Repeatable; default: 1h.")] = None,
    timerange: Annotated[
        str | None, typer.Option(help="As freqtrade's: 20240101-20240201.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="The last so many days.")] = None,
    trading_mode: Annotated[str, typer.Option(help="spot or futures.")] = "spot",
    exchange: Annotated[str | None, typer.Option(help="An exchange that ccxt knows.")] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option("--config", "-c", help="A freqtrade config; repeatable, the last wins."),
    ] = None,
    replay: Annotated[
        str | None, typer.Option(help="The address of a replay exchange: http://127.0.0.1:8100")
    ] = None,
) -> None:
    """Run `freqtrade download-data` and check what came.

    Exit code 1 where freqtrade failed or something that came is bad.
    """
    from lab.data.download import Download
    from lab.data.download import download as run
    from sidecars.replay.client_config import freqtrade_exchange_config

    timeframes = tuple(timeframe or ("1h",))
    with _one_line("download"):
        section = None
        if replay is not None:
            address = replay.rstrip("/")
            section = freqtrade_exchange_config(address, address.replace("http", "ws", 1))
        wish = Download(
            folder, tuple(pair or ()), timeframes, timerange, days, trading_mode, exchange,
            tuple(config or ()),
            section,
        )  # fmt: skip
        code = run(wish)
        if code != 0:
            typer.echo(f"aquatrade data download: freqtrade ended with code {code}", err=True)
            raise typer.Exit(1)
        is_good = _checked(folder, tuple(pair or ()), timeframes)
    raise typer.Exit(0 if is_good else 1)
