"""Cells through a Dask scheduler; skipped where dask, which is optional, is not installed."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.matrix.cell_run import run_cell
from lab.matrix.costs import all_costs
from lab.matrix.dask_runner import _failure, run_on_dask
from lab.matrix.periods import all_periods
from lab.matrix.plan import MatrixError, MatrixWish, plan_matrix
from tests.lab.suite_market import PAIRS

distributed: Any = pytest.importorskip(
    "distributed", reason="dask is not installed: pip install aquatrade[dask]"
)


@pytest.fixture
def address() -> Iterator[str]:
    """A scheduler with one worker of two threads, in this process but spoken to over TCP."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp", dashboard_address=None,
        host="127.0.0.1",
    ) as cluster:  # fmt: skip
        yield cluster.scheduler_address


def test_a_cluster_makes_the_same_cells(address: str, seeded_datadir: Path) -> None:
    wish = MatrixWish(
        datadir=seeded_datadir,
        periods=all_periods(["2024-02"]),
        costs=all_costs(["binance", "mexc+gap"]),
        strategies=("BuyTheDip:crash_often",),
        pairs=PAIRS,
    )
    *cells, last = plan_matrix(wish).cells
    elsewhere = replace(last, prints=replace(last.prints, code="another"))
    outcomes = {outcome.key: outcome for outcome in run_on_dask([*cells, elsewhere], address)}
    assert len(outcomes) == 6
    for cell in cells:
        assert outcomes[cell.key].figures == run_cell(cell).figures
    assert outcomes[last.key].status == "failed"
    assert outcomes[last.key].message == "not what was planned with: code; plan again"


def test_no_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.matrix.dask_runner.CONNECT_SECONDS", 1)
    with pytest.raises(MatrixError, match=r"--scheduler tcp://127\.0\.0\.1:1: ") as refused:
        list(run_on_dask([], "tcp://127.0.0.1:1"))
    assert "\n" not in str(refused.value)


def test_a_scheduler_need_not_import_freqtrade() -> None:
    """What it reads of a task names one light module."""
    code = "import sys, lab.matrix.remote; sys.exit('freqtrade' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_lost_scheduler_is_no_failure_of_a_cell() -> None:
    lost = distributed.client.FutureCancelledError("key", "scheduler-connection-lost")
    with pytest.raises(MatrixError, match="the connection was lost; the same command goes on"):
        _failure("a", (type(lost), lost, None), "tcp://127.0.0.1:1")
    died = RuntimeError("four times\nover")
    assert _failure("a", (type(died), died, None), "x").message == "RuntimeError: four times over"
