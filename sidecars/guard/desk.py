"""Where changes are made: one after the other, kept before they are answered, many in one commit.

Whoever wants something puts a move on the desk. The one worker takes all that lie there, makes them
in turn, each on what the one before has left, keeps the result in one transaction, and only then
answers. So no two checks ever see the same free slot, a promise outlives the process from the
moment it is given, and ten bots that ask at once pay for one commit.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from aquatrade.event_log import Event
from sidecars.guard.fleet import Fleet, Rules, Step
from sidecars.guard.moves import settled_state
from sidecars.guard.refusals import GuardRefusal, StoreError
from sidecars.guard.reservations import Moment
from sidecars.guard.store import Store, needs_saving
from sidecars.guard.timekeeping import Timekeeper

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 200
# Who asks at the same moment comes in one after the other. After so many turns of the event loop
# in which nobody came, nobody is on the way.
QUIET_TURNS = 4
# What could not be kept is tried again with what comes next; so much of it waits at most.
MOST_UNKEPT_EVENTS = 1000

Answer = TypeVar("Answer")
Move = Callable[[Fleet, Moment], Step[Answer]]


@dataclass(frozen=True, slots=True)
class _Wish(Generic[Answer]):
    move: Move[Answer]
    answer: "asyncio.Future[Answer]"
    is_vital: bool  # holds even if it cannot be kept: the kill switch
    is_durable: bool  # has to outlive the machine before it is answered


@dataclass(slots=True)
class _Done:
    """What a batch came to."""

    fleet: Fleet
    events: list[Event]
    answers: list[tuple[_Wish[Any], Any, Exception | None]]
    is_durable: bool


class Desk:
    """The fleet and the one worker that changes it. Run `run` as a task."""

    def __init__(self, rules: Rules, store: Store, fleet: Fleet, time: Timekeeper) -> None:
        self._rules = rules
        self._store = store
        self._time = time
        self._kept = fleet
        self._unkept_events: list[Event] = []
        self._wishes: asyncio.Queue[_Wish[Any]] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="desk")
        self.fleet = fleet
        self.trouble: str | None = None  # why the last commit failed

    async def do(
        self, move: Move[Answer], *, is_vital: bool = False, is_durable: bool = True
    ) -> Answer:
        """Make a change and keep it; its answer. is_vital: it holds even where it cannot be kept.
        is_durable: it has to outlive the machine, not the process alone.

        Raises GuardRefusal (the move's own), StoreError (nothing has changed).
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._wishes.put_nowait(_Wish(move, answer, is_vital, is_durable))
        return await answer

    async def run(self) -> None:
        """Work until cancelled."""
        wishes: list[_Wish[Any]] = []
        try:
            while True:
                wishes = [await self._wishes.get()]
                await self._gather(wishes)
                # What is begun is finished: a promise is not to be kept and not told.
                work = asyncio.ensure_future(self._serve(wishes))
                try:
                    await asyncio.shield(work)
                except asyncio.CancelledError:
                    await asyncio.wait({work})
                    raise
        finally:
            self._thread.shutdown(wait=False)
            while not self._wishes.empty():
                wishes.append(self._wishes.get_nowait())
            for wish in wishes:
                wish.answer.cancel()

    async def _gather(self, wishes: list[_Wish[Any]]) -> None:
        """Take all that is there or on its way: they share a commit."""
        quiet_turns = 0
        while quiet_turns < QUIET_TURNS and len(wishes) < MOST_AT_ONCE:
            await asyncio.sleep(0)
            quiet_turns = quiet_turns + 1 if self._wishes.empty() else 0
            while not self._wishes.empty() and len(wishes) < MOST_AT_ONCE:
                wishes.append(self._wishes.get_nowait())

    async def _serve(self, wishes: list[_Wish[Any]]) -> None:
        done = self._make(wishes)
        try:
            await self._keep(done)
        except StoreError as error:
            if len(wishes) > 1:  # perhaps one of them alone cannot be kept
                for wish in wishes:
                    await self._serve([wish])
                return
            self._fail(wishes[0], done, error)
            return
        for wish, answer, refusal in done.answers:
            _tell(wish, answer, refusal)

    def _make(self, wishes: list[_Wish[Any]]) -> _Done:
        fleet, events = self.fleet, list[Event]()
        answers: list[tuple[_Wish[Any], Any, Exception | None]] = []
        for wish in wishes:
            now = self._time.now()
            try:
                step = wish.move(fleet, now)
            except GuardRefusal as refusal:
                answers.append((wish, None, refusal))
            except Exception as error:  # a mistake in one move must not end the others
                logger.exception("move failed")
                answers.append((wish, None, error))
            else:
                fleet = step.fleet
                events += step.events
                answers.append((wish, step.answer, None))
        fleet, changes = settled_state(self._rules, fleet, self._time.now().at)
        is_durable = any(wish.is_durable for wish in wishes)
        return _Done(fleet, [*events, *changes], answers, is_durable)

    async def _keep(self, done: _Done) -> None:
        """Keep what a batch came to, if there is anything to keep. Raises StoreError."""
        events = [*self._unkept_events, *done.events]
        if events or needs_saving(self._kept, done.fleet):
            loop = asyncio.get_running_loop()
            try:
                save = functools.partial(
                    self._store.save, self._kept, done.fleet, events, is_durable=done.is_durable
                )
                await loop.run_in_executor(self._thread, save)
            except StoreError as error:
                if self.trouble is None:
                    logger.error("store failed", extra={"error": str(error)})
                self.trouble = str(error)
                raise
            self._kept, self.trouble = done.fleet, None
            self._unkept_events.clear()
        self.fleet = done.fleet

    def _fail(self, wish: _Wish[Any], done: _Done, error: StoreError) -> None:
        _, answer, refusal = done.answers[0]
        if refusal is None and wish.is_vital:
            # It holds from now on, and is kept with whatever is kept next.
            self.fleet = done.fleet
            self._unkept_events = [*self._unkept_events, *done.events][-MOST_UNKEPT_EVENTS:]
            _tell(wish, answer, None)
        else:
            _tell(wish, None, refusal or error)


def _tell(wish: _Wish[Any], answer: Any, refusal: Exception | None) -> None:
    with contextlib.suppress(asyncio.InvalidStateError):  # whoever asked has gone
        if refusal is not None:
            wish.answer.set_exception(refusal)
        else:
            wish.answer.set_result(cast(Any, answer))
