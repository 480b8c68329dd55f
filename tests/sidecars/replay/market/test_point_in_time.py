"""The first law: nothing after now is in an answer, and nothing asked before changes one."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.market.market_view import ReplayMarketView
from sidecars.replay.market.recorded import RecordedFeed
from sidecars.replay.market.synthetic import SyntheticFeed
from sidecars.replay.market.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, TIMEFRAMES_MS, open_time
from sidecars.replay.model import Candles, Feed, Ticks
from tests.sidecars.replay.market_fakes import (
    START_MS,
    CutFeed,
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


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> RecordedFeed:
    """5m with a hole of most of a day."""
    folder = tmp_path_factory.mktemp("recorded")
    candles = seeded_candles(DAYS * 288, FIVE_MS)
    first, after = ((moment - START_MS) // FIVE_MS for moment in HOLE_MS)
    write_candles(folder, "AAA/USDT", "5m", without(candles, first, after))
    return RecordedFeed(folder)


@pytest.fixture(scope="module")
def synthetic() -> SyntheticFeed:
    start = datetime.fromtimestamp(START_MS / 1000, UTC)
    end = datetime.fromtimestamp(END_MS / 1000, UTC)
    return SyntheticFeed(7, pairs=["BTC/USDT"], start=start, end=end)


def row(candles: Candles, place: int) -> list[float]:
    columns = (candles.open_time_ms, candles.open, candles.high, candles.low, candles.close)
    return [*(float(column[place]) for column in columns), float(candles.volume[place])]


def ticks_equal(left: Ticks, right: Ticks) -> bool:
    names = ("trade_id", "time_ms", "price", "amount", "buyer_is_maker")
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in names)


def answers(feed: Feed, symbol: str, now_ms: int) -> tuple[list[Candles], list[Ticks], object]:
    """Everything the market says at a moment, from a view that has not been asked before."""
    view = ReplayMarketView(feed, 7)
    candles = [
        view.klines(symbol, timeframe_ms, now_ms, limit=50)
        for timeframe_ms in TIMEFRAMES_MS.values()
    ]
    ticks = [
        view.ticks(symbol, now_ms - 3 * HOUR_MS, now_ms),
        view.trades(symbol, now_ms, limit=100),
        view.trades(symbol, now_ms, start_ms=now_ms - HOUR_MS, limit=1000),
    ]
    return (
        candles,
        ticks,
        (view.last_price(symbol, now_ms), view.turnover_per_second(symbol, now_ms)),
    )


def assert_same_answers(feed: Feed, symbol: str, now_ms: int, cut_ms: int) -> None:
    whole, cut = answers(feed, symbol, now_ms), answers(CutFeed(feed, cut_ms), symbol, now_ms)
    assert all(same(a, b) for a, b in zip(whole[0], cut[0], strict=True))
    assert all(ticks_equal(a, b) for a, b in zip(whole[1], cut[1], strict=True))
    assert whole[2] == cut[2]


@given(now_ms=st.integers(START_MS, END_MS - 1))
def test_cutting_off_the_future_changes_no_answer(feed: RecordedFeed, now_ms: int) -> None:
    # The path inside the present candle is made from that candle: it is the last one needed.
    assert_same_answers(feed, SYMBOL, now_ms, open_time(now_ms, FIVE_MS) + FIVE_MS)


@given(now_ms=st.integers(START_MS, END_MS - 1))
def test_cutting_off_the_synthetic_future_changes_no_answer(
    synthetic: SyntheticFeed, now_ms: int
) -> None:
    assert_same_answers(synthetic, "BTCUSDT", now_ms, open_time(now_ms, MINUTE_MS) + MINUTE_MS)


@given(nows=st.lists(st.integers(START_MS, END_MS - 1), min_size=2, max_size=6))
def test_the_order_of_questions_changes_no_answer(feed: RecordedFeed, nows: list[int]) -> None:
    def asked(view: ReplayMarketView, now_ms: int) -> tuple[object, ...]:
        klines = view.klines(SYMBOL, HOUR_MS, now_ms, limit=3)
        trades = view.trades(SYMBOL, now_ms, limit=3)
        return (
            view.last_price(SYMBOL, now_ms),
            [row(klines, place) for place in range(len(klines))],
            trades.trade_id.tolist(),
            trades.amount.tolist(),
        )

    one, other = ReplayMarketView(feed, 7), ReplayMarketView(feed, 7)
    forth = [asked(one, now_ms) for now_ms in nows]
    back = [asked(other, now_ms) for now_ms in reversed(nows)]
    assert forth == back[::-1]
