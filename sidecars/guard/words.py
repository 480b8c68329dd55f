"""The guard's events: what it logs, so that every decision can be explained. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from aquatrade.event_log import Event
from aquatrade.risk.model import Book, Change, Entry
from sidecars.guard.ledger import Purse
from sidecars.guard.model import Approval, CheckAnswer, CheckRequest, Mismatch, Reservation

ORIGIN = "guard"
_ENTRY = tuple(field.name for field in fields(Entry))


def request_data(request: CheckRequest) -> dict[str, Any]:
    """A check's question as JSON."""
    entry = request.entry
    return {
        **{name: getattr(entry, name) for name in _ENTRY},
        "candle": request.candle,
        "tag": request.tag,
        "signal_until": request.signal_until,
    }


def verdict_event(request: CheckRequest, answer: CheckAnswer, book: Book, now: datetime) -> Event:
    """What was asked, what was answered, and the book that it was judged by."""
    entry = request.entry
    paper = " (paper)" if answer.is_paper else ""
    why = "; ".join(reason.text for reason in answer.reasons)
    stake = f" with {answer.stake:.8g}" if answer.reservation is not None else ""
    return Event(
        at=now,
        origin=ORIGIN,
        kind="verdict",
        text=f"{answer.decision}{paper}: bot {entry.bot}, {entry.pair} {entry.side}{stake}"
        + (f": {why}" if why else ""),
        pair=entry.pair,
        candle=request.candle,
        data={
            "bot": entry.bot,
            "request": request_data(request),
            "decision": answer.decision,
            "stake": answer.stake,
            "reasons": answer.reasons,
            "reservation": answer.reservation,
            "approval": answer.approval,
            "state": answer.state,
            "paper": answer.is_paper,
            "book": {
                "equity": book.equity,
                "free": book.free,
                "profit": book.profit,
                "positions": len(book.positions),
            },
        },
    )


def reservation_event(reservation: Reservation, what: str, text: str, now: datetime) -> Event:
    """what: "used", "over", "released", "dropped"."""
    return Event(
        at=now,
        origin=ORIGIN,
        kind="reservation",
        text=f"{reservation.id} of bot {reservation.bot}, {reservation.pair} "
        f"{reservation.stake:.8g}: {text}",
        pair=reservation.pair,
        candle=reservation.candle,
        data={"bot": reservation.bot, "reservation": reservation.id, "what": what},
    )


def approval_event(approval: Approval, text: str, now: datetime) -> Event:
    return Event(
        at=now,
        origin=ORIGIN,
        kind="approval",
        text=f"{approval.id}: {text}",
        pair=approval.pair,
        candle=approval.candle,
        data={
            "approval": approval.id,
            "status": approval.status,
            "bot": approval.bot,
            "by": approval.answered_by,
        },
    )


def change_event(change: Change, purse: Purse, now: datetime, by: str | None = None) -> Event:
    """A breaker that tripped, was lifted, or a recovery that ended."""
    paper = "" if purse is Purse.REAL else " (as if paper were real)"
    return Event(
        at=now,
        origin=ORIGIN,
        kind=change.kind,
        text=f"{change.text}{paper}",
        data={
            "rule": change.rule,
            "value": change.value,
            "limit": change.limit,
            "purse": purse,
            **({} if by is None else {"by": by}),
        },
    )


def mismatch_event(kind: str, mismatch: Mismatch, times: int, now: datetime) -> Event:
    """kind: "mismatch" (times: how often it was seen in a row) or "mismatch_end"."""
    text = mismatch.text if times == 1 else f"{times} times in a row: {mismatch.text}"
    if kind == "mismatch_end":
        text = f"gone: {mismatch.text}"
    return Event(
        at=now,
        origin=ORIGIN,
        kind=kind,
        text=text,
        pair=mismatch.pair,
        data={"bot": mismatch.bot, "mismatch": asdict(mismatch), "times": times},
    )


def plain_event(
    kind: str, text: str, now: datetime, data: Mapping[str, Any] | None = None
) -> Event:
    """Of the kinds "state", "kill", "action", "error"."""
    return Event(at=now, origin=ORIGIN, kind=kind, text=text, data=data or {})
