"""The guard's facade: all that routes, pages and commands may ask of it and tell it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from aquatrade.event_log import Event, StoredEvent
from sidecars.guard.book_view import book_view
from sidecars.guard.bot_events import new_events
from sidecars.guard.checks import check
from sidecars.guard.desk import Desk
from sidecars.guard.event_reading import Wanted, events_after, newest_events
from sidecars.guard.fleet import Fleet, Rules, Step
from sidecars.guard.ledger import Purse
from sidecars.guard.model import (
    Approval,
    BookView,
    BotSnapshot,
    BotView,
    CheckAnswer,
    CheckRequest,
    LimitView,
    Mismatch,
    Reconciliation,
    StateView,
)
from sidecars.guard.moves import take_reconciliation
from sidecars.guard.people import answer, kill, lift, release
from sidecars.guard.refusals import GuardRefusal, StoreError
from sidecars.guard.reservations import Moment
from sidecars.guard.scrutiny import UNSEEN_ORDER, configured
from sidecars.guard.showing import approvals_shown, bot_view, limit_views, state_view
from sidecars.guard.store import Store
from sidecars.guard.timekeeping import Timekeeper
from sidecars.guard.words import plain_event

__all__ = ["Guard", "GuardRefusal", "Reconciler", "StoreError"]

RECONCILE = "reconcile"


class Reconciler(Protocol):
    """Looks at the exchanges' accounts."""

    async def look(
        self, snapshots: Mapping[str, BotSnapshot], accounts: Mapping[str, str | None]
    ) -> Reconciliation:
        """Compare every account with the bots on it. accounts: of each bot; None: unknown.

        Bots in dry-run trade on no account. Never raises for an exchange that does not answer:
        that is one of the errors.
        """
        ...

    async def accept(self, by: str) -> tuple[Mismatch, ...]:
        """Put up with the mismatches there are, for as long as they stay as they are."""
        ...


