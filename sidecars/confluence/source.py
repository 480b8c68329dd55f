"""Daily candles from an exchange through ccxt: paged, rate-limited, retried, checked."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

import ccxt
import ccxt.async_support as ccxt_async
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from sidecars.confluence.candles import MS_PER_DAY, CandleError, DailyCandles, check_rows

logger = logging.getLogger(__name__)

PAGE_CANDLES = 1000
ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 10.0
ERROR_LENGTH = 200
# Without a newer candle beside it, a day is taken for closed only so long after its end: the
# exchange's clock may be behind ours.
CLOSED_FOR_SURE_MS = 60_000

Answer = TypeVar("Answer")


class SourceError(Exception):
    """The source gave no usable candles; one line that says why."""


class CandleSource(Protocol):
    """Where daily candles come from."""

    async def daily_candles(self, pair: str, since_ms: int, now_ms: int) -> DailyCandles:
        """Closed candles with an open time of `since_ms` or later. Raises SourceError."""
        ...

    async def close(self) -> None: ...


class CcxtCandleSource:
    """Daily candles of any exchange that ccxt knows."""

    def __init__(
        self, exchange_id: str, ccxt_config: Mapping[str, Any], request_timeout_seconds: float
    ) -> None:
        """ccxt_config: over our defaults, as ccxt's own constructor takes it (urls, options)."""
        options: dict[str, Any] = {"defaultType": "spot"}
        if exchange_id == "binance":
            # The spot markets are all that is needed; the others are two more ways to fail.
            options |= {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False}
        config: dict[str, Any] = {
            "enableRateLimit": True,
            "timeout": round(request_timeout_seconds * 1000),
            **ccxt_config,
            "options": {**options, **ccxt_config.get("options", {})},
        }
        try:
            self._exchange = getattr(ccxt_async, exchange_id)(config)
        except (ccxt.BaseError, TypeError, ValueError, AttributeError) as error:
            raise SourceError(
                f"key 'exchange.ccxt_config' is not for {exchange_id}: {error}"
            ) from None
        self._exchange.parse_ohlcvs = _refusing_what_are_no_rows(self._exchange.parse_ohlcvs)

    async def daily_candles(self, pair: str, since_ms: int, now_ms: int) -> DailyCandles:
        await self._know(pair)
        rows: list[list[float]] = []
        next_ms = since_ms
        # One page past the end would be allowed to come empty: the day that is forming.
        while next_ms <= now_ms:
            page = await self._page(pair, next_ms, now_ms)
            rows += page
            # An empty page is no end: some exchanges answer so before a pair's listing.
            last_ms = int(page[-1][0]) if page else next_ms + (PAGE_CANDLES - 1) * MS_PER_DAY
            next_ms = last_ms + MS_PER_DAY
        return DailyCandles.from_rows(_closed(rows, now_ms))

    async def server_time_ms(self) -> int:
        """The exchange's own clock. Raises SourceError."""
        answer = await self._retried(self._exchange.fetch_time, "time")
        if not isinstance(answer, int):
            raise SourceError(f"time: expected milliseconds, got {answer!r}")
        return answer

    async def close(self) -> None:
        await self._exchange.close()

    async def _know(self, pair: str) -> None:
        if pair in (self._exchange.markets or {}):
            return
        # ccxt joins callers that load at the same time; a pair may have been listed since.
        markets = await self._retried(lambda: self._exchange.load_markets(True), "markets")
        if pair not in markets:
            raise SourceError(f"{self._exchange.id} has no market {pair}")

    async def _page(self, pair: str, since_ms: int, now_ms: int) -> list[list[float]]:
        def ask() -> Awaitable[object]:
            answer: Awaitable[object] = self._exchange.fetch_ohlcv(
                pair, "1d", since=since_ms, limit=PAGE_CANDLES
            )
            return answer

        try:
            return check_rows(await self._retried(ask, pair), since_ms, now_ms)
        except CandleError as error:
            raise SourceError(f"{self._exchange.id} {pair}: refused: {error}") from error

    async def _retried(self, ask: Callable[[], Awaitable[Answer]], what: str) -> Answer:
        try:
            async for attempt in AsyncRetrying(
                stop=stop_after_attempt(ATTEMPTS),
                wait=wait_random_exponential(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS),
                retry=retry_if_exception_type((ccxt.OperationFailed, OSError, TimeoutError)),
                reraise=True,
            ):
                with attempt:
                    return await ask()
        except (ccxt.BaseError, OSError, TimeoutError) as error:
            text = " ".join(str(error).split())[:ERROR_LENGTH]
            raise SourceError(f"{what}: {type(error).__name__}: {text}") from error
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            # What ccxt raises when the shape of an answer is not what its parser expects.
            raise SourceError(
                f"{self._exchange.id} {what}: malformed answer ({type(error).__name__})"
            ) from error
        raise AssertionError("a retry loop ends in an answer or an exception")


def _refusing_what_are_no_rows(parse: Callable[..., Any]) -> Callable[..., Any]:
    """ccxt's parser takes null or an object for "no candles"; here that is a bad response."""

    def checked(rows: object, *arguments: Any, **options: Any) -> Any:
        if not isinstance(rows, list) or not all(isinstance(row, list | dict) for row in rows):
            raise ccxt.BadResponse(f"expected rows of candles, got {str(rows)[:80]}")
        return parse(rows, *arguments, **options)

    return checked


def _closed(rows: list[list[float]], now_ms: int) -> list[list[float]]:
    """Without the day that is forming, or may still be."""
    closed = [row for row in rows if row[0] + MS_PER_DAY <= now_ms]
    if closed and len(closed) == len(rows):
        for_sure = closed[-1][0] + MS_PER_DAY + CLOSED_FOR_SURE_MS <= now_ms
        return closed if for_sure else closed[:-1]
    return closed
