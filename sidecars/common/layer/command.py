"""The command of a layer: `python -m sidecars.NAME serve|backfill`."""

import asyncio
import os
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from sidecars.common.keys import read_key
from sidecars.common.layer.definition import TOKEN_VARIABLE, Layer
from sidecars.common.layer.service import opened
from sidecars.common.layer.service import serve as serve_layer
from sidecars.common.layer.settings import (
    LayerSettings,
    check_source_names,
)
from sidecars.common.logs import configure_logging
from sidecars.common.moments import ms_of
from sidecars.common.running import run_until_stopped
from sidecars.common.settings_file import SettingsError, load_settings
from sidecars.common.settings_parts import prepare_database_folder
from sidecars.common.start_failures import START_FAILURES
from sidecars.common.tokens import read_token

WRONG_INPUT = 2


def read_settings(
    layer: Layer, config: Path | None, environment: Mapping[str, str]
) -> LayerSettings:
    """Settings of the file, or the defaults, with what the environment overrides.

    Raises SettingsError.
    """
    prefix = layer.environment_prefix
    settings = load_settings(layer.settings, config, environment, prefix)
    return checked(layer, settings)


def checked(layer: Layer, settings: LayerSettings) -> LayerSettings:
    """The settings, with the folder of the database made. Raises SettingsError."""
    check_source_names(settings, layer.catalogue)
    prepare_database_folder(settings.database_url)
    return settings


def secrets_of(layer: Layer, environment: Mapping[str, str]) -> list[str]:
    """Every key that is set, to be kept out of the logs. Raises SettingsError."""
    variables = [entry.key_variable for entry in layer.catalogue.values() if entry.key_variable]
    keys = [read_key(environment, variable) for variable in variables]
    return [key for key in keys if key is not None]


def layer_command(layer: Layer) -> typer.Typer:
    """The command with serve (also when nothing is said) and backfill."""
    app = typer.Typer(add_completion=False, help=f"{layer.title}: serve (default) or backfill.")
    config_option = Annotated[
        Path | None, typer.Option("--config", "-c", help="Settings, JSON; default: built-in.")
    ]

    @app.callback(invoke_without_command=True)
    def serve_by_default(context: typer.Context, config: config_option = None) -> None:
        if context.invoked_subcommand is None:
            serve(config)

    @app.command()
    def serve(config: config_option = None) -> None:
        """Keep scores up and answer over HTTP until SIGTERM."""
        try:
            settings = read_settings(layer, config, os.environ)
            token = read_token(os.environ, TOKEN_VARIABLE)
            secrets = [token, *secrets_of(layer, os.environ)]
        except SettingsError as error:
            raise refusal(layer.name, error) from None
        configure_logging(secrets)
        _run(layer, _serve(layer, settings, token))

    @app.command()
    def backfill(
        config: config_option = None,
        folder: Annotated[
            Path | None, typer.Option(help="Files of the past (csv), besides what sources keep.")
        ] = None,
        ask: Annotated[bool, typer.Option(help="Whether to ask the sources too.")] = True,
        until: Annotated[
            datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of scores; now.")
        ] = None,
    ) -> None:
        """Take in the past, score every moment of it, write, and end."""
        try:
            settings = read_settings(layer, config, os.environ)
            secrets = secrets_of(layer, os.environ)
            if folder is not None and not folder.is_dir():
                raise SettingsError(f"--folder {folder}: expected a folder of csv files")
        except SettingsError as error:
            raise refusal(layer.name, error) from None
        configure_logging(secrets)
        if not _run(layer, _backfill(layer, settings, folder, until, ask=ask)):
            typer.echo("not everything could be read; see the log", err=True)
            raise typer.Exit(1)

    return app


async def _serve(layer: Layer, settings: LayerSettings, token: str) -> bool:
    async with opened(layer, settings, os.environ) as service:
        return await run_until_stopped(serve_layer(service, token))


async def _backfill(
    layer: Layer,
    settings: LayerSettings,
    folder: Path | None,
    until: datetime | None,
    *,
    ask: bool,
) -> bool:
    async with opened(layer, settings, os.environ) as service:
        now_ms = ms_of(service.clock.now())
        until_ms = now_ms if until is None else min(now_ms, ms_of(until.replace(tzinfo=UTC)))
        files = [] if folder is None else layer.read_history_files(folder, settings)
        return await service.backfill(files, until_ms, ask=ask)


def _run(layer: Layer, work: Coroutine[Any, Any, bool]) -> bool:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except START_FAILURES as error:
        raise refusal(layer.name, error) from None


def refusal(name: str, error: Exception) -> typer.Exit:
    """Say the one line and give the exit."""
    lines = str(error).splitlines() or [type(error).__name__]
    typer.echo(f"{name}: {lines[0]}", err=True)
    return typer.Exit(WRONG_INPUT)
