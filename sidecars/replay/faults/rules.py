"""The words of a fault plan: which requests, streams and orders a rule meets, and what it does.

A rule is one JSON object:
    {"kind": "rate_limit", "match": {"path": "/api/v3/klines"}, "every": 3,
     "duration_ms": 60000, "parameters": {"status": 429, "retry_after_seconds": 2}}
"""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from sidecars.replay.input_errors import InputModel, one_line

LAST_MOMENT_MS = 253_402_300_799_999  # the end of the year 9999
MAX_WAIT_SECONDS = 3600.0
MAX_RULES = 1000

Glob = Annotated[str, Field(min_length=1, max_length=200)]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9_.-]{1,20}$")]
MomentMs = Annotated[int, Field(ge=0, le=LAST_MOMENT_MS)]
WaitSeconds = Annotated[float, Field(ge=0, le=MAX_WAIT_SECONDS)]
Method = Literal["GET", "POST", "PUT", "DELETE"]


class RequestMatch(InputModel):
    """REST requests (and websocket upgrades, which are GETs). What is not given matches all."""

    method: Method | None = None
    path: Glob = Field(default="*", description='glob on the path, e.g. "/api/v3/order*"')
    symbol: Symbol | None = None

    def fits(self, method: str, path: str) -> bool:
        return self.method in (None, method) and fnmatchcase(path, self.path)


class OrderRequestMatch(RequestMatch):
    """A new order, unless the rule says otherwise."""

    method: Method | None = "POST"
    path: Glob = "/api/v3/order"


class KlinesMatch(RequestMatch):
    method: Method | None = "GET"
    path: Glob = "/api/v3/*lines"  # klines and uiKlines


class StreamMatch(InputModel):
    stream: Glob = Field(default="*", description='glob, e.g. "btcusdt@kline_*"')

    def fits(self, stream: str) -> bool:
        return fnmatchcase(stream, self.stream)


class OrderMatch(InputModel):
    """Orders inside the matching engine."""

    symbol: Symbol | None = None
    side: Literal["BUY", "SELL"] | None = None

    def fits(self, symbol: str, side: str) -> bool:
        return self.symbol in (None, symbol) and self.side in (None, side)


class NoMatch(InputModel):
    """The whole exchange is hit: there is nothing to choose."""


class NoParameters(InputModel):
    pass


class _Rule(InputModel):
    """When a rule is in force. Moments are the exchange's own, milliseconds since the epoch."""

    from_ms: MomentMs | None = Field(default=None, description="default: when it was added")
    until_ms: MomentMs | None = Field(default=None, description="first moment out of force")
    duration_ms: MomentMs | None = Field(default=None, description="from from_ms; not with until")

    @model_validator(mode="after")
    def _one_end(self) -> "_Rule":
        if self.until_ms is not None and self.duration_ms is not None:
            raise ValueError("give until_ms or duration_ms, not both")
        return self


class _CountedRule(_Rule):
    """Which of the matching requests (messages, orders) are hit; all, when nothing is given."""

    probability: float | None = Field(default=None, gt=0, le=1)
    every: int | None = Field(default=None, ge=1, le=1_000_000, description="each n-th match")
    next: int | None = Field(default=None, ge=1, le=1_000_000, description="n matches, then spent")

    @model_validator(mode="after")
    def _one_choice(self) -> "_CountedRule":
        given = [name for name in ("probability", "every", "next") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"give one of probability, every and next, not {' and '.join(given)}")
        return self


class TimeOutParameters(InputModel):
    seconds: WaitSeconds = Field(default=60.0, description="real seconds, then a reset")


class SlowAnswerParameters(InputModel):
    delay_seconds: WaitSeconds = Field(default=1.0, description="before the request is handled")
    drip_seconds: WaitSeconds = Field(default=0.0, description="over which the body trickles out")


class RateLimitParameters(InputModel):
    status: Literal[418, 429] = 429
    retry_after_seconds: int = Field(default=1, ge=0, le=86_400)


class ServerErrorParameters(InputModel):
    status: Literal[500, 502, 503, 504] = 503
    body: Literal["binance", "html"] = "binance"
    executed: bool = Field(default=False, description="the request is carried out all the same")


class ResetMidBodyParameters(InputModel):
    fraction: float = Field(default=0.5, ge=0, lt=1, description="of the body that is sent")


class RejectOrderParameters(InputModel):
    code: Literal[-2010, -1013, -1015] = -2010
    message: str | None = Field(default=None, min_length=1, max_length=200)


class ClockSkewParameters(InputModel):
    offset_ms: int = Field(ge=-86_400_000, le=86_400_000, description="added to the server's time")


