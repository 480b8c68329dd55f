"""The `aquatrade` command."""

import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from requests import RequestException
from rich.console import Console

from operations.data_commands import data as data_group
from operations.guard_commands import guard
from operations.matrix_commands import matrix
from operations.processes import ProcessFailedError, termination_as_interrupt
from operations.report_commands import compound, report
from operations.suite_commands import fleet, suite
from operations.walk_forward_commands import walk_forward

PLAIN_WIDTH = 118  # columns, where no terminal says how many it has

main = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Aquatrade: strategies, scores and a local exchange around freqtrade.",
)


main.add_typer(guard, name="guard")
main.add_typer(data_group, name="data")
main.command()(suite)
main.command()(fleet)
main.command()(matrix)
main.command()(report)
main.command()(compound)
main.command("walk-forward")(walk_forward)


@main.callback()
def _root() -> None:
    """Aquatrade: strategies, scores and a local exchange around freqtrade."""


@main.command()
def demo(
    data: Annotated[
        Path | None,
        typer.Option(help="A freqtrade datadir with recorded candles; default: synthetic market."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the market and of its price paths.")] = 7,
    work: Annotated[Path, typer.Option(help="Folder for state and logs; emptied first.")] = Path(
        "var/demo"
    ),
    picture: Annotated[
        Path | None, typer.Option(help="Also save the last screen as an SVG file.")
    ] = None,
) -> None:
    """Backtest BuyTheDip, trade it against the local exchange, prove that the books agree."""
    from aquatrade.config_layers import ConfigRefused
    from operations.demo import DemoError, only_one, run_demo
    from operations.demo_plan import PlanError, recorded_plan, synthetic_plan

    width = None if sys.stdout.isatty() else PLAIN_WIDTH
    console = Console(width=width, record=picture is not None)
    started = time.monotonic()
    try:
        with termination_as_interrupt():
            plan = synthetic_plan(seed) if data is None else recorded_plan(data, seed)
            folder = work.resolve()
            with only_one(folder):
                agreed = run_demo(plan, folder, console, picture)
    except (
        ConfigRefused, DemoError, PlanError, ProcessFailedError, RequestException, ConnectionError
    ) as error:  # fmt: skip
        console.print(f"aquatrade demo: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        console.print("aquatrade demo: interrupted; everything it started has been stopped")
        raise typer.Exit(130) from error
    console.print(f"done in {time.monotonic() - started:.0f} s")
    raise typer.Exit(0 if agreed else 1)


@main.command()
def check(
    config: Annotated[
        list[Path], typer.Option("--config", "-c", help="A config file; repeatable, the last wins.")
    ],
) -> None:
    """Check layered config files: one clear line for each mistake, or a summary."""
    from aquatrade.config_check import main as check_main

    raise typer.Exit(check_main([argument for path in config for argument in ("-c", str(path))]))


@main.command()
def preflight(
    config: Annotated[
        list[Path], typer.Option("--config", "-c", help="A config file; repeatable, the last wins.")
    ],
    db_url: Annotated[
        str | None, typer.Option(help="The database that `freqtrade trade` will be given.")
    ] = None,
    paper_db_url: Annotated[
        str | None,
        typer.Option(help="Where it traded on paper; default: X-paper beside X-live.sqlite."),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Refuse whatever is not mode live.")] = False,
) -> None:
    """Check all that can be checked before a bot trades: exchange, key, money, evidence."""
    from aquatrade.preflight import main as preflight_main

    arguments = [argument for path in config for argument in ("-c", str(path))]
    arguments += [] if db_url is None else ["--db-url", db_url]
    arguments += [] if paper_db_url is None else ["--paper-db-url", paper_db_url]
    raise typer.Exit(preflight_main([*arguments, *(["--live"] if live else [])]))


@main.command()
def sidecars(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="One section for each sidecar; default: built-in."),
    ] = None,
) -> None:
    """Run the sidecars (confluence with the Luno monitor, sentiment, on-chain) in one process."""
    from sidecars.confluence.light_talib import prefer_talib_without_pandas

    prefer_talib_without_pandas()
    from operations.sidecars import main as sidecars_main

    raise typer.Exit(sidecars_main(config))


@main.command()
def luno(
    asset: Annotated[
        str | None, typer.Argument(help="One holding, for example BTC; default: all.")
    ] = None,
    url: Annotated[str, typer.Option(help="Where the sidecar is.")] = "http://127.0.0.1:8101",
    chat: Annotated[bool, typer.Option(help="Short, as it is sent to a chat.")] = False,
) -> None:
    """Show the Luno monitor's cards as text, from the confluence sidecar that runs."""
    from operations.luno_cards import CardsError, cards_text
    from operations.sidecars import TOKEN_FILE

    try:
        typer.echo(cards_text(url, asset, chat=chat, token_file=TOKEN_FILE))
    except CardsError as error:
        typer.echo(f"aquatrade luno: {error}", err=True)
        raise typer.Exit(1) from None


@main.command()
def why(
    pair: Annotated[str, typer.Argument(help="Like BTC/USDT.")],
    candle: Annotated[
        str | None, typer.Option(help="Its open, UTC: 2026-03-14T09:00Z; default: the last ones.")
    ] = None,
    bot: Annotated[str | None, typer.Option(help="One bot; default: all.")] = None,
    url: Annotated[
        str | None, typer.Option(help="The guard; default: AQUATRADE_GUARD_URL, this machine.")
    ] = None,
    database: Annotated[
        Path | None, typer.Option(help="A bot's own X-risk.sqlite, asked in place of the guard.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="The guard's settings: its bots are asked for the candle, too."
        ),
    ] = None,
) -> None:
    """Why did it not trade? What bots and guard said of a pair's candle, and what the bots saw."""
    from operations.why import WhyError, read_question, why_lines

    try:
        lines = why_lines(read_question(pair, candle, bot), url, database, config)
    except WhyError as error:
        typer.echo(f"aquatrade why: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo("\n".join(lines))


@main.command()
def zones(
    data: Annotated[
        Path, typer.Option(help="A folder with recorded candles (binance) and daily files (aux).")
    ],
    pairs: Annotated[
        str, typer.Option(help="Pairs of the first table and of the picture.")
    ] = "BTC/USDT,ETH/USDT,SOL/USDT,XRP/USDT",
    start: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="First day of these pairs, UTC.")
    ] = datetime(2022, 1, 1),  # noqa: DTZ001 - the days of a command line are UTC
    end: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Nothing known later is read, UTC.")
    ] = datetime(2025, 1, 1),  # noqa: DTZ001
    picture: Annotated[
        Path | None, typer.Option(help="Also draw score and price: an SVG or PNG file.")
    ] = None,
    work: Annotated[Path, typer.Option(help="Folder for state and logs; emptied first.")] = Path(
        "var/zones"
    ),
) -> None:
    """Score recorded years with every input there is, and compare zones with what followed."""
    from operations.zone_study import main as zones_main

    raise typer.Exit(zones_main(data, pairs, start, end, picture, work))
