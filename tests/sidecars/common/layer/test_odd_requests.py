"""Ten thousand odd requests: each gets one clear refusal, or an answer that is right."""

from pathlib import Path

from sidecars.common.clock import ManualClock
from sidecars.common.layer.routes import make_app
from sidecars.common.running import listening
from tests.sidecars.common.layer.test_layer_service import (
    HOUR_MS,
    START,
    START_MS,
    TOKEN,
    running,
)
from tests.sidecars.common.layer.toy_layer import World
from tests.sidecars.common.request_storm import storm

PATHS = (
    "/v1/scores", "/v1/scores/history", "/v1/observations", "/v1/assets", "/health", "/metrics",
    "/openapi.json", "/v1/", "/", "/v1/nothing",
)  # fmt: skip


async def test_ten_thousand_odd_requests_are_survived(tmp_path: Path) -> None:
    world, clock = World(), ManualClock(START)
    world.past = [("level", START_MS - 30 * HOUR_MS, START_MS - 29 * HOUR_MS, 40.0)]
    async with (
        running(tmp_path, world, clock) as (service, get),
        listening(make_app(service, TOKEN), "127.0.0.1", 0) as port,
    ):
        result = await storm(port, TOKEN, PATHS, 10_000, seed=7)
        assert result.unwell[:5] == []
        assert result.statuses[200] > 300
        assert result.statuses[400] > 2000
        assert result.statuses[401] > 100
        status, answer = await get("/v1/scores", assets="BTC")
        assert (status, answer["missing"]) == (200, {})
