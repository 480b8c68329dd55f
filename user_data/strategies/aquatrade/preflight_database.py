"""Whether a database can be written, by writing into it; whether a bot's holds open trades."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import (
    Column,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from aquatrade.config_database import SQLITE_PREFIX, without_credentials
from aquatrade.preflight_asking import NoAnswerError, Unknown
from aquatrade.preflight_findings import Finding, Nature, ok, refused
from aquatrade.wording import one_line

LOCK_SECONDS = 3
TRIAL = Table("aquatrade_preflight", MetaData(), Column("word", String(20)))


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """problem: why it cannot be written, None if it can."""

    problem: str | None
    open_trades: int


def check_database(check: str, url: str, state: DatabaseState | Unknown) -> Finding:
    """Something was committed to it just now."""
    where = without_credentials(url)
    problem = state.why if isinstance(state, Unknown) else state.problem
    if problem is None:
        return ok(check, f"{where} can be written")
    return refused(
        check,
        f"{where} cannot be written ({problem}), expected a database that can",
        Nature.FATAL,
    )


def look_into(url: str) -> DatabaseState:
    """Try to write, then count open trades. Raises NoAnswerError if it cannot be read."""
    problem = writing_problem(url)
    return DatabaseState(problem, 0 if problem is not None else open_trades(url))


def writing_problem(url: str) -> str | None:
    """Why nothing can be committed to a database, None if something was; it is as before then.

    A SQLite file that was not there is not there afterwards. Takes some seconds if it is locked.
    """
    new_file = _missing_file(url)
    try:
        with _opened(url) as engine, engine.begin() as connection:
            TRIAL.drop(connection, checkfirst=True)
            TRIAL.create(connection)
            connection.execute(insert(TRIAL).values(word="written"))
            TRIAL.drop(connection)
    except NoAnswerError as error:
        return str(error)
    finally:
        if new_file is not None:
            new_file.unlink(missing_ok=True)
    return None


def open_trades(url: str) -> int:
    """How many open trades a bot's database holds; 0 where it has no trades or no file yet.

    Raises NoAnswerError where it cannot be read.
    """
    if _missing_file(url) is not None:
        return 0
    with _opened(url) as engine:
        if not inspect(engine).has_table("trades"):
            return 0
        trades = Table("trades", MetaData(), autoload_with=engine)
        query = select(func.count()).select_from(trades).where(trades.c.is_open)
        with engine.connect() as connection:
            return int(connection.execute(query).scalar_one())


def _missing_file(url: str) -> Path | None:
    """The SQLite file that a URL names, if it is not there (yet)."""
    path = Path(url.removeprefix(SQLITE_PREFIX))
    in_memory = url in ("sqlite://", f"{SQLITE_PREFIX}:memory:")
    is_missing = url.startswith(SQLITE_PREFIX) and not in_memory and not path.exists()
    return path if is_missing else None


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    """An engine that waits for no lock longer than LOCK_SECONDS. Raises NoAnswerError."""
    try:
        waits = {"sqlite": {"timeout": LOCK_SECONDS}, "postgresql": {"connect_timeout": 3}}
        backend = make_url(url).get_backend_name()
        engine = create_engine(url, connect_args=waits.get(backend, {}))
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise NoAnswerError(one_line(str(error))) from None
    try:
        yield engine
    except DBAPIError as error:
        raise NoAnswerError(one_line(str(error.orig))) from None
    except SQLAlchemyError as error:
        raise NoAnswerError(one_line(str(error))) from None
    finally:
        engine.dispose()
