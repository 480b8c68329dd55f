"""The parts of the fleet as rows of the guard's database, and back. Pure but for its tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Column, MetaData, String, Table, Text

from aquatrade.risk.state_json import from_json
from sidecars.guard.approval_store import approvals_table
from sidecars.guard.bot_events import Heard
from sidecars.guard.fleet import Fleet, MismatchSeen, Unasked
from sidecars.guard.ledger import BotAccount, Purse
from sidecars.guard.model import GuardState, KillSwitch, Reservation
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


@dataclass(frozen=True, slots=True)
class Rest:
    """What is small and kept as one."""

    last_number: int
    kill: KillSwitch | None
    families: Mapping[str, str]
    reconciled_at: datetime | None
    state: GuardState
    state_since: datetime
    boot_id: str | None = None
    paused: frozenset[str] = frozenset()


RESERVATION = TypeAdapter(Reservation)
SNAPSHOT = TypeAdapter(BotSnapshot)
MISMATCH = TypeAdapter(MismatchSeen)
ACCOUNT = TypeAdapter(BotAccount)
UNASKED = TypeAdapter(Unasked)
HEARD = TypeAdapter(Heard)
REST = TypeAdapter(Rest)


def rest_of(fleet: Fleet, boot_id: str | None) -> Rest:
    """boot_id: of this run of the machine."""
    return Rest(
        fleet.last_number,
        fleet.kill,
        fleet.families,
        fleet.reconciled_at,
        fleet.state,
        fleet.state_since,
        boot_id,
        fleet.paused,
    )


def named(ledger: Mapping[tuple[Purse, str], BotAccount]) -> dict[str, BotAccount]:
    """The ledger by names that a row can have."""
    return {f"{purse}/{bot}": account for (purse, bot), account in ledger.items()}


def fleet_from(
    parts: Mapping[str, Mapping[str, str]],
    now: datetime,
    steady_s: float,
    lease_seconds: float,
    boot_id: str | None,
) -> Fleet:
    """The fleet as it was kept, HALTED. parts: contents by name by kind. Raises ValueError (of
    pydantic, too) for what is no part of a fleet."""
    reservations = _read(RESERVATION, parts, "reservation").values()
    bots = _read(SNAPSHOT, parts, "bot")
    accounts = {
        _account_key(name): account for name, account in _read(ACCOUNT, parts, "account").items()
    }
    risk = {Purse(name): from_json(text) for name, text in parts.get("risk", {}).items()}
    text = parts.get("rest", {}).get("")
    rest = None if text is None else REST.validate_json(text)
    is_same_boot = rest is None or (boot_id is not None and rest.boot_id == boot_id)
    return Fleet(
        started_at=now,
        state_since=now,
        boot_wait_until_s=None if is_same_boot else steady_s + lease_seconds,
        snapshots=bots,
        families={} if rest is None else rest.families,
        reservations=after_restart(reservations, steady_s, lease_seconds),
        ledger=accounts,
        risk=risk,
        kill=None if rest is None else rest.kill,
        mismatches=_read(MISMATCH, parts, "mismatch"),
        reconciled_at=None if rest is None else rest.reconciled_at,
        last_number=0 if rest is None else rest.last_number,
        ended=_read(RESERVATION, parts, "ended"),
        unasked=_read(UNASKED, parts, "unasked"),
        heard=_read(HEARD, parts, "heard"),
        paused=frozenset() if rest is None else rest.paused,
        kept=bots,
        kept_ledger=accounts,
        kept_risk=risk,
    )


def _read(
    adapter: TypeAdapter[Any], parts: Mapping[str, Mapping[str, str]], kind: str
) -> dict[str, Any]:
    return {name: adapter.validate_json(text) for name, text in parts.get(kind, {}).items()}


def _account_key(name: str) -> tuple[Purse, str]:
    purse, _, bot = name.partition("/")
    return (Purse(purse), bot)
