"""HTTP to the guard: short, bounded, and a refusal wherever there is no good answer."""

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import requests
from urllib3.exceptions import HTTPError

from aquatrade.canonical_json import canonical_json
from aquatrade.guard_answer import GuardAnswer, GuardAnswerError, parse_answer
from aquatrade.risk.model import Entry

logger = logging.getLogger(__name__)

FIRST_REST_SECONDS = 0.5
LONGEST_REST_SECONDS = 10.0
CHUNK_BYTES = 65_536
MAX_ANSWER_BYTES = 1_048_576
ERROR_TEXT_LENGTH = 200
# Threads that hang in an answer that never ends are left behind, but not without end.
MAX_ABANDONED = 3


class GuardUnavailableError(Exception):
    """The guard gave no good answer; the text says what happened."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What an entry was wanted for."""

    candle: datetime  # open of the candle that gave the signal
    until: datetime  # when it is too late for it
    tag: str


@dataclass(frozen=True, slots=True)
class Asker:
    """What of a bot tells it from another of the same name.

    process: of the log of its events, made once for each bot and risk database.
    """

    dry_run: bool
    process: str


class GuardServer:
    """Where the guard is. One connection, kept open; not for two threads at once."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc between a bot and its guard
        self._session.headers["Accept"] = "application/json"
        self._session.headers["Content-Type"] = "application/json"
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def post(self, path: str, content: object, timeout_seconds: float) -> object:
        """POST JSON and read JSON. Raises GuardUnavailableError for anything but a whole 200."""
        deadline = time.monotonic() + timeout_seconds
        try:
            with self._session.post(
                self.url + path,
                data=canonical_json(content).encode("ascii"),
                timeout=timeout_seconds,
                stream=True,
                allow_redirects=False,
            ) as response:
                body = _read(response, deadline)
                status = response.status_code
        except (requests.RequestException, HTTPError, OSError) as error:
            raise GuardUnavailableError(_cause(error)) from error
        if status != requests.codes.ok:
            raise GuardUnavailableError(f"HTTP {status}: {_one_line(body)}")
        try:
            parsed: object = json.loads(body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise GuardUnavailableError(f"no JSON in the answer ({error})") from error
        return parsed

    def close(self) -> None:
        self._session.close()


class GuardClient:
    """The bot's side of the checks. Never raises for what the guard does, but says so.

    Deadlines and rests count real (monotonic) seconds: the wall clock may be accelerated.
    """

    def __init__(
        self,
        make_server: Callable[[], GuardServer],
        timeout_seconds: float,
        asker: Asker,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make_server = make_server
        self._asker = asker
        self._server = make_server()
        self._timeout_seconds = timeout_seconds
        self._monotonic = monotonic
        self._rest_until = 0.0
        self._rest_seconds = FIRST_REST_SECONDS
        self._is_down = False
        self._abandoned: list[threading.Thread] = []

    @property
    def is_down(self) -> bool:
        """Whether the last question had no good answer."""
        return self._is_down

    def check(self, entry: Entry, signal: Signal, now: datetime) -> GuardAnswer:
        """May this entry be made? Raises GuardUnavailableError, at the latest at the time-out."""
        if self._monotonic() < self._rest_until:
            raise GuardUnavailableError("the guard gave no good answer a moment ago")
        try:
            said = self._ask("/v1/checks", check_content(entry, signal, self._asker))
            answer = parse_answer(said, entry, now, dry_run=self._asker.dry_run)
        except GuardUnavailableError as error:
            self._failed(str(error))
            raise
        except GuardAnswerError as error:
            self._failed(f"garbage: {error}")
            raise GuardUnavailableError(f"garbage: {error}") from error
        self._succeeded()
        return answer

    def release(self, reservation: str, bot: str) -> None:
        """Give back what was promised and not used; if that fails, its lease ends by itself."""
        if self._monotonic() < self._rest_until:
            return
        try:
            self._ask(f"/v1/reservations/{quote(reservation, safe='')}/release", {"bot": bot})
        except GuardUnavailableError as error:
            logger.info("reservation %s not released, its lease will end: %s", reservation, error)

    def close(self) -> None:
        self._server.close()

    def _ask(self, path: str, content: Mapping[str, Any]) -> object:
        """Ask in a thread: a head that comes byte by byte would outlast the socket's time-out."""
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if len(self._abandoned) >= MAX_ABANDONED:
            raise GuardUnavailableError("earlier answers still have not ended")
        outcome: queue.SimpleQueue[tuple[object, Exception | None]] = queue.SimpleQueue()
        server, timeout_seconds = self._server, self._timeout_seconds

        def run() -> None:
            try:
                outcome.put((server.post(path, content, timeout_seconds), None))
            except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
                outcome.put((None, error))

        thread = threading.Thread(target=run, name="guard-check", daemon=True)
        thread.start()
        try:
            said, error = outcome.get(timeout=self._timeout_seconds)
        except queue.Empty:
            self._abandoned.append(thread)
            self._server = self._make_server()  # the old connection is still being read
            raise GuardUnavailableError("no answer in time") from None
        if isinstance(error, GuardUnavailableError):
            raise error
        if error is not None:
            raise GuardUnavailableError(f"{error.__class__.__name__}: {error}") from error
        return said

    def _failed(self, why: str) -> None:
        self._rest_until = self._monotonic() + self._rest_seconds
        self._rest_seconds = min(2.0 * self._rest_seconds, LONGEST_REST_SECONDS)
        if not self._is_down:
            self._is_down = True
            logger.warning("guard unavailable (%s): no entries until it answers, exits go on", why)

    def _succeeded(self) -> None:
        if self._is_down:
            logger.info("the guard answers again")
        self._is_down = False
        self._rest_until = 0.0
        self._rest_seconds = FIRST_REST_SECONDS


