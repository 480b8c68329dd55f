"""The ten-year yield from Alpha Vantage."""

import json
from datetime import date

import pytest

from sidecars.common.moments import iso_ms
from sidecars.common.source_errors import SourceError
from sidecars.replay.public_data.alpha_vantage import STAND_IN
from sidecars.sentiment.sources.alpha_vantage import (
    ENTRY,
    next_working_day,
    read_treasury_yield,
)
from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader
from tests.sidecars.sentiment.asking import answered

ANSWER = b"""{
  "name": "10-Year Treasury Constant Maturity Rate", "interval": "daily", "unit": "percent",
  "data": [
    {"date": "2024-08-02", "value": "3.80"},
    {"date": "2024-08-01", "value": "3.99"},
    {"date": "2024-07-04", "value": "."},
    {"date": "2024-07-03", "value": "4.36"},
    {"date": "1962-01-02", "value": "4.06"}
  ]}"""


def answer_with(**changed: object) -> bytes:
    """The answer with fields of its newest day changed."""
    content = json.loads(ANSWER)
    content["data"][0].update(changed)
    return json.dumps(content).encode()


async def test_survives_a_failing_source() -> None:
    await check_source_survives(ENTRY, STAND_IN)


def test_refuses_nonsense() -> None:
    fuzz_reader(lambda body: read_treasury_yield(body, NOW_MS, 0), ANSWER)


def test_a_day_is_as_of_its_end_and_published_after_the_next_working_day() -> None:
    late_ms = 1_723_000_000_000  # 2024-08-07
    batch = read_treasury_yield(ANSWER, late_ms, 0)
    told = [
        (iso_ms(each.as_of_ms), iso_ms(each.published_ms), each.value) for each in batch.readings
    ]
    assert told == [
        ("2024-08-03T00:00:00Z", "2024-08-06T00:00:00Z", 3.80),  # a Friday, told on Monday
        ("2024-08-02T00:00:00Z", "2024-08-03T00:00:00Z", 3.99),
        ("2024-07-04T00:00:00Z", "2024-07-06T00:00:00Z", 4.36),  # the next day is closed
    ]
    assert batch.rejected == ()


def test_what_is_there_has_been_published() -> None:
    newest = read_treasury_yield(ANSWER, NOW_MS, 0).readings[0]
    assert newest.published_ms == NOW_MS


@pytest.mark.parametrize(
    ("day", "following"),
    [
        (date(2024, 8, 1), date(2024, 8, 2)),
        (date(2024, 8, 2), date(2024, 8, 5)),
        (date(2024, 7, 3), date(2024, 7, 5)),
        (date(2024, 8, 3), date(2024, 8, 5)),
    ],
)
def test_the_next_working_day(day: date, following: date) -> None:
    assert next_working_day(day, {date(2024, 7, 4)}) == following


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"Information": "We have detected your API key as SECRET and our standard API rate '
         b'limit is 25 requests per day."}', "limited"),
        (b'{"Information": "Thank you for using Alpha Vantage! Please consider spreading out your '
         b'free API requests more sparingly (1 request per second). SECRET"}', "limited"),
        (b'{"Note": "Our standard API call frequency is 5 calls per minute. SECRET"}', "limited"),
        (b'{"Information": "The **demo** API key is for demo purposes only. SECRET"}', "refused"),
        (b'{"Error Message": "the parameter apikey is invalid or missing. SECRET"}', "refused"),
        (b'{"Note": null}', "refused"),
        (b"{}", "malformed"),
    ],
)  # fmt: skip
def test_refusals_that_come_as_200_are_refusals(body: bytes, kind: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_treasury_yield(body, NOW_MS, 0)
    assert caught.value.kind == kind
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("value", "380", "us10y_yield_pct: got 380, expected -2 to 20"),
        ("value", 3.8, "expected a decimal number as text"),
        ("value", "", "expected a decimal number as text"),
        ("value", "nan", "expected a decimal number as text"),
        ("date", "20240802", "expected a day like 2024-08-05"),
        ("date", "2024-02-30", "expected a day like 2024-08-05"),
        ("date", "2024-08-05", "expected no moment to come"),
        ("date", "9999-12-31", "expected no moment to come"),
    ],
)
def test_a_bad_day_is_refused_and_the_others_stay(field: str, value: object, expected: str) -> None:
    batch = read_treasury_yield(answer_with(**{field: value}), NOW_MS, 0)
    assert [each.value for each in batch.readings] == [3.99, 4.36]
    assert len(batch.rejected) == 1
    assert expected in batch.rejected[0]


@pytest.mark.parametrize("changed", [{"unit": "basis points"}, {"interval": "monthly"}])
def test_another_unit_or_step_is_malformed(changed: dict[str, str]) -> None:
    body = json.dumps({**json.loads(ANSWER), **changed}).encode()
    with pytest.raises(SourceError) as caught:
        read_treasury_yield(body, NOW_MS, 0)
    assert caught.value.kind == "malformed"


async def test_poll_takes_the_newest_days_and_history_those_since() -> None:
    source, asked = answered(ENTRY, {"/query": ANSWER}, key="a-key")
    assert [each.value for each in (await source.poll(NOW_MS)).readings] == [3.80, 3.99]
    assert (await source.history(NOW_MS, NOW_MS)).readings == ()
    assert asked[0][1] == {
        "function": "TREASURY_YIELD",
        "interval": "daily",
        "maturity": "10year",
        "apikey": "a-key",
    }
