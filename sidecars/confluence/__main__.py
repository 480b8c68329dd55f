"""`python -m sidecars.confluence serve|backfill|import --config FILE`."""

import asyncio
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.clock import SystemClock
from sidecars.common.logs import configure_logging
from sidecars.common.settings_file import SettingsError, load_settings
from sidecars.common.settings_parts import prepare_database_folder
from sidecars.common.source_errors import SourceError
from sidecars.common.start_failures import START_FAILURES
from sidecars.common.tokens import read_token
from sidecars.confluence.light_talib import prefer_talib_without_pandas
from sidecars.confluence.settings import (
    ENVIRONMENT_PREFIX,
    TOKEN_VARIABLE,
    ConfluenceSettings,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", help="Settings, JSON (see settings.example.json).")
]
WRONG_INPUT = 2


def read_settings(config: Path, environment: Mapping[str, str]) -> ConfluenceSettings:
    """Settings of the file with what the environment overrides. Raises SettingsError."""
    settings = load_settings(ConfluenceSettings, config, environment, ENVIRONMENT_PREFIX)
    prepare_database_folder(settings.database_url)
    return settings


@app.command()
def serve(config: ConfigFile) -> None:
    """Keep scores up and answer over HTTP until SIGTERM."""
    try:
        settings = read_settings(config, os.environ)
        token = read_token(os.environ, TOKEN_VARIABLE)
    except SettingsError as error:
        raise _refusal(error) from None
    # Not before it is known to be needed: with them come the exchanges and TA-Lib.
    from sidecars.confluence.monitor.hosting import monitor_secrets
    from sidecars.confluence.service import serve_until_stopped

    try:
        secrets = [] if settings.monitor is None else monitor_secrets(os.environ)
    except SettingsError as error:
        raise _refusal(error) from None
    configure_logging([token, *secrets])
    _run(serve_until_stopped(settings, token, os.environ))


@app.command()
def backfill(config: ConfigFile) -> None:
    """Fetch candles, score every day there is, write, and end."""
    try:
        settings = read_settings(config, os.environ)
        token = read_token(os.environ, TOKEN_VARIABLE) if settings.needs_token else ""
    except SettingsError as error:
        raise _refusal(error) from None
    configure_logging([token])
    from sidecars.confluence.service import backfill_once

    if not _run(backfill_once(settings, token)):
        typer.echo("not every pair has a score of the last day; see the log", err=True)
        raise typer.Exit(1)


@app.command("import")
def import_files(
    config: ConfigFile,
    folder: Annotated[Path, typer.Option(help="Where btc_funding_daily.csv is.")],
) -> None:
    """Take in BTC's funding of the past from a file, for the days that are scored afterwards."""
    from sidecars.confluence.importing import FUNDING_FILE, import_funding

    try:
        settings = read_settings(config, os.environ)
        taken = import_funding(settings, folder / FUNDING_FILE, SystemClock())
    except (SettingsError, SourceError, SQLAlchemyError) as error:
        raise _refusal(error) from None
    for line in taken.rejected:
        typer.echo(f"refused: {line}", err=True)
    typer.echo(f"{taken.values} daily values of BTC's funding")
    if taken.scored_before:
        typer.echo(
            f"{taken.scored_before} records were made before and stay as they are: to have them "
            "made with this, start with another database",
            err=True,
        )


def _run(work: Coroutine[Any, Any, bool]) -> bool:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except START_FAILURES as error:
        raise _refusal(error) from None


def _refusal(error: Exception) -> typer.Exit:
    lines = str(error).splitlines() or [type(error).__name__]
    typer.echo(f"confluence: {lines[0]}", err=True)
    return typer.Exit(WRONG_INPUT)


if __name__ == "__main__":
    prefer_talib_without_pandas()
    app()
