"""Odd requests against the confluence sidecar, with the monitor's pages beside its API."""

from collections.abc import AsyncIterator

import pytest

from sidecars.common.running import listening
from sidecars.confluence.monitor.pages import add_monitor_pages
from sidecars.confluence.routes import make_app
from tests.sidecars.common.request_storm import storm
from tests.sidecars.confluence.conftest import MakeSettings
from tests.sidecars.confluence.monitor.page_rig import FakeMonitor, FakeSources
from tests.sidecars.confluence.test_routes import NOW, TOKEN
from tests.sidecars.confluence.test_updater import Bench, FakeSource, candles_of

PATHS = (
    "/v1/scores", "/v1/scores/history", "/v1/pairs", "/health", "/metrics", "/openapi.json", "/",
    "/login", "/logout", "/sources", "/holdings/BTC", "/holdings/", "/holdings/BTC/decisions",
    "/static/monitor.css", "/v1/nothing",
)  # fmt: skip


@pytest.fixture
async def bench(make_settings: MakeSettings) -> AsyncIterator[Bench]:
    settings = make_settings()
    made = Bench(settings, FakeSource(candles_of(settings.all_pairs)), NOW)
    await made.start()
    yield made
    made.store.close()


async def test_five_thousand_odd_requests_are_survived(bench: Bench) -> None:
    monitor = FakeMonitor()
    app = make_app(bench.updater, TOKEN)
    add_monitor_pages(app, monitor, FakeSources(), TOKEN, bench.clock)
    async with listening(app, "127.0.0.1", 0) as port:
        result = await storm(port, TOKEN, PATHS, 5_000, seed=3)
    assert result.unwell[:5] == []
    assert result.statuses[200] > 200
    assert result.statuses[400] > 400
    # Nobody has signed in: nothing was decided, and every page leads to the door.
    assert monitor.decided == []
    assert result.statuses[303] + result.statuses[302] > 100
