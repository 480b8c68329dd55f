"""The log of all that risk decides: append-only, and each row vouches for those before it.

A row carries the SHA-256 over its content and over the hash of the row before. Whoever alters or
removes a row breaks every hash after it; only the end can be cut off unseen, so a copy elsewhere
(the guard's of a bot's) or a hash written down says how long the log was. In SQLite, triggers
refuse whatever is not an append.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Select, create_engine, event, insert, select, text

from aquatrade.canonical_json import aware, canonical_json
from aquatrade.event_table import (
    FIRST_PREVIOUS_HASH,
    LARGEST_SEQ,
    ROWS_AT_ONCE,
    SQLITE_TRIGGERS,
    events_table,
    metadata,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_READS_ONLY = "aquatrade_reads_only"  # known to the engines of the sidecars, too
_c = events_table.c


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `data` holds what JSON can say, and moments.

    origin: the bot or service it happened in; origin_seq: its number there, so that the same
    event sent twice is kept once.
    """

    at: datetime
    origin: str
    kind: str
    text: str
    pair: str | None = None
    candle: datetime | None = None  # open of the signal's candle
    data: Mapping[str, Any] = field(default_factory=dict)
    origin_seq: int | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event in its place in the chain."""

    seq: int
    event: Event
    hash: str
    previous_hash: str


class EventLog:
    """Append-only; safe to be written by several threads and processes. Its methods block."""

    def __init__(self, engine: Engine) -> None:
        """Create table and triggers if missing. Raises sqlalchemy.exc.SQLAlchemyError."""
        self._engine = engine
        metadata.create_all(engine)
        if engine.dialect.name == "sqlite":
            with engine.begin() as connection:
                for trigger in SQLITE_TRIGGERS:
                    connection.execute(text(trigger))

    def append(self, events: Sequence[Event]) -> int:
        """Keep all or none; what (origin, origin_seq) is there already is skipped.

        Returns the number of the log's last row, 0 if it is empty. Raises ValueError for an
        event that cannot be kept, sqlalchemy.exc.SQLAlchemyError.
        """
        with self._engine.begin() as connection:
            return self.append_in(connection, events)

    def append_in(self, connection: Connection, events: Sequence[Event]) -> int:
        """As append, inside the caller's transaction (one that writes from its beginning)."""
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE risk_events IN EXCLUSIVE MODE"))
        newest = select(_c.seq, _c.hash).order_by(_c.seq.desc()).limit(1)
        last = connection.execute(newest).first()
        seq, previous_hash = (0, FIRST_PREVIOUS_HASH) if last is None else (last.seq, last.hash)
        rows = []
        known = _known(connection, events)
        for event_ in events:
            key = (_clean(event_.origin), event_.origin_seq)
            if key in known:
                continue
            if event_.origin_seq is not None:
                known.add(key)
            seq += 1
            row = _row(seq, event_, previous_hash)
            previous_hash = row["hash"]
            rows.append(row)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            connection.execute(insert(events_table), rows[start : start + ROWS_AT_ONCE])
        return int(seq)

    def after(
        self,
        seq: int,
        limit: int,
        *,
        kind: str | None = None,
        origin: str | None = None,
        pair: str | None = None,
    ) -> list[StoredEvent]:
        """The rows after a number, oldest first."""
        query = _chosen(kind, origin, pair).where(_c.seq > seq).order_by(_c.seq).limit(limit)
        return self._read(query)

    def newest(
        self,
        limit: int,
        *,
        kind: str | None = None,
        origin: str | None = None,
        pair: str | None = None,
        before: int | None = None,
    ) -> list[StoredEvent]:
        """The last rows, newest first. before: only those with a smaller number."""
        query = _chosen(kind, origin, pair)
        if before is not None:
            query = query.where(_c.seq < before)
        return self._read(query.order_by(_c.seq.desc()).limit(limit))

    def about(self, pair: str, candle: datetime, origin: str | None = None) -> list[StoredEvent]:
        """All that is known of a signal, oldest first."""
        query = _chosen(None, origin, pair).where(_c.candle_us == _microseconds(candle))
        return self._read(query.order_by(_c.seq))

    def verify(self) -> int | None:
        """The number of the first row that does not fit the rows before it; None: all is sound."""
        seq, previous_hash = 0, FIRST_PREVIOUS_HASH
        for row in self._all_rows():
            fits = row.seq == seq + 1 and row.previous_hash == previous_hash
            if not fits or not _is_vouched_for(row):
                return int(row.seq)
            seq, previous_hash = row.seq, row.hash
        return None

    def _all_rows(self) -> Iterator[Any]:
        # Many short reads: one long one would keep SQLite from trimming its write-ahead log.
        seq: int | None = None
        while True:
            query = select(events_table).order_by(_c.seq).limit(ROWS_AT_ONCE)
            rows = self._rows(query if seq is None else query.where(_c.seq > seq))
            if not rows:
                return
            yield from rows
            seq = rows[-1].seq

    def _read(self, query: Select[Any]) -> list[StoredEvent]:
        return [_stored(row) for row in self._rows(query)]

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        connection = self._engine.connect().execution_options(**{_READS_ONLY: True})
        with connection, connection.begin():
            return connection.execute(query).all()


