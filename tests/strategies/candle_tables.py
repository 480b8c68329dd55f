"""Candle tables for golden backtests: a quiet stretch, then a few rows written by hand."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from lab.evidence_runner import BacktestRequest, run_backtest

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUIET_HOURS = 460
PAIR = "BTC/USDT"
FEE_RATE = 0.001

Row = tuple[float, float, float, float, float]  # open, high, low, close, volume


def quiet_rows() -> list[Row]:
    """400 hours at 80, 60 hours at 100: SMA(200) is 86 at the end, and EMA(24) nearly 100.

    Freqtrade takes the price tick of a backtest from the decimals of the candles: four here.
    """
    prices = [80.0001] + [80.0] * 399 + [100.0] * (QUIET_HOURS - 400)
    return [(price, price, price, price, 100.0) for price in prices]


def flat(price: float, volume: float = 100.0) -> Row:
    return (price, price, price, price, volume)


def move(start: float, end: float, volume: float = 100.0) -> Row:
    """A candle straight from one price to another."""
    return (start, max(start, end), min(start, end), end, volume)


def path(*prices: float) -> list[Row]:
    """Candles straight from price to price."""
    return [move(a, b) for a, b in itertools.pairwise(prices)]


@dataclass(frozen=True)
class Expected:
    """A trade that must come out. Hours count from the first hand-written row."""

    enter: int
    enter_rate: float
    leave: int
    leave_rate: float
    reason: str
    tag: str = "crash"
    pair: str = PAIR


def write_candles(folder: Path, pair: str, rows: Sequence[Row], start: datetime = START) -> None:
    """A feather file as freqtrade keeps it."""
    frame = pd.DataFrame(rows, columns=["open", "high", "low", "close", "volume"])
    dates = pd.date_range(start, periods=len(rows), freq="1h", tz="UTC").as_unit("ms")
    frame.insert(0, "date", dates)
    frame.to_feather(folder / f"{pair.replace('/', '_')}-1h.feather")


def backtest(
    folder: Path,
    tables: Mapping[str, Sequence[Row]],
    aquatrade: Mapping[str, object],
    **changes: object,
) -> pd.DataFrame:
    """Freqtrade's backtester over quiet hours and the rows of each table."""
    for pair, rows in tables.items():
        write_candles(folder, pair, [*quiet_rows(), *rows])
    request = BacktestRequest(
        datadir=folder,
        pairs=tuple(tables),
        fee_rate=FEE_RATE,
        aquatrade=aquatrade,
        max_open_trades=10,
        wallet=10_000.0,
        config=changes,
    )
    return run_backtest(request)


def as_expected(trades: pd.DataFrame) -> list[Expected]:
    """Trades in the words of Expected, those that the end of the data cut off left out."""
    first = START + QUIET_HOURS * HOUR
    return [
        Expected(
            enter=round((trade["open_date"] - first) / HOUR),
            enter_rate=round(trade["open_rate"], 4),
            leave=round((trade["close_date"] - first) / HOUR),
            leave_rate=round(trade["close_rate"], 4),
            reason=trade["exit_reason"],
            tag=trade["enter_tag"],
            pair=trade["pair"],
        )
        for trade in trades.to_dict("records")
        if trade["exit_reason"] != "force_exit"
    ]


def profit_ratio(trade: Expected) -> float:
    """By hand: sold less its fee over bought plus its fee."""
    return trade.leave_rate * (1 - FEE_RATE) / (trade.enter_rate * (1 + FEE_RATE)) - 1


def fingerprint(trades: pd.DataFrame) -> str:
    """SHA-256 over every closed trade: the same strategy on the same candles has the same."""
    lines = [
        f"{t.pair} {t.open_date:%Y%m%d%H} {t.close_date:%Y%m%d%H} {t.open_rate:.6f} "
        f"{t.close_rate:.6f} {t.stake_amount:.4f} {t.enter_tag} {t.exit_reason}"
        for t in trades.sort_values(["open_date", "pair"]).itertuples()
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def seeded_rows(seed: int, hours: int) -> list[Row]:
    """A market with drift, noise and a crash with rebound about every 80 hours, on cents."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0008, 0.006, hours)
    for hour in range(0, hours - 80, 80):
        at = hour + int(rng.integers(0, 60))
        crash = rng.uniform(0.05, 0.25)
        moves[at] -= crash
        moves[at + 1 : at + 8] += crash / 7 * rng.uniform(0.0, 1.5)
    close = np.round(100.0 * np.exp(np.cumsum(moves)), 2)
    opened = np.concatenate([[100.0], close[:-1]])
    reach = np.round(np.abs(rng.normal(0, 0.003, (2, hours))) * close, 2)
    high = np.maximum(opened, close) + reach[0]
    low = np.minimum(opened, close) - reach[1]
    volume = np.round(rng.lognormal(4.0, 0.6, hours), 1)
    return list(zip(opened, high, low, close, volume, strict=True))
