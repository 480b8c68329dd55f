"""Where a layer keeps what it heard and what it said: append-only tables.

Its methods block: call them in a thread.
"""

import zlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    select,
)

from sidecars.common.availability import InTime, Served, always_in_time, check_in_time
from sidecars.common.database import insert_new, open_database, reading
from sidecars.common.layer.events import KeptEvent
from sidecars.common.layer.records import ScoreRecord
from sidecars.common.observation_store import ObservationTable, observations_table
from sidecars.common.observations import HEARD_PREFIX, Observation, SeriesTimeline
from sidecars.common.sources import Headline, Transfer

metadata = MetaData()
observations = observations_table(metadata)

headlines_table = Table(
    "headlines",
    metadata,
    Column("event_id", String(128), primary_key=True),
    Column("source", String(40), nullable=False),
    Column("as_of_ms", BigInteger, nullable=False, index=True),
    Column("published_ms", BigInteger, nullable=False),
    Column("available_at_ms", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("assets", Text, nullable=False),
    Column("polarity", Float(53), nullable=False),
    Column("reach", Float(53), nullable=False),
)

whale_events_table = Table(
    "whale_events",
    metadata,
    Column("event_id", String(200), primary_key=True),
    Column("source", String(40), nullable=False),
    Column("as_of_ms", BigInteger, nullable=False, index=True),
    Column("published_ms", BigInteger, nullable=False),
    Column("available_at_ms", BigInteger, nullable=False),
    Column("token", String(24), nullable=False),
    Column("amount_usd", Float(53), nullable=False),
    Column("direction", String(24), nullable=False),
    Column("from_label", String(80)),
    Column("to_label", String(80)),
    Column("blockchain", String(40), nullable=False),
    Column("tx_hash", String(128), nullable=False),
)

scores_table = Table(
    "layer_scores",
    metadata,
    Column("formula", String(64), primary_key=True),
    Column("asset", String(12), primary_key=True),
    Column("as_of_ms", BigInteger, primary_key=True),
    Column("available_at_ms", BigInteger, nullable=False),
    Column("long", Float(53)),
    Column("short", Float(53)),
    Column("confidence", Float(53), nullable=False),
    Column("regime", String(24)),
    Column("flags", String(200), nullable=False),
    Column("body", LargeBinary, nullable=False),  # zlib: a year of them is a quarter as large
)

# The span in which a service of this database is known to have answered.
served_table = Table(
    "served",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("first_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
)
_SERVICE = "service"

# Of which sources, with which assets and from which day, the whole history was read.
histories_table = Table(
    "histories",
    metadata,
    Column("key", String(160), primary_key=True),
    Column("read_ms", BigInteger, nullable=False),
)

_SCORE_NAMES = [field.name for field in fields(ScoreRecord)]
_SCORE_COLUMNS = [scores_table.c[name] for name in _SCORE_NAMES]
_HEADLINE_NAMES = [field.name for field in fields(Headline)]
_TRANSFER_NAMES = [field.name for field in fields(Transfer)]


class LayerStore:
    """One layer's database."""

    def __init__(self, database_url: str) -> None:
        """Open and, where needed, create. Raises sqlalchemy.exc.SQLAlchemyError."""
        self._engine = open_database(database_url, metadata)
        self._observations = ObservationTable(self._engine, observations)

    def close(self) -> None:
        self._engine.dispose()

    def append(
        self,
        values: Sequence[Observation],
        events: Sequence[KeptEvent],
        in_time: InTime = always_in_time,
    ) -> None:
        """Keep what is not there yet; one transaction. Raises TooLateError when it is not in time
        any more just before its end; nothing is kept then."""
        headlines = [
            {
                **asdict(each.event),
                "assets": orjson.dumps(each.event.assets).decode(),
                "available_at_ms": each.available_at_ms,
            }
            for each in events
            if isinstance(each.event, Headline)
        ]
        transfers = [
            {**asdict(each.event), "available_at_ms": each.available_at_ms}
            for each in events
            if isinstance(each.event, Transfer)
        ]
        with self._engine.begin() as connection:
            self._observations.append_within(connection, values)
            insert_new(connection, headlines_table, headlines)
            insert_new(connection, whale_events_table, transfers)
            check_in_time(in_time)

    def append_scores(
        self,
        records: Sequence[ScoreRecord],
        derived: Sequence[Observation] = (),
        in_time: InTime = always_in_time,
    ) -> None:
        """Keep those (formula, asset, as_of) that are not there yet, and the series that were made
        with them; one transaction. Raises TooLateError as append does."""
        with self._engine.begin() as connection:
            insert_new(connection, scores_table, [_packed(record) for record in records])
            self._observations.append_within(connection, derived)
            check_in_time(in_time)

    def timelines(self, from_as_of_ms: int, heard_from_ms: int) -> dict[str, SeriesTimeline]:
        """All series from the moment on; those of who was heard, which are long, from theirs."""
        names = self.series_names()
        heard = [name for name in names if name.startswith(HEARD_PREFIX)]
        others = [name for name in names if not name.startswith(HEARD_PREFIX)]
        return {
            **self._observations.load(others, from_as_of_ms),
            **self._observations.load(heard, heard_from_ms),
        }

    def timelines_of(self, series: Collection[str]) -> dict[str, SeriesTimeline]:
        """The named series, whole."""
        return self._observations.load(series)

    def observations_between(
        self, series: str, start_ms: int, end_ms: int, limit: int
    ) -> list[Observation]:
        """Those with start_ms <= available_at_ms < end_ms by (available_at, as_of), the first."""
        return self._observations.between(series, start_ms, end_ms, limit)

    def series_names(self) -> list[str]:
        """Names of all series that have a value."""
        return self._observations.names()

    def newest_as_of_ms(self, source: str) -> int | None:
        """The latest moment that the source has told anything of."""
        return self._observations.newest_as_of_ms(source)

    def events(self, from_as_of_ms: int = 0) -> list[KeptEvent]:
        """All events, from the moment on."""
        return [*self._headlines(from_as_of_ms), *self._transfers(from_as_of_ms)]

    def _headlines(self, from_as_of_ms: int) -> list[KeptEvent]:
        names = [*_HEADLINE_NAMES, "available_at_ms"]
        kept = []
        for row in self._rows(headlines_table, names, from_as_of_ms):
            values = dict(zip(names, row, strict=True))
            available_at_ms = values.pop("available_at_ms")
            values["assets"] = tuple(orjson.loads(values["assets"]))
            kept.append(KeptEvent(Headline(**values), available_at_ms))
        return kept

    def _transfers(self, from_as_of_ms: int) -> list[KeptEvent]:
        names = [*_TRANSFER_NAMES, "available_at_ms"]
        kept = []
        for row in self._rows(whale_events_table, names, from_as_of_ms):
            values = dict(zip(names, row, strict=True))
            available_at_ms = values.pop("available_at_ms")
            kept.append(KeptEvent(Transfer(**values), available_at_ms))
        return kept

    def _rows(self, table: Table, names: Sequence[str], from_as_of_ms: int) -> list[Any]:
        query = (
            select(*(table.c[name] for name in names))
            .where(table.c.as_of_ms >= from_as_of_ms)
            .order_by(table.c.as_of_ms)
        )
        with reading(self._engine) as connection:
            return list(connection.execute(query))

    def score_at(self, formula: str, asset: str, at_ms: int) -> ScoreRecord | None:
        """The score that speaks of the latest moment among those available at the moment."""
        table = scores_table.c
        query = (
            select(*_SCORE_COLUMNS)
            .where(
                table.formula == formula,
                table.asset == asset,
                table.as_of_ms <= at_ms,
                table.available_at_ms <= at_ms,
            )
            .order_by(table.as_of_ms.desc())
            .limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _unpacked(row)

    def scores_between(
        self, formula: str, asset: str, start_ms: int, end_ms: int, limit: int
    ) -> list[tuple[Any, ...]]:
        """Rows of HISTORY_COLUMNS with start_ms <= available_at_ms < end_ms, in order, the first
        `limit` of them."""
        table = scores_table.c
        query = (
            select(*(table[name] for name in HISTORY_COLUMNS))
            .where(
                table.formula == formula,
                table.asset == asset,
                table.available_at_ms >= start_ms,
                table.available_at_ms < end_ms,
            )
            .order_by(table.available_at_ms, table.as_of_ms)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [tuple(row) for row in connection.execute(query)]

    def recorded_as_of_ms(self, formula: str, asset: str) -> list[int]:
        """The moments that there is a score of, in order."""
        table = scores_table.c
        query = (
            select(table.as_of_ms)
            .where(table.formula == formula, table.asset == asset)
            .order_by(table.as_of_ms)
        )
        with reading(self._engine) as connection:
            return [int(value) for value in connection.execute(query).scalars()]

    def has_history(self, key: str) -> bool:
        """Whether the whole history was read once."""
        query = select(histories_table.c.key).where(histories_table.c.key == key)
        with reading(self._engine) as connection:
            return connection.execute(query).one_or_none() is not None

    def say_history_read(self, key: str, now_ms: int) -> None:
        """Remember that the whole history was read."""
        with self._engine.begin() as connection:
            insert_new(connection, histories_table, [{"key": key, "read_ms": now_ms}])

    def served(self) -> Served:
        """When a service is known to have answered."""
        query = select(served_table.c.first_ms, served_table.c.until_ms)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return Served() if row is None else Served(int(row[0]), int(row[1]))

    def say_serving(self, now_ms: int) -> None:
        """Remember that a service is answering at this moment."""
        row = {"name": _SERVICE, "first_ms": now_ms, "until_ms": now_ms}
        with self._engine.begin() as connection:
            insert_new(connection, served_table, [row])
            connection.execute(
                served_table.update()
                .where(served_table.c.until_ms < now_ms)
                .values(until_ms=now_ms)
            )


def _packed(record: ScoreRecord) -> dict[str, Any]:
    return {**asdict(record), "body": zlib.compress(record.body)}


def _unpacked(row: Any) -> ScoreRecord:
    values = dict(zip(_SCORE_NAMES, row, strict=True))
    return ScoreRecord(**{**values, "body": zlib.decompress(values["body"])})


HISTORY_COLUMNS = (
    "as_of_ms",
    "available_at_ms",
    "long",
    "short",
    "confidence",
    "regime",
    "flags",
)