def open_event_database(database_url: str) -> Engine:
    """An engine for the log; what it commits outlives a loss of power.

    Raises sqlalchemy.exc.SQLAlchemyError for a URL that means nothing.
    """
    engine = create_engine(database_url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver is to leave transactions alone; see _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=10000")
    _switch_to_write_ahead_log(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _switch_to_write_ahead_log(cursor: Any) -> None:
    # Busy_timeout does not hold for this switch: two that open a new file at once collide.
    for wait_seconds in (0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(wait_seconds)
        else:
            return
    cursor.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get(_READS_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def _known(connection: Connection, events: Sequence[Event]) -> set[tuple[str, int | None]]:
    """Which of the events' (origin, origin_seq) the log has."""
    for event_ in events:
        if event_.origin_seq is not None and not 0 <= event_.origin_seq <= LARGEST_SEQ:
            raise ValueError(
                f"origin_seq of an event: got {event_.origin_seq}, expected 0 to {LARGEST_SEQ}"
            )
    known: set[tuple[str, int | None]] = set()
    for origin in {_clean(event_.origin) for event_ in events}:
        numbers = [
            event_.origin_seq
            for event_ in events
            if event_.origin_seq is not None and _clean(event_.origin) == origin
        ]
        for start in range(0, len(numbers), ROWS_AT_ONCE):
            query = select(_c.origin_seq).where(
                _c.origin == origin, _c.origin_seq.in_(numbers[start : start + ROWS_AT_ONCE])
            )
            known |= {(origin, number) for number in connection.execute(query).scalars()}
    return known


def _row(seq: int, event_: Event, previous_hash: str) -> dict[str, Any]:
    row = {
        "seq": seq,
        "at_us": _microseconds(event_.at),
        "origin": _clean(event_.origin),
        "origin_seq": event_.origin_seq,
        "kind": _clean(event_.kind),
        "pair": None if event_.pair is None else _clean(event_.pair),
        "candle_us": None if event_.candle is None else _microseconds(event_.candle),
        "text": _clean(event_.text),
        "data": canonical_json(dict(event_.data)),
        "previous_hash": previous_hash,
    }
    return {**row, "hash": _hash(row)}


def _hash(row: Mapping[Any, Any]) -> str:
    content = {name: value for name, value in row.items() if name != "hash"}
    return hashlib.sha256(canonical_json(content).encode("ascii")).hexdigest()


def _is_vouched_for(row: Any) -> bool:
    try:
        return bool(row.hash == _hash(row._mapping))
    except ValueError:  # SQLite takes any type in any column, one that no row of ours has too
        return False


def _stored(row: Any) -> StoredEvent:
    found = Event(
        at=_EPOCH + row.at_us * _MICROSECOND,
        origin=row.origin,
        kind=row.kind,
        text=row.text,
        pair=row.pair,
        candle=None if row.candle_us is None else _EPOCH + row.candle_us * _MICROSECOND,
        data=json.loads(row.data),
        origin_seq=row.origin_seq,
    )
    return StoredEvent(row.seq, found, row.hash, row.previous_hash)


def _chosen(kind: str | None, origin: str | None, pair: str | None) -> Select[Any]:
    query = select(events_table)
    for column, value in ((_c.kind, kind), (_c.origin, origin), (_c.pair, pair)):
        if value is not None:
            query = query.where(column == value)
    return query


def _microseconds(moment: datetime) -> int:
    return (aware(moment) - _EPOCH) // _MICROSECOND


def _clean(words: str) -> str:
    """The text with what no database takes (half a surrogate pair, NUL) replaced."""
    return words.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
