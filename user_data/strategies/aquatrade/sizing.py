"""How much to stake on a trade. Pure arithmetic in stake currency."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StakeDecision:
    """A stake, or 0 with the reason why there is none."""

    stake: float
    reason: str = ""


def loss_share_at_stop(stop_pct: float, cost_pct_per_side: float) -> float:
    """Share of a long stake that is lost when its stop is hit, costs of both orders included.

    The entry costs its share of the stake, the exit its share of what the stop leaves of it. A
    market that gaps through the stop takes more.
    """
    stop, cost = stop_pct / 100.0, cost_pct_per_side / 100.0
    return stop + cost + cost * (1.0 - stop)


def stake_at_risk(
    *,
    capital: float,
    available: float,
    risk_pct: float,
    stop_pct: float,
    cost_pct_per_side: float,
    max_stake: float,
    min_stake: float,
) -> StakeDecision:
    """The largest stake that loses at most risk_pct of the capital at its stop.

    At most max_stake and what is available; where the exchange's minimum is above that there is
    no trade: a stake is never rounded up into more risk. Values that make no sense refuse.
    """
    return _bounded(
        _risk_bound(capital, risk_pct, stop_pct, cost_pct_per_side),
        available=available,
        max_stake=max_stake,
        min_stake=min_stake,
    )


def fixed_stake(*, stake: float, available: float, min_stake: float) -> StakeDecision:
    """The stake as it is, or none: less than what was asked for is another bet."""
    if math.isfinite(available) and stake > available:
        return StakeDecision(0.0, f"stake {stake:.2f} is above the {available:.2f} available")
    return _bounded(stake, available=available, max_stake=stake, min_stake=min_stake)


def _risk_bound(
    capital: float, risk_pct: float, stop_pct: float, cost_pct_per_side: float
) -> float:
    if not 0.0 < stop_pct <= 100.0 or not 0.0 <= cost_pct_per_side <= 100.0:
        return math.nan
    return capital * (risk_pct / 100.0) / loss_share_at_stop(stop_pct, cost_pct_per_side)


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
