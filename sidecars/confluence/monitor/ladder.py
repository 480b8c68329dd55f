"""The ladder of sell targets: a fold over daily closes. Pure.

Three targets, tied to price and to score; a fifth of the holding is kept. Targets are reached
once, in order, at most one a day, each by the first of these that its day's close brings:

- price: the close is at the target's gain over the average cost, or above it. The gain is
  stretched in a bull regime and tightened in a bear one, as that day's regime is.
- score: the close at which the score crosses down through the value, in profit. It needs the
  scores of two days in a row that were judged: a vetoed day has none, and the first score after
  a veto is only a level to fall from.
- regime: the close at which the regime turns bearish: "bear" now, and the last regime that was
  known was another one. Days of an unknown regime are passed over.

Nothing is kept between runs but the records: the state is folded anew from the day of purchase,
and later days never change what earlier ones brought.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sidecars.common.observations import MS_PER_DAY
from sidecars.confluence.monitor.model import Rung, RungState
from sidecars.confluence.monitor.regime import BEAR, BULL, UNKNOWN

KEEP_PCT = 20.0
STRETCH = {BULL: 1.15, BEAR: 0.85}  # on the gain; 1 in any other regime


@dataclass(frozen=True, slots=True)
class Target:
    """A sell target as the formula has it. sell_pct: of the holding as it was at the start."""

    number: int
    sell_pct: float
    gain_pct: float
    score_trigger: float | None
    on_bearish_regime: bool


TARGETS = (
    Target(1, 20.0, 38.9, 55.0, on_bearish_regime=False),
    Target(2, 30.0, 58.3, 45.0, on_bearish_regime=False),
    Target(3, 30.0, 77.8, None, on_bearish_regime=True),
)


@dataclass(frozen=True, slots=True)
class Day:
    """What one UTC day closed with. close: in the holding's currency, None where not known."""

    as_of_ms: int
    close: float | None
    total: float
    vetoed: bool
    regime: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A target that was reached: when, by what, at which close; price: the target's, that day."""

    number: int
    as_of_ms: int
    by: str  # "price", "score" or "regime"
    close: float | None
    gain_pct: float
    price: float


@dataclass(frozen=True, slots=True)
class LadderState:
    """What the days so far brought. average_cost: per coin, in the currency of the closes.

    since_ms: closes after it count; those up to it only say what was the day before.
    """

    average_cost: float
    since_ms: int
    hits: tuple[Hit, ...] = ()
    as_of_ms: int | None = None
    total: float | None = None  # of the last day; None if it was vetoed
    regime: str = UNKNOWN  # the last one that was known


def advance(state: LadderState, day: Day) -> tuple[LadderState, tuple[Hit, ...]]:
    """Take one more day in; the targets that it reached (none or one).

    Raises ValueError for a day that is not later than the one before.
    """
    if state.as_of_ms is not None and day.as_of_ms <= state.as_of_ms:
        raise ValueError(f"days rise: {day.as_of_ms} came after {state.as_of_ms}")
    hits = _hits_of(state, day) if day.as_of_ms > state.since_ms else ()
    after = replace(
        state,
        hits=(*state.hits, *hits),
        as_of_ms=day.as_of_ms,
        total=None if day.vetoed else day.total,
        regime=state.regime if day.regime == UNKNOWN else day.regime,
    )
    return after, hits


def climb(average_cost: float, since_ms: int, days: Iterable[Day]) -> LadderState:
    """The state after all the days, from the purchase on."""
    state = LadderState(average_cost, since_ms)
    for day in days:
        state, _ = advance(state, day)
    return state


def target_gain_pct(target: Target, regime: str) -> float:
    """The target's gain over the average cost in a regime."""
    return target.gain_pct * STRETCH.get(regime, 1.0)


def target_price(target: Target, average_cost: float, regime: str) -> float:
    """The price of the target in a regime."""
    return average_cost * (1.0 + target_gain_pct(target, regime) / 100.0)


def rungs(average_cost: float, hits: Sequence[Hit], regime: str) -> tuple[Rung, ...]:
    """The ladder as it is shown: reached targets as they were, the others for this regime."""
    by_number = {hit.number: hit for hit in hits}
    shown = []
    for place, target in enumerate(TARGETS):
        hit = by_number.get(target.number)
        state = RungState.NEXT if place == len(by_number) else RungState.LATER
        gain_pct = target_gain_pct(target, regime) if hit is None else hit.gain_pct
        price = target_price(target, average_cost, regime) if hit is None else hit.price
        shown.append(
            Rung(
                number=target.number,
                sell_pct=target.sell_pct,
                gain_pct=gain_pct,
                price=price,
                score_trigger=target.score_trigger,
                on_bearish_regime=target.on_bearish_regime,
                state=state if hit is None else RungState.HIT,
                hit_at_ms=None if hit is None else hit.as_of_ms,
                hit_by=None if hit is None else hit.by,
                hit_price=None if hit is None else hit.close,
            )
        )
    return tuple(shown)


def _hits_of(state: LadderState, day: Day) -> tuple[Hit, ...]:
    if len(state.hits) == len(TARGETS):
        return ()
    target = TARGETS[len(state.hits)]
    price = target_price(target, state.average_cost, day.regime)
    by = _what_reached(target, price, state, day)
    if by is None:
        return ()
    gain_pct = target_gain_pct(target, day.regime)
    return (Hit(target.number, day.as_of_ms, by, day.close, gain_pct, price),)


def _what_reached(target: Target, price: float, state: LadderState, day: Day) -> str | None:
    if day.close is not None and day.close >= price:
        return "price"
    if _score_fell(target, state, day):
        return "score"
    if target.on_bearish_regime and _turned_bearish(state, day):
        return "regime"
    return None


def _score_fell(target: Target, state: LadderState, day: Day) -> bool:
    if target.score_trigger is None or state.total is None or day.vetoed or day.close is None:
        return False
    if state.as_of_ms is None or day.as_of_ms - state.as_of_ms != MS_PER_DAY:
        return False
    return state.total > target.score_trigger >= day.total and day.close > state.average_cost


def _turned_bearish(state: LadderState, day: Day) -> bool:
    return day.regime == BEAR and state.regime not in (BEAR, UNKNOWN)
