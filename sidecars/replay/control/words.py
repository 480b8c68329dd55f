"""What the control API takes and gives, as models: they check, they write, they document.

Amounts, prices and fees are exact decimal strings, never floats. Moments are milliseconds since
the epoch, in the exchange's time.
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from sidecars.replay.binance.key_rights import KeyRights
from sidecars.replay.faults.rules import LAST_MOMENT_MS, FaultRule, MomentMs, Symbol
from sidecars.replay.input_errors import InputModel
from sidecars.replay.model import Order, OrderStatus, OrderType, Side, TimeInForce

MAX_PAGE = 1000
LARGEST_ID = 2**63 - 1
AMOUNT_PATTERN = r"^[0-9]{1,15}(\.[0-9]{1,8})?$"

ExactDecimal = Annotated[Decimal, PlainSerializer(lambda value: format(value, "f"), str)]
Id = Annotated[int, Field(ge=0, le=LARGEST_ID)]
PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE)]


class QueryModel(InputModel):
    """A query string: its values arrive as text, so they are converted, but as strictly bounded."""

    model_config = ConfigDict(strict=False)


class NoQuery(QueryModel):
    pass


class OrdersQuery(QueryModel):
    symbol: Symbol | None = None
    from_order_id: Id = 0
    start_ms: MomentMs | None = Field(default=None, description="created then or later")
    end_ms: MomentMs | None = Field(default=None, description="created then or earlier")
    updated_after_ms: MomentMs | None = None
    open_only: Literal["true", "false"] = "false"
    limit: PageSize = 500


class FillsQuery(QueryModel):
    symbol: Symbol | None = None
    order_id: Id | None = None
    from_trade_id: Id = 0
    start_ms: MomentMs | None = None
    end_ms: MomentMs | None = None
    limit: PageSize = 500


class LogQuery(QueryModel):
    after: Id = Field(default=0, description="only events with a higher number")
    limit: PageSize = 500


class DepositRequest(InputModel):
    asset: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,20}$")]
    amount: Annotated[str, Field(pattern=AMOUNT_PATTERN, description="decimal string, above 0")]

    @model_validator(mode="after")
    def _something(self) -> "DepositRequest":
        if Decimal(self.amount) == 0:
            raise ValueError("amount: expected more than 0")
        return self


class AdvanceRequest(InputModel):
    """Exactly one of the two."""

    by_ms: Annotated[int, Field(ge=1, le=LAST_MOMENT_MS)] | None = None
    to_ms: MomentMs | None = None

    @model_validator(mode="after")
    def _one(self) -> "AdvanceRequest":
        if (self.by_ms is None) == (self.to_ms is None):
            raise ValueError("give either by_ms or to_ms")
        return self


class Answer(BaseModel):
    """Read from an object's attributes of the same names where there is such an object."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class ErrorAnswer(Answer):
    error: str = Field(description="one line: what was wrong, where, what is expected")


class MomentAnswer(Answer):
    now_ms: int
    now: str = Field(description="ISO 8601, UTC")


class StateAnswer(MomentAnswer):
    mode: str
    feed: str
    seed: int
    span_start_ms: int
    span_end_ms: int
    symbols: list[str]
    participants: list[str] = Field(description="who takes part in the lock-step clock")
    clock_advance_allowed: bool
    clock_skew_ms: int = Field(description="by which faults put the told time off")
    fault_rules: int


class FillAnswer(Answer):
    trade_id: int
    order_id: int
    symbol: str
    side: Side
    time_ms: int
    price: ExactDecimal
    amount: ExactDecimal
    quote_amount: ExactDecimal
    fee: ExactDecimal
    fee_asset: str
    is_maker: bool


class OrderAnswer(Answer):
    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    status: OrderStatus
    amount: ExactDecimal | None
    price: ExactDecimal | None
    stop_price: ExactDecimal | None
    quote_amount: ExactDecimal | None = Field(description="asked for, of a market order in quote")
    filled_amount: ExactDecimal
    filled_quote: ExactDecimal
    stop_triggered: bool
    created_ms: int
    updated_ms: int
    fills: list[FillAnswer]


class OrdersAnswer(Answer):
    orders: list[OrderAnswer] = Field(description="by rising order id")
    next_from_order_id: int | None = Field(description="null on the last page")


class FillsAnswer(Answer):
    fills: list[FillAnswer] = Field(description="by rising trade id")
    next_from_trade_id: int | None = Field(description="null on the last page")


class DepositAnswer(Answer):
    deposit_id: int
    asset: str
    amount: ExactDecimal


class DepositsAnswer(Answer):
    deposits: list[DepositAnswer]


class BalanceAnswer(Answer):
    asset: str
    free: ExactDecimal
    locked: ExactDecimal


class BalancesAnswer(Answer):
    balances: list[BalanceAnswer]


class TotalsAnswer(Answer):
    orders: int
    open_orders: int
    fills: int
    deposits: dict[str, ExactDecimal]
    held: dict[str, ExactDecimal] = Field(description="free + locked")
    turnover: dict[str, ExactDecimal] = Field(description="quote asset -> sum over the fills")
    fees: dict[str, ExactDecimal]


class VerifyAnswer(Answer):
    agrees: bool
    disagreements: list[str] = Field(description="balances and orders recomputed from fills")


class KeyRightsAnswer(Answer):
    rights: KeyRights


class StandingRuleAnswer(Answer):
    rule_id: int
    added_ms: int
    matches: int
    hits: int
    rule: FaultRule


class RulesAnswer(Answer):
    seed: int
    rules: list[StandingRuleAnswer]


class AddedAnswer(Answer):
    rule_ids: list[int]


class RemovedAnswer(Answer):
    removed: int


class EventAnswer(Answer):
    number: int
    time_ms: int
    rule_id: int
    kind: str
    target: str
    outcome: str


class LogAnswer(Answer):
    events: list[EventAnswer]
    next_after: int | None = Field(description="null on the last page")


def order_answer(order: Order) -> OrderAnswer:
    request = order.request
    return OrderAnswer(
        order_id=order.order_id,
        client_order_id=request.client_order_id,
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        time_in_force=request.time_in_force,
        status=order.status,
        amount=request.amount,
        price=request.price,
        stop_price=request.stop_price,
        quote_amount=request.quote_amount,
        filled_amount=order.filled_amount,
        filled_quote=order.filled_quote,
        stop_triggered=order.stop_triggered,
        created_ms=order.created_ms,
        updated_ms=order.updated_ms,
        fills=[FillAnswer.model_validate(fill) for fill in order.fills],
    )
