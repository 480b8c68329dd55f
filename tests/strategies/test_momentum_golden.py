"""Golden backtests of Momentum: paths of closes, and the trades that must come out of them.

The paths go up for longs; turned over at the entry's level they are those of shorts.
"""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.strategies.trend_tables import (
    REACH,
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

SPOT, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"
TICK = 2e-4
RUNGS = ((3.0, 0.8), (2.0, 1.0), (1.0, 1.2), (-1.0, 1.5))
# A quiet time longer than the warm-up, then a rise that grows a little with each candle.
QUIET = 556
RISE = [100.0] * QUIET
for number in range(1, 30):
    RISE.append(round(RISE[-1] + 0.02 * number, 4))
SIGNAL = QUIET + 17  # its close is no settlement: it ends 22:00
ENTRY = SIGNAL + 1
PRICE = RISE[SIGNAL]
RISING = rows_of(RISE[:ENTRY])
# All else holds for candles; it is the volume that makes this one the first.
LOUD = (*RISING[SIGNAL][:4], 3 * VOLUME)
UNTIL_ENTRY = [*RISING[:SIGNAL], LOUD]
RISK = 1.5 * wilder_atr(UNTIL_ENTRY)[SIGNAL]


def turned_over(rows: list[Row]) -> list[Row]:
    """Price p becomes 200 - p: the mirror of a market around 100."""
    return [
        (round(200 - o, 4), round(200 - low, 4), round(200 - high, 4), round(200 - c, 4), v)
        for o, high, low, c, v in rows
    ]


def table(*rows: Row, is_short: bool = False) -> dict[str, list[Row]]:
    whole = [*UNTIL_ENTRY, *rows]
    whole += [candle(whole[-1][3], whole[-1][3])] * 4
    return {PERPETUAL: turned_over(whole)} if is_short else {SPOT: whole}


def found_in(folder: Path, *rows: Row, is_short: bool = False) -> Trip:
    """The only trade, that of a short as if it were the long that it mirrors."""
    (trip,) = trips(folder, "Momentum", "specified", table(*rows, is_short=is_short), "1h")
    assert trip.is_short is is_short
    if not is_short:
        return trip
    return Trip(
        trip.enter, round(200 - trip.enter_rate, 4), trip.leave, round(200 - trip.leave_rate, 4),
        trip.reason,
    )  # fmt: skip


def after(*closes: float) -> list[Row]:
    return rows_of([PRICE, *closes])[1:]


def test_the_tables_are_as_they_were_meant() -> None:
    assert (SIGNAL + 1) % 24 == 22
    assert 1.4 < RISK < 2.5


@pytest.mark.parametrize("is_short", [False, True])
def test_the_first_stop_is_one_and_a_half_atr(is_short: bool, tmp_path: Path) -> None:
    plunge = (PRICE, PRICE, PRICE - 10, PRICE - 1, VOLUME)
    found = found_in(tmp_path, plunge, is_short=is_short)
    assert (found.enter, found.enter_rate, found.leave) == (ENTRY, PRICE, ENTRY)
    assert found.reason == "stop_loss"
    assert found.leave_rate == pytest.approx(PRICE - RISK, abs=TICK)


def test_one_percent_of_the_capital_is_lost_at_the_stop(tmp_path: Path) -> None:
    plunge = (PRICE, PRICE, PRICE - 10, PRICE - 1, VOLUME)
    trades = traded(tmp_path, "Momentum", "specified", table(plunge), "1h")
    (trade,) = trades[trades["exit_reason"] == "stop_loss"].to_dict("records")
    # Sized at 0.15 % a side of 10,000; the table costs 0.1 %, and no more than all is staked.
    assert -100.0 < trade["profit_abs"] < -85.0


def ladder(rows: list[Row]) -> float:
    """Slow and obvious: the stop after each closed candle since the entry, the highest of them."""
    atr = wilder_atr(rows)
    stop = PRICE - RISK
    for last in range(ENTRY, len(rows)):
        best = max(PRICE, *(row[1] for row in rows[ENTRY : last + 1]))
        multiple = next(m for above, m in RUNGS if (best - PRICE) / RISK > above)
        stop = max(stop, best - multiple * atr[last])
    return stop


@pytest.mark.parametrize("is_short", [False, True])
@pytest.mark.parametrize("climb", [4, 8, 14])
def test_the_ladder_takes_it(climb: int, is_short: bool, tmp_path: Path) -> None:
    """Up by 0.5 a candle, to different rungs; then one candle falls through any of them."""
    rows = after(*steps(PRICE, (climb, 0.5))[1:])
    top = rows[-1][3]
    found = found_in(tmp_path, *rows, (top, top, PRICE - 10, PRICE, VOLUME), is_short=is_short)
    assert (found.leave, found.reason) == (ENTRY + climb, "trailing_stop_loss")
    assert found.leave_rate == pytest.approx(ladder([*UNTIL_ENTRY, *rows]), abs=TICK)


@pytest.mark.parametrize("is_short", [False, True])
def test_a_gap_through_the_stop_is_left_at_the_open(is_short: bool, tmp_path: Path) -> None:
    gap = candle(PRICE - 6, PRICE - 6)
    found = found_in(tmp_path, candle(PRICE, PRICE), gap, is_short=is_short)
    assert found == Trip(ENTRY, PRICE, ENTRY + 1, round(PRICE - 6, 4), "stop_passed")


def test_72_hours_that_proved_nothing_are_enough(tmp_path: Path) -> None:
    found = found_in(tmp_path, *[candle(PRICE, PRICE)] * 80)
    assert found == Trip(ENTRY, PRICE, ENTRY + 72, PRICE, "time_stop")


def test_what_reached_twice_the_risk_has_all_the_time(tmp_path: Path) -> None:
    """A spike to more than 2 R on the first candle, which the ladder lets live; then nothing."""
    spike = (PRICE, PRICE + 2.1 * RISK, PRICE - 0.1, PRICE + 2 * RISK, VOLUME)
    level = round(PRICE + 2 * RISK, 4)
    spike = (PRICE, round(PRICE + 2.1 * RISK, 4), PRICE - 0.1, level, VOLUME)
    quiet = [candle(level, level, reach=REACH / 5)] * 90
    trades = traded(tmp_path, "Momentum", "specified", table(spike, *quiet), "1h")
    assert "time_stop" not in trades["exit_reason"].tolist()


@pytest.mark.parametrize("is_short", [False, True])
def test_the_cross_back_ends_it(is_short: bool, tmp_path: Path) -> None:
    closes = steps(PRICE, (40, 0.0), (20, -0.02))[1:]
    found = found_in(tmp_path, *after(*closes), is_short=is_short)
    assert found.reason == "ema_cross"
    assert ENTRY + 40 < found.leave < ENTRY + 50


@pytest.mark.parametrize("is_short", [False, True])
def test_a_new_high_that_the_rsi_does_not_share_ends_it(is_short: bool, tmp_path: Path) -> None:
    closes = steps(PRICE, (5, -0.05), (4, 0.08))[1:]
    found = found_in(tmp_path, *after(*closes), is_short=is_short)
    new_high = next(i for i, close in enumerate(closes) if close > PRICE)
    assert found.reason == "rsi_divergence"
    assert (found.leave, found.leave_rate) == (ENTRY + new_high + 1, closes[new_high])


@pytest.mark.parametrize(
    ("signal", "why"),
    [
        (QUIET + 19, "the candle ends at midnight, a settlement"),
        (QUIET + 1, "the rise has only begun: ADX and MACD say nothing yet"),
    ],
)
def test_no_entry(signal: int, why: str, tmp_path: Path) -> None:
    rows = rows_of(RISE)
    rows[signal] = (*rows[signal][:4], 3 * VOLUME)
    assert trips(tmp_path, "Momentum", "specified", {SPOT: rows}, "1h") == [], why


def test_a_pair_that_is_traded_too_little_is_left_alone(tmp_path: Path) -> None:
    rows = [(*row[:4], row[4] / 3) for row in table(*[candle(PRICE, PRICE)] * 80)[SPOT]]
    assert trips(tmp_path, "Momentum", "specified", {SPOT: rows}, "1h") == []


def test_at_most_three_positions(tmp_path: Path) -> None:
    rows = table(*[candle(PRICE, PRICE)] * 75)[SPOT]
    names = [f"{coin}/USDT" for coin in ("BTC", "ETH", "SOL", "AVAX")]
    sizing = {"method": "fixed", "stake_usd": 100.0}
    found = trips(tmp_path, "Momentum", "specified", dict.fromkeys(names, rows), "1h", sizing)
    assert [trip.enter for trip in found] == [ENTRY] * 3


def breakout(*parts: tuple[int, float]) -> list[float]:
    return steps(100.0, (620, 0.0), (1, 0.5), *parts)


def test_donchian_buys_the_highest_close_and_sells_the_lowest(tmp_path: Path) -> None:
    closes = breakout((100, 0.01), (40, 0.3), (10, 0.0), (60, -0.1), (30, -0.2))
    low = next(i for i in range(700, len(closes)) if closes[i] <= min(closes[i - 59 : i + 1]))
    found = trips(tmp_path, "Momentum", "donchian", {SPOT: rows_of(closes)}, "4h")
    assert found[0].enter == 622  # it is higher and higher from there: one trade
    assert found[0].enter_rate == 100.5
    assert (found[0].leave, found[0].reason) == (low + 1, "new_low")


def test_donchian_loses_eight_atr_at_most_but_for_a_gap(tmp_path: Path) -> None:
    rows = rows_of(breakout((1, 0.0)))
    atr = wilder_atr(rows)[621]
    plunge = [(100.5, 100.5, 70.0, 99.0, VOLUME), *[candle(99, 99)] * 4]
    gap = [candle(70.0, 70.0)] * 4
    for more, leave_rate in ((plunge, 100.5 - 8 * atr), (gap, 70.0)):
        (found,) = trips(tmp_path, "Momentum", "donchian", {SPOT: [*rows, *more]}, "4h")
        assert (found.enter, found.leave, found.reason) == (622, 623, "stop_loss")
        assert found.leave_rate == pytest.approx(leave_rate, abs=TICK)


def test_in_a_wild_market_the_bound_is_the_stop(tmp_path: Path) -> None:
    closes = breakout((1, 0.0))
    rows = [candle(old, new, reach=8.0) for old, new in pairwise([closes[0], *closes])]
    rows += [(100.5, 100.5, 1.0, 99.0, VOLUME), *[candle(99, 99)] * 4]
    (found,) = trips(tmp_path, "Momentum", "donchian", {SPOT: rows}, "4h")
    assert (found.leave, found.reason) == (623, "stop_loss")
    assert found.leave_rate == pytest.approx(100.5 * 0.5, abs=TICK)


def test_in_a_wild_hour_specified_stops_at_its_bound(tmp_path: Path) -> None:
    rows = [candle(old, new, reach=8.0) for old, new in pairwise([RISE[0], *RISE[:ENTRY]])]
    rows[SIGNAL] = (*rows[SIGNAL][:4], 3 * VOLUME)
    rows += [(PRICE, PRICE, 1.0, 99.0, VOLUME), *[candle(99, 99)] * 4]
    (found,) = trips(tmp_path, "Momentum", "specified", {SPOT: rows}, "1h")
    assert (found.enter, found.leave, found.reason) == (ENTRY, ENTRY, "stop_loss")
    assert found.leave_rate == pytest.approx(PRICE * 0.85, abs=TICK)
