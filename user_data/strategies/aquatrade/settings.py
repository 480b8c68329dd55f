"""The config section "aquatrade": its keys, their defaults, and one clear line for each mistake."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from freqtrade.exceptions import OperationalException
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from aquatrade.grid_settings import GridSettings
from aquatrade.live_confirmations import LiveConfirmations
from aquatrade.order_settings import OrderSettings
from aquatrade.risk.profile import RiskProfile
from aquatrade.sizing_settings import SizingSettings

SECTION = "aquatrade"
TOKEN_VARIABLE = "AQUATRADE_SCORES_TOKEN"
GUARD_TOKEN_VARIABLE = "AQUATRADE_GUARD_TOKEN"  # a variable's name, not a token
GUARD_BOT_TOKEN_VARIABLE = "AQUATRADE_GUARD_BOT_TOKEN"  # of a token that opens what bots need
THRESHOLD_ON_TRIAL = 60
THRESHOLD_LIVE = 75


class SettingsError(OperationalException):  # type: ignore[misc]  # freqtrade is untyped here
    """A wrong key or value; the text is one line that says where, what came, what is expected.

    Freqtrade prints the text of an OperationalException without a traceback and exits with 2.
    """


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("not an address of a sidecar")
    if parts.username or parts.password:
        raise ValueError("credentials do not belong in the address")
    return value.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ScoreSettings(_Section):
    """Where scores come from and what they decide."""

    url: HttpUrl | None = Field(
        default=None,
        description='the address of the score sidecar, like "http://127.0.0.1:8101", or null',
    )
    timeout_seconds: float = Field(
        default=0.5, ge=0.05, le=5.0, description="a number of seconds from 0.05 to 5"
    )
    filter: bool = Field(
        default=False, description="true (an entry needs a score of the threshold or more) or false"
    )
    threshold: int | None = Field(
        default=None,
        ge=50,
        le=85,
        description=(
            f"a whole number from 50 to 85, or null for {THRESHOLD_ON_TRIAL} in backtest and "
            f"dry-run and {THRESHOLD_LIVE} live"
        ),
    )
    max_age_hours: float = Field(
        default=36.0,
        ge=1.0,
        le=720.0,
        description="a number of hours from 1 to 720 after which a score is stale",
    )
    min_coverage_pct: float = Field(
        default=50.0,
        ge=0.0,
        le=100.0,
        description=(
            "a percentage from 0 to 100: with the filter on, a backtest whose candles are "
            "covered by scores to less than that is refused"
        ),
    )
    cache_directory: str | None = Field(
        default=None,
        min_length=1,
        description='a folder for score histories, or null for "scores_cache" in the user folder',
    )


class GuardSettings(_Section):
    """Where the guard is, which has the last word on each entry."""

    url: HttpUrl | None = Field(
        default=None,
        description='the address of the guard, like "http://127.0.0.1:8105", or null',
    )
    timeout_seconds: float = Field(
        default=0.5, ge=0.05, le=5.0, description="a number of seconds from 0.05 to 5"
    )


class AquatradeSettings(_Section):
    """The section as a whole. `preset` None means the strategy's own default preset."""

    preset: str | None = Field(
        default=None, min_length=1, description="the name of a preset of the strategy, or null"
    )
    rsi_method: Literal["simple", "wilder"] | None = Field(
        default=None, description='"simple", "wilder", or null for the strategy\'s own'
    )
    regime_filter: bool | None = Field(
        default=None,
        description=(
            "true (no entries in market regimes that the strategy loses in), false, or null for "
            "what the preset says"
        ),
    )
    accept_negative_evidence: bool = Field(
        default=False,
        description="true (trade live with a preset that lost when it was measured) or false",
    )
    scores: ScoreSettings = Field(
        default=ScoreSettings(), description="a section with the keys of the scores"
    )
    sizing: SizingSettings = Field(
        default=SizingSettings(), description="a section with the keys of the sizing"
    )
    grid: GridSettings = Field(
        default=GridSettings(), description="a section with the keys of the grids"
    )
    orders: OrderSettings = Field(
        default=OrderSettings(), description="a section with the keys of the orders"
    )
    risk: RiskProfile | None = Field(
        default=None, description="a section with the limits of a risk profile, or null"
    )
    risk_database_url: str | None = Field(
        default=None,
        min_length=1,
        description=(
            "a database for what the risk rules remember, or null for one beside the bot's own"
        ),
    )
    guard: GuardSettings = Field(
        default=GuardSettings(), description="a section with the keys of the guard"
    )
    live_confirmations: LiveConfirmations = Field(
        default=LiveConfirmations(), description="a section with what a person has confirmed"
    )


