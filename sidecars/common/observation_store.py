"""Where observations are kept. Its methods block: call them in a thread."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import BigInteger, Column, Engine, Float, MetaData, String, Table, func, select
from sqlalchemy.engine import Connection

from sidecars.common.database import insert_new, reading
from sidecars.common.observations import Observation, SeriesTimeline


def observations_table(metadata: MetaData) -> Table:
    """The table, added to a sidecar's own metadata."""
    return Table(
        "observations",
        metadata,
        Column("series", String(80), primary_key=True),
        Column("as_of_ms", BigInteger, primary_key=True),
        Column("available_at_ms", BigInteger, primary_key=True),
        Column("value", Float(53), nullable=False),
        Column("source", String(40), nullable=False),
    )


class ObservationTable:
    """Append-only: of one (series, as_of, available_at) the first value stays."""

    def __init__(self, engine: Engine, table: Table) -> None:
        """table: made by observations_table() with the metadata that the engine was opened with."""
        self._engine = engine
        self._table = table

    def append(self, observations: Sequence[Observation]) -> None:
        """Keep those that are not there yet; one transaction."""
        with self._engine.begin() as connection:
            self.append_within(connection, observations)

    def append_within(self, connection: Connection, observations: Sequence[Observation]) -> None:
        """The same inside a transaction of the caller's."""
        rows = [
            {
                "series": each.series,
                "as_of_ms": each.as_of_ms,
                "available_at_ms": each.available_at_ms,
                "value": each.value,
                "source": each.source,
            }
            for each in observations
        ]
        insert_new(connection, self._table, rows)

    def load(
        self, series: Collection[str] | None = None, from_as_of_ms: int = 0
    ) -> dict[str, SeriesTimeline]:
        """The timelines of the named series, or of all; a series without a value is not there."""
        table = self._table.c
        query = select(
            table.series, table.as_of_ms, table.available_at_ms, table.value, table.source
        ).order_by(table.series, table.available_at_ms, table.as_of_ms)
        if series is not None:
            query = query.where(table.series.in_(list(series)))
        if from_as_of_ms:
            query = query.where(table.as_of_ms >= from_as_of_ms)
        found: dict[str, list[Observation]] = defaultdict(list)
        with reading(self._engine) as connection:
            for name, as_of_ms, available_at_ms, value, source in connection.execute(query):
                found[name].append(Observation(name, as_of_ms, available_at_ms, value, source))
        return {name: SeriesTimeline(observations) for name, observations in found.items()}

    def between(self, series: str, start_ms: int, end_ms: int, limit: int) -> list[Observation]:
        """Those with start_ms <= available_at_ms < end_ms by (available_at, as_of), the first."""
        table = self._table.c
        query = (
            select(table.series, table.as_of_ms, table.available_at_ms, table.value, table.source)
            .where(
                table.series == series,
                table.available_at_ms >= start_ms,
                table.available_at_ms < end_ms,
            )
            .order_by(table.available_at_ms, table.as_of_ms)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [Observation(*row) for row in connection.execute(query)]

    def names(self) -> list[str]:
        """Names of all series that have a value."""
        query = select(self._table.c.series).distinct().order_by(self._table.c.series)
        with reading(self._engine) as connection:
            return [str(name) for name in connection.execute(query).scalars()]

    def newest_as_of_ms(self, source: str) -> int | None:
        """The latest moment that values of the source speak of."""
        table = self._table.c
        query = select(func.max(table.as_of_ms)).where(table.source == source)
        with reading(self._engine) as connection:
            newest = connection.execute(query).scalar_one_or_none()
        return None if newest is None else int(newest)
