"""A small seeded market for the suite: three pairs with a crash every few days."""

from collections.abc import Mapping
from pathlib import Path

from lab.evidence_runner import BacktestRequest
from tests.strategies.candle_tables import seeded_rows, write_candles

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
HOURS = 2500


def write_market(folder: Path) -> Path:
    """Hourly candles of all pairs; returns the folder."""
    for seed, pair in enumerate(PAIRS):
        write_candles(folder, pair, seeded_rows(seed, HOURS))
    return folder


def dipping(
    datadir: Path, section: Mapping[str, object], slots: int = len(PAIRS)
) -> BacktestRequest:
    """BuyTheDip `crash_often` on it with 5,000 USD."""
    return BacktestRequest(
        datadir=datadir,
        pairs=PAIRS,
        fee_rate=0.001,
        aquatrade={"preset": "crash_often", **section},
        max_open_trades=slots,
        wallet=5000.0,
    )
