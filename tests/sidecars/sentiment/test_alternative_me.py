"""Fear & greed from alternative.me."""

import json

import pytest

from sidecars.common.observations import MS_PER_DAY, Reading
from sidecars.common.source_errors import SourceError
from sidecars.replay.public_data.alternative_me import STAND_IN
from sidecars.sentiment.sources.alternative_me import ENTRY, read_fear_greed
from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader
from tests.sidecars.sentiment.asking import answered

TODAY_MS = 1_722_816_000_000  # 2024-08-05 00:00 UTC

ANSWER = b"""{
  "name": "Fear and Greed Index",
  "data": [
    {"value": "26", "value_classification": "Fear", "timestamp": "1722816000",
     "time_until_update": "33759"},
    {"value": "34", "value_classification": "Fear", "timestamp": "1722729600"}
  ],
  "metadata": {"error": null}
}"""


def answer_with(**changed: object) -> bytes:
    """The answer with fields of its first day changed."""
    content = json.loads(ANSWER)
    content["data"][0].update(changed)
    return json.dumps(content).encode()


async def test_survives_a_failing_source() -> None:
    await check_source_survives(ENTRY, STAND_IN, key=None)


def test_refuses_nonsense() -> None:
    fuzz_reader(lambda body: read_fear_greed(body, NOW_MS), ANSWER)


def test_a_value_counts_from_the_start_of_its_day() -> None:
    batch = read_fear_greed(ANSWER, NOW_MS)
    yesterday_ms = TODAY_MS - MS_PER_DAY
    assert batch.readings == (
        Reading("fear_greed", TODAY_MS, TODAY_MS, 26.0),
        Reading("fear_greed", yesterday_ms, yesterday_ms, 34.0),
    )
    assert batch.rejected == ()


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("value", "101", "fear_greed: got 101, expected 0 to 100"),
        ("value", "-1", "fear_greed: got -1, expected 0 to 100"),
        ("value", "nan", "expected a decimal number as text"),
        ("value", 26, "expected a decimal number as text"),
        ("value", True, "expected a decimal number as text"),
        ("value", None, "expected a decimal number as text"),
        ("timestamp", 1_722_816_000, "expected seconds as text"),
        ("timestamp", "1722816001", "expected the start of a day"),
        ("timestamp", "1722902400", "got 2024-08-06T00:00:00Z, expected no moment to come"),
    ],
)
def test_a_bad_day_is_refused_and_the_others_stay(field: str, value: object, expected: str) -> None:
    batch = read_fear_greed(answer_with(**{field: value}), NOW_MS)
    assert [reading.value for reading in batch.readings] == [34.0]
    assert len(batch.rejected) == 1
    assert batch.rejected[0].startswith("alternative.me: data[0]: ")
    assert expected in batch.rejected[0]


@pytest.mark.parametrize("body", [b'{"data": []}', b'{"data": null}', b"[]", b"<html>"])
def test_an_answer_without_a_value_is_malformed(body: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        read_fear_greed(body, NOW_MS)
    assert caught.value.kind == "malformed"


async def test_poll_asks_for_two_days_and_history_for_those_since() -> None:
    source, asked = answered(ENTRY, {"/fng/": ANSWER})
    assert len((await source.poll(NOW_MS)).readings) == 2
    since_yesterday = await source.history(TODAY_MS - MS_PER_DAY, NOW_MS)
    since_noon_before = await source.history(TODAY_MS - MS_PER_DAY // 2, NOW_MS)
    assert [each.value for each in since_yesterday.readings] == [26.0, 34.0]
    assert [each.value for each in since_noon_before.readings] == [26.0]
    await source.history(0, NOW_MS)
    assert [query["limit"] for _, query in asked] == ["2", "2", "2", "19941"]
