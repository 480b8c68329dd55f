"""May this entry be made? The fleet's rules, the guard's own, and a person's yes. Pure.

A check that lets an entry through makes its reservation in the same step, and steps are taken one
after the other: whatever two bots ask at one moment, the second is judged with the first one's
stake, slot and asset in the book.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from aquatrade.event_log import Event
from aquatrade.risk.model import Book, Decision, Verdict
from sidecars.guard.approvals import judge_approval, queued, used
from sidecars.guard.book import fleet_book
from sidecars.guard.fleet import Fleet, Rules, Step, Told, purse_of
from sidecars.guard.model import (
    Approval,
    CheckAnswer,
    CheckRequest,
    GuardState,
    Reservation,
    Stage,
)
from sidecars.guard.reservations import Moment, living, renewed, reserve
from sidecars.guard.scrutiny import TOLERANCE, configured, judge
from sidecars.guard.settings import BotSettings
from sidecars.guard.states import against, gravest
from sidecars.guard.words import ORIGIN, request_data, verdict_event


def check(rules: Rules, fleet: Fleet, request: CheckRequest, now: Moment) -> Step[CheckAnswer]:
    """Judge an entry, reserve for what is let through. Raises GuardRefusal for a bot that is not
    configured."""
    bot = configured(rules, request.entry.bot)
    purse = purse_of(bot)
    fleet = _knowing_family(fleet, request)
    standing = against(rules, fleet, purse)
    state = gravest(standing)
    there = living(fleet.reservations, request.key)
    if there is not None and state is GuardState.ACTIVE:
        return _again(rules, fleet, request, there, now)
    # Of what is over, only the valve asks.
    valve = timedelta(minutes=rules.profile.valve_minutes or 0.0)
    book = fleet_book(rules, fleet, purse, now.at, valve, request.entry.asset)
    verdict = judge(rules, fleet, request, bot, book, now, standing)
    if verdict.decision is Decision.REJECT:
        is_paper = bot.stage is Stage.PAPER
        return _refused(fleet, request, verdict, book, state, now, is_paper=is_paper)
    if bot.stage is Stage.HYBRID:
        return _with_approval(rules, fleet, request, verdict, book, state, now)
    return _let_through(rules, fleet, request, bot, verdict, book, now)


# -- what becomes of it ------------------------------------------------------------------------


def _let_through(
    rules: Rules,
    fleet: Fleet,
    request: CheckRequest,
    bot: BotSettings,
    verdict: Verdict,
    book: Book,
    now: Moment,
    approval: Approval | None = None,
) -> Step[CheckAnswer]:
    number = fleet.last_number + 1
    reservation = reserve(
        request,
        number=f"r{number}",
        stake=verdict.stake,
        reasons=verdict.reasons,
        now=now,
        lease_seconds=rules.settings.lease_seconds,
        snapshot=fleet.snapshots.get(bot.name),
        is_paper=bot.stage is Stage.PAPER,
    )
    answer = CheckAnswer(
        decision=verdict.decision,
        stake=verdict.stake,
        reasons=verdict.reasons,
        state=GuardState.ACTIVE,
        reservation=reservation.id,
        expires=reservation.expires_at,
        approval=None if approval is None else approval.id,
        is_paper=reservation.is_paper,
    )
    approvals = fleet.approvals
    if approval is not None:
        approvals = {**approvals, approval.id: used(approval, now.at)}
    after = replace(
        fleet,
        reservations={**fleet.reservations, reservation.id: reservation},
        approvals=approvals,
        last_number=number,
    )
    return Step(after, answer, (verdict_event(request, answer, book, now.at),))


def _again(
    rules: Rules, fleet: Fleet, request: CheckRequest, there: Reservation, now: Moment
) -> Step[CheckAnswer]:
    """The same wish once more: the same reservation, with a whole lease ahead."""
    reservation = renewed(there, now, rules.settings.lease_seconds)
    stake = min(reservation.stake, request.entry.stake)
    is_whole = stake >= request.entry.stake * (1.0 - TOLERANCE)
    answer = CheckAnswer(
        decision=Decision.APPROVE if is_whole else Decision.REDUCE,
        stake=stake,
        reasons=reservation.reasons,
        state=GuardState.ACTIVE,
        reservation=reservation.id,
        expires=reservation.expires_at,
        is_paper=reservation.is_paper,
    )
    after = replace(fleet, reservations={**fleet.reservations, reservation.id: reservation})
    return Step(after, answer)


def _refused(
    fleet: Fleet,
    request: CheckRequest,
    verdict: Verdict,
    book: Book,
    state: GuardState,
    now: Moment,
    *,
    is_paper: bool,
    approval: str | None = None,
) -> Step[CheckAnswer]:
    answer = CheckAnswer(
        Decision.REJECT, 0.0, verdict.reasons, state, approval=approval, is_paper=is_paper
    )
    words = tuple(f"{each.rule} {each.decision}" for each in verdict.reasons)
    told = fleet.told.get(request.key)
    if told is not None and told.words == words:
        return Step(fleet, answer)
    until = max(request.signal_until, now.at)
    after = replace(fleet, told={**fleet.told, request.key: Told(words, until)})
    return Step(after, answer, (verdict_event(request, answer, book, now.at),))


def _with_approval(
    rules: Rules,
    fleet: Fleet,
    request: CheckRequest,
    verdict: Verdict,
    book: Book,
    state: GuardState,
    now: Moment,
) -> Step[CheckAnswer]:
    """An entry of a hybrid bot that the rules let through: a person has to, too."""
    approval = _asked_for(fleet, request)
    say = judge_approval(approval, request, now.at, rules.settings.approval_price_band_pct)
    reasons = (*verdict.reasons, say.reason)
    if say.lets_through and approval is not None:
        most = approval.stake if say.stake_limit is None else say.stake_limit
        stake = min(verdict.stake, most)
        decision = (
            Decision.APPROVE
            if stake >= request.entry.stake * (1.0 - TOLERANCE)
            else Decision.REDUCE
        )
        bot = configured(rules, request.entry.bot)
        passed = Verdict(decision, stake, reasons)
        return _let_through(rules, fleet, request, bot, passed, book, now, approval)
    refused = Verdict(Decision.REJECT, 0.0, reasons)
    if not say.asks:
        number = None if approval is None else approval.id
        return _refused(fleet, request, refused, book, state, now, is_paper=False, approval=number)
    asked = queued(
        request,
        number=f"a{fleet.last_number + 1}",
        stake=verdict.stake,
        reasons=verdict.reasons,
        now=now.at,
    )
    after = replace(
        fleet,
        approvals={**fleet.approvals, asked.id: asked},
        last_number=fleet.last_number + 1,
    )
    step = _refused(after, request, refused, book, state, now, is_paper=False, approval=asked.id)
    return replace(step, events=(*step.events, _asking(asked, request, now.at)))


def _asked_for(fleet: Fleet, request: CheckRequest) -> Approval | None:
    """The newest approval of the same wish."""
    found = [each for each in fleet.approvals.values() if each.key == request.key]
    return max(found, key=lambda each: each.asked_at, default=None)


def _asking(approval: Approval, request: CheckRequest, now: datetime) -> Event:
    return Event(
        at=now,
        origin=ORIGIN,
        kind="approval",
        text=(
            f"{approval.id}: bot {approval.bot} asks to enter {approval.pair} {approval.side} "
            f"with {approval.stake:.8g} at {approval.rate:.8g}, until "
            f"{approval.expires_at:%Y-%m-%d %H:%M:%S} UTC"
        ),
        pair=approval.pair,
        candle=approval.candle,
        data={
            "approval": approval.id,
            "status": approval.status.value,
            "bot": approval.bot,
            "request": request_data(request),
        },
    )


def _knowing_family(fleet: Fleet, request: CheckRequest) -> Fleet:
    bot, family = request.entry.bot, request.entry.family
    if fleet.families.get(bot) == family:
        return fleet
    return replace(fleet, families={**fleet.families, bot: family})
