"""The state as text: what is written is read again, anything else is refused in one line."""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.risk.model import Mark, Period, RiskState, Trip
from aquatrade.risk.periods import period_start
from aquatrade.risk.state_json import from_json, to_json
from tests.aquatrade.risk.breaker_cases import TUESDAY, at, book_at, limit, looked
from tests.aquatrade.risk.cases import profile

numbers = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=0.0, exclude_min=True, allow_infinity=False)
factors = st.floats(min_value=0.0, max_value=1.0, exclude_min=True)
moments = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
trips = st.builds(
    Trip,
    rule=st.sampled_from(["day", "week", "month", "stop_equity"]),
    at=moments,
    value=numbers,
    limit=numbers,
    text=st.text(st.characters(codec="utf-8")),
    close=st.sampled_from(["nothing", "all"])
    | st.lists(st.text(st.characters(codec="utf-8"))).map(tuple),
    until=st.none() | moments,
    needs_other_config=st.none() | st.just("a" * 64),
    recovery_hours=st.floats(min_value=0.0, max_value=9_000.0),
    recovery_factor=factors,
)
states = st.builds(
    lambda moment, marks, **others: RiskState(
        marks={
            period: Mark(period, period_start(period, moment), *money)
            for period, money in marks.items()
        },
        last_at=moment,
        **others,
    ),
    moment=moments,
    marks=st.dictionaries(st.sampled_from(Period), st.tuples(positive, numbers)),
    trips=st.lists(trips, unique_by=lambda trip: trip.rule).map(tuple),
    recovery_until=st.none() | moments,
    recovery_factor=factors,
    last_equity=numbers,
    last_profit=numbers,
    error=st.none() | st.text(st.characters(codec="utf-8")),
)


@given(states)
@settings(max_examples=60)
def test_every_state_comes_back_as_it_was(state: RiskState) -> None:
    text = to_json(state)
    assert from_json(text) == state
    assert to_json(from_json(text)) == text
    assert "\n" not in text


def test_the_state_before_the_first_look_comes_back() -> None:
    again = from_json(to_json(RiskState()))
    assert (again.marks, again.trips, again.last_at) == ({}, (), None)
    assert math.isnan(again.last_equity)
    assert math.isnan(again.last_profit)


RULES = profile(day=limit(3.0, "next_period", close=["dip"]), week=limit(3.0))
TEXT = to_json(looked(RULES, book_at(TUESDAY, 0.0), book_at(at(5, 11), -40.0))[0])


def without(key: str) -> str:
    return json.dumps({name: value for name, value in json.loads(TEXT).items() if name != key})


def changed(**values: Any) -> str:
    return json.dumps(json.loads(TEXT) | values)


def trip_with(**values: Any) -> str:
    content = json.loads(TEXT)
    content["trips"][0] |= values
    return json.dumps(content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "risk state: the whole: Invalid JSON"),
        ("nonsense", "risk state: the whole: Invalid JSON"),
        ("[]", "risk state: the whole: Input should be an object"),
        ("[" * 100_000, "risk state: the whole: Invalid JSON"),
        (TEXT[: len(TEXT) // 2], "risk state: the whole: Invalid JSON"),
        *((without(key), f"risk state: {key}: Field required") for key in json.loads(TEXT)),
        (changed(version=2), "risk state: version: Input should be 1"),
        (changed(tripz=[]), "risk state: tripz: Extra inputs are not permitted"),
        (changed(marks={"year": {}}), "risk state: marks.year"),
        (changed(last_at=None), "marks without all of last_at, last_equity and last_profit"),
        (changed(last_equity=None), "marks without all of last_at"),
        (changed(last_profit=float("nan")), "risk state: last_profit: "),
        (changed(recovery_factor=0.0), "risk state: recovery_factor: "),
        (changed(recovery_until="2024-03-05T10:00:00"), "should have timezone info"),
        (changed(trips=json.loads(TEXT)["trips"] * 2), "two trips of one rule"),
        (trip_with(until=1_709_632_800), "risk state: trips.0.until: "),
        (trip_with(close="some"), "risk state: trips.0.close"),
        (trip_with(recovery_hours=-1.0), "risk state: trips.0.recovery_hours: "),
    ],
)
def test_what_is_not_whole_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        from_json(text)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_moments_of_another_zone_are_the_same_moments() -> None:
    moved = TEXT.replace("2024-03-05T11:00:00Z", "2024-03-05T12:00:00+01:00")
    assert moved != TEXT
    assert from_json(moved) == from_json(TEXT)
    assert from_json(moved).last_at == TUESDAY + timedelta(hours=1)
