"""Settings that every layer's sidecar has."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import Field, model_validator

from sidecars.common.settings_file import SettingsError
from sidecars.common.settings_parts import (
    FIRST_DAY,
    DatabaseUrl,
    LockstepSettings,
    Section,
    WebAddress,
)

ASSET_PATTERN = r"^[A-Z0-9]{1,12}$"
MOST_ASSETS = 100


Asset = Annotated[str, Field(pattern=ASSET_PATTERN)]


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
    backfill_every_seconds: int = Field(86_400, ge=60, le=86_400)
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
