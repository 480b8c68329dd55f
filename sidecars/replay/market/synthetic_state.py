"""The hours of the synthetic market: how the price of every pair moves from hour to hour.

log price = log anchor + beta x market factor + a factor of its own. Both factors are sums of
hourly moves that fade over years (so that prices stay where their ticks make sense; over days the
pull is below 0.1 %). A move is drift of the regime, plus volatility x a normal draw, plus events:

- regimes (bull, bear, quiet, turbulent) follow a Markov chain of days;
- log volatility is a sum of autoregressions with half-lives of hours, days and weeks, the time of
  day, the regime, what events leave behind, and a draw of its own (fat tails);
- market-wide crashes and squeezes, and jumps of single pairs, come at random, more often in some
  regimes. What follows a crash is drawn apart: part of it is won back, nothing, or it goes on.

Every draw is addressed by its hour (`noise`), so the past of a moment does not depend on the end
of the simulation, nor a pair on which others are asked for. Sizes were set so that the statistics
resemble those of Binance's ten majors from 2019 to 2024 (`synthetic_report` compares).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from sidecars.replay.market import noise
from sidecars.replay.market.synthetic_events import CRASH, HOURS_PER_YEAR, JUMP, SQUEEZE, scheduled
from sidecars.replay.market.timeframes import HOUR_MS
from sidecars.replay.model import FloatArray, IntArray

GENESIS_MS: Final = 1_483_228_800_000  # 2017-01-01 00:00 UTC
HOURS_PER_DAY: Final = 24


@dataclass(frozen=True, slots=True)
class PairTraits:
    """What makes a pair itself. Volatility is yearly, turnover in quote units an hour."""

    base: str
    anchor_price: float
    price_decimals: int
    volatility: float
    market_correlation: float
    turnover_quote: float


# Prices, ticks and turnover near those of Binance in 2022 to 2024.
PAIRS: Final[dict[str, PairTraits]] = {
    "BTC/USDT": PairTraits("BTC", 42_000.0, 2, 0.56, 0.95, 70e6),
    "ETH/USDT": PairTraits("ETH", 2_600.0, 2, 0.70, 0.96, 30e6),
    "SOL/USDT": PairTraits("SOL", 120.0, 2, 1.00, 0.79, 8.1e6),
    "BNB/USDT": PairTraits("BNB", 350.0, 2, 0.66, 0.84, 5.3e6),
    "XRP/USDT": PairTraits("XRP", 0.60, 4, 0.82, 0.76, 5.8e6),
    "ADA/USDT": PairTraits("ADA", 0.55, 4, 0.86, 0.85, 1.8e6),
    "DOGE/USDT": PairTraits("DOGE", 0.12, 5, 1.00, 0.66, 2.9e6),
    "AVAX/USDT": PairTraits("AVAX", 32.0, 2, 1.00, 0.80, 1.9e6),
    "LINK/USDT": PairTraits("LINK", 14.0, 3, 0.90, 0.89, 1.5e6),
    "DOT/USDT": PairTraits("DOT", 7.5, 3, 0.86, 0.87, 1.1e6),
}

MARKET_VOLATILITY: Final = 0.55
MARKET_FADE_YEARS: Final = 1.5
OWN_FADE_YEARS: Final = 1.0


class Regime(IntEnum):
    BULL = 0
    BEAR = 1
    QUIET = 2
    TURBULENT = 3


MEAN_DAYS: Final = np.array([45.0, 40.0, 30.0, 6.0])
NEXT_REGIME: Final = np.array(
    [  # rows: from; columns: to
        [0.00, 0.35, 0.40, 0.25],
        [0.30, 0.00, 0.40, 0.30],
        [0.55, 0.35, 0.00, 0.10],
        [0.40, 0.40, 0.20, 0.00],
    ]
)
DRIFT_PER_YEAR: Final = np.array([1.5, -1.3, 0.0, -0.8])
LOG_VOLATILITY: Final = np.log([1.00, 1.00, 0.68, 1.90])
CRASHES_PER_YEAR: Final = np.array([6.0, 5.0, 2.5, 25.0])
SQUEEZES_PER_YEAR: Final = np.array([4.0, 4.0, 3.0, 10.0])
JUMPS_PER_YEAR: Final = 7.0

# (half-life in hours, standard deviation) of the parts of log volatility.
MARKET_VOLATILITY_PARTS: Final = ((3.0, 0.32), (30.0, 0.32), (400.0, 0.30))
OWN_VOLATILITY_PARTS: Final = ((3.0, 0.35), (40.0, 0.35), (500.0, 0.30))
FAT_TAIL: Final = 0.36
# exp of the wandering parts is above 1 in the mean square, and events add their share: the
# normal moves are scaled down so that a pair's volatility comes out near its traits.
NORMAL_SHARE: Final = 0.60
REGIME_HALF_LIFE_HOURS: Final = 24.0
# How much of the market's log volatility a pair's own factor shares.
SHARED_VOLATILITY: Final = 0.6

# Mean |return| of each hour of the day (UTC) over the day's mean: BTC/USDT 1h, 2021 to 2024.
HOUR_OF_DAY: Final = np.array([
    1.15, 1.06, 0.92, 0.86, 0.74, 0.78, 0.82, 0.88, 0.96, 0.87, 0.83, 0.87,
    1.04, 1.17, 1.39, 1.28, 1.12, 1.07, 1.06, 1.08, 1.11, 1.03, 0.98, 0.96,
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class HourlyFactor:
    """Moves of one factor by hour since GENESIS: level (log), its volatility within the hour."""

    level: FloatArray
    volatility: FloatArray  # standard deviation of the hour's log return
    log_volatility: FloatArray  # relative to the factor's usual one


def hours_until(end_ms: int) -> IntArray:
    """Hours (since the epoch) from GENESIS up to the one that holds the last ms before end_ms."""
    return np.arange(GENESIS_MS // HOUR_MS, -(-end_ms // HOUR_MS), dtype=np.int64)


def fading_sum(steps: FloatArray, keep: float) -> FloatArray:
    """s[t] = keep * s[t - 1] + steps[t], by doubling.

    Only additions of whole arrays: s[t] comes out the same to the bit however long `steps` is.
    """
    total = steps.copy()
    reach, weight = 1, keep
    while reach < len(total) and weight > 1e-18:
        total[reach:] = total[reach:] + weight * total[:-reach]
        reach, weight = 2 * reach, weight * weight
    return total


def autoregression(key: int, hours: IntArray, half_life: float, deviation: float) -> FloatArray:
    """A stationary AR(1) of the given half-life (hours) and standard deviation."""
    keep = 0.5 ** (1.0 / half_life)
    steps = noise.normal(key, hours) * np.sqrt(1.0 - keep * keep) * deviation
    return fading_sum(steps, keep)


def regimes(seed: int, hours: IntArray) -> IntArray:
    """The regime of each hour; it changes at 00:00 UTC."""
    days = hours // HOURS_PER_DAY
    span = np.arange(days[0], days[-1] + 1, dtype=np.int64)
    leaves = noise.uniform(noise.key_of("regime ends", seed), span)
    choices = noise.uniform(noise.key_of("regime follows", seed), span)
    following = np.cumsum(NEXT_REGIME, axis=1)
    regime, path = int(Regime.QUIET), []
    for leave, choice in zip(leaves.tolist(), choices.tolist(), strict=True):
        if leave < 1.0 / MEAN_DAYS[regime]:
            regime = min(int(np.searchsorted(following[regime], choice)), len(Regime) - 1)
        path.append(regime)
    by_day = np.array(path, dtype=np.int64)
    chosen: IntArray = by_day[days - days[0]]
    return chosen


def market_factor(seed: int, hours: IntArray) -> HourlyFactor:
    """The factor that all pairs share."""
    regime = regimes(seed, hours)
    fall, fear = scheduled(CRASH, seed, "market", hours, CRASHES_PER_YEAR[regime])
    rise, greed = scheduled(SQUEEZE, seed, "market", hours, SQUEEZES_PER_YEAR[regime])
    # Entered gradually, so that the step between regimes is no step in volatility.
    keep = 0.5 ** (1.0 / REGIME_HALF_LIFE_HOURS)
    log_volatility = fading_sum(LOG_VOLATILITY[regime] * (1.0 - keep), keep) + fear + greed
    log_volatility += _wandering(seed, "market", hours, MARKET_VOLATILITY_PARTS)
    moves = DRIFT_PER_YEAR[regime] / HOURS_PER_YEAR + fall + rise
    scale = MARKET_VOLATILITY * NORMAL_SHARE
    return _factor(seed, "market", hours, scale, log_volatility, moves, MARKET_FADE_YEARS)


def own_factor(seed: int, pair: str, hours: IntArray, market: HourlyFactor) -> HourlyFactor:
    """What one pair does on its own. Raises KeyError for a pair that is not in PAIRS."""
    traits = PAIRS[pair]
    moves, excitement = scheduled(JUMP, seed, pair, hours, np.full(len(hours), JUMPS_PER_YEAR))
    log_volatility = SHARED_VOLATILITY * market.log_volatility + excitement
    log_volatility += _wandering(seed, pair, hours, OWN_VOLATILITY_PARTS)
    scale = traits.volatility * np.sqrt(1.0 - traits.market_correlation**2) * NORMAL_SHARE
    return _factor(seed, pair, hours, scale, log_volatility, moves, OWN_FADE_YEARS)


def market_beta(traits: PairTraits) -> float:
    """By how much the pair's log price moves with the market factor."""
    return traits.market_correlation * traits.volatility / MARKET_VOLATILITY


def _factor(
    seed: int,
    name: str,
    hours: IntArray,
    yearly_volatility: float,
    log_volatility: FloatArray,
    moves: FloatArray,
    fade_years: float,
) -> HourlyFactor:
    usual = yearly_volatility / np.sqrt(HOURS_PER_YEAR)
    tail = FAT_TAIL * noise.normal(noise.key_of("fat tail", seed, name), hours)
    volatility = usual * np.exp(log_volatility + tail) * HOUR_OF_DAY[hours % HOURS_PER_DAY]
    steps = moves + volatility * noise.normal(noise.key_of("move", seed, name), hours)
    level = fading_sum(steps, 1.0 - 1.0 / (fade_years * HOURS_PER_YEAR))
    return HourlyFactor(level, volatility, log_volatility)


def _wandering(
    seed: int, name: str, hours: IntArray, parts: tuple[tuple[float, float], ...]
) -> FloatArray:
    total = np.zeros(len(hours))
    for half_life, deviation in parts:
        key = noise.key_of("volatility", seed, name, half_life)
        total += autoregression(key, hours, half_life, deviation)
    return total
