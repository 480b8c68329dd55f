"""Asking a web API: rate limit, time-out, size limit, retries with backoff and jitter.

Whatever goes wrong ends in a SourceError of one line without any secret in it.
"""

import email.utils
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from sidecars.common.clock import Clock
from sidecars.common.logs import HIDDEN
from sidecars.common.source_errors import SourceError

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 20.0
# A source that asks for a longer pause than this is left alone until its next turn.
LONGEST_RETRY_AFTER_SECONDS = 60.0
MAX_ANSWER_BYTES = 8 * 1024 * 1024
ERROR_LENGTH = 160


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most so many requests in any such span; they are spread evenly over it."""

    requests: int
    per_seconds: float


class _TryAgainError(Exception):
    """A failure that another attempt may mend."""

    def __init__(self, message: str, kind: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.wait_seconds = wait_seconds


class Fetcher:
    """GET requests to one source. Waits on the clock that it is handed, so that it can be replayed.

    headers: sent with each request. secrets: texts (keys) that no error may show.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        session: aiohttp.ClientSession,
        clock: Clock,
        limit: RateLimit,
        *,
        timeout_seconds: float = 10.0,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self._session = session
        self._clock = clock
        self._spacing = timedelta(seconds=limit.per_seconds / limit.requests)
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._headers = dict(headers or {})
        self._secrets = tuple(each for each in secrets if each)
        self._next_moment = datetime.min.replace(tzinfo=UTC)

    async def json(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The parsed answer; NaN and Infinity are no JSON. Raises SourceError."""
        return parse_json(self.name, await self.body(path, params))

    async def body(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """The body of a 200. Raises SourceError."""

        async def attempt() -> bytes:
            await self._wait_for_turn()
            return await self._get(self.base_url + path, params)

        return await self._retried(attempt)

    async def _wait_for_turn(self) -> None:
        now = self._clock.now()
        turn = max(now, self._next_moment)
        self._next_moment = turn + self._spacing
        if turn > now:
            await self._clock.sleep_until(turn)

    async def _get(self, url: str, params: Mapping[str, str] | None) -> bytes:
        try:
            async with self._session.get(
                url, params=params, headers=self._headers, timeout=self._timeout
            ) as response:
                if response.status != 200:
                    raise self._refusal(response.status, response.headers)
                return await self._read(response)
        except TimeoutError:
            seconds = self._timeout.total or 0.0
            raise _TryAgainError(f"no answer within {seconds:g} s", "unavailable") from None
        except (aiohttp.ClientError, OSError) as error:
            text = " ".join(str(error).split()) or type(error).__name__
            raise _TryAgainError(text, "unavailable") from None

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in response.content.iter_any():
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                raise SourceError(
                    f"{self.name}: an answer of more than {MAX_ANSWER_BYTES} bytes", "malformed"
                )
            pieces.append(piece)
        return b"".join(pieces)

    def _refusal(self, status: int, headers: Mapping[str, str]) -> Exception:
        if status == 429:
            wait = retry_after_seconds(headers.get("Retry-After"), self._clock.now())
            if wait is not None and wait > LONGEST_RETRY_AFTER_SECONDS:
                return SourceError(
                    self._clean(f"HTTP 429, asks to wait {wait:.0f} s"), kind="limited"
                )
            return _TryAgainError("HTTP 429, too many requests", "limited", wait)
        if status >= 500 or status == 408:
            wait = retry_after_seconds(headers.get("Retry-After"), self._clock.now())
            short = wait is not None and wait <= LONGEST_RETRY_AFTER_SECONDS
            return _TryAgainError(f"HTTP {status}", "unavailable", wait if short else None)
        return SourceError(self._clean(f"HTTP {status}"), kind="refused")

    async def _retried(self, attempt: Callable[[], Awaitable[bytes]]) -> bytes:
        try:
            async for each in AsyncRetrying(
                stop=stop_after_attempt(ATTEMPTS),
                wait=_wait,
                retry=retry_if_exception_type(_TryAgainError),
                sleep=self._sleep,
                reraise=True,
            ):
                with each:
                    return await attempt()
        except _TryAgainError as failure:
            raise SourceError(self._clean(failure.message), kind=failure.kind) from None
        raise AssertionError("a retry loop ends in an answer or an exception")

    async def _sleep(self, seconds: float) -> None:
        await self._clock.sleep_until(self._clock.now() + timedelta(seconds=seconds))

    def _clean(self, message: str) -> str:
        text = " ".join(message.split())
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return f"{self.name}: {text[:ERROR_LENGTH]}"


def parse_json(name: str, body: bytes) -> Any:
    """Strict JSON. Raises SourceError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{name}: not JSON ({error.msg})", "malformed") from None


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Retry-After as seconds from now, from a number or an HTTP date; None where it is neither."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


_BACKOFF = wait_random_exponential(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)


def _wait(state: RetryCallState) -> float:
    """What the source asked for, or a random wait that doubles its ceiling each time."""
    failure = state.outcome.exception() if state.outcome is not None else None
    if isinstance(failure, _TryAgainError) and failure.wait_seconds is not None:
        return failure.wait_seconds
    return _BACKOFF(state)
