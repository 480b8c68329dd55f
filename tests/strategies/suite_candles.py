"""Golden backtests of any strategy and timeframe: hand-written rows after a quiet stretch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from lab.evidence_runner import BacktestRequest, run_backtest
from tests.strategies.candle_tables import FEE_RATE, START, Row


@dataclass(frozen=True)
class Trade:
    """A trade that must come out. Candles count from the first hand-written row."""

    enter: int
    enter_rate: float
    leave: int
    leave_rate: float
    reason: str
    pair: str = "BTC/USDT"


def candles(rows: Sequence[Row], timeframe: str, start: datetime = START) -> pd.DataFrame:
    """Rows as freqtrade has them in a dataframe."""
    frame = pd.DataFrame(rows, columns=["open", "high", "low", "close", "volume"])
    step = pd.Timedelta(timeframe.replace("d", "D"))
    dates = [pd.Timestamp(start) + step * number for number in range(len(rows))]
    frame.insert(0, "date", pd.DatetimeIndex(dates).as_unit("ms"))
    return frame


def write(
    folder: Path, pair: str, rows: Sequence[Row], timeframe: str, start: datetime = START
) -> None:
    """A feather file as freqtrade keeps it."""
    file = folder / f"{pair.replace('/', '_')}-{timeframe}.feather"
    candles(rows, timeframe, start).to_feather(file)


def backtest(
    folder: Path,
    strategy: str,
    timeframe: str,
    tables: Mapping[str, Sequence[Row]],
    section: Mapping[str, object],
    max_open_trades: int = 5,
) -> pd.DataFrame:
    """Freqtrade's backtester over the rows; a wallet of 10,000."""
    for pair, rows in tables.items():
        write(folder, pair, rows, timeframe)
    request = BacktestRequest(
        datadir=folder,
        pairs=tuple(tables),
        fee_rate=FEE_RATE,
        aquatrade=section,
        max_open_trades=max_open_trades,
        wallet=10_000.0,
        strategy=strategy,
    )
    return run_backtest(request)


def as_trades(trades: pd.DataFrame, timeframe: str, quiet: int) -> list[Trade]:
    """In the words of Trade, those that the end of the candles cut off left out."""
    step = pd.Timedelta(timeframe.replace("d", "D"))
    first = pd.Timestamp(START) + quiet * step
    return [
        Trade(
            enter=round((trade["open_date"] - first) / step),
            enter_rate=round(trade["open_rate"], 4),
            leave=round((trade["close_date"] - first) / step),
            leave_rate=round(trade["close_rate"], 4),
            reason=trade["exit_reason"],
            pair=trade["pair"],
        )
        for trade in trades.to_dict("records")
        if trade["exit_reason"] != "force_exit"
    ]


def net_ratio(trade: Trade) -> float:
    """By hand: sold less its fee over bought plus its fee."""
    return trade.leave_rate * (1 - FEE_RATE) / (trade.enter_rate * (1 + FEE_RATE)) - 1
