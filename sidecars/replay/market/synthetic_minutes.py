"""The minutes of the synthetic market: a 1m path between the hourly prices of one pair.

Within an hour the log price is a random walk whose minutes have their own volatility, drawn so
that it ends where the hour ends (the exact law of such a walk given its end). A minute's high and
low are drawn from the law of a Brownian bridge's extremes (Karatzas and Shreve, 2.8), so candles
of every length have the ranges that continuous trading would give them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sidecars.replay.market import noise
from sidecars.replay.market.synthetic_events import HOURS_PER_YEAR
from sidecars.replay.market.synthetic_state import (
    HOUR_OF_DAY,
    HOURS_PER_DAY,
    HourlyFactor,
    PairTraits,
    market_beta,
)
from sidecars.replay.market.timeframes import HOUR_MS, MINUTE_MS
from sidecars.replay.model import Candles, FloatArray, IntArray

MINUTES_PER_HOUR: Final = 60
# Standard deviations of the log volatility of single minutes and of stretches of ten.
MINUTE_VOLATILITY: Final = 0.40
STRETCH_VOLATILITY: Final = 0.30
STRETCH_MINUTES: Final = 10

# Turnover grows with volatility, somewhat more than in proportion, and with the minute's move.
VOLUME_PER_VOLATILITY: Final = 1.1
HOUR_VOLUME_NOISE: Final = 0.25
MINUTE_VOLUME_NOISE: Final = 0.55
# Mean volume of each weekday from Monday over the week's mean: BTC/USDT 1h, 2021 to 2024.
DAY_OF_WEEK: Final = np.array([1.10, 1.13, 1.15, 1.09, 1.13, 0.69, 0.71])


@dataclass(frozen=True, slots=True)
class HourlyPrices:
    """One pair by hour since GENESIS. `first_hour` counts from the epoch."""

    first_hour: int
    close: FloatArray  # log price at the end of the hour
    volatility: FloatArray  # standard deviation of the hour's log return
    market_share: FloatArray  # correlation of that return with the market factor's


def hourly_prices(
    traits: PairTraits, market: HourlyFactor, own: HourlyFactor, first_hour: int
) -> HourlyPrices:
    """The hours of a pair from the factors it is made of."""
    market_volatility = market_beta(traits) * market.volatility
    volatility = np.sqrt(market_volatility**2 + own.volatility**2)
    close = np.log(traits.anchor_price) + market_beta(traits) * market.level + own.level
    return HourlyPrices(first_hour, close, volatility, market_volatility / volatility)


def minute_candles(
    seed: int,
    pair: str,
    traits: PairTraits,
    amount_decimals: int,
    hours: HourlyPrices,
    start_hour: int,
    end_hour: int,
) -> Candles:
    """1m candles of start_hour <= hour < end_hour (counted from the epoch), all on the tick.

    The hour before start_hour must be known: it is where the path starts.
    """
    rows = np.arange(start_hour, end_hour, dtype=np.int64)
    known = slice(start_hour - hours.first_hour, end_hour - hours.first_hour)
    before = slice(known.start - 1, known.stop - 1)
    deviations = _minute_deviations(seed, pair, rows, hours.volatility[known])
    draws = _minute_draws(seed, pair, rows, hours.market_share[known])
    path = _bridge(deviations * draws, deviations, hours.close[before], hours.close[known])
    scale = 10.0**traits.price_decimals
    points = np.maximum(np.rint(np.exp(path) * scale), 1.0) / scale
    lows, highs = _extremes(seed, pair, rows, path, deviations, scale)
    opens, closes = points[:, :-1], points[:, 1:]
    volumes = _volumes(seed, pair, traits, rows, hours.volatility[known], draws)
    steps = 10.0**amount_decimals
    amounts = np.maximum(np.rint(volumes / closes * steps), 1.0) / steps
    minutes = rows[:, None] * HOUR_MS + np.arange(MINUTES_PER_HOUR)[None, :] * MINUTE_MS
    return Candles(
        open_time_ms=minutes.ravel(),
        open=opens.ravel(),
        high=np.maximum(highs, np.maximum(opens, closes)).ravel(),
        low=np.minimum(lows, np.minimum(opens, closes)).ravel(),
        close=closes.ravel(),
        volume=amounts.ravel(),
    )


def _columns(count: int) -> IntArray:
    return np.arange(count, dtype=np.int64)[None, :]


def _minute_deviations(seed: int, pair: str, rows: IntArray, volatility: FloatArray) -> FloatArray:
    """Standard deviation of each minute's log return, shape (hours, 60)."""
    stretches = noise.normal(
        noise.key_of("stretch", seed, pair),
        rows[:, None],
        _columns(MINUTES_PER_HOUR // STRETCH_MINUTES),
    )
    minutes = noise.normal(
        noise.key_of("minute volatility", seed, pair), rows[:, None], _columns(MINUTES_PER_HOUR)
    )
    log_volatility = MINUTE_VOLATILITY * minutes + STRETCH_VOLATILITY * np.repeat(
        stretches, STRETCH_MINUTES, axis=1
    )
    mean_square = np.exp(2.0 * (MINUTE_VOLATILITY**2 + STRETCH_VOLATILITY**2))
    usual = volatility / np.sqrt(MINUTES_PER_HOUR * mean_square)
    deviations: FloatArray = usual[:, None] * np.exp(log_volatility)
    return deviations


def _minute_draws(seed: int, pair: str, rows: IntArray, market_share: FloatArray) -> FloatArray:
    """Standard normal draws of each minute, in part the market's and so common to all pairs."""
    columns = _columns(MINUTES_PER_HOUR)
    market = noise.normal(noise.key_of("minute move", seed, "market"), rows[:, None], columns)
    own = noise.normal(noise.key_of("minute move", seed, pair), rows[:, None], columns)
    share = market_share[:, None]
    return share * market + np.sqrt(1.0 - share * share) * own


def _bridge(
    steps: FloatArray, deviations: FloatArray, start: FloatArray, end: FloatArray
) -> FloatArray:
    """Log prices at the 61 borders of the minutes: a walk of `steps`, bent to end at `end`."""
    walk = np.cumsum(steps, axis=1)
    variance = np.cumsum(deviations * deviations, axis=1)
    missing = (end - start)[:, None] - walk[:, -1:]
    inner = start[:, None] + walk + variance / variance[:, -1:] * missing
    path = np.concatenate([start[:, None], inner], axis=1)
    # The end itself, not the sum that comes near it: hours must join without a seam.
    path[:, -1] = end
    return path


def _extremes(
    seed: int, pair: str, rows: IntArray, path: FloatArray, deviations: FloatArray, scale: float
) -> tuple[FloatArray, FloatArray]:
    """Lows and highs of the minutes, on the tick."""
    columns = _columns(MINUTES_PER_HOUR)
    start, end = path[:, :-1], path[:, 1:]
    half_width = []
    for side in ("low", "high"):
        draw = noise.uniform(noise.key_of("extreme", seed, pair, side), rows[:, None], columns)
        half_width.append(np.sqrt((end - start) ** 2 - 2.0 * deviations**2 * np.log(draw)) / 2.0)
    middle = (start + end) / 2.0
    lows = np.maximum(np.rint(np.exp(middle - half_width[0]) * scale), 1.0) / scale
    highs = np.maximum(np.rint(np.exp(middle + half_width[1]) * scale), 1.0) / scale
    return lows, highs


def _volumes(
    seed: int,
    pair: str,
    traits: PairTraits,
    rows: IntArray,
    volatility: FloatArray,
    draws: FloatArray,
) -> FloatArray:
    """Turnover (quote units) of each minute."""
    usual = traits.volatility / np.sqrt(HOURS_PER_YEAR)
    # 1970-01-01 was a Thursday: day 4 was the first Monday.
    weekday = (rows // HOURS_PER_DAY - 4) % len(DAY_OF_WEEK)
    # The hour of the day is in the volatility already; volume follows it somewhat more.
    by_hour = np.sqrt(HOUR_OF_DAY[rows % HOURS_PER_DAY]) * DAY_OF_WEEK[weekday]
    by_hour = by_hour * (volatility / usual) ** VOLUME_PER_VOLATILITY
    hour_noise = noise.normal(noise.key_of("hour volume", seed, pair), rows)
    minute_noise = noise.normal(
        noise.key_of("minute volume", seed, pair), rows[:, None], _columns(MINUTES_PER_HOUR)
    )
    level = (
        traits.turnover_quote / MINUTES_PER_HOUR * by_hour * np.exp(HOUR_VOLUME_NOISE * hour_noise)
    )
    by_minute = np.exp(MINUTE_VOLUME_NOISE * minute_noise) * (0.4 + 0.75 * np.abs(draws))
    turnover: FloatArray = level[:, None] * by_minute
    return turnover
