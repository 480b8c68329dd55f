"""Golden backtests of SmaTrend: paths of closes, and the trades that must come out of them.

The entries are found the slow way; what happens after them is written by hand.
"""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.strategies.trend_tables import (
    FEE_RATE,
    VOLUME,
    Row,
    Trip,
    candle,
    rows_of,
    steps,
    traded,
    trips,
    wilder_atr,
)

PAIR = "BTC/USDT"
# A long quiet time, a slide, and the rise whose golden cross is bought.
QUIET = (560, 0.0)
RISE = steps(100.0, QUIET, (80, -0.1), (70, 0.5))
TICK = 2e-4


def mean(closes: list[float], at: int, candles: int) -> float:
    return sum(closes[at - candles + 1 : at + 1]) / candles


def first_cross(closes: list[float]) -> int:
    """The first candle on which the mean of 50 is above that of 200, after it was not."""
    return next(
        i
        for i in range(601, len(closes))
        if mean(closes, i, 50) > mean(closes, i, 200)
        and mean(closes, i - 1, 50) <= mean(closes, i - 1, 200)
    )


CROSS = first_cross(RISE)
ENTRY = CROSS + 1  # filled at the next open, which is the close of the cross
UNTIL_ENTRY = rows_of(RISE[:ENTRY])
PRICE = RISE[CROSS]
ATR = wilder_atr(UNTIL_ENTRY)[CROSS]


def after(*rows: Row) -> list[Row]:
    return [*UNTIL_ENTRY, *rows]


def climb(candles: int, move: float) -> list[Row]:
    closes = steps(PRICE, (candles, move))
    return rows_of(closes)[1:]


def test_the_cross_is_where_the_tables_need_it() -> None:
    assert 641 < CROSS < 700
    assert mean(RISE, CROSS, 50) > mean(RISE, CROSS, 200)
    assert mean(RISE, CROSS, 600) < PRICE  # the market is up as well
    assert 1.3 < ATR < 1.6


def test_ride_stays_until_the_means_cross_back(tmp_path: Path) -> None:
    closes = RISE[: ENTRY + 1] + steps(RISE[ENTRY], (40, 0.5), (120, -0.25))[1:]
    last = next(
        i for i in range(ENTRY + 1, len(closes)) if mean(closes, i, 50) < mean(closes, i, 200)
    )
    assert trips(tmp_path, "SmaTrend", "ride", {PAIR: rows_of(closes)}, "4h") == [
        Trip(ENTRY, PRICE, last + 1, closes[last], "crossed_below")
    ]


def test_ride_buys_no_cross_while_the_market_is_down(tmp_path: Path) -> None:
    """ETH crosses twice alike; BTC is under its mean of 600 in one table and over it in another."""
    eth = rows_of([*RISE, *steps(RISE[-1], (160, -0.5))[1:]])
    for move, bought in ((-0.01, 0), (0.01, 1)):
        btc = rows_of(steps(100.0, (len(eth) - 1, move)))
        tables = {PAIR: btc, "ETH/USDT": eth}
        found = trips(tmp_path, "SmaTrend", "ride", tables, "4h")
        assert [trip.enter for trip in found if trip.pair == "ETH/USDT"] == [ENTRY] * bought


def test_the_widest_stop_of_ride_is_eight_atr(tmp_path: Path) -> None:
    rows = after(candle(PRICE, PRICE), (PRICE, PRICE, 60.0, 95.0, VOLUME), *[candle(95, 95)] * 3)
    trades = traded(
        tmp_path, "SmaTrend", "ride", {PAIR: rows}, "4h", {"method": "fixed", "stake_usd": 200.0}
    )
    (trade,) = trades[trades["exit_reason"] == "stop_loss"].to_dict("records")
    stop = PRICE - 8 * ATR
    assert trade["close_rate"] == pytest.approx(stop, abs=TICK)
    # The most that one trade can lose without a gap, costs included.
    loss = 1 - stop * (1 - FEE_RATE) / (PRICE * (1 + FEE_RATE))
    assert trade["profit_ratio"] == pytest.approx(-loss, abs=1e-5)


def test_a_gap_through_the_stop_is_sold_at_the_open_it_left(tmp_path: Path) -> None:
    rows = after(candle(PRICE, PRICE), candle(70.0, 70.0), *[candle(70, 70)] * 3)
    assert trips(tmp_path, "SmaTrend", "ride", {PAIR: rows}, "4h") == [
        Trip(ENTRY, PRICE, ENTRY + 1, 70.0, "stop_loss")
    ]


