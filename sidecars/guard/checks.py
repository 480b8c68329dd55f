"""May this entry be made? The fleet's rules, the guard's own, and a person's yes. Pure.

A check that lets an entry through makes its reservation in the same step, and steps are taken one
after the other: whatever two bots ask at one moment, the second is judged with the first one's
stake, slot and asset in the book.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aquatrade.event_log import Event
from aquatrade.risk.model import Book, Decision, Verdict
from sidecars.guard.approvals import judge_approval, queued, used, used_before
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
from sidecars.guard.reservations import Moment, living, reserve
from sidecars.guard.scrutiny import TOLERANCE, configured, judge
from sidecars.guard.settings import BotSettings
from sidecars.guard.states import against, gravest
from sidecars.guard.words import ORIGIN, request_data, verdict_event


def check(rules: Rules, fleet: Fleet, request: CheckRequest, now: Moment) -> Step[CheckAnswer]:
    """Judge an entry, reserve for what is let through. Raises GuardRefusal for a bot that is not
    configured.

    An entry that is asked for again is judged anew, as if what it was promised before were not
    there; what it is promised now takes the place of that.
    """
    bot = configured(rules, request.entry.bot)
    purse = purse_of(bot)
    fleet = _knowing_family(fleet, request)
    standing = against(rules, fleet, purse)
    state = gravest(standing)
    there = None
    if not request.entry.is_increase:
        there = living(fleet.reservations, request.key)
    without = fleet if there is None else _without(fleet, there)
    # Of what is over, only the valve asks.
    valve = timedelta(minutes=rules.profile.valve_minutes or 0.0)
    book = fleet_book(rules, without, purse, now.at, valve, request.entry.asset)
    verdict = judge(rules, without, request, bot, book, now, standing)
    judged = _Judged(request, bot, verdict, book, state, there)
    if verdict.decision is Decision.REJECT:
        return _refused(fleet, judged, verdict, now)
    if bot.stage is Stage.HYBRID:
        return _with_approval(rules, fleet, judged, now)
    return _let_through(rules, fleet, judged, verdict, now)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A wish and what the rules said of it. there: what it was promised before."""

    request: CheckRequest
    bot: BotSettings
    verdict: Verdict
    book: Book
    state: GuardState
    there: Reservation | None


# -- what becomes of it ------------------------------------------------------------------------


def _let_through(
    rules: Rules,
    fleet: Fleet,
    judged: _Judged,
    verdict: Verdict,
    now: Moment,
    approval: Approval | None = None,
) -> Step[CheckAnswer]:
    request, bot = judged.request, judged.bot
    fleet = fleet if judged.there is None else _without(fleet, judged.there)
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
        approval=None if approval is None else approval.id,
    )
    answer = CheckAnswer(
        decision=verdict.decision,
        stake=verdict.stake,
        reasons=verdict.reasons,
        state=GuardState.ACTIVE,
        reservation=reservation.id,
        expires=reservation.expires_at,
        approval=reservation.approval,
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
    return Step(after, answer, (verdict_event(request, answer, judged.book, now.at),))


def _refused(
    fleet: Fleet, judged: _Judged, verdict: Verdict, now: Moment, approval: str | None = None
) -> Step[CheckAnswer]:
    request = judged.request
    is_paper = judged.bot.stage is Stage.PAPER
    answer = CheckAnswer(
        Decision.REJECT, 0.0, verdict.reasons, judged.state, approval=approval, is_paper=is_paper
    )
    words = tuple(f"{each.rule} {each.decision}" for each in verdict.reasons)
    told = fleet.told.get(request.key)
    if told is not None and told.words == words:
        return Step(fleet, answer)
    until = max(request.signal_until, now.at)
    after = replace(fleet, told={**fleet.told, request.key: Told(words, until)})
    return Step(after, answer, (verdict_event(request, answer, judged.book, now.at),))


def _with_approval(rules: Rules, fleet: Fleet, judged: _Judged, now: Moment) -> Step[CheckAnswer]:
    """An entry of a hybrid bot that the rules let through: a person has to, too."""
    request, verdict = judged.request, judged.verdict
    approval = _asked_for(fleet, request)
    say = judge_approval(approval, request, now.at, rules.settings.approval_price_band_pct)
    if approval is not None and judged.there is not None:
        say = used_before(approval, judged.there.made_at)
    reasons = (*verdict.reasons, say.reason)
    if say.lets_through and approval is not None:
        most = approval.stake if say.stake_limit is None else say.stake_limit
        stake = min(verdict.stake, most)
        is_whole = stake >= request.entry.stake * (1.0 - TOLERANCE)
        decision = Decision.APPROVE if is_whole else Decision.REDUCE
        passed = Verdict(decision, stake, reasons)
        return _let_through(rules, fleet, judged, passed, now, approval)
    refused = Verdict(Decision.REJECT, 0.0, reasons)
    if not say.asks:
        number = None if approval is None else approval.id
        return _refused(fleet, judged, refused, now, number)
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
    step = _refused(after, judged, refused, now, asked.id)
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


def _without(fleet: Fleet, there: Reservation) -> Fleet:
    left = {key: each for key, each in fleet.reservations.items() if key != there.id}
    return replace(fleet, reservations=left)
