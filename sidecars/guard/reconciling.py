"""Looking at accounts and bots together: bots, exchange, bots again. It only ever reads.

A difference counts in a look when the exchange differs from what the bots said both before and
after: what happened in between explains itself. What cannot be read is an error, never equal.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import BigInteger, Column, Engine, MetaData, Table, Text, select

from sidecars.common.clock import Clock
from sidecars.common.database import reading
from sidecars.common.source_errors import SourceError
from sidecars.guard.books import AccountBooks, BotBooks, BotIdentity, Leftover
from sidecars.guard.exchange_books import Question
from sidecars.guard.model import Mismatch, Reconciliation
from sidecars.guard.reconcile import compare
from sidecars.guard.reconcile_amounts import leftovers
from sidecars.guard.reconcile_memory import (
    AccountLook,
    Memory,
    accepted,
    after_look,
    earliest_fills,
    fills_since,
    memory_from_json,
    memory_to_json,
)
from sidecars.guard.snapshots import BotSnapshot

logger = logging.getLogger(__name__)


class AccountReader(Protocol):
    """An account on an exchange."""

    async def read(self, question: Question) -> AccountBooks:
        """Raises SourceError."""
        ...

    async def close(self) -> None: ...


class BotReader(Protocol):
    """A bot's books."""

    @property
    def bot(self) -> BotIdentity: ...

    async def read(self, fills_since: datetime) -> BotBooks | None:
        """None: it trades with play money. Raises SourceError."""
        ...


@dataclass
class _Bots:
    """What the bots of one account said, once. failed: by bot, why it did not."""

    books: list[BotBooks] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


class MemoryStore:
    """What reconciliation remembers, in the guard's database. Its methods block."""

    def __init__(self, engine: Engine) -> None:
        """Create the table if missing. Raises sqlalchemy.exc.SQLAlchemyError."""
        self._engine = engine
        metadata = MetaData()
        self._table = Table(
            "guard_reconcile_memory",
            metadata,
            Column("id", BigInteger, primary_key=True, autoincrement=False),
            Column("content", Text, nullable=False),
        )
        metadata.create_all(engine)

    def load(self) -> Memory:
        """Raises ValueError with one line for what is no memory."""
        with reading(self._engine) as connection:
            content = connection.execute(select(self._table.c.content)).scalar()
        return Memory() if content is None else memory_from_json(str(content))

    def save(self, memory: Memory) -> None:
        with self._engine.begin() as connection:
            connection.execute(self._table.delete())
            connection.execute(self._table.insert().values(id=1, content=memory_to_json(memory)))


