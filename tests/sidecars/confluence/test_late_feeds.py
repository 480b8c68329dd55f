"""Layers and derivatives that are there, late, gone and back: what is written, and when."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import orjson
import pytest

from sidecars.common.moments import ms_of
from sidecars.common.observations import Observation
from sidecars.confluence.answers import ScoreAnswers, health
from sidecars.confluence.records import READINGS, ScoreRow
from sidecars.confluence.store import Store
from sidecars.confluence.updater import Updater
from tests.sidecars.common.jumping_clock import JumpingClock
from tests.sidecars.confluence.conftest import MakeSettings
from tests.sidecars.confluence.local_binance import FIRST_DAY_MS
from tests.sidecars.confluence.local_layer import (
    FakeFeed,
    seeded_funding,
    seeded_sentiment,
    seeded_whales,
)
from tests.sidecars.confluence.test_updater import (
    DAY,
    DAYS,
    START,
    Bench,
    FakeSource,
    candles_of,
    content,
)

ASSETS = ("BTC", "ETH")
LAYERS = {
    "layers": {
        "sentiment": {"url": "http://127.0.0.1:8102"},
        "onchain": {"url": "http://127.0.0.1:8103"},
    },
    "derivatives": {"id": "binance"},
}
CLOSE = START + (DAYS + 1) * DAY
SECONDS = timedelta(seconds=1)
MINUTES = timedelta(minutes=1)


def fake_feeds() -> dict[str, FakeFeed]:
    days = DAYS + 30
    return {
        "sentiment": FakeFeed("sentiment", seeded_sentiment(1, FIRST_DAY_MS, days, ASSETS)),
        "onchain": FakeFeed("onchain", seeded_whales(2, FIRST_DAY_MS, days, ASSETS)),
        "derivatives": FakeFeed("derivatives", seeded_funding(3, FIRST_DAY_MS, days)),
    }


class FedBench(Bench):
    """A sidecar with three feeds that outlive it, as other services do."""

    def __init__(
        self,
        make_settings: MakeSettings,
        now: datetime,
        feeds: dict[str, FakeFeed] | None = None,
        **changes: object,
    ) -> None:
        self.make_settings = make_settings
        settings = make_settings(**LAYERS, **changes)
        super().__init__(settings, FakeSource(candles_of(settings.all_pairs)), now)
        self.feeds = feeds or fake_feeds()
        self.updater = Updater(
            settings, self.store, self.source, self.clock, list(self.feeds.values())
        )

    def restart(self, now: datetime) -> "FedBench":
        self.store.close()
        return FedBench(self.make_settings, now, self.feeds)


@pytest.fixture
async def bench(make_settings: MakeSettings) -> AsyncIterator[FedBench]:
    made = FedBench(make_settings, START + DAYS * DAY)
    yield made
    made.store.close()


def reading(row: ScoreRow, name: str) -> float | None:
    values: dict[str, float | None] = dict(zip(READINGS, orjson.loads(row.readings), strict=True))
    return values[name]


async def test_live_days_equal_backfilled_ones_bit_for_bit(
    bench: FedBench, make_settings: MakeSettings, tmp_path: object
) -> None:
    await bench.start()
    for day in range(1, 11):
        assert await bench.at(START + (DAYS + day) * DAY + 5 * SECONDS)
    live = bench.rows() + bench.rows("ETH/USDT")
    other = FedBench(
        make_settings, START + (DAYS + 10) * DAY + timedelta(hours=3), bench.feeds,
        database_url=f"sqlite:///{tmp_path}/other.sqlite",
    )  # fmt: skip
    await other.start(answering=False)
    backfilled = other.rows() + other.rows("ETH/USDT")
    other.store.close()
    assert [content(row) for row in live] == [content(row) for row in backfilled]
    assert {row.confidence for row in live[-5:]} == {1.0}
    assert all(row.degraded == "[]" for row in live)
    # The market is read from its capitalisation once it has 200 days.
    assert reading(live[-1], "market_source") == 1.0
    assert reading(live[180], "market_source") is None


async def test_a_record_reads_what_was_known_before_its_close(bench: FedBench) -> None:
    await bench.start()
    last = bench.rows()[-1]
    asked = [each for each in bench.feeds["sentiment"].observations if each.series == "fear_greed"]
    known = [each for each in asked if each.available_at_ms < last.as_of_ms]
    assert reading(last, "fear_greed") == known[-1].value
    assert known[-1].as_of_ms < last.as_of_ms
    assert {until for _, until in bench.feeds["sentiment"].asked} == {last.as_of_ms}


async def test_only_what_is_new_is_asked_for(bench: FedBench) -> None:
    await bench.start()
    feed = bench.feeds["sentiment"]
    assert feed.asked == [(FIRST_DAY_MS, bench.close_ms)]
    assert await bench.at(CLOSE + 5 * SECONDS)
    assert feed.asked[1:] == [(ms_of(CLOSE - DAY) - 3 * 86_400_000, ms_of(CLOSE))]
    assert await bench.at(CLOSE + MINUTES)
    assert len(feed.asked) == 2
    again = bench.restart(CLOSE + 2 * MINUTES)
    await again.start()
    assert len(feed.asked) == 2  # what was read is kept
    before = bench.updater.timelines["BTC/USDT"].rows
    assert again.updater.timelines["BTC/USDT"].rows == before
    again.store.close()


@pytest.mark.parametrize("name", ["sentiment", "onchain", "derivatives"])
async def test_a_feed_that_is_gone_is_waited_for_then_done_without_then_made_good(
    bench: FedBench, name: str
) -> None:
    await bench.start()
    bench.feeds[name].broken = True
    assert not await bench.at(CLOSE + 5 * SECONDS)
    assert bench.rows()[-1].as_of_ms == ms_of(CLOSE - DAY)  # patient: not made yet
    assert not await bench.at(CLOSE + 9 * MINUTES)
    assert bench.rows()[-1].as_of_ms == ms_of(CLOSE - DAY)
    assert not await bench.at(CLOSE + 10 * MINUTES)
    degraded = bench.rows()[-1]
    assert (degraded.as_of_ms, degraded.degraded) == (ms_of(CLOSE), f'["{name} not reached"]')
    report = health(bench.updater)
    assert report["status"] == "degraded"
    assert report["sources"][name]["state"] == "failing"
    assert report["sources"][name]["error"] == f"{name} is broken"
    bench.feeds[name].broken = False
    assert await bench.at(CLOSE + 30 * MINUTES)
    before, after = bench.rows()[-2:]
    assert before == degraded
    assert (after.as_of_ms, after.revision, after.degraded) == (ms_of(CLOSE), 1, "[]")
    assert after.available_at_ms > ms_of(CLOSE + 30 * MINUTES)
    assert after.confidence == 1.0
    assert health(bench.updater)["status"] == "ok"
    # What was answered in between is still the answer about that moment.
    timeline = bench.updater.timelines["BTC/USDT"]
    asked = ms_of(CLOSE + 20 * MINUTES)
    assert timeline.rows[timeline.place_at(asked)] == degraded
    # And nothing is written again.
    assert await bench.at(CLOSE + 60 * MINUTES)
    assert bench.rows()[-1] == after


async def test_without_new_values_the_last_ones_count_while_they_are_fresh(
    bench: FedBench,
) -> None:
    await bench.start()
    last_read = reading(bench.rows()[-1], "fear_greed")
    bench.feeds["sentiment"].broken = True
    seen = []
    for day in (1, 2, 3):
        await bench.at(START + (DAYS + day) * DAY + 11 * MINUTES)
        seen.append(reading(bench.rows()[-1], "fear_greed"))
    assert seen == [last_read, None, None]
    unavailable = orjson.loads(bench.rows()[-1].points)
    assert unavailable[10] is None
    assert bench.rows()[-1].confidence == 0.92  # fear & greed 5 and social 3 are unknown


async def test_a_feed_that_answers_and_has_nothing_is_unavailable_and_no_trouble(
    bench: FedBench,
) -> None:
    bench.feeds["onchain"].observations = []
    await bench.start()
    last = bench.rows()[-1]
    assert last.degraded == "[]"
    assert last.confidence == 0.98
    assert last.available_at_ms == last.as_of_ms + 1_000
    assert health(bench.updater)["status"] == "ok"


async def test_the_past_is_not_scored_without_a_feed_that_was_never_there(
    bench: FedBench,
) -> None:
    bench.feeds["sentiment"].broken = True
    await bench.start()
    assert bench.rows() == []
    assert not await bench.at(START + DAYS * DAY + 9 * MINUTES)
    answer = orjson.loads(
        ScoreAnswers(bench.updater).latest(("BTC/USDT",), ms_of(bench.clock.now()))
    )
    assert answer["missing"] == {"BTC/USDT": "no score yet: sentiment not reached"}
    assert not await bench.at(START + DAYS * DAY + 10 * MINUTES)
    (first,) = bench.rows()
    assert (first.as_of_ms, first.degraded) == (bench.close_ms, '["sentiment not reached"]')
    bench.feeds["sentiment"].broken = False
    assert await bench.at(START + DAYS * DAY + 3 * timedelta(hours=1))
    rows = bench.rows()
    assert [row.revision for row in rows] == [0] * (DAYS - 14) + [1]
    # Nobody was answered about the past: it is as if it had always been known in time.
    assert all(row.available_at_ms == row.as_of_ms + 60_000 for row in rows[: DAYS - 15])
    assert rows[-1].available_at_ms > ms_of(START + DAYS * DAY + 3 * timedelta(hours=1))
    assert [row.degraded for row in rows] == ["[]"] * (DAYS - 15) + [first.degraded, "[]"]
    assert len(bench.updater.timelines["BTC/USDT"]) == len(rows)


async def test_a_service_that_is_new_says_so_until_it_can_answer(bench: FedBench) -> None:
    bench.feeds["sentiment"].broken = True
    await bench.updater.load()
    bench.updater.answering_since_ms = ms_of(bench.clock.now())
    await bench.updater.update(bench.close_ms)
    assert not bench.updater._has_answers()
    await bench.clock.move_to(START + DAYS * DAY + 10 * MINUTES)
    await bench.updater.update(bench.close_ms)
    assert bench.updater._has_answers()


async def test_after_a_restart_what_was_read_counts_and_old_records_stay(
    bench: FedBench,
) -> None:
    await bench.start()
    before = bench.rows()
    bench.feeds["onchain"].broken = True
    again = bench.restart(START + (DAYS + 2) * DAY + timedelta(hours=3))
    await again.start()
    # The day at which it was read last can be made; those after it wait as at a close.
    assert again.rows() == before
    assert not await again.at(START + (DAYS + 2) * DAY + timedelta(hours=4))
    new = again.rows()[len(before) :]
    assert [row.as_of_ms for row in new] == [ms_of(CLOSE), ms_of(CLOSE + DAY)]
    assert {row.degraded for row in new} == {'["onchain not reached"]'}
    # It was answering without them, so they count from when they were made.
    assert {row.available_at_ms for row in new} == {
        ms_of(START + (DAYS + 2) * DAY + timedelta(hours=4)) + 1_000
    }
    again.store.close()


async def test_a_backfill_without_a_feed_writes_nothing(
    bench: FedBench, make_settings: MakeSettings
) -> None:
    bench.feeds["derivatives"].broken = True
    await bench.updater.load()
    assert not await bench.updater.backfill()
    assert bench.rows() == []


async def test_the_schedule_asks_again_when_patience_is_over(bench: FedBench) -> None:
    clock = JumpingClock(START + DAYS * DAY)
    updater = Updater(bench.settings, bench.store, bench.source, clock, list(bench.feeds.values()))
    await updater.load()
    updater.answering_since_ms = ms_of(clock.now())
    await updater.update(bench.close_ms)
    updater.caught_up = True
    written = len(bench.rows())
    bench.feeds["sentiment"].broken = True
    await clock.sleep_until(CLOSE + 5 * SECONDS)
    clock.slept_until.clear()
    await updater._follow(CLOSE)
    waited = [(moment - CLOSE).total_seconds() for moment in clock.slept_until]
    assert waited[:7] == [20, 60, 120, 240, 540, 600, 4200]
    assert waited[-1] < 86_400
    assert len(bench.rows()) == written + 1
    last = bench.rows()[-1]
    assert last.degraded == '["sentiment not reached"]'
    assert last.available_at_ms == ms_of(CLOSE + 10 * MINUTES) + 1_000


async def test_health_tells_of_each_feed(bench: FedBench) -> None:
    await bench.start()
    await bench.clock.move_to(START + DAYS * DAY + timedelta(hours=2))
    sources = health(bench.updater)["sources"]
    assert list(sources) == ["candles", "derivatives", "sentiment", "onchain"]
    assert sources["sentiment"] == {
        "name": "sentiment sidecar",
        "state": "ok",
        "read_until": "2019-10-28T00:00:00Z",
        "last_success": "2019-10-28T00:00:00Z",
        "age_seconds": 7200,
        "error": None,
        "missing": {},
        "notes": [],
    }
    # Overdue, even though nothing has failed yet.
    await bench.clock.move_to(CLOSE + 11 * MINUTES)
    assert health(bench.updater)["sources"]["onchain"]["state"] == "failing"
    assert health(bench.updater)["status"] == "degraded"


async def test_what_is_not_configured_is_not_read(
    make_settings: MakeSettings, tmp_path: object
) -> None:
    """Observations in the database change nothing for settings that do not name their feed."""
    settings = make_settings(database_url=f"sqlite:///{tmp_path}/plain.sqlite")
    store = Store(settings.database_url, "binance")
    observations: list[Observation] = []
    for feed in fake_feeds().values():
        observations += feed.observations
    store.append_observations(observations)
    store.close()
    plain = Bench(settings, FakeSource(candles_of(settings.all_pairs)), START + DAYS * DAY)
    await plain.start()
    assert plain.rows()[-1].confidence == 0.82
    assert reading(plain.rows()[-1], "market_source") == 0.0
    plain.store.close()
