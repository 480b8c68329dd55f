"""How much the synthetic market resembles a real one: the same figures for both, side by side.

python -m sidecars.replay.market.synthetic_report --data DATADIR
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from sidecars.replay.market.columns import FeedError
from sidecars.replay.market.recorded import RecordedFeed
from sidecars.replay.market.synthetic import DEFAULT_PAIRS, SyntheticFeed
from sidecars.replay.market.timeframes import DAY_MS, HOUR_MS
from sidecars.replay.model import Candles, Feed, FloatArray

HOURS_PER_YEAR: Final = 8760
DAYS_PER_YEAR: Final = 365
# A pair counts in a year in which it has nearly all of its hours.
LEAST_HOURS: Final = 8000
CRASH_HOURS: Final = 6
TREND_HOURS: Final = 200
EXIT_HOURS: Final = 24
AFTER_HOURS: Final = 24
SYNTHETIC_YEARS: Final = range(2021, 2025)
RECORDED_YEARS: Final = range(2019, 2025)


@dataclass(frozen=True, slots=True)
class YearFigures:
    """One year of a market. Means over the pairs unless it says otherwise."""

    volatility_1h: float  # yearly
    volatility_1d: float
    kurtosis_1h: float  # excess; median over the pairs, as one hour can make a pair's
    kurtosis_1d: float
    absolute_lag_1: float  # autocorrelation of |1h return|
    absolute_lag_6: float
    absolute_lag_24: float
    range_per_move: float  # mean log(high / low) over mean |return|, 1h
    volume_and_range: float  # correlation of log volume with log(high / low), 1h
    correlation_1h: float  # mean over the pairs of pairs
    correlation_1d: float
    worst_drawdown: float  # of the year's hourly closes
    crash_hours_8: float  # hours a year, sum over ten pairs: see crash_entries
    crash_hours_10: float


@dataclass(frozen=True, slots=True)
class Band:
    """What a figure's mean over some years must lie within to pass as real, and why."""

    low: float
    high: float
    why: str


# Real: BTC ETH SOL BNB XRP ADA DOGE AVAX LINK DOT on Binance, each year from 2019 to 2024.
BANDS: Final[dict[str, Band]] = {
    "volatility_1h": Band(0.60, 1.30, "real years 0.68 to 1.51, 2021 above all others"),
    "volatility_1d": Band(0.60, 1.30, "real years 0.66 to 1.49; as 1h, so hours hardly correlate"),
    "kurtosis_1h": Band(9.0, 60.0, "real years 13 to 63: fat tails, made by a few hours of crash"),
    "kurtosis_1d": Band(1.5, 30.0, "real years 3 to 24; days are nearer to normal than hours"),
    "absolute_lag_1": Band(0.20, 0.35, "real years 0.23 to 0.32: volatility clusters"),
    "absolute_lag_6": Band(0.12, 0.24, "real years 0.14 to 0.22"),
    "absolute_lag_24": Band(0.09, 0.20, "real years 0.12 to 0.19: the cluster outlives the day"),
    "range_per_move": Band(1.90, 2.25, "real years 2.08 to 2.18; 2.0 without bid-ask bounce"),
    "volume_and_range": Band(0.55, 0.85, "real years 0.57 to 0.73: volume comes with movement"),
    "correlation_1h": Band(0.50, 0.78, "real years 0.52 to 0.74"),
    "correlation_1d": Band(0.48, 0.80, "real years 0.53 to 0.77"),
    "worst_drawdown": Band(-0.80, -0.40, "real years -0.79 to -0.43"),
    "crash_hours_8": Band(25.0, 200.0, "real years 26 to 354, median 45"),
    "crash_hours_10": Band(4.0, 80.0, "real years 4 to 170, median 8, mean 44"),
}


