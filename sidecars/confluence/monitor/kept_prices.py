"""Polled prices as observations, and what follows from them: closes and rates of each day.

Kept are `luno_price:BTC/MYR`, `EXCHANGE_price:BTC/USDT` (both from quotes that are not thin) and
`implied_rate:USDT/MYR`: every 15 minutes, and each time in the last five minutes of a UTC day.
What a day closed at is read from what was kept and never from what is only in memory, so that it
is the same after a restart.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.observation_store import ObservationTable
from sidecars.common.observations import MS_PER_DAY, MS_PER_MINUTE, Observation, SeriesTimeline
from sidecars.confluence.monitor.luno import LUNO
from sidecars.confluence.monitor.prices import Rate, RateHistory, polled_closes

logger = logging.getLogger(__name__)

KEPT_EVERY_MS = 15 * MS_PER_MINUTE
DAY_ENDS_MS = 5 * MS_PER_MINUTE
_END_OF_TIME_MS = 1 << 62


def price_series(exchange: str, market: str) -> str:
    """'luno_price:BTC/MYR'."""
    return f"{exchange}_price:{market}"


def rate_series(quote: str, currency: str) -> str:
    """'implied_rate:USDT/MYR': MYR for one USDT."""
    return f"implied_rate:{quote}/{currency}"


class KeptPrices:
    """Timelines of polled prices, in memory and in the store (None: in memory only)."""

    def __init__(self, observations: ObservationTable | None) -> None:
        self.store_error: str | None = None
        self._observations = observations
        self._known: set[str] = set()
        self._timelines: dict[str, SeriesTimeline] = {}
        self._candle_rates: dict[str, Sequence[Rate]] = {}
        self._rates: dict[str, RateHistory] = {}
        self._closes: dict[str, Mapping[int, float]] = {}

    async def know(self, series: Collection[str]) -> None:
        """Read back what was kept of the named series, once; a store that fails is said in
        `store_error` and asked again the next time."""
        new = set(series) - self._known
        if not new:
            return
        if self._observations is not None:
            try:
                self._timelines |= await asyncio.to_thread(self._observations.load, new)
            except SQLAlchemyError as error:
                self._failed(error)
                return
            self._forget()
        self._known |= new

    async def keep(self, now_ms: int, values: Iterable[tuple[str, int, float, str]]) -> None:
        """Keep those of (series, as_of_ms, value, source) that are due.

        A store that fails is said in `store_error`; what it did not take is no history.
        """
        due = [
            Observation(series, as_of_ms, max(now_ms, as_of_ms), value, source)
            for series, as_of_ms, value, source in values
            if self._is_due(series, as_of_ms)
        ]
        if not due:
            return
        if self._observations is not None:
            try:
                await asyncio.to_thread(self._observations.append, due)
            except SQLAlchemyError as error:
                self._failed(error)
                return
            self.store_error = None
        for each in due:
            self._timelines.setdefault(each.series, SeriesTimeline()).extend([each])
        self._forget()

    def use_candle_rates(self, series: str, rates: Sequence[Rate]) -> None:
        """Rates of days that nobody observed, from daily candles."""
        self._candle_rates[series] = rates
        self._rates.pop(series, None)

    def rates(self, series: str) -> RateHistory:
        """The rate at any moment."""
        if series not in self._rates:
            observed = [Rate(value, as_of_ms) for as_of_ms, value in self._values(series)]
            self._rates[series] = RateHistory(observed, self._candle_rates.get(series, ()))
        return self._rates[series]

    def closes(self, market: str) -> Mapping[int, float]:
        """Closes of a market of Luno by as_of_ms, as they were polled at the time."""
        if market not in self._closes:
            self._closes[market] = polled_closes(self._values(price_series(LUNO, market)))
        return self._closes[market]

    def _values(self, series: str) -> list[tuple[int, float]]:
        timeline = self._timelines.get(series)
        if timeline is None:
            return []
        window = timeline.window(0, _END_OF_TIME_MS)
        return list(zip(window.as_of_ms.tolist(), window.value.tolist(), strict=True))

    def _is_due(self, series: str, as_of_ms: int) -> bool:
        timeline = self._timelines.get(series)
        last = None if timeline is None else timeline.latest(series, _END_OF_TIME_MS)
        if last is None:
            return True
        last_ms = last.as_of_ms
        day_ends = -as_of_ms % MS_PER_DAY <= DAY_ENDS_MS
        return as_of_ms > last_ms and (day_ends or as_of_ms - last_ms >= KEPT_EVERY_MS)

    def _failed(self, error: SQLAlchemyError) -> None:
        self.store_error = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        logger.error("store failed", extra={"error": self.store_error})

    def _forget(self) -> None:
        self._rates.clear()
        self._closes.clear()
