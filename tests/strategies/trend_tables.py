"""Candle tables for golden backtests of the trend strategies: paths of closes with even ranges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.resolvers import StrategyResolver

from lab.evidence_runner import STRATEGIES, BacktestRequest, run_backtest

START = datetime(2024, 1, 1, tzinfo=UTC)
FEE_RATE = 0.001
COLUMNS = ["open", "high", "low", "close", "volume"]
VOLUME = 50_000.0  # at a price of 100 more than enough turnover a day
# Freqtrade takes the price tick from the decimals of the candles: four here.
REACH = 0.5001

Row = tuple[float, float, float, float, float]  # open, high, low, close, volume


def candle(opened: float, close: float, volume: float = VOLUME, reach: float = REACH) -> Row:
    """From open to close, and a bit beyond on both sides."""
    high, low = max(opened, close) + reach, min(opened, close) - reach
    return (opened, round(high, 4), round(low, 4), close, volume)


def rows_of(closes: Sequence[float]) -> list[Row]:
    """Candles whose closes these are; each opens where the one before closed."""
    return [candle(closes[0], closes[0]), *(candle(a, b) for a, b in pairwise(closes))]


def steps(start: float, *parts: tuple[int, float]) -> list[float]:
    """Closes of (number of candles, move of each)."""
    closes = [start]
    for number, move in parts:
        closes += [round(closes[-1] + move * (k + 1), 4) for k in range(number)]
    return closes


def wilder_atr(rows: Sequence[Row], period: int = 14) -> list[float]:
    """Slow and obvious: the mean of the first true ranges, then a 14th of each new one."""
    ranges = [
        max(high, before[3]) - min(low, before[3])
        for before, (_, high, low, _, _) in pairwise(rows)
    ]
    atr = [float("nan")] * period + [sum(ranges[:period]) / period]
    for each in ranges[period:]:
        atr.append((atr[-1] * (period - 1) + each) / period)
    return atr


def frame_of(rows: Sequence[Row], timeframe: str) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    dates = pd.date_range(START, periods=len(rows), freq=timeframe.replace("d", "D"), tz="UTC")
    frame.insert(0, "date", dates.as_unit("ms"))
    return frame


def resampled(frame: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    """Slower candles out of whole ones; the last, unfinished one is left out."""
    per = round(pd.Timedelta(timeframe) / (frame["date"].iloc[1] - frame["date"].iloc[0]))
    whole = frame.head(len(frame) // per * per)
    groups = whole.groupby(whole.index // per)
    slower = groups.agg(
        {"date": "first", "open": "first", "high": "max", "low": "min", "close": "last",
         "volume": "sum"}
    )  # fmt: skip
    return slower.reset_index(drop=True)


def write(folder: Path, pair: str, frame: pd.DataFrame, timeframe: str) -> None:
    """As freqtrade keeps it; a perpetual with its marks and, every 8 h, funding of nothing."""
    name = pair.replace("/", "_").replace(":", "_")
    if ":" not in pair:
        frame.to_feather(folder / f"{name}-{timeframe}.feather")
        return
    (folder / "futures").mkdir(exist_ok=True)
    frame.to_feather(folder / "futures" / f"{name}-{timeframe}-futures.feather")
    if timeframe != "1h":
        return
    frame.to_feather(folder / "futures" / f"{name}-1h-mark.feather")
    funding = frame[frame["date"].dt.hour % 8 == 0].assign(
        open=0.0, high=0.0, low=0.0, close=0.0, volume=0.0
    )
    funding.reset_index(drop=True).to_feather(
        folder / "futures" / f"{name}-1h-funding_rate.feather"
    )


@dataclass(frozen=True)
class Trip:
    """A trade: the candles of its entry and exit, counted from the first of the table."""

    enter: int
    enter_rate: float
    leave: int
    leave_rate: float
    reason: str
    pair: str = "BTC/USDT"
    is_short: bool = False


def trips(
    folder: Path,
    strategy: str,
    preset: str,
    tables: Mapping[str, Sequence[Row]],
    timeframe: str,
    sizing: Mapping[str, object] | None = None,
) -> list[Trip]:
    """Closed trades of freqtrade's backtester, those that the end of the data cut off left out."""
    trades = traded(folder, strategy, preset, tables, timeframe, sizing)
    candle_length = pd.Timedelta(timeframe)
    return [
        Trip(
            enter=round((trade["open_date"] - START) / candle_length),
            enter_rate=round(trade["open_rate"], 4),
            leave=round((trade["close_date"] - START) / candle_length),
            leave_rate=round(trade["close_rate"], 4),
            reason=trade["exit_reason"],
            pair=trade["pair"],
            is_short=trade["is_short"],
        )
        for trade in trades.to_dict("records")
        if trade["exit_reason"] != "force_exit"
    ]


def traded(
    folder: Path,
    strategy: str,
    preset: str,
    tables: Mapping[str, Sequence[Row]],
    timeframe: str,
    sizing: Mapping[str, object] | None = None,
) -> pd.DataFrame:
    """The same as freqtrade tells it; 4h candles are written beside hourly ones."""
    for pair, rows in tables.items():
        frame = frame_of(rows, timeframe)
        write(folder, pair, frame, timeframe)
        if timeframe == "1h":
            write(folder, pair, resampled(frame, "4h"), "4h")
    section: dict[str, object] = {"preset": preset}
    if sizing is not None:
        section["sizing"] = dict(sizing)
    is_futures = any(":" in pair for pair in tables)
    return run_backtest(
        BacktestRequest(
            datadir=folder,
            pairs=tuple(tables),
            fee_rate=FEE_RATE,
            aquatrade=section,
            max_open_trades=10,
            wallet=10_000.0,
            strategy=strategy,
            trading_mode="futures" if is_futures else "spot",
        )
    )


class Candles:
    """A data provider that knows the candles which had closed by a moment."""

    def __init__(self, frames: Mapping[tuple[str, str], pd.DataFrame], now: pd.Timestamp) -> None:
        self._frames = frames
        self._now = now

    def get_pair_dataframe(self, pair: str, timeframe: str, candle_type: str = "") -> pd.DataFrame:
        frame = self._frames[pair, timeframe]
        return frame[frame["date"] + pd.Timedelta(timeframe) <= self._now].copy()

    def current_whitelist(self) -> list[str]:
        return sorted({pair for pair, _ in self._frames})


def load(strategy: str, **changes: Any) -> Any:
    """A strategy as a backtest has it; changes: of the config, "aquatrade" among them."""
    config: dict[str, Any] = {
        "strategy": strategy,
        "strategy_path": STRATEGIES,
        "user_data_dir": Path(),
        "runmode": RunMode.BACKTEST,
        "dry_run": True,
        "stake_currency": "USDT",
        **changes,
    }
    loaded = StrategyResolver.load_strategy(config)
    loaded.ft_load_hyper_params(False)
    return loaded


def analysed(
    strategy: Any, frames: Mapping[tuple[str, str], pd.DataFrame], pair: str, candles: int
) -> pd.DataFrame:
    """Indicators and signals on the first so many candles, with nothing known of later ones."""
    frame = frames[pair, strategy.timeframe].head(candles)
    now = frame["date"].iloc[-1] + pd.Timedelta(strategy.timeframe)
    strategy.dp = Candles(frames, now)
    metadata = {"pair": pair}
    result: pd.DataFrame = strategy.advise_indicators(frame.copy(), metadata)
    advised: pd.DataFrame = strategy.ft_advise_signals(result, metadata)
    return advised
