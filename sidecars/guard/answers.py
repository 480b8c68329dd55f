"""The guard's answers as JSON. Pure. Moments end in Z, a number that is none is null."""

from collections.abc import Sequence
from typing import Any

import orjson

from aquatrade.event_log import StoredEvent
from aquatrade.risk.model import Position
from sidecars.guard.model import (
    Approval,
    BookView,
    BotView,
    CheckAnswer,
    CheckRequest,
    LimitView,
    Reconciliation,
    Reservation,
    StateView,
)

LONGEST_TEXT = 900  # of a reason, for a bot
MOST_REASONS = 50


def to_json(content: object) -> bytes:
    """JSON of dataclasses, moments and numbers."""
    return orjson.dumps(content, option=orjson.OPT_UTC_Z)


def check_body(request: CheckRequest, answer: CheckAnswer) -> bytes:
    """Of POST /v1/checks."""
    return to_json(
        {
            "bot": request.entry.bot,
            "pair": request.entry.pair,
            "decision": answer.decision,
            "stake": answer.stake,
            "reasons": [
                {
                    "rule": reason.rule,
                    "decision": reason.decision,
                    "text": reason.text[:LONGEST_TEXT],
                    "value": reason.value,
                    "limit": reason.limit,
                }
                for reason in answer.reasons[:MOST_REASONS]
            ],
            "reservation": answer.reservation,
            "expires": answer.expires,
            "state": answer.state,
            "approval": answer.approval,
            "paper": answer.is_paper,
        }
    )


def state_body(
    state: StateView, bots: Sequence[BotView], limits: Sequence[LimitView], stake_currency: str
) -> bytes:
    """Of GET /v1/state."""
    content = {**_fields(state), "stake_currency": stake_currency, "bots": bots, "limits": limits}
    return to_json(content)


def book_body(view: BookView) -> bytes:
    """Of GET /v1/book."""
    book = view.book
    return to_json(
        {
            "at": book.at,
            "equity": book.equity,
            "free": book.free,
            "profit": book.profit,
            "capital": view.capital,
            "reserve": view.reserve,
            "at_stake_by_bot": view.at_stake_by_bot,
            "exposure_by_asset": view.exposure_by_asset,
            "exposure_by_exchange": view.exposure_by_exchange,
            "profit_by_bot": view.profit_by_bot,
            "profit_day": view.profit_day,
            "profit_week": view.profit_week,
            "profit_month": view.profit_month,
            "positions": [_position(each) for each in book.positions],
            "reservations": [_reservation(each) for each in view.reservations],
        }
    )


def events_body(events: Sequence[StoredEvent]) -> bytes:
    """Of GET /v1/events and /v1/why."""
    rows = [{"seq": each.seq, "hash": each.hash, **_fields(each.event)} for each in events]
    return to_json({"events": rows})


def approvals_body(approvals: Sequence[Approval]) -> bytes:
    """Of GET /v1/approvals."""
    return to_json({"approvals": approvals})


def reconciliation_body(found: Reconciliation) -> bytes:
    """Of POST /v1/reconcile."""
    return to_json({"passed": found.passed, **_fields(found)})


def _position(position: Position) -> dict[str, Any]:
    return {**_fields(position), "exposure": position.exposure, "profit": position.profit}


def _reservation(reservation: Reservation) -> dict[str, Any]:
    hidden = ("known_orders", "lease_ends_s")
    return {name: value for name, value in _fields(reservation).items() if name not in hidden}


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
