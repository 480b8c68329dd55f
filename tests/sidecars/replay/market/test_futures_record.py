"""Perpetuals from a datadir: what is read, what is refused, which settlements are told."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather

from sidecars.replay.market.columns import FeedError
from sidecars.replay.market.futures import Funding, open_futures
from sidecars.replay.market.timeframes import HOUR_MS
from tests.sidecars.replay.futures_fakes import (
    HOURS,
    settlements,
    write_funding,
    write_perpetual,
)
from tests.sidecars.replay.market_fakes import START_MS, seeded_candles, write_candles

END_MS = START_MS + HOURS * HOUR_MS


def test_reads_what_freqtrade_wrote(tmp_path: Path) -> None:
    candles, marks = write_perpetual(tmp_path, "AAA/USDT", is_old=True)
    write_perpetual(tmp_path, "BBB/USDT", seed=2)
    (tmp_path / "futures" / "CCC_BTC_ETH-1h-futures.feather").touch()  # settled in another coin
    futures = open_futures(tmp_path, None, seed=1)
    assert futures is not None and futures.marked is not None
    assert list(futures.traded.markets) == ["AAAUSDT", "BBBUSDT"]
    rows = futures.traded.klines("AAAUSDT", HOUR_MS, END_MS, start_ms=START_MS, limit=1500)
    assert rows.close.tolist() == candles.close.tolist()
    assert rows.volume.tolist() == candles.volume.tolist()
    told = futures.marked.klines("AAAUSDT", HOUR_MS, END_MS, start_ms=START_MS, limit=1500)
    assert told.close.tolist() == marks.close.tolist()
    times, rates = settlements(HOURS // 8)
    for symbol in ("AAAUSDT", "BBBUSDT"):
        assert futures.funding[symbol].time_ms.tolist() == times
        assert futures.funding[symbol].rate.tolist() == rates
    assert futures.listed_ms == START_MS


def test_pairs_narrow_it_and_a_spot_folder_has_none(tmp_path: Path) -> None:
    write_candles(tmp_path, "AAA/USDT", "1h", seeded_candles(50, HOUR_MS))
    assert open_futures(tmp_path, None, 1) is None
    write_perpetual(tmp_path, "AAA/USDT")
    write_perpetual(tmp_path, "BBB/USDT")
    one = open_futures(tmp_path, ("AAA/USDT", "DDD/USDT"), 1)
    assert one is not None and list(one.traded.markets) == ["AAAUSDT"]
    assert list(one.funding) == ["AAAUSDT"]
    assert open_futures(tmp_path, ("DDD/USDT",), 1) is None


def test_the_mark_price_of_a_candle_that_is_forming_shows_no_future(tmp_path: Path) -> None:
    _, marks = write_perpetual(tmp_path, "AAA/USDT")
    futures = open_futures(tmp_path, None, 1)
    assert futures is not None and futures.marked is not None
    for row in range(40):
        opened = START_MS + (100 + row) * HOUR_MS
        rows = futures.marked.klines("AAAUSDT", HOUR_MS, opened + HOUR_MS // 2, limit=2)
        assert rows.open_time_ms.tolist() == [opened - HOUR_MS, opened]
        assert rows.close[0] == marks.close[99 + row]
        assert rows.open[1] == pytest.approx(marks.open[100 + row], rel=1e-6)
        assert marks.low[100 + row] * 0.9999 <= rows.close[1] <= marks.high[100 + row] * 1.0001


@settings(max_examples=60)
@given(
    count=st.integers(0, 30),
    start=st.none() | st.integers(-10, 320),
    end=st.none() | st.integers(-10, 320),
    now=st.integers(-10, 320),
    limit=st.integers(1, 12),
)
def test_settlements_are_the_naive_ones(
    count: int, start: int | None, end: int | None, now: int, limit: int
) -> None:
    times, rates = [10 * place for place in range(count)], [0.1 * place for place in range(count)]
    history = Funding(np.array(times, dtype=np.int64), np.array(rates, dtype=np.float64))
    wanted = [
        (time, rate)
        for time, rate in zip(times, rates, strict=True)
        if time <= now and (end is None or time <= end) and (start is None or time >= start)
    ]
    expected = wanted[-limit:] if start is None else wanted[:limit]
    assert history.between(start, end, now, limit) == expected


def _garbage(path: Path) -> None:
    path.write_bytes(b"nothing of the kind")


def _backwards(path: Path) -> None:
    write_funding(path.parent, "AAA/USDT", [20, 10], [0.1, 0.2], is_old=False)


def _no_rates(path: Path) -> None:
    seeded = seeded_candles(5, HOUR_MS)
    write_candles(path.parent, "X/USDT", "1h", seeded).rename(path)
    feather.write_feather(feather.read_table(path).drop(["open"]), path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [(_garbage, "cannot read"), (_backwards, "out of order"), (_no_rates, "expected columns date")],
)
def test_what_cannot_be_funding_is_refused(
    damage: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    write_perpetual(tmp_path, "AAA/USDT")
    damage(tmp_path / "futures" / "AAA_USDT_USDT-1h-funding_rate.feather")
    with pytest.raises(FeedError, match=said):
        open_futures(tmp_path, None, 1)


def test_recorded_perpetuals(market_data: Path) -> None:
    """A week of real ones: three settlements a day, a mark price beside the traded one."""
    futures = open_futures(market_data / "binance", ("BTC/USDT",), 1)
    assert futures is not None and futures.marked is not None
    start_ms, now_ms = 1_717_200_000_000, 1_717_804_800_000  # 2024-06-01 and -08
    told = futures.funding["BTCUSDT"].between(start_ms, now_ms - 1, now_ms, 1000)
    assert len(told) == 21 and all(abs(rate) < 0.003 for _, rate in told)
    traded, marked = (
        view.klines("BTCUSDT", HOUR_MS, now_ms, start_ms=start_ms, end_ms=now_ms - 1, limit=500)
        for view in (futures.traded, futures.marked)
    )
    assert len(traded) == len(marked) == 7 * 24
    assert np.all(np.abs(marked.close / traded.close - 1.0) < 0.005)
