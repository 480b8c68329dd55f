"""Answers made worse: what changes, and what stays so that a fault is met as itself."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.public_data.spoiling import SPOILT_KINDS, spoilt

ROW = {
    "value": "63",
    "price": 2500000000000,
    "timestamp": "1722868641",
    "created_utc": 1722868641.0,
    "change": -1.5,
    "ok": True,
    "none": None,
    "name": "BTC",
}
CHART = {"prices": [[1722868641000, 61000.5], [1722872241000, 1722872241000]], "x": 1722868641}
FEED = b"<rss><item><title>7 coins</title><pubDate>2024</pubDate><score> 12.5 </score></item></rss>"


def parsed(body: bytes, kind: Any, bad_number: Any = "nan") -> Any:
    return json.loads(spoilt(body, kind, bad_number))


def test_values_are_negated_and_times_stay() -> None:
    row, chart = parsed(json.dumps([ROW, CHART]).encode(), "negative")
    assert row == {**ROW, "value": "-63", "price": -2500000000000, "change": 1.5}
    assert chart == {
        "prices": [[1722868641000, -61000.5], [1722872241000, -1722872241000]],
        "x": 1722868641,
    }


def test_twice_negated_is_as_before() -> None:
    body = json.dumps([ROW, CHART]).encode()
    assert json.loads(spoilt(spoilt(body, "negative"), "negative")) == [ROW, CHART]


@pytest.mark.parametrize(
    ("bad_number", "expected"),
    [("null", None), ("text", "NaN"), ("infinite", math.inf)],
)
def test_values_become_what_is_no_number(bad_number: str, expected: object) -> None:
    row = parsed(json.dumps(ROW).encode(), "nan", bad_number)
    assert row == {**ROW, "value": expected, "price": expected, "change": expected}


def test_nan_is_written_as_no_json_has_it() -> None:
    assert spoilt(b'{"a": 1.5}', "nan") == b'{"a": NaN}'


def test_numbers_in_a_feed() -> None:
    assert b"<score>NaN</score>" in spoilt(FEED, "nan")
    negative = spoilt(FEED, "negative")
    assert b"<score>-12.5</score>" in negative and b"<title>7 coins</title>" in negative


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b'{"a":1}', "truncated", b'{"a'),
        (b'{"a":1}', "empty", b"{}"),
        (b" [1]", "empty", b"[]"),
        (FEED, "empty", b""),
    ],
)
def test_what_is_left_of_an_answer(body: bytes, kind: Any, expected: bytes) -> None:
    assert spoilt(body, kind) == expected


def test_wrong_shape_stays_in_the_language_of_the_answer() -> None:
    assert set(parsed(b'{"a":1}', "wrong_json")) == {"success", "message", "items"}
    assert spoilt(FEED, "wrong_json").startswith(b"<?xml")
    assert spoilt(b'{"a":1}', "html").startswith(b"<!DOCTYPE html>")


@given(
    node=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8)
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    ),
    kind=st.sampled_from(SPOILT_KINDS),
)  # fmt: skip
def test_any_json_can_be_spoilt(node: Any, kind: Any) -> None:
    body = json.dumps(node).encode()
    answer = spoilt(body, kind)
    if kind in ("nan", "negative"):
        assert _shape(json.loads(answer)) == _shape(node)
    else:
        assert answer != body or kind == "empty"


def _shape(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _shape(value) for key, value in node.items()}
    return [_shape(value) for value in node] if isinstance(node, list) else "leaf"
