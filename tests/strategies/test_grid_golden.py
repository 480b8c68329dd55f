"""Golden backtests of GridTrader: candles written by hand, the orders that must come out, and why.

Steps of 1 USD around 100, eight lots of 100 USD at most, 0.1 % fee: capital 800 USD.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aquatrade.grid.booking import Fill, begun, booked, released
from aquatrade.grid.play import opened, step
from aquatrade.grid.spec import GridSpec
from aquatrade.grid.state import GridState
from tests.strategies.grid_tables import (
    FEE_RATE,
    FIRST,
    HAND,
    PAIR,
    WARM_HOURS,
    Row,
    backtest,
    cash_of,
    orders_of,
    rows_of,
    wobbling_hours,
    write_candles,
)

CRASH = (100, 100, 99, 98, 97, 96, 95, 94, 93, 92)
STOPPED_AT = 81.0  # 8.385 units that cost 800.80: under 81.3 more than 120 USD are lost


def lots_cost() -> tuple[float, float]:
    """(units, cost) of eight lots, each bought on its line from 99 to 92."""
    units = sum(100.0 / price for price in range(92, 100))
    return units, 8 * 100.0 * (1 + FEE_RATE)


def test_a_range_is_sold_one_line_above_each_buy(tmp_path: Path) -> None:
    """Down two lines, up five, down two again: three round trips, then two lots are left."""
    opens = (100, 100, 99, 98.5, 97.9, 98, 99, 100, 101, 102, 101.5, 100.9, 100.8, 102, 101, 101)
    trades = backtest(tmp_path, {PAIR: rows_of(*opens)}, HAND)
    assert orders_of(trades) == [
        (2, "buy", 99.0, "specified"),  # the first buy opens the trade: its tag is the preset
        (4, "buy", 98.0, "L-2"),
        (6, "sell", 99.0, "L-2"),
        (7, "sell", 100.0, "L-1"),  # nothing is held: the trade closes, the grid goes on
        (11, "buy", 100.92, "specified"),  # line 101, crossed on the way up; the candle's high
        (13, "sell", 102.0, "L1"),
        (14, "buy", 101.0, "specified"),
    ]
    assert trades["exit_reason"].tolist() == ["grid_sell_L-1", "grid_sell_L1", "force_exit"]
    # By hand: 100 USD of coins less the fees of both sides, three times.
    pairs = ((98.0, 99.0), (99.0, 100.0), (100.92, 102.0))
    earned = sum(100 / low * high * (1 - FEE_RATE) - 100 * (1 + FEE_RATE) for low, high in pairs)
    closed = trades[trades["exit_reason"] != "force_exit"]
    assert closed["profit_abs"].sum() == pytest.approx(earned, abs=1e-4)
    assert cash_of(trades) == pytest.approx(trades["profit_abs"].sum(), abs=1e-4)


def test_a_crash_fills_the_grid_and_then_stops_it(tmp_path: Path) -> None:
    """The most that a grid can lose without a gap: 15 % of 800 USD, to the candle."""
    rows = rows_of(*CRASH, 88, 82, STOPPED_AT, 80, 80)
    trades = backtest(tmp_path, {PAIR: rows}, HAND)
    found = orders_of(trades)
    assert [order[1:3] for order in found[:8]] == [
        ("buy", float(price)) for price in range(99, 91, -1)
    ]
    assert found[8:] == [(12, "sell", STOPPED_AT, "grid_stop")]
    units, cost = lots_cost()
    lost = cost - units * STOPPED_AT * (1 - FEE_RATE)
    assert lost > 120.0 > cost - units * 82.0 * (1 - FEE_RATE)
    assert trades["profit_abs"].tolist() == [pytest.approx(-lost, abs=1e-3)]


def test_a_gap_through_the_stop_is_sold_where_it_ends(tmp_path: Path) -> None:
    units, cost = lots_cost()
    trades = backtest(tmp_path, {PAIR: [*rows_of(*CRASH), *rows_of(40, 40)]}, HAND)
    lost = cost - units * 40.0 * (1 - FEE_RATE)
    assert trades["profit_abs"].tolist() == [pytest.approx(-lost, abs=1e-3)]
    assert lost < cost == pytest.approx(800.8)


def test_a_fall_inside_a_candle_is_stopped_by_freqtrade(tmp_path: Path) -> None:
    """Nobody counts the grid between two candles: 40 % under the first entry, at 59.40."""
    trades = backtest(tmp_path, {PAIR: rows_of(*CRASH, 92, 40, 40)}, HAND)
    units, cost = lots_cost()
    lost = cost - units * 59.4 * (1 - FEE_RATE)
    assert trades["exit_reason"].tolist() == ["stop_loss"]
    assert trades["profit_abs"].tolist() == [pytest.approx(-lost, abs=1e-3)]


def test_a_rebalance_keeps_lots_and_uses_up_levels(tmp_path: Path) -> None:
    """Four lots, then 5 % down in one candle: four lines at once make it full. Laid anew at 91."""
    opens = (100, 100, 99, 98, 97, 96, 91, 91, 90, 89, 94, 94, 96, 100, 100.4)
    trades = backtest(tmp_path, {PAIR: rows_of(*opens)}, HAND)
    assert orders_of(trades) == [
        (2, "buy", 99.0, "specified"),
        (3, "buy", 98.0, "L-2"),
        (4, "buy", 97.0, "L-3"),
        (5, "buy", 96.0, "L-4"),
        (6, "buy", 91.02, "L-5_L-6_L-7_L-8"),  # the candle's high, under their mean of 93.5
        # Laid anew around 91: no lot is free. Each old lot goes over its own line; the candles'
        # lows are above the means of the lines that were crossed.
        (10, "sell", 93.98, "L-8@0_L-7@0"),
        (12, "sell", 95.98, "L-6@0_L-5@0"),
        (13, "sell", 99.98, "L-4@0_L-3@0_L-2@0_L-1@0"),
    ]


@pytest.mark.parametrize(
    ("hours", "orders"),
    [
        (wobbling_hours(WARM_HOURS + 80, share=0.0002), 0),  # it moves 0.5 % a year
        (wobbling_hours(WARM_HOURS + 80, share=0.3), 0),  # no rest: 25 % in a week
        (wobbling_hours(WARM_HOURS + 80), 1),
    ],
    ids=["too quiet", "no consolidation", "fit"],
)
def test_a_grid_opens_only_where_the_market_suits_it(
    tmp_path: Path, hours: list[Row], orders: int
) -> None:
    trades = backtest(tmp_path, {PAIR: rows_of(100, 100, 99, 99, 99)}, HAND, hours)
    assert len(orders_of(trades)) == orders


def test_a_step_under_four_fees_opens_no_grid(tmp_path: Path) -> None:
    small = {**HAND, "spacing_pct": 0.4}
    assert backtest(tmp_path, {PAIR: rows_of(100, 100, 99, 98)}, small).empty


def test_forty_levels_are_split_over_the_pairs(tmp_path: Path) -> None:
    """Two armed levels for two pairs: of the four lines of a fall each buys the nearest."""
    tables = {PAIR: rows_of(100, 100, 95.6, 95.6), "ETH/USDT": rows_of(100, 100, 95.6, 95.6)}
    trades = backtest(tmp_path, tables, {**HAND, "armed_levels": 2})
    for pair in tables:
        assert orders_of(trades, pair)[0][2] == pytest.approx(95.62)
        assert trades[trades["pair"] == pair]["orders"].item()[0]["cost"] < 101.0


def test_seed_and_take_profit(tmp_path: Path) -> None:
    """Half of the lots are bought at once and sold on the lines above; +1 % of 800 USD ends it."""
    grid = {**HAND, "seed_inventory": True, "take_profit_pct": 1.0}
    trades = backtest(tmp_path, {PAIR: rows_of(100, 101, 102, 103.2, 103.2)}, grid)
    assert [order[1:] for order in orders_of(trades)[:2]] == [
        ("buy", 100.0, "specified"),
        ("sell", 101.0, "L0"),
    ]
    assert "grid_take_profit" in trades["exit_reason"].tolist()
    assert trades[trades["exit_reason"] == "grid_take_profit"]["profit_abs"].item() > 8.0


def naive_profit(opens: list[float], spec: GridSpec) -> float:
    """The grid itself along the opens, each order filled as freqtrade fills it in the candle."""
    state: GridState = opened(spec, opens[0])
    cash = 0.0
    for number, (price, end) in enumerate(zip(opens, [*opens[1:], opens[-1]], strict=True)):
        state, wish = step(state, price, price, 40)
        if wish is None:
            continue
        high, low = round(max(price, end) + 0.02, 4), round(min(price, end) - 0.02, 4)
        if wish.side == "buy":
            rate = min(wish.price, high)
            fill = Fill(
                str(number), "buy", wish.stake / rate, wish.stake * (1 + FEE_RATE), rate, "", ""
            )
            cash -= fill.value
        else:
            rate = max(wish.price, low)
            value = wish.amount * rate * (1 - FEE_RATE)
            fill = Fill(str(number), "sell", wish.amount, value, rate, wish.tag, "")
            cash += value
        state = released(booked(begun(state, wish), fill))
    return cash + state.inventory * opens[-1] * (1 - FEE_RATE)


def test_a_seeded_range_earns_what_the_grid_alone_says(tmp_path: Path) -> None:
    waves = [4 * ((number * 7919 % 101) / 101 - 0.5) + number % 7 * 0.1 for number in range(240)]
    opens = [100.0, 100.0, *(round(100 + wave, 2) for wave in waves)]
    trades = backtest(tmp_path, {PAIR: rows_of(*opens)}, HAND)
    spec = GridSpec(**HAND)
    assert len(orders_of(trades)) > 100
    assert trades["profit_abs"].sum() == pytest.approx(naive_profit(opens, spec), abs=0.05)


def test_a_trade_is_rotated_before_it_has_too_many_orders(tmp_path: Path) -> None:
    """A grid that is never flat: sold after ten orders, bought again in the next candle."""
    opens = (100, 100, 97.9, *(97.9, 99.1) * 8, 97.9, 97.9)
    tables = {PAIR: rows_of(*opens)}
    whole = backtest(tmp_path, tables, {**HAND, "rotate_after_orders": None})
    assert [len(orders) for orders in whole["orders"]] == [18]
    trades = backtest(tmp_path, tables, {**HAND, "rotate_after_orders": 10})
    assert [len(orders) for orders in trades["orders"]] == [11, 9]
    assert trades["exit_reason"].tolist() == ["grid_rotation", "force_exit"]
    assert orders_of(trades)[10:12] == [
        (12, "sell", 99.1, "grid_rotation"),  # of lot -1; -2 went over its line in this candle
        (13, "buy", 97.9, "specified"),
    ]
    # The lot is the same to the coin: all that differs is what its own sale and buy brought.
    lot = 100.0 / 97.92
    earned = lot * (99.1 * (1 - FEE_RATE) - 97.9 * (1 + FEE_RATE))
    difference = trades["profit_abs"].sum() - whole["profit_abs"].sum()
    assert difference == pytest.approx(earned, abs=1e-4)


def test_detail_candles_see_more_of_the_way(tmp_path: Path) -> None:
    """The same candle with its minutes: down a line and back up again is a round trip."""
    rows = rows_of(100, 100, 100, 100)
    rows[2] = (100.0, 100.0, 98.9, 100.0, 100.0)
    minutes: list[Row] = rows_of(*[100.0] * 10, 99.5, 98.95, 99.2, 100.0, 100.05, *[100.0] * 10)
    write_candles(tmp_path, PAIR, minutes, FIRST, "1m", timedelta(minutes=1))
    seen: dict[str, Any] = {}
    for detail in (None, "1m"):
        changes: dict[str, Any] = {} if detail is None else {"timeframe_detail": detail}
        trades = backtest(tmp_path, {PAIR: rows}, HAND, **changes)
        seen[str(detail)] = [order[1] for order in orders_of(trades)]
    assert seen == {"None": [], "1m": ["buy", "sell"]}
