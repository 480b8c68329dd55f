"""What a bot's database says, asked through freqtrade's REST API.

GET show_config, whitelist, status (open trades) and trades (closed ones). Answers of another shape
are errors, never an empty book.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sidecars.common.source_errors import SourceError
from sidecars.guard.books import ZERO, BotBooks, BotIdentity, BotOrder, Cash, Holding, OrderKey

PAGE_TRADES = 500
# Freqtrade dates the end of a trade by its own clock, the exchange its fills by another.
CLOCK_SLACK = timedelta(hours=1)


class BotApi(Protocol):
    """Where a bot's answers come from."""

    async def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON answer to GET /api/v1/`path`. Raises SourceError."""
        ...


def _exact(value: object) -> object:
    """The number as it stands in the JSON, not the fraction of two that is nearest to it."""
    return str(value) if isinstance(value, float) else value


Exact = Annotated[Decimal, BeforeValidator(_exact), Field(allow_inf_nan=False)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Config(_Answer):
    dry_run: bool
    stake_currency: str
    trading_mode: str
    available_capital: Exact | None = None


class _Whitelist(_Answer):
    whitelist: list[str]


class _Order(_Answer):
    order_id: str
    is_open: bool
    ft_order_side: str
    filled: Exact | None = None
    cost: Exact | None = None
    safe_price: Exact | None = None
    ft_fee_base: Exact | None = None
    order_timestamp: int | None = None

    @property
    def done(self) -> Decimal:
        """What is filled of it."""
        return self.filled or ZERO

    @property
    def paid(self) -> Decimal:
        """What was paid or received for it, before fees."""
        # Of an open order some exchanges tell what it would cost, not what it has.
        if self.is_open or not self.cost:
            return self.done * (self.safe_price or ZERO)
        return self.cost if self.done else ZERO


class _Trade(_Answer):
    trade_id: int
    pair: str
    is_short: bool
    amount: Exact
    base_currency: str | None = None
    fee_open: Exact | None = None
    fee_open_currency: str | None = None
    fee_close: Exact | None = None
    trading_mode: str | None = None
    close_timestamp: int | None = None
    orders: list[_Order]

    def is_entry(self, order: _Order) -> bool:
        return order.ft_order_side == ("sell" if self.is_short else "buy")


class _Trades(_Answer):
    trades: list[_Trade]
    total_trades: int


@dataclass(frozen=True, slots=True)
class _Closed:
    """A closed trade: what it left of its cash, and its orders while they may matter."""

    cash: Decimal
    pair: str
    closed_at: datetime
    orders: Mapping[OrderKey, BotOrder]


class BotBookReader:
    """Reads one bot's books. Closed trades are read once and remembered."""

    def __init__(self, bot: BotIdentity, api: BotApi, allotment: Decimal | None) -> None:
        """allotment: the bot's capital where its own configuration names none; None: nobody's."""
        self.bot = bot
        self._api = api
        self._allotment = allotment
        self._closed: dict[int, _Closed] = {}

    async def read(self, fills_since: datetime) -> BotBooks | None:
        """The bot's books with the orders that fills since then may belong to; None for one that
        trades with play money. Raises SourceError."""
        config = _parsed(_Config, await self._api.get("show_config"), self.bot.name)
        if config.dry_run:
            return None
        pairs = _parsed(_Whitelist, await self._api.get("whitelist"), self.bot.name).whitelist
        since = fills_since - CLOCK_SLACK
        answer = await self._api.get("status")
        await self._read_closed(since)
        if not isinstance(answer, list):
            raise SourceError(f"bot {self.bot.name}: status: expected a list", "malformed")
        trades = [_parsed(_Trade, each, self.bot.name) for each in answer]
        # A trade that was closed between the two answers is in both: closed is the newer.
        trades = [trade for trade in trades if trade.trade_id not in self._closed]
        recent = [closed for closed in self._closed.values() if closed.closed_at >= since]
        orders: dict[OrderKey, BotOrder] = {}
        for closed in recent:
            orders |= closed.orders
        for trade in trades:
            orders |= _orders_of(trade)
        return BotBooks(
            bot=self.bot,
            pairs=frozenset(
                {*pairs, *(each.pair for each in recent), *(trade.pair for trade in trades)}
            ),
            orders=orders,
            holdings=tuple(_holding(trade) for trade in trades),
            cash=self._cash(config, trades),
        )

    def _cash(self, config: _Config, trades: list[_Trade]) -> Cash | None:
        capital = self._allotment if config.available_capital is None else config.available_capital
        if capital is None or config.trading_mode != "spot":
            return None
        left = sum((closed.cash for closed in self._closed.values()), ZERO)
        tied_up = sum((_cash_of(trade) for trade in trades), ZERO)
        return Cash(config.stake_currency, capital, capital + left + tied_up)

    async def _read_closed(self, since: datetime) -> None:
        """Have all closed trades; newest first, until what comes is known and old."""
        for is_again in (False, True):
            total = await self._page_through(since, everything=is_again)
            if len(self._closed) == total:
                return
            # One was deleted, or closed while pages were turned.
            self._closed.clear()
        raise SourceError(f"bot {self.bot.name}: trades: their number changes", "malformed")

    async def _page_through(self, since: datetime, *, everything: bool) -> int:
        offset = 0
        while True:
            page = _parsed(
                _Trades,
                await self._api.get(
                    "trades", limit=PAGE_TRADES, offset=offset, order_by_id="false"
                ),
                self.bot.name,
            )
            known = [trade.trade_id in self._closed for trade in page.trades]
            for trade in page.trades:
                self._closed[trade.trade_id] = _closed(trade, since)
            offset += len(page.trades)
            is_done = bool(known) and all(known) and not everything
            is_old = not page.trades or _moment(page.trades[-1].close_timestamp) < since
            if offset >= page.total_trades or not page.trades or (is_done and is_old):
                return page.total_trades


