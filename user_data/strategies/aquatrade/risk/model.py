"""What the rules speak of: positions, the book, a wanted entry, verdicts. Immutable, no clock.

Money is in stake currency, rates are prices of one base unit in it, moments are aware UTC.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Side(StrEnum):
    LONG = "long"
    SHORT = "short"


class Decision(StrEnum):
    """Ordered by severity: APPROVE < REDUCE < REJECT."""

    APPROVE = "APPROVE"
    REDUCE = "REDUCE"
    REJECT = "REJECT"


SEVERITY = tuple(Decision)
# Freqtrade's names of exits that a stop or an emergency made.
STOP_REASONS = frozenset(
    {"stop_loss", "stoploss_on_exchange", "trailing_stop_loss", "liquidation", "emergency_exit"}
)


def most_severe(decisions: Iterable[Decision]) -> Decision:
    """The one that counts where several were made; at least one."""
    return max(decisions, key=SEVERITY.index)


@dataclass(frozen=True, slots=True)
class Position:
    """An open trade of a bot, its entry orders that are not filled yet included."""

    bot: str
    exchange: str
    family: str  # of the strategy: "dip", "trend", "grid", "scalp", "momentum", ...
    pair: str  # "BTC/USDT", "BTC/USDT:USDT"
    side: Side
    amount: float  # base units held
    entry_rate: float  # average of what is filled; of the order where nothing is
    current_rate: float
    stop_rate: float | None  # None: none is known, then all of the stake is at risk
    stake: float  # own money in what is filled (cost / leverage)
    opened_at: datetime
    pending_stake: float = 0.0  # own money in entry orders that are not filled
    leverage: float = 1.0
    cost_rate: float = 0.0015  # fee and slippage of one order, as a fraction
    last_entry_at: datetime | None = None  # of the newest entry order; None: when it was opened

    @property
    def asset(self) -> str:
        """The base coin."""
        return self.pair.partition("/")[0]

    @property
    def exposure(self) -> float:
        """What is held at the present price, and what the pending orders would add."""
        return self.amount * self.current_rate + self.pending_stake * self.leverage

    @property
    def profit(self) -> float:
        """Unrealised, if all were sold at the present price, costs of both orders included."""
        bought, sold = self.amount * self.entry_rate, self.amount * self.current_rate
        gross = sold - bought if self.side is Side.LONG else bought - sold
        return gross - self.cost_rate * (bought + sold)


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """A trade that has ended."""

    bot: str
    pair: str
    closed_at: datetime
    profit: float  # net
    was_stopped: bool  # by a stop-loss of any kind
    opened_at: datetime | None = None  # None: not known, then as late as it can have been
    family: str = ""
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """All that is known of the money at one moment: of one bot, or of all of them.

    profit: of all trades ever, realised net and unrealised; deposits are no part of it, so the
    loss of a period is a difference of it. equity: cash, and positions at the present price.
    """

    at: datetime
    equity: float
    free: float  # cash that no order and no position ties up
    profit: float
    positions: tuple[Position, ...] = ()
    closed: tuple[ClosedTrade, ...] = ()  # those of the last days, oldest first
    entries_at: tuple[datetime, ...] = ()  # entry orders made in the last 24 h, oldest first
    exchanges: tuple[str, ...] = ()  # that the bots trade on, those without positions too


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that is wanted, or an increase of an open position."""

    bot: str
    exchange: str
    family: str
    pair: str
    side: Side
    stake: float  # own money
    rate: float
    stop_rate: float | None
    leverage: float = 1.0
    cost_rate: float = 0.0015
    is_increase: bool = False
    score: float | None = None  # of the signal, where the strategy has one
    score_needed: float | None = None
    min_stake: float = 0.0  # of the exchange

    @property
    def asset(self) -> str:
        return self.pair.partition("/")[0]

    @property
    def exposure(self) -> float:
        return self.stake * self.leverage


@dataclass(frozen=True, slots=True)
class Market:
    """What is known about market and machine when an entry is judged; None: not known."""

    correlations: Mapping[tuple[str, str], float] | None = None  # of two pairs, both orders
    atr_ratio: float | None = None  # ATR over its 20-period mean
    candle_age: float | None = None  # of the newest closed candle since its close, in candles
    clock_skew_seconds: float | None = None
    exchange_silence_seconds: float | None = None
    kill_switch: bool = False
    danger: str | None = None  # macro danger, in words


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule's say about an entry: its number against its limit."""

    rule: str  # "exposure", "pair", "heat", ...
    decision: Decision
    text: str  # for a person: "exposure 63.1 % of equity, limit 60 %"
    value: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """decision: the most severe of the reasons'; stake: what may be staked, 0 if REJECT."""

    decision: Decision
    stake: float
    reasons: tuple[Reason, ...] = ()

    @property
    def text(self) -> str:
        """The reasons in one line."""
        return "; ".join(reason.text for reason in self.reasons)


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Mark:
    """How things stood when a period began."""

    period: Period
    started: datetime  # 00:00 UTC of its first day
    equity: float
    profit: float


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker that has tripped and has not been resumed."""

    rule: str  # "day", "week", "month", "stop_equity"
    at: datetime
    value: float
    limit: float
    text: str  # for a person, shown as the lock's reason
    close: str | tuple[str, ...]  # "nothing", "all", families
    until: datetime | None  # None: by a person alone
    needs_other_config: str | None = None  # the hash of the profile that must not come back
    recovery_hours: float = 0.0
    recovery_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class RiskState:
    """What outlives a restart."""

    marks: Mapping[Period, Mark] = field(default_factory=dict)
    trips: tuple[Trip, ...] = ()
    recovery_until: datetime | None = None
    recovery_factor: float = 1.0
    last_at: datetime | None = None  # the latest moment ever looked at
    last_equity: float = math.nan
    last_profit: float = math.nan
    error: str | None = None  # why the latest book cannot be believed, or its clock not followed


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a look at the book has changed, for the event log and for alerts."""

    kind: str  # "trip", "resume", "recovery_end", "error"
    rule: str
    text: str
    value: float | None = None
    limit: float | None = None
