"""Scores while trading: one batched read a candle, in the background, never in the loop's way."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from aquatrade.score_http import ScoreServer, ScoreUnavailableError
from aquatrade.score_records import (
    ScoreAnswerError,
    ScoreRecord,
    answered_ms,
    empty_records,
    iso_moment,
    parse_scores,
    records_frame,
)

logger = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 10.0
# A pair that the sidecar has no score for (yet) is asked for again, but not every loop.
MISSING_RETRY_SECONDS = 15.0
# An attempt that its own time-outs do not end (headers sent byte by byte) is left behind.
ABANDON_AFTER_TIMEOUTS = 10.0
MAX_ABANDONED_ATTEMPTS = 3
RECORDS_KEPT_PER_PAIR = 200

Answer = tuple[dict[str, ScoreRecord], dict[str, str]]
Fetch = Callable[[Sequence[str], int], Answer]


@dataclass(slots=True)
class _Attempt:
    """One read under way in a thread of its own."""

    pairs: tuple[str, ...]
    at_ms: int
    started: float
    thread: threading.Thread | None = None
    outcome: queue.SimpleQueue[Answer | ScoreUnavailableError] = field(
        default_factory=queue.SimpleQueue
    )


def server_fetch(server: ScoreServer, timeout_seconds: float) -> Fetch:
    """Batched reads of a sidecar: (pairs, at_ms) -> (records, reasons of pairs without one).

    The function raises ScoreUnavailableError if there is no usable answer.
    """

    def fetch(pairs: Sequence[str], at_ms: int) -> Answer:
        parameters = {"pairs": ",".join(pairs), "at": iso_moment(at_ms)}
        answer = server.get("/v1/scores", parameters, timeout_seconds)
        try:
            records, reasons = parse_scores(answer, pairs, at_ms)
            answers_for_ms = answered_ms(answer)
        except ScoreAnswerError as error:
            raise ScoreUnavailableError(f"garbage: {error}") from error
        if answers_for_ms < at_ms:
            # What became available since would be missing, and taken for not there.
            raise ScoreUnavailableError("the sidecar's clock is behind: it answered for earlier")
        refused = [reason for reason in reasons.values() if reason.startswith("refused")]
        if refused and not records:
            raise ScoreUnavailableError(f"garbage: {refused[0]}")
        return records, reasons

    return fetch


class LiveScores:
    """The latest scores of all pairs, kept up by one read for each candle close.

    Deadlines and back-off count real (monotonic) seconds: the wall clock may be accelerated.
    """

    def __init__(
        self,
        fetch: Fetch,
        timeout_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._timeout_seconds = timeout_seconds
        self._monotonic = monotonic
        self._records: dict[str, list[ScoreRecord]] = {}
        self._frames: dict[str, pd.DataFrame] = {}
        self._answered: set[str] = set()
        self._confirmed_ms: dict[str, int] = {}
        self._missing: dict[str, str] = {}
        self._candle_close_ms = 0
        self._attempt: _Attempt | None = None
        self._abandoned: list[threading.Thread] = []
        self._next_attempt_at = 0.0
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._down = False
        self._failures = 0

    @property
    def is_down(self) -> bool:
        """Whether the last read failed."""
        return self._down

    def refresh(self, pairs: Sequence[str], candle_close_ms: int) -> bool:
        """Have the scores known at the close of the last candle. Returns whether any is new.

        Waits for at most the time-out, once for a candle, and not at all while the sidecar is
        known to be down or all pairs have their answer. Never raises for what the sidecar does.
        """
        first_of_candle = candle_close_ms != self._candle_close_ms
        if first_of_candle:
            self._candle_close_ms = candle_close_ms
            self._answered.clear()
            if not self._down:
                self._next_attempt_at = 0.0
        news = self._collect(0.0)
        wanted = [pair for pair in pairs if pair not in self._answered]
        if not wanted:
            return news
        if self._attempt is None and self._monotonic() >= self._next_attempt_at:
            self._start(wanted, candle_close_ms)
        if self._attempt is not None and first_of_candle and not self._down:
            news |= self._collect(self._timeout_seconds)
            if self._attempt is not None:
                self._failed("no answer in time")
        return news

    def records(self, pair: str) -> pd.DataFrame:
        """What has been read of one pair, in the columns that join_scores takes."""
        frame = self._frames.get(pair)
        if frame is None:
            frame = records_frame(self._records.get(pair, ()))
            self._frames[pair] = frame
        return frame

    def confirmed_until_ms(self, pair: str) -> int:
        """The last candle close for which the sidecar has said what was known; -1: none yet.

        A score read before is no answer for a later close: a newer one may have come since.
        """
        return self._confirmed_ms.get(pair, -1)

    def reason(self, pair: str) -> str:
        """Why the pair has no score, in words."""
        if self._down:
            return "score sidecar unavailable"
        return self._missing.get(pair, "not read yet")

    def has_asked(self, at_ms: int) -> bool:
        """Whether the close at that moment is the one that refresh() looks after now."""
        return at_ms == self._candle_close_ms

    def read_past(self, pair: str, at_ms: int) -> pd.DataFrame:
        """What was known of one pair at an earlier moment: one record, or none.

        Waits for at most the time-out. Raises ScoreUnavailableError.
        """
        if self._down:
            raise ScoreUnavailableError("score sidecar unavailable")
        attempt = self._thread_for([pair], at_ms)
        try:
            outcome = attempt.outcome.get(timeout=self._timeout_seconds)
        except queue.Empty:
            outcome = ScoreUnavailableError("no answer in time")
        if isinstance(outcome, ScoreUnavailableError):
            self._failed(str(outcome))
            raise outcome
        records, _ = outcome
        return records_frame([records[pair]]) if pair in records else empty_records()

    def _start(self, pairs: Sequence[str], at_ms: int) -> None:
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if len(self._abandoned) < MAX_ABANDONED_ATTEMPTS:
            self._attempt = self._thread_for(pairs, at_ms)

    def _thread_for(self, pairs: Sequence[str], at_ms: int) -> _Attempt:
        attempt = _Attempt(tuple(pairs), at_ms, self._monotonic())

        def run() -> None:
            try:
                attempt.outcome.put(self._fetch(attempt.pairs, attempt.at_ms))
            except ScoreUnavailableError as error:
                attempt.outcome.put(error)
            except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
                attempt.outcome.put(ScoreUnavailableError(f"{error.__class__.__name__}: {error}"))

        attempt.thread = threading.Thread(target=run, name="score-read", daemon=True)
        attempt.thread.start()
        return attempt

    def _collect(self, wait_seconds: float) -> bool:
        """Take in the attempt under way if it has ended. Returns whether a record is new."""
        attempt = self._attempt
        if attempt is None:
            return False
        try:
            if wait_seconds > 0:
                outcome = attempt.outcome.get(timeout=wait_seconds)
            else:
                outcome = attempt.outcome.get_nowait()
        except queue.Empty:
            self._abandon_if_stuck(attempt)
            return False
        self._attempt = None
        if isinstance(outcome, ScoreUnavailableError):
            self._failed(str(outcome))
            return False
        records, missing = outcome
        self._succeeded(attempt, records, missing)
        return bool(records)

    def _abandon_if_stuck(self, attempt: _Attempt) -> None:
        age_seconds = self._monotonic() - attempt.started
        if age_seconds > ABANDON_AFTER_TIMEOUTS * self._timeout_seconds and attempt.thread:
            self._abandoned.append(attempt.thread)
            self._attempt = None
            self._failed("an answer that never ends")

    def _failed(self, why: str) -> None:
        self._failures += 1
        self._next_attempt_at = self._monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)
        if not self._down:
            self._down = True
            logger.warning(
                "scores unavailable (%s): entries that need a score are refused, exits go on", why
            )

    def _succeeded(
        self, attempt: _Attempt, records: dict[str, ScoreRecord], missing: dict[str, str]
    ) -> None:
        if self._down:
            logger.info("scores are back after %d failed reads", self._failures)
        self._down = False
        self._failures = 0
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._next_attempt_at = self._monotonic() + (MISSING_RETRY_SECONDS if missing else 0.0)
        for pair, record in records.items():
            self._keep(pair, record)
            self._confirmed_ms[pair] = max(attempt.at_ms, self.confirmed_until_ms(pair))
        if attempt.at_ms == self._candle_close_ms:
            self._answered |= set(records)
        self._note_missing(attempt.pairs, missing)

    def _keep(self, pair: str, record: ScoreRecord) -> None:
        moments = (record.as_of_ms, record.available_at_ms)
        kept = [
            other
            for other in self._records.get(pair, ())
            if (other.as_of_ms, other.available_at_ms) != moments
        ]
        self._records[pair] = [*kept, record][-RECORDS_KEPT_PER_PAIR:]
        self._frames.pop(pair, None)

    def _note_missing(self, asked: Sequence[str], missing: dict[str, str]) -> None:
        before = set(self._missing)
        for pair in asked:
            self._missing.pop(pair, None)
        self._missing |= missing
        if set(self._missing) - before:
            named = ", ".join(f"{pair} ({reason})" for pair, reason in self._missing.items())
            logger.warning("no score for %s: entries that need one are refused there", named)
