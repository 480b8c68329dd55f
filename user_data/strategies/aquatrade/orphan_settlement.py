"""Settling orders that the database does not know: asks the exchange, writes the database."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from freqtrade.enums import TradingMode
from freqtrade.exceptions import ExchangeError, InvalidOrderException
from freqtrade.exchange import timeframe_to_minutes
from freqtrade.persistence import Order, PairLocks, Trade

from aquatrade.orphan_orders import Action, Books, ExchangeOrder, Verdict, judge_orphans

logger = logging.getLogger(__name__)

# Until a person unlocks the pair (/unlock or the REST API).
LOCKED_FOR = timedelta(days=365)
RECOVERED_TAG = "recovered"
# ccxt's names for the markets of freqtrade's trading modes, as it looks up its brokers by.
MARKETS = {TradingMode.FUTURES: "swap", TradingMode.MARGIN: "margin"}

# The tag that an order of a trade was sent with, from the trade, the order's side and its price.
TagOf = Callable[[Trade, str, float], str]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Which orders are asked for: of which pairs, since when.

    last_activity: the moment up to which the database knows everything; None: it is empty.
    """

    pairs: Sequence[str]
    since: datetime
    last_activity: datetime | None


def settle_orphans(
    exchange: Any, inquiry: Inquiry, strategy: Any, tag_of: TagOf, now: datetime
) -> list[Verdict]:
    """Bring the database up to the exchange's orders of some pairs; returns what was done.

    exchange: freqtrade's Exchange. Adopted orders are stored as open: freqtrade then asks for their
    state and books fills and fees as it always does. Raises ExchangeError (also TemporaryError) if
    the exchange does not answer; nothing is half done then.
    """
    open_trades = {trade.pair: trade for trade in Trade.get_open_trades()}
    raw = {
        str(order["id"]): order
        for pair in sorted(inquiry.pairs)
        for order in exchange.fetch_orders(pair, inquiry.since)
    }
    books = Books(
        order_ids={
            order_id
            for order_id in Order.session.scalars(
                sa.select(Order.order_id).where(Order.order_id.in_(list(raw)))
            )
        },
        open_pairs={pair: trade.has_open_orders for pair, trade in open_trades.items()},
        last_activity=inquiry.last_activity,
        short_pairs={pair for pair, trade in open_trades.items() if trade.is_short},
        can_short=bool(strategy.can_short),
        may_increase=bool(strategy.position_adjustment_enable),
    )
    orders = [_exchange_order(order) for order in raw.values()]
    verdicts = judge_orphans(orders, books, client_id_prefix(exchange), now)
    for verdict in verdicts:
        if verdict.action == Action.IGNORE:
            logger.info("%s: %s", verdict.pair, verdict.why)
        elif verdict.action == Action.LOCK:
            _lock(verdict, exchange, now)
        else:
            order = raw[verdict.orders[0].order_id]
            trade = open_trades.get(verdict.pair)
            if trade is None:
                _adopt(order, _new_trade(order, exchange, strategy), RECOVERED_TAG)
            else:
                _adopt(order, trade, tag_of(trade, order["side"], _price(order)))
            logger.warning("the database did not know a %s", verdict.why)
    return verdicts


def client_id_prefix(exchange: Any) -> str:
    """What ccxt puts in front of the client ids of this bot's orders; "" if nothing."""
    brokers = exchange._api.options.get("broker")
    market = MARKETS.get(exchange.trading_mode, "spot")
    prefix = brokers.get(market, "") if isinstance(brokers, dict) else ""
    return prefix if isinstance(prefix, str) else ""


def last_activity() -> datetime | None:
    """The latest moment at which an order was made, changed or filled, as the database has it."""
    latest = Order.session.execute(
        sa.select(
            sa.func.max(Order.order_date),
            sa.func.max(Order.order_update_date),
            sa.func.max(Order.order_filled_date),
        )
    ).one()
    moments = [moment.replace(tzinfo=UTC) for moment in latest if moment is not None]
    return max(moments, default=None)


def _lock(verdict: Verdict, exchange: Any, now: datetime) -> None:
    for order in verdict.to_cancel:
        _cancel(exchange, order)
    PairLocks.lock_pair(verdict.pair, now + LOCKED_FOR, verdict.why[:250], now=now)
    logger.error("%s locked until a person unlocks it: %s", verdict.pair, verdict.why)


