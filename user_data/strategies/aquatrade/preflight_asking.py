"""Questions that may hang: each on a thread of its own, given up at a deadline."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from aquatrade.wording import one_line

T = TypeVar("T")
Monotonic = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, and why there is none."""

    why: str


class NoAnswerError(Exception):
    """A question that cannot be answered; the text says why, on one line."""


class Asked(Generic[T]):
    """A question that is being answered.

    The thread is a daemon: one that never comes back does not keep the program from ending.
    """

    def __init__(
        self, question: Callable[[], T], name: str, monotonic: Monotonic = time.monotonic
    ) -> None:
        self._question = question
        self._monotonic = monotonic
        self._answers: SimpleQueue[T | Unknown] = SimpleQueue()
        Thread(target=self._ask, name=f"preflight-{name}", daemon=True).start()

    def answer(self, deadline: float) -> T | Unknown:
        """The answer, or why there is none; waits until `deadline` of the monotonic clock."""
        try:
            return self._answers.get(timeout=max(0.0, deadline - self._monotonic()))
        except Empty:
            return Unknown("no answer in time")

    def _ask(self) -> None:
        try:
            self._answers.put(self._question())
        except NoAnswerError as error:
            self._answers.put(Unknown(str(error)))
        except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
            self._answers.put(Unknown(f"{type(error).__name__}: {one_line(str(error))}"))
