"""The stake of one trade by the method that the config names. Pure, but for whom it asks."""

import logging
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from aquatrade.sizing import (
    StakeDecision,
    fixed_stake,
    fraction_stake,
    half_base_stake,
    kelly_stake,
    stake_at_risk,
    volatility_stake,
)
from aquatrade.sizing_settings import SizingSettings

logger = logging.getLogger(__name__)


class Figures(Protocol):
    """What the methods ask about the bot and its market; only what the chosen one needs is."""

    def capital(self) -> float:
        """Of the bot, in stake currency, with what its trades tie up."""
        ...

    def volatility_pct(self, candles: int) -> float:
        """Realised, in percent a year, over the last closed candles; NaN: not so many known."""
        ...

    def results(self) -> Sequence[float]:
        """Net results of the newest closed trades as shares of their stakes."""
        ...

    def realised_profit(self) -> float:
        """Net profit of all closed trades, in stake currency."""
        ...

    def staked(self) -> float:
        """Own money in open trades."""
        ...


def choose_stake(
    sizing: SizingSettings,
    figures: Figures,
    *,
    stop_pct: float,
    available: float,
    min_stake: float,
    is_short: bool = False,
) -> StakeDecision:
    """The stake, at most stake_usd and what is available; or none with the reason."""
    most = available if sizing.stake_usd is None else sizing.stake_usd
    if sizing.method == "fixed":
        return fixed_stake(stake=most, available=available, min_stake=min_stake)
    if sizing.method == "fraction":
        return fraction_stake(
            capital=figures.capital(),
            available=available,
            fraction_pct=sizing.fraction_pct,
            max_stake=most,
            min_stake=min_stake,
        )
    if sizing.method == "volatility":
        return _by_volatility(sizing, figures, available, most, min_stake)
    if sizing.method == "half_base":
        return half_base_stake(
            base=math.nan if sizing.base_usd is None else sizing.base_usd,
            equity=figures.capital(),
            realised_profit=figures.realised_profit(),
            staked=figures.staked(),
            stake=most,
            available=available,
            min_stake=min_stake,
        )
    if sizing.method == "kelly":
        decision = _by_kelly(sizing, figures, available, most, min_stake)
        if decision is not None:
            return decision
    return stake_at_risk(
        capital=figures.capital(),
        available=available,
        risk_pct=sizing.risk_pct,
        stop_pct=stop_pct,
        cost_pct_per_side=sizing.cost_pct_per_side,
        max_stake=most,
        min_stake=min_stake,
        is_short=is_short,
    )


def realised_volatility_pct(closes: Sequence[float], candles_per_year: float) -> float:
    """Standard deviation of the logarithmic returns, in percent a year; NaN for less than two."""
    if not all(0.0 < close < math.inf for close in closes):
        return math.nan
    returns = [math.log(after / before) for before, after in pairwise(closes)]
    if len(returns) < 2:
        return math.nan
    mean = math.fsum(returns) / len(returns)
    variance = math.fsum((one - mean) ** 2 for one in returns) / (len(returns) - 1)
    return 100.0 * math.sqrt(variance * candles_per_year)


def _by_volatility(
    sizing: SizingSettings, figures: Figures, available: float, most: float, min_stake: float
) -> StakeDecision:
    volatility_pct = figures.volatility_pct(sizing.volatility_candles)
    if math.isnan(volatility_pct):
        words = f"its volatility over {sizing.volatility_candles} candles is not known"
        return StakeDecision(0.0, words)
    return volatility_stake(
        capital=figures.capital(),
        available=available,
        fraction_pct=sizing.fraction_pct,
        volatility_pct=volatility_pct,
        target_volatility_pct=sizing.target_volatility_pct,
        max_stake=most,
        min_stake=min_stake,
    )


def _by_kelly(
    sizing: SizingSettings, figures: Figures, available: float, most: float, min_stake: float
) -> StakeDecision | None:
    """None where the bot's own trades say too little yet: then it goes by risk."""
    results = figures.results()
    wins = [one for one in results if one > 0.0]
    losses = [-one for one in results if one <= 0.0]
    if len(results) < sizing.kelly_min_trades or not wins or not sum(losses) > 0.0:
        logger.info(
            "sized by risk: Kelly needs %d closed trades with wins and losses, there are %d and %d",
            sizing.kelly_min_trades,
            len(wins),
            len(losses),
        )
        return None
    return kelly_stake(
        capital=figures.capital(),
        available=available,
        win_rate=len(wins) / len(results),
        mean_win_pct=100.0 * math.fsum(wins) / len(wins),
        mean_loss_pct=100.0 * math.fsum(losses) / len(losses),
        trades=len(results),
        min_trades=sizing.kelly_min_trades,
        kelly_multiplier=sizing.kelly_multiplier,
        cap_pct=sizing.kelly_cap_pct,
        max_stake=most,
        min_stake=min_stake,
    )
