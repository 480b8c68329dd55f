"""One backtest of the suite in a process of its own, so that its memory goes back when it ends.

`python -m lab.suite_run REQUEST.json FOLDER` writes trades, orders and a summary into FOLDER.
"""

import dataclasses
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.exceptions import FreqtradeException

from lab.evidence_runner import REPOSITORY, BacktestRequest, backtest
from lab.quick_backtest import QuickBacktesting
from lab.suite_equity import orders_of

TRADE_COLUMNS = [
    "pair", "open_date", "close_date", "stake_amount", "profit_ratio", "profit_abs",
    "exit_reason", "enter_tag", "is_short",
]  # fmt: skip
REFUSED = 2  # exit code of a backtest that freqtrade or a strategy refuses, with one line
KIB_PER_MB = 1024


class RunError(RuntimeError):
    """A backtest that could not be made; one line."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a backtest leaves: trades and orders (as lab.suite_equity.orders_of), and its cost."""

    trades: pd.DataFrame
    orders: pd.DataFrame
    start: datetime
    end: datetime
    seconds: float
    peak_mb: float


def run_apart(request: BacktestRequest) -> Run:
    """Backtest in a child process. Raises RunError with the child's last word."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "request.json"
        file.write_text(json.dumps(dataclasses.asdict(request), default=str))
        child = subprocess.run(
            [sys.executable, "-m", "lab.suite_run", str(file), str(folder)],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": _search_path(request)},
            capture_output=True,
            text=True,
            check=False,
        )
        if child.returncode != 0:
            last = (child.stderr.strip() or child.stdout.strip() or "no word").splitlines()[-1]
            raise RunError(f"{request.strategy}: {last} (exit code {child.returncode})")
        summary = json.loads((folder / "summary.json").read_text())
        return Run(
            trades=pd.read_feather(folder / "trades.feather"),
            orders=pd.read_feather(folder / "orders.feather"),
            start=datetime.fromisoformat(summary["start"]),
            end=datetime.fromisoformat(summary["end"]),
            seconds=summary["seconds"],
            peak_mb=summary["peak_mb"],
        )


def _search_path(request: BacktestRequest) -> str:
    inherited = os.environ.get("PYTHONPATH")
    parts = [str(REPOSITORY), str(request.strategy_path), *([inherited] if inherited else [])]
    return os.pathsep.join(parts)


def read_request(file: Path) -> BacktestRequest:
    """The request that run_apart wrote."""
    content: dict[str, Any] = json.loads(file.read_text())
    content["pairs"] = tuple(content["pairs"])
    for key in ("datadir", "strategy_path"):
        content[key] = Path(content[key])
    return BacktestRequest(**content)


def main(request_file: Path, folder: Path) -> int:
    """Run and write; returns the exit code."""
    logging.disable(logging.WARNING)
    started = time.perf_counter()
    try:
        run = backtest(read_request(request_file), QuickBacktesting)
    except FreqtradeException as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return REFUSED
    run.trades[TRADE_COLUMNS].astype({"enter_tag": "string", "exit_reason": "string"}).to_feather(
        folder / "trades.feather"
    )
    orders_of(run.trades).to_feather(folder / "orders.feather")
    summary = {
        "start": run.start.isoformat(),
        "end": run.end.isoformat(),
        "seconds": time.perf_counter() - started,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MB,
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
