"""The replay exchange's books in SQLite: orders, fills, deposits, balances. It is the judge.

Every change is one transaction, committed before anybody is told of it. Write-ahead log with
synchronous=NORMAL: a commit is in the operating system's hands when it returns, so nothing is
lost when the process is killed at any moment. Only a crash of the whole machine may cost the last
commits, and it leaves a consistent, older ledger; a replay of history is not worth an fsync for
each order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from threading import RLock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import StaticPool

from sidecars.replay.matching import ledger_schema as schema
from sidecars.replay.matching.ledger_audit import disagreements
from sidecars.replay.matching.ledger_records import Bookmark, Changes, Deposit, Totals
from sidecars.replay.matching.spot_account import LEDGER_UNIT, NOTHING, OPEN_STATUSES
from sidecars.replay.model import Balance, Fill, Market, Order

ROWS_AT_ONCE = 500
LARGEST_DEPOSIT = Decimal(10) ** 15


class Ledger:
    """The books of one account at `path`, or in memory when path is None.

    Raises ValueError (one line) for a file that is no such ledger or of another schema version.
    One process at a time writes; any number may read the file.
    """

    def __init__(self, path: Path | None) -> None:
        if path is not None and not path.parent.is_dir():
            raise ValueError(f"ledger {path}: there is no folder {path.parent}")
        self._name = str(path) if path is not None else "(in memory)"
        self._lock = RLock()
        self._engine = sa.create_engine(
            sa.URL.create("sqlite", database=None if path is None else str(path)),
            poolclass=StaticPool,
            connect_args={"check_same_thread": False},
        )
        sa.event.listen(self._engine, "connect", _set_up)
        sa.event.listen(self._engine, "begin", _begin)
        try:
            schema.metadata.create_all(self._engine)
            version = self._note("schema_version", str(schema.SCHEMA_VERSION))
        except sa.exc.DatabaseError as error:
            self._engine.dispose()
            raise ValueError(f"ledger {self._name}: not a usable ledger ({error.orig})") from error
        if version != str(schema.SCHEMA_VERSION):
            self._engine.dispose()
            raise ValueError(
                f"ledger {self._name}: has schema version {version}, "
                f"this program reads version {schema.SCHEMA_VERSION}; start a new one"
            )

    def close(self) -> None:
        self._engine.dispose()

    def open_account(
        self, seed: int, markets: Iterable[Market], initial_balances: Mapping[str, Decimal]
    ) -> Bookmark:
        """Pay in the initial balances if the ledger is new; say where to go on.

        Raises ValueError for a ledger that another seed wrote, or an amount that is negative or
        finer than the ledger's unit.
        """
        for asset, amount in initial_balances.items():
            exact = amount.is_finite() and 0 <= amount <= LARGEST_DEPOSIT
            if not exact or amount % LEDGER_UNIT:
                raise ValueError(
                    f"initial balance of {asset}: expected 0 to {LARGEST_DEPOSIT:f} with "
                    f"8 decimals, got {amount}"
                )
        known = [{"symbol": m.symbol, "base": m.base, "quote": m.quote} for m in markets]
        with self._transaction() as connection:
            is_new = self._value(connection, "seed") is None
            if is_new:
                self._set_values(connection, {"seed": str(seed), "matched_ms": "0"})
                _pay_in(connection, initial_balances)
            elif (written := self._value(connection, "seed")) != str(seed):
                raise ValueError(
                    f"ledger {self._name}: belongs to a market of seed {written}, "
                    f"not {seed}; use that seed or a new ledger"
                )
            if known:
                connection.execute(_upsert(schema.markets, "symbol", ("base", "quote")), known)
            last_order = connection.scalar(sa.select(sa.func.max(schema.orders.c.order_id)))
            last_trade = connection.scalar(sa.select(sa.func.max(schema.fills.c.trade_id)))
            matched_ms = int(self._value(connection, "matched_ms") or 0)
        return Bookmark((last_order or 0) + 1, (last_trade or 0) + 1, matched_ms)

    def commit(self, changes: Changes) -> None:
        """Write one change of state in one transaction."""
        with self._transaction() as connection:
            if changes.orders:
                connection.execute(_UPSERT_ORDER, [schema.order_row(o) for o in changes.orders])
            if changes.fills:
                connection.execute(
                    schema.fills.insert(), [schema.fill_row(f) for f in changes.fills]
                )
            if changes.balances:
                connection.execute(_UPSERT_BALANCE, [_balance_row(b) for b in changes.balances])
            self._set_values(connection, {"matched_ms": str(changes.matched_ms)})

    def pay_in(self, asset: str, amount: Decimal, balance: Balance) -> Deposit:
        """Write a deposit, and the balance that it makes, in one transaction."""
        with self._transaction() as connection:
            row = {"asset": asset, "amount": amount}
            query = schema.deposits.insert().returning(schema.deposits.c.deposit_id)
            deposit_id = connection.execute(query, row).scalar_one()
            connection.execute(_UPSERT_BALANCE, _balance_row(balance))
        return Deposit(deposit_id, asset, amount)

    def order(
        self, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
    ) -> Order | None:
        """The order that fits all that is given; of a re-used client id the latest order."""
        table = schema.orders
        query = sa.select(table).where(table.c.symbol == symbol)
        if order_id is not None:
            query = query.where(table.c.order_id == order_id)
        if client_order_id is not None:
            query = query.where(table.c.client_order_id == client_order_id)
        found = self._orders(query.order_by(table.c.order_id.desc()).limit(1))
        return found[0] if found else None

    def orders(
        self,
        symbol: str | None = None,
        *,
        from_order_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int | None = None,
        open_only: bool = False,
        updated_after_ms: int | None = None,
    ) -> list[Order]:
        """Orders with their fills, by rising id; start and end are inclusive, on creation.

        limit: with a start (id or time) the first ones from there, else the last ones.
        """
        table = schema.orders
        query = sa.select(table)
        if symbol is not None:
            query = query.where(table.c.symbol == symbol)
        if from_order_id is not None:
            query = query.where(table.c.order_id >= from_order_id)
        if start_ms is not None:
            query = query.where(table.c.created_ms >= start_ms)
        if end_ms is not None:
            query = query.where(table.c.created_ms <= end_ms)
        if open_only:
            query = query.where(table.c.status.in_([status.value for status in OPEN_STATUSES]))
        if updated_after_ms is not None:
            query = query.where(table.c.updated_ms > updated_after_ms)
        from_start = limit is None or from_order_id is not None or start_ms is not None
        return self._orders(_page(query, table.c.order_id, from_start, limit))

    def fills(
        self,
        symbol: str | None = None,
        *,
        order_id: int | None = None,
        from_trade_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int | None = None,
    ) -> list[Fill]:
        """Fills by rising trade id; start and end are inclusive. `limit` as in `orders`."""
        table = schema.fills
        query = sa.select(table)
        if symbol is not None:
            query = query.where(table.c.symbol == symbol)
        if order_id is not None:
            query = query.where(table.c.order_id == order_id)
        if from_trade_id is not None:
            query = query.where(table.c.trade_id >= from_trade_id)
        if start_ms is not None:
            query = query.where(table.c.time_ms >= start_ms)
        if end_ms is not None:
            query = query.where(table.c.time_ms <= end_ms)
        from_start = limit is None or from_trade_id is not None or start_ms is not None
        rows = self._rows(_page(query, table.c.trade_id, from_start, limit))
        return sorted(map(schema.fill_from, rows), key=lambda fill: fill.trade_id)

    def deposits(self) -> list[Deposit]:
        """What was paid in, in order."""
        table = schema.deposits
        rows = self._rows(sa.select(table).order_by(table.c.deposit_id))
        return [Deposit(row.deposit_id, row.asset, row.amount) for row in rows]

    def balances(self) -> list[Balance]:
        """Every asset that was ever paid in or traded, by name."""
        table = schema.balances
        rows = self._rows(sa.select(table).order_by(table.c.asset))
        return [Balance(row.asset, row.free, row.locked) for row in rows]

    def totals(self) -> Totals:
        """Counts and sums over the whole ledger."""
        turnover: dict[str, Decimal] = {}
        fees: dict[str, Decimal] = {}
        fills = schema.fills
        query = sa.select(
            fills.c.quote_amount, fills.c.fee, fills.c.fee_asset, schema.markets.c.quote
        ).join(schema.markets, schema.markets.c.symbol == fills.c.symbol)
        with self._transaction() as connection:
            count, open_count = (
                connection.scalar(sa.select(sa.func.count()).where(condition)) or 0
                for condition in (
                    schema.orders.c.order_id.is_not(None),
                    schema.orders.c.status.in_([status.value for status in OPEN_STATUSES]),
                )
            )
            fill_count = 0
            for row in connection.execute(query):
                fill_count += 1
                turnover[row.quote] = turnover.get(row.quote, NOTHING) + row.quote_amount
                fees[row.fee_asset] = fees.get(row.fee_asset, NOTHING) + row.fee
        paid_in: dict[str, Decimal] = {}
        for deposit in self.deposits():
            paid_in[deposit.asset] = paid_in.get(deposit.asset, NOTHING) + deposit.amount
        held = {balance.asset: balance.free + balance.locked for balance in self.balances()}
        return Totals(count, open_count, fill_count, paid_in, held, turnover, fees)

    def verify(self) -> list[str]:
        """Recompute all balances and orders from deposits and fills; one line a disagreement."""
        with self._transaction() as connection:
            return disagreements(connection)

    def _orders(self, query: sa.Select[Any]) -> list[Order]:
        rows = sorted(self._rows(query), key=lambda row: row.order_id)
        of_order: dict[int, list[Fill]] = {row.order_id: [] for row in rows}
        ids = [row.order_id for row in rows if row.filled_amount]
        table = schema.fills
        for first in range(0, len(ids), ROWS_AT_ONCE):
            some = table.c.order_id.in_(ids[first : first + ROWS_AT_ONCE])
            for row in self._rows(sa.select(table).where(some).order_by(table.c.trade_id)):
                of_order[row.order_id].append(schema.fill_from(row))
        return [schema.order_from(row, of_order[row.order_id]) for row in rows]

    def _rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        with self._transaction() as connection:
            return connection.execute(query).all()

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self._lock, self._engine.begin() as connection:
            yield connection

    def _note(self, key: str, value: str) -> str:
        """The value kept under the key, which becomes `value` if there is none."""
        with self._transaction() as connection:
            kept = self._value(connection, key)
            if kept is None:
                self._set_values(connection, {key: value})
        return value if kept is None else kept

    @staticmethod
    def _value(connection: sa.Connection, key: str) -> str | None:
        query = sa.select(schema.meta.c.value).where(schema.meta.c.key == key)
        return connection.scalar(query)

    @staticmethod
    def _set_values(connection: sa.Connection, values: Mapping[str, str]) -> None:
        rows = [{"key": key, "value": value} for key, value in values.items()]
        connection.execute(_UPSERT_META, rows)


def _set_up(connection: Any, _record: object) -> None:
    # Python's driver opens no transaction for reads and table definitions unless it is told to
    # leave transactions alone; `_begin` opens each one.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=5000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _upsert(table: sa.Table, key: str, changing: Sequence[str]) -> sqlite.Insert:
    insert = sqlite.insert(table)
    return insert.on_conflict_do_update(
        [key], set_={name: insert.excluded[name] for name in changing}
    )


_UPSERT_ORDER = _upsert(schema.orders, "order_id", schema.CHANGING_COLUMNS)
_UPSERT_BALANCE = _upsert(schema.balances, "asset", ("free", "locked"))
_UPSERT_META = _upsert(schema.meta, "key", ("value",))


def _balance_row(balance: Balance) -> dict[str, object]:
    return {"asset": balance.asset, "free": balance.free, "locked": balance.locked}


def _pay_in(connection: sa.Connection, amounts: Mapping[str, Decimal]) -> None:
    for asset, amount in amounts.items():
        connection.execute(schema.deposits.insert(), {"asset": asset, "amount": amount})
        connection.execute(_UPSERT_BALANCE, _balance_row(Balance(asset, amount, NOTHING)))


def _page(
    query: sa.Select[Any], key: sa.Column[int], from_start: bool, limit: int | None
) -> sa.Select[Any]:
    ordered = query.order_by(key.asc() if from_start else key.desc())
    return ordered if limit is None else ordered.limit(limit)
