"""What a sidecar cannot start with, or go on: said in one line, with an exit that is not 0."""

from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.lockstep import LockstepError
from sidecars.common.settings_file import SettingsError
from sidecars.common.source_errors import SourceError

START_FAILURES = (
    SettingsError,
    SQLAlchemyError,
    ImportError,  # the driver of a database that is not installed
    LockstepError,
    SourceError,
    OSError,
)
