"""What all REST endpoints share: reading and checking a request, answering in Binance's shapes."""

from collections.abc import Callable
from dataclasses import dataclass

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from sidecars.replay.app_keys import CLOCK, ENGINE, FAULTS, KEY_RIGHTS, SETTINGS, VIEW
from sidecars.replay.binance.key_rights import KeyRights
from sidecars.replay.binance.parameters import Parameters
from sidecars.replay.binance.signing import JumpLog, check_key, check_signature, check_timing
from sidecars.replay.model import ExchangeError, Market, MarketView, MatchingEngine

MINUTE_MS = 60_000
MAX_BODY_BYTES = 64 * 1024
REST_PREFIXES = ("/api/", "/sapi/")
FORM = "application/x-www-form-urlencoded"

JUMPS: web.AppKey[JumpLog] = web.AppKey("replay_jumps", JumpLog)


@dataclass(frozen=True, slots=True)
class Exchange:
    """The exchange as one request sees it: the parts, and one moment for the whole answer."""

    view: MarketView
    engine: MatchingEngine
    now_ms: int
    key_rights: KeyRights
    server_ms: int  # what the exchange says and checks against: now plus an injected clock skew

    def market(self, symbol: str) -> Market:
        """Raises -1121 for a symbol that is not traded here."""
        market = self.view.markets.get(symbol)
        if market is None:
            raise ExchangeError(-1121, "Invalid symbol.")
        return market


def exchange_of(app: web.Application) -> Exchange:
    """The parts of the running exchange, now."""
    now_ms = app[CLOCK].now_ms()
    server_ms = now_ms + app[FAULTS].clock_skew_ms
    return Exchange(app[VIEW], app[ENGINE], now_ms, app[KEY_RIGHTS].rights, server_ms)


# What an endpoint is: parameters in; JSON values, or JSON as bytes, out. It calls
# `parameters.finish()` before it changes or computes anything.
Endpoint = Callable[[Exchange, Parameters], object]


class JsonResponse(web.Response):
    """An answer whose body is JSON already."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        super().__init__(body=body, status=status, content_type="application/json")


def respond(value: object, status: int = 200) -> web.Response:
    """`value` as JSON; bytes are taken to be JSON already."""
    return JsonResponse(value if isinstance(value, bytes) else orjson.dumps(value), status)


def refuse(error: ExchangeError) -> web.Response:
    """Binance's error body."""
    return respond({"code": error.code, "msg": error.message}, error.http_status)


def public(endpoint: Endpoint) -> Handler:
    """Anybody may ask."""

    async def handle(request: web.Request) -> web.StreamResponse:
        query, body = await _raw_parameters(request)
        parameters = Parameters(query, body)
        return respond(endpoint(exchange_of(request.app), parameters))

    return handle


def keyed(endpoint: Endpoint) -> Handler:
    """The API key must be sent, without a signature."""

    async def handle(request: web.Request) -> web.StreamResponse:
        check_key(request.headers.get("X-MBX-APIKEY"), request.app[SETTINGS].api_key)
        query, body = await _raw_parameters(request)
        return respond(endpoint(exchange_of(request.app), Parameters(query, body)))

    return handle


def signed(endpoint: Endpoint) -> Handler:
    """Key, timestamp and signature must be right."""

    async def handle(request: web.Request) -> web.StreamResponse:
        settings = request.app[SETTINGS]
        check_key(request.headers.get("X-MBX-APIKEY"), settings.api_key)
        query, body = await _raw_parameters(request)
        parameters = Parameters(query, body)
        exchange = exchange_of(request.app)
        check_timing(parameters, exchange.server_ms, request.app[JUMPS].jumped_ms)
        check_signature(query, body, settings.api_secret)
        return respond(endpoint(exchange, parameters))

    return handle


async def _raw_parameters(request: web.Request) -> tuple[str, str]:
    """Query string and form body exactly as they were sent: the signature covers them so."""
    _, _, query = request.raw_path.partition("?")
    if request.method == hdrs.METH_GET or not request.body_exists:
        return query, ""
    if request.content_type not in (FORM, "application/octet-stream", "text/plain"):
        raise ExchangeError(-1100, f"Content-Type must be {FORM}, got {request.content_type}.", 415)
    try:
        return query, (await request.read()).decode("ascii")
    except UnicodeDecodeError:
        raise ExchangeError(-1100, "Illegal characters found in a parameter.") from None


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals leave as {"code", "msg"}; so do paths and methods that are not served."""
    try:
        return await handler(request)
    except ExchangeError as error:
        return refuse(error)
    except web.HTTPNotFound:
        return refuse(ExchangeError(-1000, f"No such endpoint: {request.path}", 404))
    except web.HTTPMethodNotAllowed:
        message = f"Request method '{request.method}' not supported for {request.path}"
        return refuse(ExchangeError(-1000, message, 405))
    except web.RequestPayloadError:
        return refuse(ExchangeError(-1100, "The body is not encoded as its headers say."))
    except web.HTTPRequestEntityTooLarge:
        message = f"Too many parameters sent; a body may have {MAX_BODY_BYTES} bytes."
        return refuse(ExchangeError(-1101, message, 413))


class WeightMeter:
    """Counts the request weight of the running minute; nobody is turned away for it.

    Turning away is for the fault plan: on a clock that jumps a real limit would hit at random.
    """

    def __init__(self) -> None:
        self._minute = -1
        self._used = 0

    def spend(self, weight: int, now_ms: int) -> int:
        """Add a request; returns what the current minute has used so far."""
        minute = now_ms // MINUTE_MS
        if minute != self._minute:
            self._minute, self._used = minute, 0
        self._used += weight
        return self._used


def count_weights(app: web.Application, weights: dict[str, int]) -> None:
    """Put X-MBX-USED-WEIGHT headers on all answers of the REST API; weights: by path, else 1."""
    meter = WeightMeter()

    async def add_header(request: web.Request, response: web.StreamResponse) -> None:
        if request.path.startswith(REST_PREFIXES):
            used = str(meter.spend(weights.get(request.path, 1), app[CLOCK].now_ms()))
            response.headers["X-MBX-USED-WEIGHT"] = used
            response.headers["X-MBX-USED-WEIGHT-1M"] = used

    app.on_response_prepare.append(add_header)
