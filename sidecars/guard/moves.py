"""What polls, looks at the losses and reconciliations do to the fleet. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from aquatrade.event_log import Event
from aquatrade.risk.breakers import observe
from aquatrade.risk.model import RiskState
from sidecars.guard.approvals import expired, lapsed
from sidecars.guard.book import fleet_book
from sidecars.guard.fleet import (
    Fleet,
    MismatchSeen,
    PollState,
    Rules,
    Step,
    holds_something,
    purses_of,
)
from sidecars.guard.ledger import Purse, begins_anew, with_snapshot
from sidecars.guard.model import Approval, ApprovalStatus, Reconciliation
from sidecars.guard.poll_parts import KEEP_EVERY, is_kept_already, priced, sharing, to_keep
from sidecars.guard.reservations import Moment, Settled, of_bot, settle
from sidecars.guard.snapshots import AWAY, RUNNING, BotSnapshot
from sidecars.guard.states import MISMATCHES_IN_A_ROW, state_of
from sidecars.guard.unasked import see_orders
from sidecars.guard.words import (
    approval_event,
    change_event,
    mismatch_event,
    plain_event,
    reservation_event,
)

# A bot that fails so long is told of.
UNREACHED_AFTER = timedelta(seconds=15)
FORGET_TOLD = timedelta(minutes=10)
STOPPED = "stopped"  # freqtrade's word


# -- polls ---------------------------------------------------------------------------------------


def take_poll(
    rules: Rules, fleet: Fleet, snapshot: BotSnapshot, began_s: float, now: Moment
) -> Step[None]:
    """Take in what a whole poll of a bot has said. began_s: its begin on the steady clock."""
    bot = rules.settings.bot(snapshot.bot)
    if bot is None:
        return Step(fleet, None)
    before = fleet.snapshots.get(snapshot.bot)
    snapshot = priced(sharing(snapshot, before), before)
    events = [*_return_events(fleet, snapshot.bot, now.at), *_stop_events(snapshot, before, now.at)]
    purses = purses_of(bot)
    account = fleet.ledger.get((purses[0], snapshot.bot))
    is_anew = account is not None and begins_anew(account, snapshot, before)
    if is_anew:
        text = (
            f"bot {snapshot.bot} has another database than before, or trades were deleted from "
            "it: its past profits are kept, its trades of before are unknown"
        )
        events.append(plain_event("error", text, now.at, {"bot": snapshot.bot}))
    settled = settle(of_bot(fleet.reservations, snapshot.bot), snapshot, began_s)
    events += _settled_events(settled, now.at)
    known = None if is_anew else before
    fleet, more = see_orders(fleet, bot, known, snapshot, settled, now.at)
    others = {key: each for key, each in fleet.reservations.items() if each.bot != snapshot.bot}
    ledger = with_snapshot(fleet.ledger, purses, snapshot, before)
    is_kept = is_kept_already(fleet.kept.get(snapshot.bot), snapshot)
    is_running = snapshot.run_state == RUNNING
    after = replace(
        fleet,
        snapshots={**fleet.snapshots, snapshot.bot: snapshot},
        polls={**fleet.polls, snapshot.bot: PollState(is_fresh=True, good_at_s=began_s)},
        reservations={**others, **{each.id: each for each in settled.left}},
        ledger=ledger,
        paused=fleet.paused - {snapshot.bot} if is_running else fleet.paused,
        kept=fleet.kept if is_kept else {**fleet.kept, snapshot.bot: to_keep(snapshot)},
        kept_ledger=fleet.kept_ledger if is_kept else ledger,
    )
    return Step(after, None, (*events, *more))


def _settled_events(settled: Settled, now: datetime) -> list[Event]:
    used = [reservation_event(each, "used", "its order was seen", now) for each in settled.used]
    over = "its lease is over and no order came of it"
    return used + [reservation_event(each, "over", over, now) for each in settled.over]


def poll_failed(rules: Rules, fleet: Fleet, bot: str, error: str, now: Moment) -> Step[None]:
    """A bot could not be read: what is known of it stays as it is."""
    before = fleet.polls.get(bot, PollState())
    since = before.failing_since or now.at
    is_told = before.is_told and before.error == error
    events: tuple[Event, ...] = ()
    if not is_told and (now.at - since >= UNREACHED_AFTER or not before.is_fresh):
        events = (plain_event("error", f"bot {bot}: {error}", now.at, {"bot": bot}),)
        is_told = True
    state = replace(before, error=error, failing_since=since, is_told=is_told)
    # Who is not there may start anew, and be paused then for reasons of its own.
    paused = fleet.paused - {bot} if error.startswith(AWAY) else fleet.paused
    after = replace(fleet, polls={**fleet.polls, bot: state}, paused=paused)
    return Step(after, None, events)


def _return_events(fleet: Fleet, bot: str, now: datetime) -> list[Event]:
    before = fleet.polls.get(bot)
    if before is None or not before.is_told:
        return []
    return [plain_event("state", f"bot {bot} is read again", now, {"bot": bot})]


def _stop_events(snapshot: BotSnapshot, before: BotSnapshot | None, now: datetime) -> list[Event]:
    """A bot that is stopped makes no exits: people have to know."""
    was = None if before is None else before.run_state
    if snapshot.run_state != STOPPED or was == STOPPED or not snapshot.trades:
        return []
    text = f"bot {snapshot.bot} is stopped: nobody watches its {len(snapshot.trades)} open trades"
    return [plain_event("error", text, now, {"bot": snapshot.bot})]


# -- losses --------------------------------------------------------------------------------------


def look_at_losses(rules: Rules, fleet: Fleet, now: Moment) -> Step[None]:
    """Trip and end breakers by the fleet's profit; let go of what has expired."""
    fleet, events = _tidied(fleet, now.at)
    if fleet.boot_wait_until_s is not None and now.steady_s > fleet.boot_wait_until_s:
        fleet = replace(fleet, boot_wait_until_s=None)
    for purse in rules.purses:
        if any(bot.name not in fleet.snapshots for bot in rules.bots_of(purse)):
            continue  # nobody knows the profit of all: a part of it would look like a loss
        book = fleet_book(rules, fleet, purse, now.at, timedelta(0))
        before = fleet.risk.get(purse, RiskState())
        state, changes = observe(rules.profile, before, book)
        kept = fleet.kept_risk.get(purse)
        risk: Mapping[Purse, RiskState] = {**fleet.risk, purse: state}
        fleet = replace(fleet, risk=risk)
        if changes or kept is None or _is_due(kept, state):
            fleet = replace(
                fleet, kept_risk={**fleet.kept_risk, purse: state}, kept_ledger=fleet.ledger
            )
        events += [change_event(change, purse, now.at) for change in changes]
    return Step(fleet, None, tuple(events))


