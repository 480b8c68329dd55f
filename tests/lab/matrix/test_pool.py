"""Cells on processes: all come back, a dead process costs its cell one more try, none is left."""

import os
import time
from pathlib import Path

import pytest

from lab.matrix.pool import cores, run_on_cores
from tests.lab.matrix.fake_cells import fake_cell, work


def test_every_cell_comes_back_once_and_processes_stay(tmp_path: Path) -> None:
    cells = [fake_cell(f"c{number}", tmp_path) for number in range(12)]
    outcomes = list(run_on_cores(cells, 2, work))
    assert sorted(outcome.key for outcome in outcomes) == sorted(cell.key for cell in cells)
    assert all(outcome.status == "ok" and outcome.figures for outcome in outcomes)
    assert len(_processes(tmp_path)) <= 2
    _all_ended(tmp_path)


def test_a_process_is_replaced_after_so_many_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.matrix.pool.CELLS_A_PROCESS", 3)
    cells = [fake_cell(f"c{number}", tmp_path) for number in range(8)]
    assert len(list(run_on_cores(cells, 1, work))) == 8
    assert len(_processes(tmp_path)) == 3
    _all_ended(tmp_path)


def test_a_dead_process_costs_its_cell_one_more_try(tmp_path: Path) -> None:
    names = {"a": "Some", "b": "DiesOnce", "c": "Dies", "d": "Exits", "e": "Some"}
    cells = [fake_cell(key, tmp_path, strategy=name) for key, name in names.items()]
    outcomes = {outcome.key: outcome for outcome in run_on_cores(cells, 2, work)}
    assert set(outcomes) == set(names)
    assert [key for key in names if outcomes[key].status == "ok"] == ["a", "b", "e"]
    assert outcomes["c"].message == "its process died 2 times (signal 9)"
    assert outcomes["d"].message == "its process died 2 times (exit code 3)"
    calls = {key: len(list(tmp_path.glob(f"{key}-*"))) for key in names}
    assert calls == {"a": 1, "b": 2, "c": 2, "d": 2, "e": 1}
    _all_ended(tmp_path)


def test_closing_early_ends_the_processes_at_once(tmp_path: Path) -> None:
    cells = [fake_cell("a", tmp_path), *[fake_cell(f"s{n}", tmp_path, strategy="Sleeps")
                                         for n in range(3)]]  # fmt: skip
    outcomes = run_on_cores(cells, 2, work)
    assert next(outcomes).key == "a"
    started = time.monotonic()
    outcomes.close()
    assert time.monotonic() - started < 20
    _all_ended(tmp_path)


def test_no_cell_is_no_process() -> None:
    assert list(run_on_cores([], 4, work)) == []
    assert cores() >= 1


def _processes(folder: Path) -> set[int]:
    return {int(file.name.rsplit("-", 1)[1]) for file in folder.iterdir()}


def _all_ended(folder: Path) -> None:
    for process in _processes(folder):
        assert not Path(f"/proc/{process}/stat").exists() or _is_gone(process)


def _is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state in {"Z", "X"}  # ended; the fork server has yet to look
