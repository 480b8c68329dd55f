"""Hourly closes for the correlations of all pairs that bots trade or ask for."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import ccxt
import ccxt.async_support as ccxt_async
import pandas as pd

from aquatrade.risk.correlation import Correlations, correlations
from sidecars.common.moments import ms_of
from sidecars.common.settings_file import SettingsError
from sidecars.common.source_errors import SourceError
from sidecars.guard.desk import Desk
from sidecars.guard.fleet import Rules, Step
from sidecars.guard.refusals import StoreError
from sidecars.guard.settings import CorrelationData
from sidecars.guard.timekeeping import Timekeeper

logger = logging.getLogger(__name__)

MS_PER_HOUR = 3_600_000
PAGE_CANDLES = 1000
MOST_PAIRS = 100
# What could not be read anew for so long is not known any more.
FORGET = timedelta(hours=24)
RETRY_SECONDS = 60.0
ERROR_LENGTH = 200
ERRORS = (
    ccxt.BaseError, OSError, TimeoutError, TypeError, ValueError, KeyError, IndexError,
    AttributeError,
)  # fmt: skip

Closes = Mapping[int, float]  # by the open of the candle, ms


class ClosesSource(Protocol):
    """Where hourly candles come from."""

    async def closes(self, pair: str, since_ms: int, until_ms: int) -> Closes:
        """Closes of the candles that are over, by their open. Raises SourceError."""
        ...

    async def close(self) -> None: ...


class CcxtCloses:
    """Hourly candles of an exchange that ccxt knows; public data, no key."""

    def __init__(self, data: CorrelationData, timeout_seconds: float = 10.0) -> None:
        """Raises SettingsError."""
        options: dict[str, Any] = {"defaultType": "spot"}
        if data.exchange == "binance":
            options["fetchCurrencies"] = False
        given = data.ccxt_config.get("options", {})
        config = {
            "enableRateLimit": True,
            "timeout": round(timeout_seconds * 1000),
            **data.ccxt_config,
            "options": {**options, **given},
        }
        try:
            self._exchange: Any = getattr(ccxt_async, data.exchange)(config)
        except (ccxt.BaseError, TypeError, ValueError, AttributeError) as error:
            raise SettingsError(
                f"key 'correlations.ccxt_config' is not for {data.exchange}: {error}"
            ) from None

    async def closes(self, pair: str, since_ms: int, until_ms: int) -> Closes:
        found: dict[int, float] = {}
        next_ms = since_ms
        while next_ms <= until_ms - MS_PER_HOUR:
            page = await self._page(pair, next_ms)
            found |= {
                opened_ms: close
                for opened_ms, close in page.items()
                if since_ms <= opened_ms <= until_ms - MS_PER_HOUR
            }
            last_ms = max(page, default=next_ms)
            if last_ms < next_ms + MS_PER_HOUR:
                break
            next_ms = last_ms + MS_PER_HOUR
        return found

    async def _page(self, pair: str, since_ms: int) -> Closes:
        try:
            rows = await self._exchange.fetch_ohlcv(pair, "1h", since=since_ms, limit=PAGE_CANDLES)
            return {int(row[0]): float(row[4]) for row in rows}
        except ERRORS as error:
            text = " ".join(str(error).split())[:ERROR_LENGTH]
            raise SourceError(f"{pair}: {type(error).__name__}: {text}") from error

    async def close(self) -> None:
        await self._exchange.close()


@dataclass(frozen=True, slots=True)
class _Read:
    closes: Closes
    at: datetime


class CorrelationFeed:
    """Keeps the fleet's correlations up. Run `run` as a task."""

    def __init__(
        self,
        rules: Rules,
        source: ClosesSource,
        desk: Desk,
        time: Timekeeper,
        traded_pairs: Callable[[], Awaitable[Iterable[str]]],
    ) -> None:
        """traded_pairs: asks the bots what they trade."""
        self._rules = rules
        self._source = source
        self._desk = desk
        self._time = time
        self._traded_pairs = traded_pairs
        self._read: dict[str, _Read] = {}
        self._asked: set[str] = set()
        self._new = asyncio.Event()
        self.errors: dict[str, str] = {}

    @property
    def hours(self) -> int:
        rule = self._rules.profile.correlation
        return 720 if rule is None else rule.hours

    def want(self, pair: str) -> None:
        """Somebody asks for a pair: have its candles soon, if they are not there."""
        if pair not in self._read and pair not in self._asked and len(self._asked) < MOST_PAIRS:
            self._asked.add(pair)
            self._new.set()

    async def run(self) -> None:
        """Read anew now and then, and a new pair at once, until cancelled."""
        while True:
            await self.refresh()
            data = self._rules.settings.correlations or CorrelationData()
            seconds = RETRY_SECONDS if self.errors else 60.0 * data.refresh_minutes
            await self._rest(self._time.now().at + timedelta(seconds=seconds))

    async def refresh(self) -> None:
        """Once: all pairs that are held, traded or asked for."""
        pairs = await self._pairs()
        now = self._time.now().at
        until_ms = ms_of(now)
        since_ms = (until_ms // MS_PER_HOUR - self.hours - 1) * MS_PER_HOUR
        errors: dict[str, str] = {}
        for pair in pairs:
            before = self._read.get(pair)
            from_ms = since_ms
            if before is not None and before.closes:
                from_ms = max(since_ms, max(before.closes))
            try:
                new = await self._source.closes(pair, from_ms, until_ms)
            except SourceError as error:
                errors[pair] = str(error)
                continue
            old = {} if before is None else before.closes
            kept = {key: close for key, close in old.items() if key >= since_ms}
            self._read[pair] = _Read({**kept, **new}, now)
        self._tell(errors)
        self._read = {pair: read for pair, read in self._read.items() if now - read.at <= FORGET}
        read = {pair: each.closes for pair, each in self._read.items()}
        found = await asyncio.to_thread(_correlations, read, self.hours)
        try:
            await self._desk.do(
                lambda fleet, _: Step(replace(fleet, correlations=found), None), is_vital=True
            )
        except StoreError as error:
            logger.error("correlations not taken in", extra={"error": str(error)})

    async def _pairs(self) -> list[str]:
        fleet = self._desk.fleet
        held = {trade.pair for snapshot in fleet.snapshots.values() for trade in snapshot.trades}
        traded = set(await self._traded_pairs())
        return sorted(held | self._asked | traded)[:MOST_PAIRS]

    def _tell(self, errors: Mapping[str, str]) -> None:
        for pair, error in errors.items():
            if pair not in self.errors:
                logger.error("no candles", extra={"pair": pair, "error": error})
        self.errors = dict(errors)

    async def _rest(self, until: datetime) -> None:
        self._new.clear()
        if self._asked - self._read.keys() - self.errors.keys():
            return
        if self._rules.settings.lockstep is not None:
            await self._time.clock.sleep_until(until)
            return
        sleeping = asyncio.ensure_future(self._time.clock.sleep_until(until))
        asked = asyncio.ensure_future(self._new.wait())
        try:
            await asyncio.wait({sleeping, asked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (sleeping, asked):
                each.cancel()
            await asyncio.gather(sleeping, asked, return_exceptions=True)


def needs_correlations(rules: Rules) -> bool:
    """Whether any rule of the profile asks for them."""
    return rules.profile.correlation is not None or rules.profile.max_group_pct is not None


def _correlations(closes: Mapping[str, Closes], hours: int) -> Correlations:
    columns = {
        pair: pd.Series(list(each.values()), index=pd.to_datetime(list(each), unit="ms", utc=True))
        for pair, each in closes.items()
        if each
    }
    if not columns:
        return {}
    return correlations(pd.DataFrame(columns).sort_index(), hours)
