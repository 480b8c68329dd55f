"""How much to stake on a trade. Pure arithmetic in stake currency.

The methods: a fixed stake, a fixed fraction of the capital, percent at risk to the stop, adjusted
to volatility, capped Kelly, and half of the base with all profit. Each answers with a stake or
with the reason why there is none; none rounds up, and figures that make no sense refuse.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StakeDecision:
    """A stake, or 0 with the reason why there is none."""

    stake: float
    reason: str = ""


def loss_share_at_stop(
    stop_pct: float, cost_pct_per_side: float, *, is_short: bool = False
) -> float:
    """Share of a stake that is lost when its stop is hit, costs of both orders included.

    The entry costs its share of the stake, the exit its share of the position's value at the stop:
    less than the stake for a long, more for a short. A market that gaps through the stop takes
    more.
    """
    stop, cost = stop_pct / 100.0, cost_pct_per_side / 100.0
    return stop + cost + cost * (1.0 + stop if is_short else 1.0 - stop)


def stake_at_risk(
    *,
    capital: float,
    available: float,
    risk_pct: float,
    stop_pct: float,
    cost_pct_per_side: float,
    max_stake: float,
    min_stake: float,
    is_short: bool = False,
) -> StakeDecision:
    """The largest stake that loses at most risk_pct of the capital at its stop.

    At most max_stake and what is available; where the exchange's minimum is above that there is
    no trade: a stake is never rounded up into more risk. Values that make no sense refuse.
    """
    return _bounded(
        _risk_bound(capital, risk_pct, stop_pct, cost_pct_per_side, is_short),
        available=available,
        max_stake=max_stake,
        min_stake=min_stake,
    )


def fixed_stake(*, stake: float, available: float, min_stake: float) -> StakeDecision:
    """The stake as it is, or none: less than what was asked for is another bet."""
    if math.isfinite(available) and stake > available:
        return StakeDecision(0.0, f"stake {stake:.2f} is above the {available:.2f} available")
    return _bounded(stake, available=available, max_stake=stake, min_stake=min_stake)


def fraction_stake(
    *,
    capital: float,
    available: float,
    fraction_pct: float,
    max_stake: float,
    min_stake: float,
) -> StakeDecision:
    """A fixed fraction of the capital: above 0 and up to 100 percent of it."""
    fraction = fraction_pct / 100.0 if 0.0 < fraction_pct <= 100.0 else math.nan
    return _bounded(
        capital * fraction, available=available, max_stake=max_stake, min_stake=min_stake
    )


def volatility_stake(
    *,
    capital: float,
    available: float,
    fraction_pct: float,
    volatility_pct: float,
    target_volatility_pct: float,
    max_stake: float,
    min_stake: float,
) -> StakeDecision:
    """A fraction of the capital x min(1, target / volatility): never more than the fraction.

    Both volatilities over the same time (a year, say). One of 0 is none that was measured.
    """
    calm = math.nan
    if 0.0 < volatility_pct < math.inf and 0.0 < target_volatility_pct < math.inf:
        calm = min(1.0, target_volatility_pct / volatility_pct)
    return fraction_stake(
        capital=capital * calm,
        available=available,
        fraction_pct=fraction_pct,
        max_stake=max_stake,
        min_stake=min_stake,
    )


def kelly_fraction(win_rate: float, mean_win_pct: float, mean_loss_pct: float) -> float:
    """The share of the capital whose stake makes the expected logarithm of growth largest.

    p / loss - (1 - p) / win, with wins and losses as shares of the stake (Kelly 1956, two
    outcomes). 0 or less: the bet loses. NaN for figures that make no sense.
    """
    is_sense = (
        0.0 <= win_rate <= 1.0 and 0.0 < mean_win_pct < math.inf and 0.0 < mean_loss_pct <= 100.0
    )
    if not is_sense:
        return math.nan
    return 100.0 * (win_rate / mean_loss_pct - (1.0 - win_rate) / mean_win_pct)


def kelly_stake(
    *,
    capital: float,
    available: float,
    win_rate: float,
    mean_win_pct: float,
    mean_loss_pct: float,
    trades: int,
    min_trades: int,
    kelly_multiplier: float,
    cap_pct: float,
    max_stake: float,
    min_stake: float,
) -> StakeDecision:
    """A part of Kelly's fraction (0.5: half Kelly), at most cap_pct of the capital.

    Refuses while the figures rest on fewer than min_trades trades, and where the bet loses.
    """
    if trades < min_trades:
        return StakeDecision(0.0, f"Kelly needs {min_trades} trades, there are {trades}")
    fraction = kelly_fraction(win_rate, mean_win_pct, mean_loss_pct)
    if fraction <= 0.0:
        return StakeDecision(0.0, f"Kelly's fraction is {fraction:.3g}: the bet loses")
    if not 0.0 < kelly_multiplier <= 1.0 or not 0.0 < cap_pct <= 100.0:
        fraction = math.nan
    share = fraction * kelly_multiplier
    # min() would take the cap for a NaN.
    bounded = min(share, cap_pct / 100.0) if math.isfinite(share) else math.nan
    return _bounded(
        capital * bounded, available=available, max_stake=max_stake, min_stake=min_stake
    )


def half_base_cap(*, base: float, equity: float, realised_profit: float) -> float:
    """The most that may be staked at once: half of the base, and all of the realised profit.

    0.5 x min(base, equity) + max(0, realised profit); NaN for figures that make no sense.
    """
    figures = (base, equity, realised_profit)
    if not all(math.isfinite(figure) for figure in figures) or base < 0.0 or equity < 0.0:
        return math.nan
    return 0.5 * min(base, equity) + max(0.0, realised_profit)


def half_base_stake(
    *,
    base: float,
    equity: float,
    realised_profit: float,
    staked: float,
    stake: float,
    available: float,
    min_stake: float,
) -> StakeDecision:
    """The stake, or what the cap of half_base_cap leaves beside what is staked already."""
    left = half_base_cap(base=base, equity=equity, realised_profit=realised_profit) - staked
    if left <= 0.0 <= staked:
        return StakeDecision(
            0.0, f"half of the base and all profit are staked already: {staked:.2f}"
        )
    if not 0.0 <= staked < math.inf:
        left = math.nan
    return _bounded(stake, available=available, max_stake=left, min_stake=min_stake)


def _risk_bound(
    capital: float, risk_pct: float, stop_pct: float, cost_pct_per_side: float, is_short: bool
) -> float:
    if not 0.0 < stop_pct <= 100.0 or not 0.0 <= cost_pct_per_side <= 100.0:
        return math.nan
    share = loss_share_at_stop(stop_pct, cost_pct_per_side, is_short=is_short)
    return capital * (risk_pct / 100.0) / share


def _bounded(
    wanted: float, *, available: float, max_stake: float, min_stake: float
) -> StakeDecision:
    figures = (wanted, available, max_stake, min_stake)
    if not all(math.isfinite(figure) for figure in figures) or min(figures) < 0.0:
        return StakeDecision(
            0.0,
            f"figures that make no sense: wanted {wanted}, available {available}, "
            f"at most {max_stake}, at least {min_stake}",
        )
    stake = min(wanted, available, max_stake)
    if stake <= 0.0:
        return StakeDecision(0.0, f"nothing to stake: wanted {wanted:.2f}, free {available:.2f}")
    if stake < min_stake:
        return StakeDecision(
            0.0, f"stake {stake:.2f} is under the exchange's minimum of {min_stake:.2f}"
        )
    return StakeDecision(stake)
