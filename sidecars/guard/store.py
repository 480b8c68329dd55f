"""The guard's database: what has been promised, tripped and asked for outlives the process.

One transaction for each change: the rows that differ, and the events that say why. All of it
outlives the process at once. What a person does and what trips outlives the machine, too; promises
to bots do so a few seconds later, since each would cost a wait for the disk: after a boot the guard
waits for as long as a promise may live (`Fleet.boot_wait_until_s`). Its methods block: call them in
a thread.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, bindparam, delete, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from aquatrade.event_log import Event, EventLog
from aquatrade.risk.model import RiskState
from aquatrade.risk.state_json import to_json
from sidecars.common.database import open_database, reading
from sidecars.guard.approval_store import ApprovalConflict, load_approvals, save_approvals
from sidecars.guard.fleet import Fleet
from sidecars.guard.ledger import Purse
from sidecars.guard.refusals import StoreError
from sidecars.guard.store_parts import (
    ACCOUNT,
    HEARD,
    MISMATCH,
    RESERVATION,
    REST,
    SNAPSHOT,
    UNASKED,
    fleet_from,
    metadata,
    named,
    parts_table,
    rest_of,
)

TOLD = "told_until"
BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
# A signal of a weekly candle lives long.
APPROVALS_FOR = timedelta(days=15)


class Store:
    """One guard's database."""

    def __init__(self, database_url: str, boot_id: str | None = None) -> None:
        """Open and, where needed, create. boot_id: of this run of the machine; None: not known.

        Raises sqlalchemy.exc.SQLAlchemyError.
        """
        self._boot_id = boot_id
        self.engine = open_database(database_url, metadata)
        self._is_sqlite = self.engine.dialect.name == "sqlite"
        if self._is_sqlite:
            event.listen(self.engine, "connect", _leave_checkpoints_to_us)
            self.engine.dispose()  # the next connection is the first of ours
        self.log = EventLog(self.engine)

    def close(self) -> None:
        self.engine.dispose()

    def checkpoint(self) -> None:
        """Move what was written into the database file; holds up nobody. To be done now and then.

        Raises SQLAlchemyError.
        """
        if self._is_sqlite:
            with self.engine.connect() as connection:
                # By the driver: SQLAlchemy would begin a transaction first.
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def told_until(self) -> int:
        """The number of the last event that people were told of. Raises SQLAlchemyError."""
        query = select(parts_table.c.content).where(parts_table.c.kind == TOLD)
        with reading(self.engine) as connection:
            text = connection.execute(query).scalar()
        return 0 if text is None else int(text)

    def set_told_until(self, seq: int) -> None:
        """Raises SQLAlchemyError."""
        with self.engine.begin() as connection:
            _put(connection, TOLD, {"": str(seq)})

    def save(
        self, before: Fleet, after: Fleet, events: Sequence[Event], *, is_durable: bool = True
    ) -> None:
        """Keep what differs, and the events, in one transaction. is_durable: it has to outlive the
        machine when this returns. Raises StoreError."""
        try:
            with self.engine.connect() as connection:
                if self._is_sqlite:
                    _set_synchronous(connection, "FULL" if is_durable else "NORMAL")
                try:
                    with connection.begin():
                        _save(connection, before, after, self._boot_id)
                        if events:
                            self.log.append_in(connection, events)
                finally:
                    if self._is_sqlite and not is_durable:
                        _set_synchronous(connection, "FULL")
        except (SQLAlchemyError, ApprovalConflict, ValueError) as error:
            line = (str(error).splitlines() or [type(error).__name__])[0]
            raise StoreError(f"nothing can be kept: {line[:200]}") from error

    def load(self, now: datetime, steady_s: float, lease_seconds: float) -> Fleet:
        """The fleet as it was kept last, HALTED. Raises SQLAlchemyError, StoreError for what is
        no state of a guard."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(parts_table)).all()
            asked = load_approvals(connection, now - APPROVALS_FOR)
        parts: dict[str, dict[str, str]] = {}
        for row in rows:
            parts.setdefault(row.kind, {})[row.name] = row.content
        try:
            fleet = fleet_from(parts, now, steady_s, lease_seconds, self._boot_id)
        except (ValidationError, ValueError) as error:
            raise StoreError(f"the database holds no state of a guard: {_line(error)}") from None
        return replace(fleet, approvals={each.id: each for each in asked})


def machine_boot_id() -> str | None:
    """What tells this run of the machine from the one before; None where nobody tells."""
    try:
        return BOOT_ID_FILE.read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _set_synchronous(connection: Connection, level: str) -> None:
    # By the driver: it cannot be changed inside a transaction.
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA synchronous={level}")
    cursor.close()


def _leave_checkpoints_to_us(connection: Any, _: Any) -> None:
    # Else every so many commits one pays for all before it, and a bot waits.
    cursor = connection.cursor()
    cursor.execute("PRAGMA wal_autocheckpoint=0")
    cursor.close()


def needs_saving(before: Fleet, after: Fleet) -> bool:
    """Whether anything differs that is kept."""
    return any(
        getattr(before, name) is not getattr(after, name)
        and getattr(before, name) != getattr(after, name)
        for name in (
            "reservations", "kept", "kept_ledger", "kept_risk", "mismatches", "approvals", "kill",
            "families", "last_number", "reconciled_at", "state", "ended", "unasked", "heard",
            "paused",
        )
    )  # fmt: skip


def _save(connection: Connection, before: Fleet, after: Fleet, boot_id: str | None) -> None:
    for kind, adapter, old, new in (
        ("reservation", RESERVATION, before.reservations, after.reservations),
        ("bot", SNAPSHOT, before.kept, after.kept),
        ("mismatch", MISMATCH, before.mismatches, after.mismatches),
        ("ended", RESERVATION, before.ended, after.ended),
        ("unasked", UNASKED, before.unasked, after.unasked),
        ("heard", HEARD, before.heard, after.heard),
    ):
        _save_parts(connection, kind, old, new, adapter)
    if before.kept_ledger is not after.kept_ledger:
        old_ledger, new_ledger = named(before.kept_ledger), named(after.kept_ledger)
        _save_parts(connection, "account", old_ledger, new_ledger, ACCOUNT)
    if before.kept_risk is not after.kept_risk:
        _save_risk(connection, before.kept_risk, after.kept_risk)
    if before.approvals is not after.approvals:
        save_approvals(
            connection,
            [each for key, each in after.approvals.items() if before.approvals.get(key) != each],
        )
    rest = rest_of(after, boot_id)
    if rest_of(before, boot_id) != rest:
        _put(connection, "rest", {"": REST.dump_json(rest).decode()})


def _save_parts(
    connection: Connection,
    kind: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    adapter: TypeAdapter[Any],
) -> None:
    if before is after:
        return
    changed = {
        name: adapter.dump_json(each).decode()
        for name, each in after.items()
        if before.get(name) is not each and before.get(name) != each
    }
    _put(connection, kind, changed)
    _drop(connection, kind, [name for name in before if name not in after])


def _save_risk(
    connection: Connection, before: Mapping[Purse, RiskState], after: Mapping[Purse, RiskState]
) -> None:
    changed = {
        purse.value: to_json(state) for purse, state in after.items() if before.get(purse) != state
    }
    _put(connection, "risk", changed)


def _put(connection: Connection, kind: str, contents: Mapping[str, str]) -> None:
    if not contents:
        return
    rows = [{"kind": kind, "name": name, "content": text} for name, text in contents.items()]
    connection.execute(_put_statement(connection.dialect.name), rows)


@functools.cache  # making it costs more than running it
def _put_statement(dialect_name: str) -> Any:
    dialect: Any = postgresql if dialect_name == "postgresql" else sqlite
    statement = dialect.insert(parts_table)
    return statement.on_conflict_do_update(
        index_elements=["kind", "name"], set_={"content": statement.excluded.content}
    )


def _drop(connection: Connection, kind: str, names: Sequence[str]) -> None:
    if names:
        connection.execute(_DROP, [{"of_kind": kind, "named": name} for name in names])


_DROP: Final = delete(parts_table).where(
    parts_table.c.kind == bindparam("of_kind"), parts_table.c.name == bindparam("named")
)


def _line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{error.title}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error).splitlines()[0]
