"""What the guard knows, arranged for its overview: words, bars, rows. Pure.

Whatever is said by a colour is said in words too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aquatrade.risk.model import Trip
from sidecars.common.moments import ms_of
from sidecars.common.pages.formats import NO_BREAK_SPACE, cash, number, percent
from sidecars.guard.model import (
    Approval,
    ApprovalStatus,
    BookView,
    BotView,
    GuardState,
    LimitView,
    Stage,
    StateView,
)

NEAR_SHARE = 0.8  # of a limit: said before it is reached
NEAR_OTHERWISE = {"stop_equity": 0.97}  # equity is always near to it, measured like the others
FLOORS = frozenset({"reserve", "stop_equity"})  # what a value must not fall to
OF_SOMETHING = frozenset({"pair", "group", "exchange", "cluster"})  # the text begins with what
RULE_NAMES = {
    "day": "Loss today",
    "week": "Loss this week",
    "month": "Loss this month",
    "stop_equity": "Equity of all bots",
    "exposure": "Total exposure",
    "pair": "Largest asset",
    "group": "Largest correlated group",
    "exchange": "Largest exchange",
    "cluster": "Fullest cluster",
    "heat": "Heat: loss if all stops are hit",
    "open_positions": "Open positions",
    "reserve": "Cash that stays free",
    "entries_per_hour": "Entries in the last hour",
    "entries_per_day": "Entries in the last 24 hours",
    "kill": "Stop by hand",
}
STAGE_WORDS = {
    Stage.PAPER: "paper: no real money",
    Stage.HYBRID: "hybrid: each entry waits for a yes",
    Stage.LIVE: "live",
}


@dataclass(frozen=True, slots=True)
class StateWords:
    """A state as a person reads it. tone: part of a CSS class."""

    mark: str
    word: str
    meaning: str
    tone: str


STATE_WORDS = {
    GuardState.ACTIVE: StateWords(
        "✓", "Active", "Bots may open new trades within the limits.", "good"
    ),
    GuardState.REDUCING: StateWords(
        "↓", "Reducing", "No new trades. Open trades go on to their exits.", "caution"
    ),
    GuardState.HALTED: StateWords(
        "■", "Halted", "No new trades. Open trades go on to their exits.", "bad"
    ),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """How much of a limit is used. width: of the bar in per cent; None: not known."""

    label: str
    value: str
    limit: str
    width: float | None
    tone: str  # "calm", "near", "over", "unknown"
    word: str


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the whole: so much money, so many per cent of it."""

    label: str
    money: float
    share_pct: float | None
    width: float


