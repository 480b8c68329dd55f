"""The checks that every adapter goes through: a sound adapter passes, each mistake is caught."""

import math
from dataclasses import replace

import pytest

from sidecars.common.observations import Reading
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, SourceContext
from sidecars.replay.public_data.model import StandInRequest
from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader
from tests.sidecars.common.answer_fuzz import fuzz_answers
from tests.sidecars.common.answer_variants import places_in
from tests.sidecars.common.plain_source import (
    STAND_IN,
    PlainSource,
    Reader,
    answer,
    entry,
    entry_reading,
    read_plain,
)

EXAMPLE = answer(StandInRequest(NOW_MS, "/values/", {}, {"limit": "20"}, {})).body
RSS = b"<rss><channel><item><title>a</title></item><item><title>b</title></item></channel></rss>"


def as_reading(value: float, as_of_ms: int = NOW_MS) -> Batch:
    return Batch([Reading("fear_greed", as_of_ms, as_of_ms, value)])


def neutral_on_error(body: bytes, now_ms: int) -> Batch:
    try:
        return read_plain(body, now_ms)
    except SourceError:
        return as_reading(50.0)


def raises_key_error(body: bytes, now_ms: int) -> Batch:
    batch = read_plain(body, now_ms) if b"data" in body else None
    if batch is None:
        raise KeyError("data")
    return batch


def passes_nan_on(body: bytes, now_ms: int) -> Batch:
    try:
        return read_plain(body, now_ms)
    except SourceError:
        if b"NaN" not in body:
            raise
        return as_reading(math.nan)


def null_is_zero(body: bytes, now_ms: int) -> Batch:
    return read_plain(body.replace(b'"value": null', b'"value": "0"'), now_ms)


def takes_magnitudes(body: bytes, now_ms: int) -> Batch:
    batch = read_plain(body.replace(b'"-', b'"'), now_ms)
    return Batch([replace(each, value=-each.value) for each in batch.readings])


def believes_the_future(body: bytes, now_ms: int) -> Batch:
    return read_plain(body, now_ms + 2 * 86_400_000)


def stamps_with_now(body: bytes, now_ms: int) -> Batch:
    batch = read_plain(body, now_ms)
    return Batch([replace(batch.readings[0], as_of_ms=now_ms, published_ms=now_ms)])


def invents_a_series(body: bytes, now_ms: int) -> Batch:
    batch = read_plain(body, now_ms)
    return Batch([replace(each, series="feargreed") for each in batch.readings])


async def test_a_sound_adapter_survives() -> None:
    await check_source_survives(entry_reading(read_plain), STAND_IN)


@pytest.mark.parametrize(
    ("reader", "complaint"),
    [
        (neutral_on_error, "truncated.*expected SourceError"),
        (raises_key_error, "data"),
        (passes_nan_on, "finite number"),
        (null_is_zero, "values made of null"),
        (takes_magnitudes, "negative"),
        (believes_the_future, "from the future"),
        (stamps_with_now, "passed off as new"),
        (invents_a_series, "unknown series"),
    ],
)
async def test_each_mistake_of_a_reader_is_caught(reader: Reader, complaint: str) -> None:
    with pytest.raises((AssertionError, KeyError), match=complaint):
        await check_source_survives(entry_reading(reader), STAND_IN)


class GivesUpAtOnce(PlainSource):
    """Turns every failure into an empty answer."""

    async def poll(self, now_ms: int) -> Batch:
        try:
            return await super().poll(now_ms)
        except SourceError:
            return Batch()


class ShowsItsKey(PlainSource):
    async def poll(self, now_ms: int) -> Batch:
        try:
            return await super().poll(now_ms)
        except SourceError as error:
            raise SourceError(f"{error} ({self._context.key})", error.kind) from None


class CallsAllUnavailable(PlainSource):
    async def poll(self, now_ms: int) -> Batch:
        try:
            return await super().poll(now_ms)
        except SourceError as error:
            raise SourceError(str(error)) from None


class HasNoHistory(PlainSource):
    async def history(self, since_ms: int, now_ms: int) -> Batch:
        return Batch()


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (GivesUpAtOnce, "expected SourceError"),
        (ShowsItsKey, "shows the key"),
        (CallsAllUnavailable, "expected one of"),
        (HasNoHistory, "history"),
    ],
)
async def test_each_mistake_of_a_source_is_caught(
    source: type[PlainSource], complaint: str
) -> None:
    def make(context: SourceContext) -> PlainSource:
        return source(context, read_plain)

    with pytest.raises(AssertionError, match=complaint):
        await check_source_survives(entry(make), STAND_IN)


async def test_a_source_without_history_may_say_so() -> None:
    made = entry(lambda context: HasNoHistory(context, read_plain))
    await check_source_survives(made, STAND_IN, has_history=False)


def test_a_sound_reader_passes_the_fuzzer() -> None:
    fuzz_reader(lambda body: read_plain(body, NOW_MS), EXAMPLE)


@pytest.mark.parametrize(
    "reader", [raises_key_error, passes_nan_on, believes_the_future, invents_a_series]
)
def test_the_fuzzer_catches_each_mistake(reader: Reader) -> None:
    with pytest.raises((AssertionError, KeyError, TypeError, ValueError)):
        fuzz_reader(lambda body: reader(body, NOW_MS), EXAMPLE)


@pytest.mark.parametrize("example", [EXAMPLE, RSS])
def test_variants_are_many_and_the_same_each_time(example: bytes) -> None:
    first: list[bytes] = []
    second: list[bytes] = []
    fuzz_answers(first.append, example, examples=200, seed_number=5)
    count = fuzz_answers(second.append, example, examples=200, seed_number=5)
    assert first == second
    assert count == len(set(first)) == len(first) >= 180
    assert example not in first


def test_variants_reach_every_kind_of_nonsense() -> None:
    seen: list[bytes] = []
    fuzz_answers(seen.append, EXAMPLE, examples=800, seed_number=1)
    for part in (b"NaN", b"Infinity", b"1e400", b"\\ud800", b"[[[[", b"null", b"true", b"e+"):
        assert any(part in body for body in seen), part
    lengths = [len(body) for body in seen]
    assert min(lengths) == 0 and max(lengths) > 100_000


def test_places_of_a_long_answer_are_thinned() -> None:
    places = places_in({"data": [{"value": 1, "time": 2}] * 5000})
    assert len(places) < 1000 and () in places and ("data",) in places
    assert ("data", 0, "value") in places and ("data", 4999, "time") in places
    assert not math.isclose(len(places), 15_002)
