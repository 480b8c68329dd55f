"""Reads one bot again and again, and has done to it what its state demands."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from aquatrade.event_log import Event
from sidecars.common.source_errors import SourceError
from sidecars.guard.acting import Actor, Hands
from sidecars.guard.acts import ActKind, due_acts
from sidecars.guard.desk import Desk
from sidecars.guard.fleet import Fleet, Rules, Step
from sidecars.guard.moves import poll_failed, take_poll
from sidecars.guard.refusals import StoreError
from sidecars.guard.reservations import Moment
from sidecars.guard.settings import BotSettings
from sidecars.guard.snapshots import BotSnapshot
from sidecars.guard.timekeeping import Timekeeper

logger = logging.getLogger(__name__)

# News may come in bursts: two polls are at least so far apart.
LEAST_SECONDS = 0.2
AFTER_ACTS_SECONDS = 1.0


class Eyes(Hands, Protocol):
    """A bot that can be read and told: a BotClient."""

    async def poll(self, known_name: str | None) -> BotSnapshot: ...


class BotPoller:
    """The polls of one bot. Run `run` as a task."""

    def __init__(
        self, rules: Rules, bot: BotSettings, client: Eyes, desk: Desk, time: Timekeeper
    ) -> None:
        self._rules = rules
        self._bot = bot
        self._client = client
        self._desk = desk
        self._time = time
        self._actor = Actor(client, time)
        self._hurried = asyncio.Event()

    def hurry(self) -> None:
        """Have the next poll now."""
        self._hurried.set()

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            started = self._time.now().at
            acted = await self.look()
            until = self._turn_after(started)
            if acted:
                until = min(until, started + timedelta(seconds=AFTER_ACTS_SECONDS))
            await self._rest(until)

    def _turn_after(self, moment: datetime) -> datetime:
        """When this bot's turn is next.

        Bots close candles at the same moment and are then read in a hurry, all at once; so each has
        turns of its own, and who asks the guard meanwhile waits for one poll at most.
        """
        bots, seconds = self._rules.settings.bots, self._rules.settings.poll_seconds
        own = seconds * bots.index(self._bot) / len(bots)
        return moment + timedelta(seconds=seconds - (moment.timestamp() - own) % seconds)

    async def look(self) -> bool:
        """One poll and what follows from it; whether something was done to the bot."""
        began = self._time.now()
        before = self._desk.fleet.snapshots.get(self._bot.name)
        try:
            snapshot = await self._client.poll(None if before is None else before.bot_name)
            self._check_currency(snapshot)
        except SourceError as error:
            text = str(error).removeprefix(f"bot {self._bot.name} ")
            with _logged():
                await self._desk.do(
                    lambda fleet, now: poll_failed(self._rules, fleet, self._bot.name, text, now),
                    is_vital=True,
                    is_durable=False,
                )
            return False
        with _logged():
            await self._desk.do(
                lambda fleet, now: take_poll(self._rules, fleet, snapshot, began.steady_s, now),
                is_vital=True,
                is_durable=False,
            )
        return await self._act(began.steady_s)

    async def _act(self, began_s: float) -> bool:
        acts = due_acts(self._desk.fleet, self._bot, self._time.now().at)
        if any(act.kind is ActKind.PAUSE for act in acts):
            # Before it is done: a guard that dies in between has to start the bot again.
            with _logged():
                await self._desk.do(self._note_pause, is_vital=True)
        events: tuple[Event, ...] = tuple(await self._actor.act(acts, began_s))
        if events:
            with _logged():
                await self._desk.do(lambda fleet, _: Step(fleet, None, events), is_vital=True)
        return bool(events)

    def _note_pause(self, fleet: Fleet, _: Moment) -> Step[None]:
        return Step(replace(fleet, paused=fleet.paused | {self._bot.name}), None)

    def _check_currency(self, snapshot: BotSnapshot) -> None:
        wanted = self._rules.settings.stake_currency
        if snapshot.stake_currency != wanted:
            raise SourceError(f"stakes {ascii(snapshot.stake_currency)[:30]}, expected {wanted}")

    async def _rest(self, until: datetime) -> None:
        """Until the moment, or until somebody is in a hurry."""
        if self._rules.settings.lockstep is not None:
            # There only a task that sleeps by itself holds the replayed time while it works.
            await self._time.clock.sleep_until(until)
        else:
            await asyncio.sleep(LEAST_SECONDS)
            sleeping = asyncio.ensure_future(self._time.clock.sleep_until(until))
            hurried = asyncio.ensure_future(self._hurried.wait())
            try:
                await asyncio.wait({sleeping, hurried}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in (sleeping, hurried):
                    each.cancel()
                await asyncio.gather(sleeping, hurried, return_exceptions=True)
        self._hurried.clear()


@contextlib.contextmanager
def _logged() -> Iterator[None]:
    """What a poll said and could not be kept, the next one says again."""
    try:
        yield
    except StoreError as error:
        logger.error("poll not kept", extra={"error": str(error)})
