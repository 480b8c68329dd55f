"""The guard's own rounds: losses, the kill file, reconciliation."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from aquatrade.kill_file import kill_file_text
from sidecars.guard.desk import Desk
from sidecars.guard.fleet import Rules
from sidecars.guard.guard import Guard
from sidecars.guard.moves import look_at_losses
from sidecars.guard.people import see_kill_file
from sidecars.guard.refusals import StoreError
from sidecars.guard.store import Store
from sidecars.guard.timekeeping import Timekeeper

logger = logging.getLogger(__name__)

# Until one has passed, and while something is wrong.
RECONCILE_SOON_SECONDS = 15.0
START_SECONDS = 0.25
# What was kept without waiting for the disk is on it at the latest then; each costs whoever asks
# meanwhile a wait.
CHECKPOINT_SECONDS = 5.0


class Upkeep:
    """What the guard does by itself. Run each of the `watch` methods as a task."""

    def __init__(
        self,
        rules: Rules,
        guard: Guard,
        desk: Desk,
        store: Store,
        time: Timekeeper,
        hurry: Callable[[], None],
    ) -> None:
        """hurry: has all bots read, and acted upon, at once."""
        self._rules = rules
        self._guard = guard
        self._desk = desk
        self._store = store
        self._time = time
        self._hurry = hurry

    async def watch_losses(self) -> None:
        """Look at the losses with the pace of the polls, until cancelled."""
        while True:
            await self.look_at_losses()
            await self._sleep(self._rules.settings.poll_seconds)

    async def look_at_losses(self) -> None:
        """Once."""
        before = self._demanding()
        try:
            await self._desk.do(
                lambda fleet, now: look_at_losses(self._rules, fleet, now), is_vital=True
            )
        except StoreError as error:
            logger.error("losses not kept", extra={"error": str(error)})
        if self._demanding() != before:
            self._hurry()

    async def watch_kill_file(self) -> None:
        """Look for the file that halts entries, until cancelled."""
        files = self.kill_files
        while files:
            await self.look_for_kill_file()
            await self._sleep(self._rules.settings.kill_file_seconds)

    @property
    def kill_files(self) -> tuple[Path, ...]:
        """Of the settings and of the profile."""
        named = (self._rules.settings.kill_file, self._rules.profile.kill_file)
        return tuple(dict.fromkeys(Path(each) for each in named if each is not None))

    async def look_for_kill_file(self) -> None:
        """Once."""
        text = await asyncio.to_thread(_kill_text, self.kill_files)
        if text == self._desk.fleet.kill_file:
            return
        try:
            await self._desk.do(
                lambda fleet, now: see_kill_file(fleet, text, now), is_vital=text is not None
            )
        except StoreError as error:
            logger.error("kill file not kept", extra={"error": str(error)})
        self._hurry()

    async def watch_accounts(self) -> None:
        """Reconcile, the first time when all bots have been read, until cancelled."""
        while True:
            if all(
                (poll := self._desk.fleet.polls.get(bot.name)) is not None and poll.is_fresh
                for bot in self._rules.settings.bots
            ):
                await self.reconcile()
            await self._sleep(self._pause_seconds())

    async def reconcile(self) -> None:
        """Once."""
        try:
            await self._guard.reconcile()
        except StoreError as error:
            logger.error("reconciliation not kept", extra={"error": str(error)})

    async def tidy_database(self) -> None:
        """Checkpoints, apart from what bots wait for, until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self._store.checkpoint)
            except SQLAlchemyError as error:
                logger.error("checkpoint failed", extra={"error": str(error).splitlines()[0]})
            await self._sleep(CHECKPOINT_SECONDS)

    def _pause_seconds(self) -> float:
        whole = self._rules.settings.reconcile_seconds
        fleet = self._desk.fleet
        if fleet.has_passed and not fleet.mismatches and not fleet.reconcile_errors:
            return whole
        if not fleet.has_passed and not fleet.reconcile_errors and not fleet.mismatches:
            return min(whole, START_SECONDS)  # a bot has not been read yet
        return min(whole, RECONCILE_SOON_SECONDS)

    def _demanding(self) -> object:
        fleet = self._desk.fleet
        return (fleet.kill, fleet.kill_file, [state.trips for state in fleet.risk.values()])

    async def _sleep(self, seconds: float) -> None:
        clock = self._time.clock
        await clock.sleep_until(clock.now() + timedelta(seconds=seconds))


def _kill_text(files: tuple[Path, ...]) -> str | None:
    return next((text for file in files if (text := kill_file_text(file)) is not None), None)
