"""`python -m sidecars.confluence serve|backfill --config FILE`."""

import asyncio
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.lockstep import LockstepError
from sidecars.common.logs import configure_logging
from sidecars.common.settings_file import SettingsError, load_settings
from sidecars.common.tokens import read_token
from sidecars.confluence.service import backfill_once, serve_until_stopped
from sidecars.confluence.settings import (
    ENVIRONMENT_PREFIX,
    TOKEN_VARIABLE,
    ConfluenceSettings,
    prepare_database_folder,
)
from sidecars.confluence.source import SourceError

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
    configure_logging([token])
    _run(serve_until_stopped(settings, token))


@app.command()
def backfill(config: ConfigFile) -> None:
    """Fetch candles, score every day there is, write, and end."""
    try:
        settings = read_settings(config, os.environ)
    except SettingsError as error:
        raise _refusal(error) from None
    configure_logging()
    if not _run(backfill_once(settings)):
        typer.echo("not every pair has a score of the last day; see the log", err=True)
        raise typer.Exit(1)


def _run(work: Coroutine[Any, Any, bool]) -> bool:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except (SQLAlchemyError, LockstepError, SourceError, OSError) as error:
        raise _refusal(error) from None


def _refusal(error: Exception) -> typer.Exit:
    lines = str(error).splitlines() or [type(error).__name__]
    typer.echo(f"confluence: {lines[0]}", err=True)
    return typer.Exit(WRONG_INPUT)


if __name__ == "__main__":
    app()
