"""Stops that are so many average true ranges (ATR) away, and stops that follow price. Pure.

Prices and distances in quote currency. A stop of a long lies under the price and moves up alone,
that of a short lies above it and moves down alone.
"""

import math
from collections.abc import Sequence

# (profit in multiples of the risk that has to be passed, multiple of the ATR from then on)
Rungs = Sequence[tuple[float, float]]


def atr_stop_pct(*, atr: float, multiple: float, rate: float, bound_pct: float) -> float:
    """Distance of a stop in percent of the price, at most bound_pct; NaN without an ATR."""
    distance_pct = 100.0 * multiple * atr / rate
    return min(distance_pct, bound_pct) if math.isfinite(distance_pct) else math.nan


def stop_from(rate: float, distance: float, *, is_short: bool) -> float:
    """The price that lies the distance on the losing side of a price."""
    return rate + distance if is_short else rate - distance


def tighter(first: float, second: float, *, is_short: bool) -> float:
    """The stop that loses less."""
    return min(first, second) if is_short else max(first, second)


def is_passed(stop: float, rate: float, *, is_short: bool) -> bool:
    """Whether a price has come to the stop or beyond it."""
    return rate >= stop if is_short else rate <= stop


def run_up(open_rate: float, best: float, *, is_short: bool) -> float:
    """How far the best price since the entry went in favour; 0 where it never did."""
    return max(0.0, open_rate - best if is_short else best - open_rate)


def rung_multiple(profit_in_risk: float, rungs: Rungs) -> float:
    """The multiple of the highest rung that the profit has passed.

    rungs: from the lowest up; the first has to begin at 0 or below and counts before any profit.
    """
    multiple = rungs[0][1]
    for above, each in rungs:
        if profit_in_risk > above:
            multiple = each
    return multiple


def ladder_stop(
    *,
    open_rate: float,
    risk: float,
    best: float,
    atr: float,
    rungs: Rungs,
    present: float,
    is_short: bool,
) -> float:
    """So many ATR from the best price, fewer the more was earned; never behind the present stop.

    risk: distance of the initial stop. best: the highest price since the entry, for a short the
    lowest. atr: the current one; without one (NaN) the present stop stays.
    """
    if not math.isfinite(atr) or risk <= 0.0:
        return present
    profit_in_risk = run_up(open_rate, best, is_short=is_short) / risk
    wanted = stop_from(best, rung_multiple(profit_in_risk, rungs) * atr, is_short=is_short)
    return tighter(present, wanted, is_short=is_short)


def give_back_stop(
    *, open_rate: float, armed_at: float, best: float, share: float, present: float, is_short: bool
) -> float:
    """Gives back at most `share` of the largest open profit, once that was `armed_at` or more."""
    profit = run_up(open_rate, best, is_short=is_short)
    if profit < armed_at or profit <= 0.0:
        return present
    wanted = stop_from(best, share * profit, is_short=is_short)
    return tighter(present, wanted, is_short=is_short)


def as_freqtrade_takes_it(
    stop: float, current_rate: float, *, is_short: bool, leverage: float, nothing: float
) -> float:
    """A stop's price as custom_stoploss returns it: distance from current_rate x leverage.

    nothing: returned where price is at or past the stop; freqtrade takes 0 for "no answer".
    """
    distance = stop / current_rate - 1.0 if is_short else 1.0 - stop / current_rate
    return max(distance * leverage, nothing)
