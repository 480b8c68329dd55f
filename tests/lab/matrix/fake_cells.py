"""Cells and work without any backtest, for what only moves them about."""

import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from lab.evidence_runner import BacktestRequest
from lab.matrix.cell_run import CellFigures, Outcome, feather
from lab.matrix.costs import CostModel
from lab.matrix.fingerprint import Fingerprint
from lab.matrix.periods import parse_period
from lab.matrix.plan import Cell

START, END = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 4, tzinfo=UTC)


def fake_cell(key: str, folder: Path = Path("/none"), **changes: object) -> Cell:
    """Its strategy's name says what the work below does."""
    values: dict[str, object] = {
        "strategy": "Some", "preset": "one", "pairs": ("BTC/USDT",),
        "period": parse_period("20240101-20240104"), "cost": CostModel(0.1), "timeframe": "1h",
        "capital": 100.0, "prints": Fingerprint("a", "b", "c"),
        "request": BacktestRequest(folder, ("BTC/USDT",), 0.001, {}, 1, 100.0),
    }  # fmt: skip
    return Cell(key=key, **{**values, **changes})  # type: ignore[arg-type]


def fake_outcome(key: str, values: tuple[float, ...] = (100.0, 110.0, 105.0, 120.0)) -> Outcome:
    """Two trades, one won; values: of the capital, from the day before START."""
    days = pd.date_range("2023-12-31", periods=len(values), freq="D", tz="UTC")
    total = 100.0 * (values[-1] / values[0] - 1.0)
    return Outcome(
        key, "ok", "", 0.5, START, END,
        CellFigures(2, 1, 1, 0.10, 30.0, 10.0, total, 4.5, 2.0),
        feather(pd.DataFrame({"pair": ["BTC/USDT"] * 2, "profit_ratio": [0.3, -0.2]})),
        feather(pd.DataFrame({"day": days, "value": values})),
    )  # fmt: skip


def work(cell: Cell) -> Outcome:
    """What the strategy's name says, once or always; each call leaves a file in the folder."""
    folder = cell.request.datadir
    calls = len(list(folder.glob(f"{cell.key}-*")))
    (folder / f"{cell.key}-{calls}-{os.getpid()}").touch()
    if cell.strategy == "Dies" or (cell.strategy == "DiesOnce" and calls == 0):
        os.kill(os.getpid(), signal.SIGKILL)
    if cell.strategy == "Exits":
        os._exit(3)
    if cell.strategy == "Sleeps":
        time.sleep(60)
    return fake_outcome(cell.key)
