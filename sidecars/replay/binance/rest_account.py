"""Account, fees, own trades and orders of the past over REST, and the wallet (sapi) doors."""

from aiohttp import web

from sidecars.replay.binance import account_json as write
from sidecars.replay.binance.account_json import Json
from sidecars.replay.binance.endpoints import Exchange, public, signed
from sidecars.replay.binance.parameters import Parameters
from sidecars.replay.market.timeframes import DAY_MS
from sidecars.replay.model import ExchangeError

MAX_ROWS = 1000
KEY_CREATED_MS = 1_623_840_271_000


def flag(parameters: Parameters, name: str) -> bool:
    """A boolean parameter, false when it is not sent."""
    value = parameters.text(name)
    if value is not None and value.lower() not in ("true", "false"):
        raise ExchangeError(
            -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        )
    return value is not None and value.lower() == "true"


def account(exchange: Exchange, parameters: Parameters) -> Json:
    omit_zero = flag(parameters, "omitZeroBalances")
    parameters.finish()
    return write.account_json(
        exchange.engine.balances(exchange.now_ms),
        list(exchange.view.markets.values()),
        exchange.now_ms,
        omit_zero=omit_zero,
    )


def commission(exchange: Exchange, parameters: Parameters) -> Json:
    market = exchange.market(parameters.symbol())
    parameters.finish()
    return write.commission_json(market)


def period(parameters: Parameters) -> tuple[int | None, int | None]:
    """startTime and endTime, at most 24 hours apart."""
    start_ms, end_ms = parameters.integer("startTime"), parameters.integer("endTime")
    if start_ms is not None and end_ms is not None and end_ms - start_ms > DAY_MS:
        raise ExchangeError(-1127, "More than 24 hours between startTime and endTime.")
    return start_ms, end_ms


def my_trades(exchange: Exchange, parameters: Parameters) -> list[Json]:
    market = exchange.market(parameters.symbol())
    order_id, from_id = parameters.integer("orderId"), parameters.integer("fromId")
    start_ms, end_ms = period(parameters)
    limit = parameters.limit(500, MAX_ROWS)
    parameters.finish()
    if from_id is not None and (start_ms is not None or end_ms is not None):
        raise ExchangeError(-1128, "Combination of optional parameters invalid.")
    fills = exchange.engine.fills(
        exchange.now_ms,
        market.symbol,
        order_id=order_id,
        from_trade_id=from_id,
        start_ms=start_ms,
        end_ms=end_ms,
        limit=limit,
    )
    return [write.fill_json(fill) for fill in fills]


def all_orders(exchange: Exchange, parameters: Parameters) -> list[Json]:
    market = exchange.market(parameters.symbol())
    from_id = parameters.integer("orderId")
    start_ms, end_ms = period(parameters)
    limit = parameters.limit(500, MAX_ROWS)
    parameters.finish()
    orders = exchange.engine.all_orders(
        market.symbol,
        exchange.now_ms,
        from_order_id=from_id,
        start_ms=start_ms,
        end_ms=end_ms,
        limit=limit,
    )
    return [write.order_json(order) for order in orders]


def trade_fees(exchange: Exchange, parameters: Parameters) -> list[Json]:
    symbol = parameters.optional_symbol()
    parameters.finish()
    markets = list(exchange.view.markets.values()) if symbol is None else [exchange.market(symbol)]
    return [write.trade_fee_json(market) for market in markets]


def user_assets(exchange: Exchange, parameters: Parameters) -> list[Json]:
    asset = parameters.text("asset")
    parameters.ignore("needBtcValuation")
    parameters.finish()
    nothing = write.plain(write.ZERO)
    rest = {"freeze": nothing, "withdrawing": nothing, "ipoable": nothing, "btcValuation": nothing}
    rows = write.balances_json(exchange.engine.balances(exchange.now_ms), omit_zero=True)
    return [row | rest for row in rows if asset in (None, row["asset"])]


def currencies(exchange: Exchange, parameters: Parameters) -> list[Json]:
    """What ccxt's fetchCurrencies asks for: every asset, on no network, since none leaves here."""
    parameters.finish()
    held = {balance.asset: balance for balance in exchange.engine.balances(exchange.now_ms)}
    markets = exchange.view.markets.values()
    assets = {market.base for market in markets} | {market.quote for market in markets} | set(held)
    rows: list[Json] = []
    for asset in sorted(assets):
        balance = held.get(asset)
        rows.append(
            {
                "coin": asset,
                "name": asset,
                "free": write.plain(balance.free if balance else write.ZERO),
                "locked": write.plain(balance.locked if balance else write.ZERO),
                "isLegalMoney": False,
                "trading": True,
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "networkList": [],
            }
        )
    return rows


def key_rights(exchange: Exchange, parameters: Parameters) -> Json:
    """What the one key of this exchange is told to be allowed."""
    parameters.finish()
    return {"createTime": KEY_CREATED_MS, **exchange.key_rights.model_dump(by_alias=True)}


def nothing_listed(_: Exchange, parameters: Parameters) -> list[Json]:
    """Margin pairs, delistings: there are none."""
    parameters.ignore("symbol", "base", "quote")
    parameters.finish()
    return []


def system_status(_: Exchange, parameters: Parameters) -> Json:
    parameters.finish()
    return {"status": 0, "msg": "normal"}


def account_status(_: Exchange, parameters: Parameters) -> Json:
    parameters.finish()
    return {"data": "Normal"}


def add_account_routes(app: web.Application) -> None:
    """Everything about the account that places no order."""
    signed_gets = {
        "/api/v3/account": account,
        "/api/v3/account/commission": commission,
        "/api/v3/myTrades": my_trades,
        "/api/v3/allOrders": all_orders,
        "/sapi/v1/asset/tradeFee": trade_fees,
        "/sapi/v1/capital/config/getall": currencies,
        "/sapi/v1/account/apiRestrictions": key_rights,
        "/sapi/v1/account/status": account_status,
        "/sapi/v1/spot/delist-schedule": nothing_listed,
        "/sapi/v1/margin/allPairs": nothing_listed,
        "/sapi/v1/margin/isolated/allPairs": nothing_listed,
    }
    for path, endpoint in signed_gets.items():
        app.router.add_get(path, signed(endpoint))
    app.router.add_post("/sapi/v3/asset/getUserAsset", signed(user_assets))
    app.router.add_get("/sapi/v1/system/status", public(system_status))
