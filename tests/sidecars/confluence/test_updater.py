"""Backfill, live days, late candles, failing pairs: on fakes of clock and source, a real store."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from sidecars.common.clock import ManualClock
from sidecars.common.moments import ms_of
from sidecars.confluence.answers import health
from sidecars.confluence.candles import EMPTY, MS_PER_DAY, DailyCandles
from sidecars.confluence.records import ScoreRow
from sidecars.confluence.settings import ConfluenceSettings
from sidecars.confluence.source import SourceError
from sidecars.confluence.store import Store
from sidecars.confluence.updater import Updater
from tests.sidecars.confluence.conftest import MakeSettings
from tests.sidecars.confluence.local_binance import FIRST_DAY_MS, seeded_candles

START = datetime(2019, 1, 1, tzinfo=UTC)
DAYS = 300
DAY = timedelta(days=1)


class FakeSource:
    """Serves candles that closed by now; pairs in `broken` fail, in `late` lack the last day."""

    def __init__(self, candles: Mapping[str, DailyCandles]) -> None:
        self.candles = dict(candles)
        self.broken: set[str] = set()
        self.late: set[str] = set()
        self.asked: list[tuple[str, int]] = []

    async def daily_candles(self, pair: str, since_ms: int, now_ms: int) -> DailyCandles:
        self.asked.append((pair, since_ms))
        if pair in self.broken:
            raise SourceError(f"{pair} is broken")
        closed = self.candles[pair].before(now_ms - MS_PER_DAY if pair in self.late else now_ms)
        return DailyCandles.from_rows([row for row in closed.rows() if row[0] >= since_ms])

    async def close(self) -> None:
        return None


def candles_of(pairs: tuple[str, ...], days: int = DAYS + 30) -> dict[str, DailyCandles]:
    return {pair: seeded_candles(number, days) for number, pair in enumerate(pairs)}


class Bench:
    """One sidecar without its HTTP side; `restart` is a new process on the same database."""

    def __init__(self, settings: ConfluenceSettings, source: FakeSource, now: datetime) -> None:
        self.settings = settings
        self.source = source
        self.clock = ManualClock(now)
        self.store = Store(settings.database_url, "binance")
        self.updater = Updater(settings, self.store, source, self.clock)

    async def start(self, *, answering: bool = True) -> None:
        await self.updater.load()
        if answering:
            self.updater.answering_since_ms = ms_of(self.clock.now())
        await self.updater.update(self.close_ms)
        self.updater.caught_up = True

    async def at(self, moment: datetime) -> bool:
        await self.clock.move_to(moment)
        return await self.updater.update(self.close_ms)

    def restart(self, now: datetime) -> "Bench":
        self.store.close()
        return Bench(self.settings, self.source, now)

    @property
    def close_ms(self) -> int:
        return ms_of(self.clock.now().replace(hour=0, minute=0, second=0, microsecond=0))

    def rows(self, pair: str = "BTC/USDT") -> list[ScoreRow]:
        return self.store.scores(self.settings.formula, pair)


@pytest.fixture
async def bench(make_settings: MakeSettings) -> AsyncIterator[Bench]:
    settings = make_settings()
    made = Bench(settings, FakeSource(candles_of(settings.all_pairs)), START + DAYS * DAY)
    yield made
    made.store.close()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop and its threads work until it holds; a hang fails by the test's time-out."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to hold within ten seconds")


def content(row: ScoreRow) -> tuple[object, ...]:
    """Everything but when it was available."""
    return (
        row.pair, row.as_of_ms, row.total, row.zone, row.vetoed, row.confidence, row.percentile,
        row.technical, row.momentum, row.regime, row.sentiment, row.readings, row.points,
        row.degraded, row.formula, row.candles_from_ms,
    )  # fmt: skip


async def test_live_days_equal_backfilled_ones_bit_for_bit(
    bench: Bench, make_settings: MakeSettings, tmp_path: object
) -> None:
    await bench.start()
    for day in range(1, 11):
        assert await bench.at(START + (DAYS + day) * DAY + timedelta(seconds=5))
    live = bench.rows() + bench.rows("ETH/USDT")
    settings = make_settings(database_url=f"sqlite:///{tmp_path}/other.sqlite")
    other = Bench(settings, bench.source, START + (DAYS + 10) * DAY + timedelta(hours=3))
    await other.start(answering=False)
    backfilled = other.rows() + other.rows("ETH/USDT")
    other.store.close()
    assert [content(row) for row in live] == [content(row) for row in backfilled]
    assert all(row.available_at_ms == row.as_of_ms + 60_000 for row in backfilled)
    written_live = [row for row in live if row.as_of_ms > ms_of(START + DAYS * DAY)]
    assert len(written_live) == 20
    for row in written_live:
        assert row.as_of_ms + 6_000 <= row.available_at_ms <= row.as_of_ms + 7_000


async def test_only_what_is_missing_is_asked_for_and_nothing_is_written_twice(
    bench: Bench,
) -> None:
    await bench.start()
    before = bench.rows()
    assert {since for _, since in bench.source.asked} == {FIRST_DAY_MS}
    bench.source.asked.clear()
    again = bench.restart(START + DAYS * DAY + timedelta(hours=1))
    await again.start()
    assert {since for _, since in again.source.asked} == {FIRST_DAY_MS + DAYS * MS_PER_DAY}
    assert again.rows() == before
    await again.updater.update(again.close_ms)
    assert again.rows() == before
    again.store.close()


async def test_one_failing_pair_does_not_stop_the_others(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings(
        pairs=["BTC/USDT", "ETH/USDT", "SOL/USDT"], market_index_pairs=["BTC/USDT", "ETH/USDT"]
    )
    source = FakeSource(candles_of(settings.all_pairs))
    source.broken = {"SOL/USDT"}
    bench = Bench(settings, source, START + DAYS * DAY)
    await bench.start()
    assert len(bench.rows()) == len(bench.rows("ETH/USDT")) == DAYS - 14
    assert bench.rows("SOL/USDT") == []
    report = health(bench.updater)
    assert report["status"] == "degraded"
    assert report["pairs"]["SOL/USDT"] == {
        "state": "failing", "as_of": None, "error": "SOL/USDT is broken"
    }  # fmt: skip
    assert report["pairs"]["BTC/USDT"]["state"] == "ok"
    source.broken = set()
    assert await bench.at(START + DAYS * DAY + timedelta(minutes=1))
    assert len(bench.rows("SOL/USDT")) == DAYS - 14
    assert health(bench.updater)["status"] == "ok"
    bench.store.close()


async def test_a_late_candle_of_the_market_is_waited_for_then_done_without_then_made_good(
    bench: Bench,
) -> None:
    await bench.start()
    close = START + (DAYS + 1) * DAY
    bench.source.late = {"ETH/USDT"}
    assert not await bench.at(close + timedelta(seconds=5))
    assert bench.rows()[-1].as_of_ms == ms_of(close - DAY)  # patient: not made yet
    assert not await bench.at(close + timedelta(minutes=11))
    degraded = bench.rows()[-1]
    assert degraded.as_of_ms == ms_of(close)
    assert "market index without ETH/USDT" in degraded.degraded
    assert bench.rows("ETH/USDT")[-1].as_of_ms == ms_of(close - DAY)  # never from old data
    assert health(bench.updater)["pairs"]["ETH/USDT"]["state"] == "stale"
    bench.source.late = set()
    assert await bench.at(close + timedelta(minutes=30))
    before, after = bench.rows()[-2:]
    assert before == degraded
    assert (after.as_of_ms, after.revision, after.degraded) == (ms_of(close), 1, "[]")
    assert after.available_at_ms > ms_of(close + timedelta(minutes=30))
    assert bench.rows("ETH/USDT")[-1].available_at_ms > ms_of(close + timedelta(minutes=30))
    # What was answered in between is still the answer about that moment.
    timeline = bench.updater.timelines["BTC/USDT"]
    asked = ms_of(close + timedelta(minutes=20))
    assert timeline.rows[timeline.place_at(asked)] == degraded


async def test_days_slept_through_are_backfilled_but_days_missed_awake_are_not(
    bench: Bench,
) -> None:
    await bench.start()
    bench.source.broken = {"BTC/USDT", "ETH/USDT"}
    missed = START + (DAYS + 1) * DAY
    assert not await bench.at(missed + timedelta(minutes=20))
    again = bench.restart(missed + 3 * DAY)
    again.source.broken = set()
    await again.start()
    late, slept, slept_too, live = again.rows()[-4:]
    assert late.as_of_ms == ms_of(missed)
    assert late.available_at_ms > ms_of(missed + 3 * DAY)
    assert slept.available_at_ms == slept.as_of_ms + 60_000
    assert slept_too.available_at_ms == slept_too.as_of_ms + 60_000
    # The last day closed this very second.
    assert live.as_of_ms == ms_of(missed + 3 * DAY)
    assert live.available_at_ms == live.as_of_ms + 1_000
    again.store.close()


async def test_a_pair_that_is_not_listed_yet_is_waited_for(bench: Bench) -> None:
    bench.source.candles["ETH/USDT"] = EMPTY
    await bench.start()
    report = health(bench.updater)
    assert report["status"] == "ok"
    assert report["pairs"]["ETH/USDT"]["state"] == "waiting"


async def test_an_earlier_first_day_is_another_formula_and_asks_again(bench: Bench) -> None:
    late_start = bench.settings.model_copy(update={"history_start": (START + 50 * DAY).date()})
    later = Bench(late_start, bench.source, START + DAYS * DAY)
    await later.start()
    assert later.rows()[0].candles_from_ms == ms_of(START + 50 * DAY)
    later.store.close()
    await bench.start()
    assert bench.settings.formula != late_start.formula
    assert bench.rows()[0].candles_from_ms == ms_of(START)
    assert len(bench.rows()) == DAYS - 14


async def test_a_store_that_fails_is_said_and_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.start()

    def full(*_: object) -> None:
        raise OperationalError("INSERT", {}, OSError("database or disk is full"))

    with monkeypatch.context() as patched:
        patched.setattr(bench.store, "append_scores", full)
        await bench.clock.move_to(START + (DAYS + 1) * DAY + timedelta(minutes=5))
        assert not await bench.updater._try_update(bench.close_ms)
    assert health(bench.updater)["status"] == "degraded"
    assert health(bench.updater)["store"]["state"] == "failing"
    assert await bench.updater._try_update(bench.close_ms)
    assert health(bench.updater)["store"]["state"] == "ok"
    assert bench.rows()[-1].as_of_ms == bench.close_ms


async def test_the_schedule_follows_the_clock(bench: Bench) -> None:
    await bench.updater.load()
    task = asyncio.create_task(bench.updater.run())
    await until(lambda: bench.updater.caught_up)
    close = START + (DAYS + 1) * DAY
    await bench.clock.move_to(close + timedelta(seconds=4))
    await asyncio.sleep(0.05)
    assert bench.updater.timelines["BTC/USDT"].rows[-1].as_of_ms == ms_of(close - DAY)
    generation = bench.updater.generation
    await bench.clock.move_to(close + timedelta(seconds=5))
    await until(lambda: bench.updater.generation > generation)
    assert bench.updater.timelines["BTC/USDT"].rows[-1].as_of_ms == ms_of(close)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