def check_content(entry: Entry, signal: Signal, asker: Asker) -> dict[str, Any]:
    """The body of POST /v1/checks."""
    return {
        "bot": entry.bot,
        "process": asker.process,
        "dry_run": asker.dry_run,
        "exchange": entry.exchange,
        "family": entry.family,
        "pair": entry.pair,
        "side": entry.side.value,
        "stake": entry.stake,
        "rate": entry.rate,
        "stop_rate": entry.stop_rate,
        "leverage": entry.leverage,
        "cost_rate": entry.cost_rate,
        "is_increase": entry.is_increase,
        "score": entry.score,
        "min_stake": entry.min_stake,
        "candle": signal.candle.astimezone(UTC),
        "tag": signal.tag,
        "signal_until": signal.until.astimezone(UTC),
    }


def event_content(bot: str, process: str, stored: Sequence[Any]) -> dict[str, Any]:
    """The body of POST /v1/events, from StoredEvents of the bot's own log."""
    return {
        "bot": bot,
        "process": process,
        "events": [
            {
                "seq": one.seq,
                "at": one.event.at,
                "kind": one.event.kind,
                "pair": one.event.pair,
                "candle": one.event.candle,
                "text": one.event.text,
                "data": dict(one.event.data),
            }
            for one in stored
        ],
    }


def _read(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    while True:
        chunk = response.raw.read1(CHUNK_BYTES, decode_content=True)
        if not chunk:
            return bytes(body)
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise GuardUnavailableError(f"answer of more than {MAX_ANSWER_BYTES} bytes")
        if time.monotonic() > deadline:
            raise GuardUnavailableError("the answer did not end in time")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _cause(error: Exception) -> str:
    if isinstance(error, (requests.Timeout, TimeoutError)):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return f"{error.__class__.__name__}: {error}"


def _one_line(body: bytes) -> str:
    return " ".join(body.decode("utf-8", "replace").split())[:ERROR_TEXT_LENGTH]
