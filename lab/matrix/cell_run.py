"""One cell: its backtest, its figures, and what of it is kept."""

import contextlib
import io
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd
from freqtrade.exceptions import FreqtradeException, OperationalException

from lab.evidence_runner import BacktestRun, backtest
from lab.matrix.fills import backtester_of
from lab.matrix.fingerprint import fingerprint_of
from lab.matrix.plan import Cell
from lab.suite_equity import LEFT_OPEN, capital_figures, daily_equity, orders_of
from lab.suite_plan import candle_file

Status = Literal["ok", "empty", "failed"]
KEPT = [
    "pair", "open_date", "close_date", "open_rate", "close_rate", "amount", "stake_amount",
    "fee_open", "fee_close", "profit_ratio", "profit_abs", "exit_reason", "enter_tag", "is_short",
    "leverage", "funding_fees",
]  # fmt: skip
# Freqtrade's words where a period has no candles, or fewer than a strategy looks back on.
NO_CANDLES = ("No data found", "No data left after adjusting")
# Freqtrade keeps trades and locks in its classes: a process runs one backtest at a time.
ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class CellFigures:
    """All trades, also those that the end of the candles closed (left_open), as freqtrade counts.

    Sums are kept so that cells can be put together. total, drawdown and Sharpe are of the capital,
    valued daily; None where they do not exist.
    """

    trades: int
    left_open: int
    wins: int
    sum_ratio: float
    won_usd: float
    lost_usd: float
    total_pct: float
    drawdown_pct: float | None
    sharpe: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a cell. empty: no candles in its period; failed: message says why."""

    key: str
    status: Status
    message: str = ""
    seconds: float = 0.0
    start: datetime | None = None
    end: datetime | None = None
    figures: CellFigures | None = None
    trades: bytes = b""  # feather, columns KEPT
    equity: bytes = b""  # feather: day, value


def run_cell(cell: Cell) -> Outcome:
    """Backtest a cell in this process; whatever happens, the answer is an outcome."""
    started = time.perf_counter()
    try:
        with ONE_AT_A_TIME, _quiet():
            _refuse_other_ground(cell)
            run = backtest(cell.request, backtester_of(cell.cost))
            return _outcome(cell, run, time.perf_counter() - started)
    except OperationalException as error:
        status: Status = "empty" if str(error).startswith(NO_CANDLES) else "failed"
        message = _one_line(str(error))
    except FreqtradeException as error:
        status, message = "failed", _one_line(str(error))
    except Exception as error:  # noqa: BLE001 - a strategy's own mistake costs its cell alone
        status, message = "failed", _one_line(f"{type(error).__name__}: {error}")
    return Outcome(cell.key, status, message, time.perf_counter() - started)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _refuse_other_ground(cell: Cell) -> None:
    differing = cell.prints.differing(fingerprint_of(cell.request))
    if differing:
        raise OperationalException(f"not what was planned with: {', '.join(differing)}; plan again")


def _outcome(cell: Cell, run: BacktestRun, seconds: float) -> Outcome:
    equity = equity_of(cell, run)
    return Outcome(
        key=cell.key,
        status="ok",
        seconds=seconds,
        start=run.start,
        end=run.end,
        figures=figures_of(run.trades, equity),
        trades=feather(run.trades[KEPT]),
        equity=feather(pd.DataFrame({"day": equity.index, "value": equity.to_numpy()})),
    )


def equity_of(cell: Cell, run: BacktestRun) -> pd.Series:
    """The capital at the end of each day, by the day; at first, of the day before."""
    orders = orders_of(run.trades)
    closes = {
        pair: _daily_closes(cell, pair, run.start, run.end)
        for pair in orders["pair"].unique().tolist()
    }
    return daily_equity(orders, closes, cell.capital, run.start, run.end)


def _daily_closes(cell: Cell, pair: str, start: datetime, end: datetime) -> pd.Series:
    file = candle_file(cell.request.datadir, pair, cell.timeframe)
    frame = pd.read_feather(file, columns=["date", "close"])
    first = pd.Timestamp(start).floor("D")
    frame = frame[(frame["date"] >= first) & (frame["date"] <= pd.Timestamp(end))]
    closes: pd.Series = frame.groupby(frame["date"].dt.floor("D"))["close"].last()
    return closes


def figures_of(trades: pd.DataFrame, equity: pd.Series) -> CellFigures:
    """Figures of freqtrade's trades and of the capital's daily value."""
    ratio = trades["profit_ratio"].to_numpy(dtype=np.float64)
    amounts = trades["profit_abs"].to_numpy(dtype=np.float64)
    capital = capital_figures(equity)
    return CellFigures(
        trades=len(trades),
        left_open=int((trades["exit_reason"] == LEFT_OPEN).sum()),
        wins=int((amounts > 0).sum()),
        sum_ratio=float(ratio.sum()),
        won_usd=float(amounts[amounts > 0].sum()),
        lost_usd=float(-amounts[amounts < 0].sum()),
        total_pct=capital.total_pct,
        drawdown_pct=capital.drawdown_pct,
        sharpe=capital.sharpe,
    )


def feather(frame: pd.DataFrame) -> bytes:
    """A frame as the bytes of a compressed feather file."""
    buffer = io.BytesIO()
    frame.reset_index(drop=True).to_feather(buffer, compression="zstd")
    return buffer.getvalue()


def unfeather(content: bytes) -> pd.DataFrame:
    """The frame of such bytes."""
    return pd.read_feather(io.BytesIO(content))


def covered(outcome: Outcome, cell: Cell) -> float:
    """Which part of a period with two ends the candles reach over; 1 without ends."""
    since, until = cell.period.since, cell.period.until
    if since is None or until is None or outcome.start is None or outcome.end is None:
        return 1.0
    reached: timedelta = min(outcome.end, until) - max(outcome.start, since)
    return reached / (until - since)


def _one_line(text: str) -> str:
    return " ".join(text.split()) or "no word"
