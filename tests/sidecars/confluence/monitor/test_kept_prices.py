"""Kept prices: one value a day in memory says of days the same as all values would."""

from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.observations import MS_PER_DAY, MS_PER_MINUTE
from sidecars.confluence.monitor.kept_prices import KeptPrices, price_series, rate_series
from sidecars.confluence.monitor.luno import LUNO
from sidecars.confluence.monitor.prices import Rate, RateHistory, polled_closes

DAY_MS = 19_800 * MS_PER_DAY
PRICES, RATES = price_series(LUNO, "BTC/MYR"), rate_series("USDT", "MYR")
# Minutes from one value to the next: kept ones, over the end of a day, and over days.
STEPS = st.lists(st.sampled_from([15, 30, 240, 700, 1425, 1440, 4000]), max_size=40)
CANDLES = st.lists(st.integers(-3, 20), unique=True, max_size=8)


@given(STEPS, CANDLES, st.integers(0, 22))
async def test_days_are_what_every_value_says(
    steps: list[int], candles: list[int], days: int
) -> None:
    kept = KeptPrices(None)
    from_candles = [Rate(4.0 + day / 100, DAY_MS + day * MS_PER_DAY) for day in sorted(candles)]
    moment_ms, values = DAY_MS, []
    for place, step in enumerate(steps):
        moment_ms += step * MS_PER_MINUTE
        value = 5.0 + place / 100
        values.append((moment_ms, value))
        await kept.keep(
            moment_ms, [(PRICES, moment_ms, value, LUNO), (RATES, moment_ms, value, LUNO)]
        )
        kept.rates(RATES, moment_ms)  # what is handed out now is not kept for too long
    kept.use_candle_rates(RATES, from_candles)
    now_ms = max(moment_ms, DAY_MS + days * MS_PER_DAY)
    everything = RateHistory([Rate(value, as_of) for as_of, value in values], from_candles)
    for day_ms in range(DAY_MS - 4 * MS_PER_DAY, now_ms + 1, MS_PER_DAY):
        assert kept.rates(RATES, now_ms).at(day_ms) == everything.at(day_ms)
    assert kept.closes("BTC/MYR") == polled_closes(values)
    latest, expected = kept.rate_now(RATES, now_ms), everything.at(now_ms)
    assert (latest and latest.value) == (expected and expected.value)


async def test_what_is_handed_out_changes_only_with_what_days_say() -> None:
    kept = KeptPrices(None)
    noon_ms = DAY_MS + MS_PER_DAY // 2
    await kept.keep(noon_ms, [(PRICES, noon_ms, 1.0, LUNO), (RATES, noon_ms, 4.0, LUNO)])
    rates, closes = kept.rates(RATES, noon_ms), kept.closes("BTC/MYR")
    later_ms = noon_ms + 15 * MS_PER_MINUTE
    await kept.keep(later_ms, [(PRICES, later_ms, 2.0, LUNO), (RATES, later_ms, 5.0, LUNO)])
    assert kept.rates(RATES, later_ms) is rates
    assert kept.closes("BTC/MYR") is closes
    assert kept.rate_now(RATES, later_ms) == Rate(5.0, later_ms)
    assert kept.rates(RATES, DAY_MS + MS_PER_DAY) is not rates


async def test_one_value_a_day_stays_in_memory() -> None:
    kept = KeptPrices(None)
    for quarter in range(1, 1 + 3 * 96):
        moment_ms = DAY_MS + quarter * 15 * MS_PER_MINUTE
        await kept.keep(moment_ms, [(PRICES, moment_ms, 1.0, LUNO)])
    assert len(kept._days[PRICES].ends) == 3


async def test_a_last_value_that_comes_after_the_day_is_the_days() -> None:
    kept = KeptPrices(None)
    end_ms = DAY_MS + MS_PER_DAY
    await kept.keep(DAY_MS + 1, [(RATES, DAY_MS + 1, 4.0, LUNO)])
    assert kept.rates(RATES, end_ms).at(end_ms) == Rate(4.0, DAY_MS + 1)
    await kept.keep(end_ms + 1_000, [(RATES, end_ms - 2_000, 5.0, LUNO)])
    assert kept.rates(RATES, end_ms + 1_000).at(end_ms) == Rate(5.0, end_ms - 2_000)