def _closed(trade: _Trade, since: datetime) -> _Closed:
    closed_at = _moment(trade.close_timestamp)
    orders = _orders_of(trade) if closed_at >= since else {}
    return _Closed(_cash_of(trade), trade.pair, closed_at, orders)


def _orders_of(trade: _Trade) -> dict[OrderKey, BotOrder]:
    return {
        (trade.pair, order.order_id): BotOrder(
            trade.pair, order.order_id, order.is_open, order.done, _moment(order.order_timestamp)
        )
        for order in trade.orders
    }


def _holding(trade: _Trade) -> Holding:
    """Freqtrade's amount of a trade counts orders that are closed: add what open ones have."""
    rate = trade.fee_open or ZERO
    amount, unbooked = trade.amount, ZERO
    for order in trade.orders:
        if order.is_open:
            amount += order.done if trade.is_entry(order) else -order.done
        if trade.is_entry(order) and not order.ft_fee_base:
            unbooked += order.done * rate
    is_position = trade.trading_mode == "futures"
    sign = -1 if trade.is_short else 1
    return Holding(trade.pair, sign * amount, ZERO if is_position else unbooked, is_position)


def _cash_of(trade: _Trade) -> Decimal:
    """What all orders of a spot trade did to the cash. A fee that may have been taken in it counts
    as if it had been: too little is expected then, never too much."""
    base = trade.base_currency or trade.pair.partition("/")[0]
    cash = ZERO
    for order in trade.orders:
        if trade.is_entry(order):
            in_coins = trade.fee_open_currency == base
            cash -= order.paid * (1 + (ZERO if in_coins else trade.fee_open or ZERO))
        else:
            cash += order.paid * (1 - (trade.fee_close or ZERO))
    return cash


def _moment(milliseconds: int | None) -> datetime:
    """None, which freqtrade says of what never happened, is long ago."""
    return datetime.fromtimestamp((milliseconds or 0) / 1000, UTC)


_AnswerType = TypeVar("_AnswerType", bound=_Answer)


def _parsed(model: type[_AnswerType], answer: object, bot: str) -> _AnswerType:
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        name = model.__name__.strip("_").lower()
        raise SourceError(f"bot {bot}: {name}: {place}: {first['msg']}", "malformed") from None
