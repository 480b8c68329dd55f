"""Settings that sidecars have in common, checked once."""

from datetime import date
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from sidecars.common.settings_file import SettingsError

# Before it there was nothing to ask for.
FIRST_DAY = date(2009, 1, 3)


class Section(BaseModel):
    """A part of the settings: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LockstepSettings(Section):
    """Where the replay exchange's lock-step clock listens; rehearsals only."""

    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)


def _database_url(value: str) -> str:
    try:
        make_url(value)
    except ArgumentError:
        raise ValueError('a database URL like "sqlite:///scores.sqlite"') from None
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
