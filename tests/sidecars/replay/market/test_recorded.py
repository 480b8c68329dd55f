"""A feed from a datadir: what is read, what is refused, what is dropped with a count."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather

from sidecars.replay.market.columns import FeedError, empty, take
from sidecars.replay.market.recorded import RecordedFeed, drop_odd_rows, merge
from sidecars.replay.market.resample import resample
from sidecars.replay.market.tape import Tape
from sidecars.replay.market.timeframes import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    TIMEFRAMES_MS,
    WEEK_MS,
    close_times,
)
from sidecars.replay.model import Candles
from tests.sidecars.replay.market_fakes import (
    START_MS,
    naive_resample,
    same,
    seeded_candles,
    without,
    write_candles,
)

FIVE_MS = 5 * MINUTE_MS


def test_reads_what_freqtrade_wrote(tmp_path: Path) -> None:
    five, hours = seeded_candles(600, FIVE_MS), seeded_candles(100, HOUR_MS, seed=2)
    write_candles(tmp_path, "AAA/USDT", "5m", five)
    write_candles(tmp_path, "BBB/USDT", "1h", hours)
    (tmp_path / "AAA_USDT_USDT-1h-futures.feather").touch()
    (tmp_path / "notes.txt").touch()
    feed = RecordedFeed(tmp_path)
    assert [market.symbol for market in feed.markets] == ["AAAUSDT", "BBBUSDT"]
    assert feed.span_ms == (START_MS, START_MS + 100 * HOUR_MS)
    assert same(feed.candles("AAAUSDT", FIVE_MS, START_MS, START_MS + 10**12), five)
    part = feed.candles("AAAUSDT", FIVE_MS, START_MS + 1, START_MS + 3 * FIVE_MS)
    assert same(part, take(five, slice(1, 3)))
    assert len(feed.candles("AAAUSDT", MINUTE_MS, *feed.span_ms)) == 0
    assert len(feed.candles("BBBUSDT", FIVE_MS, *feed.span_ms)) == 0
    assert feed.notes == ()
    with pytest.raises(KeyError):
        feed.candles("CCCUSDT", FIVE_MS, *feed.span_ms)


def test_pairs_and_timeframes_narrow_the_feed(tmp_path: Path) -> None:
    for pair in ("AAA/USDT", "BBB/USDT"):
        write_candles(tmp_path, pair, "5m", seeded_candles(50, FIVE_MS))
        write_candles(tmp_path, pair, "1h", seeded_candles(50, HOUR_MS))
    feed = RecordedFeed(tmp_path, pairs=["BBB/USDT"], timeframes=["1h"])
    assert [market.symbol for market in feed.markets] == ["BBBUSDT"]
    assert len(feed.candles("BBBUSDT", FIVE_MS, *feed.span_ms)) == 0


def scrambled(path: Path) -> None:
    path.write_bytes(b"not a feather file")


def unsorted(path: Path) -> None:
    candles = take(seeded_candles(9, HOUR_MS), np.array([0, 1, 3, 2, 4], dtype=np.int64))
    write_candles(path.parent, "AAA/USDT", "1h", candles)


def doubled(path: Path) -> None:
    candles = take(seeded_candles(9, HOUR_MS), np.array([0, 1, 1, 2], dtype=np.int64))
    write_candles(path.parent, "AAA/USDT", "1h", candles)


def rowless(path: Path) -> None:
    write_candles(path.parent, "AAA/USDT", "1h", empty())


def without_a_column(path: Path) -> None:
    dates = pa.array([START_MS]).cast(pa.timestamp("ms", "UTC"))
    feather.write_feather(pa.table({"when": dates}), path)


def dates_as_text(path: Path) -> None:
    feather.write_feather(pa.table({"date": ["2024-01-01"]}), path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (scrambled, "cannot read .*AAA_USDT-1h.feather: .*; expected a feather file"),
        (unsorted, "1 rows out of order or double, the first at 2024-01-01T02:00.*expected rising"),
        (doubled, "1 rows out of order or double, the first at 2024-01-01T01:00"),
        (rowless, "AAA_USDT-1h.feather has no rows; expected candles"),
        (without_a_column, "cannot read .*AAA_USDT-1h.feather.*expected a feather file with date"),
        (dates_as_text, "column date holds (large_)?string; expected timestamps"),
    ],
)
def test_a_broken_file_is_refused_when_it_is_opened(
    tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(tmp_path / "AAA_USDT-1h.feather")
    with pytest.raises(FeedError, match=said) as error:
        RecordedFeed(tmp_path)
    assert "\n" not in str(error.value)


def test_missing_folder_empty_folder_unknown_pair_unknown_timeframe(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"no folder .*nowhere; expected a freqtrade datadir"):
        RecordedFeed(tmp_path / "nowhere")
    with pytest.raises(FeedError, match=r"no candles in .*; expected files like BTC_USDT-1h"):
        RecordedFeed(tmp_path)
    write_candles(tmp_path, "AAA/USDT", "1h", seeded_candles(9, HOUR_MS))
    with pytest.raises(FeedError, match=r"no candles of \['ZZZ/USDT'\] in .*; it has AAA/USDT"):
        RecordedFeed(tmp_path, pairs=["AAA/USDT", "ZZZ/USDT"])
    with pytest.raises(FeedError, match=r"timeframes \['7m'\] are not known; expected some of 1m"):
        RecordedFeed(tmp_path, timeframes=["7m"])
    with pytest.raises(FeedError, match=r"no candles in .*\(5m\)"):
        RecordedFeed(tmp_path, timeframes=["5m"])


def spoiled(candles: Candles, column: str, row: int, value: float) -> Candles:
    columns = {name: getattr(candles, name).copy() for name in candles.__slots__}
    columns[column][row] = value
    return Candles(**columns)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("close", np.nan),
        ("open", np.inf),
        ("low", 0.0),
        ("low", -1.0),
        ("high", 1.0),
        ("low", 1e6),
        ("volume", -1.0),
        ("volume", np.nan),
    ],
)
def test_impossible_rows_are_dropped_and_counted(
    tmp_path: Path, column: str, value: float, caplog: pytest.LogCaptureFixture
) -> None:
    candles = seeded_candles(40, HOUR_MS)
    write_candles(tmp_path, "AAA/USDT", "1h", spoiled(candles, column, 7, value))
    feed = RecordedFeed(tmp_path)
    assert same(feed.candles("AAAUSDT", HOUR_MS, *feed.span_ms), without(candles, 7, 8))
    note = "AAA_USDT-1h.feather: dropped 1 rows with impossible prices or volume"
    assert feed.notes == (note,)
    assert note in caplog.text


def test_rows_off_the_grid_are_dropped_and_counted() -> None:
    candles = spoiled(seeded_candles(10, HOUR_MS), "open_time_ms", 4, START_MS + 4 * HOUR_MS + 1)
    kept, said = drop_odd_rows(candles, HOUR_MS)
    assert same(kept, without(seeded_candles(10, HOUR_MS), 4, 5))
    assert said == "dropped 1 rows that do not open on the 1h grid"


@given(seed=st.integers(0, 30), timeframe=st.sampled_from(sorted(TIMEFRAMES_MS)))
def test_what_is_not_on_record_is_aggregated_from_the_finest(seed: int, timeframe: str) -> None:
    timeframe_ms = TIMEFRAMES_MS[timeframe]
    minutes = seeded_candles(4000, MINUTE_MS, seed=seed)
    merged = merge(None, {MINUTE_MS: minutes}, timeframe_ms)
    slow = naive_resample(minutes, timeframe)
    end_ms = int(minutes.open_time_ms[-1]) + MINUTE_MS
    finished = [row for row in slow if close_times(np.array([row[0]]), timeframe_ms)[0] <= end_ms]
    assert merged.open_time_ms.tolist() == [row[0] for row in finished]
    assert merged.close.tolist() == [row[4] for row in finished]


def test_a_recorded_candle_wins_and_the_best_aggregate_fills_in() -> None:
    minutes = seeded_candles(180, MINUTE_MS, start_ms=START_MS + 3 * HOUR_MS + 30 * MINUTE_MS)
    fives = seeded_candles(12 * 8, FIVE_MS, seed=2)
    hours = without(seeded_candles(4, HOUR_MS, seed=3), 1, 2)
    merged = merge(hours, {MINUTE_MS: minutes, FIVE_MS: fives}, HOUR_MS)
    assert merged.open_time_ms.tolist() == [START_MS + n * HOUR_MS for n in range(8)]
    # 0, 2, 3: on record. 1: a hole there, filled from 5m. 4 and 5: whole in both, 1m is finer.
    # 6: only half of it in 1m. 7: in 5m alone.
    from_fives, _ = resample(fives, HOUR_MS)
    from_minutes, _ = resample(minutes, HOUR_MS)
    expected = [
        hours.close[0],
        from_fives.close[1],
        hours.close[1],
        hours.close[2],
        from_minutes.close[1],
        from_minutes.close[2],
        from_fives.close[6],
        from_fives.close[7],
    ]
    assert merged.close.tolist() == expected


def test_a_listing_makes_a_part_candle_and_an_unfinished_one_is_left_out() -> None:
    hours = seeded_candles(24 * 9, HOUR_MS, start_ms=START_MS + 2 * DAY_MS + 5 * HOUR_MS)
    days = merge(None, {HOUR_MS: hours}, DAY_MS)
    assert days.open_time_ms[0] == START_MS + 2 * DAY_MS
    assert days.open[0] == hours.open[0]
    assert days.open_time_ms[-1] == START_MS + 10 * DAY_MS
    weeks = merge(None, {HOUR_MS: hours}, WEEK_MS)
    assert weeks.open_time_ms.tolist() == [START_MS]


def naive_tape(records: dict[int, Candles]) -> list[tuple[int, int, int]]:
    """(open, close, timeframe) of each candle with no finer one touching it."""
    kept = []
    for timeframe_ms, candles in records.items():
        for opened in candles.open_time_ms.tolist():
            touched = any(
                other < opened + timeframe_ms and opened < other + finer_ms
                for finer_ms, finer in records.items()
                if finer_ms < timeframe_ms
                for other in finer.open_time_ms.tolist()
            )
            if not touched:
                kept.append((opened, opened + timeframe_ms, timeframe_ms))
    return sorted(kept)


spans = st.tuples(st.integers(0, 60), st.integers(1, 40), st.integers(0, 40), st.integers(0, 20))


def record(span: tuple[int, int, int, int], timeframe_ms: int) -> Candles:
    first, count, hole, missing = span
    candles = seeded_candles(count, timeframe_ms, start_ms=START_MS + first * timeframe_ms)
    return without(candles, min(hole, count), min(hole + missing, count))


@given(
    minutes=spans, threes=spans, fives=spans, at=st.integers(-10, 400), length=st.integers(1, 200)
)
def test_the_tape_equals_its_slow_twin(
    minutes: tuple[int, int, int, int],
    threes: tuple[int, int, int, int],
    fives: tuple[int, int, int, int],
    at: int,
    length: int,
) -> None:
    records = {
        MINUTE_MS: record(minutes, MINUTE_MS),
        3 * MINUTE_MS: record(threes, 3 * MINUTE_MS),
        FIVE_MS: record(fives, FIVE_MS),
    }
    tape, slow = Tape.of(records), naive_tape(records)
    start_ms = START_MS + at * MINUTE_MS
    end_ms = start_ms + length * MINUTE_MS
    found = [
        (opened, opened + timeframe_ms, timeframe_ms)
        for timeframe_ms, candles in tape.within(start_ms, end_ms)
        for opened in candles.open_time_ms.tolist()
    ]
    assert found == [c for c in slow if c[0] < end_ms and c[1] > start_ms]
    for timeframe_ms, candles in tape.within(start_ms, end_ms):
        assert np.all(np.diff(candles.open_time_ms) == timeframe_ms)
    here = tape.at(start_ms)
    covering = [c for c in slow if c[0] <= start_ms < c[1]]
    assert (here is None) == (not covering)
    if here is not None:
        assert (int(here[1].open_time_ms[0]), here[0]) == (covering[0][0], covering[0][2])


@pytest.mark.parametrize("pair", ["BTC/USDT", "SUI/USDT"])
def test_recorded_hours_are_the_sum_of_recorded_five_minutes(market_data: Path, pair: str) -> None:
    symbol = pair.replace("/", "")
    start_ms = int(datetime(2024, 2, 1, tzinfo=UTC).timestamp() * 1000)
    end_ms = start_ms + 90 * DAY_MS
    whole = RecordedFeed(market_data / "binance", pairs=[pair])
    fives = RecordedFeed(market_data / "binance", pairs=[pair], timeframes=["5m"])
    on_record = whole.candles(symbol, HOUR_MS, start_ms, end_ms)
    aggregated = fives.candles(symbol, HOUR_MS, start_ms, end_ms)
    assert len(on_record) == 90 * 24
    for name in ("open_time_ms", "open", "high", "low", "close"):
        assert np.array_equal(getattr(on_record, name), getattr(aggregated, name)), name
    assert aggregated.volume == pytest.approx(on_record.volume, rel=1e-9)


def test_odd_rows_of_the_real_record_are_shown(market_data: Path) -> None:
    feed = RecordedFeed(market_data / "binance", pairs=["BTC/USDT"], timeframes=["1h"])
    feed.candles("BTCUSDT", HOUR_MS, *feed.span_ms)
    assert feed.notes == ("BTC_USDT-1h.feather: dropped 43 rows that do not open on the 1h grid",)
