"""A layer's sidecar as far as the confluence asks it: observations over HTTP, and made-up ones."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import numpy as np
from aiohttp import web

from sidecars.common.layer.answers import observations_body
from sidecars.common.observations import (
    MS_PER_DAY,
    MS_PER_HOUR,
    MS_PER_MINUTE,
    Observation,
    series_of,
)
from sidecars.common.parameters import range_of
from sidecars.common.running import listening
from sidecars.common.source_errors import SourceError
from sidecars.confluence.feed import FeedAnswer, last_of_days

TOKEN = "0123456789abcdef"


class FakeFeed:
    """A feed of observations in memory; broken: it cannot be reached."""

    def __init__(self, name: str, observations: Sequence[Observation]) -> None:
        self.name = name
        self.observations = list(observations)
        self.series = tuple(dict.fromkeys(each.series for each in observations))
        self.broken = False
        self.asked: list[tuple[int, int]] = []

    async def read(self, since_ms: int, until_ms: int) -> FeedAnswer:
        self.asked.append((since_ms, until_ms))
        if self.broken:
            raise SourceError(f"{self.name} is broken")
        inside = [each for each in self.observations if since_ms <= each.available_at_ms < until_ms]
        return FeedAnswer(last_of_days(inside) if self.name != "derivatives" else inside)

    async def close(self) -> None:
        return None


class LocalLayer:
    """A server of observations as the layers' own; `trouble` may answer in its place."""

    def __init__(self, observations: Sequence[Observation]) -> None:
        self.observations = list(observations)
        self.now_ms = 1 << 52
        self.asked: list[str] = []
        self.trouble: Callable[[], web.StreamResponse | None] = lambda: None
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.query["series"])
        wrong = self.trouble()
        if wrong is not None:
            return wrong
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"error": {}}, status=401)
        start_ms, end_ms = range_of(request.query, self.now_ms)
        names = request.query["series"].split(",")
        known = {each.series for each in self.observations}
        found = {
            name: sorted(
                (
                    each
                    for each in self.observations
                    if each.series == name and start_ms <= each.available_at_ms < end_ms
                ),
                key=lambda each: (each.available_at_ms, each.as_of_ms),
            )
            for name in names
            if name in known
        }
        missing = {name: "no value of it yet" for name in names if name not in known}
        return web.Response(body=observations_body(found, missing), content_type="application/json")


@asynccontextmanager
async def layer_running(layer: LocalLayer) -> AsyncIterator[LocalLayer]:
    """Serve on a free port of 127.0.0.1 inside the block."""
    app = web.Application()
    app.router.add_get("/v1/observations", layer.handle)
    async with listening(app, "127.0.0.1", 0) as port:
        layer.url = f"http://127.0.0.1:{port}"
        yield layer


def seeded_sentiment(
    seed: int, first_day_ms: int, days: int, assets: Sequence[str]
) -> list[Observation]:
    """Fear & greed at 00:00, market cap and social ratios in the hours, some late, some missing."""
    random = np.random.default_rng(seed)
    cap = 3e11 * np.exp(np.cumsum(random.normal(0.001, 0.02, days)))
    made = []
    for day in range(days):
        start_ms = first_day_ms + day * MS_PER_DAY
        if random.random() > 0.03:
            index = float(random.integers(5, 95))
            made.append(Observation("fear_greed", start_ms, start_ms, index, "alternative.me"))
        for hour in (3, 12, 23):
            if random.random() < 0.05:
                continue
            as_of_ms = start_ms + hour * MS_PER_HOUR + int(random.integers(0, 50 * MS_PER_MINUTE))
            late_ms = int(random.integers(0, 3)) * MS_PER_HOUR
            value = float(cap[day] * random.uniform(0.99, 1.01))
            made.append(
                Observation("total_market_cap_usd", as_of_ms, as_of_ms + late_ms, value, "x")
            )
            made += [
                Observation(
                    series_of("social_ratio", asset),
                    as_of_ms,
                    as_of_ms + 1000,
                    float(random.uniform(0.2, 3.0)),
                    "derived",
                )
                for asset in assets
            ]
    return made


def seeded_whales(
    seed: int, first_day_ms: int, days: int, assets: Sequence[str]
) -> list[Observation]:
    """One flag a day and asset, known some hours into the next day."""
    random = np.random.default_rng(seed)
    return [
        Observation(
            series_of("whales_accumulating", asset),
            first_day_ms + (day + 1) * MS_PER_DAY,
            first_day_ms + (day + 1) * MS_PER_DAY + int(random.integers(0, 9)) * MS_PER_HOUR,
            float(random.integers(0, 2)),
            "derived",
        )
        for asset in assets
        for day in range(days)
    ]


def seeded_funding(seed: int, first_day_ms: int, days: int) -> list[Observation]:
    """A settlement every 8 hours, % per 8 hours."""
    random = np.random.default_rng(seed)
    moments = [first_day_ms + step * 8 * MS_PER_HOUR for step in range(3 * days)]
    rates = random.normal(0.02, 0.05, len(moments)).tolist()
    return [
        Observation("funding_rate_pct:BTC", moment, moment, rate, "binance")
        for moment, rate in zip(moments, rates, strict=True)
    ]
