"""What a row of returns makes of a capital: arithmetic, no forecast. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from aquatrade.sizing import half_base_cap


class Rule(StrEnum):
    """How much is at work at a step.

    all: everything, C0 x prod(1 + Ri). half-base: half of the base and all realised profit, as
    aquatrade.sizing.half_base_cap; the rest stays cash. fixed: the base each time, never more
    than there is, so nothing compounds.
    """

    ALL = "all"
    HALF_BASE = "half-base"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Step:
    """One return. at_work: what it acted on; capital: what there is after it."""

    return_pct: float
    at_work: float
    profit: float
    capital: float


def compound(base: float, returns_pct: Sequence[float], rule: Rule = Rule.ALL) -> list[Step]:
    """The steps from `base` on. What is lost is lost: a capital of 0 stays there.

    Raises ValueError for a base that is not above 0, a return below -100 % or one that is no
    number.
    """
    if not (math.isfinite(base) and base > 0.0):
        raise ValueError(f"a capital of {base:g}, expected more than 0")
    steps: list[Step] = []
    capital = base
    for number, return_pct in enumerate(returns_pct, 1):
        if not (math.isfinite(return_pct) and return_pct >= -100.0):
            raise ValueError(f"return {number} is {return_pct:g} %, expected -100 or more")
        at_work = _at_work(base, capital, rule)
        profit = at_work * return_pct / 100.0
        capital = max(0.0, capital + profit)
        if not math.isfinite(capital):
            raise ValueError(f"return {number}: the capital is more than a number can hold")
        steps.append(Step(return_pct, at_work, profit, capital))
    return steps


def _at_work(base: float, capital: float, rule: Rule) -> float:
    if rule is Rule.ALL:
        return capital
    if rule is Rule.FIXED:
        return min(base, capital)
    cap = half_base_cap(base=base, equity=capital, realised_profit=capital - base)
    return min(cap, capital)


def total_pct(base: float, steps: Sequence[Step]) -> float:
    """The end against the beginning, in %."""
    return 0.0 if not steps else 100.0 * (steps[-1].capital / base - 1.0)


def deepest_pct(base: float, steps: Sequence[Step]) -> float:
    """The largest fall from a high before it, in %, 0 or more."""
    high, deepest = base, 0.0
    for step in steps:
        high = max(high, step.capital)
        deepest = max(deepest, 100.0 * (1.0 - step.capital / high))
    return deepest


def recovery_pct(fallen_pct: float) -> float | None:
    """What has to be gained after a fall to be where one was; None after a fall of all of it."""
    left = 1.0 - fallen_pct / 100.0
    return 100.0 * (1.0 / left - 1.0) if left > 0.0 else None
