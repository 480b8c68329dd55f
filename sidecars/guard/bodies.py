"""What may stand in the body of a request, and one clear line for what may not. Pure."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from aquatrade.canonical_json import canonical_json
from aquatrade.event_log import Event
from aquatrade.risk.model import Entry, Side
from sidecars.common.http import ApiError
from sidecars.common.parameters import shown
from sidecars.common.settings_file import did_you_mean
from sidecars.guard.model import CheckRequest

MOST_EVENTS = 1000
LARGEST_SEQ = 2**63 - 1
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("expected printable characters on one line")
    return value


def _pair(value: str) -> str:
    base, slash, quote = value.partition("/")
    if not base or not slash or not quote:
        raise ValueError('expected a pair like "BTC/USDT"')
    return value


def _moment(value: datetime) -> datetime:
    if not EARLIEST <= value < LATEST:
        raise ValueError("expected a moment of this age")
    return value.astimezone(UTC)


def _kept(value: dict[str, Any]) -> dict[str, Any]:
    try:
        canonical_json(value)
    except ValueError as error:
        raise ValueError(f"cannot be kept ({error})") from None
    return value


Name = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_printable)]
Pair = Annotated[
    str, Field(min_length=3, max_length=80), AfterValidator(_printable), AfterValidator(_pair)
]
Words = Annotated[str, Field(max_length=255), AfterValidator(_printable)]
Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CheckBody(_Body):
    """POST /v1/checks."""

    bot: Name
    process: Name
    dry_run: Annotated[bool, Field(strict=True)]
    exchange: Name
    family: Name
    pair: Pair
    side: Literal["long", "short"]
    stake: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
    rate: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
    stop_rate: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None
    leverage: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
    cost_rate: Annotated[float, Field(ge=0.0, lt=1.0, allow_inf_nan=False)]
    is_increase: bool
    score: Number | None
    min_stake: Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
    candle: Moment
    tag: Words
    signal_until: Moment

    def request(self) -> CheckRequest:
        """The same in the guard's own words."""
        entry = Entry(
            bot=self.bot,
            exchange=self.exchange,
            family=self.family,
            pair=self.pair,
            side=Side(self.side),
            stake=self.stake,
            rate=self.rate,
            stop_rate=self.stop_rate,
            leverage=self.leverage,
            cost_rate=self.cost_rate,
            is_increase=self.is_increase,
            score=self.score,
            min_stake=self.min_stake,
        )
        return CheckRequest(
            entry,
            self.candle,
            self.tag,
            self.signal_until,
            dry_run=self.dry_run,
            process=self.process,
        )


class ReleaseBody(_Body):
    """POST /v1/reservations/{id}/release."""

    bot: Name


class EventBody(_Body):
    seq: int = Field(ge=0, le=LARGEST_SEQ)
    at: Moment
    kind: Name
    pair: Name | None = None
    candle: Moment | None = None
    text: str = Field(max_length=4000)
    data: Annotated[dict[str, Any], AfterValidator(_kept)] = {}

    def event(self, bot: str) -> Event:
        return Event(
            at=self.at,
            origin=bot,
            kind=self.kind,
            text=self.text,
            pair=self.pair,
            candle=self.candle,
            data=self.data,
            origin_seq=self.seq,
        )


class EventsBody(_Body):
    """POST /v1/events. process: of the log that the numbers are of."""

    bot: Name
    process: Name
    events: list[EventBody] = Field(max_length=MOST_EVENTS)


class AnswerBody(_Body):
    """POST /v1/approvals/{id}."""

    answer: Literal["approve", "reject"]
    by: Name


class KillBody(_Body):
    """POST /v1/kill."""

    by: Name
    reason: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
    close: bool = False


class ResumeBody(_Body):
    """POST /v1/resume."""

    by: Name
    rule: Name | None = None


class EmptyBody(_Body):
    """POST /v1/reconcile."""


_Model = TypeVar("_Model", bound=BaseModel)


def read_body(model: type[_Model], body: bytes) -> _Model:
    """The body in its shape. Raises ApiError 400."""
    try:
        content = orjson.loads(body) if body.strip() else {}
    except (orjson.JSONDecodeError, RecursionError):
        raise ApiError(400, "bad_json", "the body is not JSON") from None
    if not isinstance(content, dict):
        raise ApiError(400, "bad_json", f"expected a JSON object, got {type(content).__name__}")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ApiError(400, "bad_body", _problem(model, error)) from None


def _problem(model: type[BaseModel], error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"key {shown(key)} is missing"
    if first["type"] == "extra_forbidden":
        known = list(model.model_fields)
        return f"key {shown(key)} is unknown, expected {', '.join(known)}{did_you_mean(key, known)}"
    message = first["msg"].removeprefix("Value error, ")
    return f"key {shown(key)}: got {shown(str(first['input']))}, expected: {message}"


def whole_number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A whole number of the query. Raises ApiError 400."""
    text = query.get(name)
    if text is None:
        return default
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else math.nan
    if not least <= value <= most:
        raise ApiError(
            400, "bad_number", f"{name}={shown(text)}, expected a whole number {least} to {most}"
        )
    return int(value)