class LateFillParameters(InputModel):
    delay_ms: int = Field(ge=1, le=86_400_000, description="exchange time without any fill")


class PartialFillParameters(InputModel):
    fraction: float = Field(default=0.5, gt=0, lt=1, description="of the amount that may fill")


class BadKlinesParameters(InputModel):
    damage: Literal["truncated", "nan", "empty", "stale"]
    rows: int = Field(default=1, ge=1, le=1000, description="stale: how many of the last are gone")


class TimeOut(_CountedRule):
    """Accepts the request, does not carry it out, does not answer, resets after `seconds`."""

    kind: Literal["time_out"]
    match: RequestMatch = RequestMatch()
    parameters: TimeOutParameters = TimeOutParameters()


class SlowAnswer(_CountedRule):
    kind: Literal["slow_answer"]
    match: RequestMatch = RequestMatch()
    parameters: SlowAnswerParameters = SlowAnswerParameters()


class RateLimit(_CountedRule):
    kind: Literal["rate_limit"]
    match: RequestMatch = RequestMatch()
    parameters: RateLimitParameters = RateLimitParameters()


class ServerError(_CountedRule):
    kind: Literal["server_error"]
    match: RequestMatch = RequestMatch()
    parameters: ServerErrorParameters = ServerErrorParameters()


class Reset(_CountedRule):
    """Resets the connection; the request is not carried out."""

    kind: Literal["reset"]
    match: RequestMatch = RequestMatch()
    parameters: NoParameters = NoParameters()


class ResetMidBody(_CountedRule):
    """Carries the request out, sends a part of the answer's bytes, cuts the connection."""

    kind: Literal["reset_mid_body"]
    match: RequestMatch = RequestMatch()
    parameters: ResetMidBodyParameters = ResetMidBodyParameters()


class ResponseLost(_CountedRule):
    """Carries the order out; the answer never comes and the connection is reset after `seconds`."""

    kind: Literal["response_lost"]
    match: OrderRequestMatch = OrderRequestMatch()
    parameters: TimeOutParameters = TimeOutParameters()


class RejectOrder(_CountedRule):
    kind: Literal["reject_order"]
    match: OrderRequestMatch = OrderRequestMatch()
    parameters: RejectOrderParameters = RejectOrderParameters()


class BadKlines(_CountedRule):
    kind: Literal["bad_klines"]
    match: KlinesMatch = KlinesMatch()
    parameters: BadKlinesParameters


class WebsocketDrop(_CountedRule):
    """Cuts the connection of a matching stream when it next has something to say."""

    kind: Literal["websocket_drop"]
    match: StreamMatch = StreamMatch()
    parameters: NoParameters = NoParameters()


class WebsocketSilence(_CountedRule):
    """Swallows messages of a matching stream; the connection stays up."""

    kind: Literal["websocket_silence"]
    match: StreamMatch = StreamMatch()
    parameters: NoParameters = NoParameters()


class LateFill(_CountedRule):
    kind: Literal["late_fill"]
    match: OrderMatch = OrderMatch()
    parameters: LateFillParameters


class PartialFill(_CountedRule):
    kind: Literal["partial_fill"]
    match: OrderMatch = OrderMatch()
    parameters: PartialFillParameters = PartialFillParameters()


class ClockSkew(_Rule):
    kind: Literal["clock_skew"]
    match: NoMatch = NoMatch()
    parameters: ClockSkewParameters


RequestRule = (
    TimeOut
    | SlowAnswer
    | RateLimit
    | ServerError
    | Reset
    | ResetMidBody
    | ResponseLost
    | RejectOrder
    | BadKlines
)
StreamRule = WebsocketDrop | WebsocketSilence
FillRule = LateFill | PartialFill
CountedRule = RequestRule | StreamRule | FillRule
FaultRule = Annotated[CountedRule | ClockSkew, Field(discriminator="kind")]

RULE: TypeAdapter[CountedRule | ClockSkew] = TypeAdapter(FaultRule)
PLAN: TypeAdapter[list[CountedRule | ClockSkew]] = TypeAdapter(
    Annotated[list[FaultRule], Field(min_length=1, max_length=MAX_RULES)]
)


def parse_plan(text: str | bytes) -> list[CountedRule | ClockSkew]:
    """A fault plan: JSON, one rule or a list of them.

    Raises ValueError with one line that says where it is wrong and what is expected.
    """
    is_list = text.lstrip()[:1] in ("[", b"[")
    try:
        return PLAN.validate_json(text) if is_list else [RULE.validate_json(text)]
    except ValidationError as error:
        raise ValueError(one_line(error)) from error
