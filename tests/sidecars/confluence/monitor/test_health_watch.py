"""What other sidecars say of their sources, kept and shown."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from sidecars.common.fetch import Fetcher, RateLimit
from sidecars.common.source_errors import SourceError
from sidecars.confluence.monitor.health_watch import HealthWatch, sidecar_health
from sidecars.confluence.monitor.web_model import SidecarHealth, SourceStatus
from tests.sidecars.common.jumping_clock import JumpingClock
from tests.sidecars.common.scripted_server import said, scripted_server

NOW_MS = 1_709_251_200_000
REPORT = {
    "status": "degraded",
    "sources": {
        "coin_metrics": {
            "name": "Coin Metrics",
            "state": "ok",
            "newest_as_of": "2024-03-01T00:00:00Z",
            "last_success": "2024-02-29T23:59:00Z",
            "error": None,
            "licence": "CC BY-NC 4.0",
            "home": "https://coinmetrics.io",
        },
        "etherscan": {"name": "Etherscan", "state": "off", "why": "no key: set X"},
        "candles": {"state": "failing", "failing": {"BTC/USDT": "HTTP 500", "ETH/USDT": "x"}},
        "odd": {"state": ["what"], "newest_as_of": "9999-99-99", "error": 5},
    },
}


def test_a_report_becomes_sources() -> None:
    health = sidecar_health("onchain", REPORT, NOW_MS)
    metrics, etherscan, candles, odd = health.sources
    assert (metrics.name, metrics.status) == ("Coin Metrics", SourceStatus.OK)
    assert (metrics.newest_as_of_ms, metrics.succeeded_ms) == (NOW_MS, NOW_MS - 60_000)
    assert (etherscan.status, etherscan.error) == (SourceStatus.OFF, "no key: set X")
    assert candles.error == "BTC/USDT: HTTP 500, and 1 more"
    # What cannot be understood is no good news.
    assert (odd.name, odd.status, odd.newest_as_of_ms) == ("odd", SourceStatus.FAILING, None)


@pytest.mark.parametrize("report", [None, [], {"sources": []}, {}, "ok"])
def test_what_is_no_report_is_refused(report: object) -> None:
    with pytest.raises(SourceError, match="no report"):
        sidecar_health("onchain", report, NOW_MS)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


async def test_all_are_asked_at_once(session: aiohttp.ClientSession) -> None:
    clock = JumpingClock.at_ms(NOW_MS)
    both = asyncio.Barrier(2)

    async def meet(_: web.Request) -> web.Response:
        await both.wait()
        return web.json_response(REPORT)

    async with scripted_server(meet) as one, scripted_server(meet) as two:
        others = {
            name: Fetcher(name, server.url, session, clock, RateLimit(10, 1.0))
            for name, server in (("sentiment", one), ("onchain", two))
        }
        watch = HealthWatch(lambda: SidecarHealth("confluence"), others, clock)
        async with asyncio.timeout(5):
            await watch.look()
    assert [each.unreachable for each in watch.sidecars()] == [None, None, None]


async def test_a_sidecar_that_is_not_ready_is_starting(session: aiohttp.ClientSession) -> None:
    clock = JumpingClock.at_ms(NOW_MS)
    async with scripted_server(said(status=503)) as server:
        fetcher = Fetcher("onchain", server.url, session, clock, RateLimit(10, 1.0))
        watch = HealthWatch(lambda: SidecarHealth("confluence"), {"onchain": fetcher}, clock)
        await watch.look()
        onchain = watch.sidecars()[1]
        assert onchain.unreachable is None
        shown = [(each.name, each.status) for each in onchain.sources]
        assert shown == [("onchain", SourceStatus.STARTING)]


async def test_a_sidecar_that_is_gone_keeps_its_last_sources(
    session: aiohttp.ClientSession,
) -> None:
    clock = JumpingClock.at_ms(NOW_MS)
    async with scripted_server(said(json.dumps(REPORT))) as server:
        fetcher = Fetcher("onchain", server.url, session, clock, RateLimit(10, 1.0))
        watch = HealthWatch(lambda: SidecarHealth("confluence"), {"onchain": fetcher}, clock)
        assert [each.name for each in watch.sidecars()] == ["confluence", "onchain"]
        await watch.look()
        onchain = watch.sidecars()[1]
        assert (onchain.unreachable, len(onchain.sources)) == (None, 4)
    await watch.look()
    onchain = watch.sidecars()[1]
    assert onchain.unreachable is not None and "\n" not in onchain.unreachable
    assert len(onchain.sources) == 4
