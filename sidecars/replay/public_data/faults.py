"""What the stand-ins can be told to do wrong: which source, what, how often.

Waiting is in real seconds, as a client's time-out is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from sidecars.replay.input_errors import InputModel
from sidecars.replay.public_data.spoiling import BadNumber

FaultKind = Literal[
    "rate_limited",
    "server_error",
    "slow_body",
    "no_answer",
    "disconnect",
    "truncated",
    "wrong_json",
    "html",
    "nan",
    "negative",
    "empty",
    "from_future",
    "yesterday",
]
EVERY_SOURCE = "*"
MOST_FAULTS = 1000


class Fault(InputModel):
    """One thing that goes wrong.

    source: a stand-in's key, or "*" for all. count: how many requests it meets; null: all, until
    it is deleted. The rest speaks of single kinds: `retry_after` of rate_limited and server_error
    ("seconds", "date" or "none" is how the header is written), `status` of server_error,
    `bad_number` of nan, `seconds` of slow_body and no_answer (how long they last).
    """

    source: Annotated[str, Field(pattern=r"^(\*|[a-z][a-z_]{0,40})$")]
    kind: FaultKind
    count: Annotated[int, Field(ge=1, le=1_000_000)] | None = 1
    retry_after_seconds: Annotated[int, Field(ge=0, le=1_000_000)] = 2
    retry_after: Literal["seconds", "date", "none"] = "seconds"
    status: Annotated[int, Field(ge=500, le=599)] = 503
    bad_number: BadNumber = "nan"
    seconds: Annotated[float, Field(gt=0, le=600)] = 60.0


@dataclass(slots=True)
class StandingFault:
    """A fault in force. left: requests it will still meet, None for no end; met: so far."""

    number: int
    fault: Fault
    left: int | None
    met: int = 0


class TooManyFaultsError(ValueError):
    """The book is full; one line."""


class FaultBook:
    """The faults in force, first come first served: one request meets one fault."""

    def __init__(self) -> None:
        self._standing: dict[int, StandingFault] = {}
        self._last_number = 0

    def add(self, fault: Fault) -> StandingFault:
        """Put a fault in force. Raises TooManyFaultsError."""
        if len(self._standing) >= MOST_FAULTS:
            raise TooManyFaultsError(
                f"{MOST_FAULTS} faults are in force already, delete some of them first"
            )
        self._last_number += 1
        standing = StandingFault(self._last_number, fault, fault.count)
        self._standing[standing.number] = standing
        return standing

    def standing(self) -> Iterable[StandingFault]:
        return tuple(self._standing.values())

    def clear(self, source: str | None = None) -> int:
        """Take all faults out of force, or those that were put on one source; how many."""
        gone = [
            number
            for number, each in self._standing.items()
            if source is None or each.fault.source == source
        ]
        for number in gone:
            del self._standing[number]
        return len(gone)

    def meet(self, source: str) -> Fault | None:
        """The fault that a request to the source meets now, if any; it counts as met."""
        for number, each in self._standing.items():
            if each.fault.source not in (source, EVERY_SOURCE):
                continue
            each.met += 1
            if each.left is not None:
                each.left -= 1
                if each.left == 0:
                    del self._standing[number]
            return each.fault
        return None
