"""Whether the exchange answers, and how far this machine's clock is from its: live only.

Asked in a thread of its own over a connection of its own: an exchange that hangs holds up nobody.
"""

import copy
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import ccxt

logger = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
SOON_SECONDS = 1.0  # to see whether a clock that seems off is
AGAIN_SECONDS = 10.0  # after a failure
TIMEOUT_MS = 5_000
SAMPLES = 3
# An answer that took longer says too little about the moment it was given at.
LONGEST_ROUND_TRIP_SECONDS = 1.0
SUSPICIOUS_SECONDS = 0.5
PROXIES = ("proxies", "httpProxy", "httpsProxy", "socksProxy", "http_proxy", "https_proxy")

Ask = Callable[[], float | None]


class ExchangeProbe:
    """Asks the exchange for its time once a minute.

    ask: its time in seconds since 1970, None where it does not tell; raises ccxt.BaseError.
    """

    def __init__(
        self,
        ask: Ask,
        wall_clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._wall_clock = wall_clock
        self._monotonic = monotonic
        self._skews: deque[float] = deque(maxlen=SAMPLES)
        self._answered_at: float | None = None
        self._started_at = monotonic()
        self._ended = threading.Event()

    def start(self) -> None:
        self._started_at = self._monotonic()
        threading.Thread(target=self._run, name="exchange-probe", daemon=True).start()

    def stop(self) -> None:
        self._ended.set()

    @property
    def skew_seconds(self) -> float | None:
        """Between this machine's clock and the exchange's; None: not known.

        The least of the last answers: a clock that is off is off in each of them.
        """
        return min(tuple(self._skews), key=abs, default=None)

    def silence_seconds(self) -> float:
        """Since the last good answer; since the start where there was none."""
        since = self._started_at if self._answered_at is None else self._answered_at
        return self._monotonic() - since

    def look(self) -> float:
        """Ask once; returns how many seconds to wait before the next time."""
        before = self._wall_clock()
        try:
            exchange_time = self._ask()
        except ccxt.BaseError as error:
            logger.debug("the exchange does not tell its time: %s", error)
            return AGAIN_SECONDS
        after = self._wall_clock()
        self._answered_at = self._monotonic()
        round_trip = after - before
        if exchange_time is None:
            return EVERY_SECONDS
        if not 0.0 <= round_trip <= LONGEST_ROUND_TRIP_SECONDS:
            return SOON_SECONDS
        # It told its time at some moment between the two: only what lies outside counts.
        offset = (before + after) / 2.0 - exchange_time
        skew = max(0.0, abs(offset) - round_trip / 2.0) * (1.0 if offset >= 0.0 else -1.0)
        self._skews.append(skew)
        return EVERY_SECONDS if abs(skew) < SUSPICIOUS_SECONDS else SOON_SECONDS

    def _run(self) -> None:
        wait_seconds = 0.0
        while not self._ended.wait(wait_seconds):
            try:
                wait_seconds = self.look()
            except Exception:
                # Without answers the silence grows and entries are refused: that is enough.
                logger.exception("the exchange could not be asked for its time")
                wait_seconds = EVERY_SECONDS


def exchange_time(api: Any, pair: str) -> Ask:
    """How to ask, over a client of its own that has the addresses and proxies of freqtrade's."""
    client = type(api)({"options": copy.deepcopy(api.options), "timeout": TIMEOUT_MS})
    client.urls = copy.deepcopy(api.urls)
    for name in PROXIES:
        if getattr(api, name, None):
            setattr(client, name, getattr(api, name))
    if client.has.get("fetchTime"):
        return lambda: float(client.fetch_time()) / 1000.0
    logger.warning("%s does not tell its time: how far the clock is off is not known", api.id)

    def ask() -> None:
        client.fetch_ticker(pair)

    return ask
