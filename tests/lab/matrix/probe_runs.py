"""Backtests of StopProbe on hand-made candles."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from lab.evidence_runner import BacktestRequest, backtest
from lab.matrix.costs import CostModel
from lab.matrix.fills import backtester_of
from tests.strategies.candle_tables import START, Row, flat
from tests.strategies.trend_tables import frame_of, write

PROBE = Path(__file__).parent / "probe"
QUIET: list[Row] = [flat(100.0001, 1), flat(100.0, 1)]  # freqtrade takes its tick from decimals
HOUR = pd.Timedelta("1h")
Trip = tuple[int, float, int, float, str]  # entered, at, left, at, why; hours after QUIET


def trips(
    folder: Path,
    tables: Mapping[str, Sequence[Row]],
    cost: CostModel,
    **config: object,
) -> dict[str, Trip]:
    """The one trade of each pair."""
    return {
        trade["pair"]: (
            hours(trade["open_date"]),
            trade["open_rate"],
            hours(trade["close_date"]),
            trade["close_rate"],
            trade["exit_reason"],
        )
        for trade in trades_of(folder, tables, cost, **config).to_dict("records")
    }


def trades_of(
    folder: Path, tables: Mapping[str, Sequence[Row]], cost: CostModel, **config: object
) -> pd.DataFrame:
    """Freqtrade's trades of the tables, each behind QUIET."""
    for pair, rows in tables.items():
        write(folder, pair, frame_of([*QUIET, *rows], "1h"), "1h")
    request = BacktestRequest(
        datadir=folder,
        pairs=tuple(tables),
        fee_rate=cost.fee_rate,
        aquatrade={},
        max_open_trades=len(tables),
        wallet=10_000.0,
        strategy="StopProbe",
        strategy_path=PROBE,
        config=config,
        trading_mode="futures" if ":" in next(iter(tables)) else "spot",
    )
    trades = backtest(request, backtester_of(cost)).trades
    assert trades["pair"].is_unique
    return trades


def hours(moment: pd.Timestamp) -> int:
    """Candles after the quiet ones."""
    return round((moment - pd.Timestamp(START)) / HOUR) - len(QUIET)
