"""The guard's settings: its bots, the money between them, where the limits stand."""

from pathlib import Path
from typing import Annotated, Any

import ccxt
from pydantic import AfterValidator, BaseModel, Field, model_validator

from aquatrade.risk.breakers import for_all_bots
from aquatrade.risk.profile import RiskProfile
from sidecars.common.settings_file import (
    SettingsError,
    check_settings,
    did_you_mean,
    read_object,
)
from sidecars.common.settings_parts import DatabaseUrl, LockstepSettings, Section, WebAddress
from sidecars.guard.danger import DangerSettings
from sidecars.guard.model import Stage

ENVIRONMENT_PREFIX = "AQUATRADE_GUARD"
TOKEN_VARIABLE = "AQUATRADE_GUARD_TOKEN"  # a variable's name, not a token
BOT_TOKEN_VARIABLE = "AQUATRADE_GUARD_BOT_TOKEN"  # opens what bots need only
PORT = 8105
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$"
# Binance takes 36 characters, ccxt adds 22 of them; its own prefixes begin with x.
CLIENT_ID_PREFIX = r"^[A-Za-wyz0-9_.:/][A-Za-z0-9_.:/-]{2,13}$"


def _exchange_id(value: str) -> str:
    if value not in ccxt.exchanges:
        raise ValueError(f"the id of a ccxt exchange{did_you_mean(value, ccxt.exchanges)}")
    return value


def _bot_name(value: str) -> str:
    if value == "guard":
        raise ValueError("another name: the guard's own events carry this one")
    return value


ExchangeId = Annotated[str, AfterValidator(_exchange_id)]


class BotSettings(Section):
    """One bot. Its password stands in `password_file`, or in the environment under
    AQUATRADE_BOT_PASSWORD_NAME (the name in capitals, what is no letter or digit as _)."""

    name: Annotated[str, Field(pattern=NAME), AfterValidator(_bot_name)]
    url: WebAddress
    username: str = Field(min_length=1)
    password_file: Path | None = None
    # Of the bot's messages; None: a token is asked for with name and password.
    ws_token_file: Path | None = None
    exchange: ExchangeId = "binance"
    family: str | None = None  # None: what the bot says in its checks, else "unknown"
    stage: Stage = Stage.PAPER
    # The most that the bot may have at stake, in stake currency.
    allotment: float = Field(gt=0.0)
    account: str | None = None  # of `accounts`; None: the only one of its exchange, if any
    bot_name: str | None = None  # as the bot calls itself; None: as it did when first seen
    # What the client ids of the bot's orders begin with (its exchange.ccxt_config.options.broker):
    # None: nothing of its own, every order on its pairs that nobody knows is taken for the bot's.
    client_id_prefix: str | None = Field(None, pattern=CLIENT_ID_PREFIX)

    @property
    def password_variable(self) -> str:
        return "AQUATRADE_BOT_PASSWORD_" + "".join(
            letter if letter.isalnum() else "_" for letter in self.name.upper()
        )


class AccountSettings(Section):
    """An account on an exchange that is reconciled; its key comes from the environment or from
    AQUATRADE_KEYS_FILE: AQUATRADE_ACCOUNT_NAME_KEY and AQUATRADE_ACCOUNT_NAME_SECRET."""

    name: str = Field(pattern=NAME)
    exchange: ExchangeId = "binance"
    ccxt_config: dict[str, Any] = Field(default_factory=dict)
    # Coins held for other purposes: so much of each belongs to no bot.
    own_balances: dict[str, float] = Field(default_factory=dict)

    def variable(self, part: str) -> str:
        """The name of the variable of "KEY", "SECRET" or "PASSWORD"."""
        middle = "".join(letter if letter.isalnum() else "_" for letter in self.name.upper())
        return f"AQUATRADE_ACCOUNT_{middle}_{part}"


class CorrelationData(Section):
    """Where hourly candles for correlations come from; needed when the profile has the rule."""

    exchange: ExchangeId = "binance"
    ccxt_config: dict[str, Any] = Field(default_factory=dict)
    refresh_minutes: float = Field(default=60.0, ge=1.0, le=1440.0)


