"""Approvals in the guard's database.

Everything runs inside the caller's transaction, so that an approval is used together with the
reservation that uses it, or not at all. What is kept only ever moves on (waiting, approved, used):
of two transactions that use one approval the second fails.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
)
from sqlalchemy.exc import IntegrityError

from aquatrade.risk.model import Decision, Reason, Side
from sidecars.guard.approvals import NEXT
from sidecars.guard.model import Approval, ApprovalStatus

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENTS = ("candle", "asked_at", "expires_at", "answered_at")


class ApprovalConflict(Exception):  # noqa: N818  # it is an answer, not a fault
    """What is kept of an approval has moved on meanwhile; the text is one line."""


_approvals = Table(
    "guard_approvals",
    MetaData(),
    Column("id", String(64), primary_key=True),
    Column("bot", String(64), nullable=False),
    Column("exchange", String(64), nullable=False),
    Column("family", String(64), nullable=False),
    Column("pair", String(80), nullable=False),
    Column("side", String(8), nullable=False),
    Column("candle", BigInteger, nullable=False),
    Column("is_increase", Boolean, nullable=False),
    Column("tag", Text, nullable=False),
    # Increases of one candle differ by their tag, entries do not.
    Column("key_tag", Text, nullable=False),
    Column("score", Float(53)),
    Column("stake", Float(53), nullable=False),
    Column("rate", Float(53), nullable=False),
    Column("stop_rate", Float(53)),
    Column("reasons", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("answered_at", BigInteger),
    Column("answered_by", Text),
    UniqueConstraint("bot", "pair", "side", "candle", "is_increase", "key_tag"),
)


def approvals_table(metadata: MetaData) -> Table:
    """The table of approvals, of which a signal has one, among the caller's tables."""
    return _approvals.to_metadata(metadata)


def load_approvals(connection: Connection, asked_since: datetime | None = None) -> list[Approval]:
    """The kept approvals, oldest first; asked_since: only those asked for from then on."""
    query = select(_approvals).order_by(_approvals.c.asked_at, _approvals.c.id)
    if asked_since is not None:
        query = query.where(_approvals.c.asked_at >= _microseconds(asked_since))
    return [_approval(row._mapping) for row in connection.execute(query)]


def save_approvals(connection: Connection, approvals: Iterable[Approval]) -> None:
    """Keep approvals that are new or have changed.

    Raises ApprovalConflict for one that cannot have become this from what is kept: the caller's
    transaction must be given up, as somebody else was quicker.
    """
    for approval in approvals:
        row = _row(approval)
        before = [status.value for status, after in NEXT.items() if approval.status in after]
        change = (
            _approvals.update()
            .where(_approvals.c.id == approval.id, _approvals.c.status.in_(before))
            .values(row)
        )
        if connection.execute(change).rowcount == 1:
            continue
        if approval.status is not ApprovalStatus.WAITING:
            raise ApprovalConflict(f"approval {approval.id} is not open any more")
        try:
            connection.execute(_approvals.insert().values(row))
        except IntegrityError:
            raise ApprovalConflict(f"approval {approval.id} is kept already") from None


def _row(approval: Approval) -> dict[str, Any]:
    row = {field.name: getattr(approval, field.name) for field in fields(approval)}
    for name in _MOMENTS:
        row[name] = None if row[name] is None else _microseconds(row[name])
    reasons = [
        [each.rule, each.decision.value, each.text, each.value, each.limit]
        for each in approval.reasons
    ]
    return {
        **row,
        "side": approval.side.value,
        "status": approval.status.value,
        "reasons": orjson.dumps(reasons).decode(),
        "key_tag": approval.key[-1],
    }


def _approval(row: Mapping[Any, Any]) -> Approval:
    values = {field.name: row[field.name] for field in fields(Approval)}
    for name in _MOMENTS:
        values[name] = None if values[name] is None else _moment(values[name])
    values |= {
        "side": Side(values["side"]),
        "status": ApprovalStatus(values["status"]),
        "reasons": tuple(
            Reason(rule, Decision(decision), text, value, limit)
            for rule, decision, text, value, limit in orjson.loads(values["reasons"])
        ),
    }
    return Approval(**values)


def _microseconds(moment: datetime) -> int:
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _moment(microseconds: int) -> datetime:
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
