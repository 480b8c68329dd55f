"""Golden trades of each cost model on candles made by hand: what is paid, where stops fill."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.matrix.costs import CostModel
from lab.matrix.fills import gap_rate
from tests.lab.matrix.probe_runs import trades_of, trips
from tests.strategies.candle_tables import Row, flat

FREE, GAP, DELAY = CostModel(0.0), CostModel(0.0, gap=True), CostModel(0.0, delay=True)
BUY: list[Row] = [flat(100, 2), flat(100, 1)]  # said at 0, bought at the open of 1: stop at 95
SELL: list[Row] = [flat(100, 3), flat(100, 1)]  # stop at 105
END: list[Row] = [flat(90, 1)] * 3


def row(opened: float, high: float, low: float, close: float, volume: float = 1) -> Row:
    return (opened, high, low, close, volume)


def test_a_long_stop_that_is_jumped_fills_at_the_open(tmp_path: Path) -> None:
    tables = {
        "JUMP/USDT": [*BUY, row(92, 96, 90, 94), *END],  # opens under 95, comes back over it
        "TOUCH/USDT": [*BUY, row(98, 98, 90, 94), *END],  # falls through 95: no jump
        "ALL/USDT": [*BUY, row(92, 93, 90, 91), *END],  # stays under it: freqtrade takes the open
        "FIRST/USDT": [flat(100, 2), row(100, 100, 90, 96), flat(100, 1), *END],  # as it is bought
    }
    by_stop = (1, 100.0, 2, 95.0, "stop_loss")
    kept = {
        "TOUCH/USDT": by_stop,
        "ALL/USDT": (1, 100.0, 2, 92.0, "stop_loss"),
        "FIRST/USDT": (1, 100.0, 1, 95.0, "stop_loss"),
    }
    assert trips(tmp_path, tables, FREE) == {"JUMP/USDT": by_stop, **kept}
    jumped = (1, 100.0, 2, 92.0, "stop_loss")
    assert trips(tmp_path, tables, GAP) == {"JUMP/USDT": jumped, **kept}


def test_a_stop_that_the_same_candle_raised_was_not_jumped(tmp_path: Path) -> None:
    tables = {
        # 120 raises the stop to 114, over this open of 100; it fills there on the way down.
        "RISE/USDT": [*BUY, row(100, 120, 100, 118), *END],
        # The stop of 114 stands when the next candle opens at 108.
        "LATER/USDT": [*BUY, row(116, 120, 115, 118), row(108, 116, 107, 112), *END],
    }
    first = {"RISE/USDT": (1, 100.0, 2, 114.0, "trailing_stop_loss")}
    at_stop = {"LATER/USDT": (1, 100.0, 3, 114.0, "trailing_stop_loss")}
    at_open = {"LATER/USDT": (1, 100.0, 3, 108.0, "trailing_stop_loss")}
    assert trips(tmp_path, tables, FREE, trails=True) == first | at_stop
    assert trips(tmp_path, tables, GAP, trails=True) == first | at_open


def test_a_short_stop_that_is_jumped_fills_at_the_open(tmp_path: Path) -> None:
    tables = {
        "BTC/USDT:USDT": [*SELL, row(108, 110, 104, 106), *END],
        "ETH/USDT:USDT": [*SELL, row(102, 110, 102, 106), *END],
    }
    at_stop = (1, 100.0, 2, 105.0, "stop_loss")
    assert trips(tmp_path, tables, FREE) == dict.fromkeys(tables, at_stop)
    jumped = (1, 100.0, 2, 108.0, "stop_loss")
    assert trips(tmp_path, tables, GAP) == {"BTC/USDT:USDT": jumped, "ETH/USDT:USDT": at_stop}


def test_a_delay_is_one_candle_of_everything_that_is_decided(tmp_path: Path) -> None:
    ramp = [flat(price, 1) for price in (101.0, 102.0, 103.0, 104.0)]
    tables = {
        "SIGNAL/USDT": [flat(100, 2), *ramp, flat(105, 4), flat(106, 1), flat(107, 1), *END],
        "SIGHT/USDT": [flat(100, 2), *ramp, flat(105, 5), flat(106, 1), flat(107, 1), *END],
        "STOP/USDT": [*BUY, *[flat(100, 1)] * 2, row(98, 98, 90, 94), *END],
    }
    assert trips(tmp_path, tables, FREE) == {
        "SIGNAL/USDT": (1, 101.0, 6, 106.0, "exit_signal"),
        "SIGHT/USDT": (1, 101.0, 6, 106.0, "seen"),
        "STOP/USDT": (1, 100.0, 4, 95.0, "stop_loss"),
    }
    assert trips(tmp_path, tables, DELAY) == {
        "SIGNAL/USDT": (2, 102.0, 7, 107.0, "exit_signal"),
        "SIGHT/USDT": (2, 102.0, 7, 107.0, "seen"),
        "STOP/USDT": (2, 100.0, 4, 95.0, "stop_loss"),  # a stop rests: it does not wait
    }


def test_delay_and_gap_together(tmp_path: Path) -> None:
    tables = {"JUMP/USDT": [*BUY, flat(100, 1), row(92, 96, 90, 94), *END]}
    both = CostModel(0.0, gap=True, delay=True)
    assert trips(tmp_path, tables, both) == {"JUMP/USDT": (2, 100.0, 3, 92.0, "stop_loss")}


@pytest.mark.parametrize("bps", [0.0, 20.0])
def test_every_fill_pays_fee_and_slippage(bps: float, tmp_path: Path) -> None:
    cost = CostModel(0.1, bps)
    rows = [flat(100, 2), flat(100, 1), flat(110, 4), flat(110, 1), *END]
    trade = trades_of(tmp_path, {"BTC/USDT": rows}, cost).iloc[0]
    paid = 0.001 + bps / 10_000
    by_hand = 110 * (1 - paid) / (100 * (1 + paid)) - 1
    assert trade["profit_ratio"] == pytest.approx(by_hand, abs=1e-8)


PRICES = st.floats(0.01, 1e5)


@settings(max_examples=60)
@given(stop=PRICES, opened=PRICES, rate=PRICES, is_short=st.booleans())
def test_a_gap_never_helps_and_shorts_mirror_longs(
    stop: float, opened: float, rate: float, is_short: bool
) -> None:
    filled = gap_rate(stop, opened, rate, is_short=is_short)
    assert filled in {rate, opened}
    assert filled >= rate if is_short else filled <= rate
    if filled != rate:
        assert opened > stop if is_short else opened < stop
    mirrored = gap_rate(-stop, -opened, -rate, is_short=not is_short)
    assert mirrored == -filled
