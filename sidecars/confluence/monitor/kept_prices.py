"""Polled prices as observations, and what follows from them: closes and rates of each day.

Kept are `luno_price:BTC/MYR`, `EXCHANGE_price:BTC/USDT` (both from quotes that are not thin) and
`implied_rate:USDT/MYR`: every 15 minutes, and each time in the last five minutes of a UTC day.
What a day closed at is read from what was kept and never from what is only in memory, so that it
is the same after a restart. In memory stays of each series its first value, the last of each day,
and what days closed at.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class _Days:
    """One series by day. first: the earliest value of all. ends: the last value of each day, by
    the day's end; it rises. closes: by as_of_ms, replaced as a whole when one is added."""

    first: Rate | None = None
    ends: dict[int, Rate] = field(default_factory=dict)
    closes: Mapping[int, float] = field(default_factory=dict)

    @property
    def last(self) -> Rate | None:
        return next(reversed(self.ends.values()), None)

    def add(self, values: Sequence[tuple[int, float]]) -> None:
        """Take in (as_of_ms, value), in order of time and none before what is there."""
        for as_of_ms, value in values:
            rate = Rate(value, as_of_ms)
            self.first = self.first or rate
            self.ends[-(-as_of_ms // MS_PER_DAY) * MS_PER_DAY] = rate
        closes = polled_closes(values)
        if closes:
            self.closes = {**self.closes, **closes}

    def until(self, end_ms: int) -> list[Rate]:
        """The first value, and the last one of each day that is over at end_ms."""
        known = [] if self.first is None else [self.first]
        return known + [rate for day_ends_ms, rate in self.ends.items() if day_ends_ms <= end_ms]


def _days_of(timeline: SeriesTimeline) -> _Days:
    window = timeline.window(0, _END_OF_TIME_MS)
    days = _Days()
    days.add(sorted(zip(window.as_of_ms.tolist(), window.value.tolist(), strict=True)))
    return days


_NO_DAYS = _Days()


class KeptPrices:
    """Polled prices by day, in memory and in the store (None: in memory only).

    What it hands out is replaced as a whole when it changes, and not otherwise.
    """

    def __init__(self, observations: ObservationTable | None) -> None:
        self.store_error: str | None = None
        self._observations = observations
        self._known: set[str] = set()
        self._days: dict[str, _Days] = {}
        self._candle_rates: dict[str, Sequence[Rate]] = {}
        # By series, with the end of the last day that is in it.
        self._rates: dict[str, tuple[int, RateHistory]] = {}

    async def know(self, series: Collection[str]) -> None:
        """Read back what was kept of the named series, once; a store that fails is said in
        `store_error` and asked again the next time."""
        new = set(series) - self._known
        if not new:
            return
        if self._observations is not None:
            try:
                read = await asyncio.to_thread(self._read_back, self._observations, new)
            except SQLAlchemyError as error:
                self._failed(error)
                return
            self._days |= read
            for each in read:
                self._rates.pop(each, None)
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
            days = self._days.setdefault(each.series, _Days())
            is_first = days.first is None
            days.add([(each.as_of_ms, each.value)])
            until_ms, _ = self._rates.get(each.series, (0, None))
            if is_first or each.as_of_ms <= until_ms:
                self._rates.pop(each.series, None)

    def use_candle_rates(self, series: str, rates: Sequence[Rate]) -> None:
        """Rates of days that nobody observed, from daily candles."""
        if self._candle_rates.get(series) != rates:
            self._candle_rates[series] = rates
            self._rates.pop(series, None)

    def rates(self, series: str, now_ms: int) -> RateHistory:
        """The rate at the end of each day that is over now."""
        until_ms = now_ms - now_ms % MS_PER_DAY
        known = self._rates.get(series)
        if known is None or known[0] != until_ms:
            observed = self._days.get(series, _NO_DAYS).until(until_ms)
            known = until_ms, RateHistory(observed, self._candle_rates.get(series, ()))
            self._rates[series] = known
        return known[1]

    def rate_now(self, series: str, now_ms: int) -> Rate | None:
        """The last rate there is; None without any."""
        last = self._days.get(series, _NO_DAYS).last
        by_day = self.rates(series, now_ms).at(now_ms)
        if last is None or by_day is None:
            return last or by_day
        return max(last, by_day, key=lambda each: each.as_of_ms)

    def closes(self, market: str) -> Mapping[int, float]:
        """Closes of a market of Luno by as_of_ms, as they were polled at the time."""
        return self._days.get(price_series(LUNO, market), _NO_DAYS).closes

    @staticmethod
    def _read_back(observations: ObservationTable, series: Collection[str]) -> dict[str, _Days]:
        return {name: _days_of(each) for name, each in observations.load(series).items()}

    def _is_due(self, series: str, as_of_ms: int) -> bool:
        last = self._days.get(series, _NO_DAYS).last
        if last is None:
            return True
        last_ms = last.as_of_ms
        day_ends = -as_of_ms % MS_PER_DAY <= DAY_ENDS_MS
        return as_of_ms > last_ms and (day_ends or as_of_ms - last_ms >= KEPT_EVERY_MS)

    def _failed(self, error: SQLAlchemyError) -> None:
        self.store_error = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        logger.error("store failed", extra={"error": self.store_error})