def _is_due(kept: RiskState, state: RiskState) -> bool:
    if (kept.marks, kept.trips, kept.recovery_until) != (
        state.marks,
        state.trips,
        state.recovery_until,
    ):
        return True
    if kept.last_at is None or state.last_at is None:
        return True
    return state.last_at - kept.last_at >= KEEP_EVERY


def _tidied(fleet: Fleet, now: datetime) -> tuple[Fleet, list[Event]]:
    """Approvals expire with their signals; refusals of signals that are over are forgotten."""
    lapsing = [
        each
        for each in fleet.approvals.values()
        if each.status is not ApprovalStatus.EXPIRED and expired(each, now)
    ]
    events = [approval_event(lapsed(each), "expired with its signal", now) for each in lapsing]
    approvals: Mapping[str, Approval] = fleet.approvals
    if lapsing:
        approvals = {**approvals, **{each.id: lapsed(each) for each in lapsing}}
    told = fleet.told
    if any(each.until < now - FORGET_TOLD for each in told.values()):
        told = {key: each for key, each in told.items() if each.until >= now - FORGET_TOLD}
    return replace(fleet, approvals=approvals, told=told), events


# -- reconciliation ------------------------------------------------------------------------------


def take_reconciliation(
    rules: Rules, fleet: Fleet, found: Reconciliation, now: Moment
) -> Step[None]:
    """Take in a look at the exchanges. What an account that could not be read had, it still has."""
    seen: dict[str, MismatchSeen] = {}
    events: list[Event] = []
    for mismatch in found.mismatches:
        before = fleet.mismatches.get(mismatch.key)
        times = 1 if before is None else before.times + 1
        since = now.at if before is None else before.since
        seen[mismatch.key] = MismatchSeen(mismatch, since, times)
        if times <= MISMATCHES_IN_A_ROW:
            events.append(mismatch_event("mismatch", mismatch, times, now.at))
    for key, before in fleet.mismatches.items():
        if key in seen:
            continue
        if before.mismatch.account in found.errors:
            seen[key] = before
        else:
            events.append(mismatch_event("mismatch_end", before.mismatch, 0, now.at))
    events += [
        plain_event("error", f"account {name}: {text}", now.at, {"account": name})
        for name, text in found.errors.items()
        if name not in fleet.reconcile_errors
    ]
    events += [
        plain_event("state", f"account {name} is read again", now.at, {"account": name})
        for name in fleet.reconcile_errors
        if name not in found.errors
    ]
    after = replace(
        fleet,
        mismatches=seen,
        reconcile_errors=dict(found.errors),
        reconcile_failing=_failing(fleet, found),
        reconciled_at=now.at if found.passed else fleet.reconciled_at,
        has_passed=fleet.has_passed or found.passed,
    )
    return Step(after, None, tuple(events))


def _failing(fleet: Fleet, found: Reconciliation) -> dict[str, int]:
    """How many looks in a row have failed, by account. A bot that holds nothing and cannot be read
    makes a look incomplete, no more."""
    return {
        name: fleet.reconcile_failing.get(name, 0) + 1
        for name in found.errors
        if name not in found.unread_bots
        or any(holds_something(fleet, bot) for bot in found.unread_bots[name])
    }


# -- the state -----------------------------------------------------------------------------------


def settled_state(rules: Rules, fleet: Fleet, now: datetime) -> tuple[Fleet, tuple[Event, ...]]:
    """The fleet with the state that follows from all it holds; an event where it is another."""
    state = state_of(rules, fleet, rules.purses[0])
    if state is fleet.state:
        return fleet, ()
    text = f"{fleet.state} -> {state}"
    event = plain_event("state", text, now, {"from": fleet.state, "to": state})
    return replace(fleet, state=state, state_since=now), (event,)


def without_unknown_bots(rules: Rules, fleet: Fleet, now: datetime) -> Step[None]:
    """After a restart with other settings: what belongs to bots that are gone is let go."""
    known = {bot.name for bot in rules.settings.bots}
    gone = [each for each in fleet.reservations.values() if each.bot not in known]
    events = tuple(
        reservation_event(each, "dropped", "its bot is not configured any more", now)
        for each in gone
    )
    after = replace(
        fleet,
        snapshots={bot: each for bot, each in fleet.snapshots.items() if bot in known},
        reservations={key: each for key, each in fleet.reservations.items() if each.bot in known},
    )
    return Step(after, None, events)
