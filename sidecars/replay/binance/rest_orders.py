"""Orders over REST: place, test, query, cancel, replace."""

from itertools import count

from aiohttp import web
from aiohttp.typedefs import Handler

from sidecars.replay.binance import account_json as write
from sidecars.replay.binance.account_json import Json
from sidecars.replay.binance.endpoints import Endpoint, Exchange, respond, signed
from sidecars.replay.binance.order_request import order_request, response_type
from sidecars.replay.binance.parameters import Parameters
from sidecars.replay.matching.book import on_tick
from sidecars.replay.matching.filters import MARKET_CLOSED, check_request, check_stop, refusal
from sidecars.replay.model import ExchangeError, OrderRequest

STOP_ON_FAILURE = "STOP_ON_FAILURE"
ALLOW_FAILURE = "ALLOW_FAILURE"


class ReplaceError(ExchangeError):
    """A cancel-replace of which at least one half failed; `data` says what became of each."""

    def __init__(self, code: int, message: str, http_status: int, data: Json) -> None:
        super().__init__(code, message, http_status)
        self.data = data


class OrderDesk:
    """The endpoints that deal with orders; it names those that come without a name."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def _new_id(self, exchange: Exchange) -> str:
        # The moment keeps ids apart across restarts, the number within one millisecond.
        return f"replay-{exchange.now_ms}-{next(self._numbers)}"

    def _request(self, exchange: Exchange, parameters: Parameters) -> tuple[OrderRequest, str]:
        market = exchange.market(parameters.symbol())
        request = order_request(parameters, market.symbol, lambda: self._new_id(exchange))
        return request, response_type(parameters, request.type)

    def place(self, exchange: Exchange, parameters: Parameters) -> Json:
        request, wanted = self._request(exchange, parameters)
        parameters.finish()
        return write.new_order_json(exchange.engine.place(request, exchange.now_ms), wanted)

    def test(self, exchange: Exchange, parameters: Parameters) -> Json:
        """All that is checked without an account: parameters and filters."""
        request, _ = self._request(exchange, parameters)
        parameters.ignore("computeCommissionRates")
        parameters.finish()
        price = exchange.view.last_price(request.symbol, exchange.now_ms)
        if price is None:
            raise refusal(MARKET_CLOSED)
        market = exchange.market(request.symbol)
        last_price = on_tick(price, market.price_tick)
        check_request(market, request, last_price)
        check_stop(request, last_price)
        return {}

    def query(self, exchange: Exchange, parameters: Parameters) -> Json:
        symbol = exchange.market(parameters.symbol()).symbol
        order_id, client_id = which_order(parameters, "orderId", "origClientOrderId")
        parameters.finish()
        order = exchange.engine.order(
            symbol, exchange.now_ms, order_id=order_id, client_order_id=client_id
        )
        return write.order_json(order)

    def cancel(self, exchange: Exchange, parameters: Parameters) -> Json:
        symbol = exchange.market(parameters.symbol()).symbol
        order_id, client_id = which_order(parameters, "orderId", "origClientOrderId")
        cancel_id = parameters.client_order_id("newClientOrderId") or self._new_id(exchange)
        restriction = parameters.text("cancelRestrictions")
        parameters.finish()
        check_restriction(exchange, symbol, order_id, client_id, restriction)
        order = exchange.engine.cancel(
            symbol, exchange.now_ms, order_id=order_id, client_order_id=client_id
        )
        return write.cancelled_json(order, cancel_id)

    def open_orders(self, exchange: Exchange, parameters: Parameters) -> list[Json]:
        symbol = parameters.optional_symbol()
        parameters.finish()
        if symbol is not None:
            exchange.market(symbol)
        orders = exchange.engine.open_orders(exchange.now_ms, symbol)
        return [write.order_json(order) for order in orders]

    def cancel_all(self, exchange: Exchange, parameters: Parameters) -> list[Json]:
        symbol = exchange.market(parameters.symbol()).symbol
        parameters.finish()
        orders = exchange.engine.open_orders(exchange.now_ms, symbol)
        if not orders:
            raise ExchangeError(-2011, "Unknown order sent.")
        return [
            write.cancelled_json(
                exchange.engine.cancel(symbol, exchange.now_ms, order_id=order.order_id),
                self._new_id(exchange),
            )
            for order in orders
        ]

    def replace(self, exchange: Exchange, parameters: Parameters) -> Json:
        """Cancel one order and place another; see `ReplaceError` for what may go wrong."""
        mode = parameters.required_text("cancelReplaceMode")
        if mode not in (STOP_ON_FAILURE, ALLOW_FAILURE):
            raise ExchangeError(-1130, "Data sent for parameter 'cancelReplaceMode' is not valid.")
        order_id, client_id = which_order(parameters, "cancelOrderId", "cancelOrigClientOrderId")
        cancel_id = parameters.client_order_id("cancelNewClientOrderId") or self._new_id(exchange)
        restriction = parameters.text("cancelRestrictions")
        parameters.ignore("orderRateLimitExceededMode")
        request, wanted = self._request(exchange, parameters)
        parameters.finish()
        cancelled: Json | ExchangeError
        placed: Json | ExchangeError | None = None
        try:
            check_restriction(exchange, request.symbol, order_id, client_id, restriction)
            order = exchange.engine.cancel(
                request.symbol, exchange.now_ms, order_id=order_id, client_order_id=client_id
            )
            cancelled = write.cancelled_json(order, cancel_id)
        except ExchangeError as error:
            cancelled = error
        if not isinstance(cancelled, ExchangeError) or mode == ALLOW_FAILURE:
            try:
                placed = write.new_order_json(
                    exchange.engine.place(request, exchange.now_ms), wanted
                )
            except ExchangeError as error:
                placed = error
        return replace_result(cancelled, placed)


def which_order(
    parameters: Parameters, id_name: str, client_id_name: str
) -> tuple[int | None, str | None]:
    """The order that a request speaks of. Raises -1102 when it names none."""
    order_id = parameters.integer(id_name)
    client_id = parameters.text(client_id_name)
    if order_id is None and client_id is None:
        raise ExchangeError(
            -1102,
            f"Param '{client_id_name}' or '{id_name}' must be sent, but both were empty/null!",
        )
    return order_id, client_id


def check_restriction(
    exchange: Exchange,
    symbol: str,
    order_id: int | None,
    client_id: str | None,
    restriction: str | None,
) -> None:
    """Raises -2011 when the order's status is not the one that may be cancelled."""
    if restriction is None:
        return
    if restriction not in ("ONLY_NEW", "ONLY_PARTIALLY_FILLED"):
        raise ExchangeError(-1145, "Invalid cancelRestrictions.")
    order = exchange.engine.order(
        symbol, exchange.now_ms, order_id=order_id, client_order_id=client_id
    )
    if not write.is_done(order) and restriction != f"ONLY_{order.status.value}":
        raise ExchangeError(-2011, "Order was not canceled due to cancel restrictions.")


