"""Orders, fills, balances and books as Binance writes them. Pure: dataclasses in, JSON values out.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/trading-endpoints
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from sidecars.replay.model import Balance, Fill, Market, Order, OrderStatus, OrderType, TimeInForce

Json = dict[str, object]
Levels = Sequence[tuple[Decimal, Decimal]]

ZERO = Decimal(0)
ACCOUNT_ID = 1
# A sell and a market order without a limit have no price: Binance writes zero.
NO_PRICE = ZERO


def plain(value: Decimal) -> str:
    """A number with at least 8 decimals and no exponent; never rounded."""
    exponent = value.normalize().as_tuple().exponent
    decimals = max(8, -exponent) if isinstance(exponent, int) else 8
    return f"{value:.{decimals}f}"


def levels_json(levels: Levels) -> list[list[str]]:
    """[price, amount] pairs, best first."""
    return [[plain(price), plain(amount)] for price, amount in levels]


def depth_json(update_id: int, bids: Levels, asks: Levels) -> Json:
    """GET /api/v3/depth and the partial depth streams."""
    return {"lastUpdateId": update_id, "bids": levels_json(bids), "asks": levels_json(asks)}


def order_json(order: Order) -> Json:
    """One order as GET order, openOrders and allOrders tell it."""
    request = order.request
    return {
        **_identity(order),
        "clientOrderId": request.client_order_id,
        **_state(order),
        "stopPrice": plain(request.stop_price or ZERO),
        "icebergQty": plain(ZERO),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": is_working(order),
        "workingTime": order.created_ms if is_working(order) else -1,
        "origQuoteOrderQty": plain(request.quote_amount or ZERO),
        "selfTradePreventionMode": "NONE",
    }


def new_order_json(order: Order, response_type: str) -> Json:
    """The answer to POST order; response_type: "ACK", "RESULT" or "FULL" (with fills)."""
    answer: Json = {
        **_identity(order),
        "clientOrderId": order.request.client_order_id,
        "transactTime": order.created_ms,
    }
    if response_type == "ACK":
        return answer
    answer |= _state(order)
    if order.request.stop_price is not None:
        answer["stopPrice"] = plain(order.request.stop_price)
    answer["workingTime"] = order.created_ms if is_working(order) else -1
    answer["selfTradePreventionMode"] = "NONE"
    if response_type == "FULL":
        answer["fills"] = [
            {
                "price": plain(fill.price),
                "qty": plain(fill.amount),
                "commission": plain(fill.fee),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.trade_id,
            }
            for fill in order.fills
        ]
    return answer


def cancelled_json(order: Order, cancel_id: str) -> Json:
    """The answer to DELETE order; cancel_id: the client's name for this cancellation."""
    answer: Json = {
        **_identity(order),
        "origClientOrderId": order.request.client_order_id,
        "clientOrderId": cancel_id,
        "transactTime": order.updated_ms,
        **_state(order),
        "selfTradePreventionMode": "NONE",
    }
    if order.request.stop_price is not None:
        answer["stopPrice"] = plain(order.request.stop_price)
    return answer


def is_working(order: Order) -> bool:
    """Whether the order is (or was) on the book: a stop is not until it has been triggered."""
    return order.request.type is not OrderType.STOP_LOSS_LIMIT or order.stop_triggered


def fill_json(fill: Fill) -> Json:
    """One row of myTrades."""
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": -1,
        "price": plain(fill.price),
        "qty": plain(fill.amount),
        "quoteQty": plain(fill.quote_amount),
        "commission": plain(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": fill.time_ms,
        "isBuyer": fill.side == "BUY",
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }


def balances_json(balances: Iterable[Balance], *, omit_zero: bool) -> list[Json]:
    """Free and locked amounts of each asset."""
    return [
        {"asset": b.asset, "free": plain(b.free), "locked": plain(b.locked)}
        for b in balances
        if not omit_zero or b.free + b.locked > 0
    ]


def account_json(
    balances: Iterable[Balance], markets: Sequence[Market], update_ms: int, *, omit_zero: bool
) -> Json:
    """GET /api/v3/account. The commission rates are those of the dearest market."""
    maker = max((market.maker_fee_rate for market in markets), default=ZERO)
    taker = max((market.taker_fee_rate for market in markets), default=ZERO)
    return {
        "makerCommission": int(maker * 10_000),
        "takerCommission": int(taker * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": plain(maker),
            "taker": plain(taker),
            "buyer": plain(ZERO),
            "seller": plain(ZERO),
        },
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": update_ms,
        "accountType": "SPOT",
        "balances": balances_json(balances, omit_zero=omit_zero),
        "permissions": ["SPOT"],
        "uid": ACCOUNT_ID,
    }


def commission_json(market: Market) -> Json:
    """GET /api/v3/account/commission."""
    nothing = {name: plain(ZERO) for name in ("maker", "taker", "buyer", "seller")}
    standard = nothing | {
        "maker": plain(market.maker_fee_rate),
        "taker": plain(market.taker_fee_rate),
    }
    return {
        "symbol": market.symbol,
        "standardCommission": standard,
        "specialCommission": nothing,
        "taxCommission": nothing,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": plain(ZERO),
        },
    }


def trade_fee_json(market: Market) -> Json:
    """One row of sapi's asset/tradeFee."""
    return {
        "symbol": market.symbol,
        "makerCommission": str(market.maker_fee_rate),
        "takerCommission": str(market.taker_fee_rate),
    }


def _identity(order: Order) -> Json:
    return {"symbol": order.request.symbol, "orderId": order.order_id, "orderListId": -1}


def _state(order: Order) -> Json:
    request = order.request
    return {
        "price": plain(request.price or NO_PRICE),
        "origQty": plain(original_amount(order)),
        "executedQty": plain(order.filled_amount),
        "origQuoteOrderQty": plain(request.quote_amount or ZERO),
        "cummulativeQuoteQty": plain(order.filled_quote),
        "status": order.status.value,
        "timeInForce": (request.time_in_force or TimeInForce.GTC).value,
        "type": request.type.value,
        "side": request.side.value,
    }


def original_amount(order: Order) -> Decimal:
    """What was ordered, base units; of an order by quote amount what came of it."""
    return order.filled_amount if order.request.amount is None else order.request.amount


def is_done(order: Order) -> bool:
    """Whether nothing can happen to the order any more."""
    return order.status not in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