def _new_trade(order: dict[str, Any], exchange: Any, strategy: Any) -> Trade:
    """The trade as freqtrade makes it when it sends an entry, from the order it had sent."""
    pair, price, amount = order["symbol"], _price(order), float(order["amount"])
    is_short = order["side"] == "sell"
    leverage = _leverage(order, exchange, strategy)
    fee_rate = exchange.get_fee(symbol=pair, taker_or_maker="maker")
    trade = Trade(
        pair=pair,
        base_currency=exchange.get_pair_base_currency(pair),
        stake_currency=strategy.config["stake_currency"],
        stake_amount=price * amount / leverage,
        amount=0,
        is_open=True,
        amount_requested=amount,
        fee_open=fee_rate,
        fee_close=fee_rate,
        open_rate=price,
        open_rate_requested=price,
        open_date=_moment(order),
        exchange=exchange.id,
        strategy=strategy.get_strategy_name(),
        enter_tag=strategy.preset_name,
        timeframe=timeframe_to_minutes(strategy.timeframe),
        leverage=leverage,
        is_short=is_short,
        trading_mode=exchange.trading_mode,
        amount_precision=exchange.get_precision_amount(pair),
        price_precision=exchange.get_precision_price(pair),
        precision_mode=exchange.precisionMode,
        precision_mode_price=exchange.precision_mode_price,
        contract_size=exchange.get_contract_size(pair),
    )
    trade.adjust_stop_loss(trade.open_rate, -strategy.initial_stop_pct(trade) / 100.0, initial=True)
    return trade


def _leverage(order: dict[str, Any], exchange: Any, strategy: Any) -> float:
    """What freqtrade asked the strategy for before it sent the entry, asked for again."""
    if exchange.trading_mode == TradingMode.SPOT:
        return 1.0
    pair, price = order["symbol"], _price(order)
    most = float(exchange.get_max_leverage(pair, price * float(order["amount"])))
    asked = strategy.leverage(
        pair=pair, current_time=_moment(order), current_rate=price, proposed_leverage=1.0,
        max_leverage=most, entry_tag=strategy.preset_name,
        side="short" if order["side"] == "sell" else "long",
    )  # fmt: skip
    return min(max(float(asked), 1.0), most)


def _adopt(order: dict[str, Any], trade: Trade, tag: str) -> None:
    """Store the order as one whose fate is not known yet: freqtrade asks and books it.

    As an entry, an increase or an exit; an exit of a part is one by its amount.
    """
    unsettled = {**order, "status": "open", "filled": 0.0, "average": None, "cost": 0.0}
    known = Order.parse_from_ccxt_object(
        unsettled, order["symbol"], order["side"], price=_price(order)
    )
    known.ft_order_tag = tag
    trade.orders.append(known)
    if order["side"] == trade.exit_side:
        trade.exit_order_status = ""
        trade.close_rate_requested = _price(order)
        trade.exit_reason = tag
    trade.recalc_trade_from_orders()
    Trade.session.add(trade)
    Trade.commit()


def _cancel(exchange: Any, order: ExchangeOrder) -> None:
    try:
        exchange.cancel_order(order.order_id, order.pair)
    except (InvalidOrderException, ExchangeError) as error:
        # Filled or gone in the meantime: the pair is locked either way.
        logger.error("%s order %s not cancelled: %s", order.pair, order.order_id, error)
    else:
        logger.warning("%s order %s cancelled: nobody looked after it", order.pair, order.order_id)


def _exchange_order(order: dict[str, Any]) -> ExchangeOrder:
    return ExchangeOrder(
        order_id=str(order["id"]),
        client_order_id=str(order.get("clientOrderId") or ""),
        pair=order["symbol"],
        side=order["side"],
        is_open=order["status"] == "open",
        filled=float(order.get("filled") or 0.0),
        created=_moment(order),
    )


def _price(order: dict[str, Any]) -> float:
    # A market order has no price of its own; what it was filled at is the nearest to it.
    return float(order.get("price") or order["average"])


def _moment(order: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(order["timestamp"] / 1000, UTC)
