"""Who may see the pages of a service: login, sessions, and where a form may come from."""

import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Mapping

from yarl import URL

from sidecars.common.clock import Clock

SESSION_SECONDS = 12 * 3600
MOST_SESSIONS = 64
WRONG_TOKENS = 5
WRONG_TOKENS_SECONDS = 60
MS_PER_SECOND = 1000


class Sessions:
    """Open sessions in memory: a random id each, gone after 12 hours, at logout or a restart.

    Only hashes of the ids are kept, so finding one by its hash tells nothing by its timing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._expires_ms: dict[bytes, int] = {}

    def open(self) -> str:
        """A new session's id. Beyond 64 open ones the oldest is closed."""
        now_ms = _now_ms(self._clock)
        self._expires_ms = {key: at for key, at in self._expires_ms.items() if at > now_ms}
        while len(self._expires_ms) >= MOST_SESSIONS:
            del self._expires_ms[next(iter(self._expires_ms))]
        session = secrets.token_urlsafe(32)
        self._expires_ms[_hash(session)] = now_ms + SESSION_SECONDS * MS_PER_SECOND
        return session

    def is_open(self, session: str | None) -> bool:
        """Whether the id is that of a session that has not ended."""
        if not session:
            return False
        expires_ms = self._expires_ms.get(_hash(session))
        return expires_ms is not None and _now_ms(self._clock) < expires_ms

    def close(self, session: str | None) -> None:
        """End the session, if it is one."""
        if session:
            self._expires_ms.pop(_hash(session), None)


class LoginGuard:
    """Compares tokens in constant time; five wrong ones within a minute and nobody may try.

    The count is for all clients together: behind a proxy they look the same.
    """

    def __init__(self, token: str, clock: Clock) -> None:
        self._token = token.encode()
        self._clock = clock
        self._wrong_ms: deque[int] = deque(maxlen=WRONG_TOKENS)

    def wait_seconds(self) -> int:
        """Seconds until the next try is looked at; 0: now."""
        if len(self._wrong_ms) < WRONG_TOKENS:
            return 0
        remaining_ms = self._wrong_ms[0] + WRONG_TOKENS_SECONDS * MS_PER_SECOND
        remaining_ms -= _now_ms(self._clock)
        return max(0, -(-remaining_ms // MS_PER_SECOND))

    def accepts(self, given: str) -> bool:
        """Whether this is the token. Call it only when there is nothing to wait for."""
        is_token = hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self._token)
        if is_token:
            self._wrong_ms.clear()
        else:
            self._wrong_ms.append(_now_ms(self._clock))
        return is_token


def comes_from_here(headers: Mapping[str, str]) -> bool:
    """Whether a form was sent by one of our own pages.

    A browser says so in Sec-Fetch-Site, an older one in Origin; whoever says neither is refused.
    Only host and port are compared: behind a proxy that ends TLS the scheme differs.
    """
    site = headers.get("Sec-Fetch-Site")
    origin = headers.get("Origin")
    if site is None and origin is None:
        return False
    if site is not None and site != "same-origin":
        return False
    return origin is None or _is_origin_of(origin, headers.get("Host", ""))


def is_encrypted(scheme: str, headers: Mapping[str, str]) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy before us."""
    return scheme == "https" or headers.get("X-Forwarded-Proto", "").lower() == "https"


def _is_origin_of(origin: str, host: str) -> bool:
    try:
        url = URL(origin)
        default_port = {"http": 80, "https": 443}[url.scheme]
        here = URL(f"{url.scheme}://{host}")
        return bool(host) and (url.host, url.port or default_port) == (
            here.host,
            here.port or default_port,
        )
    except (ValueError, KeyError):
        return False


def _hash(session: str) -> bytes:
    return hashlib.sha256(session.encode("utf-8", "surrogatepass")).digest()


def _now_ms(clock: Clock) -> int:
    return round(clock.now().timestamp() * MS_PER_SECOND)
