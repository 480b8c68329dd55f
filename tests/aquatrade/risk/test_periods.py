"""Days, weeks and months of UTC, against the calendar walked hour by hour."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.risk.model import Period
from aquatrade.risk.periods import next_period_start, period_start
from tests.aquatrade.risk.naive_breakers import end_of_period, name_of_period

moments = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(moments, st.sampled_from(Period))
def test_a_moment_is_between_the_two_ends_of_its_period(moment: datetime, period: Period) -> None:
    start, end = period_start(period, moment), next_period_start(period, moment)
    assert start <= moment < end == end_of_period(period, moment)
    assert name_of_period(period, start) == name_of_period(period, moment)
    assert name_of_period(period, start - timedelta(seconds=1)) < name_of_period(period, start)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period.DAY, datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)),
        (Period.WEEK, datetime(2024, 2, 26, tzinfo=UTC), datetime(2024, 3, 4, tzinfo=UTC)),
        (Period.MONTH, datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_leap_day_in_the_evening_elsewhere(
    period: Period, start: datetime, end: datetime
) -> None:
    # 01:00 on 1 March in Berlin is still February in UTC.
    moment = datetime(2024, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert (period_start(period, moment), next_period_start(period, moment)) == (start, end)
