"""Cutting off the future changes no answer about the past: sentiment and on-chain, by their API."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sidecars.common.availability import Served as Answered
from sidecars.common.clock import ManualClock
from sidecars.common.layer.definition import Layer
from sidecars.common.layer.events import KeptEvent
from sidecars.common.layer.intake import Span
from sidecars.common.layer.routes import make_app
from sidecars.common.layer.store import LayerStore
from sidecars.common.layer.upkeep import LayerService
from sidecars.common.moments import iso_ms, moment_at, ms_of
from sidecars.common.observations import (
    MS_PER_DAY,
    MS_PER_HOUR,
    MS_PER_MINUTE,
    Observation,
    Reading,
)
from sidecars.common.sources import Batch, Event, Headline, Transfer
from sidecars.onchain.layer import LAYER as ONCHAIN
from sidecars.sentiment.layer import LAYER as SENTIMENT

TOKEN = "a-token-of-this-test-0123"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
ASSETS = ("BTC", "ETH")
START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 19
WARM_DAYS = 14
MOMENTS = 200

Kept = Observation | KeptEvent

DAILY = {
    "sentiment": {
        "fear_greed": (5.0, 95.0), "btc_dominance_pct": (48.0, 52.0), "sp500": (4700.0, 4900.0),
        "total_market_cap_usd": (1.5e12, 1.8e12), "dollar_index": (101.0, 105.0),
        "us10y_yield_pct": (3.8, 4.3), "btc_price_usd": (40_000.0, 48_000.0),
    },
    "onchain": {
        "exchange_inflow_coins:BTC": (2e4, 6e4), "exchange_outflow_coins:BTC": (2e4, 6e4),
        "exchange_inflow_coins:ETH": (2e5, 6e5), "exchange_outflow_coins:ETH": (2e5, 6e5),
        "stablecoin_supply_usd": (1.30e11, 1.34e11),
    },
}  # fmt: skip


def history(layer: str, seed: int) -> list[Kept]:
    """Weeks of values, some late, some corrected; by the moment at which they were known."""
    chance = random.Random(seed)
    start_ms = ms_of(START)
    kept: list[Kept] = []
    for day in range(DAYS):
        for series, (low, high) in DAILY[layer].items():
            as_of_ms = start_ms + day * MS_PER_DAY
            late_ms = chance.choice((0, 0, 5 * MS_PER_MINUTE, 30 * MS_PER_HOUR))
            value = chance.uniform(low, high)
            kept.append(Observation(series, as_of_ms, as_of_ms + late_ms, value, "made"))
            if chance.random() < 0.1:
                known_ms = as_of_ms + 2 * MS_PER_DAY
                kept.append(Observation(series, as_of_ms, known_ms, value * 1.01, "made"))
    for number in range(DAYS * 24):
        at_ms = start_ms + number * MS_PER_HOUR + chance.randrange(MS_PER_HOUR)
        late_ms = chance.choice((MS_PER_MINUTE, 10 * MS_PER_MINUTE, 6 * MS_PER_HOUR))
        make = headline if layer == "sentiment" else whale
        event = make(number, at_ms, chance)
        kept.append(KeptEvent(event, at_ms + late_ms))
        if layer == "onchain":
            kept.append(Observation("heard:whale_alert", at_ms, at_ms, 1.0, "made"))
        else:
            price = chance.uniform(40_000, 48_000)
            kept.append(Observation("btc_price_usd", at_ms, at_ms + 2000, price, "made"))
    return sorted(kept, key=lambda each: each.available_at_ms)


def headline(number: int, at_ms: int, chance: random.Random) -> Event:
    assets = chance.choice(((), ("BTC",), ("ETH",), ("BTC", "ETH")))
    polarity, reach = chance.uniform(-1, 1), chance.choice((0.2, 1.0))
    return Headline(f"h{number}", "made", at_ms, at_ms, "made", assets, polarity, reach)


def whale(number: int, at_ms: int, chance: random.Random) -> Event:
    direction = chance.choice(("to_exchange", "from_exchange", "between_wallets"))
    token, amount_usd = chance.choice(("BTC", "ETH", "USDT")), chance.uniform(6e5, 5e6)
    return Transfer(
        f"t{number}", "made", at_ms, at_ms, token, amount_usd, direction,
        "Made" if direction == "from_exchange" else None,
        "Made" if direction == "to_exchange" else None, "made", f"0x{number:x}",
    )  # fmt: skip


def append(store: LayerStore, kept: Sequence[Kept]) -> None:
    observations = [each for each in kept if isinstance(each, Observation)]
    store.append(observations, [each for each in kept if isinstance(each, KeptEvent)])


class Served:
    """A layer with the given past, asked through its own API."""

    def __init__(self, layer: Layer, folder: Path, name: str) -> None:
        self.clock = ManualClock(START)
        self.store = LayerStore(f"sqlite:///{folder / name}.sqlite")
        settings = layer.settings.model_validate(
            {
                "assets": ASSETS,
                "history_start": date(2024, 1, 1) + timedelta(days=WARM_DAYS),
                "database_url": f"sqlite:///{folder / name}.sqlite",
                # One grid: what a pause of the other leaves out is not what is tried here.
                "record_every_seconds": 3600,
                "backfill_every_seconds": 3600,
            }
        )
        self.service = LayerService(layer, settings, self.store, self.clock)
        self.service.caught_up = True
        self.client = TestClient(TestServer(make_app(self.service, TOKEN)))

    async def live_until(self, moment_ms: int) -> None:
        """Let time pass, and the scores that are due be made."""
        await self.clock.move_to(moment_at(moment_ms))
        await self.service.recorder.catch_up(moment_ms)

    async def answers(self, at_ms: int, series: Sequence[str], from_ms: int = 0) -> dict[str, Any]:
        """What is said of the moment: the scores, their history, what the sources told."""
        span = {"start": iso_ms(from_ms), "end": iso_ms(at_ms + 1)}
        asked = {
            "scores": ("/v1/scores", {"assets": ",".join(ASSETS), "at": iso_ms(at_ms)}),
            **{asset: ("/v1/scores/history", {"asset": asset, **span}) for asset in ASSETS},
            "observations": ("/v1/observations", {"series": ",".join(series), **span}),
        }
        found = {}
        for name, (path, query) in asked.items():
            async with self.client.get(path, params=query, headers=HEADERS) as answer:
                assert answer.status == 200, await answer.text()
                found[name] = await answer.json()
        return found


@pytest.mark.parametrize("layer", [SENTIMENT, ONCHAIN], ids=lambda layer: layer.name)
async def test_cutting_off_the_future_changes_no_answer(layer: Layer, tmp_path: Path) -> None:
    kept = history(layer.name, seed=7)
    start_ms, end_ms = ms_of(START), ms_of(START) + DAYS * MS_PER_DAY
    chance = random.Random(11)
    moments = sorted(
        chance.randrange(start_ms + WARM_DAYS * MS_PER_DAY, end_ms, 1000) for _ in range(MOMENTS)
    )
    whole, cut = Served(layer, tmp_path, "whole"), Served(layer, tmp_path, "cut")
    append(whole.store, kept)
    async with whole.client, cut.client:
        await whole.live_until(end_ms)
        given, told_of_a_score = 0, 0
        for number, moment_ms in enumerate(moments):
            until = next(
                (n for n, each in enumerate(kept) if each.available_at_ms > moment_ms), len(kept)
            )
            append(cut.store, kept[given:until])
            given = until
            await cut.live_until(moment_ms)
            series = cut.store.series_names()
            # All of the past at every tenth moment, its last day at the others.
            from_ms = 0 if number % 10 == 0 else moment_ms - MS_PER_DAY
            expected = await cut.answers(moment_ms, series, from_ms)
            assert await whole.answers(moment_ms, series, from_ms) == expected, iso_ms(moment_ms)
            told_of_a_score += len(expected["scores"]["scores"])
    whole.store.close()
    cut.store.close()
    assert told_of_a_score > MOMENTS


@pytest.mark.parametrize("layer", [SENTIMENT, ONCHAIN], ids=lambda layer: layer.name)
async def test_what_was_made_live_is_what_a_backfill_makes(layer: Layer, tmp_path: Path) -> None:
    kept = history(layer.name, seed=5)
    live, again = Served(layer, tmp_path, "live"), Served(layer, tmp_path, "again")
    first_ms = ms_of(START) + WARM_DAYS * MS_PER_DAY
    hours = range(first_ms, first_ms + 2 * MS_PER_DAY, MS_PER_HOUR)
    await live.service.memory.load(Span(0, 0))
    live.service.memory.served = Answered(answering_since_ms=0)
    given = 0
    for as_of_ms in hours:
        while kept[given].available_at_ms <= as_of_ms:
            each = kept[given]
            given += 1
            await live.clock.move_to(moment_at(max(each.available_at_ms, ms_of(live.clock.now()))))
            await live.service.memory.take(batch_of(each), "made", lambda: ms_of(live.clock.now()))
        await live.clock.move_to(moment_at(as_of_ms + 2_000))
        await live.service.recorder._record(as_of_ms)
    # What the live service kept, given to one that makes the past up.
    told = {name: live.store.observations_between(name, 0, 1 << 60, 10**6) for name in names(live)}
    append(again.store, [each for values in told.values() for each in values])
    append(again.store, live.store.events())
    async with live.client, again.client:
        await again.live_until(hours[-1])
        for served in (live, again):
            await served.clock.move_to(moment_at(hours[-1] + MS_PER_MINUTE))
        series = names(live)
        expected = await live.answers(hours[-1] + MS_PER_MINUTE, series)
        assert await again.answers(hours[-1] + MS_PER_MINUTE, series) == expected
    assert len(expected["BTC"]["columns"]["long"]) == len(hours)
    live.store.close()
    again.store.close()


def names(served: Served) -> list[str]:
    """Series of the sources; derived ones are made with the scores."""
    made = ("social_ratio", "social_polarity", "whales_accumulating")
    return [name for name in served.store.series_names() if not name.startswith(made)]


def batch_of(kept: Kept) -> Batch:
    if isinstance(kept, Observation):
        return Batch([Reading(kept.series, kept.as_of_ms, kept.as_of_ms, kept.value)])
    return Batch(events=[kept.event])
