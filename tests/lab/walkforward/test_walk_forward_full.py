"""Walks with freqtrade's own hyperopt: minutes each, so AQUATRADE_REHEARSAL=full runs them."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.evidence_runner import REPOSITORY
from lab.walkforward.answer import answer_of
from lab.walkforward.judge import Walk
from lab.walkforward.plan import plan_walk
from lab.walkforward.run import ResultFolder, run_job, run_walk
from operations.processes import Stage
from tests.lab.walkforward.planted import (
    EDGE_HOURS,
    STRATEGIES,
    everywhere,
    hourly,
    nowhere,
    since,
    wish_of,
    write_hourly,
)

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        os.environ.get("AQUATRADE_REHEARSAL") != "full", reason="AQUATRADE_REHEARSAL=full runs it"
    ),
]
EPOCHS = 200
TRAIN_ENDS = datetime(2023, 3, 1, tzinfo=UTC)


def walk(folder: Path, strategy: str, months: int, epochs: int, has_edge: bool) -> Walk:
    frame = hourly(31 * (months + 1), everywhere if has_edge else nowhere)
    until = datetime(2023, 1 + months, 1, tzinfo=UTC)
    plan = plan_walk(wish_of(write_hourly(folder / "data", frame), strategy, until, epochs))
    results = run_walk(plan.jobs, ResultFolder(folder / "store"), lambda job, done: None, Stage)
    assert all(result.repeats for result in results)
    assert all(len(result.trials) >= 0.9 * epochs for result in results)
    return answer_of(plan, results)


def test_a_strategy_made_to_overfit_is_called_out(tmp_path: Path) -> None:
    found = walk(tmp_path, "RandomBySeed", 4, EPOCHS, has_edge=False)
    # What was chosen looks like a find in every fold.
    assert all(line.in_sample and (line.in_sample.sharpe or 0) > 2.0 for line in found.folds)
    assert found.deflated is not None and found.deflated <= 0.95
    assert found.pbo is not None and found.pbo >= 0.2
    assert found.verdict.startswith("Overfitted as far as these trials tell")


def test_an_edge_that_is_there_is_not(tmp_path: Path) -> None:
    found = walk(tmp_path, "HourOfDay", 4, EPOCHS, has_edge=True)
    assert found.deflated is not None and found.deflated > 0.95
    assert found.pbo is not None and found.pbo < 0.2
    assert found.verdict.startswith("More than chance, the choice holds, and it earned")
    for line in found.folds:
        entered = int(line.result.parameters["hour"]) + 1
        left = entered + int(line.result.parameters["hold"])
        assert left > EDGE_HOURS.start and entered < EDGE_HOURS.stop, line.result.parameters


def test_what_is_only_in_the_test_window_cannot_be_found(tmp_path: Path) -> None:
    """The same search, to the last trade, whether or not there is a find right after it."""
    until = datetime(2023, 4, 1, tzinfo=UTC)
    results = []
    for name, where in (("later", since(TRAIN_ENDS)), ("never", nowhere)):
        datadir = write_hourly(tmp_path / name, hourly(100, where))
        (job,) = plan_walk(wish_of(datadir, "HourOfDay", until, 16)).jobs
        results.append(run_job(job, lambda job, done: None, Stage))
    later, never = results
    assert later.key != never.key
    assert later.trials == never.trials and later.chosen == never.chosen
    assert later.trial_returns == never.trial_returns
    assert later.out_of_sample.returns != never.out_of_sample.returns
    # Trades do not go on: what the train window's end closed is not held in the test window.
    assert len(later.out_of_sample.returns) == 31
    assert len(later.trial_returns[0]) == 59


def test_interrupted_it_keeps_what_was_done_and_leaves_no_process(tmp_path: Path) -> None:
    datadir = write_hourly(tmp_path / "data", hourly(160, nowhere))
    store = tmp_path / "store"
    command = [
        sys.executable, "-c", "from operations.command_line import main; main()", "walk-forward",
        "HourOfDay", "--data", str(datadir), "--store", str(store), "--epochs", "8",
        "--period", "20230101-20230501", "--strategy-path", str(STRATEGIES),
    ]  # fmt: skip
    marker = {**os.environ, "AQUATRADE_TEST_MARK": str(tmp_path)}
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=marker,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 900.0
    while not list(store.glob("*.json")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
    (first,) = list(store.glob("*.json"))
    written = first.stat().st_mtime_ns
    time.sleep(8.0)  # into the search of the second fold
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=60.0)
    assert process.returncode == 130
    assert "interrupted; " in words and len(words.strip().splitlines()) == 1, words
    assert not living(str(tmp_path))
    again = subprocess.run(
        command, cwd=REPOSITORY, env=marker, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert first.stat().st_mtime_ns == written
    assert len(list(store.glob("*.json"))) == 2
    assert not list(store.glob("*.part"))


def living(mark: str) -> list[int]:
    """Processes of this machine that were started with the mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"AQUATRADE_TEST_MARK={mark}\0".encode() in environment:
            found.append(int(folder.name))
    return found