def load_settings(config: Mapping[str, Any]) -> AquatradeSettings:
    """Read the section "aquatrade" of a freqtrade config; a missing section is all defaults.

    Raises SettingsError naming every wrong key or value of the section in one line.
    """
    section = config.get(SECTION, {})
    if not isinstance(section, Mapping):
        raise SettingsError(
            f"config key '{SECTION}': got {section!r}, expected a section of keys and values"
        )
    try:
        settings = AquatradeSettings.model_validate(dict(section))
    except ValidationError as error:
        problems = [_problem(details) for details in error.errors()]
        raise SettingsError("; ".join(dict.fromkeys(problems))) from None
    if settings.scores.filter and settings.scores.url is None:
        raise SettingsError(
            f"config key '{SECTION}.scores.filter': got true without '{SECTION}.scores.url', "
            "expected the address of the score sidecar beside it"
        )
    if settings.sizing.method == "fixed" and settings.sizing.stake_usd is None:
        raise SettingsError(
            f"config key '{SECTION}.sizing.stake_usd': got null, expected an amount of stake "
            'currency, for method "fixed"'
        )
    if settings.sizing.method == "half_base" and settings.sizing.base_usd is None:
        raise SettingsError(
            f"config key '{SECTION}.sizing.base_usd' is missing, expected the capital that the "
            'bot began with, for method "half_base"'
        )
    orders = settings.orders
    if orders.market_after_seconds <= orders.tick_after_seconds:
        raise SettingsError(
            f"config key '{SECTION}.orders.market_after_seconds': got "
            f"{orders.market_after_seconds:g}, expected more than tick_after_seconds "
            f"({orders.tick_after_seconds:g})"
        )
    return settings


def score_threshold(settings: ScoreSettings, *, live: bool) -> int:
    """The score an entry needs when the filter is on."""
    if settings.threshold is not None:
        return settings.threshold
    return THRESHOLD_LIVE if live else THRESHOLD_ON_TRIAL


def scores_token(environment: Mapping[str, str] = os.environ) -> str | None:
    """The score sidecar's bearer token, as _token; None if there is none."""
    return _token(environment, TOKEN_VARIABLE, "the score sidecar's token")


def guard_token(environment: Mapping[str, str] = os.environ) -> str | None:
    """The guard's bearer token, as _token; None if there is none. That for bots comes first."""
    return _token(environment, GUARD_BOT_TOKEN_VARIABLE, "the guard's token for bots") or _token(
        environment, GUARD_TOKEN_VARIABLE, "the guard's token"
    )


def _token(environment: Mapping[str, str], variable: str, what: str) -> str | None:
    """A token from the environment or from the file it names; None if neither.

    Raises SettingsError if the file cannot be read or is empty.
    """
    token = environment.get(variable, "").strip()
    if token:
        return token
    file = environment.get(f"{variable}_FILE", "").strip()
    if not file:
        return None
    try:
        token = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{variable}_FILE: cannot read {file!r} ({error.__class__.__name__}), "
            f"expected a text file with {what}"
        ) from None
    if not token:
        raise SettingsError(f"{variable}_FILE: {file!r} is empty, expected {what}")
    return token


def choose_name(value: str | None, known: Mapping[str, Any], default: str, key: str) -> str:
    """One of the known names, the default for None. Raises SettingsError with the nearest name."""
    if value is None:
        return default
    if value not in known:
        choices = ", ".join(f'"{name}"' for name in known)
        raise SettingsError(
            f"config key '{key}': got {value!r}, expected one of {choices}"
            f"{_did_you_mean(value, list(known))}"
        )
    return value


def _problem(details: ErrorDetails) -> str:
    names = _key_path(details)
    key = ".".join([SECTION, *names])
    fields = _fields_around(names)
    if details["type"] == "extra_forbidden":
        hint = _did_you_mean(names[-1], list(fields))
        if names[-1] in ("token", "password", "secret"):
            variable = GUARD_TOKEN_VARIABLE if names[0] == "guard" else TOKEN_VARIABLE
            hint = f" (secrets come from the environment: {variable})"
        return f"config key '{key}' is unknown, expected one of {', '.join(fields)}{hint}"
    field = fields.get(names[-1])
    expected = field.description if field is not None and field.description else details["msg"]
    if details["type"] == "missing":
        return f"config key '{key}' is missing, expected {expected}"
    return f"config key '{key}': got {_shown(details['input'])}, expected {expected}"


def _key_path(details: ErrorDetails) -> list[str]:
    """The names of config keys that lead to the mistake, without places in a list or a union."""
    names: list[str] = []
    for part in details["loc"]:
        if names and _is_named_sections(names):
            names.append(str(part))
            continue
        if names and str(part) not in _fields_around([*names, ""]):
            if details["type"] == "extra_forbidden":
                names.append(str(part))
            break
        names.append(str(part))
    return names


def _is_named_sections(names: list[str]) -> bool:
    """Whether the last of the names is a key whose value has sections under names of their own."""
    field = _fields_around(names).get(names[-1])
    return field is not None and get_origin(field.annotation) is dict


def _shown(value: object) -> str:
    # An address may hold a password; what is refused for it must not end up in the log.
    return "an address with credentials in it" if "@" in str(value) else repr(value)


def _fields_around(names: list[str]) -> dict[str, FieldInfo]:
    """The fields of the section in which the last of the names stands (or should stand)."""
    model: type[BaseModel] = AquatradeSettings
    for name in names[:-1]:
        if name not in model.model_fields:
            continue  # the free name of a section, like that of a pair
        annotation = model.model_fields[name].annotation
        for candidate in (annotation, *get_args(annotation)):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    return dict(model.model_fields)


def _did_you_mean(value: str, known: list[str]) -> str:
    near = difflib.get_close_matches(value, known, n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""
