"""Law 1 through the real application, candles and layers alike: what is answered about a moment
is what a service answers that was built when nothing later was there."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import orjson
from aiohttp.test_utils import TestClient, TestServer

from sidecars.common.clock import ManualClock
from sidecars.common.moments import iso_ms, moment_at
from sidecars.common.observations import Observation
from sidecars.confluence.candles import MS_PER_DAY, DailyCandles
from sidecars.confluence.routes import make_app
from sidecars.confluence.store import Store
from sidecars.confluence.updater import Updater
from tests.sidecars.confluence.conftest import MakeSettings
from tests.sidecars.confluence.local_binance import FIRST_DAY_MS, seeded_candles, without_days
from tests.sidecars.confluence.local_layer import (
    TOKEN,
    FakeFeed,
    seeded_funding,
    seeded_sentiment,
    seeded_whales,
)
from tests.sidecars.confluence.test_late_feeds import LAYERS
from tests.sidecars.confluence.test_updater import FakeSource

CUTS = 40
# The cut itself, and moments of the days before it.
MOMENTS_A_CUT = 5
DAYS = 270
END_MS = FIRST_DAY_MS + DAYS * MS_PER_DAY
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
ASSETS = ("BTC", "ETH", "SOL")
ALLOWED = {"Authorization": f"Bearer {TOKEN}"}

Candles = dict[str, DailyCandles]
Observations = dict[str, list[Observation]]


def world() -> tuple[Candles, Observations]:
    """Three pairs (one with a hole, one young), two layers and funding."""
    candles = {
        "BTC/USDT": seeded_candles(0, DAYS),
        "ETH/USDT": without_days(seeded_candles(1, DAYS), 150, 152),
        "SOL/USDT": seeded_candles(2, DAYS - 60, FIRST_DAY_MS + 60 * MS_PER_DAY),
    }
    observations = {
        "sentiment": seeded_sentiment(3, FIRST_DAY_MS, DAYS, ASSETS),
        "onchain": seeded_whales(4, FIRST_DAY_MS, DAYS, ASSETS[:2]),
        "derivatives": seeded_funding(5, FIRST_DAY_MS, DAYS),
    }
    # A month without funding, and a correction of fear & greed that came weeks later.
    gone = range(FIRST_DAY_MS + 100 * MS_PER_DAY, FIRST_DAY_MS + 130 * MS_PER_DAY)
    observations["derivatives"] = [
        each for each in observations["derivatives"] if each.as_of_ms not in gone
    ]
    for day in (40, 90, 200):
        as_of_ms = FIRST_DAY_MS + day * MS_PER_DAY
        observations["sentiment"].append(
            Observation("fear_greed", as_of_ms, as_of_ms + MS_PER_DAY + 5, 1.0, "corrected")
        )
    return candles, observations


@asynccontextmanager
async def service(
    make_settings: MakeSettings, name: str, candles: Candles, seen: Observations, now_ms: int
) -> AsyncIterator[TestClient[Any, Any]]:
    """The application of a sidecar that is started at the moment on an empty database."""
    settings = make_settings(pairs=PAIRS, **LAYERS)
    url = settings.database_url.replace("scores.sqlite", f"{name}.sqlite")
    store = Store(url, "binance")
    feeds = [FakeFeed(feed, known) for feed, known in seen.items()]
    for feed in feeds:
        feed.series = SERIES[feed.name]
    updater = Updater(settings, store, FakeSource(candles), ManualClock(moment_at(now_ms)), feeds)
    await updater.load()
    await updater.backfill()
    store.close()
    async with TestClient(TestServer(make_app(updater, TOKEN))) as client:
        yield client


SERIES = {
    name: tuple(dict.fromkeys(each.series for each in known)) for name, known in world()[1].items()
}


async def answers(client: TestClient[Any, Any], at_ms: int, pair: str) -> Sequence[Any]:
    """The batched read of all pairs at the moment, and one pair's history up to it."""
    found = []
    for path, query in (
        ("/v1/scores", {"pairs": ",".join(PAIRS), "at": iso_ms(at_ms)}),
        ("/v1/scores/history", {"pair": pair, "end": iso_ms(at_ms + 1)}),
    ):
        async with client.get(path, params=query, headers=ALLOWED) as response:
            assert response.status == 200
            found.append(orjson.loads(await response.read()))
    return found


async def test_200_moments_know_nothing_of_what_came_later(make_settings: MakeSettings) -> None:
    candles, observations = world()
    random = np.random.default_rng(11)
    scored, confident, sources = 0, set(), set()
    async with service(make_settings, "whole", candles, observations, END_MS + 3_600_000) as whole:
        for number, cut_ms in enumerate(
            random.integers(FIRST_DAY_MS + 2 * MS_PER_DAY, END_MS, CUTS).tolist()
        ):
            # Within the minute after a close a live record is stamped as it is made, not as it
            # would be backfilled: a start just then is another case (see test_updater).
            cut_ms = max(cut_ms, cut_ms // MS_PER_DAY * MS_PER_DAY + 60_000)
            cut = {pair: each.before(cut_ms) for pair, each in candles.items()}
            seen = {
                name: [each for each in known if each.available_at_ms <= cut_ms]
                for name, known in observations.items()
            }
            earlier = random.integers(0, 3 * MS_PER_DAY, MOMENTS_A_CUT - 1).tolist()
            async with service(make_settings, f"cut{number}", cut, seen, cut_ms) as part:
                for at_ms in (cut_ms, *(cut_ms - back for back in earlier)):
                    pair = PAIRS[at_ms % len(PAIRS)]
                    found = await answers(part, at_ms, pair)
                    expected = await answers(whole, at_ms, pair)
                    for name in ("scores", "stale"):
                        assert found[0][name] == expected[0][name], at_ms
                    assert found[1] == expected[1], at_ms
                    for record in expected[0]["scores"].values():
                        scored += 1
                        confident.add(record["confidence"])
                        regime = {
                            each["name"]: each for each in record["parts"]["regime"]["inputs"]
                        }
                        sources.add(regime["market"]["reading"]["market_source"])
    # The moments met everything that there is to be known, and its absence.
    assert scored > 2 * CUTS * MOMENTS_A_CUT
    assert max(confident) == 1.0
    assert len(confident) > 8
    assert {None, 1.0} <= sources


async def test_a_value_from_after_the_close_would_be_seen(make_settings: MakeSettings) -> None:
    """The test above can fail: a value moved to before the close changes the answer."""
    candles, observations = world()
    at_ms = FIRST_DAY_MS + 100 * MS_PER_DAY + 7_200_000
    moved = {
        **observations,
        "sentiment": [
            *observations["sentiment"],
            Observation("fear_greed", at_ms - 7_300_000, at_ms - 7_300_000, 1.0, "later"),
        ],
    }
    async with service(make_settings, "kept", candles, observations, at_ms) as client:
        before = await answers(client, at_ms, "BTC/USDT")
    async with service(make_settings, "moved", candles, moved, at_ms) as client:
        after = await answers(client, at_ms, "BTC/USDT")
    assert before[0]["scores"] != after[0]["scores"]
