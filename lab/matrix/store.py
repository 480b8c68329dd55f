"""Results of cells in one SQLite file, each committed as it ends, found again by its key."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import (
    Column,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from lab.matrix.cell_run import CellFigures, Outcome, unfeather
from lab.matrix.plan import Cell, MatrixError

VERSION = 1  # PRAGMA user_version
BUSY_SECONDS = 30  # of another run that writes into the same file
KEYS_A_QUERY = 500
metadata = MetaData()
FIGURES = [field.name for field in dataclasses.fields(CellFigures)]
WHOLE = frozenset({"trades", "left_open", "wins"})

cells_table = Table(
    "cells",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("strategy", String(80), nullable=False),
    Column("preset", String(80), nullable=False),
    Column("pairs", Text, nullable=False),  # by commas
    Column("period", String(40), nullable=False),
    Column("cost", String(60), nullable=False),
    Column("timeframe", String(8), nullable=False),
    Column("capital_usd", Float, nullable=False),
    Column("code", String(64), nullable=False),  # what it was made with
    Column("candles", String(64), nullable=False),
    Column("versions", Text, nullable=False),
    Column("finished_at", String(32), nullable=False),  # ISO, UTC
    Column("status", String(8), nullable=False),  # ok | empty | failed
    Column("message", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("start", String(32)),
    Column("end", String(32)),
    *(Column(name, Integer if name in WHOLE else Float) for name in FIGURES),
    Column("trades_feather", LargeBinary, nullable=False),
    Column("equity_feather", LargeBinary, nullable=False),
)


class MatrixStore:
    """A file of results. Raises MatrixError where it is none, or of another version."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._engine = _engine(file)
        try:
            self._prepare()
        except SQLAlchemyError as error:
            self._engine.dispose()
            raise _refused(file, error) from None
        except MatrixError:
            self._engine.dispose()
            raise

    def _prepare(self) -> None:
        with self._engine.begin() as connection:
            version = int(connection.execute(text("PRAGMA user_version")).scalar_one())
            names = set(inspect(connection).get_table_names())
            if names and (cells_table.name not in names or version != VERSION):
                raise MatrixError(
                    f"--store {self._file}: no matrix of version {VERSION}, expected a new file "
                    "or one that this command has written"
                )
            metadata.create_all(connection)
            connection.execute(text(f"PRAGMA user_version = {VERSION}"))

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()

    def save(self, cell: Cell, outcome: Outcome, now: datetime) -> None:
        """Commit an outcome; an earlier one of the same cell is replaced. Raises MatrixError."""
        values = _values(cell, outcome, now)
        statement = insert(cells_table).values(values)
        try:
            with self._engine.begin() as connection:
                connection.execute(
                    statement.on_conflict_do_update(index_elements=["key"], set_=values)
                )
        except SQLAlchemyError as error:
            raise _refused(self._file, error) from None

    def outcomes(self, keys: Iterable[str]) -> dict[str, Outcome]:
        """What is known of these cells, by key; without trades. Raises MatrixError."""
        columns = [column for column in cells_table.columns if column.name != "trades_feather"]
        return {row["key"]: _outcome(row) for row in self._rows(columns, list(keys))}

    def trades(self, key: str) -> pd.DataFrame | None:
        """Trades of a cell, None where there is no such cell. Raises MatrixError."""
        rows = list(self._rows([cells_table.c.key, cells_table.c.trades_feather], [key]))
        content = rows[0]["trades_feather"] if rows else b""
        return unfeather(content) if content else None

    def _rows(self, columns: list[Any], keys: list[str]) -> Iterator[Mapping[str, Any]]:
        try:
            with self._engine.connect() as connection:
                for first in range(0, len(keys), KEYS_A_QUERY):
                    wanted = cells_table.c.key.in_(keys[first : first + KEYS_A_QUERY])
                    rows = connection.execute(select(*columns).where(wanted)).mappings()
                    yield from (dict(row) for row in rows)
        except SQLAlchemyError as error:
            raise _refused(self._file, error) from None


def _engine(file: Path) -> Engine:
    if not file.parent.is_dir():
        raise MatrixError(f"--store {file}: no folder {file.parent}")
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def pragmas(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    return engine


def _refused(file: Path, error: SQLAlchemyError) -> MatrixError:
    cause = getattr(error, "orig", None) or error
    return MatrixError(f"--store {file}: {' '.join(str(cause).split())}")


def _values(cell: Cell, outcome: Outcome, now: datetime) -> dict[str, Any]:
    figures = outcome.figures
    return {
        "key": cell.key,
        "strategy": cell.strategy,
        "preset": cell.preset,
        "pairs": ",".join(cell.pairs),
        "period": cell.period.timerange,
        "cost": cell.cost.text,
        "timeframe": cell.timeframe,
        "capital_usd": cell.capital,
        "code": cell.prints.code,
        "candles": cell.prints.candles,
        "versions": cell.prints.versions,
        "finished_at": now.isoformat(timespec="seconds"),
        "status": outcome.status,
        "message": outcome.message,
        "seconds": outcome.seconds,
        "start": None if outcome.start is None else outcome.start.isoformat(),
        "end": None if outcome.end is None else outcome.end.isoformat(),
        **{name: None if figures is None else getattr(figures, name) for name in FIGURES},
        "trades_feather": outcome.trades,
        "equity_feather": outcome.equity,
    }


def _outcome(row: Mapping[str, Any]) -> Outcome:
    return Outcome(
        key=row["key"],
        status=row["status"],
        message=row["message"],
        seconds=row["seconds"],
        start=_moment(row["start"]),
        end=_moment(row["end"]),
        figures=CellFigures(**{name: row[name] for name in FIGURES})
        if row["status"] == "ok"
        else None,
        equity=row["equity_feather"],
    )


def _moment(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)
