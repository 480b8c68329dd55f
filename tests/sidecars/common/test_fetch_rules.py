"""Pure parts of asking a web API: waits, pauses that are asked for, strict JSON."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.fetch import (
    FIRST_WAIT_SECONDS,
    LONGEST_WAIT_SECONDS,
    backoff_seconds,
    parse_json,
    retry_after_seconds,
)
from sidecars.common.source_errors import SourceError

START = datetime(2024, 8, 5, 14, 37, 21, tzinfo=UTC)


@given(attempt=st.integers(1, 40), seed=st.integers())
def test_waits_grow_within_their_bounds(attempt: int, seed: int) -> None:
    ceiling = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
    wait = backoff_seconds(attempt, random.Random(seed))
    assert ceiling / 2 <= wait <= ceiling


def test_waits_differ() -> None:
    chance = random.Random(1)
    assert len({backoff_seconds(3, chance) for _ in range(20)}) == 20


@given(seconds=st.integers(-(10**8), 10**8))
def test_a_pause_as_a_number_and_as_a_date_are_the_same(seconds: int) -> None:
    date = format_datetime(START + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_seconds(date, START) == max(0, seconds)
    if seconds >= 0:
        assert retry_after_seconds(f" {seconds} ", START) == seconds


@given(text=st.text() | st.sampled_from(["-5", "1.5", "\u0661", "Wed, 21 Oct 99999 07:28:00 GMT"]))
def test_a_pause_is_never_negative_and_never_fails(text: str) -> None:
    wait = retry_after_seconds(text, START)
    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"NaN", b'{"a":Infinity}', b"1e400", b"[" * 5000, b"\xff", b'"\\ud800"']
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(SourceError, match="source: not JSON") as caught:
        parse_json("source", body)
    assert caught.value.kind == "malformed"
