"""`aquatrade walk-forward`: search on the past, test on what came next, and say what to believe."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # starting up is quick where nothing of it is needed
    from rich.console import Console

    from lab.suite_tables import TextTable
    from lab.walkforward.fold_run import FoldJob
    from lab.walkforward.plan import WalkPlan, WalkWish

BAD_INPUT = 2
PLAIN_WIDTH = 170  # columns, where no terminal says how many it has
TOLD_EVERY_SECONDS = 30.0  # where no terminal shows a bar


def walk_forward(
    strategy: Annotated[str, typer.Argument(help="NAME (its default preset) or NAME:PRESET.")],
    data: Annotated[Path, typer.Option(help="A freqtrade datadir with recorded candles.")],
    pair: Annotated[
        list[str] | None,
        typer.Option(help="Like BTC/USDT; repeatable; default: those of the strategy's bot."),
    ] = None,
    period: Annotated[
        str, typer.Option(help="2023, 2023Q2 or 20230115-20240701; default: up to 2025.")
    ] = "-20250101",
    train: Annotated[int, typer.Option(min=1, max=120, help="Months to search on.")] = 2,
    test: Annotated[int, typer.Option(min=1, max=60, help="Months to test on.")] = 1,
    anchored: Annotated[
        bool, typer.Option("--anchored", help="Search on everything since the beginning.")
    ] = False,
    embargo: Annotated[
        int, typer.Option(min=0, max=365, help="Days left out between search and test.")
    ] = 0,
    epochs: Annotated[
        int, typer.Option("--epochs", "-e", min=2, max=100_000, help="Trials of each search.")
    ] = 100,
    spaces: Annotated[
        list[str] | None,
        typer.Option(help="Freqtrade's spaces; repeatable; default: buy and sell."),
    ] = None,
    loss: Annotated[
        str, typer.Option(help="Of user_data/hyperopts or freqtrade's own.")
    ] = "AquatradeHyperOptLoss",
    trades_over: Annotated[
        int, typer.Option(min=1, help="Trades that AquatradeHyperOptLoss asks for.")
    ] = 30,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, max=512, help="Processes of a search.")
    ] = 2,
    random_state: Annotated[
        int, typer.Option(min=1, max=2**31 - 1, help="Where a search begins.")
    ] = 1,
    cost: Annotated[
        str, typer.Option(help="binance, mexc, bybit-perp, ... or as 0.1%+5bps, of one side.")
    ] = "binance",
    wallet: Annotated[float, typer.Option(min=10.0, help="The wallet in USD.")] = 5000.0,
    strategy_path: Annotated[
        Path | None, typer.Option(help="Folder of strategies; default: those of this repository.")
    ] = None,
    store: Annotated[
        Path, typer.Option(help="Folder of results; folds that it has are not run again.")
    ] = Path("walk-forward"),
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every figure and trial to this file.")
    ] = None,
    plan_only: Annotated[
        bool, typer.Option("--plan", help="Only say which folds there are and which are missing.")
    ] = False,
) -> None:
    """Search parameters on a window, test them on the next, roll on; only tests are reported."""
    from lab.evidence_runner import STRATEGIES
    from lab.matrix.periods import PeriodError, parse_period
    from lab.walkforward.plan import WalkError, WalkWish
    from lab.walkforward.search import SearchWish
    from operations.processes import termination_as_interrupt

    try:
        wish = WalkWish(
            datadir=data.resolve(),
            strategy=strategy,
            period=parse_period(period),
            pairs=tuple(pair or ()),
            train_months=train,
            test_months=test,
            mode="anchored" if anchored else "rolling",
            embargo_days=embargo,
            search=SearchWish(
                epochs=epochs,
                spaces=tuple(spaces or ("buy", "sell")),
                loss=loss,
                jobs=jobs,
                random_state=random_state,
                trades_over=trades_over,
            ),
            cost=cost,
            wallet=wallet,
            strategies=(strategy_path or STRATEGIES).resolve(),
        )
        with termination_as_interrupt():
            _walk(wish, store, json_file, plan_only)
    except (PeriodError, WalkError, OSError) as error:
        typer.echo(f"aquatrade walk-forward: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        typer.echo(
            f"aquatrade walk-forward: interrupted; {store} keeps the folds that were done, the "
            "same command goes on",
            err=True,
        )
        raise typer.Exit(130) from None


def _walk(wish: "WalkWish", store: Path, json_file: Path | None, plan_only: bool) -> None:
    from rich.console import Console

    from lab.walkforward.answer import answer_of
    from lab.walkforward.plan import plan_walk
    from lab.walkforward.report import as_json, parameter_lines, tables_of
    from lab.walkforward.run import ResultFolder, missing, run_walk
    from operations.processes import Stage

    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    plan = plan_walk(wish)
    folder = ResultFolder(store)
    todo = missing(plan.jobs, folder)
    _say(console, _headline(plan))
    known = len(plan.jobs) - len(todo)
    _say(console, f"{len(plan.jobs)} fold(s), {known} of them in {store}, {len(todo)} to run")
    if plan_only:
        for job in plan.jobs:
            state = "to run" if job in todo else "known"
            fold = job.fold
            train = f"{fold.train_start:%Y-%m-%d} to {fold.train_end:%Y-%m-%d}"
            test = f"{fold.test_start:%Y-%m-%d} to {fold.test_end:%Y-%m-%d}"
            _say(console, f"fold {fold.number}: train {train}, test {test}, {state}")
        return
    with _progress(console, len(todo) * wish.search.epochs, [job.key for job in todo]) as tell:
        results = run_walk(plan.jobs, folder, tell, Stage)
    walk = answer_of(plan, results)
    for table in tables_of(walk):
        _show(console, table)
    for line in [*parameter_lines(walk), *walk.notes, walk.verdict]:
        _say(console, line)
    if json_file is not None:
        json_file.write_text(as_json(plan, walk), encoding="utf-8")


def _headline(plan: "WalkPlan") -> str:
    wish = plan.wish
    return (
        f"{plan.strategy} {plan.preset}, {len(plan.pairs)} pairs, {plan.timeframe} candles, "
        f"{plan.cost} a side: train {wish.train_months} and test {wish.test_months} month(s), "
        f"{wish.mode}, {wish.search.epochs} epochs each of {wish.search.loss}"
    )


@contextmanager
def _progress(
    console: "Console", total: int, keys: list[str]
) -> "Iterator[Callable[[FoldJob, int], None]]":
    """A bar on a terminal, else a line now and then."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    if not keys:
        yield lambda job, epochs: None
    elif not console.is_terminal:
        yield _teller(console, len(keys), keys)
    else:
        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("epochs", total=total)
            each = total // len(keys)

            def tell(job: "FoldJob", epochs: int) -> None:
                done = keys.index(job.key) * each + epochs
                progress.update(task, completed=done, description=f"fold {job.fold.number}")

            yield tell


def _teller(console: "Console", count: int, keys: list[str]) -> "Callable[[FoldJob, int], None]":
    told = time.monotonic()

    def tell(job: "FoldJob", epochs: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= TOLD_EVERY_SECONDS:
            told = now
            number = keys.index(job.key) + 1
            _say(console, f"fold {job.fold.number} ({number}/{count} to run), epoch {epochs}")

    return tell


def _show(console: "Console", table: "TextTable") -> None:
    from rich.table import Table

    shown = Table(title=table.title)
    for number, heading in enumerate(table.headings):
        shown.add_column(heading, justify="left" if number < table.names else "right")
    for row in table.rows:
        shown.add_row(*row)
    console.print(shown)


def _say(console: "Console", line: str) -> None:
    console.print(line, markup=False, highlight=False)
