"""Daily candles from an exchange through ccxt: paged, rate-limited, retried, checked."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import ccxt

from sidecars.common.source_errors import SourceError
from sidecars.confluence.candles import MS_PER_DAY, CandleError, DailyCandles, check_rows
from sidecars.confluence.ccxt_exchange import CcxtReader

__all__ = ["CandleSource", "CcxtCandleSource", "SourceError"]

PAGE_CANDLES = 1000
# Without a newer candle beside it, a day is taken for closed only so long after its end: the
# exchange's clock may be behind ours.
CLOSED_FOR_SURE_MS = 60_000


class CandleSource(Protocol):
    """Where daily candles come from."""

    async def daily_candles(self, pair: str, since_ms: int, now_ms: int) -> DailyCandles:
        """Closed candles with an open time of `since_ms` or later. Raises SourceError."""
        ...

    async def close(self) -> None: ...


class CcxtCandleSource(CcxtReader):
    """Daily candles of any exchange that ccxt knows."""

    def __init__(
        self, exchange_id: str, ccxt_config: Mapping[str, Any], request_timeout_seconds: float
    ) -> None:
        """ccxt_config: over our defaults, as ccxt's own constructor takes it (urls, options)."""
        options: dict[str, Any] = {"defaultType": "spot"}
        if exchange_id == "binance":
            # The spot markets are all that is needed; the others are two more ways to fail.
            options |= {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False}
        super().__init__(
            exchange_id, ccxt_config, request_timeout_seconds, options, "exchange.ccxt_config"
        )
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
