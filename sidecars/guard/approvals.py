"""The life of an approval: an entry of a hybrid bot that waits for a person's word. Pure.

    waiting -> approved -> used        rejected is for good, so is expired, and used once an
    waiting -> rejected | expired      order was seen
    approved -> rejected | expired
    used -> approved                   when the bot gives back what it was used for

A yes lets the very signal through that was shown, once, while the signal lives, at a price near to
the one that was shown, for no more than the stake that was shown, and only if all rules still
pass. A no stands for that signal; asked again with the same signal there is the same approval.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from aquatrade.risk.model import Decision, Reason
from sidecars.guard.model import Approval, ApprovalStatus, CheckRequest

RULE = "approval"
OPEN = (ApprovalStatus.WAITING, ApprovalStatus.APPROVED)
# Prices and stakes come as floats: what differs by less is the same.
SAME = 1e-9
# What may become of what is kept; what is not here is for good.
NEXT: dict[ApprovalStatus, frozenset[ApprovalStatus]] = {
    ApprovalStatus.WAITING: frozenset(
        {ApprovalStatus.APPROVED, ApprovalStatus.REJECTED, ApprovalStatus.EXPIRED}
    ),
    ApprovalStatus.APPROVED: frozenset(
        {ApprovalStatus.USED, ApprovalStatus.REJECTED, ApprovalStatus.EXPIRED}
    ),
    ApprovalStatus.USED: frozenset({ApprovalStatus.APPROVED}),
}


@dataclass(frozen=True, slots=True)
class ApprovalSay:
    """What an approval says to a check.

    asks: a new one is to be queued (`queued`). stake_limit: where it lets through, the most that
    may be staked. reason: APPROVE, REDUCE to that stake, or REJECT.
    """

    lets_through: bool
    reason: Reason
    asks: bool = False
    stake_limit: float | None = None


def judge_approval(
    approval: Approval | None, request: CheckRequest, now: datetime, price_band_pct: float
) -> ApprovalSay:
    """What the approval of a check's signal (None: there is none yet) says to it now.

    It changes nothing: what is let through and reserved is to be marked (`used`) in the same
    transaction.
    """
    if request.signal_until <= now:
        return _no(f"the signal has expired at {request.signal_until:%Y-%m-%d %H:%M:%S} UTC")
    if approval is None:
        return ApprovalSay(False, _reason(Decision.REJECT, "waits for a person's yes"), asks=True)
    if approval.key != request.key:
        return _no(f"approval {approval.id} is for another signal")
    if expired(approval, now):
        return _no(f"approval {approval.id} has expired with its signal")
    if approval.status is not ApprovalStatus.APPROVED:
        return _no(_REFUSALS[approval.status].format(id=approval.id, by=approval.answered_by))
    return _approved(approval, request, price_band_pct)


def _approved(approval: Approval, request: CheckRequest, price_band_pct: float) -> ApprovalSay:
    entry = request.entry
    off_pct = abs(entry.rate - approval.rate) / approval.rate * 100.0
    if not off_pct <= price_band_pct * (1.0 + SAME):  # so written that NaN is refused, too
        text = (
            f"the price {entry.rate:.8g} is {off_pct:.2f} % from the approved "
            f"{approval.rate:.8g}, limit {price_band_pct:g} %"
        )
        return ApprovalSay(False, _reason(Decision.REJECT, text, off_pct, price_band_pct))
    by = f"approved by {approval.answered_by}"
    if entry.stake > approval.stake * (1.0 + SAME):
        text = f"{by} for {approval.stake:.8g}, {entry.stake:.8g} were asked for"
        reason = _reason(Decision.REDUCE, text, entry.stake, approval.stake)
        return ApprovalSay(True, reason, stake_limit=approval.stake)
    return ApprovalSay(True, _reason(Decision.APPROVE, by), stake_limit=approval.stake)


def queued(
    request: CheckRequest,
    *,
    number: str,
    stake: float,
    reasons: tuple[Reason, ...],
    now: datetime,
) -> Approval:
    """A new approval for what a check asks. number: its id; stake: what the rules let through."""
    entry = request.entry
    return Approval(
        id=number,
        bot=entry.bot,
        exchange=entry.exchange,
        family=entry.family,
        pair=entry.pair,
        side=entry.side,
        candle=request.candle,
        is_increase=entry.is_increase,
        tag=request.tag,
        score=entry.score,
        stake=stake,
        rate=entry.rate,
        stop_rate=entry.stop_rate,
        reasons=reasons,
        asked_at=now,
        expires_at=request.signal_until,
    )


def answered(approval: Approval, *, yes: bool, by: str, now: datetime) -> Approval:
    """The approval with a person's word. The same word twice changes nothing; a yes may be taken
    back while it is not used, a no may not. Raises ValueError with one line."""
    wanted = ApprovalStatus.APPROVED if yes else ApprovalStatus.REJECTED
    if approval.status is wanted:
        return approval
    if expired(approval, now):
        raise ValueError(
            f"approval {approval.id} has expired at {approval.expires_at:%Y-%m-%d %H:%M:%S} UTC"
        )
    if approval.status not in OPEN:
        said = f" by {approval.answered_by}" if approval.answered_by else ""
        raise ValueError(f"approval {approval.id} is {approval.status.value} already{said}")
    return replace(approval, status=wanted, answered_at=now, answered_by=by)


def used(approval: Approval, now: datetime) -> Approval:
    """The approval after it has let an entry through. Raises ValueError if it may not."""
    if approval.status is not ApprovalStatus.APPROVED or expired(approval, now):
        raise ValueError(f"approval {approval.id} is {approval.status.value}, expected approved")
    return replace(approval, status=ApprovalStatus.USED)


def given_back(approval: Approval, now: datetime) -> Approval:
    """The approval after its bot gave back, unused, what it had let through: it counts again
    while its signal lives."""
    if approval.status is not ApprovalStatus.USED or approval.expires_at <= now:
        return approval
    return replace(approval, status=ApprovalStatus.APPROVED)


def used_before(approval: Approval, used_at: datetime) -> ApprovalSay:
    """What an approval says whose reservation still lives: its order may be on its way."""
    return _no(
        f"{approval.id} was used at {used_at:%Y-%m-%d %H:%M:%S} UTC; its answer may have been lost"
    )


def expired(approval: Approval, now: datetime) -> bool:
    """Whether its signal is over and it has not been used or rejected before."""
    if approval.status is ApprovalStatus.EXPIRED:
        return True
    return approval.status in OPEN and approval.expires_at <= now


def lapsed(approval: Approval) -> Approval:
    """The approval as one that has expired, which it stays whatever the clock does."""
    return replace(approval, status=ApprovalStatus.EXPIRED)


_REFUSALS = {
    ApprovalStatus.WAITING: "waits for a person's yes",
    ApprovalStatus.REJECTED: "rejected by {by}",
    ApprovalStatus.USED: "approval {id} has been used",
}


def _no(text: str) -> ApprovalSay:
    return ApprovalSay(False, _reason(Decision.REJECT, text))


def _reason(
    decision: Decision, text: str, value: float | None = None, limit: float | None = None
) -> Reason:
    return Reason(RULE, decision, text, value, limit)
