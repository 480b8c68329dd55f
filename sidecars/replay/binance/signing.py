"""Who may ask: API key, timestamp and HMAC signature of a request, as Binance checks them.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
"""

import hashlib
import hmac
import re
import time
from collections import deque
from collections.abc import Callable

from sidecars.replay.binance.parameters import Parameters, mandatory
from sidecars.replay.model import ExchangeError

DEFAULT_RECV_WINDOW_MS = 5_000
MAX_RECV_WINDOW_MS = 60_000
MAX_AHEAD_MS = 1_000
KEY_FORMAT = re.compile(r"[A-Za-z0-9_-]{1,128}")
NS_PER_MS = 1_000_000
JUMPS_KEPT = 1024  # those of a bot that sleeps while others wake every second


def check_key(sent_key: str | None, api_key: str) -> None:
    """Raises -2014 when there is no well-formed key, -2015 when it is another one."""
    if not sent_key or KEY_FORMAT.fullmatch(sent_key) is None:
        raise ExchangeError(-2014, "API-key format invalid.", 401)
    if not hmac.compare_digest(sent_key, api_key):
        raise ExchangeError(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def without_signature(text: str) -> tuple[str, str | None]:
    """A query string or form body without its `signature`, and that signature."""
    kept, signature = [], None
    for part in text.split("&"):
        if part.startswith("signature="):
            signature = part.removeprefix("signature=")
        else:
            kept.append(part)
    return "&".join(kept), signature


def signature_of(payload: str, secret: str) -> str:
    """HMAC SHA-256 in lower-case hex."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def check_signature(query: str, body: str, secret: str) -> None:
    """The signature covers query and body exactly as they were sent, put together without an "&".

    Raises -1102 when there is none, -1022 when it is wrong.
    """
    plain_query, in_query = without_signature(query)
    plain_body, in_body = without_signature(body)
    sent = in_query or in_body
    if not sent:
        raise mandatory("signature")
    expected = signature_of(plain_query + plain_body, secret)
    # The signature is not case sensitive; bytes, as compare_digest takes no other letters.
    if not hmac.compare_digest(sent.lower().encode(), expected.encode()):
        raise ExchangeError(-1022, "Signature for this request is not valid.")


def check_timing(parameters: Parameters, server_ms: int, jumped_ms: Callable[[int], int]) -> None:
    """A request is good for recvWindow ms after its timestamp, and never 1 s before it.

    server_ms: the server's time; jumped_ms(since_ms): how much of the time since then was jumped
    over: the window bounds a delay on the network, and no message travels through a jump.
    Raises -1021, -1102, -1131.
    """
    timestamp_ms = parameters.required_integer("timestamp")
    window_ms = parameters.integer("recvWindow")
    if window_ms is None:
        window_ms = DEFAULT_RECV_WINDOW_MS
    if not 0 < window_ms <= MAX_RECV_WINDOW_MS:
        raise ExchangeError(-1131, f"recvWindow must be less than {MAX_RECV_WINDOW_MS}.")
    if timestamp_ms >= server_ms + MAX_AHEAD_MS:
        raise ExchangeError(
            -1021, "Timestamp for this request was 1000ms ahead of the server's time."
        )
    age_ms = server_ms - timestamp_ms
    if age_ms > window_ms and age_ms - jumped_ms(timestamp_ms) > window_ms:
        raise ExchangeError(-1021, "Timestamp for this request is outside of the recvWindow.")


class JumpLog:
    """The latest stretches of time that the exchange's clock has jumped over.

    now_ns: the exchange's clock. real_ns: the machine's monotonic one.
    """

    def __init__(
        self, now_ns: Callable[[], int], real_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._now_ns = now_ns
        self._real_ns = real_ns
        self._lead_ns = now_ns() - real_ns()
        self._jumps: deque[tuple[int, int]] = deque(maxlen=JUMPS_KEPT)

    def on_jump(self) -> None:
        """To be called after each jump: what the clock gained on the machine's is its length."""
        now_ns = self._now_ns()
        lead_ns = now_ns - self._real_ns()
        self._jumps.append((now_ns - (lead_ns - self._lead_ns), now_ns))
        self._lead_ns = lead_ns

    def jumped_ms(self, since_ms: int) -> int:
        """How many of the milliseconds since a moment were jumped over."""
        since_ns = since_ms * NS_PER_MS
        over_ns = sum(
            end_ns - max(start_ns, since_ns)
            for start_ns, end_ns in self._jumps
            if end_ns > since_ns
        )
        return over_ns // NS_PER_MS