class Guard:
    """One guard. Reading is at once, from memory; what changes something is kept before it
    answers. Raises GuardRefusal where a method says so, StoreError when nothing can be kept."""

    def __init__(
        self,
        rules: Rules,
        desk: Desk,
        store: Store,
        reconciler: Reconciler,
        time: Timekeeper,
        hurry: Callable[[], None] = lambda: None,
        want_pair: Callable[[str], None] = lambda pair: None,
        hurry_bot: Callable[[str], None] = lambda bot: None,
    ) -> None:
        """hurry: has all bots read, and acted upon, at once; hurry_bot: one. want_pair: told of
        every pair that is asked for."""
        self.rules = rules
        self._desk = desk
        self._store = store
        self._reconciler = reconciler
        self._time = time
        self._hurry = hurry
        self._want_pair = want_pair
        self._hurry_bot = hurry_bot

    @property
    def fleet(self) -> Fleet:
        """All that is known now."""
        return self._desk.fleet

    @property
    def stake_currency(self) -> str:
        return self.rules.settings.stake_currency

    @property
    def trouble(self) -> str | None:
        """Why nothing can be kept at present; None: it can."""
        return self._desk.trouble

    # -- bots -----------------------------------------------------------------------------------

    async def check(self, request: CheckRequest) -> CheckAnswer:
        """Judge an entry; with APPROVE and REDUCE comes a reservation. Raises GuardRefusal 404."""
        self._want_pair(request.entry.pair)
        said = await self._desk.do(
            lambda fleet, now: check(self.rules, fleet, request, now), is_durable=False
        )
        if any(reason.rule == UNSEEN_ORDER for reason in said.reasons):
            self._hurry_bot(request.entry.bot)
        return said

    async def release(self, bot: str, reservation: str) -> None:
        """Give a reservation back. Raises GuardRefusal 404."""
        await self._desk.do(
            lambda fleet, now: release(fleet, bot, reservation, now), is_durable=False
        )

    async def take_events(self, bot: str, process: str, events: Sequence[Event]) -> int:
        """Keep events of one log of a bot (origin_seq set); the highest seq kept of it. Raises
        GuardRefusal 404."""
        configured(self.rules, bot)

        def take(fleet: Fleet, now: Moment) -> Step[int]:
            heard, until, new = new_events(fleet.heard, bot, process, events, now.at)
            return Step(replace(fleet, heard=heard), until, new)

        return await self._desk.do(take)

    # -- reading --------------------------------------------------------------------------------

    def state(self) -> StateView:
        """ACTIVE, REDUCING or HALTED, and why."""
        return state_view(self.rules, self.fleet)

    def book(self, *, paper: bool = False) -> BookView:
        """Of the real bots, or (paper) of all as if all were real; of all where none is real."""
        purse = Purse.PAPER if paper else self.rules.purses[0]
        return book_view(self.rules, self.fleet, purse, self._time.now().at)

    def limits(self) -> tuple[LimitView, ...]:
        """Every limit with its present use."""
        return limit_views(self.rules, self.fleet, self._time.now().at)

    def bots(self) -> tuple[BotView, ...]:
        """All bots, in the order of the settings."""
        settings = self.rules.settings
        return tuple(bot_view(self.fleet, bot, settings.account_of(bot)) for bot in settings.bots)

    def approvals(self) -> tuple[Approval, ...]:
        """Those that wait first, then those asked for since yesterday, newest first."""
        return approvals_shown(self.fleet.approvals.values(), self._time.now().at)

    async def events(
        self,
        after: int = 0,
        limit: int = 100,
        *,
        kind: str | None = None,
        bot: str | None = None,
        pair: str | None = None,
    ) -> list[StoredEvent]:
        """Events after a number, oldest first."""
        wanted = Wanted(kind, bot, pair)
        return await asyncio.to_thread(events_after, self._store.log, after, limit, wanted)

    async def newest_events(
        self,
        limit: int = 100,
        *,
        kind: str | None = None,
        bot: str | None = None,
        pair: str | None = None,
        before: int | None = None,
    ) -> list[StoredEvent]:
        """The newest events (those before a number), newest first."""
        wanted = Wanted(kind, bot, pair)
        return await asyncio.to_thread(newest_events, self._store.log, limit, wanted, before)

    async def why(self, pair: str, candle: datetime, bot: str | None = None) -> list[StoredEvent]:
        """All that was said about a candle of a pair, oldest first."""
        found = await asyncio.to_thread(self._store.log.about, pair, candle)
        wanted = Wanted(bot=bot)
        return [stored for stored in found if wanted.fits(stored)]

    async def verify_events(self) -> int | None:
        """The number of the first event that was altered; None: the whole log is sound."""
        return await asyncio.to_thread(self._store.log.verify)

    # -- people ---------------------------------------------------------------------------------

    async def approve(self, approval: str, by: str) -> Approval:
        """Raises GuardRefusal: 404 unknown, 409 answered or expired already."""
        return await self._desk.do(lambda fleet, now: answer(fleet, approval, by, now, yes=True))

    async def reject(self, approval: str, by: str) -> Approval:
        """Raises GuardRefusal: 404 unknown, 409 answered or expired already."""
        return await self._desk.do(lambda fleet, now: answer(fleet, approval, by, now, yes=False))

    async def kill(self, by: str, reason: str, *, close: bool) -> None:
        """Halt at once, also where it cannot be kept; close: close all positions of all bots."""
        await self._desk.do(
            lambda fleet, now: kill(fleet, by, reason, now, close=close), is_vital=True
        )
        self._hurry()

    async def resume(self, by: str, rule: str | None) -> tuple[str, ...]:
        """Lift a trip by hand (None: all that a hand may lift; "kill": the kill switch;
        "unasked": orders that nobody asked for; "clock": it was ahead and is right now;
        "reconcile": put up with the mismatches there are); what was lifted. Raises GuardRefusal
        409 with why not."""
        if rule == RECONCILE:
            return await self._accept(by)
        lifted = await self._desk.do(lambda fleet, now: lift(self.rules, fleet, by, rule, now))
        self._hurry()
        return lifted

    async def reconcile(self) -> Reconciliation:
        """Look at the exchanges now."""
        settings = self.rules.settings
        accounts = {bot.name: settings.account_of(bot) for bot in settings.bots}
        try:
            found = await self._reconciler.look(self.fleet.snapshots, accounts)
        except SQLAlchemyError as error:
            raise StoreError(f"nothing can be kept: {str(error).splitlines()[0]}") from error
        await self._desk.do(lambda fleet, now: take_reconciliation(self.rules, fleet, found, now))
        return found

    async def _accept(self, by: str) -> tuple[str, ...]:
        try:
            accepted = await self._reconciler.accept(by)
        except SQLAlchemyError as error:
            raise StoreError(f"nothing can be kept: {str(error).splitlines()[0]}") from error
        if not accepted:
            raise GuardRefusal(409, "not_resumed", "not resumed: there is no mismatch")
        now = self._time.now().at
        events = tuple(
            plain_event(
                "resume",
                f"accepted by {by}: {each.text}",
                now,
                {"rule": RECONCILE, "by": by, "bot": each.bot, "mismatch": each.key},
            )
            for each in accepted
        )
        await self._desk.do(lambda fleet, now: Step(fleet, None, events))
        await self.reconcile()
        return (RECONCILE,)