class GuardSettings(Section):
    """Everything that can be set; a JSON file with these keys, or AQUATRADE_GUARD_KEY."""

    bots: tuple[BotSettings, ...] = Field(min_length=1, max_length=50)
    capital: float = Field(gt=0.0)  # of all bots and the reserve, in stake currency
    stake_currency: str = Field("USDT", pattern=r"^[A-Za-z0-9]{1,24}$")
    # Layers like user_data/config/risk-lab.json: their sections "aquatrade.risk", one over the
    # other.
    profile_files: tuple[Path, ...] = Field(min_length=1)
    accounts: tuple[AccountSettings, ...] = ()
    correlations: CorrelationData | None = None
    danger: DangerSettings | None = None  # None: macro danger is not watched
    poll_seconds: float = Field(5.0, ge=0.2, le=60.0)
    bot_timeout_seconds: float = Field(5.0, ge=0.2, le=60.0)
    reconcile_seconds: float = Field(300.0, ge=1.0, le=3600.0)
    lease_seconds: float = Field(120.0, ge=1.0, le=3600.0)
    approval_price_band_pct: float = Field(0.5, gt=0.0, le=100.0)
    # A file that halts all entries while it exists; besides the profile's `kill_file`.
    kill_file: Path | None = None
    kill_file_seconds: float = Field(1.0, ge=0.1, le=60.0)
    host: str = "127.0.0.1"
    port: int = Field(PORT, ge=0, le=65535)
    database_url: DatabaseUrl = "sqlite:///guard.sqlite"
    lockstep: LockstepSettings | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "GuardSettings":
        for key in ("bots", "accounts"):
            names = [each.name for each in getattr(self, key)]
            doubled = sorted({name for name in names if names.count(name) > 1})
            if doubled:
                raise ValueError(f"key '{key}': {', '.join(doubled)} stands there twice")
        known = {account.name: account for account in self.accounts}
        for place, bot in enumerate(self.bots):
            if bot.account is None:
                continue
            account = known.get(bot.account)
            if account is None:
                raise ValueError(
                    f"key 'bots.{place}.account': got {bot.account!r}, expected one of "
                    f"{', '.join(known) or 'key accounts, which is empty'}"
                )
            if account.exchange != bot.exchange:
                raise ValueError(
                    f"key 'bots.{place}.account': {bot.account!r} is an account of "
                    f"{account.exchange}, the bot's exchange is {bot.exchange}"
                )
        real = sum(bot.allotment for bot in self.bots if bot.stage is not Stage.PAPER)
        if max(real, 0.0) > self.capital:
            raise ValueError(
                f"key 'bots': the allotments of hybrid and live bots are {real:g} together, "
                f"more than the capital of {self.capital:g}"
            )
        return self

    def bot(self, name: str) -> BotSettings | None:
        return next((bot for bot in self.bots if bot.name == name), None)

    def account_of(self, bot: BotSettings) -> str | None:
        """The account that a bot trades on; None where none is configured."""
        if bot.account is not None:
            return bot.account
        same = [account.name for account in self.accounts if account.exchange == bot.exchange]
        return same[0] if len(same) == 1 else None


class _Layer(BaseModel):
    """What of a layer of bots' configuration the guard reads; the rest is not its business."""

    risk: dict[str, Any] = Field(default_factory=dict)


def read_profile(files: tuple[Path, ...]) -> RiskProfile:
    """The risk profile that the layers give together, as far as it is about all bots.

    Raises SettingsError.
    """
    merged: dict[str, Any] = {}
    for file in files:
        section = read_object(file).get("aquatrade", {})
        risk = section.get("risk") if isinstance(section, dict) else None
        if not isinstance(risk, dict):
            raise SettingsError(f"{file}: key 'aquatrade.risk' is missing, expected a section")
        _lay_over(merged, risk)
    origin = " + ".join(str(file) for file in files)
    return for_all_bots(check_settings(RiskProfile, merged, f"{origin}: aquatrade.risk"))


def _lay_over(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _lay_over(below[key], value)
        else:
            below[key] = value
