"""Settling orders that a killed bot left behind: asks the exchange, writes the database."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from freqtrade.exceptions import ExchangeError, FreqtradeException, InvalidOrderException
from freqtrade.exchange import timeframe_to_minutes
from freqtrade.persistence import Order, PairLocks, Trade

from aquatrade.orphan_orders import Action, Books, ExchangeOrder, Verdict, judge_orphans

logger = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=7)
# Until a person unlocks the pair (/unlock or the REST API).
LOCKED_FOR = timedelta(days=365)
RECOVERED_TAG = "recovered"
NOT_COMPARED = "orders on the exchange are not compared with the database yet, no entries"


def compared_or_locked(strategy: Any, now: datetime) -> bool:
    """Before the first entry: whether the exchange's orders were compared with the database.

    Where not, no pair is entered until they were: it could be bought twice. Exits go on.
    """
    try:
        settle_orphans(strategy.dp._exchange, strategy.dp.current_whitelist(), strategy, now)
    except FreqtradeException as error:
        logger.error("%s (%s)", NOT_COMPARED, error)
    except Exception:
        logger.exception(NOT_COMPARED)
    else:
        if any(lock.reason == NOT_COMPARED for lock in PairLocks.get_pair_locks("*", now)):
            PairLocks.unlock_reason(NOT_COMPARED, now)
        return True
    PairLocks.lock_pair("*", now, NOT_COMPARED, now=now)
    return False


def settle_orphans(
    exchange: Any, pairs: Sequence[str], strategy: Any, now: datetime
) -> list[Verdict]:
    """Bring the database up to the exchange's orders of the last days; returns what was done.

    exchange: freqtrade's Exchange. pairs: those that the bot trades. Adopted orders are stored as
    open: freqtrade then asks for their state and books fills and fees as it always does. Raises
    ExchangeError (also TemporaryError) if the exchange does not answer; nothing is half done then.
    """
    open_trades = {trade.pair: trade for trade in Trade.get_open_trades()}
    raw = {
        str(order["id"]): order
        for pair in sorted({*pairs, *open_trades})
        for order in exchange.fetch_orders(pair, now - LOOK_BACK)
    }
    books = Books(
        order_ids={
            order_id
            for order_id in Order.session.scalars(
                sa.select(Order.order_id).where(Order.order_id.in_(list(raw)))
            )
        },
        open_pairs={pair: trade.has_open_orders for pair, trade in open_trades.items()},
        last_activity=_last_activity(),
    )
    orders = [_exchange_order(order) for order in raw.values()]
    verdicts = judge_orphans(orders, books, client_id_prefix(exchange), now)
    for verdict in verdicts:
        _carry_out(verdict, raw, open_trades, exchange, strategy, now)
    return verdicts


def client_id_prefix(exchange: Any) -> str:
    """What ccxt puts in front of the client ids of this bot's spot orders; "" if nothing."""
    brokers = exchange._api.options.get("broker")
    prefix = brokers.get("spot", "") if isinstance(brokers, dict) else ""
    return prefix if isinstance(prefix, str) else ""


def _carry_out(
    verdict: Verdict,
    raw: dict[str, Any],
    open_trades: dict[str, Trade],
    exchange: Any,
    strategy: Any,
    now: datetime,
) -> None:
    if verdict.action == Action.IGNORE:
        logger.info("%s: %s", verdict.pair, verdict.why)
        return
    if verdict.action == Action.LOCK:
        for order in verdict.to_cancel:
            _cancel(exchange, order)
        PairLocks.lock_pair(verdict.pair, now + LOCKED_FOR, verdict.why[:250], now=now)
        logger.error("%s locked until a person unlocks it: %s", verdict.pair, verdict.why)
        return
    order = raw[verdict.orders[0].order_id]
    if verdict.action == Action.ADOPT_ENTRY:
        _adopt_entry(order, exchange, strategy)
    else:
        trade = open_trades[verdict.pair]
        trade.close_rate_requested = _price(order)
        trade.exit_reason = RECOVERED_TAG
        _adopt(order, trade)
    logger.warning("the database did not know a %s", verdict.why)


def _adopt_entry(order: dict[str, Any], exchange: Any, strategy: Any) -> None:
    """The trade as freqtrade makes it when it sends an entry, from the order it had sent."""
    pair, price, amount = order["symbol"], _price(order), float(order["amount"])
    fee_rate = exchange.get_fee(symbol=pair, taker_or_maker="maker")
    trade = Trade(
        pair=pair,
        base_currency=exchange.get_pair_base_currency(pair),
        stake_currency=strategy.config["stake_currency"],
        stake_amount=price * amount,
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
        leverage=1.0,
        is_short=False,
        trading_mode=exchange.trading_mode,
        amount_precision=exchange.get_precision_amount(pair),
        price_precision=exchange.get_precision_price(pair),
        precision_mode=exchange.precisionMode,
        precision_mode_price=exchange.precision_mode_price,
        contract_size=exchange.get_contract_size(pair),
    )
    trade.adjust_stop_loss(trade.open_rate, -strategy.initial_stop_pct(trade) / 100.0, initial=True)
    _adopt(order, trade)


def _adopt(order: dict[str, Any], trade: Trade) -> None:
    """Store the order as one whose fate is not known yet: freqtrade asks and books it."""
    unsettled = {**order, "status": "open", "filled": 0.0, "average": None, "cost": 0.0}
    known = Order.parse_from_ccxt_object(
        unsettled, order["symbol"], order["side"], price=_price(order)
    )
    known.ft_order_tag = RECOVERED_TAG
    trade.orders.append(known)
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


def _last_activity() -> datetime | None:
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
