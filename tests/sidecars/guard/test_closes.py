"""Hourly closes for correlations: read whole once, then on, and forgotten when they get old."""

import asyncio
import math
from datetime import timedelta
from pathlib import Path

import ccxt
import pytest

from aquatrade.risk.profile import RiskProfile
from sidecars.common.moments import ms_of
from sidecars.common.settings_file import SettingsError
from sidecars.common.source_errors import SourceError
from sidecars.guard.closes import MS_PER_HOUR, CcxtCloses, Closes, CorrelationFeed
from sidecars.guard.desk import Desk
from sidecars.guard.settings import CorrelationData
from sidecars.guard.store import Store
from sidecars.guard.timekeeping import Timekeeper
from tests.sidecars.common.jumping_clock import JumpingClock
from tests.sidecars.guard.guard_rig import START, new_fleet, rules

PROFILE = RiskProfile.model_validate({"name": "test", "correlation": {"hours": 48}})


class Source:
    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.broken: set[str] = set()

    async def closes(self, pair: str, since_ms: int, until_ms: int) -> Closes:
        self.asked.append((pair, (until_ms - since_ms) // MS_PER_HOUR))
        if pair in self.broken:
            raise SourceError(f"{pair}: unknown")
        sign = -1.0 if pair.startswith("SHORT") else 1.0
        hours = range(since_ms // MS_PER_HOUR, until_ms // MS_PER_HOUR)
        return {hour * MS_PER_HOUR: math.exp(sign * math.sin(hour)) for hour in hours}

    async def close(self) -> None: ...


async def test_feed_reads_on_tells_the_fleet_and_forgets(tmp_path: Path) -> None:
    made = rules(profile=PROFILE)
    store, clock, source = (
        Store(f"sqlite:///{tmp_path / 'g.sqlite'}"),
        JumpingClock(START),
        Source(),
    )
    desk = Desk(made, store, new_fleet(), Timekeeper(clock))
    working = asyncio.create_task(desk.run())

    async def traded() -> list[str]:
        return ["BTC/USDT", "ETH/USDT"]

    feed = CorrelationFeed(made, source, desk, Timekeeper(clock), traded)
    feed.want("SHORT/USDT")
    await feed.refresh()
    found = desk.fleet.correlations
    assert found is not None
    assert found["BTC/USDT", "ETH/USDT"] == pytest.approx(1.0)
    assert found["SHORT/USDT", "ETH/USDT"] == pytest.approx(-1.0)
    assert [hours for _, hours in source.asked] == [49, 49, 49]
    source.asked.clear()
    source.broken = {"ETH/USDT"}
    await clock.sleep_until(START + timedelta(hours=2))
    await feed.refresh()
    assert [hours for _, hours in source.asked] == [3, 3, 3]
    assert ("BTC/USDT", "ETH/USDT") in (desk.fleet.correlations or {})
    assert list(feed.errors) == ["ETH/USDT"]
    await clock.sleep_until(START + timedelta(hours=30))
    await feed.refresh()
    assert ("BTC/USDT", "ETH/USDT") not in (desk.fleet.correlations or {})
    assert ("BTC/USDT", "SHORT/USDT") in (desk.fleet.correlations or {})
    working.cancel()
    store.close()


class Exchange:
    """Of ccxt: pages of at most so many candles."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.now_ms = ms_of(START)

    async def fetch_ohlcv(
        self, pair: str, timeframe: str, since: int, limit: int
    ) -> list[list[float]]:
        assert timeframe == "1h"
        if pair == "NONE/USDT":
            raise ccxt.BadSymbol("binance does not have market symbol NONE/USDT")
        first = -(-since // MS_PER_HOUR)
        hours = range(first, min(first + min(self.most, limit), self.now_ms // MS_PER_HOUR + 1))
        return [[hour * MS_PER_HOUR, 1.0, 1.0, 1.0, float(hour), 1.0] for hour in hours]


@pytest.mark.parametrize("most", [7, 1000])
async def test_pages_of_an_exchange(most: int) -> None:
    source = CcxtCloses(CorrelationData())
    await source.close()
    source._exchange = Exchange(most)
    until_ms = ms_of(START) + 1_800_000
    found = await source.closes("BTC/USDT", until_ms - 48 * MS_PER_HOUR, until_ms)
    assert len(found) == 47
    assert max(found) == ms_of(START) - MS_PER_HOUR, "the candle that is forming is none"
    with pytest.raises(SourceError, match="NONE/USDT: BadSymbol"):
        await source.closes("NONE/USDT", until_ms - 48 * MS_PER_HOUR, until_ms)


def test_settings_that_are_not_for_ccxt() -> None:
    data = CorrelationData.model_validate({"ccxt_config": {"timeout": 5, "options": {"a": 1}}})
    assert CcxtCloses(data)._exchange.options["a"] == 1
    with pytest.raises(SettingsError, match=r"correlations\.ccxt_config"):
        CcxtCloses(CorrelationData.model_construct(exchange="nowhere", ccxt_config={}))
