"""What people do to the fleet: kill switch, resume, yes and no; and what bots give back. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from aquatrade.event_log import Event
from aquatrade.risk.breakers import CLOCK, resume
from aquatrade.risk.model import Change, RiskState
from sidecars.guard.approvals import answered, given_back
from sidecars.guard.book import fleet_book
from sidecars.guard.fleet import Fleet, Rules, Step
from sidecars.guard.ledger import Purse
from sidecars.guard.model import Approval, KillSwitch
from sidecars.guard.refusals import GuardRefusal
from sidecars.guard.reservations import Moment
from sidecars.guard.unasked import RULE as UNASKED
from sidecars.guard.unasked import still_known
from sidecars.guard.words import approval_event, change_event, plain_event, reservation_event

KILL = "kill"


def kill(fleet: Fleet, by: str, reason: str, now: Moment, *, close: bool) -> Step[None]:
    """Turn the kill switch on. Turned on again it may close, but not cease to."""
    before = fleet.kill
    if before is not None and (before.close or not close):
        return Step(fleet, None)
    switch = KillSwitch(now.at, by, reason, close)
    text = f"kill switch on, by {by}: {reason}" + ("; all positions are closed" if close else "")
    event = plain_event("kill", text, now.at, {"by": by, "reason": reason, "close": close})
    return Step(replace(fleet, kill=switch), None, (event,))


def see_kill_file(fleet: Fleet, text: str | None, now: Moment) -> Step[None]:
    """text: what the file that halts says; None: there is none."""
    if text == fleet.kill_file:
        return Step(fleet, None)
    said = f"kill switch on: {text}" if text is not None else f"gone: {fleet.kill_file}"
    event = plain_event("kill", said, now.at, {"by": "file", "on": text is not None})
    return Step(replace(fleet, kill_file=text), None, (event,))


def lift(
    rules: Rules, fleet: Fleet, by: str, rule: str | None, now: Moment
) -> Step[tuple[str, ...]]:
    """Lift the kill switch ("kill"), what bots did unasked ("unasked") or trips by hand; "clock":
    the clock is right again after it was ahead. Raises GuardRefusal 409 with why not."""
    if rule == KILL:
        return _lift_kill(fleet, by, now)
    if rule == UNASKED:
        return _lift_unasked(fleet, by, now)
    lifted: list[str] = []
    obstacles: list[str] = []
    events: list[Event] = []
    risk: Mapping[Purse, RiskState] = fleet.risk
    for purse in rules.purses:
        before = fleet.risk.get(purse, RiskState())
        if rule != CLOCK and not any(rule in (None, trip.rule) for trip in before.trips):
            continue
        book = fleet_book(rules, fleet, purse, now.at)
        state, changes = resume(rules.profile, before, book, rule)
        risk = {**risk, purse: state}
        for change in changes:
            if change.kind == "error":
                obstacles.append(change.text)
            else:
                lifted.append(change.rule)
                events.append(change_event(_by(change, by), purse, now.at, by))
    if not lifted:
        why = "; ".join(dict.fromkeys(obstacles)) or _nothing_to_lift(rule)
        raise GuardRefusal(409, "not_resumed", why)
    after = replace(fleet, risk=risk, kept_risk=risk, kept_ledger=fleet.ledger)
    return Step(after, tuple(dict.fromkeys(lifted)), tuple(events))


def _lift_kill(fleet: Fleet, by: str, now: Moment) -> Step[tuple[str, ...]]:
    if fleet.kill is None:
        held = f"; {fleet.kill_file}: remove it" if fleet.kill_file is not None else ""
        raise GuardRefusal(409, "not_resumed", f"the kill switch is not on{held}")
    text = f"kill switch off, by {by}"
    event = plain_event("resume", text, now.at, {"rule": KILL, "by": by})
    return Step(replace(fleet, kill=None), (KILL,), (event,))


def _lift_unasked(fleet: Fleet, by: str, now: Moment) -> Step[tuple[str, ...]]:
    if not fleet.unasked:
        text = "not resumed: no bot has made an order that it did not ask for"
        raise GuardRefusal(409, "not_resumed", text)
    events = tuple(
        plain_event(
            "resume",
            f"entries of bot {bot} are judged again, by {by}: {each.text}",
            now.at,
            {"rule": UNASKED, "by": by, "bot": bot},
        )
        for bot, each in fleet.unasked.items()
    )
    return Step(replace(fleet, unasked={}), (UNASKED,), events)


def _by(change: Change, by: str) -> Change:
    return replace(change, text=f"{change.text}, by {by}")


def _nothing_to_lift(rule: str | None) -> str:
    name = "" if rule is None else f" of rule {ascii(rule)[:40]}"
    return f"not resumed: no trip{name} is active"


def answer(fleet: Fleet, approval: str, by: str, now: Moment, *, yes: bool) -> Step[Approval]:
    """A person's yes or no. Raises GuardRefusal: 404 unknown, 409 answered or expired already."""
    before = fleet.approvals.get(approval)
    if before is None:
        raise GuardRefusal(404, "unknown_approval", f"there is no approval {ascii(approval)[:40]}")
    try:
        after = answered(before, yes=yes, by=by, now=now.at)
    except ValueError as error:
        raise GuardRefusal(409, "answered_already", str(error)) from None
    if after == before:
        return Step(fleet, before)
    event = approval_event(after, f"{after.status} by {by}", now.at)
    approvals = {**fleet.approvals, approval: after}
    return Step(replace(fleet, approvals=approvals), after, (event,))


def release(fleet: Fleet, bot: str, reservation: str, now: Moment) -> Step[None]:
    """A bot gives a reservation back. Raises GuardRefusal 404."""
    there = fleet.reservations.get(reservation)
    if there is None or there.bot != bot:
        text = f"bot {ascii(bot)[:40]} has no reservation {ascii(reservation)[:40]}"
        raise GuardRefusal(404, "unknown_reservation", text)
    left = {key: each for key, each in fleet.reservations.items() if key != reservation}
    event = reservation_event(there, "released", "given back", now.at)
    ended = still_known(fleet.ended, [there], now.at)  # an order may have been sent all the same
    approvals = fleet.approvals
    approval = None if there.approval is None else approvals.get(there.approval)
    if approval is not None:
        approvals = {**approvals, approval.id: given_back(approval, now.at)}
    after = replace(fleet, reservations=left, approvals=approvals, ended=ended)
    return Step(after, None, (event,))
