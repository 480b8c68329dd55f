"""All that the guard knows at one moment, as one immutable value.

Every change makes a new one: what a change does not say stays as it was, and a change that cannot
be kept is as if it had never been made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from aquatrade.event_log import Event
from aquatrade.risk.model import RiskState
from aquatrade.risk.profile import RiskProfile
from sidecars.guard.bot_events import Heard
from sidecars.guard.danger import DangerKnown
from sidecars.guard.ledger import Ledger, Purse
from sidecars.guard.model import (
    Approval,
    CheckKey,
    GuardState,
    KillSwitch,
    Mismatch,
    Reservation,
    Stage,
)
from sidecars.guard.settings import BotSettings, GuardSettings
from sidecars.guard.snapshots import BotSnapshot


@dataclass(frozen=True, slots=True)
class Rules:
    """What does not change while the guard runs."""

    settings: GuardSettings
    profile: RiskProfile
    _bots: Mapping[Purse, tuple[BotSettings, ...]] = field(init=False, repr=False)
    _purses: tuple[Purse, ...] = field(init=False, repr=False)

    def bots_of(self, purse: Purse) -> tuple[BotSettings, ...]:
        """The bots whose profits are the purse's."""
        return self._bots[purse]

    @property
    def purses(self) -> tuple[Purse, ...]:
        """Those that have bots; the one that the state speaks of first."""
        return self._purses

    def __post_init__(self) -> None:
        bots = {
            purse: tuple(bot for bot in self.settings.bots if purse in purses_of(bot))
            for purse in Purse
        }
        needed = {purse_of(bot) for bot in self.settings.bots}
        object.__setattr__(self, "_bots", bots)
        object.__setattr__(self, "_purses", tuple(each for each in Purse if each in needed))


def purses_of(bot: BotSettings) -> tuple[Purse, ...]:
    """Whose profits the bot's are: a real bot is also part of the fleet as if all were real."""
    return (Purse.PAPER,) if bot.stage is Stage.PAPER else (Purse.REAL, Purse.PAPER)


def purse_of(bot: BotSettings) -> Purse:
    """By which book the bot's entries are judged."""
    return Purse.PAPER if bot.stage is Stage.PAPER else Purse.REAL


@dataclass(frozen=True, slots=True)
class PollState:
    """How reading a bot goes. error: of the last attempt; failing_since: of the first of those in
    a row; is_fresh: whether it went well since the guard's start."""

    is_fresh: bool = False
    error: str | None = None
    failing_since: datetime | None = None
    good_at_s: float | None = None  # begin of the last good poll on the steady clock
    is_told: bool = False  # whether its failing is in the log


@dataclass(frozen=True, slots=True)
class MismatchSeen:
    """A mismatch and how often it was seen in a row."""

    mismatch: Mismatch
    since: datetime
    times: int


@dataclass(frozen=True, slots=True)
class Unasked:
    """A bot with entry orders that it did not ask for; a person has to look. text: of the first."""

    bot: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the last verdict on a wish was in short: a bot asks again with every loop, and the same
    refusal is logged once."""

    words: tuple[str, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class Fleet:
    """The guard's knowledge. `kept` and `kept_risk` are as they are in the database: prices move
    with every poll, and are kept now and then only."""

    started_at: datetime
    state_since: datetime
    state: GuardState = GuardState.HALTED
    snapshots: Mapping[str, BotSnapshot] = field(default_factory=dict)
    polls: Mapping[str, PollState] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)
    reservations: Mapping[str, Reservation] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=dict)
    risk: Mapping[Purse, RiskState] = field(default_factory=dict)
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    # After a boot of the machine, on the steady clock: until then promises of before may be used
    # that no disk has kept.
    boot_wait_until_s: float | None = None
    kill: KillSwitch | None = None
    kill_file: str | None = None
    mismatches: Mapping[str, MismatchSeen] = field(default_factory=dict)
    reconciled_at: datetime | None = None  # the last look that passed
    has_passed: bool = False  # whether one passed since the start
    reconcile_errors: Mapping[str, str] = field(default_factory=dict)
    correlations: Mapping[tuple[str, str], float] | None = None
    reconcile_failing: Mapping[str, int] = field(default_factory=dict)  # accounts: looks in a row
    danger: DangerKnown | None = None  # None: the sidecar was not asked yet
    last_number: int = 0  # of reservations and approvals
    ended: Mapping[str, Reservation] = field(default_factory=dict)  # unused, of late
    unasked: Mapping[str, Unasked] = field(default_factory=dict)  # by bot
    heard: dict[str, Heard] = field(default_factory=dict)
    paused: frozenset[str] = frozenset()  # bots that the guard has paused, and no person
    told: Mapping[CheckKey, Told] = field(default_factory=dict)
    kept: Mapping[str, BotSnapshot] = field(default_factory=dict)
    kept_ledger: Ledger = field(default_factory=dict)
    kept_risk: Mapping[Purse, RiskState] = field(default_factory=dict)


def holds_something(fleet: Fleet, bot: str) -> bool:
    """Whether a bot has positions, entry orders or reservations, as far as is known."""
    snapshot = fleet.snapshots.get(bot)
    if snapshot is not None and any(
        trade.amount > 0.0 or trade.pending_stake > 0.0 for trade in snapshot.trades
    ):
        return True
    return any(each.bot == bot for each in fleet.reservations.values())


Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Step(Generic[Answer]):
    """What a change makes: the fleet after it, what to tell whoever asked, what to log."""

    fleet: Fleet
    answer: Answer
    events: tuple[Event, ...] = ()
