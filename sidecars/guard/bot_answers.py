"""A bot's answers (freqtrade's REST API) as what the guard speaks of. Pure.

GET show_config, status (open trades), trades (closed ones) and locks. An answer of another shape
is an error, never an empty book.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from aquatrade.risk.model import Side
from sidecars.common.source_errors import SourceError
from sidecars.guard.settings import BotSettings

RUN_MODES = ("live", "dry_run")
LONGEST_TEXT = 200

# Numbers that are none come as null; freqtrade says so of what it does not know.
Number = Annotated[float, Field(allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0.0, allow_inf_nan=False), BeforeValidator(lambda v: v or 0.0)]
Rate = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ConfigAnswer(_Answer):
    """GET show_config."""

    bot_name: str
    exchange: str
    dry_run: bool
    trading_mode: str
    stake_currency: str
    state: str
    runmode: str
    strategy: str | None = None


class OrderAnswer(_Answer):
    order_id: str
    ft_order_side: str
    order_type: str | None = None
    amount: Amount
    filled: Amount = 0.0
    safe_price: Amount = 0.0
    is_open: bool
    order_timestamp: int | None = None
    ft_order_tag: str | None = None


class TradeAnswer(_Answer):
    """A trade of GET status or GET trades."""

    trade_id: int
    pair: str = Field(min_length=1)
    is_short: bool
    amount: Amount
    stake_amount: Amount
    open_rate: Rate
    open_timestamp: int
    close_timestamp: int | None = None
    close_profit_abs: Number | None = None
    realized_profit: Number = 0.0
    profit_abs: Number | None = None
    current_rate: Rate | None = None
    stop_loss_abs: Amount = 0.0
    leverage: Rate | None = None
    fee_open: Amount = 0.0
    fee_close: Amount = 0.0
    exit_reason: str | None = None
    enter_tag: str | None = None
    orders: list[OrderAnswer] = []

    @property
    def side(self) -> Side:
        return Side.SHORT if self.is_short else Side.LONG

    @property
    def whole_profit(self) -> float:
        """Of a closed trade, partial exits included."""
        return self.realized_profit if self.close_profit_abs is None else self.close_profit_abs

    @property
    def closed_at(self) -> datetime:
        return moment_of(self.close_timestamp or self.open_timestamp)

    def is_entry(self, order: OrderAnswer) -> bool:
        return order.ft_order_side == ("sell" if self.is_short else "buy")


class TradesAnswer(_Answer):
    """A page of GET trades."""

    trades: list[TradeAnswer]
    total_trades: int = Field(ge=0)


class LockAnswer(_Answer):
    id: int
    pair: str
    side: str = "*"
    lock_end_timestamp: int
    reason: str | None = None
    active: bool = True


class LocksAnswer(_Answer):
    """GET locks."""

    locks: list[LockAnswer]


_TRADES = TypeAdapter(list[TradeAnswer])
_Model = TypeVar("_Model", bound=BaseModel)


def refusal_in(answer: object) -> str | None:
    """Why an answer is none, in one line; None: it is one. freqtrade tells errors as JSON."""
    if not isinstance(answer, dict):
        return None
    for key in ("detail", "error"):
        text = answer.get(key)
        if text is None:
            continue
        if text in ("Unauthorized", "Could not validate credentials", "Not authenticated"):
            return "refuses user name and password"
        return f"refuses: {_one_line(text)}"
    return None


def read_answer(model: type[_Model], answer: object, what: str) -> _Model:
    """The answer in its shape. Raises SourceError."""
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        raise _malformed(error, what) from None


def read_status(answer: object) -> list[TradeAnswer]:
    """The open trades of GET status. Raises SourceError."""
    try:
        return _TRADES.validate_python(answer)
    except ValidationError as error:
        raise _malformed(error, "status") from None


def identity_problem(bot: BotSettings, config: ConfigAnswer, known_name: str | None) -> str | None:
    """Why whoever answers is not the bot that is meant; None: it is.

    known_name: what the bot called itself before.
    """
    wanted = bot.bot_name or known_name
    if wanted is not None and config.bot_name != wanted:
        return (
            f"calls itself {_shown(config.bot_name)}, expected {_shown(wanted)} "
            "(a new name is set as the bot's bot_name)"
        )
    if config.exchange != bot.exchange:
        return f"trades on {_shown(config.exchange)}, expected {bot.exchange}"
    if config.runmode not in RUN_MODES:
        return f"is in run mode {_shown(config.runmode)}, expected {' or '.join(RUN_MODES)}"
    return None


def moment_of(milliseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise SourceError(f"tells a moment that is none: {milliseconds}", "malformed") from None


def _malformed(error: ValidationError, what: str) -> SourceError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    got = _shown(first["input"])
    where = f"{what}: {place}" if place else what
    return SourceError(
        f"answers what it should not: {where}: got {got}: {first['msg']}", "malformed"
    )


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _one_line(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return _shown(value)
    return " ".join(str(value).split())[:LONGEST_TEXT]
