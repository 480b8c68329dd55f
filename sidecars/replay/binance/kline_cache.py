"""Klines as JSON, quickly: closed candles never change, so their text is made once."""

from sidecars.replay.binance.market_json import kline_rows, price_decimals
from sidecars.replay.market.columns import take
from sidecars.replay.market.timeframes import close_time
from sidecars.replay.model import Candles, Market

# About 180 bytes each.
ROWS_KEPT = 200_000


class KlineCache:
    """Rows of klines by (symbol, timeframe) and open time; the least used series go first."""

    def __init__(self, rows_kept: int = ROWS_KEPT) -> None:
        self._rows_kept = rows_kept
        self._series: dict[tuple[str, int], dict[int, str]] = {}
        self._count = 0

    def render(self, market: Market, timeframe_ms: int, candles: Candles, now_ms: int) -> bytes:
        """The answer to GET klines; a candle still open at now is made anew each time."""
        decimals = price_decimals(market)
        opens: list[int] = candles.open_time_ms.tolist()
        closed = len(opens)
        if closed and close_time(opens[-1], timeframe_ms) > now_ms:
            closed -= 1
        known = self._used((market.symbol, timeframe_ms))
        missing = [row for row in range(closed) if opens[row] not in known]
        if missing:
            made = kline_rows(
                take(candles, slice(missing[0], missing[-1] + 1)), timeframe_ms, decimals
            )
            before = len(known)
            known.update(zip(opens[missing[0] : missing[-1] + 1], made, strict=True))
            self._count += len(known) - before
        rows = [known[open_ms] for open_ms in opens[:closed]]
        if closed < len(opens):
            rows += kline_rows(take(candles, slice(closed, None)), timeframe_ms, decimals)
        self._make_room()
        return f"[{','.join(rows)}]".encode()

    def _used(self, key: tuple[str, int]) -> dict[int, str]:
        """The series, moved to the end of the queue of those that may go."""
        series = self._series.pop(key, {})
        self._series[key] = series
        return series

    def _make_room(self) -> None:
        while self._count > self._rows_kept:
            oldest = next(iter(self._series))
            self._count -= len(self._series.pop(oldest))
