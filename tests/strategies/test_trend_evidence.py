"""What the presets' evidence says, on the two longest of the recorded pairs."""

from pathlib import Path

import pandas as pd
import pytest

from lab.evidence_runner import BacktestRequest, backtest
from lab.quick_backtest import QuickBacktesting

PAIRS = ("BTC/USDT", "ETH/USDT")


def closed(datadir: Path, strategy: str) -> pd.DataFrame:
    """Trades of the default preset to the end of 2024 at 0.3 % a side, a stake for each pair."""
    request = BacktestRequest(
        datadir=datadir,
        pairs=PAIRS,
        fee_rate=0.003,
        aquatrade={"sizing": {"method": "fixed", "stake_usd": 200.0}},
        max_open_trades=len(PAIRS),
        wallet=10_000.0,
        strategy=strategy,
        timerange="-20250101",
    )
    trades = backtest(request, QuickBacktesting).trades
    return trades[trades["exit_reason"] != "force_exit"]


@pytest.mark.parametrize(
    ("strategy", "trades", "mean_pct"), [("SmaTrend", 36, 17.08), ("Momentum", 107, 6.88)]
)
def test_recorded_candles_say_the_same(
    strategy: str, trades: int, mean_pct: float, market_data: Path
) -> None:
    found = closed(market_data / "binance", strategy)
    assert len(found) == trades
    assert 100.0 * found["profit_ratio"].mean() == pytest.approx(mean_pct, abs=0.05)
