"""One guard to a database: two would undo each other's locks."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url

from sidecars.common.settings_file import SettingsError


@contextlib.contextmanager
def alone_with(database_url: str) -> Iterator[None]:
    """No other guard of this machine has the SQLite file meanwhile.

    Raises SettingsError where one has. Of a database server nothing is known.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        yield
        return
    file = Path(url.database)
    with file.with_name(f"{file.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(
                f"key 'database_url': another guard is at work on {file}: one guard to a database"
            ) from None
        yield
