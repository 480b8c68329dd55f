"""Settings that every layer's sidecar has."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from sidecars.common.settings_file import SettingsError

ASSET_PATTERN = r"^[A-Z0-9]{1,12}$"
MOST_ASSETS = 100
FIRST_DAY = date(2009, 1, 3)


def _database_url(value: str) -> str:
    try:
        make_url(value)
    except ArgumentError:
        raise ValueError('a database URL like "sqlite:///sentiment.sqlite"') from None
    return value


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        well_formed = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ValueError('an address like "https://api.alternative.me"')
    return value.rstrip("/")


DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Asset = Annotated[str, Field(pattern=ASSET_PATTERN)]


class Section(BaseModel):
    """A part of the settings: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LockstepSettings(Section):
    """Where a replay's lock-step clock listens; rehearsals only."""

    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)


class SourceSettings(Section):
    """What can be set of one source; its key comes from the environment alone."""

    enabled: bool = True
    base_url: WebAddress | None = None
    poll_seconds: float | None = Field(None, ge=1.0, le=86_400.0)
    options: dict[str, Any] = Field(default_factory=dict)


class LayerSettings(Section):
    """Everything that can be set; a JSON file with these keys, or AQUATRADE_<LAYER>_KEY."""

    assets: tuple[Asset, ...] = Field(
        ("BTC", "ETH", "SOL", "XRP"), min_length=1, max_length=MOST_ASSETS
    )
    sources: dict[str, SourceSettings] = Field(default_factory=dict)
    # Where all sources are stood in for, each under its own name; None: the real ones.
    public_data_url: WebAddress | None = None
    history_start: date = Field(date(2018, 1, 1), ge=FIRST_DAY)
    # Scores are made at whole multiples of these, UTC: live, and for the past.
    record_every_seconds: int = Field(900, ge=60, le=86_400)
    backfill_every_seconds: int = Field(3600, ge=60, le=86_400)
    request_timeout_seconds: float = Field(10.0, ge=0.5, le=60.0)
    host: str = "127.0.0.1"
    port: int = Field(0, ge=0, le=65535)
    database_url: DatabaseUrl = "sqlite:///layer.sqlite"
    lockstep: LockstepSettings | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "LayerSettings":
        doubled = sorted({asset for asset in self.assets if self.assets.count(asset) > 1})
        if doubled:
            raise ValueError(f"key 'assets': {', '.join(doubled)} stands there twice")
        return self

    @property
    def history_start_ms(self) -> int:
        start = self.history_start
        return int(datetime(start.year, start.month, start.day, tzinfo=UTC).timestamp()) * 1000


def check_source_names(settings: LayerSettings, known: Mapping[str, object]) -> None:
    """Refuse settings of a source that there is not. Raises SettingsError."""
    for name in settings.sources:
        if name not in known:
            raise SettingsError(
                f"key 'sources.{name}' is unknown, expected one of {', '.join(known)}"
            )


def prepare_database_folder(database_url: str) -> None:
    """Make the folder of an SQLite file. Raises SettingsError when that cannot be done."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return
    folder = Path(url.database).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"key 'database_url': the folder {folder} cannot be made ({error.strerror})"
        ) from None
