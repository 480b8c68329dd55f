"""`python -m sidecars.guard [serve] --config FILE`."""

import asyncio
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from sidecars.common.alert_targets import read_targets
from sidecars.common.keys import find_secret
from sidecars.common.logs import configure_logging
from sidecars.common.settings_file import SettingsError, load_settings
from sidecars.common.settings_parts import prepare_database_folder
from sidecars.common.start_failures import START_FAILURES
from sidecars.common.tokens import read_token
from sidecars.guard.danger import TOKEN_VARIABLE as SCORES_TOKEN_VARIABLE
from sidecars.guard.fleet import Rules
from sidecars.guard.model import Stage
from sidecars.guard.refusals import StoreError
from sidecars.guard.settings import (
    BOT_TOKEN_VARIABLE,
    ENVIRONMENT_PREFIX,
    TOKEN_VARIABLE,
    BotSettings,
    GuardSettings,
    read_profile,
)

app = typer.Typer(add_completion=False, help="The guard over all bots: serve (default).")
ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="Settings, JSON.")]
MaybeConfigFile = Annotated[Path | None, typer.Option("--config", "-c", help="Settings, JSON.")]
WRONG_INPUT = 2
# Settings may come from variables AQUATRADE_GUARD_KEY; these are no settings.
_NO_SETTINGS = (
    TOKEN_VARIABLE,
    f"{TOKEN_VARIABLE}_FILE",
    BOT_TOKEN_VARIABLE,
    f"{BOT_TOKEN_VARIABLE}_FILE",
    f"{ENVIRONMENT_PREFIX}_URL",
)


def read_rules(config: Path, environment: Mapping[str, str]) -> Rules:
    """Settings of the file with what the environment overrides, and the profile.

    Raises SettingsError.
    """
    overrides = {name: text for name, text in environment.items() if name not in _NO_SETTINGS}
    settings = load_settings(GuardSettings, config, overrides, ENVIRONMENT_PREFIX)
    profile = read_profile(settings.profile_files)
    reserve = settings.capital * profile.reserve_pct / 100.0
    allotted = sum(bot.allotment for bot in settings.bots if bot.stage is not Stage.PAPER)
    if allotted + reserve > settings.capital * (1.0 + 1e-9):
        raise SettingsError(
            f"{config}: key 'bots': the allotments of hybrid and live bots are {allotted:g} "
            f"together and the reserve is {reserve:g}, more than the capital of "
            f"{settings.capital:g}"
        )
    prepare_database_folder(settings.database_url)
    return Rules(settings, profile)


def read_passwords(settings: GuardSettings, environment: Mapping[str, str]) -> dict[str, str]:
    """The password of every bot. Raises SettingsError for one that is missing."""
    return {bot.name: _password(bot, environment) for bot in settings.bots}


def _password(bot: BotSettings, environment: Mapping[str, str]) -> str:
    if bot.password_file is None:
        password, _ = find_secret(environment, bot.password_variable)
        if not password:
            raise SettingsError(
                f"bot {bot.name}: no password: set its password_file, {bot.password_variable} or "
                f"{bot.password_variable}_FILE"
            )
        return password
    return _secret_file(bot, "password_file", bot.password_file)


def read_bot_token(environment: Mapping[str, str], token: str) -> str | None:
    """The token that opens what bots need only; None: there is none, and bots use `token`.

    Raises SettingsError.
    """
    names = (BOT_TOKEN_VARIABLE, f"{BOT_TOKEN_VARIABLE}_FILE")
    if not any(environment.get(name, "").strip() for name in names):
        return None
    bot_token = read_token(environment, BOT_TOKEN_VARIABLE)
    if bot_token == token:
        raise SettingsError(f"{BOT_TOKEN_VARIABLE}: expected another token than {TOKEN_VARIABLE}")
    return bot_token


def read_ws_tokens(settings: GuardSettings) -> dict[str, str]:
    """The tokens of the messages of those bots that have a file. Raises SettingsError."""
    return {
        bot.name: _secret_file(bot, "ws_token_file", bot.ws_token_file)
        for bot in settings.bots
        if bot.ws_token_file is not None
    }


def _secret_file(bot: BotSettings, key: str, file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingsError(f"bot {bot.name}: {key} {file}: cannot be read ({reason})") from None
    if not text:
        raise SettingsError(f"bot {bot.name}: {key} {file} is empty")
    return text


def _secrets(settings: GuardSettings, environment: Mapping[str, str]) -> list[str]:
    """Of alert targets, accounts and scores: what no log may show. Raises SettingsError."""
    targets = [text for target in read_targets(environment) for text in target.secrets]
    keys = [
        find_secret(environment, account.variable(part))[0]
        for account in settings.accounts
        for part in ("KEY", "SECRET", "PASSWORD")
    ]
    scores = [] if settings.danger is None else [read_token(environment, SCORES_TOKEN_VARIABLE)]
    return [*targets, *scores, *(key for key in keys if key)]


@app.callback(invoke_without_command=True)
def serve_by_default(context: typer.Context, config: MaybeConfigFile = None) -> None:
    """Serve where nothing else is said."""
    if context.invoked_subcommand is None:
        if config is None:
            raise refusal(SettingsError("no settings: name a file with --config"))
        serve(config)


@app.command()
def serve(config: ConfigFile) -> None:
    """Watch over the bots and answer over HTTP until SIGTERM."""
    try:
        rules = read_rules(config, os.environ)
        token = read_token(os.environ, TOKEN_VARIABLE)
        bot_token = read_bot_token(os.environ, token)
        passwords = read_passwords(rules.settings, os.environ)
        ws_tokens = read_ws_tokens(rules.settings)
        secrets = [
            token,
            *([] if bot_token is None else [bot_token]),
            *ws_tokens.values(),
            *passwords.values(),
            *_secrets(rules.settings, os.environ),
        ]
    except SettingsError as error:
        raise refusal(error) from None
    configure_logging(secrets)
    # Not before it is known to be needed: with it come the exchanges.
    from sidecars.guard.service import BotAccess, serve_until_stopped

    access = BotAccess(passwords, ws_tokens, bot_token)
    _run(serve_until_stopped(rules, token, access, os.environ))


def _run(work: Coroutine[Any, Any, bool]) -> bool:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except (*START_FAILURES, StoreError) as error:
        raise refusal(error) from None


def refusal(error: Exception) -> typer.Exit:
    """Say the one line and give the exit."""
    lines = str(error).splitlines() or [type(error).__name__]
    typer.echo(f"guard: {lines[0]}", err=True)
    return typer.Exit(WRONG_INPUT)
