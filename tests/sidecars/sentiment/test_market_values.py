"""How values are checked and answers become batches."""

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.observations import MS_PER_DAY, Reading
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import FUTURE_TOLERANCE_MS, Batch
from sidecars.sentiment.market_values import (
    RANGES,
    BatchBuilder,
    RefusedValueError,
    an_object,
    ask_each,
    check_range,
    day_of_text,
    end_of_day_ms,
    moment_of_ms,
    moment_of_seconds,
    number,
    number_in_text,
    shown,
    since,
    start_of_day_ms,
    whole,
)
from tests.sidecars.common.adapter_checks import NOW_MS


@given(st.one_of(st.floats(), st.integers(), st.booleans(), st.text(), st.none()))
def test_a_number_is_a_finite_number_and_nothing_else(value: object) -> None:
    is_number = type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    if is_number:
        assert number(value) == float(value)  # type: ignore[arg-type]
    else:
        with pytest.raises(RefusedValueError):
            number(value)


@given(st.decimals(-1_000_000, 1_000_000, places=4))
def test_a_number_in_text_is_that_number(value: object) -> None:
    assert number_in_text(f"{value:.4f}") == float(f"{value:.4f}")


@pytest.mark.parametrize(
    "value",
    [
        "",
        " 1",
        "1 ",
        "+1",
        "1e5",
        "nan",
        "inf",
        "1_000",
        "1,5",
        ".5",
        "5.",
        "0x1",
        "\u0661",
        1,
        True,
    ],
)
def test_what_is_no_plain_decimal_is_refused(value: object) -> None:
    with pytest.raises(RefusedValueError):
        number_in_text(value)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, [1]])
def test_a_whole_number_is_an_integer(value: object) -> None:
    assert whole(7) == 7
    with pytest.raises(RefusedValueError):
        whole(value)


@pytest.mark.parametrize("value", [0, -1, 253_402_300_800_000, 2**80, 1.7e12, True])
def test_what_is_no_moment_is_refused(value: object) -> None:
    assert moment_of_ms(NOW_MS) == NOW_MS
    assert moment_of_seconds(NOW_MS // 1000) == NOW_MS
    with pytest.raises(RefusedValueError):
        moment_of_ms(value)


def test_milliseconds_that_pass_for_seconds_are_no_moment() -> None:
    with pytest.raises(RefusedValueError):
        moment_of_seconds(NOW_MS)


@given(st.dates())
def test_a_day_comes_back_as_it_was(day: date) -> None:
    assert day_of_text(day.isoformat()) == day
    assert end_of_day_ms(start_of_day_ms(day)) == start_of_day_ms(day) + MS_PER_DAY
    assert end_of_day_ms(start_of_day_ms(day) + MS_PER_DAY - 1) == start_of_day_ms(day) + MS_PER_DAY


@pytest.mark.parametrize("value", ["2024-8-5", "20240805", "2024-02-30", "2024-08-05T00", None, 1])
def test_what_is_no_day_is_refused(value: object) -> None:
    with pytest.raises(RefusedValueError):
        day_of_text(value)


@pytest.mark.parametrize("series", [*RANGES, "social_volume:BTC"])
def test_ranges_hold_their_ends(series: str) -> None:
    allowed = RANGES[series.partition(":")[0]]
    check_range(series, allowed.low)
    check_range(series, allowed.high)
    for value in (math.nextafter(allowed.low, -math.inf), math.nextafter(allowed.high, math.inf)):
        with pytest.raises(RefusedValueError):
            check_range(series, value)


@pytest.mark.parametrize("value", ["line\nbreak" * 50, "\ud800", [[["x"]]] * 50])
def test_a_shown_value_is_one_short_line(value: object) -> None:
    text = shown(value)
    assert len(text) <= 40
    assert "\n" not in text
    text.encode()


def test_only_objects_are_objects() -> None:
    assert an_object({"a": 1}) == {"a": 1}
    others: tuple[object, ...] = ([], "a", None)
    for value in others:
        with pytest.raises(RefusedValueError):
            an_object(value)


def test_a_builder_keeps_what_is_sound_and_tells_the_rest() -> None:
    builder = BatchBuilder("source", NOW_MS)
    with builder.item("first"):
        builder.add("fear_greed", 50.0, NOW_MS + FUTURE_TOLERANCE_MS)
    with builder.item("second"):
        builder.add("fear_greed", 50.0, NOW_MS + FUTURE_TOLERANCE_MS + 1)
    with builder.item("third"):
        builder.add("fear_greed", 100.5, NOW_MS)
    batch = builder.batch()
    moment_ms = NOW_MS + FUTURE_TOLERANCE_MS
    assert batch.readings == (Reading("fear_greed", moment_ms, moment_ms, 50.0),)
    assert batch.rejected == (
        "source: second: got 2024-08-05T14:38:21.001Z, expected no moment to come",
        "source: third: fear_greed: got 100.5, expected 0 to 100",
    )


def test_a_builder_without_a_reading_is_empty_only_where_nothing_was_wanted() -> None:
    wanted_nothing = BatchBuilder("source", NOW_MS)
    wanted_nothing.pass_over()
    assert wanted_nothing.batch() == Batch()
    found_nothing = BatchBuilder("source", NOW_MS)
    with pytest.raises(SourceError, match="source: no value in it"):
        found_nothing.batch()
    refused_all = BatchBuilder("source", NOW_MS)
    refused_all.pass_over()
    with refused_all.item("first"):
        number("x")
    with pytest.raises(SourceError, match="source: first: got 'x', expected a number"):
        refused_all.batch()


def test_since_keeps_the_moment_itself() -> None:
    readings = tuple(Reading("fear_greed", each, each, 1.0) for each in (1, 2, 3))
    assert since(Batch(readings=readings, rejected=("line",)), 2) == Batch(
        readings=readings[1:], rejected=("line",)
    )


async def test_requests_are_asked_one_by_one_and_fail_together_only_if_all_do() -> None:
    reading = Reading("fear_greed", 1, 1, 1.0)
    order: list[str] = []

    async def good() -> Batch:
        order.append("good")
        return Batch(readings=(reading,), rejected=("a line",))

    async def bad() -> Batch:
        order.append("bad")
        raise SourceError("source: HTTP 500", "unavailable")

    batch = await ask_each([bad, good])
    assert batch == Batch(readings=(reading,), rejected=("source: HTTP 500", "a line"))
    assert order == ["bad", "good"]
    with pytest.raises(SourceError, match="HTTP 500"):
        await ask_each([bad, bad])
    assert await ask_each([]) == Batch()
