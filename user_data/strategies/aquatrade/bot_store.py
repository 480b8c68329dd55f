"""What the risk rules of one bot remember: a database beside freqtrade's own, or only memory.

State and events that belong together are one transaction: whatever ends the process, there is
never a trip without its event, nor an event of a trip that is not there.
"""

import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Column, Engine, MetaData, String, Table, Text, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from aquatrade.config_database import SQLITE_PREFIX, database_url, without_credentials
from aquatrade.event_log import Event, EventLog, StoredEvent, open_event_database
from aquatrade.risk.model import RiskState
from aquatrade.risk.state_json import from_json, to_json
from aquatrade.settings import SettingsError
from aquatrade.wording import one_line

logger = logging.getLogger(__name__)

URL_KEY = "aquatrade.risk_database_url"
STATE, SENT_UNTIL, PROCESS = "state", "sent_until", "process"
# What was seen last is written so often where nothing has happened.
KEEP_EVERY = timedelta(seconds=60)

metadata = MetaData()
values_table = Table(
    "risk_values",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("value", Text, nullable=False),
)


def risk_database_url(config: Mapping[str, Any], configured: str | None) -> str | None:
    """Where a bot's risk rules remember: X-risk.sqlite beside a bot's own X.sqlite.

    None where the bot itself remembers nothing (a database in memory). Raises SettingsError for
    a database server without a place of its own for this.
    """
    if configured is not None:
        return configured
    url = database_url(config)
    if url.rstrip("/") == "sqlite:" or url == f"{SQLITE_PREFIX}:memory:":
        return None
    if not url.startswith(SQLITE_PREFIX):
        raise SettingsError(
            f"config key '{URL_KEY}' is missing, expected a database for what the risk rules "
            f"remember, as the bot's own ({without_credentials(url)}) is no SQLite file"
        )
    path = Path(url.removeprefix(SQLITE_PREFIX))
    return f"{SQLITE_PREFIX}{path.with_name(f'{path.stem}-risk.sqlite')}"


def key_of(name: str, bot: str) -> str:
    """Under which a value of a bot stands in risk_values."""
    return f"{name} of {bot}"


def new_process() -> str:
    """A name for a log of events that no other has."""
    return secrets.token_hex(8)


class Store(Protocol):
    """What remembers; its methods block, and raise SQLAlchemyError."""

    def load(self) -> RiskState: ...

    def keep(self, state: RiskState, events: Sequence[Event]) -> None: ...

    def append(self, events: Sequence[Event]) -> None: ...

    def last_signal(self, pair: str, candle: datetime) -> Event | None: ...

    def close(self) -> None: ...


class MemoryStore:
    """For backtests, and for a bot whose own trades live in memory: gone with the process."""

    def load(self) -> RiskState:
        return RiskState()

    def keep(self, state: RiskState, events: Sequence[Event]) -> None:
        """Nothing outlives the run."""

    def append(self, events: Sequence[Event]) -> None:
        """Nothing outlives the run."""

    def last_signal(self, pair: str, candle: datetime) -> Event | None:
        return None

    def close(self) -> None:
        """There is nothing to close."""


class RiskStore:
    """State and events in a database. Its methods block, and raise SQLAlchemyError."""

    def __init__(self, url: str, bot: str) -> None:
        """bot: whose values and events these are; others may have theirs in the same database.

        Raises SettingsError if the database cannot be opened or written.
        """
        self._url = url
        self._bot = bot
        self._last_kept: datetime | None = None
        try:
            self._engine: Engine = open_event_database(url)
            metadata.create_all(self._engine)
            self.log = EventLog(self._engine)
            self.process = self._process()
        except (SQLAlchemyError, OSError) as error:
            raise SettingsError(self._problem("cannot be used", error)) from None

    def load(self) -> RiskState:
        """What was kept last. Raises SettingsError if it cannot be read: it is not made up."""
        try:
            text = self._value(STATE)
            return RiskState() if text is None else from_json(text)
        except (SQLAlchemyError, ValueError) as error:
            raise SettingsError(self._problem("holds no readable risk state", error)) from None

    def keep(self, state: RiskState, events: Sequence[Event]) -> None:
        """Keep the state and what made it so; without events at most once a minute."""
        is_due = (
            self._last_kept is None
            or state.last_at is None
            or not timedelta(0) <= state.last_at - self._last_kept < KEEP_EVERY
        )
        if not events and not is_due:
            return
        self._last_kept = None  # where it fails, the next time is due
        with self._engine.begin() as connection:
            if events:
                self.log.append_in(connection, events)
            self._set(connection, STATE, to_json(state))
        self._last_kept = state.last_at

    def append(self, events: Sequence[Event]) -> None:
        """Keep events that change no state."""
        self.log.append(events)

    def last_signal(self, pair: str, candle: datetime) -> Event | None:
        """What was said last about a signal, also by an earlier process."""
        about = self.log.about(pair, candle, self._bot)
        said = [one.event for one in about if one.event.kind == "signal"]
        return said[-1] if said else None

    def unsent(self, limit: int) -> Sequence[StoredEvent]:
        """The oldest events that the guard has not confirmed."""
        return self.log.after(int(self._value(SENT_UNTIL) or 0), limit, origin=self._bot)

    def sent_until(self, seq: int) -> None:
        """The guard has all up to this number."""
        with self._engine.begin() as connection:
            self._set(connection, SENT_UNTIL, str(seq))

    def close(self) -> None:
        self._engine.dispose()

    def _process(self) -> str:
        """The name of this bot's log in this database: its numbers begin anew in another one."""
        with self._engine.begin() as connection:
            query = select(values_table.c.value).where(values_table.c.name == self._key(PROCESS))
            known: str | None = connection.execute(query).scalar_one_or_none()
            if known is None:
                known = new_process()
                self._set(connection, PROCESS, known)
            return known

    def _key(self, name: str) -> str:
        return key_of(name, self._bot)

    def _value(self, name: str) -> str | None:
        query = select(values_table.c.value).where(values_table.c.name == self._key(name))
        # Readers wait for no writer, and none for them.
        connection = self._engine.connect().execution_options(aquatrade_reads_only=True)
        with connection, connection.begin():
            return connection.execute(query).scalar_one_or_none()

    def _set(self, connection: Any, name: str, value: str) -> None:
        key = self._key(name)
        connection.execute(delete(values_table).where(values_table.c.name == key))
        connection.execute(insert(values_table).values(name=key, value=value))

    def _problem(self, what: str, error: Exception) -> str:
        reason = one_line(str(getattr(error, "orig", None) or error))
        return f"risk database {without_credentials(self._url)} {what}: {reason}"
