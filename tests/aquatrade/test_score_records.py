"""What the sidecar sends is believed only if it can be true."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.score_records import (
    COLUMNS,
    ScoreAnswerError,
    empty_records,
    iso_moment,
    moment_ms,
    parse_history,
    parse_record,
    parse_scores,
    records_frame,
)
from tests.aquatrade.fake_sidecar import DAY_MS, HOUR_MS, record_as_sent, score_record

AT_MS = 1_700_000_000_000 - 1_700_000_000_000 % DAY_MS
BTC = "BTC/USDT"


def sent(**changes: Any) -> dict[str, Any]:
    return record_as_sent(score_record(available_at_ms=AT_MS)) | changes


def test_a_good_record_is_read_whole() -> None:
    record = score_record(available_at_ms=AT_MS - HOUR_MS)
    assert parse_record(BTC, record_as_sent(record), AT_MS) == record


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "66",
        [],
        sent(total=None),
        sent(total="66"),
        sent(total=True),
        sent(total=float("nan")),
        sent(total=float("inf")),
        sent(total=100.5),
        sent(total=-1),
        sent(confidence=1.5),
        sent(confidence=None),
        sent(percentile=101),
        sent(parts={"technical": {"points": 36}}),
        sent(parts={"regime": "full"}),
        sent(parts=None),
        sent(vetoed="no"),
        sent(pair="ETH/USDT"),
        sent(available_at=iso_moment(AT_MS + 1)),
        sent(as_of=iso_moment(AT_MS + 1)),
        sent(available_at="yesterday"),
        sent(available_at="2024-01-01T00:00:00"),
        sent(available_at=1_700_000_000),
    ],
)
def test_a_record_that_cannot_be_true_is_refused(raw: object) -> None:
    with pytest.raises(ScoreAnswerError):
        parse_record(BTC, raw, AT_MS)


def test_every_asked_pair_has_a_record_or_a_reason() -> None:
    answer = {
        "scores": {BTC: sent(), "ETH/USDT": sent(pair="ETH/USDT", total=200), "X/USDT": sent()},
        "missing": {"SOL/USDT": "not configured"},
    }
    records, reasons = parse_scores(answer, [BTC, "ETH/USDT", "SOL/USDT", "ADA/USDT"], AT_MS)
    assert set(records) == {BTC}
    assert reasons["SOL/USDT"] == "not configured"
    assert reasons["ADA/USDT"] == "not in the answer"
    assert reasons["ETH/USDT"].startswith("refused: total")


@pytest.mark.parametrize(
    "answer", [None, [], "x", {}, {"scores": []}, {"scores": {}, "missing": 3}]
)
def test_no_answer_at_all_is_refused(answer: object) -> None:
    with pytest.raises(ScoreAnswerError):
        parse_scores(answer, [BTC], AT_MS)


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_moments_go_out_and_come_back(at_ms: int) -> None:
    assert moment_ms(iso_moment(at_ms), "at") == at_ms


def history(**changes: Any) -> dict[str, Any]:
    records = [score_record(available_at_ms=AT_MS + day * DAY_MS) for day in range(3)]
    columns: dict[str, Any] = {name: [getattr(r, name) for r in records] for name in COLUMNS}
    return {"pair": BTC, **columns} | changes


def test_a_history_becomes_ordered_columns() -> None:
    frame = parse_history(history(percentile=[None, 1.0, 2.0]), BTC)
    assert list(frame.columns) == list(COLUMNS)
    assert frame["available_at_ms"].is_monotonic_increasing
    assert frame["percentile"].isna().tolist() == [True, False, False]
    assert parse_history({"pair": BTC, "columns": history()}, BTC).equals(
        parse_history(history(), BTC)
    )


@pytest.mark.parametrize(
    "answer",
    [
        None,
        history(pair="ETH/USDT"),
        history(total=[1.0, 2.0]),
        history(total=[1.0, 2.0, 101.0]),
        history(total=[1.0, 2.0, None]),
        history(confidence=[0.5, 0.5, 2.0]),
        history(technical=[1, 2, "3"]),
        history(as_of_ms=[1.5, 2.5, 3.5]),
        history(as_of_ms=[AT_MS * 2] * 3),
        history(momentum=None),
    ],
)
def test_a_history_that_cannot_be_true_is_refused(answer: object) -> None:
    with pytest.raises(ScoreAnswerError):
        parse_history(answer, BTC)


def test_frames_of_records_and_of_nothing_have_the_same_columns() -> None:
    frame = records_frame([score_record(available_at_ms=2), score_record(available_at_ms=1)])
    assert frame["available_at_ms"].tolist() == [1, 2]
    assert frame.dtypes.equals(empty_records().dtypes)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    JSON, st.sampled_from([parse_history, lambda a, p: parse_scores({"scores": {p: a}}, [p], 0)])
)
def test_garbage_of_any_shape_is_refused_and_never_believed(
    garbage: object, read: Callable[[object, str], Any]
) -> None:
    try:
        result = read(garbage, BTC)
    except ScoreAnswerError:
        return
    assert isinstance(result, tuple) and result[0] == {}
