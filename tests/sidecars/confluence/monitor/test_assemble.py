"""The monitor as a whole: cards of the moment, polling on the clock, decisions, the review."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from sidecars.common.clock import ManualClock
from sidecars.common.database import open_database
from sidecars.common.moments import moment_at
from sidecars.confluence.candles import MS_PER_DAY
from sidecars.confluence.monitor.assemble import DecisionError, Monitor
from sidecars.confluence.monitor.decisions import DecisionTable, decisions_table
from sidecars.confluence.monitor.luno import LUNO, LunoKey, Markets
from sidecars.confluence.monitor.model import Holding
from sidecars.confluence.monitor.price_board import PriceBoard
from sidecars.confluence.timeline import Timeline
from tests.sidecars.confluence.monitor.local_luno import KEY, SECRET, LocalLuno, running_luno
from tests.sidecars.confluence.monitor.monitor_rig import ETH, LAST_CLOSE_MS, NOW_MS, Memory, calm

LTC = Holding("LTC", 1.0, "MYR", "LTC/USDT", None, None, "LTC/MYR")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(moment_at(NOW_MS))


@pytest.fixture
async def server() -> AsyncIterator[LocalLuno]:
    local = LocalLuno(NOW_MS)
    last = Memory().candles["ETH/USDT"].close[-1]
    local.liquid["ETHUSDT"] = float(last)
    local.prices["ETHMYR"] = float(last) * 4.7
    async with running_luno(local) as running:
        yield running


@pytest.fixture
def table(tmp_path: Path) -> Iterator[DecisionTable]:
    metadata = MetaData()
    made = decisions_table(metadata)
    engine = open_database(f"sqlite:///{tmp_path / 'decisions.sqlite'}", metadata)
    yield DecisionTable(engine, made)
    engine.dispose()


@pytest.fixture
async def board(server: LocalLuno, clock: ManualClock) -> AsyncIterator[PriceBoard]:
    luno = Markets(LUNO, server.luno_config, 0.5, LunoKey(KEY, SECRET))
    binance = Markets("binance", server.binance_config, 0.5)
    yield PriceBoard(clock, luno, binance, "BTC/USDT")
    await luno.close()
    await binance.close()


async def test_cards_are_those_of_the_moment(board: PriceBoard, clock: ManualClock) -> None:
    monitor = Monitor([ETH, LTC], Memory(), board, clock)
    await monitor.load()
    await monitor.poll()
    eth, ltc = monitor.cards()
    assert eth.score is not None
    assert eth.score.as_of_ms == LAST_CLOSE_MS
    assert eth.price is not None
    assert eth.price.source == "Luno ETH/MYR"
    assert eth.history.price[-1] == pytest.approx(eth.price.value)
    assert ltc.score is None
    assert "no score of LTC/USDT: it is not among the pairs that are scored" in ltc.warnings
    assert monitor.card("ETH") == eth
    assert monitor.card("DOGE") is None


async def test_a_card_never_shows_what_was_not_available_yet(
    board: PriceBoard, server: LocalLuno
) -> None:
    earlier_ms = LAST_CLOSE_MS - 3 * MS_PER_DAY + 30_000
    monitor = Monitor([ETH], Memory(), board, ManualClock(moment_at(earlier_ms)))
    (card,) = monitor.cards()
    assert card.score is not None
    # The record of the close 30 s ago is available a minute after it.
    assert card.score.as_of_ms == LAST_CLOSE_MS - 4 * MS_PER_DAY
    assert card.history.as_of_ms[-1] == card.score.as_of_ms


async def test_coins_that_only_the_account_names_are_shown_without_a_cost(
    board: PriceBoard, clock: ManualClock
) -> None:
    monitor = Monitor([replace(ETH, asset="BTC", pair="BTC/USDT", market="BTC/MYR")], Memory(),
                      board, clock, currency="MYR")  # fmt: skip
    await monitor.poll()
    (btc,) = monitor.cards()
    assert "Luno holds 0.4 BTC, the holdings file says 2: the file counts" in btc.warnings
    monitor.holdings = ()
    (found,) = monitor.cards()
    assert (found.holding.asset, found.holding.amount, found.gain_pct) == ("BTC", 0.4, None)


async def test_prices_are_polled_on_the_clock(
    board: PriceBoard, server: LocalLuno, clock: ManualClock
) -> None:
    monitor = Monitor([ETH], Memory(), board, clock, poll_seconds=30)
    asked = asyncio.Event()

    def seen(path: str) -> None:
        if path.endswith("/api/1/tickers"):
            asked.set()

    server.trouble = seen
    running = asyncio.create_task(monitor.run())
    async with asyncio.timeout(5):
        await asked.wait()
        for _ in range(2):
            asked.clear()
            await clock.move_to(clock.now() + timedelta(seconds=30))
            await asked.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_decision_is_kept_with_the_score_and_price_of_the_moment(
    board: PriceBoard, clock: ManualClock, table: DecisionTable
) -> None:
    monitor = Monitor([ETH], Memory(), board, clock, table)
    await monitor.poll()
    record = await monitor.decide("ETH", "  waited\nfor   the fall ", bought=False)
    (card,) = monitor.cards()
    assert card.score is not None
    assert card.price is not None
    assert (record.total, record.price, record.note) == (
        card.score.total,
        card.price.value,
        "waited for the fall",
    )
    assert [each.bought for each in card.decisions] == [False]
    again = Monitor([ETH], Memory(), board, clock, table)
    await again.load()
    assert again.cards()[0].decisions == card.decisions
    later = ManualClock(moment_at(LAST_CLOSE_MS + 31 * MS_PER_DAY))
    shown = Monitor([ETH], Memory(), board, later, table)
    await shown.load()
    assert shown.cards()[0].decisions[0].return_30d_pct is None  # no candle of that day


async def test_what_cannot_be_decided_at_is_refused(board: PriceBoard, clock: ManualClock) -> None:
    monitor = Monitor([ETH, LTC], Memory(), board, clock)
    with pytest.raises(DecisionError, match="ETH has no price"):
        await monitor.decide("ETH", "", bought=True)
    await monitor.poll()
    with pytest.raises(DecisionError, match="LTC has no score"):
        await monitor.decide("LTC", "", bought=True)
    with pytest.raises(DecisionError, match="DOGE is not held"):
        await monitor.decide("DOGE", "", bought=True)
    with pytest.raises(DecisionError, match="501 characters"):
        await monitor.decide("ETH", "x" * 501, bought=True)
    assert monitor.cards()[0].decisions == ()


async def test_the_review_is_over_every_scored_pair(board: PriceBoard, clock: ManualClock) -> None:
    review = Monitor([], Memory(), board, clock).review()
    known = sum(
        row.total >= 75 and row.as_of_ms + 30 * MS_PER_DAY <= LAST_CLOSE_MS
        for timeline in Memory().timelines.values()
        for row in timeline.rows
    )
    assert review.zone_days[0].known == known
    assert review.words.startswith("Scores of 75 and more: ")


async def test_the_days_that_are_over_are_counted_once_and_off_the_loop(
    board: PriceBoard, clock: ManualClock, server: LocalLuno
) -> None:
    memory = Memory()
    monitor = Monitor([ETH], memory, board, clock)
    await monitor.poll()
    (first,) = monitor.cards()
    server.now_ms += 60_000
    server.prices["ETHMYR"] *= 1.01
    await clock.move_to(clock.now() + timedelta(minutes=1))
    await monitor.poll()
    (again,) = monitor.cards()
    assert again.history is first.history
    assert again.price is not None and first.price is not None
    assert again.price.value > first.price.value
    # A new record is shown when its past was counted in a thread, at the next poll.
    rows = memory.timelines["ETH/USDT"].rows
    memory.timelines = {"ETH/USDT": Timeline([*rows[:-1], replace(rows[-1], total=99.0)])}
    assert monitor.cards()[0].history is first.history
    await monitor.poll()
    (renewed,) = monitor.cards()
    assert renewed.score is not None
    assert (renewed.score.total, renewed.history.total[-1]) == (99.0, 99.0)


async def test_what_nobody_counted_for_long_is_counted_when_it_is_asked_for(
    board: PriceBoard, clock: ManualClock
) -> None:
    memory = Memory()
    monitor = Monitor([ETH], memory, board, clock)
    await monitor.poll()
    memory.timelines = {}
    await clock.move_to(clock.now() + timedelta(minutes=3))
    assert monitor.cards()[0].score is None


async def test_the_thresholds_are_reviewed_once_a_day(
    board: PriceBoard, clock: ManualClock
) -> None:
    memory = Memory()
    memory.timelines = {"ETH/USDT": Timeline([calm(40, 80.0, zone="MODERATE_BUY")])}
    monitor = Monitor([ETH], memory, board, clock)
    assert monitor.review_words() is None
    await monitor.keep_review()
    words = monitor.review_words()
    assert words == monitor.review().words
    memory.timelines = {"ETH/USDT": Timeline(())}
    await monitor.keep_review()
    assert monitor.review_words() == words
    await clock.move_to(clock.now() + timedelta(days=1))
    await monitor.keep_review()
    assert monitor.review_words() != words
