"""The market at a moment: the forming candle, trades by id and time, and no word of the future."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.market.columns import take
from sidecars.replay.market.market_view import ReplayMarketView
from sidecars.replay.market.recorded import RecordedFeed
from sidecars.replay.market.synthetic import SyntheticFeed
from sidecars.replay.market.timeframes import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    TIMEFRAMES_MS,
    WEEK_MS,
    close_time,
    open_time,
)
from sidecars.replay.model import Candles, MarketView, Ticks
from tests.sidecars.replay.market_fakes import (
    START_MS,
    same,
    seeded_candles,
    without,
    write_candles,
)

FIVE_MS = 5 * MINUTE_MS
SYMBOL = "AAAUSDT"
DAYS = 12
HOLE_MS = (START_MS + 3 * DAY_MS + 7 * MINUTE_MS * 5, START_MS + 4 * DAY_MS)
END_MS = START_MS + DAYS * DAY_MS

moments = st.integers(START_MS - HOUR_MS, END_MS + HOUR_MS)
timeframes = st.sampled_from(sorted(TIMEFRAMES_MS.values()))


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> RecordedFeed:
    """5m with a hole of most of a day."""
    folder = tmp_path_factory.mktemp("recorded")
    candles = seeded_candles(DAYS * 288, FIVE_MS)
    first, after = ((moment - START_MS) // FIVE_MS for moment in HOLE_MS)
    write_candles(folder, "AAA/USDT", "5m", without(candles, first, after))
    return RecordedFeed(folder)


@pytest.fixture(scope="module")
def view(feed: RecordedFeed) -> ReplayMarketView:
    return ReplayMarketView(feed, 7)


@pytest.fixture(scope="module")
def synthetic() -> SyntheticFeed:
    start = datetime.fromtimestamp(START_MS / 1000, UTC)
    end = datetime.fromtimestamp(END_MS / 1000, UTC)
    return SyntheticFeed(7, pairs=["BTC/USDT"], start=start, end=end)


def naive_forming(ticks: Ticks, opened_ms: int) -> list[float]:
    prices = ticks.price.tolist()
    return [opened_ms, prices[0], max(prices), min(prices), prices[-1], ticks.amount.sum()]


def row(candles: Candles, place: int) -> list[float]:
    columns = (candles.open_time_ms, candles.open, candles.high, candles.low, candles.close)
    return [*(float(column[place]) for column in columns), float(candles.volume[place])]


def test_it_is_a_market_view(view: ReplayMarketView) -> None:
    protocol: MarketView = view
    assert list(protocol.markets) == [SYMBOL]
    with pytest.raises(KeyError):
        protocol.klines("ZZZUSDT", FIVE_MS, START_MS)


@given(now_ms=moments, timeframe_ms=timeframes)
def test_the_forming_candle_is_made_of_the_ticks_so_far(
    view: ReplayMarketView, now_ms: int, timeframe_ms: int
) -> None:
    opened_ms = open_time(now_ms, timeframe_ms)
    ticks = view.ticks(SYMBOL, opened_ms - 1, now_ms)
    klines = view.klines(SYMBOL, timeframe_ms, now_ms, limit=5)
    forming = klines.open_time_ms[-1:] == opened_ms
    if timeframe_ms < FIVE_MS:
        assert len(klines) == 0
    elif len(ticks):
        assert forming.all()
        assert row(klines, -1) == pytest.approx(naive_forming(ticks, opened_ms), rel=1e-9)
    elif forming.any():
        # Nothing traded so far: the candle stands at one price, with no volume.
        assert klines.high[-1] == klines.low[-1]
        assert klines.volume[-1] == 0.0


@given(now_ms=moments, timeframe_ms=timeframes)
def test_a_complete_candle_equals_the_record(
    feed: RecordedFeed, view: ReplayMarketView, now_ms: int, timeframe_ms: int
) -> None:
    opened_ms = open_time(now_ms, timeframe_ms)
    closed_ms = close_time(opened_ms, timeframe_ms)
    on_record = feed.candles(SYMBOL, timeframe_ms, opened_ms, closed_ms)
    after = view.klines(SYMBOL, timeframe_ms, closed_ms, start_ms=opened_ms, end_ms=opened_ms)
    assert same(after, on_record)
    before = view.klines(SYMBOL, timeframe_ms, closed_ms - 1, start_ms=opened_ms)
    if len(on_record) and closed_ms <= END_MS:
        assert row(before, 0) == pytest.approx(row(on_record, 0), rel=1e-9)
        assert row(before, 0)[:5] == row(on_record, 0)[:5]


@given(
    now_ms=moments,
    timeframe_ms=timeframes,
    start=st.none() | st.integers(-300, 4000),
    end=st.none() | st.integers(-300, 4000),
    limit=st.integers(1, 1000),
)
def test_windows_are_binances(
    view: ReplayMarketView,
    now_ms: int,
    timeframe_ms: int,
    start: int | None,
    end: int | None,
    limit: int,
) -> None:
    start_ms = None if start is None else START_MS + start * FIVE_MS
    end_ms = None if end is None else START_MS + end * FIVE_MS
    everything = view.klines(SYMBOL, timeframe_ms, now_ms, limit=10_000)
    opens = everything.open_time_ms
    wanted = np.ones(len(opens), dtype=np.bool_)
    if start_ms is not None:
        wanted &= opens >= start_ms
    if end_ms is not None:
        wanted &= opens <= end_ms
    rows = np.flatnonzero(wanted)
    rows = rows[-limit:] if start_ms is None else rows[:limit]
    found = view.klines(SYMBOL, timeframe_ms, now_ms, start_ms=start_ms, end_ms=end_ms, limit=limit)
    assert same(found, take(everything, rows.astype(np.int64)))


@given(now_ms=moments)
def test_the_last_price_is_that_of_the_last_tick(view: ReplayMarketView, now_ms: int) -> None:
    price = view.last_price(SYMBOL, now_ms)
    ticks = view.ticks(SYMBOL, open_time(now_ms, FIVE_MS) - 1, now_ms)
    if HOLE_MS[0] <= now_ms < HOLE_MS[1] or not START_MS <= now_ms < END_MS:
        assert price is None
        assert len(ticks) == 0
    elif len(ticks):
        assert price == ticks.price[-1]
    else:
        earlier = view.trades(SYMBOL, now_ms, limit=1)
        assert price == earlier.price[-1]


@given(first=moments, second=moments, third=moments)
def test_ticks_of_a_stretch_are_those_of_its_parts(
    view: ReplayMarketView, first: int, second: int, third: int
) -> None:
    start, middle, end = sorted((first, second, third))
    whole = view.ticks(SYMBOL, start, end)
    left, right = view.ticks(SYMBOL, start, middle), view.ticks(SYMBOL, middle, end)
    assert whole.time_ms.tolist() == [*left.time_ms.tolist(), *right.time_ms.tolist()]
    assert whole.price.tolist() == [*left.price.tolist(), *right.price.tolist()]
    assert np.all(np.diff(whole.trade_id) > 0)
    assert len(whole) == 0 or (whole.time_ms[0] > start and whole.time_ms[-1] <= end)


@given(
    now_ms=moments,
    start=st.none() | moments,
    end=st.none() | moments,
    from_place=st.none() | st.integers(0, 200_000),
    limit=st.integers(1, 1000),
)
def test_trades_are_the_first_or_the_last_of_those_asked_for(
    view: ReplayMarketView,
    now_ms: int,
    start: int | None,
    end: int | None,
    from_place: int | None,
    limit: int,
) -> None:
    ticks = view.ticks(SYMBOL, START_MS - 1, END_MS)
    last_ms = now_ms if end is None else min(end, now_ms)
    wanted = ticks.time_ms <= last_ms
    from_id = None
    if start is not None:
        wanted &= ticks.time_ms >= start
    if from_place is not None:
        from_id = int(ticks.trade_id[from_place % len(ticks)]) + from_place % 2
        wanted &= ticks.trade_id >= from_id
    ids = ticks.trade_id[wanted]
    ids = ids[-limit:] if start is None and from_id is None else ids[:limit]
    found = view.trades(SYMBOL, now_ms, from_id=from_id, start_ms=start, end_ms=end, limit=limit)
    assert found.trade_id.tolist() == ids.tolist()


def test_a_hole_has_no_price_and_the_last_candles_stay_those_before_it(
    view: ReplayMarketView,
) -> None:
    inside_ms = HOLE_MS[0] + 6 * HOUR_MS
    assert view.last_price(SYMBOL, inside_ms) is None
    klines = view.klines(SYMBOL, FIVE_MS, inside_ms, limit=2)
    assert klines.open_time_ms[-1] == HOLE_MS[0] - FIVE_MS
    assert view.last_price(SYMBOL, HOLE_MS[0] - 1) == klines.close[-1]
    day = view.klines(SYMBOL, DAY_MS, inside_ms, limit=1)
    assert day.close[-1] == klines.close[-1]


def test_turnover_is_the_last_closed_hours(feed: RecordedFeed, view: ReplayMarketView) -> None:
    now_ms = START_MS + 10 * HOUR_MS + 17 * MINUTE_MS
    hour = feed.candles(SYMBOL, HOUR_MS, START_MS + 9 * HOUR_MS, START_MS + 10 * HOUR_MS)
    assert view.turnover_per_second(SYMBOL, now_ms) == pytest.approx(hour.volume[0] / 3600)


def test_turnover_in_the_first_hour_is_what_was_traded_in_it(view: ReplayMarketView) -> None:
    now_ms = START_MS + 17 * MINUTE_MS
    traded = view.ticks(SYMBOL, START_MS - 1, now_ms).amount.sum()
    assert traded > 0.0
    assert view.turnover_per_second(SYMBOL, now_ms) == pytest.approx(traded / 3600)


def test_coarser_records_serve_where_there_is_nothing_finer(tmp_path: Path) -> None:
    hours = seeded_candles(48, HOUR_MS)
    fives = seeded_candles(12 * 24, FIVE_MS, start_ms=START_MS + DAY_MS, seed=2)
    write_candles(tmp_path, "AAA/USDT", "1h", hours)
    write_candles(tmp_path, "AAA/USDT", "5m", fives)
    view = ReplayMarketView(RecordedFeed(tmp_path), 7)
    early_ms = START_MS + 90 * MINUTE_MS
    assert len(view.klines(SYMBOL, FIVE_MS, early_ms)) == 0
    ticks = view.ticks(SYMBOL, START_MS - 1, START_MS + HOUR_MS - 1)
    assert (ticks.price.max(), ticks.price.min()) == (hours.high[0], hours.low[0])
    late_ms = START_MS + DAY_MS + 90 * MINUTE_MS
    ticks = view.ticks(SYMBOL, START_MS + DAY_MS - 1, late_ms)
    assert ticks.price[0] == fives.open[0]
    assert view.klines(SYMBOL, FIVE_MS, late_ms).open_time_ms[-1] == open_time(late_ms, FIVE_MS)


def test_weeks_are_answered_from_months_of_record(synthetic: SyntheticFeed) -> None:
    view = ReplayMarketView(synthetic, 7)
    now_ms = START_MS + 10 * DAY_MS
    weeks = view.klines("BTCUSDT", WEEK_MS, now_ms)
    assert weeks.open_time_ms.tolist() == [START_MS, START_MS + WEEK_MS]


def test_the_crash_of_august_2024_as_it_happened(market_data: Path) -> None:
    feed = RecordedFeed(market_data / "binance-1m-2024q3", pairs=["BTC/USDT"])
    view = ReplayMarketView(feed, 7)
    now_ms = int(datetime(2024, 8, 5, 6, 30, 20, tzinfo=UTC).timestamp() * 1000)
    day = view.klines("BTCUSDT", DAY_MS, now_ms, limit=2)
    assert day.open_time_ms[-1] == open_time(now_ms, DAY_MS)
    minutes = feed.candles("BTCUSDT", MINUTE_MS, open_time(now_ms, DAY_MS), now_ms - MINUTE_MS)
    assert day.low[-1] <= minutes.low.min()
    assert day.open[-1] == minutes.open[0]
    price = view.last_price("BTCUSDT", now_ms)
    minute = feed.candles("BTCUSDT", MINUTE_MS, open_time(now_ms, MINUTE_MS), now_ms)
    assert price is not None
    assert minute.low[0] <= price <= minute.high[0]
