"""What is kept of cells, and the table that is made of it."""

import csv
import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from lab.matrix.cell_run import Outcome
from lab.matrix.costs import CostModel
from lab.matrix.periods import parse_period
from lab.matrix.plan import MatrixError
from lab.matrix.report import as_csv, as_json, cell_rows, groups_of, lines_of, text_rows, together
from lab.matrix.run import missing_cells, run_cells
from lab.matrix.store import MatrixStore
from lab.suite_equity import capital_figures
from tests.lab.matrix.fake_cells import fake_cell, fake_outcome

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_an_outcome_is_found_again_whole(tmp_path: Path) -> None:
    file = tmp_path / "m.sqlite"
    store = MatrixStore(file)
    store.save(fake_cell("a"), fake_outcome("a"), NOW)
    store.save(fake_cell("b"), Outcome("b", "failed", "why"), NOW)
    store.close()
    again = MatrixStore(file)
    known = again.outcomes(["a", "b", "c"])
    assert known == {
        "a": replace(fake_outcome("a"), trades=b""),
        "b": Outcome("b", "failed", "why"),
    }
    trades = again.trades("a")
    assert trades is not None and trades["profit_ratio"].tolist() == [0.3, -0.2]
    assert again.trades("b") is None and again.trades("c") is None
    again.close()
    with sqlite3.connect(file) as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        row = plain.execute("SELECT cost, period, finished_at FROM cells WHERE key='a'").fetchone()
    assert row == ("0.1%+0bps", "20240101-20240104", "2024-05-01T12:00:00+00:00")


def test_only_what_is_missing_is_run_and_failures_again(tmp_path: Path) -> None:
    store = MatrixStore(tmp_path / "m.sqlite")
    cells = [fake_cell(key, candle_bytes=size) for size, key in enumerate("abcd")]
    store.save(cells[0], fake_outcome("a"), NOW)
    store.save(cells[1], Outcome("b", "failed", "died"), NOW)
    store.save(cells[2], Outcome("c", "empty", "No data found"), NOW)
    todo = missing_cells([*cells, cells[3]], store)
    assert [cell.key for cell in todo] == ["d", "b"]  # each once, the longest first
    told: list[str] = []
    run_cells(
        todo,
        store,
        lambda few: (fake_outcome(cell.key) for cell in few),
        lambda cell, outcome: told.append(f"{cell.key} {outcome.status}"),
        lambda: NOW,
    )
    assert told == ["d ok", "b ok"]
    assert missing_cells(cells, store) == []


def test_what_was_done_before_a_break_is_kept(tmp_path: Path) -> None:
    store = MatrixStore(tmp_path / "m.sqlite")
    closed: list[bool] = []

    def breaking(cells: object) -> object:
        try:
            yield fake_outcome("a")
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    cells = [fake_cell("a"), fake_cell("b")]
    with pytest.raises(KeyboardInterrupt):
        run_cells(cells, store, breaking, lambda *_: None, lambda: NOW)  # type: ignore[arg-type]
    assert closed == [True]
    assert [cell.key for cell in missing_cells(cells, store)] == ["b"]


def test_another_file_is_refused_in_one_line(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as plain:
        plain.execute("CREATE TABLE trades (id INTEGER)")
    no_base = tmp_path / "text.sqlite"
    no_base.write_text("no database at all, only a few words of text in a file")
    for file, words in (
        (other, "no matrix of version 1"),
        (no_base, "file is not a database"),
        (tmp_path / "none" / "m.sqlite", "no folder"),
    ):
        with pytest.raises(MatrixError, match=words) as refused:
            MatrixStore(file)
        assert "\n" not in str(refused.value)


def test_a_group_is_its_cells_put_together() -> None:
    """Two pairs in one period, one of which came a day later; another period failed."""
    quarter = parse_period("20240401-20240701")
    cells = [
        fake_cell("a"),
        fake_cell("b", pairs=("ETH/USDT",)),
        fake_cell("c", period=quarter),
        fake_cell("d", cost=CostModel(0.3)),
        fake_cell("e", cost=CostModel(0.3), period=quarter),
    ]
    late = fake_outcome("b", (100.0, 90.0, 80.0))
    outcomes = {
        "a": fake_outcome("a"),
        "b": late,
        "c": Outcome("c", "failed", "its process died"),
        "d": Outcome("d", "empty", "No data found. Terminating."),
    }
    first, second = groups_of(cells, outcomes)
    assert (first.cells, first.measured, first.earning, first.trades) == (3, 2, 1, 4)
    assert first.left_open == 2 and first.mean_pct == pytest.approx(5.0)
    assert first.win_pct == pytest.approx(50.0) and first.profit_factor == pytest.approx(3.0)
    both = pd.Series(
        [200.0, 200.0, 185.0, 200.0], index=pd.date_range("2023-12-31", periods=4, tz="UTC")
    )
    by_hand = capital_figures(both)
    assert first.total_pct == pytest.approx(0.0)
    assert first.drawdown_pct == pytest.approx(7.5) == pytest.approx(by_hand.drawdown_pct)
    assert first.sharpe == pytest.approx(by_hand.sharpe)
    assert (second.measured, second.trades, second.total_pct) == (0, 0, None)
    assert [row[:5] for row in text_rows([first, second])] == [
        ("Some", "one", "0.1%+0bps", "2 of 3", "50 %"),
        ("Some", "one", "0.3%+0bps", "0 of 2", "-"),
    ]
    assert lines_of(cells, outcomes) == [
        "failed: Some one, BTC/USDT, 20240401-20240701, 0.1%+0bps: its process died",
        "no candles: Some one, BTC/USDT, 20240101-20240104, 0.3%+0bps: No data found. Terminating.",
        "not run: Some one, BTC/USDT, 20240401-20240701, 0.3%+0bps",
    ]
    rows = cell_rows(cells, outcomes)
    written = list(csv.DictReader(as_csv(rows).splitlines()))
    assert [row["status"] for row in written] == ["ok", "ok", "failed", "empty", "missing"]
    assert float(written[0]["total_pct"]) == pytest.approx(20.0) and written[2]["trades"] == ""
    content = json.loads(as_json([first, second], rows, ["a line"]))
    assert content["groups"][1]["sharpe"] is None and content["notes"] == ["a line"]
    assert content["cells"][0]["pairs"] == "BTC/USDT"


def test_spot_and_futures_are_not_put_together() -> None:
    spot = fake_cell("a")
    futures = replace(spot, key="b", request=replace(spot.request, trading_mode="futures"))
    groups = groups_of([spot, futures], {key: fake_outcome(key) for key in "ab"})
    assert [row[1] for row in text_rows(groups)] == ["one", "one futures"]
    assert [group.trades for group in groups] == [2, 2]


def test_a_period_that_is_covered_in_part_is_said() -> None:
    cells = [fake_cell("a", period=parse_period("2024Q1")), fake_cell("b")]
    outcomes = {key: fake_outcome(key) for key in "ab"}
    assert lines_of(cells, outcomes) == [
        "1 of 2 cells have candles of less than 90% of their period"
    ]


def test_wallets_stand_still_before_and_after_their_candles() -> None:
    days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    long = pd.Series([10.0, 11.0, 12.0, 13.0], index=days)
    short = pd.Series([10.0, 8.0], index=days[1:3])
    assert together([long, short]).tolist() == [20.0, 21.0, 20.0, 21.0]