@dataclass(frozen=True, slots=True)
class BotRow:
    """A bot with its condition in words."""

    bot: BotView
    equity: float
    condition: str
    tone: str  # of a badge: "ok", "stale", "off", "failing"
    stage: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the last reconciliation found. tone: of its badge."""

    word: str
    tone: str


@dataclass(frozen=True, slots=True)
class TripRow:
    """A limit that has tripped. until_ms: None where a person ends it."""

    rule: str
    name: str
    text: str
    at_ms: int
    until_ms: int | None


def rule_name(rule: str) -> str:
    """'Loss today' for "day"."""
    return RULE_NAMES.get(rule, rule.replace("_", " ").capitalize())


def amount(value: float, unit: str) -> str:
    """'41.2 %', '640.00 USDT', '3 positions'."""
    if unit == "%":
        return percent(value)
    if unit.isupper():
        return cash(value, unit)
    text = f"{value:,.0f}" if float(value).is_integer() else number(value)
    return f"{text}{NO_BREAK_SPACE}{unit}"


def limit_bar(limit: LimitView) -> Bar:
    """How far one limit is used."""
    label, is_floor = _label(limit), limit.rule in FLOORS
    ceiling = f"{'at least' if is_floor else 'of'} {amount(limit.limit, limit.unit)}"
    if limit.value is None:
        return Bar(label, "not known", ceiling, None, "unknown", "not known")
    value = limit.value if is_floor else max(0.0, limit.value)
    share = value / limit.limit if limit.share is None else limit.share
    tone, word = "calm", f"{max(0.0, share):.0%} used".replace("%", f"{NO_BREAK_SPACE}%")
    if is_floor:
        word = f"{amount(max(0.0, value - limit.limit), limit.unit)} above it"
    if share > 1.0:
        tone, word = "over", "under the limit" if is_floor else "over the limit"
    elif share >= 1.0:
        tone, word = "over", "at the limit"
    elif share >= NEAR_OTHERWISE.get(limit.rule, NEAR_SHARE):
        tone, word = "near", f"{word}, near the limit"
    width = 100.0 * min(1.0, max(0.0, share))
    said = amount(value, limit.unit)
    if limit.unit != "%":
        said = said.partition(NO_BREAK_SPACE)[0]  # "3 of 8 positions" has its unit once
    return Bar(label, said, ceiling, round(width, 2), tone, word)


def _label(limit: LimitView) -> str:
    name = rule_name(limit.rule)
    what = limit.text.partition(":")[0].partition(" ")[2]
    return f"{name}: {what}" if limit.rule in OF_SOMETHING and what else name


def shares(money: Mapping[str, float], whole: float) -> list[Share]:
    """Each part beside the whole, the largest first; what is nothing is left out."""
    found = sorted(
        ((label, value) for label, value in money.items() if value > 0.0),
        key=lambda part: (-part[1], part[0]),
    )
    result = []
    for label, value in found:
        share_pct = 100.0 * value / whole if whole > 0.0 else None
        width = min(100.0, share_pct) if share_pct is not None else 0.0
        result.append(Share(label, value, share_pct, round(width, 2)))
    return result


def bot_row(bot: BotView) -> BotRow:
    """A bot as a person is to see it; the worst of what is wrong with it comes first."""
    condition, tone = "running", "ok"
    if bot.seen_at is None:
        condition, tone = "not seen yet", "off"
        if bot.error is not None:
            condition, tone = "never reached", "failing"
    elif not bot.is_reached:
        condition, tone = "not reached", "failing"
    elif bot.run_state != "running":
        condition, tone = bot.run_state or "state not known", "stale"
    elif bot.is_locked:
        condition, tone = "no entries: locked", "stale"
    return BotRow(bot, bot.allotment + bot.profit, condition, tone, STAGE_WORDS[bot.stage])


def trip_row(trip: Trip) -> TripRow:
    """A trip as it is shown; its text says how it ends."""
    until_ms = None if trip.until is None else ms_of(trip.until)
    return TripRow(trip.rule, rule_name(trip.rule), trip.text, ms_of(trip.at), until_ms)


def state_lines(view: StateView) -> list[str]:
    """What stands against ACTIVE, each thing once; trips and the kill switch are shown apart."""
    apart = {trip.text for trip in view.trips}
    lines = [line for line in dict.fromkeys(view.reasons) if line not in apart]
    if view.kill is None:
        return lines
    by_hand = f"kill switch, by {view.kill.by} "
    return [line for line in lines if line != view.kill.reason and not line.startswith(by_hand)]


def waiting(approvals: Sequence[Approval]) -> list[Approval]:
    """Those that wait for an answer, the soonest to expire first."""
    found = [each for each in approvals if each.status is ApprovalStatus.WAITING]
    return sorted(found, key=lambda each: (each.expires_at, each.id))


def answered(approvals: Sequence[Approval]) -> list[Approval]:
    """The rest, newest first."""
    found = [each for each in approvals if each.status is not ApprovalStatus.WAITING]
    return sorted(found, key=lambda each: each.answered_at or each.asked_at, reverse=True)


def is_all_paper(bots: Sequence[BotView]) -> bool:
    """Whether no bot trades real money."""
    return all(bot.stage is Stage.PAPER for bot in bots)


def has_paper(bots: Sequence[BotView]) -> bool:
    """Whether a bot trades on paper."""
    return any(bot.stage is Stage.PAPER for bot in bots)


def profit_pcts(book: BookView) -> dict[str, float | None]:
    """Each period's profit over the equity that it began with, in per cent; None: not known."""
    found: dict[str, float | None] = {}
    for period, profit in (
        ("day", book.profit_day),
        ("week", book.profit_week),
        ("month", book.profit_month),
    ):
        began_with = book.book.equity - (profit or 0.0)
        known = profit is not None and began_with > 0.0
        found[period] = 100.0 * profit / began_with if known and profit is not None else None
    return found


def agreement(view: StateView) -> Agreement:
    """Whether exchanges and bots say the same, in words."""
    if view.mismatches:
        count = len(view.mismatches)
        return Agreement(f"{count} {'mismatch' if count == 1 else 'mismatches'}", "failing")
    if view.reconcile_errors:
        return Agreement("could not be compared", "failing")
    if view.reconciled_at is None:
        return Agreement("not compared yet", "off")
    return Agreement("they agree", "ok")