def test_specified_stops_two_atr_under_the_entry_for_two_percent(tmp_path: Path) -> None:
    rows = after(candle(PRICE, PRICE), (PRICE, PRICE, 90.0, 99.0, VOLUME), *[candle(99, 99)] * 3)
    trades = traded(tmp_path, "SmaTrend", "specified_4h", {PAIR: rows}, "4h")
    (trade,) = trades[trades["exit_reason"] == "stop_loss"].to_dict("records")
    assert trade["close_rate"] == pytest.approx(PRICE - 2 * ATR, abs=TICK)
    # Sized at 0.15 % a side; the table costs 0.1 %: a little under 2 % of 10,000.
    assert -200.0 < trade["profit_abs"] < -180.0


def test_specified_gives_back_half_of_the_largest_profit(tmp_path: Path) -> None:
    rows = after(*climb(10, 1.0), (PRICE + 10, PRICE + 10, PRICE - 5, PRICE, VOLUME))
    rows += [candle(PRICE, PRICE)] * 3
    best = max(row[1] for row in rows[ENTRY : ENTRY + 10])
    (found,) = trips(tmp_path, "SmaTrend", "specified_4h", {PAIR: rows}, "4h")
    assert (found.enter, found.leave) == (ENTRY, ENTRY + 10)
    assert found.reason == "trailing_stop_loss"
    assert found.leave_rate == pytest.approx(PRICE + (best - PRICE) / 2, abs=TICK)


def test_under_two_atr_of_profit_nothing_is_given_back(tmp_path: Path) -> None:
    """Up by 1.9 ATR, back to the entry and beyond: out at the initial stop, not at half."""
    top = round(PRICE + 1.9 * ATR - 0.6, 4)
    rows = after(candle(PRICE, top), candle(top, PRICE - 1), (PRICE - 1, PRICE, 90, 99, VOLUME))
    rows += [candle(99, 99)] * 3
    (found,) = trips(tmp_path, "SmaTrend", "specified_4h", {PAIR: rows}, "4h")
    assert found.leave == ENTRY + 2
    assert found.leave_rate == pytest.approx(PRICE - 2 * ATR, abs=TICK)


def test_a_trailed_stop_that_the_open_has_passed_is_left_at_the_open(tmp_path: Path) -> None:
    gap = PRICE + 2.0  # under half of the profit, but over the entry
    rows = after(*climb(10, 1.0), (gap, PRICE + 9, gap - 1, gap, VOLUME), *[candle(gap, gap)] * 3)
    (found,) = trips(tmp_path, "SmaTrend", "specified_4h", {PAIR: rows}, "4h")
    assert found == Trip(ENTRY, PRICE, ENTRY + 10, gap, "stop_passed")


def test_daily_candles_are_traded_alike(tmp_path: Path) -> None:
    rows = after(*climb(10, 1.0), (PRICE + 10, PRICE + 10, PRICE - 5, PRICE, VOLUME))
    rows += [candle(PRICE, PRICE)] * 3
    (found,) = trips(tmp_path, "SmaTrend", "specified_1d", {PAIR: rows}, "1d")
    assert (found.enter, found.leave, found.reason) == (ENTRY, ENTRY + 10, "trailing_stop_loss")


@pytest.mark.parametrize(
    ("preset", "timeframe", "bound", "reach"),
    [
        ("ride", "4h", 0.50, 5.0),
        ("specified_4h", "4h", 0.30, 9.0),
        ("specified_1d", "1d", 0.50, 15.0),
    ],
)
def test_in_a_wild_market_the_bound_is_the_stop(
    preset: str, timeframe: str, bound: float, reach: float, tmp_path: Path
) -> None:
    rows = [candle(old, new, reach=reach) for old, new in pairwise([RISE[0], *RISE[:ENTRY]])]
    rows += [candle(PRICE, PRICE), (PRICE, PRICE, 1.0, 95.0, VOLUME), *[candle(95, 95)] * 3]
    sizing = {"method": "fixed", "stake_usd": 200.0}
    trades = traded(tmp_path, "SmaTrend", preset, {PAIR: rows}, timeframe, sizing)
    (trade,) = trades[trades["exit_reason"] == "stop_loss"].to_dict("records")
    assert trade["close_rate"] == pytest.approx(PRICE * (1 - bound), abs=TICK)
    loss = 1 - (1 - bound) * (1 - FEE_RATE) / (1 + FEE_RATE)
    assert trade["profit_ratio"] == pytest.approx(-loss, abs=1e-5)