class Reconciler:
    """Compares every account with the bots on it. Open it with `load`, end it with `close`."""

    def __init__(
        self,
        accounts: Mapping[str, AccountReader],
        bots: Sequence[BotReader],
        clock: Clock,
        store: MemoryStore | None = None,
    ) -> None:
        """store: None: what is remembered ends with the process."""
        self._accounts = dict(accounts)
        self._bots = {reader.bot.name: reader for reader in bots}
        self._clock = clock
        self._store = store
        self._memory = Memory()
        self._one_at_a_time = asyncio.Lock()

    @property
    def memory(self) -> Memory:
        return self._memory

    async def load(self) -> None:
        """Remember what was kept. Raises ValueError, sqlalchemy.exc.SQLAlchemyError."""
        if self._store is not None:
            self._memory = await asyncio.to_thread(self._store.load)

    async def close(self) -> None:
        for account in self._accounts.values():
            await account.close()

    async def look(
        self, snapshots: Mapping[str, BotSnapshot], accounts: Mapping[str, str | None]
    ) -> Reconciliation:
        """Compare once. accounts: of each bot; None: none is configured.

        `mismatches` are those of this look; what an account has that stands among the errors may
        be more than this look could see. Raises sqlalchemy.exc.SQLAlchemyError when what is to be
        remembered cannot be kept.
        """
        async with self._one_at_a_time:
            now = self._clock.now()
            on_account, errors = self._placed(snapshots, accounts)
            looks = await asyncio.gather(
                *(self._look_at(name, readers, now) for name, readers in on_account.items())
            )
            memory = self._memory
            found: list[Mismatch] = []
            unread: dict[str, tuple[str, ...]] = {}
            for name, (look, failed) in zip(on_account, looks, strict=True):
                if failed:
                    errors[name] = "; ".join(failed.values())
                if failed and look is not None:
                    unread[name] = tuple(failed)
                if look is not None:
                    memory, mismatches = after_look(memory, look, now)
                    found += mismatches
            await self._keep(memory)
        return Reconciliation(now, tuple(found), errors, unread)

    def _placed(
        self, snapshots: Mapping[str, BotSnapshot], accounts: Mapping[str, str | None]
    ) -> tuple[dict[str, list[BotReader]], dict[str, str]]:
        """The bots that trade for real, by account, and an error for each without one."""
        on_account: dict[str, list[BotReader]] = {}
        errors: dict[str, str] = {}
        for name, reader in self._bots.items():
            snapshot, account = snapshots.get(name), accounts.get(name)
            if snapshot is not None and snapshot.is_dry_run:
                continue
            if account is not None and account in self._accounts:
                on_account.setdefault(account, []).append(reader)
            elif snapshot is None:
                errors[f"of bot {name}"] = "the bot has not been read yet"
            else:
                errors[f"of bot {name}"] = (
                    "it trades for real, and no account is named that could be read"
                )
        return on_account, errors

    async def accept(self, by: str) -> tuple[Mismatch, ...]:
        """A person has looked: what is there now is put up with for as long as it stays as it is.
        Returns what was accepted."""
        async with self._one_at_a_time:
            shown = tuple(each.mismatch for each in self._memory.remembered.values())
            await self._keep(accepted(self._memory))
        for mismatch in shown:
            logger.warning("mismatch accepted", extra={"by": by, "mismatch": mismatch.text})
        return shown

    async def _keep(self, memory: Memory) -> None:
        if self._store is not None and memory != self._memory:
            await asyncio.to_thread(self._store.save, memory)
        self._memory = memory

    async def _look_at(
        self, account: str, readers: Sequence[BotReader], now: datetime
    ) -> tuple[AccountLook | None, dict[str, str]]:
        """One account and its bots, and one line for each that could not be read, by name."""
        since = earliest_fills(self._memory, account, now)
        before = await _read_bots(readers, since)
        pairs = sorted({pair for books in before.books for pair in books.pairs})
        known = {key for books in before.books for key in books.orders}
        believed_open = {
            key for books in before.books for key, order in books.orders.items() if order.is_open
        }
        question = Question(fills_since(self._memory, account, pairs, now), believed_open, known)
        try:
            exchange = await self._accounts[account].read(question)
        except SourceError as error:
            return None, {"": str(error), **before.failed}
        after = await _read_bots(readers, since)
        failed = before.failed | after.failed
        unread = [reader.bot for reader in readers if reader.bot.name in failed]
        first, second = (_without(bots.books, unread) for bots in (before, after))
        found_before = {each.key for each in compare(exchange, first, unread)}
        return (
            AccountLook(
                account=account,
                bots=frozenset(books.bot.name for books in second),
                is_whole=not unread,
                found=tuple(
                    each for each in compare(exchange, second, unread) if each.key in found_before
                ),
                leftovers=None if unread else _least_left(exchange, first, second),
            ),
            failed,
        )


async def _read_bots(readers: Sequence[BotReader], since: datetime) -> _Bots:
    read = _Bots()
    answers = await asyncio.gather(
        *(reader.read(since) for reader in readers), return_exceptions=True
    )
    for reader, answer in zip(readers, answers, strict=True):
        if isinstance(answer, SourceError):
            read.failed[reader.bot.name] = str(answer)
        elif isinstance(answer, BaseException):
            raise answer
        elif answer is not None:
            read.books.append(answer)
    return read


def _without(books: Sequence[BotBooks], unread: Sequence[BotIdentity]) -> list[BotBooks]:
    return [each for each in books if each.bot not in unread]


def _least_left(
    exchange: AccountBooks, before: Sequence[BotBooks], after: Sequence[BotBooks]
) -> dict[str, Leftover]:
    """Of each coin the answer that leaves less over: what was bought or sold in between is not."""
    first, second = leftovers(exchange, before), leftovers(exchange, after)
    return {
        asset: min(first[asset], second[asset], key=lambda each: (each.for_sure, each.value))
        for asset in first.keys() & second.keys()
    }
