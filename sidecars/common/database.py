"""Databases of sidecars: SQLAlchemy on SQLite, or on PostgreSQL by its URL.

Tables only ever grow; a batch is one transaction, so that whatever ends a process leaves whole
batches behind.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, MetaData, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

ROWS_AT_ONCE = 2000
_READS_ONLY = "aquatrade_reads_only"


def open_database(database_url: str, metadata: MetaData) -> Engine:
    """Open and, where needed, create the tables. Raises sqlalchemy.exc.SQLAlchemyError."""
    engine = create_engine(database_url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    metadata.create_all(engine)
    return engine


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads: it waits for no writer, and no writer waits for it."""
    connection = engine.connect().execution_options(**{_READS_ONLY: True})
    with connection, connection.begin():
        yield connection


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose primary key is not there yet; those that are there stay as they are."""
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing()
    for start in range(0, len(rows), ROWS_AT_ONCE):
        connection.execute(statement, [dict(row) for row in rows[start : start + ROWS_AT_ONCE]])


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver is to leave transactions alone; see _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get(_READS_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
