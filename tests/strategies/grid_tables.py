"""Candle tables for golden backtests of GridTrader: 5m rows by hand after a quiet warm-up."""

import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lab.evidence_runner import BacktestRequest, run_backtest

START = datetime(2024, 2, 1, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)
WARM_CANDLES = 760
FIRST = START + WARM_CANDLES * FIVE_MINUTES  # of the rows written by hand
WARM_HOURS = 24 * 40
FEE_RATE = 0.001
PAIR = "BTC/USDT"
LEVEL = re.compile(r"L-?\d+(?:@\d+)?")

Row = tuple[float, float, float, float, float]  # open, high, low, close, volume

# Steps of 1 USD around 100, eight levels a side of 100 USD each.
HAND: dict[str, Any] = {
    "kind": "arithmetic", "levels": 8, "spacing_pct": 1.0, "stake_usd": 100.0,
    "rebalance_pct": 8.5, "stop_pct": 15.0,
}  # fmt: skip


def rows_of(*opens: float, reach: float = 0.02) -> list[Row]:
    """Candles that open at these prices and go straight to the next one's open."""
    ends = [*opens[1:], opens[-1]]
    return [
        (a, round(max(a, b) + reach, 4), round(min(a, b) - reach, 4), b, 100.0)
        for a, b in zip(opens, ends, strict=True)
    ]


def write_candles(
    folder: Path, pair: str, rows: Sequence[Row], start: datetime, timeframe: str, step: timedelta
) -> None:
    frame = pd.DataFrame(rows, columns=["open", "high", "low", "close", "volume"])
    dates = pd.date_range(start, periods=len(rows), freq=step, tz="UTC").as_unit("ms")
    frame.insert(0, "date", dates)
    frame.to_feather(folder / f"{pair.replace('/', '_')}-{timeframe}.feather")


def wobbling_hours(hours: int, price: float = 100.0, share: float = 0.02) -> list[Row]:
    """A market that suits a grid: to and fro around one price, never away."""
    noise = np.random.default_rng(5).uniform(-0.5, 0.5, hours + 1)
    closes = price * np.exp(share * noise)
    return [
        (float(a), float(max(a, b)), float(min(a, b)), float(b), 100.0)
        for a, b in itertools.pairwise(closes)
    ]


def write_market(
    folder: Path, tables: Mapping[str, Sequence[Row]], hours: Sequence[Row] | None = None
) -> None:
    """5m candles: quiet ones, then the table; hourly ones of a market that suits a grid."""
    begin = START - timedelta(hours=WARM_HOURS)
    for pair, rows in tables.items():
        price = rows[0][0]
        # Freqtrade takes the price tick of a backtest from the decimals of the candles: eight.
        odd = price + 1e-8
        quiet: list[Row] = [(odd, odd, price, price, 100.0)]
        quiet += [(price, price, price, price, 100.0)] * (WARM_CANDLES - 1)
        write_candles(folder, pair, [*quiet, *rows], START, "5m", FIVE_MINUTES)
        candles = len(rows) + WARM_CANDLES
        hourly = wobbling_hours(WARM_HOURS + candles // 12 + 1, price) if hours is None else hours
        write_candles(folder, pair, hourly, begin, "1h", timedelta(hours=1))


def request(folder: Path, pairs: Sequence[str], grid: Mapping[str, Any], **changes: Any) -> Any:
    section = {"grid": dict(grid), **changes.pop("aquatrade", {})}
    return BacktestRequest(
        datadir=folder, pairs=tuple(pairs), fee_rate=changes.pop("fee_rate", FEE_RATE),
        aquatrade=section, max_open_trades=10, wallet=10_000.0, strategy="GridTrader",
        config=changes,
    )  # fmt: skip


def backtest(
    folder: Path,
    tables: Mapping[str, Sequence[Row]],
    grid: Mapping[str, Any],
    hours: Sequence[Row] | None = None,
    **changes: Any,
) -> pd.DataFrame:
    """Freqtrade's backtester over the warm-up and the rows of each table."""
    write_market(folder, tables, hours)
    return run_backtest(request(folder, list(tables), grid, **changes))


def orders_of(trades: pd.DataFrame, pair: str = PAIR) -> list[tuple[int, str, float, str]]:
    """(candle, side, price, levels) of the filled orders, oldest first.

    Candles count from the first row written by hand; an order without levels has its tag.
    """
    found = []
    for trade in trades[trades["pair"] == pair].to_dict("records"):
        for order in trade["orders"]:
            if order["ft_order_tag"] == "force_exit":
                continue
            moment = datetime.fromtimestamp(order["order_filled_timestamp"] / 1000, UTC)
            levels = "_".join(LEVEL.findall(order["ft_order_tag"] or ""))
            found.append(
                (
                    round((moment - FIRST) / FIVE_MINUTES),
                    "buy" if order["ft_is_entry"] else "sell",
                    round(order["safe_price"], 4),
                    levels or order["ft_order_tag"],
                )
            )
    return sorted(found, key=lambda order: order[0])


def cash_of(trades: pd.DataFrame, fee_rate: float = FEE_RATE) -> float:
    """What all orders brought less what they cost, fees included."""
    cash = 0.0
    for trade in trades.to_dict("records"):
        for order in trade["orders"]:
            value = order["amount"] * order["safe_price"]
            cash += -value * (1 + fee_rate) if order["ft_is_entry"] else value * (1 - fee_rate)
    return cash
