"""What the guard speaks of: bots as they were last seen, checks, reservations, approvals.

Immutable; moments are aware UTC, money is in stake currency.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from aquatrade.risk.model import Book, Decision, Entry, Reason, Side, Trip
from sidecars.guard.danger import OFF as DANGER_OFF
from sidecars.guard.danger import DangerView
from sidecars.guard.snapshots import BotSnapshot, LockSeen, OrderSeen, TradeSeen

__all__ = [  # bots as they were seen belong to the same words
    "BotSnapshot",
    "LockSeen",
    "OrderSeen",
    "TradeSeen",
]


class GuardState(StrEnum):
    """ACTIVE: rules decide. REDUCING: no entries, exits go on. HALTED: the same, and the guard
    does not trust what it sees, or a person has stopped it."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class Stage(StrEnum):
    PAPER = "paper"
    HYBRID = "hybrid"
    LIVE = "live"


# -- bots --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BotView:
    """A bot for the page, the command and GET /v1/state."""

    name: str
    url: str
    stage: Stage
    exchange: str
    family: str
    account: str | None
    allotment: float
    is_reached: bool  # the last poll went well
    error: str | None  # one line: why it did not, or what is wrong with it
    seen_at: datetime | None  # end of the last good poll
    run_state: str | None
    is_dry_run: bool | None
    strategy: str | None
    at_stake: float  # stakes, open entry orders and reservations
    profit: float
    profit_day: float | None
    open_trades: int
    reservations: int
    is_locked: bool  # by a lock of the guard that was seen in the bot
    locks: tuple[LockSeen, ...] = ()  # all that hold, the bot's own included


# -- checks ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CheckRequest:
    entry: Entry
    candle: datetime  # open of the signal's candle
    tag: str
    signal_until: datetime
    dry_run: bool  # whether the process that asks trades with play money
    process: str  # of the bot's own event log: another one for another risk database

    @property
    def key(self) -> "CheckKey":
        """The same for the same wish. Increases are told apart by their tags: a grid makes several
        at different levels within one candle."""
        entry = self.entry
        tag = self.tag if entry.is_increase else ""
        return (entry.bot, entry.pair, entry.side, self.candle, entry.is_increase, tag)


CheckKey = tuple[str, str, Side, datetime, bool, str]


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    decision: Decision
    stake: float
    reasons: tuple[Reason, ...]
    state: GuardState
    reservation: str | None = None
    expires: datetime | None = None
    approval: str | None = None
    is_paper: bool = False


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money, a slot and an asset that were promised to a bot and are not seen in its trades yet."""

    id: str
    bot: str
    exchange: str
    family: str
    pair: str
    side: Side
    candle: datetime
    is_increase: bool
    stake: float
    rate: float
    stop_rate: float | None
    leverage: float
    cost_rate: float
    made_at: datetime
    expires_at: datetime  # end of the lease, as the bot is told
    # End of the lease on a clock that nobody sets: see sidecars.guard.reservations.
    lease_ends_s: float
    reasons: tuple[Reason, ...]
    is_paper: bool
    tag: str = ""
    # Entry orders of the bot for this pair and side that belong to something else.
    known_orders: frozenset[str] = frozenset()
    approval: str | None = None  # that a person gave, and that it has used

    @property
    def key(self) -> CheckKey:
        tag = self.tag if self.is_increase else ""
        return (self.bot, self.pair, self.side, self.candle, self.is_increase, tag)


# -- approvals ---------------------------------------------------------------------------------


class ApprovalStatus(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    USED = "used"


@dataclass(frozen=True, slots=True)
class Approval:
    """An entry of a hybrid bot that waits for a person, or has been answered."""

    id: str
    bot: str
    exchange: str
    family: str
    pair: str
    side: Side
    candle: datetime
    is_increase: bool
    tag: str
    score: float | None
    stake: float  # what the rules let through when it was asked for
    rate: float
    stop_rate: float | None
    reasons: tuple[Reason, ...]  # what the rules said, as a person is to see it
    asked_at: datetime
    expires_at: datetime  # with its signal
    status: ApprovalStatus = ApprovalStatus.WAITING
    answered_at: datetime | None = None
    answered_by: str | None = None

    @property
    def key(self) -> CheckKey:
        tag = self.tag if self.is_increase else ""
        return (self.bot, self.pair, self.side, self.candle, self.is_increase, tag)


# -- reconciliation ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference between an exchange and the bots. key: the same for the same difference in
    the next look, so that it is told once and known to be gone."""

    key: str
    account: str
    kind: str  # "order", "position", "balance"
    text: str  # one line: what the exchange has, what the bots believe
    bot: str | None = None
    pair: str | None = None
    exchange_value: float | None = None
    bots_value: float | None = None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One look at all accounts. errors: of accounts that could not be read, by name; unread_bots:
    of those where the exchange was read, and these bots were not."""

    at: datetime
    mismatches: tuple[Mismatch, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    unread_bots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return not self.mismatches and not self.errors


# -- what a person sees ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KillSwitch:
    at: datetime
    by: str
    reason: str
    close: bool


@dataclass(frozen=True, slots=True)
class Held:
    """Something besides trips and the kill switch that stays until a person resumes. rule:
    "unasked" or "clock"."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class StateView:
    state: GuardState
    reasons: tuple[str, ...]  # one line for each thing that stands against ACTIVE
    since: datetime
    trips: tuple[Trip, ...]
    kill: KillSwitch | None
    recovery_until: datetime | None
    recovery_factor: float
    mismatches: tuple[Mismatch, ...]
    reconciled_at: datetime | None
    reconcile_errors: Mapping[str, str]
    profile: str
    danger: DangerView = DANGER_OFF
    held: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitView:
    """How far a limit is used: value against limit, in `unit` ("%", "USDT", "positions").

    share: 1 is at the limit, also of a floor like the reserve, which a value falls to; None: not
    known.
    """

    rule: str
    value: float | None
    limit: float
    unit: str
    text: str
    share: float | None = None


@dataclass(frozen=True, slots=True)
class BookView:
    """The fleet's book with what belongs to whom."""

    book: Book  # positions include reservations, as pending stake
    capital: float
    reserve: float
    at_stake_by_bot: Mapping[str, float]
    exposure_by_asset: Mapping[str, float]
    exposure_by_exchange: Mapping[str, float]
    profit_by_bot: Mapping[str, float]
    profit_day: float | None
    profit_week: float | None
    profit_month: float | None
    reservations: tuple[Reservation, ...]
