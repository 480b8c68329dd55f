"""Where candles, observations and records are kept: SQLite, or PostgreSQL by its URL.

Their tables only ever grow: nothing is rewritten. A batch is one transaction, so that whatever
ends the process leaves whole batches behind.
"""

import sys
from collections.abc import Collection, Sequence
from dataclasses import fields
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
    func,
    select,
)

from sidecars.common.database import ROWS_AT_ONCE, insert_new, open_database, reading
from sidecars.common.observation_store import ObservationTable, observations_table
from sidecars.common.observations import Observation, SeriesTimeline
from sidecars.confluence.candles import DailyCandles
from sidecars.confluence.records import ScoreRow, shared, shared_moment

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

# Up to which moment everything that a source beside candles had was read for a formula.
feeds_table = Table(
    "feeds",
    metadata,
    Column("formula", String(64), primary_key=True),
    Column("feed", String(32), primary_key=True),
    Column("complete_until_ms", BigInteger, nullable=False),
)

_observations_table = observations_table(metadata)

_ROW_NAMES = [field.name for field in fields(ScoreRow)]
_REPEATED = ("pair", "formula", "zone", "degraded")
_MOMENTS = ("as_of_ms", "available_at_ms", "candles_from_ms")
_POINTS = ("total", "confidence", "technical", "momentum", "regime", "sentiment")
_ROW_COLUMNS = [scores_table.c[name] for name in _ROW_NAMES]


class Store:
    """Candles and records of one exchange, and observations. Its methods block: call them in a
    thread."""

    def __init__(self, database_url: str, exchange: str) -> None:
        """Open and, where needed, create. Raises sqlalchemy.exc.SQLAlchemyError."""
        self._engine: Engine = open_database(database_url, metadata)
        self._exchange = exchange
        self._observations = ObservationTable(self._engine, _observations_table)

    def append_candles(self, pair: str, candles: DailyCandles) -> None:
        """Keep those that are not there yet; a day that is there stays as it was first known."""
        names = ("open_time_ms", "open", "high", "low", "close", "volume")
        rows = [
            {"exchange": self._exchange, "pair": pair, **dict(zip(names, row, strict=True))}
            for row in candles.rows()
        ]
        with self._engine.begin() as connection:
            insert_new(connection, candles_table, rows)

    def candles(self, pair: str) -> DailyCandles:
        """All candles of a pair, in order."""
        table = candles_table.c
        query = (
            select(table.open_time_ms, table.open, table.high, table.low, table.close, table.volume)
            .where(table.exchange == self._exchange, table.pair == pair)
            .order_by(table.open_time_ms)
        )
        with reading(self._engine) as connection:
            return DailyCandles.from_rows([tuple(row) for row in connection.execute(query)])

    def append_scores(self, rows: Sequence[ScoreRow]) -> None:
        """Keep those (formula, pair, as_of, revision) that are not there yet; one transaction."""
        with self._engine.begin() as connection:
            for start in range(0, len(rows), ROWS_AT_ONCE):
                some = rows[start : start + ROWS_AT_ONCE]
                values = [
                    {name: getattr(row, name) for name in _ROW_NAMES} | {"vetoed": int(row.vetoed)}
                    for row in some
                ]
                insert_new(connection, scores_table, values)

    def scores(self, formula: str, pair: str, from_as_of_ms: int = 0) -> list[ScoreRow]:
        """Records of a pair as of `from_as_of_ms` or later, by as_of, then revision."""
        table = scores_table.c
        query = (
            select(*_ROW_COLUMNS)
            .where(table.formula == formula, table.pair == pair, table.as_of_ms >= from_as_of_ms)
            .order_by(table.as_of_ms, table.revision)
        )
        with reading(self._engine) as connection:
            return [_score_row(row) for row in connection.execute(query)]

    def count_scores(self, formula: str) -> int:
        """How many records of a formula there are."""
        query = select(func.count()).where(scores_table.c.formula == formula)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def append_observations(self, observations: Sequence[Observation]) -> None:
        """Keep those (series, as_of, available_at) that are not there yet; one transaction."""
        self._observations.append(observations)

    def observations(self, series: Collection[str]) -> dict[str, SeriesTimeline]:
        """All that is kept of the named series; one without a value is not there."""
        # One after the other: never all of them as objects at once.
        found = {}
        for name in series:
            found.update(self._observations.load([name]))
        return found

    def feeds_complete_until_ms(self, formula: str) -> dict[str, int]:
        """Of each feed the moment up to which it was read for the formula."""
        table = feeds_table.c
        query = select(table.feed, table.complete_until_ms).where(table.formula == formula)
        with reading(self._engine) as connection:
            return {str(feed): int(until_ms) for feed, until_ms in connection.execute(query)}

    def say_complete(self, formula: str, feed: str, until_ms: int) -> None:
        """Remember up to which moment a feed was read; it only moves forward."""
        with self._engine.begin() as connection:
            row = {"formula": formula, "feed": feed, "complete_until_ms": until_ms}
            insert_new(connection, feeds_table, [row])
            connection.execute(
                feeds_table.update()
                .where(
                    feeds_table.c.formula == formula,
                    feeds_table.c.feed == feed,
                    feeds_table.c.complete_until_ms < until_ms,
                )
                .values(complete_until_ms=until_ms)
            )

    def alive_until_ms(self, formula: str) -> int | None:
        """The last moment at which a service of this formula said that it was answering."""
        query = select(service_table.c.alive_until_ms).where(service_table.c.formula == formula)
        with reading(self._engine) as connection:
            value = connection.execute(query).scalar_one_or_none()
        return None if value is None else int(value)

    def say_alive(self, formula: str, moment_ms: int) -> None:
        """Remember that a service of this formula is answering at this moment."""
        with self._engine.begin() as connection:
            insert_new(
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


def _score_row(values: Sequence[Any]) -> ScoreRow:
    row = dict(zip(_ROW_NAMES, values, strict=True))
    # Names, whole points and days repeat over many rows: each is kept in memory once.
    for name in _REPEATED:
        row[name] = sys.intern(row[name])
    for name in _POINTS:
        row[name] = shared(row[name])
    for name in _MOMENTS:
        row[name] = shared_moment(row[name])
    return ScoreRow(**{**row, "vetoed": bool(row["vetoed"])})
