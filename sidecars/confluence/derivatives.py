"""Funding and open interest of BTC's perpetual swap through ccxt: paged, retried, checked.

BTC's is read for all pairs: the regime is the market's. A rate is what longs pay to shorts at a
settlement, as a fraction of the position; an exchange settles every 8, 4, 2 or 1 hours, and the
rate is of that span. Kept is % per 8 hours.
"""

import math
from collections.abc import Awaitable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from sidecars.common.availability import live_ms
from sidecars.common.clock import Clock
from sidecars.common.moments import iso_ms, ms_of
from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, Observation
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import describes_future
from sidecars.confluence.ccxt_exchange import CcxtReader
from sidecars.confluence.feed import FeedAnswer
from sidecars.confluence.observed import FUNDING, OPEN_INTEREST

PAGE_SETTLEMENTS = 100
# An empty page is no end: it may lie before the contract's listing.
EMPTY_PAGE_MS = (PAGE_SETTLEMENTS - 1) * 8 * MS_PER_HOUR
# The span of a settlement is read from the one before it, so these are asked for as well.
BEFORE_MS = MS_PER_DAY
PER_HOURS = 8
LATE_MS = MS_PER_HOUR
# Of a settlement, as a fraction: no exchange lets one be as high.
HIGHEST_RATE = 0.05

Settlement = tuple[int, float]  # ms, fraction


class CcxtDerivatives(CcxtReader):
    """A feed of funding and open interest from any exchange with swaps that ccxt knows."""

    name = "derivatives"
    series = (FUNDING,)

    def __init__(
        self,
        exchange_id: str,
        symbol: str,
        ccxt_config: Mapping[str, Any],
        request_timeout_seconds: float,
        clock: Clock,
    ) -> None:
        """ccxt_config: over our defaults, as ccxt's constructor takes it. Raises SourceError."""
        options: dict[str, Any] = {"defaultType": "swap"}
        if exchange_id == "binance":
            options |= {"fetchMarkets": {"types": ["linear"]}, "fetchCurrencies": False}
        super().__init__(
            exchange_id, ccxt_config, request_timeout_seconds, options, "derivatives.ccxt_config"
        )
        self._symbol = symbol
        self._clock = clock

    async def read(self, since_ms: int, until_ms: int) -> FeedAnswer:
        """Settlements with since <= time < until, and the open interest of now.

        Open interest is no part of the score: failing to read it is a note. Raises SourceError.
        """
        await self._know(self._symbol)
        settlements: list[Settlement] = []
        next_ms = since_ms - BEFORE_MS
        while next_ms < until_ms:
            page = await self._page(next_ms)
            settlements += page
            next_ms = page[-1][0] + 1 if page else next_ms + EMPTY_PAGE_MS
        rates = pct_per_8_hours([each for each in settlements if each[0] < until_ms])
        self._refuse_late(rates, until_ms)
        funding = [
            Observation(FUNDING, moment_ms, moment_ms, rate_pct, self._exchange.id)
            for moment_ms, _, rate_pct in rates
            if moment_ms >= since_ms
        ]
        try:
            return FeedAnswer([*funding, *await self._open_interest()])
        except SourceError as error:
            return FeedAnswer(funding, notes=[str(error)])

    def _refuse_late(self, rates: Sequence[tuple[int, int, float]], until_ms: int) -> None:
        """A settlement that should be there and is not is waited for, as a late candle is."""
        if rates and until_ms - rates[-1][0] > rates[-1][1] * MS_PER_HOUR + LATE_MS:
            raise SourceError(f"funding: no settlement after {iso_ms(rates[-1][0])} yet")

    async def _page(self, since_ms: int) -> list[Settlement]:
        def ask() -> Awaitable[object]:
            answer: Awaitable[object] = self._exchange.fetch_funding_rate_history(
                self._symbol, since=since_ms, limit=PAGE_SETTLEMENTS
            )
            return answer

        rows = await self._retried(ask, f"funding of {self._symbol}")
        return check_settlements(rows, since_ms, ms_of(self._clock.now()))

    async def _open_interest(self) -> list[Observation]:
        """In USD, where the exchange says it so; [] where it does not."""

        def ask() -> Awaitable[object]:
            api = self._exchange
            answer: Awaitable[object] = (
                api.fetch_open_interest_history(self._symbol, "1h", limit=2)
                if api.has["fetchOpenInterestHistory"]
                else api.fetch_open_interest(self._symbol)
            )
            return answer

        rows = await self._retried(ask, f"open interest of {self._symbol}")
        now_ms = ms_of(self._clock.now())
        last = rows[-1] if isinstance(rows, list) and rows else rows
        if not isinstance(last, dict) or last.get("openInterestValue") is None:
            return []
        value = _number(last["openInterestValue"])
        moment_ms = _moment(last.get("timestamp") or now_ms, now_ms)
        if value is None or value < 0 or moment_ms is None:
            raise SourceError(f"open interest: refused {str(last)[:80]}", "malformed")
        known_ms = max(moment_ms, live_ms(now_ms))
        return [Observation(OPEN_INTEREST, moment_ms, known_ms, value, self._exchange.id)]


def check_settlements(rows: object, since_ms: int, now_ms: int) -> list[Settlement]:
    """ccxt's funding rate history once nothing is wrong with any of it. Raises SourceError."""
    if not isinstance(rows, list):
        raise SourceError(f"funding: expected a list, got {type(rows).__name__}", "malformed")
    settlements: list[Settlement] = []
    previous_ms = since_ms - 1
    for row in rows:
        moment_ms = row.get("timestamp") if isinstance(row, dict) else None
        rate = row.get("fundingRate") if isinstance(row, dict) else None
        moment_ms, rate = _moment(moment_ms, now_ms), _number(rate)
        if moment_ms is None or rate is None:
            raise SourceError(f"funding: refused {str(row)[:80]}", "malformed")
        if not previous_ms < moment_ms or abs(rate) > HIGHEST_RATE:
            raise SourceError(
                f"funding: {rate} at {moment_ms} ms, expected at most {HIGHEST_RATE} either way "
                f"and later than {previous_ms} ms",
                "malformed",
            )
        previous_ms = moment_ms
        settlements.append((moment_ms, rate))
    return settlements


def pct_per_8_hours(settlements: Sequence[Settlement]) -> list[tuple[int, int, float]]:
    """(moment, hours that it is of, % per 8 hours) of settlements in order. Pure.

    A rate is of the time since the settlement before it. Where that is longer than 8 hours, some
    are missing in between and the span is taken to be what it was; the first one's is the second's.
    """
    spans = [
        round((after - before) / MS_PER_HOUR) for (before, _), (after, _) in pairwise(settlements)
    ]
    known = next((hours for hours in spans if 1 <= hours <= PER_HOURS), PER_HOURS)
    result = []
    for (moment_ms, rate), hours in zip(settlements, [known, *spans], strict=False):
        known = hours if 1 <= hours <= PER_HOURS else known
        result.append((moment_ms, known, 100.0 * rate * PER_HOURS / known))
    return result


def _number(value: object) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _moment(value: object, now_ms: int) -> int | None:
    """Milliseconds of a moment that has come; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    return None if describes_future(value, now_ms) else value
