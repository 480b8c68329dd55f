"""The book of one bot, from freqtrade's trades: the same function live and in backtests.

Reads trades and never changes them. Profit is freqtrade's own: fees of both orders and funding
included, deposits no part of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aquatrade.risk.model import Book, ClosedTrade, Position, Side

RateOf = Callable[[str, bool], float]  # (pair, is_short) -> price to leave at; NaN if not known


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """Who the bot is; cost_rate: fee and slippage of one order, as a fraction."""

    bot: str
    exchange: str
    family: str
    cost_rate: float


@dataclass(frozen=True, slots=True)
class Money:
    """What freqtrade's wallet says, in stake currency.

    capital: of this bot, with what trades tie up and without what they have not realised.
    """

    capital: float
    free: float


@dataclass(frozen=True, slots=True)
class History:
    """closed: oldest first; entries_at: entry orders of the last 24 h, oldest first."""

    closed: tuple[ClosedTrade, ...] = ()
    entries_at: tuple[datetime, ...] = ()


def bot_book(
    at: datetime,
    identity: BotIdentity,
    money: Money,
    open_trades: Sequence[Any],
    closed_profit: float,
    rate_of: RateOf,
    history: History | None = None,
) -> Book:
    """The book at one moment. A position whose price is not known makes its figures NaN."""
    rates = [rate_of(trade.pair, trade.is_short) if trade.amount else 0.0 for trade in open_trades]
    unrealized = sum(map(unrealized_profit, open_trades, rates))
    realized = sum(trade.realized_profit or 0.0 for trade in open_trades)
    known = history or History()
    return Book(
        at=at,
        equity=money.capital + unrealized,
        free=money.free,
        profit=closed_profit + realized + unrealized,
        positions=tuple(
            position_of(trade, rate, identity)
            for trade, rate in zip(open_trades, rates, strict=True)
        ),
        closed=known.closed,
        entries_at=known.entries_at,
    )


def unrealized_profit(trade: Any, rate: float) -> float:
    """What a trade would make if the rest of it were closed at the rate, as freqtrade counts it.

    The same as trade.calc_profit(rate), in plain floats: that is asked for at every candle.
    """
    if not trade.amount:
        return 0.0
    value = trade.amount * rate
    fee_rate = trade.fee_close or 0.0
    funding = trade.funding_fees or 0.0
    if trade.is_short:
        return float(trade.open_trade_value - value * (1.0 + fee_rate) + funding)
    return float(value * (1.0 - fee_rate) - trade.open_trade_value + funding)


def position_of(trade: Any, rate: float, identity: BotIdentity) -> Position:
    """A trade as the rules see it, its unfilled entry orders included."""
    is_held = trade.amount > 0.0
    leverage = trade.leverage or 1.0
    stop = trade.stop_loss or None
    return Position(
        bot=identity.bot,
        exchange=identity.exchange,
        family=identity.family,
        pair=trade.pair,
        side=Side.SHORT if trade.is_short else Side.LONG,
        amount=trade.amount,
        entry_rate=trade.open_rate,
        current_rate=rate if is_held else trade.open_rate,
        stop_rate=stop,
        stake=trade.stake_amount if is_held else 0.0,
        opened_at=trade.open_date_utc,
        pending_stake=sum(
            order.safe_remaining * order.safe_placement_price / leverage
            for order in trade.orders
            if order.ft_is_open and order.ft_order_side == trade.entry_side
        ),
        leverage=leverage,
        cost_rate=identity.cost_rate,
    )
