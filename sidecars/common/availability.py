"""From when a value or a score counts as available. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from sidecars.common.observations import MS_PER_SECOND

# What is made live counts as available one to two seconds after it came: by then it is written
# and answered, so that no moment is answered in one way first and in another later.
LIVE_MARGIN_MS = 1000


# A write that takes longer than the margin is taken back and made again with a longer one.
MARGINS_MS = (LIVE_MARGIN_MS, 10_000, 60_000)


class TooLateError(Exception):
    """What was to be written would have counted as available before it could be read."""


# Whether what is being written still becomes readable before it counts as available.
InTime = Callable[[], bool]


def always_in_time() -> bool:
    """For what is written of the past, while nobody is answered."""
    return True


def check_in_time(in_time: InTime) -> None:
    """Raises TooLateError where it is not."""
    if not in_time():
        raise TooLateError


def live_ms(now_ms: int, margin_ms: int = LIVE_MARGIN_MS) -> int:
    """The moment for what came, or was made, now."""
    return (-(-now_ms // MS_PER_SECOND)) * MS_PER_SECOND + margin_ms


@dataclass(frozen=True, slots=True)
class Served:
    """When a service of this database is known to have answered: one span, None where never.

    Whatever should have been known inside the span and was not counts from when it came; what is
    older than the span, or was published while nobody answered, counts from its publication.
    """

    first_ms: int | None = None
    until_ms: int | None = None
    answering_since_ms: int | None = None
    margin_ms: int = LIVE_MARGIN_MS

    def available_at(self, published_ms: int, now_ms: int) -> int:
        """available_at of something that was not kept before."""
        if published_ms > now_ms:
            return max(published_ms, live_ms(now_ms, self.margin_ms))
        if self.answering_since_ms is not None and published_ms >= self.answering_since_ms:
            return live_ms(now_ms, self.margin_ms)
        if self.first_ms is None or self.until_ms is None:
            return published_ms
        was_served = self.first_ms <= published_ms <= self.until_ms
        return live_ms(now_ms, self.margin_ms) if was_served else published_ms
