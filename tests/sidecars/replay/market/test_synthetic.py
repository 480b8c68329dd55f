"""The synthetic market: the same for everybody, whatever is asked, and one path for all candles."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecars.replay.market.columns import FeedError, between
from sidecars.replay.market.synthetic import DEFAULT_PAIRS, SyntheticFeed
from sidecars.replay.market.synthetic_events import (
    CRASH,
    EVENT_HOURS,
    JUMP,
    SQUEEZE,
    event,
    scheduled,
)
from sidecars.replay.market.synthetic_state import (
    Regime,
    autoregression,
    fading_sum,
    hours_until,
    market_factor,
    regimes,
)
from sidecars.replay.market.timeframes import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    TIMEFRAMES_MS,
    close_time,
    open_time,
)
from sidecars.replay.model import Candles, Feed
from tests.sidecars.replay.market_fakes import naive_resample, same

START = datetime(2024, 1, 3, tzinfo=UTC)
END = START + timedelta(days=75, hours=5, minutes=17)
START_MS = int(START.timestamp() * 1000)
END_MS = int(END.timestamp() * 1000)
SOME = ["BTC/USDT", "DOGE/USDT"]

moments = st.integers(START_MS, END_MS)
timeframes = st.sampled_from(sorted(TIMEFRAMES_MS))
symbols = st.sampled_from(["BTCUSDT", "DOGEUSDT"])


@pytest.fixture(scope="module")
def feed() -> SyntheticFeed:
    return SyntheticFeed(7, pairs=SOME, start=START, end=END)


@pytest.fixture(scope="module")
def shorter() -> SyntheticFeed:
    """The same market, asked for a shorter time and for other pairs, in another order."""
    end = START + timedelta(days=40, hours=3)
    return SyntheticFeed(7, pairs=["DOGE/USDT", "ETH/USDT", "BTC/USDT"], start=START, end=end)


@settings(max_examples=40)
@given(symbol=symbols, timeframe=timeframes, one=moments, other=moments)
def test_every_timeframe_is_the_aggregate_of_one_path(
    feed: SyntheticFeed, symbol: str, timeframe: str, one: int, other: int
) -> None:
    start_ms, end_ms = sorted((one, other))
    end_ms = min(end_ms, start_ms + 3 * DAY_MS)
    timeframe_ms = TIMEFRAMES_MS[timeframe]
    found = feed.candles(symbol, timeframe_ms, start_ms, end_ms)
    until_ms = close_time(open_time(end_ms, timeframe_ms), timeframe_ms)
    around = feed.candles(symbol, MINUTE_MS, start_ms, until_ms)
    slow = [
        row
        for row in naive_resample(around, timeframe)
        if start_ms <= row[0] < end_ms and close_time(int(row[0]), timeframe_ms) <= END_MS
    ]
    assert found.open_time_ms.tolist() == [row[0] for row in slow]
    for column, name in enumerate(["open", "high", "low", "close"], start=1):
        assert getattr(found, name).tolist() == [row[column] for row in slow]
    assert found.volume == pytest.approx([row[5] for row in slow], rel=1e-9)


@given(symbol=symbols, timeframe=timeframes)
def test_neither_the_end_nor_other_pairs_change_a_candle(
    feed: SyntheticFeed, shorter: SyntheticFeed, symbol: str, timeframe: str
) -> None:
    timeframe_ms = TIMEFRAMES_MS[timeframe]
    span = (START_MS - 31 * DAY_MS, shorter.span_ms[1])
    short = shorter.candles(symbol, timeframe_ms, *span)
    long = feed.candles(symbol, timeframe_ms, *span)
    assert len(short) > 0
    assert same(short, between(long, span[0], int(short.open_time_ms[-1]) + 1))
    assert len(long) - len(short) <= 1  # the one that was not over


def test_the_start_changes_no_candle(feed: SyntheticFeed) -> None:
    later = START + timedelta(days=30)
    other = SyntheticFeed(7, pairs=["BTC/USDT"], start=later, end=END)
    for timeframe in ("1m", "5m", "4h", "1d"):
        span = (int(later.timestamp() * 1000), END_MS - 20 * DAY_MS)
        timeframe_ms = TIMEFRAMES_MS[timeframe]
        assert same(
            feed.candles("BTCUSDT", timeframe_ms, *span),
            other.candles("BTCUSDT", timeframe_ms, *span),
        )


def test_what_was_asked_before_changes_no_candle(feed: SyntheticFeed) -> None:
    fresh = SyntheticFeed(7, pairs=SOME, start=START, end=END)
    span = (START_MS + 50 * DAY_MS + 1, START_MS + 51 * DAY_MS)
    assert same(
        fresh.candles("DOGEUSDT", MINUTE_MS, *span), feed.candles("DOGEUSDT", MINUTE_MS, *span)
    )


def test_another_seed_is_another_market(feed: SyntheticFeed) -> None:
    other = SyntheticFeed(8, pairs=SOME, start=START, end=END)
    closes = [f.candles("BTCUSDT", HOUR_MS, START_MS, END_MS).close for f in (feed, other)]
    correlation = np.corrcoef(np.diff(np.log(np.array(closes)), axis=1))[0, 1]
    # Two standard errors and a bit of the correlation of unrelated series of this length.
    assert abs(correlation) < 0.1


def test_minutes_of_two_pairs_share_the_market_and_have_their_own(feed: SyntheticFeed) -> None:
    span = (START_MS, START_MS + 20 * DAY_MS)
    closes = [feed.candles(symbol, MINUTE_MS, *span).close for symbol in ("BTCUSDT", "DOGEUSDT")]
    correlation = np.corrcoef(np.diff(np.log(np.array(closes)), axis=1))[0, 1]
    # Of the traits 0.95 x 0.66; jumps, volatility of single minutes and rounding to the tick
    # take some away. With draws in common it would be 0.59.
    assert 0.42 < correlation < 0.54


@pytest.mark.parametrize("pair", DEFAULT_PAIRS)
def test_candles_are_sound_and_on_the_tick(pair: str) -> None:
    feed = SyntheticFeed(3, pairs=[pair], start=START, end=START + timedelta(days=3))
    market = feed.markets[0]
    minutes = feed.candles(market.symbol, MINUTE_MS, *feed.span_ms)
    assert len(minutes) == 3 * 1440
    assert np.all(np.diff(minutes.open_time_ms) == MINUTE_MS)
    assert np.array_equal(minutes.open[1:], minutes.close[:-1])
    assert np.all(minutes.high >= np.maximum(minutes.open, minutes.close))
    assert np.all(minutes.low <= np.minimum(minutes.open, minutes.close))
    assert np.all(minutes.low > 0.0)
    decimals = -int(market.price_tick.as_tuple().exponent)
    for column in (minutes.open, minutes.high, minutes.low, minutes.close):
        assert np.array_equal(np.round(column, decimals), column)
    amounts = minutes.volume / float(market.amount_step)
    assert np.all(minutes.volume > 0.0)
    assert amounts == pytest.approx(np.rint(amounts), rel=1e-9)
    # The tick must be small beside the price, or the path would be made of steps.
    assert float(market.price_tick) / minutes.close.min() < 0.001


def test_the_default_markets_have_binances_filters() -> None:
    feed = SyntheticFeed(1, start=START, end=END)
    filters = {m.base: (m.price_tick, m.amount_step) for m in feed.markets}
    assert list(filters) == [pair.removesuffix("/USDT") for pair in DEFAULT_PAIRS]
    assert filters["BTC"] == (Decimal("0.01"), Decimal("0.00001"))
    assert filters["ETH"] == (Decimal("0.01"), Decimal("0.0001"))
    assert filters["SOL"] == (Decimal("0.01"), Decimal("0.001"))
    assert filters["DOGE"] == (Decimal("0.00001"), Decimal(1))


def test_only_whole_candles_within_the_span(feed: SyntheticFeed) -> None:
    protocol: Feed = feed
    assert protocol.span_ms == (START_MS, END_MS)
    far = (START_MS - 400 * DAY_MS, END_MS + 400 * DAY_MS)
    assert feed.candles("BTCUSDT", MINUTE_MS, *far).open_time_ms[[0, -1]].tolist() == [
        START_MS,
        END_MS - MINUTE_MS,
    ]
    assert feed.candles("BTCUSDT", DAY_MS, *far).open_time_ms[-1] == START_MS + 74 * DAY_MS
    assert feed.finest("BTCUSDT", END_MS) is None
    assert feed.finest("BTCUSDT", START_MS - 1) is None
    assert feed.tape("BTCUSDT", END_MS, END_MS + HOUR_MS) == []
    with pytest.raises(KeyError):
        feed.candles("ETHUSDT", HOUR_MS, *far)


@pytest.mark.parametrize(
    ("pairs", "start", "end", "said"),
    [
        (["LUNA/USDT"], START, END, "has no LUNA/USDT; it has BTC/USDT, ETH/USDT"),
        ([], START, END, "has no empty list of pairs"),
        (SOME, END, START, "its start must come before its end"),
        (SOME, datetime(2016, 5, 1, tzinfo=UTC), END, "starts on 2017-01-02"),
        (SOME, START.replace(tzinfo=None), END, "the start must carry a time zone"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(
    pairs: list[str], start: datetime, end: datetime, said: str
) -> None:
    with pytest.raises(FeedError, match=said) as error:
        SyntheticFeed(1, pairs=pairs, start=start, end=end)
    assert "\n" not in str(error.value)


@given(
    steps=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=300),
    keep=st.floats(0.01, 0.9999),
)
def test_fading_sum_equals_its_slow_twin(steps: list[float], keep: float) -> None:
    slow, total = [], 0.0
    for step in steps:
        total = keep * total + step
        slow.append(total)
    assert fading_sum(np.array(steps), keep) == pytest.approx(slow, rel=1e-9, abs=1e-6)


@given(cut=st.integers(1, 3000))
def test_states_do_not_depend_on_what_follows(cut: int) -> None:
    hours = hours_until(START_MS)[:3000]
    whole, part = market_factor(5, hours), market_factor(5, hours[:cut])
    assert np.array_equal(whole.level[:cut], part.level)
    assert np.array_equal(whole.volatility[:cut], part.volatility)
    assert np.array_equal(regimes(5, hours)[:cut], regimes(5, hours[:cut]))


def test_volatility_wanders_as_far_and_as_long_as_stated() -> None:
    hours = np.arange(200_000, dtype=np.int64)
    path = autoregression(99, hours, half_life=10.0, deviation=0.3)
    assert path.std() == pytest.approx(0.3, rel=0.05)
    assert np.corrcoef(path[10:], path[:-10])[0, 1] == pytest.approx(0.5, abs=0.05)


def test_all_regimes_come_and_go() -> None:
    path = regimes(1, hours_until(int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000)))
    shares = [float(np.mean(path == regime)) for regime in Regime]
    assert all(0.01 < share < 0.7 for share in shares)
    assert np.all(np.flatnonzero(np.diff(path)) % 24 == 23)


def test_crashes_fall_squeezes_rise_jumps_do_both() -> None:
    random = np.random.default_rng(1)
    draws = random.uniform(0.001, 0.999, (500, 8))
    for kind, share_up in ((CRASH, 0.0), (SQUEEZE, 1.0), (JUMP, JUMP.share_up)):
        moves = [event(kind, row)[0] for row in draws]
        worst = np.array([float(m[: kind.longest_hours].sum()) for m in moves])
        assert np.mean(worst > 0.0) == pytest.approx(share_up, abs=0.06)
        assert np.abs(np.array([m.sum() for m in moves])).max() <= kind.largest_size * 1.6


def test_no_rebound_is_certain_after_a_crash() -> None:
    random = np.random.default_rng(2)
    kept = []
    for row in random.uniform(0.001, 0.999, (1000, 8)):
        moves, _ = event(CRASH, row)
        length = 1 + int(row[2] * CRASH.longest_hours)
        kept.append(float(moves[length:].sum() / -moves[:length].sum()))
    assert -0.61 < min(kept) < -0.3
    assert 0.9 < max(kept) < 1.01
    assert 0.1 < np.mean(np.array(kept) < 0.0) < 0.4


def test_an_event_at_the_end_is_cut_not_moved() -> None:
    hours = np.arange(10_000, dtype=np.int64)
    rates = np.full(10_000, 50.0)
    whole = scheduled(CRASH, 1, "test", hours, rates)
    for cut in (1000, 5000, 10_000 - EVENT_HOURS // 2):
        part = scheduled(CRASH, 1, "test", hours[:cut], rates[:cut])
        assert all(np.array_equal(a[:cut], b) for a, b in zip(whole, part, strict=True))


def turnover(candles: Candles) -> float:
    return float(np.sum(candles.volume * candles.close))


def test_volume_is_higher_in_the_american_afternoon_and_on_weekdays(feed: SyntheticFeed) -> None:
    hours = feed.candles("BTCUSDT", HOUR_MS, START_MS, START_MS + 70 * DAY_MS)
    of_day = hours.open_time_ms // HOUR_MS % 24
    log_volume = np.log(hours.volume)
    assert log_volume[of_day == 14].mean() > log_volume[of_day == 4].mean() + 0.3
    weekend = np.isin((hours.open_time_ms // DAY_MS - 4) % 7, [5, 6])
    assert log_volume[weekend].mean() < log_volume[~weekend].mean() - 0.2
