"""Asking a web API: rate limit, time-out, size limit, retries with backoff and jitter.

Whatever goes wrong ends in a SourceError of one line without any secret in it.
"""

import email.utils
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, quote_plus

import aiohttp
import orjson
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from yarl import URL

from sidecars.common.clock import Clock
from sidecars.common.logs import HIDDEN
from sidecars.common.source_errors import SourceError

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 20.0
# A source that asks for a longer pause than this is not waited for, and not asked meanwhile.
LONGEST_RETRY_AFTER_SECONDS = 60.0
# However long a source asks to be left alone, it is asked again after this.
LONGEST_SILENCE_SECONDS = 3600.0
MAX_ANSWER_BYTES = 8 * 1024 * 1024
MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What says who asks; a host that a source redirects to is not told.
CREDENTIAL_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
ERROR_LENGTH = 160
LONG_AGO = datetime.min.replace(tzinfo=UTC)


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


@dataclass(slots=True)
class _Pace:
    """When one host may be asked next: its turn, and the end of a pause that it asked for."""

    next_moment: datetime = LONG_AGO
    silent_until: datetime = LONG_AGO


class Fetcher:
    """GET requests to one source. Waits on the clock that it is handed, so that it can be replayed.

    headers: sent with each request to the source itself; where it redirects to another host, those
    that hold a secret are left out. secrets: texts (keys) that no error may show. Where a source
    has several hosts, as news feeds do, each has the limit, and the pauses it asks for, to itself.
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
        self._secrets = _spellings(secrets)
        # Seeded, so that a replay waits as it did; other sources have other names.
        self._chance = random.Random(name)
        self._paces: dict[URL, _Pace] = {}

    async def json(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The parsed answer; NaN and Infinity are no JSON. Raises SourceError."""
        return parse_json(self.name, await self.body(path, params))

    async def body(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """The body of a 200. Raises SourceError."""
        try:
            url = URL(self.base_url + path).extend_query(params or {})
            pace = self._paces.setdefault(url.origin(), _Pace())
        except ValueError as error:
            raise SourceError(self._clean(f"no address: {error}"), "refused") from None

        async def attempt() -> bytes:
            await self._wait_for_turn(pace)
            return await self._get(url, pace)

        return await self._retried(attempt)

    async def _wait_for_turn(self, pace: _Pace) -> None:
        self._check_silence(pace)
        now = self._clock.now()
        turn = max(now, pace.next_moment)
        pace.next_moment = turn + self._spacing
        if turn > now:
            await self._clock.sleep_until(turn)
            self._check_silence(pace)

    def _check_silence(self, pace: _Pace) -> None:
        if self._clock.now() < pace.silent_until:
            raise SourceError(
                f"{self.name}: is left alone until {pace.silent_until:%H:%M:%S} UTC, as it asked",
                "limited",
            )

    async def _get(self, url: URL, pace: _Pace) -> bytes:
        target = url
        for _ in range(1 + MOST_REDIRECTS):
            is_own_host = target.origin() == url.origin()
            answer = await self._get_once(target, pace, is_own_host=is_own_host)
            if isinstance(answer, bytes):
                return answer
            target = answer
        raise SourceError(self._clean(f"more than {MOST_REDIRECTS} redirects"), "refused")

    async def _get_once(self, url: URL, pace: _Pace, *, is_own_host: bool) -> bytes | URL:
        """The body, or where it is."""
        headers = self._headers if is_own_host else self._harmless_headers()
        try:
            async with self._session.get(
                url, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                if response.status in REDIRECTS:
                    return self._redirected(url, response)
                if response.status != 200:
                    raise self._refusal(response.status, response.headers, pace)
                return await self._read(response)
        except TimeoutError:
            seconds = self._timeout.total or 0.0
            raise _TryAgainError(f"no answer within {seconds:g} s", "unavailable") from None
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise SourceError(self._clean(f"no address: {error}"), "refused") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _TryAgainError(str(error) or type(error).__name__, "unavailable") from None
        except ValueError as error:  # a header that cannot be sent, as with a broken key
            raise SourceError(self._clean(f"cannot be asked: {error}"), "refused") from None

    def _harmless_headers(self) -> dict[str, str]:
        return {
            name: value
            for name, value in self._headers.items()
            if name.lower() not in CREDENTIAL_HEADERS
            and not any(secret in value for secret in self._secrets)
        }

    def _redirected(self, url: URL, response: aiohttp.ClientResponse) -> URL:
        location = response.headers.get("Location", "")
        try:
            target = url.join(URL(location))
            origin = target.origin()
        except ValueError:
            raise SourceError(
                self._clean(f"HTTP {response.status} to {location!r}, which is no address"),
                "refused",
            ) from None
        if target.scheme != url.scheme and target.scheme != "https":
            raise SourceError(
                self._clean(f"HTTP {response.status} to {target.scheme}://{target.host}"), "refused"
            )
        if origin != url.origin() and any(secret in str(target) for secret in self._secrets):
            raise SourceError(
                self._clean(f"HTTP {response.status} would take the key to {target.host}"),
                "refused",
            )
        return target

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        # What is unpacked comes in pieces too, so a small answer cannot fill the memory.
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

    def _refusal(self, status: int, headers: Mapping[str, str], pace: _Pace) -> Exception:
        if status == 429:
            return self._asked_to_wait("HTTP 429, too many requests", "limited", headers, pace)
        if status >= 500 or status == 408:
            return self._asked_to_wait(f"HTTP {status}", "unavailable", headers, pace)
        return SourceError(self._clean(f"HTTP {status}"), kind="refused")

    def _asked_to_wait(
        self, message: str, kind: str, headers: Mapping[str, str], pace: _Pace
    ) -> Exception:
        """Holds back every request to the host, not only the one that was refused."""
        now = self._clock.now()
        wait = retry_after_seconds(headers.get("Retry-After"), now)
        if wait is None:
            return _TryAgainError(message, kind)
        if wait <= LONGEST_RETRY_AFTER_SECONDS:
            pace.next_moment = max(pace.next_moment, now + timedelta(seconds=wait))
            return _TryAgainError(message, kind, wait)
        pace.silent_until = now + timedelta(seconds=min(wait, LONGEST_SILENCE_SECONDS))
        return SourceError(self._clean(f"{message}, asks to wait {wait:.0f} s"), kind)

    async def _retried(self, attempt: Callable[[], Awaitable[bytes]]) -> bytes:
        try:
            async for each in AsyncRetrying(
                stop=stop_after_attempt(ATTEMPTS),
                wait=self._wait_seconds,
                retry=retry_if_exception_type(_TryAgainError),
                sleep=self._sleep,
                reraise=True,
            ):
                with each:
                    return await attempt()
        except _TryAgainError as failure:
            raise SourceError(self._clean(failure.message), kind=failure.kind) from None
        raise AssertionError("a retry loop ends in an answer or an exception")

    def _wait_seconds(self, state: RetryCallState) -> float:
        """What the source asked for, or a wait whose bounds double with each attempt."""
        failure = state.outcome.exception() if state.outcome is not None else None
        if isinstance(failure, _TryAgainError) and failure.wait_seconds is not None:
            return failure.wait_seconds
        return backoff_seconds(state.attempt_number, self._chance)

    async def _sleep(self, seconds: float) -> None:
        await self._clock.sleep_until(self._clock.now() + timedelta(seconds=seconds))

    def _clean(self, message: str) -> str:
        text = message
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = " ".join(text.encode("utf-8", "backslashreplace").decode().split())
        return f"{self.name}: {text[:ERROR_LENGTH]}"


def parse_json(name: str, body: bytes) -> Any:
    """Strict JSON. Raises SourceError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{name}: not JSON ({error.msg})", "malformed") from None


def backoff_seconds(attempt: int, chance: random.Random) -> float:
    """The wait after the n-th failure: at random between half its ceiling and its ceiling."""
    ceiling = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
    return chance.uniform(ceiling / 2, ceiling)


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Retry-After as seconds from now, from a number or an HTTP date; None where it is neither."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _spellings(secrets: Sequence[str]) -> tuple[str, ...]:
    """Each secret as it may stand in a text or an address; the longest first."""
    found = {
        spelling
        for secret in (text.strip() for text in secrets)
        if secret
        for spelling in (secret, quote(secret, safe=""), quote(secret), quote_plus(secret))
    }
    return tuple(sorted(found, key=len, reverse=True))
