"""The grid of each timeframe against a walk along it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.data.timeframes import candles_within, divides, parse_timeframe

# pandas' own names; origins where weeks and months begin.
FREQUENCIES = {"1m": "1min", "15m": "15min", "4h": "4h", "1d": "1D", "1w": "W-MON", "1M": "MS"}
US = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(FREQUENCIES)),
    st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - aware below
)
def test_the_candle_of_a_moment_is_pandas_own(name: str, naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    timeframe = parse_timeframe(name)
    slot = timeframe.slots(np.array([(at - EPOCH) // US]))
    opens, closes = (EPOCH + int(us) * US for us in timeframe.starts_us(slot[0] + np.arange(2)))
    assert opens <= at < closes
    both = pd.date_range(opens, closes, freq=FREQUENCIES[name])
    assert list(both) == [pd.Timestamp(opens), pd.Timestamp(closes)]
    assert opens.hour % (4 if name == "4h" else 1) == 0 and opens.second == 0


@pytest.mark.parametrize(
    ("fine", "coarse", "does"),
    [
        ("5m", "15m", True), ("5m", "5m", False), ("15m", "5m", False), ("3m", "5m", False),
        ("1h", "1d", True), ("1d", "1w", True), ("4h", "1w", True), ("3d", "1w", False),
        ("1w", "1M", False), ("1d", "1M", True), ("1M", "3M", True), ("2M", "3M", False),
        ("5h", "1w", False), ("1w", "2w", True), ("1h", "36h", True),
    ],
)  # fmt: skip
def test_what_consists_of_what(fine: str, coarse: str, does: bool) -> None:
    assert divides(parse_timeframe(fine), parse_timeframe(coarse)) is does


def test_months_have_their_own_number_of_days() -> None:
    month, day = parse_timeframe("1M"), parse_timeframe("1d")
    leap_year = month.slots(np.array([(datetime(2024, 1, 1, tzinfo=UTC) - EPOCH) // US]))
    assert candles_within(month, leap_year + np.arange(4), day).tolist() == [31, 29, 31, 30]


@pytest.mark.parametrize("name", ["", "5", "m", "0m", "5x", "-5m", "5 m", "1mo", "99999d"])
def test_what_is_no_timeframe(name: str) -> None:
    with pytest.raises(ValueError, match="expected a number and s, m, h, d, w or M"):
        parse_timeframe(name)
