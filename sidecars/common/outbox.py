"""Alerts as they are kept until everybody was told: nothing doubled, nothing lost in a crash.

An alert is written with one delivery for each target in one transaction before anything is sent.
A delivery is struck off after its target took it: who is killed in between sends it again, with
the same key. Its methods block: call them in a thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
    select,
    update,
)

from sidecars.common.alert import LONGEST_KEY, LONGEST_TEXT, LONGEST_TITLE, Alert, Level, cut
from sidecars.common.alert import digest_text as text_of_digest
from sidecars.common.database import insert_new, open_database

metadata = MetaData()

alerts_table = Table(
    "alerts",
    metadata,
    Column("key", String(LONGEST_KEY), primary_key=True),
    Column("level", String(8), nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("posted_ms", BigInteger, nullable=False),
    Column("digest", String(LONGEST_KEY)),  # key of the digest that carries an INFO
)

deliveries_table = Table(
    "alert_deliveries",
    metadata,
    Column("key", String(LONGEST_KEY), primary_key=True),
    Column("target", String(60), primary_key=True),
    Column("posted_ms", BigInteger, nullable=False),
    Column("urgency", Integer, nullable=False),  # 0 first
    Column("state", String(8), nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("next_try_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
    Column("error", Text),
)

WAITING, SENT, GIVEN_UP = "waiting", "sent", "given_up"
_URGENCY = {Level.CRITICAL: 0, Level.WARNING: 1, Level.INFO: 2}
_d = deliveries_table.c


@dataclass(frozen=True, slots=True)
class Delivery:
    """An alert that a target has not taken yet; attempts: how often it was tried."""

    alert: Alert
    target: str
    attempts: int


@dataclass(frozen=True, slots=True)
class TargetCounts:
    """How deliveries to a target stand. error: of the last one that failed or was given up."""

    waiting: int
    given_up: int
    last_sent_ms: int | None
    error: str | None


class Outbox:
    """The alerts of one service."""

    def __init__(self, database_url: str) -> None:
        """Open and, where needed, create. Raises sqlalchemy.exc.SQLAlchemyError."""
        self._engine = open_database(database_url, metadata)

    def close(self) -> None:
        self._engine.dispose()

    def post(self, alerts: Sequence[Alert], targets: Sequence[str], now_ms: int) -> list[Alert]:
        """Keep alerts; returns those whose key was not there yet. INFO waits for the digest."""
        by_key = {alert.key: alert for alert in reversed(alerts)}
        with self._engine.begin() as connection:
            query = select(alerts_table.c.key).where(alerts_table.c.key.in_(by_key))
            there = set(connection.execute(query).scalars())
            new = [alert for key, alert in reversed(by_key.items()) if key not in there]
            for alert in new:
                _insert(connection, alert, targets if alert.level != Level.INFO else (), now_ms)
        return new

    def post_digest(
        self, key: str, title: str, targets: Sequence[str], before_ms: int, now_ms: int
    ) -> int:
        """Put every INFO posted before the moment and not yet in a digest into one; how many."""
        table = alerts_table.c
        chosen = (table.level == Level.INFO, table.digest.is_(None), table.posted_ms < before_ms)
        with self._engine.begin() as connection:
            rows = connection.execute(
                select(table.key, table.title, table.text)
                .where(*chosen)
                .order_by(table.posted_ms, table.key)
            ).all()
            made = connection.execute(select(table.key).where(table.key == key)).first()
            if not rows or made is not None:  # what came too late for one is in the next
                return 0
            text = text_of_digest([(row.title, row.text) for row in rows])
            digest = Alert(Level.INFO, key, f"{title}: {len(rows)}", text)
            _insert(connection, digest, targets, now_ms, digest=key)
            keys = [row.key for row in rows]
            connection.execute(update(alerts_table).where(table.key.in_(keys)).values(digest=key))
        return len(rows)

    def due(self, target: str, now_ms: int, longest: int = 20) -> list[Delivery]:
        """Waiting deliveries whose time has come: what was tried least first, then by urgency."""
        table = alerts_table.c
        query = (
            select(table.level, table.key, table.title, table.text, _d.attempts)
            .join_from(deliveries_table, alerts_table, _d.key == table.key)
            .where(_d.target == target, _d.state == WAITING, _d.next_try_ms <= now_ms)
            .order_by(_d.attempts, _d.urgency, _d.posted_ms, _d.key)
            .limit(longest)
        )
        with self._engine.begin() as connection:
            return [
                Delivery(
                    Alert(Level(row.level), row.key, row.title, row.text), target, row.attempts
                )
                for row in connection.execute(query)
            ]

    def mark_sent(self, delivery: Delivery, now_ms: int) -> None:
        """The target took it."""
        self._update(delivery, state=SENT, finished_ms=now_ms, error=None)

    def mark_failed(self, delivery: Delivery, next_try_ms: int, error: str) -> None:
        """The target did not take it; it is tried again at the moment."""
        self._update(delivery, next_try_ms=next_try_ms, error=error)

    def give_up(self, before_ms: int, now_ms: int) -> list[tuple[str, str]]:
        """Stop trying what was posted before the moment, whosever it is; (key, target) of each."""
        old = (_d.state == WAITING, _d.posted_ms < before_ms)
        with self._engine.begin() as connection:
            rows = connection.execute(select(_d.key, _d.target).where(*old)).all()
            if rows:
                values = {"state": GIVEN_UP, "finished_ms": now_ms}
                connection.execute(update(deliveries_table).where(*old).values(values))
        return [(row.key, row.target) for row in rows]

    def first_posted_ms(self) -> int | None:
        """When the first alert of all was kept; None before it."""
        with self._engine.begin() as connection:
            value = connection.execute(select(func.min(alerts_table.c.posted_ms))).scalar_one()
        return None if value is None else int(value)

    def next_try_ms(self, target: str) -> int | None:
        """When the next delivery to a target is due."""
        query = select(func.min(_d.next_try_ms)).where(_d.target == target, _d.state == WAITING)
        with self._engine.begin() as connection:
            value = connection.execute(query).scalar_one()
        return None if value is None else int(value)

    def counts(self, target: str, since_ms: int) -> TargetCounts:
        """How a target's deliveries stand; those given up since the moment."""
        own = _d.target == target
        failed = (own, _d.error.is_not(None), _d.posted_ms >= since_ms)
        with self._engine.begin() as connection:

            def one(query: Any) -> Any:
                return connection.execute(query).scalar()

            count = select(func.count()).select_from(deliveries_table)
            gone = (own, _d.state == GIVEN_UP, _d.finished_ms >= since_ms)
            return TargetCounts(
                waiting=one(count.where(own, _d.state == WAITING)),
                given_up=one(count.where(*gone)),
                last_sent_ms=one(select(func.max(_d.finished_ms)).where(own, _d.state == SENT)),
                error=one(select(_d.error).where(*failed).order_by(_d.posted_ms.desc()).limit(1)),
            )

    def _update(self, delivery: Delivery, **values: object) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                update(deliveries_table)
                .where(_d.key == delivery.alert.key, _d.target == delivery.target)
                .values(attempts=delivery.attempts + 1, **values)
            )


def _insert(
    connection: Connection,
    alert: Alert,
    targets: Sequence[str],
    now_ms: int,
    digest: str | None = None,
) -> None:
    row = {
        "key": alert.key,
        "level": alert.level.value,
        "title": cut(" ".join(alert.title.split()), LONGEST_TITLE),
        "text": cut(alert.text, LONGEST_TEXT),
        "posted_ms": now_ms,
        "digest": digest,
    }
    insert_new(connection, alerts_table, [row])
    deliveries = [
        {
            "key": alert.key,
            "target": target,
            "posted_ms": now_ms,
            "urgency": _URGENCY[alert.level],
            "state": WAITING,
            "attempts": 0,
            "next_try_ms": now_ms,
            "finished_ms": None,
            "error": None,
        }
        for target in targets
    ]
    insert_new(connection, deliveries_table, deliveries)
