"""The demo's own seat at the lock-step clock: time goes as far as it says, and no further."""

import select
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from operations.lockstep import LockstepConnection
from sidecars.replay.timekeeper import moment_of, nanoseconds_of

POLL_SECONDS = 0.5


class Conductor:
    """Lets the replayed time run step by step, and stands still in between.

    check: called twice a second while waiting; what it raises ends the wait (a dead child).
    """

    def __init__(self, port: int, check: Callable[[], None]) -> None:
        self._connection = LockstepConnection("127.0.0.1", port, "conductor")
        self._check = check

    def now(self) -> datetime:
        """The moment of the last step."""
        return moment_of(self._connection.now_ns)

    def run_until(self, moment: datetime) -> datetime:
        """Let time run to `moment`; returns the moment reached."""
        self.let_run(moment)
        while not self.has_arrived(POLL_SECONDS):
            self._check()
        return self.arrive()

    def let_run(self, moment: datetime) -> None:
        """Let time run to `moment` without waiting for it; `arrive` must follow."""
        self._connection.request_sleep(nanoseconds_of(moment))

    def has_arrived(self, wait_seconds: float = 0.0) -> bool:
        """Whether the moment asked for has come; waits up to `wait_seconds` for it."""
        return bool(select.select([self._connection], [], [], wait_seconds)[0])

    def arrive(self) -> datetime:
        """Take the answer to `let_run`: the moment reached."""
        return moment_of(self._connection.receive_now_ns())

    def steps(self, end: datetime, step: timedelta) -> Iterator[datetime]:
        """Run to `end`, yielding after every `step`."""
        moment = self.now()
        while moment < end:
            moment = self.run_until(min(moment + step, end))
            yield moment

    def close(self) -> None:
        """Leave the clock: it is no longer waited for."""
        self._connection.close()