def replace_result(cancelled: Json | ExchangeError, placed: Json | ExchangeError | None) -> Json:
    """The answer when both halves succeeded, else ReplaceError: -2021 for one, -2022 for both."""
    data: Json = {
        "cancelResult": _outcome(cancelled),
        "newOrderResult": _outcome(placed),
        "cancelResponse": _half(cancelled),
        "newOrderResponse": _half(placed),
    }
    cancel_failed = isinstance(cancelled, ExchangeError)
    if not cancel_failed and not isinstance(placed, ExchangeError):
        return data
    if cancel_failed and (placed is None or isinstance(placed, ExchangeError)):
        raise ReplaceError(-2022, "Order cancel-replace failed.", 400, data)
    raise ReplaceError(-2021, "Order cancel-replace partially failed.", 409, data)


def _outcome(half: Json | ExchangeError | None) -> str:
    if half is None:
        return "NOT_ATTEMPTED"
    return "FAILURE" if isinstance(half, ExchangeError) else "SUCCESS"


def _half(half: Json | ExchangeError | None) -> Json | None:
    return {"code": half.code, "msg": half.message} if isinstance(half, ExchangeError) else half


def replacing(endpoint: Endpoint) -> Handler:
    """A signed endpoint whose errors carry what became of both halves."""
    handle = signed(endpoint)

    async def with_data(request: web.Request) -> web.StreamResponse:
        try:
            return await handle(request)
        except ReplaceError as error:
            return respond(
                {"code": error.code, "msg": error.message, "data": error.data}, error.http_status
            )

    return with_data


def add_order_routes(app: web.Application) -> None:
    """Everything that deals with orders."""
    desk = OrderDesk()
    app.router.add_post("/api/v3/order", signed(desk.place))
    app.router.add_post("/api/v3/order/test", signed(desk.test))
    app.router.add_get("/api/v3/order", signed(desk.query))
    app.router.add_delete("/api/v3/order", signed(desk.cancel))
    app.router.add_get("/api/v3/openOrders", signed(desk.open_orders))
    app.router.add_delete("/api/v3/openOrders", signed(desk.cancel_all))
    app.router.add_post("/api/v3/order/cancelReplace", replacing(desk.replace))