def crash_entries(close: FloatArray, threshold: float) -> npt.NDArray[np.bool_]:
    """Hours whose 6 h return is below threshold, above SMA(200) and below EMA(24)."""
    prices = pd.Series(close)
    fallen = prices / prices.shift(CRASH_HOURS) - 1.0 < threshold
    in_trend = prices > prices.rolling(TREND_HOURS).mean()
    below_exit = prices < prices.ewm(span=EXIT_HOURS, adjust=False).mean()
    entries: npt.NDArray[np.bool_] = np.asarray(fallen & in_trend & below_exit, dtype=np.bool_)
    return entries


def after_crash(close: FloatArray, threshold: float) -> FloatArray:
    """Returns over the 24 h that follow the first hour of each run of crash entries."""
    entries = crash_entries(close, threshold)
    first = entries & ~np.concatenate(([False], entries[:-1]))
    places = np.flatnonzero(first)
    places = places[places + AFTER_HOURS < len(close)]
    returns: FloatArray = close[places + AFTER_HOURS] / close[places] - 1.0
    return returns


def year_figures(feed: Feed, year: int) -> YearFigures:
    """Figures of the pairs that have the whole year. Raises ValueError if there are not two."""
    start_ms, end_ms = (_milliseconds(datetime(y, 1, 1, tzinfo=UTC)) for y in (year, year + 1))
    hourly = {m.symbol: feed.candles(m.symbol, HOUR_MS, start_ms, end_ms) for m in feed.markets}
    hourly = {symbol: candles for symbol, candles in hourly.items() if len(candles) >= LEAST_HOURS}
    if len(hourly) < 2:
        raise ValueError(f"{year} needs at least two pairs with their hours, got {len(hourly)}")
    daily = {s: feed.candles(s, DAY_MS, start_ms, end_ms) for s in hourly}
    moves = {s: np.diff(np.log(c.close)) for s, c in hourly.items()}
    daily_moves = {s: np.diff(np.log(c.close)) for s, c in daily.items()}
    ranges = {s: np.log(c.high / c.low) for s, c in hourly.items()}
    crashes = {s: _crash_counts(feed, s, start_ms, end_ms) for s in hourly}

    def mean(of: Callable[[str], float]) -> float:
        return float(np.mean([of(symbol) for symbol in hourly]))

    return YearFigures(
        volatility_1h=mean(lambda s: float(np.std(moves[s]) * np.sqrt(HOURS_PER_YEAR))),
        volatility_1d=mean(lambda s: float(np.std(daily_moves[s]) * np.sqrt(DAYS_PER_YEAR))),
        kurtosis_1h=float(np.median([pd.Series(m).kurt() for m in moves.values()])),
        kurtosis_1d=float(np.median([pd.Series(m).kurt() for m in daily_moves.values()])),
        absolute_lag_1=mean(lambda s: pd.Series(np.abs(moves[s])).autocorr(1)),
        absolute_lag_6=mean(lambda s: pd.Series(np.abs(moves[s])).autocorr(6)),
        absolute_lag_24=mean(lambda s: pd.Series(np.abs(moves[s])).autocorr(24)),
        range_per_move=mean(lambda s: float(ranges[s].mean() / np.abs(moves[s]).mean())),
        volume_and_range=mean(lambda s: _volume_and_range(hourly[s])),
        correlation_1h=_mean_correlation(hourly),
        correlation_1d=_mean_correlation(daily),
        worst_drawdown=mean(lambda s: _worst_drawdown(hourly[s].close)),
        crash_hours_8=10 * mean(lambda s: crashes[s][0]),
        crash_hours_10=10 * mean(lambda s: crashes[s][1]),
    )


def mean_figures(years: Sequence[YearFigures]) -> dict[str, float]:
    """Each figure's mean over the years."""
    return {
        field.name: float(np.mean([getattr(year, field.name) for year in years]))
        for field in fields(YearFigures)
    }


def _crash_counts(feed: Feed, symbol: str, start_ms: int, end_ms: int) -> tuple[float, float]:
    before_ms = start_ms - TREND_HOURS * HOUR_MS
    candles = feed.candles(symbol, HOUR_MS, before_ms, end_ms)
    of_year = candles.open_time_ms >= start_ms
    return (
        float(crash_entries(candles.close, -0.08)[of_year].sum()),
        float(crash_entries(candles.close, -0.10)[of_year].sum()),
    )


