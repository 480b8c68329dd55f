"""Where candles and records are kept: SQLAlchemy on SQLite, or on PostgreSQL by its URL.

Both tables only ever grow: nothing is rewritten. A batch is one transaction, so that whatever
ends the process leaves whole batches behind.
"""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from sidecars.confluence.candles import DailyCandles
from sidecars.confluence.records import ScoreRow

metadata = MetaData()

candles_table = Table(
    "candles",
    metadata,
    Column("exchange", String(32), primary_key=True),
    Column("pair", String(80), primary_key=True),
    Column("open_time_ms", BigInteger, primary_key=True),
    Column("open", Float(53), nullable=False),
    Column("high", Float(53), nullable=False),
    Column("low", Float(53), nullable=False),
    Column("close", Float(53), nullable=False),
    Column("volume", Float(53), nullable=False),
)

scores_table = Table(
    "scores",
    metadata,
    Column("formula", String(64), primary_key=True),
    Column("pair", String(80), primary_key=True),
    Column("as_of_ms", BigInteger, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("available_at_ms", BigInteger, nullable=False),
    Column("total", Float(53), nullable=False),
    Column("zone", String(16), nullable=False),
    Column("vetoed", Integer, nullable=False),
    Column("confidence", Float(53), nullable=False),
    Column("percentile", Float(53)),
    Column("technical", Float(53), nullable=False),
    Column("momentum", Float(53), nullable=False),
    Column("regime", Float(53), nullable=False),
    Column("sentiment", Float(53), nullable=False),
    Column("candles_from_ms", BigInteger, nullable=False),
    Column("readings", Text, nullable=False),
    Column("points", Text, nullable=False),
    Column("degraded", Text, nullable=False),
)

# Until when a service of this formula is known to have been answering.
service_table = Table(
    "service",
    metadata,
    Column("formula", String(64), primary_key=True),
    Column("alive_until_ms", BigInteger, nullable=False),
)

_ROW_NAMES = [field.name for field in fields(ScoreRow)]
_ROW_COLUMNS = [scores_table.c[name] for name in _ROW_NAMES]


class Store:
    """Candles and records of one exchange. Its methods block: call them in a thread."""

    def __init__(self, database_url: str, exchange: str) -> None:
        """Open and, where needed, create. Raises sqlalchemy.exc.SQLAlchemyError."""
        self._engine: Engine = create_engine(database_url)
        self._exchange = exchange
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        metadata.create_all(self._engine)

    def append_candles(self, pair: str, candles: DailyCandles) -> None:
        """Keep those that are not there yet; a day that is there stays as it was first known."""
        names = ("open_time_ms", "open", "high", "low", "close", "volume")
        rows = [
            {"exchange": self._exchange, "pair": pair, **dict(zip(names, row, strict=True))}
            for row in candles.rows()
        ]
        with self._engine.begin() as connection:
            self._insert_new(connection, candles_table, rows)

    def candles(self, pair: str) -> DailyCandles:
        """All candles of a pair, in order."""
        table = candles_table.c
        query = (
            select(table.open_time_ms, table.open, table.high, table.low, table.close, table.volume)
            .where(table.exchange == self._exchange, table.pair == pair)
            .order_by(table.open_time_ms)
        )
        with self._engine.begin() as connection:
            return DailyCandles.from_rows([tuple(row) for row in connection.execute(query)])

    def append_scores(self, rows: Sequence[ScoreRow]) -> None:
        """Keep those (formula, pair, as_of, revision) that are not there yet; one transaction."""
        values = [{**asdict(row), "vetoed": int(row.vetoed)} for row in rows]
        with self._engine.begin() as connection:
            self._insert_new(connection, scores_table, values)

    def scores(self, formula: str, pair: str, from_as_of_ms: int = 0) -> list[ScoreRow]:
        """Records of a pair as of `from_as_of_ms` or later, by as_of, then revision."""
        table = scores_table.c
        query = (
            select(*_ROW_COLUMNS)
            .where(table.formula == formula, table.pair == pair, table.as_of_ms >= from_as_of_ms)
            .order_by(table.as_of_ms, table.revision)
        )
        with self._engine.begin() as connection:
            return [_score_row(row) for row in connection.execute(query)]

    def alive_until_ms(self, formula: str) -> int | None:
        """The last moment at which a service of this formula said that it was answering."""
        query = select(service_table.c.alive_until_ms).where(service_table.c.formula == formula)
        with self._engine.begin() as connection:
            value = connection.execute(query).scalar_one_or_none()
        return None if value is None else int(value)

    def say_alive(self, formula: str, moment_ms: int) -> None:
        """Remember that a service of this formula is answering at this moment."""
        with self._engine.begin() as connection:
            self._insert_new(
                connection, service_table, [{"formula": formula, "alive_until_ms": moment_ms}]
            )
            connection.execute(
                service_table.update()
                .where(
                    service_table.c.formula == formula,
                    service_table.c.alive_until_ms < moment_ms,
                )
                .values(alive_until_ms=moment_ms)
            )

    def close(self) -> None:
        self._engine.dispose()

    def _insert_new(
        self, connection: Connection, table: Table, rows: Sequence[dict[str, Any]]
    ) -> None:
        if not rows:
            return
        dialect: Any = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), list(rows))


def _score_row(values: Sequence[Any]) -> ScoreRow:
    row = dict(zip(_ROW_NAMES, values, strict=True))
    return ScoreRow(**{**row, "vetoed": bool(row["vetoed"])})


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver is to leave transactions alone; see _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
