"""Now on two clocks: the one that people read, and one that nobody sets."""

import time
from collections.abc import Callable

from sidecars.common.clock import Clock, SystemClock
from sidecars.guard.reservations import Moment


class Timekeeper:
    """A clock, and a steady one beside it: seconds that only go forward, at a clock's pace."""

    def __init__(self, clock: Clock, steady: Callable[[], float] | None = None) -> None:
        """steady: by default the machine's own for the machine's clock; for any other clock, as
        that of a replay, the clock itself."""
        self.clock = clock
        if steady is None:
            is_system = isinstance(clock, SystemClock)
            steady = time.monotonic if is_system else lambda: clock.now().timestamp()
        self._steady = steady

    def now(self) -> Moment:
        return Moment(self.clock.now(), self._steady())
