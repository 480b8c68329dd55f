"""What the monitor shows of a holding: values only, made by the rules, drawn by page and text."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class SignalState(StrEnum):
    """How a signal reads: good (half of its points or more), bad, or not to be had."""

    TICK = "tick"
    CROSS = "cross"
    UNAVAILABLE = "unavailable"


class RungState(StrEnum):
    """Where a sell target stands."""

    HIT = "hit"
    NEXT = "next"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Holding:
    """One position, from the holdings file or from Luno's balances.

    pair: whose score counts ("BTC/USDT"). market: the Luno market that prices it ("BTC/MYR"), None
    where the price is that of `pair` itself (currency USDT). since_ms: start of the day on which it
    was bought (its last purchase): the ladder counts from there. average_cost: per coin, in
    `currency`; None where it is not known (from balances): gains and the ladder are then left out.
    started_with: the amount before the ladder sold any; None: as much as now.
    """

    asset: str
    amount: float
    currency: str
    pair: str
    average_cost: float | None
    since_ms: int | None
    market: str | None = None
    started_with: float | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """A price per coin in `currency`. source: "Luno BTC/MYR", "binance BTC/USDT x 4.41 MYR"."""

    value: float
    currency: str
    as_of_ms: int
    source: str
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Signal:
    """One input of the score. part: "technical", "momentum", "regime" or "sentiment"."""

    name: str
    label: str
    part: str
    points: float
    max_points: float
    state: SignalState
    reading: str


@dataclass(frozen=True, slots=True)
class ScoreView:
    """The latest record of the holding's pair."""

    total: float
    zone: str
    vetoed: bool
    confidence: float
    percentile: float | None
    as_of_ms: int
    available_at_ms: int
    is_stale: bool
    parts: Sequence[tuple[str, float, float]]  # name, points, max
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class Rung:
    """A sell target. gain_pct and price: as stretched or tightened for the present regime."""

    number: int
    sell_pct: float
    gain_pct: float
    price: float
    score_trigger: float | None  # a daily close crossing down through it, while in profit
    on_bearish_regime: bool
    state: RungState
    hit_at_ms: int | None
    hit_by: str | None  # "price", "score" or "regime"
    hit_price: float | None = None  # what that day closed at


@dataclass(frozen=True, slots=True)
class History:
    """Columns of equal length, one row a day, oldest first. price: in the holding's currency."""

    as_of_ms: Sequence[int]
    total: Sequence[float]
    vetoed: Sequence[bool]
    price: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person recorded: bought or not, and what came of the score afterwards."""

    decided_at_ms: int
    bought: bool
    total: float
    zone: str
    price: float
    note: str
    return_30d_pct: float | None
    return_90d_pct: float | None


@dataclass(frozen=True, slots=True)
class Card:
    """Everything that is shown of one holding. None: not known, and `warnings` says why."""

    holding: Holding
    price: Price | None
    value: float | None
    gain_pct: float | None
    score: ScoreView | None
    tranche_pct: float  # of the next buying tranche, by zone: 40, 25 or 0
    signals: Sequence[Signal]
    recommendation: str
    next_review: str
    regime: str  # "bull", "bear", "mixed" or "unknown"
    ladder: Sequence[Rung]
    keep_pct: float
    history: History
    decisions: Sequence[Decision]
    warnings: Sequence[str]
