"""The bot's events on their way to the guard: in order, at least once, in nobody's way."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from aquatrade.event_log import StoredEvent
from aquatrade.guard_client import GuardServer, GuardUnavailableError, event_content

logger = logging.getLogger(__name__)

EVENTS_AT_ONCE = 100
TIMEOUT_SECONDS = 5.0
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 30.0


class Outgoing(Protocol):
    """Where events wait."""

    process: str  # the name of the log that their numbers are of

    def unsent(self, limit: int) -> Sequence[StoredEvent]:
        """The oldest that the guard has not confirmed."""
        ...

    def sent_until(self, seq: int) -> None:
        """Keep that it has all up to this number."""
        ...


class GuardEvents:
    """A thread that sends what waits; the guard keeps each event once, however often it comes."""

    def __init__(
        self, make_server: Callable[[], GuardServer], bot: str, outgoing: Outgoing
    ) -> None:
        self._make_server = make_server
        self._bot = bot
        self._outgoing = outgoing
        self._news = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="guard-events", daemon=True)
        self._is_failing = False

    def start(self) -> None:
        self._news.set()  # what an earlier process left
        self._thread.start()

    def wake(self) -> None:
        """There is something new to send."""
        self._news.set()

    def stop(self, wait_seconds: float = 0.0) -> None:
        """End after what is under way; what is not sent is sent by the next process."""
        self._ended.set()
        self._news.set()
        if wait_seconds > 0.0 and self._thread.is_alive():
            self._thread.join(wait_seconds)

    def _run(self) -> None:
        server = self._make_server()
        retry_seconds = FIRST_RETRY_SECONDS
        while not self._ended.is_set():
            self._news.wait()
            self._news.clear()
            try:
                while not self._ended.is_set() and self._send_some(server):
                    retry_seconds = FIRST_RETRY_SECONDS
                self._say(None)
            except (GuardUnavailableError, SQLAlchemyError, ValueError) as error:
                self._say(str(error))
                self._news.set()
                self._ended.wait(retry_seconds)
                retry_seconds = min(2.0 * retry_seconds, LONGEST_RETRY_SECONDS)
        server.close()

    def _send_some(self, server: GuardServer) -> bool:
        """Send the next ones; False when nothing is left."""
        waiting = self._outgoing.unsent(EVENTS_AT_ONCE)
        if not waiting:
            return False
        content = event_content(self._bot, self._outgoing.process, waiting)
        answer = server.post("/v1/events", content, TIMEOUT_SECONDS)
        stored = answer.get("stored_until") if isinstance(answer, dict) else None
        first, last = waiting[0].seq, waiting[-1].seq
        if isinstance(stored, bool) or not isinstance(stored, int) or stored < first:
            raise GuardUnavailableError(f"garbage: stored_until {stored!r}, expected {last}")
        # Whatever else it claims to have: no further than what was sent.
        self._outgoing.sent_until(min(stored, last))
        return True

    def _say(self, failure: str | None) -> None:
        if failure is not None and not self._is_failing:
            logger.warning("events wait, the guard does not take them: %s", failure)
        elif failure is None and self._is_failing:
            logger.info("the guard takes events again")
        self._is_failing = failure is not None
