"""Cells as freqtrade's own command makes them; a matrix that is killed and taken up again."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from freqtrade.data.btanalysis import load_backtest_data, load_backtest_stats
from typer.testing import CliRunner

from lab.evidence_runner import REPOSITORY, STRATEGIES, backtest_config
from lab.matrix.cell_run import KEPT, run_cell, unfeather
from lab.matrix.costs import all_costs
from lab.matrix.periods import all_periods
from lab.matrix.plan import Cell, MatrixWish, plan_matrix
from lab.matrix.run import missing_cells
from lab.matrix.store import MatrixStore
from operations.command_line import main
from tests.lab.suite_market import PAIRS

NOW = datetime(2024, 5, 1, tzinfo=UTC)

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(STRATEGIES)]),
    "COLUMNS": "170",
}


def cell_of(datadir: Path, **changes: object) -> Cell:
    """One cell of all pairs."""
    wish = MatrixWish(
        datadir=datadir,
        periods=all_periods(["20240120-20240401"]),
        costs=all_costs(["0.1%+20bps"]),
        strategies=("BuyTheDip:specified",),
        pairs=PAIRS,
        together=True,
    )
    (cell,) = plan_matrix(replace(wish, **changes)).cells  # type: ignore[arg-type]
    return cell


def test_a_cell_is_what_freqtrades_own_command_makes_of_it(
    seeded_datadir: Path, tmp_path: Path
) -> None:
    cell = cell_of(seeded_datadir)
    outcome = run_cell(cell)
    assert outcome.status == "ok", outcome.message
    (tmp_path / "config.json").write_text(json.dumps(backtest_config(cell.request)))
    (tmp_path / "backtest_results").mkdir()
    arguments = [
        "backtesting", "-c", "config.json", "--userdir", ".", "--datadir", str(seeded_datadir),
        "--strategy", "BuyTheDip", "--strategy-path", str(STRATEGIES), "--cache", "none",
        "--timerange", "20240120-20240401", "--export", "trades",
    ]  # fmt: skip
    plain = subprocess.run(
        [sys.executable, "-m", "tests.strategies.offline_freqtrade", ",".join(PAIRS), *arguments],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert plain.returncode == 0, plain.stdout[-2000:] + plain.stderr[-2000:]
    results = tmp_path / "backtest_results"
    expected, ours = load_backtest_data(results), unfeather(outcome.trades)
    assert len(ours) >= 8
    for column in set(KEPT) - {"funding_fees"}:
        theirs = expected[column]
        if theirs.dtype.kind == "f":
            # The file of the command has eight decimals.
            pd.testing.assert_series_equal(ours[column], theirs, check_dtype=False, atol=1e-8)
        else:
            assert [str(each) for each in ours[column]] == [str(each) for each in theirs], column
    figures, stats = outcome.figures, load_backtest_stats(results)["strategy"]["BuyTheDip"]
    assert figures is not None
    assert figures.trades == stats["total_trades"]
    assert figures.wins == stats["wins"]
    assert figures.total_pct == pytest.approx(100 * stats["profit_total"], abs=1e-4)
    assert figures.sum_ratio / figures.trades == pytest.approx(stats["profit_mean"], abs=1e-6)
    assert figures.won_usd / figures.lost_usd == pytest.approx(stats["profit_factor"], abs=1e-4)


def test_a_matrix_that_is_killed_loses_nothing_that_was_done(
    seeded_datadir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "matrix.sqlite"
    arguments = [
        "matrix", "--data", str(seeded_datadir), "--strategy", "BuyTheDip:crash_often",
        *[word for pair in PAIRS[:2] for word in ("--pair", pair)],
        "--period", "2024-02", "--period", "2024-03", "--cost", "0.1%", "--cost", "mexc+gap",
        "--store", str(file),
    ]  # fmt: skip
    with _killed_after(2, [*arguments, "--workers", "1"], file):
        pass
    wish = MatrixWish(
        datadir=seeded_datadir.resolve(),
        periods=all_periods(["2024-02", "2024-03"]),
        costs=all_costs(["0.1%", "mexc+gap"]),
        strategies=("BuyTheDip:crash_often",),
        pairs=PAIRS[:2],
    )
    cells = plan_matrix(wish).cells
    store = MatrixStore(file)
    before = store.outcomes(cell.key for cell in cells)
    assert 2 <= len(before) < len(cells) == 8
    todo = missing_cells(cells, store)
    assert {cell.key for cell in todo} == {cell.key for cell in cells} - set(before)
    for cell in todo:
        store.save(cell, run_cell(cell), NOW)
    # A result of the killed run, of a warm process, is that of another process.
    known = next(cell for cell in cells if cell.key in before)
    again = run_cell(known)
    assert again.figures == before[known.key].figures
    pd.testing.assert_frame_equal(unfeather(again.trades), _trades(store, known.key))
    store.close()

    table, sheet = tmp_path / "m.json", tmp_path / "m.csv"
    answer = CliRunner().invoke(main, [*arguments, "--json", str(table), "--csv", str(sheet)])
    assert answer.exit_code == 0, answer.output
    assert f"8 cells, 8 of them in {file}, 0 to run" in answer.output
    content = json.loads(table.read_text())
    assert [group["cost"] for group in content["groups"]] == ["0.1%+0bps", "0.1%+30bps+gap"]
    cheap, dear = content["groups"]
    assert cheap["measured"] == dear["measured"] == 4
    assert cheap["trades"] == dear["trades"] > 0 and cheap["mean_pct"] > dear["mean_pct"]
    assert len(sheet.read_text().splitlines()) == 9


@contextlib.contextmanager
def _killed_after(cells: int, arguments: list[str], file: Path) -> Iterator[None]:
    """`aquatrade ARGUMENTS`, killed outright as soon as the store has so many cells."""
    code = "from operations.command_line import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 200
        while _stored(file) < cells:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.wait()
        yield
        while time.monotonic() < deadline:  # its workers notice and end
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 0)
                time.sleep(0.05)
                continue
            return
        raise AssertionError("a worker of the killed run is still there")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _stored(file: Path) -> int:
    if not file.exists():
        return 0
    with (
        contextlib.suppress(sqlite3.OperationalError),
        contextlib.closing(sqlite3.connect(file)) as plain,
    ):
        return int(plain.execute("SELECT count(*) FROM cells").fetchone()[0])
    return 0


def _trades(store: MatrixStore, key: str) -> pd.DataFrame:
    trades = store.trades(key)
    assert trades is not None
    return trades
