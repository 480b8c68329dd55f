"""What the rules are asked, and the arithmetic that they share."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from aquatrade.risk.model import Book, Decision, Entry, Market, Position, Reason, RiskState
from aquatrade.risk.profile import RiskProfile

TOLERANCE = 1e-9  # of a limit: what rounding makes of a stake that was sized to the limit
STAKE_STEPS = 1e8  # reduced stakes are whole numbers of this part of the stake currency


@dataclass(frozen=True, slots=True)
class Question:
    """An entry and all that it is judged by."""

    profile: RiskProfile
    state: RiskState
    book: Book
    entry: Entry
    market: Market
    own: tuple[Position, ...]  # what an increase adds to; empty for a new position


# Takes what is left of the stake, adds its reasons, returns what it leaves of the stake.
Rule = Callable[[Question, float, list[Reason]], float]


def added_to(book: Book, entry: Entry) -> tuple[Position, ...]:
    """The position that an increase adds to. An increase of nothing is a new position."""
    if not entry.is_increase:
        return ()
    return tuple(
        position
        for position in book.positions
        if position.bot == entry.bot
        and position.pair == entry.pair
        and position.side == entry.side
        and position.exchange == entry.exchange
    )


def exceeds(value: float, limit: float) -> bool:
    """Whether a value is above its limit by more than rounding; NaN always is."""
    return not value <= limit * (1.0 + TOLERANCE)


def fitting(room: float, limit: float, share: float) -> float:
    """The largest stake of which the share fits into the room, rounded down; 0 if none does."""
    return rounded_down((room - limit * TOLERANCE) / share * (1.0 - TOLERANCE))


def rounded_down(stake: float) -> float:
    """A stake in whole steps, never above what it was."""
    return max(0.0, min(stake, math.floor(stake * STAKE_STEPS) / STAKE_STEPS))


def refusal(rule: str, text: str, value: float | None = None, limit: float | None = None) -> Reason:
    return Reason(rule, Decision.REJECT, text, value, limit)


def reduction(rule: str, text: str, value: float, limit: float) -> Reason:
    return Reason(rule, Decision.REDUCE, text, value, limit)


def percent(share: float) -> str:
    """A number of percent for a person."""
    return f"{share:.4g} %"
