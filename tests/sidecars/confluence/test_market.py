import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecars.confluence.candles import EMPTY, MS_PER_DAY, DailyCandles
from sidecars.confluence.indicators import relative_strength
from sidecars.confluence.market import Market, market_index, read_market
from tests.sidecars.confluence.local_binance import FIRST_DAY_MS, seeded_candles, without_days

Members = dict[str, DailyCandles]


def three_members(days: int) -> Members:
    """One from the start, one listed later, one with a hole and an end."""
    return {
        "A/USDT": seeded_candles(1, days),
        "B/USDT": seeded_candles(2, max(days - 40, 0), FIRST_DAY_MS + 40 * MS_PER_DAY),
        "C/USDT": without_days(seeded_candles(3, days - 10), 60, 65),
    }


def index_by_hand(members: Members) -> dict[int, tuple[float, int]]:
    """{open_time_ms: (level, members)}, day by day from dictionaries."""
    closes = {pair: {row[0]: row for row in candles.rows()} for pair, candles in members.items()}
    days = sorted({day for rows in closes.values() for day in rows})
    result: dict[int, tuple[float, int]] = {}
    for day in days:
        weighted = weights = 0.0
        count = 0
        for pair in sorted(members):
            rows = closes[pair]
            before = [day - back * MS_PER_DAY for back in range(1, 31)]
            if day not in rows or any(moment not in rows for moment in before):
                continue
            weight = sum(rows[moment][4] * rows[moment][5] for moment in before) / 30
            weighted += weight * (rows[day][4] / rows[before[0]][4] - 1)
            weights += weight
            count += 1
        if count:
            level, _ = result.get(day - MS_PER_DAY, (100.0, 0))
            result[day] = (level * (1 + weighted / weights), count)
    return result


def test_the_index_equals_the_twin() -> None:
    members = three_members(150)
    index = market_index(members)
    expected = index_by_hand(members)
    assert index.open_time_ms.tolist() == list(expected)
    np.testing.assert_allclose(index.level, [level for level, _ in expected.values()], rtol=1e-9)
    assert index.members.tolist() == [count for _, count in expected.values()]
    assert set(index.members.tolist()) == {1, 2, 3}


def test_no_weight_knows_the_return_it_weighs() -> None:
    members = three_members(120)
    last = members["A/USDT"]
    last.volume[-1] *= 1e6
    np.testing.assert_array_equal(
        market_index(members).level, market_index(three_members(120)).level
    )


def test_members_that_are_not_there_change_no_digit() -> None:
    members = three_members(100)
    more = {**members, **{f"Z{number}/USDT": EMPTY for number in range(30)}}
    np.testing.assert_array_equal(market_index(more).level, market_index(members).level)


def test_days_without_members_are_a_hole_and_the_level_starts_anew() -> None:
    members = {"A/USDT": without_days(seeded_candles(1, 300), 100, 105)}
    index = market_index(members)
    days = ((index.open_time_ms - FIRST_DAY_MS) // MS_PER_DAY).tolist()
    assert days == [*range(30, 100), *range(135, 300)]
    after = market_index({"A/USDT": DailyCandles.from_rows(seeded_candles(1, 300).rows()[105:])})
    np.testing.assert_array_equal(index.level[70:], after.level)


def test_weekly_rsi_uses_completed_weeks_only() -> None:
    candles = seeded_candles(1, 400)
    market = read_market("A/USDT", candles, {"A/USDT": candles})
    weekly = market.readings["market_weekly_rsi"]
    index = market_index({"A/USDT": candles})
    sundays = [
        row
        for row, day in enumerate(index.open_time_ms.tolist())
        if np.datetime64(day, "ms").astype("datetime64[D]").item().isoweekday() == 7
    ]
    expected = relative_strength(index.level[sundays])
    first = int(np.searchsorted(market.open_time_ms, index.open_time_ms[0]))
    for place, row in enumerate(sundays[:-1]):
        # From its Sunday to the Saturday after: known at Sunday's close, held for six days more.
        held = weekly[first + row : first + row + 7]
        np.testing.assert_array_equal(held, np.full(7, expected[place]))


@settings(max_examples=40)
@given(cut=st.integers(0, 330))
def test_the_future_changes_nothing(cut: int) -> None:
    members = three_members(330)
    moment = FIRST_DAY_MS + cut * MS_PER_DAY
    whole = read_market("A/USDT", members["A/USDT"], members)
    kept = {pair: candles.before(moment) for pair, candles in members.items()}
    part = read_market("A/USDT", kept["A/USDT"], kept)
    days = part.open_time_ms
    expected = whole.on(days)
    for name, values in part.on(days).items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    last = int(days[-1]) if len(days) else 0
    assert part.troubles == {day: why for day, why in whole.troubles.items() if day <= last}


def test_who_is_missing_is_said_on_the_day_it_goes() -> None:
    members = three_members(150)
    market: Market = read_market("C/USDT", members["C/USDT"], members)
    gone = {(day - FIRST_DAY_MS) // MS_PER_DAY: why for day, why in market.troubles.items()}
    said = ("BTC trend without C/USDT", "market index without C/USDT")
    assert gone == {60: said, 140: said}
    assert np.isnan(market.readings["btc_price"][60])