def _volume_and_range(candles: Candles) -> float:
    traded = candles.volume > 0.0
    log_volume = np.log(candles.volume[traded])
    log_range = np.log(candles.high / candles.low)[traded]
    return float(np.corrcoef(log_volume, log_range)[0, 1])


def _worst_drawdown(close: FloatArray) -> float:
    return float(np.min(close / np.maximum.accumulate(close)) - 1.0)


def _mean_correlation(candles: dict[str, Candles]) -> float:
    """Mean correlation of log returns over all pairs of symbols, on the candles both have."""
    closes = pd.DataFrame({s: pd.Series(c.close, index=c.open_time_ms) for s, c in candles.items()})
    table = pd.DataFrame(np.log(closes)).diff().corr().to_numpy()
    return float(np.mean([table[i, j] for i, j in combinations(range(len(table)), 2)]))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def after_crashes(feed: Feed) -> FloatArray:
    """24 h returns after all 6 h falls of 8 % of all pairs."""
    returns = [
        after_crash(feed.candles(market.symbol, HOUR_MS, *feed.span_ms).close, -0.08)
        for market in feed.markets
    ]
    return np.concatenate(returns)


def synthetic_feeds(seeds: Sequence[int], years: Sequence[int]) -> list[SyntheticFeed]:
    """One market a seed, with the month before the first year to warm up averages."""
    start = datetime(min(years) - 1, 12, 1, tzinfo=UTC)
    end = datetime(max(years) + 1, 1, 1, tzinfo=UTC)
    return [SyntheticFeed(seed, start=start, end=end) for seed in seeds]


def recorded_feed(datadir: Path) -> RecordedFeed:
    """The same pairs on record. Raises FeedError."""
    return RecordedFeed(datadir, pairs=DEFAULT_PAIRS, timeframes=["1h", "1d"])


def comparison(synthetic: Sequence[YearFigures], recorded: Sequence[YearFigures]) -> Table:
    """A table of both with the accepted bands; the recorded side may be empty."""
    table = Table("figure", "synthetic", "recorded", "years", "band", "why")
    made, real = mean_figures(synthetic), mean_figures(recorded) if recorded else {}
    for name, band in BANDS.items():
        of_years = sorted(getattr(year, name) for year in recorded)
        table.add_row(
            name,
            f"{made[name]:.2f}",
            f"{real[name]:.2f}" if real else "-",
            f"{of_years[0]:.2f} to {of_years[-1]:.2f}" if real else "-",
            f"{band.low:g} to {band.high:g}",
            band.why,
        )
    return table


def aftermath(name: str, returns: FloatArray) -> str:
    """One line on what followed the crashes: nothing is promised to those who buy them."""
    return (
        f"24 h after a 6 h fall of 8 % in an uptrend, {name}: mean {np.mean(returns):+.1%}, "
        f"deviation {np.std(returns):.1%}, up {np.mean(returns > 0.0):.0%} of {len(returns)}"
    )


def main(
    data: Annotated[Path | None, typer.Option(help="freqtrade datadir with 1h and 1d")] = None,
    seeds: Annotated[int, typer.Option(help="how many synthetic markets to average")] = 3,
) -> None:
    """Compare the synthetic market's statistics with recorded ones."""
    console = Console(width=150)
    synthetic = synthetic_feeds(range(1, seeds + 1), SYNTHETIC_YEARS)
    made = [year_figures(feed, year) for feed in synthetic for year in SYNTHETIC_YEARS]
    lines = [aftermath("synthetic", np.concatenate([after_crashes(feed) for feed in synthetic]))]
    real: list[YearFigures] = []
    if data is not None:
        try:
            recorded = recorded_feed(data)
        except FeedError as error:
            raise typer.BadParameter(str(error)) from error
        real = [year_figures(recorded, year) for year in RECORDED_YEARS]
        lines.append(aftermath("recorded", after_crashes(recorded)))
    console.print(comparison(made, real))
    console.print("\n".join(lines), highlight=False)


if __name__ == "__main__":
    typer.run(main)
