"""Which database a bot will open, and whether paper or live trades are already in it."""

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

SQLITE_PREFIX = "sqlite:///"
LOCK_SECONDS = 1.0


def database_url(config: Mapping[str, Any]) -> str:
    """The database that freqtrade will open: the configured one or its default for the mode."""
    configured = config.get("db_url")
    if isinstance(configured, str) and configured:
        return configured
    return f"{SQLITE_PREFIX}tradesv3{'.dryrun' if config.get('dry_run') else ''}.sqlite"


def kinds_of_orders(url: str) -> set[str]:
    """Which of "paper" and "live" a SQLite database of freqtrade holds orders of.

    Empty for another database server, a file that does not exist, or one without such orders.
    """
    path = Path(url.removeprefix(SQLITE_PREFIX))
    if not url.startswith(SQLITE_PREFIX) or not path.is_file():
        return set()
    try:
        address = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=LOCK_SECONDS)) as database:
            rows = database.execute(
                "SELECT DISTINCT order_id LIKE 'dry_run_%' FROM orders WHERE order_id IS NOT NULL"
            ).fetchall()
    except sqlite3.Error:
        # Not freqtrade's tables (yet): whether it can be opened, freqtrade itself will tell.
        return set()
    return {"paper" if is_paper else "live" for (is_paper,) in rows}


def without_credentials(url: str) -> str:
    """The address as it may be shown."""
    return re.sub(r"//[^/@]*@", "//...@", url)
