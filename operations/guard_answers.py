"""The guard's answers over HTTP, read back into its own words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from aquatrade.event_log import Event, StoredEvent
from operations.guard_http import GuardCommandError
from sidecars.guard.model import Approval, BotView, LimitView, Reconciliation, StateView

_Kind = TypeVar("_Kind")
_STATE = TypeAdapter(StateView)
_BOTS = TypeAdapter(list[BotView])
_LIMITS = TypeAdapter(list[LimitView])
_APPROVALS = TypeAdapter(list[Approval])
_RECONCILIATION = TypeAdapter(Reconciliation)
_EVENT = TypeAdapter(Event)


@dataclass(frozen=True, slots=True)
class Money:
    """The fleet's money, of GET /v1/book, in stake currency."""

    at: datetime  # now, by the guard's clock
    equity: float
    capital: float
    reserve: float
    exposure_by_asset: dict[str, float]
    profit_day: float | None
    profit_week: float | None
    profit_month: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How all bots stand: GET /v1/state and /v1/book."""

    state: StateView
    bots: list[BotView]
    limits: list[LimitView]
    money: Money
    currency: str


_MONEY = TypeAdapter(Money)


def read_standing(state: Any, book: Any) -> Standing:
    """Raises GuardCommandError for what is no answer of a guard."""
    return Standing(
        _read(_STATE, state),
        _read(_BOTS, _part(state, "bots")),
        _read(_LIMITS, _part(state, "limits")),
        read_money(book),
        str(_part(state, "stake_currency")),
    )


def read_money(book: Any) -> Money:
    """Raises GuardCommandError."""
    return _read(_MONEY, book)


def read_approvals(answer: Any) -> list[Approval]:
    """Raises GuardCommandError."""
    return _read(_APPROVALS, _part(answer, "approvals"))


def read_reconciliation(answer: Any) -> Reconciliation:
    """Raises GuardCommandError."""
    return _read(_RECONCILIATION, answer)


def read_events(answer: Any) -> list[StoredEvent]:
    """In the order of the answer; the hash before is not told. Raises GuardCommandError."""
    rows = _part(answer, "events")
    if not isinstance(rows, list):
        raise _no_guard("events is no list")
    return [
        StoredEvent(int(_part(row, "seq")), _read(_EVENT, row), str(_part(row, "hash")), "")
        for row in rows
    ]


def _read(kind: TypeAdapter[_Kind], content: Any) -> _Kind:
    try:
        return kind.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "answer"
        raise _no_guard(f"{place}: {first['msg']}") from None


def _part(content: Any, name: str) -> Any:
    if not isinstance(content, dict) or name not in content:
        raise _no_guard(f"{name} is missing")
    return content[name]


def _no_guard(what: str) -> GuardCommandError:
    return GuardCommandError(f"the answer is not that of a guard of this version ({what})")
