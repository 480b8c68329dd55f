"""All sidecars in one process and one event loop: for a laptop, where three would be too many."""

import asyncio
import contextlib
import logging
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sidecars.common.layer.command import WRONG_INPUT, checked, secrets_of
from sidecars.common.layer.definition import TOKEN_VARIABLE, Layer
from sidecars.common.layer.service import opened, serve
from sidecars.common.layer.settings import LayerSettings
from sidecars.common.logs import configure_logging
from sidecars.common.running import run_until_stopped
from sidecars.common.settings_file import (
    SettingsError,
    did_you_mean,
    load_section,
    read_object,
)
from sidecars.common.settings_parts import prepare_database_folder
from sidecars.common.start_failures import START_FAILURES
from sidecars.common.tokens import OWN_TOKEN_FILE, read_token
from sidecars.confluence.monitor.hosting import monitor_secrets
from sidecars.confluence.service import serve as serve_confluence
from sidecars.confluence.settings import (
    ENVIRONMENT_PREFIX,
    ConfluenceSettings,
)
from sidecars.onchain.layer import LAYER as ONCHAIN
from sidecars.sentiment.layer import LAYER as SENTIMENT

logger = logging.getLogger(__name__)

DEFAULT_SETTINGS = Path(__file__).resolve().parents[1] / "sidecars" / "settings.json"
TOKEN_FILE = OWN_TOKEN_FILE
LAYERS = (SENTIMENT, ONCHAIN)
SECTIONS = ("confluence", *(layer.name for layer in LAYERS))


@dataclass(frozen=True, slots=True)
class Sidecars:
    """The settings of those that are to run; None: not this one."""

    confluence: ConfluenceSettings | None
    layers: tuple[tuple[Layer, LayerSettings], ...]


def read_sidecars(file: Path, environment: Mapping[str, str]) -> Sidecars:
    """One section for each sidecar that is to run, each with its environment's overrides.

    Raises SettingsError.
    """
    content = read_object(file)
    for name in content:
        if name not in SECTIONS:
            raise SettingsError(
                f"{file}: section '{name}' is unknown, expected one of {', '.join(SECTIONS)}"
                f"{did_you_mean(name, SECTIONS)}"
            )
    if not content:
        raise SettingsError(f"{file}: no section, expected one or more of {', '.join(SECTIONS)}")
    confluence = None
    if "confluence" in content:
        section, origin = _section(file, content, "confluence")
        confluence = load_section(
            ConfluenceSettings, section, origin, environment, ENVIRONMENT_PREFIX
        )
        prepare_database_folder(confluence.database_url)
    layers = []
    for layer in LAYERS:
        if layer.name in content:
            section, origin = _section(file, content, layer.name)
            settings = load_section(
                layer.settings, section, origin, environment, layer.environment_prefix
            )
            layers.append((layer, checked(layer, settings)))
    return Sidecars(confluence, tuple(layers))


def _section(
    file: Path, content: Mapping[str, object], name: str
) -> tuple[Mapping[str, object], str]:
    """The section and where it stands."""
    section = content[name]
    origin = f"{file}, section '{name}'"
    if not isinstance(section, dict):
        raise SettingsError(f"{origin}: got {type(section).__name__}, expected an object")
    return section, origin


def own_token(environment: Mapping[str, str], file: Path = TOKEN_FILE) -> str:
    """The token of the environment; else one that is made once and kept in `file`.

    Raises SettingsError.
    """
    if environment.get(TOKEN_VARIABLE) or environment.get(f"{TOKEN_VARIABLE}_FILE"):
        return read_token(environment, TOKEN_VARIABLE)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(secrets.token_hex(32) + "\n")
    return read_token({f"{TOKEN_VARIABLE}_FILE": str(file)}, TOKEN_VARIABLE)


def all_secrets(token: str, environment: Mapping[str, str]) -> list[str]:
    """What no log may show. Raises SettingsError."""
    keys = [key for layer in LAYERS for key in secrets_of(layer, environment)]
    return [token, *keys, *monitor_secrets(environment)]


async def serve_all(sidecars: Sidecars, token: str, environment: Mapping[str, str]) -> bool:
    """Run them until a signal comes; True then. What one of them cannot start with is raised."""
    return await run_until_stopped(_serve(sidecars, token, environment))


async def _serve(sidecars: Sidecars, token: str, environment: Mapping[str, str]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        try:
            async with asyncio.TaskGroup() as tasks:
                ready = []
                for layer, settings in sidecars.layers:
                    service = await stack.enter_async_context(opened(layer, settings, environment))
                    is_ready = asyncio.Event()
                    ready.append(is_ready)
                    tasks.create_task(serve(service, token, is_ready), name=layer.name)
                if sidecars.confluence is not None:
                    work = serve_confluence(sidecars.confluence, token, environment, ready)
                    tasks.create_task(work, name="confluence")
        except ExceptionGroup as group:
            raise group.exceptions[0] from None


def main(config: Path | None) -> int:
    """Run them until a signal comes; the exit code."""
    try:
        sidecars = read_sidecars(config or DEFAULT_SETTINGS, os.environ)
        token = own_token(os.environ)
        configure_logging(all_secrets(token, os.environ))
        _say_where(sidecars)
        asyncio.run(serve_all(sidecars, token, os.environ))
    except KeyboardInterrupt:
        return 130
    except START_FAILURES as error:
        lines = str(error).splitlines() or [type(error).__name__]
        sys.stderr.write(f"aquatrade sidecars: {lines[0]}\n")
        return WRONG_INPUT
    return 0


def _say_where(sidecars: Sidecars) -> None:
    lines = [f"{layer.name:<11} http://{each.host}:{each.port}" for layer, each in sidecars.layers]
    if (confluence := sidecars.confluence) is not None:
        address = f"http://{confluence.host}:{confluence.port}"
        lines.append(f"{'confluence':<11} {address}   the Luno monitor: open it in a browser")
    lines.append(f"{'token':<11} {TOKEN_VARIABLE}, or {TOKEN_FILE}")
    sys.stderr.write("\n".join(lines) + "\n")
