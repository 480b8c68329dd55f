"""Histories for backtests: read once, kept on disk, refused in words when they cannot be had."""

import pickle
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

from aquatrade.score_history import ScoreHistory
from aquatrade.score_http import ScoreServer, ScoreUnavailableError
from tests.aquatrade.fake_sidecar import DAY_MS, TOKEN, FakeSidecar, score_record

START_MS = 1_699_920_000_000
END_MS = START_MS + 10 * DAY_MS
BTC = "BTC/USDT"


@pytest.fixture
def history(sidecar: FakeSidecar, tmp_path: Path) -> ScoreHistory:
    sidecar.records = [
        score_record(available_at_ms=START_MS + day * DAY_MS, total=float(day + 50))
        for day in range(-3, 12)
    ]
    return ScoreHistory(ScoreServer(sidecar.url, TOKEN), tmp_path / "scores")


def test_a_range_comes_with_the_record_before_it(history: ScoreHistory) -> None:
    records = history.read(BTC, START_MS + 1, END_MS)
    assert records["available_at_ms"].iloc[0] == START_MS
    assert records["available_at_ms"].iloc[-1] == END_MS


def test_the_second_read_needs_no_sidecar(sidecar: FakeSidecar, history: ScoreHistory) -> None:
    first = history.read(BTC, START_MS, END_MS)
    sidecar.status = 503
    assert_frame_equal(history.read(BTC, START_MS, END_MS), first)
    assert_frame_equal(history.read(BTC, START_MS + DAY_MS, END_MS - DAY_MS), first)
    assert len(sidecar.requests) == 2  # health, history
    another_process = ScoreHistory(history.server, history.cache_directory)
    assert_frame_equal(another_process.read(BTC, START_MS, END_MS), first)


def test_a_new_formula_makes_kept_scores_void(sidecar: FakeSidecar, history: ScoreHistory) -> None:
    history.read(BTC, START_MS, END_MS)
    sidecar.formula = "formula-2"
    sidecar.records = [score_record(available_at_ms=END_MS, total=1.0)]
    anew = ScoreHistory(history.server, history.cache_directory).read(BTC, START_MS, END_MS)
    assert anew["total"].tolist() == [1.0]


def test_another_pair_range_or_sidecar_is_another_file(
    sidecar: FakeSidecar, history: ScoreHistory
) -> None:
    history.read(BTC, START_MS, END_MS)
    sidecar.status = 503
    other = ScoreHistory(ScoreServer("http://127.0.0.1:1", None), history.cache_directory)
    for reader, pair, start_ms, end_ms in (
        (history, "ETH/USDT", START_MS, END_MS),
        (history, BTC, START_MS - 1, END_MS),
        (history, BTC, START_MS, END_MS + 1),
        (other, BTC, START_MS, END_MS),
    ):
        with pytest.raises(ScoreUnavailableError):
            reader.read(pair, start_ms, end_ms)


def test_what_a_sidecar_has_not_caught_up_with_is_not_kept(
    sidecar: FakeSidecar, history: ScoreHistory
) -> None:
    sidecar.records = sidecar.records[:5]
    assert len(history.read(BTC, START_MS, END_MS)) == 3
    assert not list(history.cache_directory.glob("*"))


def test_a_broken_file_is_read_anew(sidecar: FakeSidecar, history: ScoreHistory) -> None:
    first = history.read(BTC, START_MS, END_MS)
    (file,) = history.cache_directory.glob("*.feather")
    file.write_bytes(b"half a fi")
    assert_frame_equal(history.read(BTC, START_MS, END_MS), first)
    assert len(sidecar.requests) == 3


def test_the_refusal_names_pair_range_and_cause(
    sidecar: FakeSidecar, history: ScoreHistory
) -> None:
    sidecar.body, sidecar.status = b'{"error": "range starts before the history"}', 422
    with pytest.raises(ScoreUnavailableError) as caught:
        history.read(BTC, START_MS, END_MS)
    text = str(caught.value)
    for word in (BTC, "2023-11-14", "2023-11-24", sidecar.url, "422", "starts before"):
        assert word in text


def test_a_folder_that_cannot_be_written_does_not_stop_a_backtest(
    sidecar: FakeSidecar, history: ScoreHistory
) -> None:
    history.cache_directory.write_text("a file in the way")
    assert len(history.read(BTC, START_MS, END_MS)) == 12


def test_workers_can_be_handed_the_reader(history: ScoreHistory) -> None:
    assert pickle.loads(pickle.dumps(history)) == history
