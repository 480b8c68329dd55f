"""What trades lose at their stops: risk per trade, heat, and what the costs eat of it.

Heat is the sum over open trades of the loss at the present stop with the exit's costs: 0 once at
break-even, all of the stake where no stop is known. A pending entry counts with its own stop.
"""

from collections.abc import Iterable

from aquatrade.risk.model import Position, Reason, Side
from aquatrade.risk.question import (
    TOLERANCE,
    Question,
    exceeds,
    fitting,
    percent,
    reduction,
    refusal,
)


def loss_share(side: Side, rate: float, stop_rate: float, cost_rate: float) -> float:
    """Share of a position's value at `rate` that is lost at the stop, the exit's costs included.

    Below 0 where the stop locks a profit in.
    """
    at_stop = stop_rate / rate
    fallen = 1.0 - at_stop if side == Side.LONG else at_stop - 1.0
    return fallen + cost_rate * at_stop


def position_heat(position: Position) -> float:
    """What an open trade and its pending entry orders lose at the stop, in stake currency."""
    stop_rate = position.stop_rate
    if stop_rate is None:
        return position.stake + position.pending_stake
    side, entry_rate, cost_rate = position.side, position.entry_rate, position.cost_rate
    heat = 0.0
    if position.amount > 0.0:
        share = loss_share(side, entry_rate, stop_rate, cost_rate)
        heat += max(0.0, position.amount * entry_rate * share)
    if position.pending_stake > 0.0:
        # What is filled may lock a profit in, an order that is not has none to lock.
        share = loss_share(side, _pending_rate(position), stop_rate, cost_rate)
        heat += max(0.0, position.pending_stake * position.leverage * share)
    return heat


def _pending_rate(position: Position) -> float:
    """The rate of pending orders; where more is filled already, the worse of what is known."""
    if position.amount <= 0.0:
        return position.entry_rate
    worse = max if position.side == Side.LONG else min
    return worse(position.entry_rate, position.current_rate)


def total_heat(positions: Iterable[Position]) -> float:
    """The heat of all open trades, in stake currency."""
    return sum(map(position_heat, positions))


def judge_risk(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Risk per trade: what the trade as a whole loses at its stop, costs of both orders included.

    Reduces to what fits; refuses an increase of a trade that risks all of it already.
    """
    limit_pct = question.profile.risk_per_trade_pct
    if limit_pct is None:
        return stake
    equity = question.book.equity
    limit = equity * limit_pct / 100.0
    share = _risk_share(question, round_trip=True)
    present = total_heat(question.own)
    risk = present + stake * share
    if not exceeds(risk, limit):
        return stake
    fits = fitting(limit - present, limit, share)
    risk_pct = 100.0 * risk / equity
    text = f"risk {percent(risk_pct)} of equity at the stop, limit {percent(limit_pct)}"
    if fits <= 0.0:
        reasons.append(refusal("risk", text, risk_pct, limit_pct))
        return stake
    reasons.append(reduction("risk", text, risk_pct, limit_pct))
    return min(stake, fits)


def judge_costs(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Refuses a trade whose round trip costs too much of what it risks."""
    limit = question.profile.max_cost_share_of_risk
    if limit is None:
        return stake
    entry = question.entry
    if entry.stop_rate is None:
        distance = 1.0 / entry.leverage
    else:
        distance = abs(entry.rate - entry.stop_rate) / entry.rate
    share = 2.0 * entry.cost_rate / distance
    if exceeds(share, limit):
        text = (
            f"the round trip costs {percent(100.0 * share)} of the stop's distance, "
            f"limit {percent(100.0 * limit)}"
        )
        reasons.append(refusal("cost", text, share, limit))
    return stake


def judge_heat(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Heat: reduces to what remains of it, refuses where less than the minimum remains."""
    limit_pct = question.profile.max_heat_pct
    if limit_pct is None:
        return stake
    equity = question.book.equity
    limit, present = equity * limit_pct / 100.0, total_heat(question.book.positions)
    least = question.profile.min_heat_left_pct
    left_pct = limit_pct - 100.0 * present / equity
    if not left_pct >= least - TOLERANCE:
        text = (
            f"heat {percent(limit_pct - left_pct)} of equity, limit {percent(limit_pct)}: "
            f"less than {percent(least)} is left"
        )
        reasons.append(refusal("heat", text, limit_pct - left_pct, limit_pct))
        return stake
    share = _risk_share(question, round_trip=False)
    heat = present + stake * share
    if not exceeds(heat, limit):
        return stake
    heat_pct = 100.0 * heat / equity
    text = f"heat {percent(heat_pct)} of equity with this entry, limit {percent(limit_pct)}"
    reasons.append(reduction("heat", text, heat_pct, limit_pct))
    return min(stake, fitting(limit - present, limit, share))


def _risk_share(question: Question, *, round_trip: bool) -> float:
    """Share of the entry's stake that is lost at its stop; all of it where there is none."""
    entry = question.entry
    if entry.stop_rate is None:
        return 1.0
    share = loss_share(entry.side, entry.rate, entry.stop_rate, entry.cost_rate)
    return entry.leverage * (share + (entry.cost_rate if round_trip else 0.0))
