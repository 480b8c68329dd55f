"""The guard's database: what has been promised, tripped and asked for outlives the process.

One transaction for each change: the rows that differ, and the events that say why. Its methods
block: call them in a thread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Column, Connection, MetaData, String, Table, Text, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from aquatrade.event_log import Event, EventLog
from aquatrade.risk.model import RiskState
from aquatrade.risk.state_json import from_json, to_json
from sidecars.common.database import open_database, reading
from sidecars.guard.approval_store import (
    ApprovalConflict,
    approvals_table,
    load_approvals,
    save_approvals,
)
from sidecars.guard.fleet import Fleet, MismatchSeen
from sidecars.guard.ledger import BotAccount, Purse
from sidecars.guard.model import GuardState, KillSwitch, Reservation
from sidecars.guard.refusals import StoreError
from sidecars.guard.reservations import after_restart
from sidecars.guard.snapshots import BotSnapshot

metadata = MetaData()
parts_table = Table(
    "guard_parts",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("name", String(120), primary_key=True),
    Column("content", Text, nullable=False),
)
approvals_table(metadata)

TOLD = "told_until"
# A signal of a weekly candle lives long.
APPROVALS_FOR = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is small and kept as one."""

    last_number: int
    kill: KillSwitch | None
    families: Mapping[str, str]
    reconciled_at: datetime | None
    state: GuardState
    state_since: datetime


_RESERVATION = TypeAdapter(Reservation)
_SNAPSHOT = TypeAdapter(BotSnapshot)
_MISMATCH = TypeAdapter(MismatchSeen)
_ACCOUNT = TypeAdapter(BotAccount)
_REST = TypeAdapter(_Rest)


class Store:
    """One guard's database."""

    def __init__(self, database_url: str) -> None:
        """Open and, where needed, create. Raises sqlalchemy.exc.SQLAlchemyError."""
        self.engine = open_database(database_url, metadata)
        self.log = EventLog(self.engine)

    def close(self) -> None:
        self.engine.dispose()

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

    def save(self, before: Fleet, after: Fleet, events: Sequence[Event]) -> None:
        """Keep what differs, and the events, in one transaction. Raises StoreError."""
        try:
            with self.engine.begin() as connection:
                _save(connection, before, after)
                if events:
                    self.log.append_in(connection, events)
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
            fleet = _fleet(parts, now, steady_s, lease_seconds)
        except (ValidationError, ValueError) as error:
            raise StoreError(f"the database holds no state of a guard: {_line(error)}") from None
        return replace(fleet, approvals={each.id: each for each in asked})


def needs_saving(before: Fleet, after: Fleet) -> bool:
    """Whether anything differs that is kept."""
    return any(
        getattr(before, name) is not getattr(after, name)
        and getattr(before, name) != getattr(after, name)
        for name in (
            "reservations", "kept", "kept_ledger", "kept_risk", "mismatches", "approvals", "kill",
            "families", "last_number", "reconciled_at", "state",
        )
    )  # fmt: skip


def _save(connection: Connection, before: Fleet, after: Fleet) -> None:
    for kind, adapter, old, new in (
        ("reservation", _RESERVATION, before.reservations, after.reservations),
        ("bot", _SNAPSHOT, before.kept, after.kept),
        ("mismatch", _MISMATCH, before.mismatches, after.mismatches),
    ):
        _save_parts(connection, kind, old, new, adapter)
    if before.kept_ledger is not after.kept_ledger:
        old_ledger, new_ledger = _named(before.kept_ledger), _named(after.kept_ledger)
        _save_parts(connection, "account", old_ledger, new_ledger, _ACCOUNT)
    if before.kept_risk is not after.kept_risk:
        _save_risk(connection, before.kept_risk, after.kept_risk)
    if before.approvals is not after.approvals:
        save_approvals(
            connection,
            [each for key, each in after.approvals.items() if before.approvals.get(key) != each],
        )
    if _rest(before) != _rest(after):
        _put(connection, "rest", {"": _REST.dump_json(_rest(after)).decode()})


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
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(parts_table)
    statement = statement.on_conflict_do_update(
        index_elements=["kind", "name"], set_={"content": statement.excluded.content}
    )
    rows = [{"kind": kind, "name": name, "content": text} for name, text in contents.items()]
    connection.execute(statement, rows)


def _drop(connection: Connection, kind: str, names: Sequence[str]) -> None:
    if names:
        where = (parts_table.c.kind == kind, parts_table.c.name.in_(names))
        connection.execute(delete(parts_table).where(*where))


def _rest(fleet: Fleet) -> _Rest:
    return _Rest(
        fleet.last_number,
        fleet.kill,
        fleet.families,
        fleet.reconciled_at,
        fleet.state,
        fleet.state_since,
    )


def _named(ledger: Mapping[tuple[Purse, str], BotAccount]) -> dict[str, BotAccount]:
    return {f"{purse}/{bot}": account for (purse, bot), account in ledger.items()}


def _fleet(
    parts: Mapping[str, Mapping[str, str]],
    now: datetime,
    steady_s: float,
    lease_seconds: float,
) -> Fleet:
    reservations = [
        _RESERVATION.validate_json(text) for text in parts.get("reservation", {}).values()
    ]
    bots = {name: _SNAPSHOT.validate_json(text) for name, text in parts.get("bot", {}).items()}
    accounts = {
        _account_key(name): _ACCOUNT.validate_json(text)
        for name, text in parts.get("account", {}).items()
    }
    risk = {Purse(name): from_json(text) for name, text in parts.get("risk", {}).items()}
    text = parts.get("rest", {}).get("")
    rest = None if text is None else _REST.validate_json(text)
    return Fleet(
        started_at=now,
        state_since=now,
        snapshots=bots,
        families={} if rest is None else rest.families,
        reservations=after_restart(reservations, steady_s, lease_seconds),
        ledger=accounts,
        risk=risk,
        kill=None if rest is None else rest.kill,
        mismatches={
            name: _MISMATCH.validate_json(text) for name, text in parts.get("mismatch", {}).items()
        },
        reconciled_at=None if rest is None else rest.reconciled_at,
        last_number=0 if rest is None else rest.last_number,
        kept=bots,
        kept_ledger=accounts,
        kept_risk=risk,
    )


def _account_key(name: str) -> tuple[Purse, str]:
    purse, _, bot = name.partition("/")
    return (Purse(purse), bot)


def _line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{error.title}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error).splitlines()[0]
