"""Does to HTTP requests what the fault plan says.

The edge that builds the application calls, before it adds anything else:

    faults = Faults(seed, clock.now_ms)
    install_faults(app, faults)

which puts `fault_middleware(faults)` outermost (so it meets requests before the signature check
and answers after Binance's error bodies are made) and lets hanging requests go on shutdown. The
control API under /control/ is never hit. The server must keep aiohttp's default of no handler
cancellation: a request whose client has left is still carried out, as on the real exchange.

Waiting is in real seconds, as a client's time-out is; the windows of the rules are in the
exchange's time.
"""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qs

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sidecars.replay.faults.plan import Faults, RequestFault
from sidecars.replay.faults.rules import (
    BadKlines,
    RateLimit,
    RejectOrder,
    Reset,
    ResetMidBody,
    ResponseLost,
    ServerError,
    SlowAnswer,
    TimeOut,
)

CONTROL_PREFIX = "/control"
POLL_SECONDS = 0.05
DRIP_STEPS = 20

# Binance's own words, https://developers.binance.com/docs/binance-spot-api-docs/errors
REJECTIONS = {
    -2010: (400, "Account has insufficient balance for requested action."),
    -1013: (400, "Filter failure: LOT_SIZE"),
    -1015: (429, "Too many new orders; current limit is 100 orders per 10 SECOND."),
}
SERVER_ERRORS = {
    500: (-1000, "An unknown error occurred while processing the request."),
    502: (-1001, "Internal error; unable to process your request. Please try again."),
    503: (-1001, "Internal error; unable to process your request. Please try again."),
    504: (
        -1007,
        "Timeout waiting for response from backend server. "
        "Send status unknown; execution status unknown.",
    ),
}
UNKNOWN_STATUS = (-1000, "Unknown error, please check your request or try again later.")


def install_faults(app: web.Application, faults: Faults) -> None:
    """Put the middleware outermost and end all hanging requests when the application stops."""

    async def let_go(_: web.Application) -> None:
        faults.clear()

    app.middlewares.insert(0, fault_middleware(faults))
    app.on_shutdown.append(let_go)


def fault_middleware(faults: Faults) -> Middleware:
    """The aiohttp middleware that carries out the request rules of `faults`."""

    @web.middleware
    async def injure(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path
        if path == CONTROL_PREFIX or path.startswith(CONTROL_PREFIX + "/"):
            return await handler(request)
        if not faults.asks_about(request.method, path):
            return await handler(request)
        upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        symbol = request.query.get("symbol")
        if symbol is None and faults.asks_for_symbol(request.method, path):
            symbol = await _symbol_in_body(request)
        fault = faults.request_fault(request.method, path, symbol, upgrade=upgrade)
        if fault is None:
            return await handler(request)
        return await _inject(faults, fault, request, handler)

    return injure


async def _inject(
    faults: Faults, fault: RequestFault, request: web.Request, handler: Handler
) -> web.StreamResponse:
    match fault.rule:
        case TimeOut(parameters=p):
            faults.record(fault, f"not carried out, no answer for {p.seconds:g} s")
            await _hang(faults, fault, request, p.seconds)
            return _cut(request)
        case ResponseLost(parameters=p):
            status = await _carry_out_unheard(request, handler)
            faults.record(fault, f"carried out ({status}), no answer for {p.seconds:g} s")
            await _hang(faults, fault, request, p.seconds)
            return _cut(request)
        case Reset():
            faults.record(fault, "connection reset, not carried out")
            return _cut(request)
        case RateLimit(parameters=p):
            faults.record(fault, f"HTTP {p.status}, Retry-After {p.retry_after_seconds} s")
            return _rate_limited(p.status, p.retry_after_seconds)
        case ServerError() as rule:
            return await _server_error(faults, fault, rule, request, handler)
        case RejectOrder(parameters=p):
            status, message = REJECTIONS[p.code]
            faults.record(fault, f"rejected with {p.code}")
            return _binance_error(status, p.code, p.message or message)
        case SlowAnswer() as rule:
            return await _slow(faults, fault, rule, request, handler)
        case ResetMidBody(parameters=p):
            response = await handler(request)
            faults.record(fault, f"carried out ({response.status}), cut inside the body")
            return await _cut_mid_body(request, response, p.fraction)
        case BadKlines() as rule:
            return _damaged(faults, fault, rule, await handler(request))


async def _symbol_in_body(request: web.Request) -> str | None:
    """The symbol in a form body; `read` keeps the body for the endpoint."""
    try:
        body = await request.read()
    except web.RequestPayloadError:
        return None  # not encoded as its headers say: the endpoint refuses it
    form = parse_qs(body.decode("utf-8", "replace"))
    return form.get("symbol", [None])[0]


async def _hang(faults: Faults, fault: RequestFault, request: web.Request, seconds: float) -> None:
    """Wait, unless the client leaves or the rule is taken out of the plan."""
    await _wait(seconds, lambda: _is_gone(request) or not faults.holds(fault.standing.rule_id))


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def _wait(seconds: float, ended: Callable[[], bool]) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    # A client that leaves says so through no event of aiohttp's, so it is looked for.
    while (left := end - loop.time()) > 0 and not ended():  # noqa: ASYNC110
        await asyncio.sleep(min(left, POLL_SECONDS))


def _cut(request: web.Request) -> web.Response:
    """Reset the connection (RST, not FIN). The response returned is heard by nobody."""
    transport = request.transport
    if transport is not None:
        wire = transport.get_extra_info("socket")
        if wire is not None:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def _carry_out_unheard(request: web.Request, handler: Handler) -> int:
    """Run the handler; only the status of its answer is of interest."""
    try:
        return (await handler(request)).status
    except web.HTTPException as refusal:
        return refusal.status


def _binance_error(status: int, code: int, message: str) -> web.Response:
    return web.json_response({"code": code, "msg": message}, status=status)


def _rate_limited(status: int, retry_after_seconds: int) -> web.Response:
    message = (
        "Way too much request weight used; IP banned. Please use WebSocket Streams for live "
        "updates to avoid bans."
        if status == 418
        else "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    response = _binance_error(status, -1003, message)
    response.headers["Retry-After"] = str(retry_after_seconds)
    return response


async def _server_error(
    faults: Faults, fault: RequestFault, rule: ServerError, request: web.Request, handler: Handler
) -> web.Response:
    status = rule.parameters.status
    done = "not carried out"
    if rule.parameters.executed:
        done = f"carried out ({await _carry_out_unheard(request, handler)})"
    faults.record(fault, f"{done}, HTTP {status} {rule.parameters.body}")
    if rule.parameters.body == "html":
        title = f"{status} {HTTPStatus(status).phrase}"
        page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
        return web.Response(status=status, text=page, content_type="text/html")
    code, message = SERVER_ERRORS[status]
    if status == 503 and rule.parameters.executed:
        code, message = UNKNOWN_STATUS
    return _binance_error(status, code, message)


async def _slow(
    faults: Faults, fault: RequestFault, rule: SlowAnswer, request: web.Request, handler: Handler
) -> web.StreamResponse:
    """A late and dripping answer. The request is carried out even if the client has left."""
    wait = rule.parameters
    faults.record(
        fault, f"handled {wait.delay_seconds:g} s late, body over {wait.drip_seconds:g} s"
    )
    await request.read()  # aiohttp forgets the body of a client that leaves while this waits
    await _pause(faults, fault, wait.delay_seconds)
    response = await handler(request)
    body = _body_of(response)
    if not wait.drip_seconds or not body:
        return response
    dripping = await _open_copy(request, response, len(body))
    piece = -(-len(body) // DRIP_STEPS)
    for start in range(0, len(body), piece):
        await _write(dripping, body[start : start + piece])
        await _pause(faults, fault, wait.drip_seconds / DRIP_STEPS)
    return dripping


async def _pause(faults: Faults, fault: RequestFault, seconds: float) -> None:
    """Wait, unless the rule is taken out of the plan."""
    await _wait(seconds, lambda: not faults.holds(fault.standing.rule_id))


async def _cut_mid_body(
    request: web.Request, response: web.StreamResponse, fraction: float
) -> web.StreamResponse:
    body = _body_of(response)
    if body is None:
        return _cut(request)
    half = await _open_copy(request, response, len(body))
    await _write(half, body[: int(len(body) * fraction)])
    transport = request.transport
    if transport is not None:
        transport.close()  # lets the bytes out first, then FIN: fewer than Content-Length came
    return half


def _body_of(response: web.StreamResponse) -> bytes | None:
    """The answer's bytes; None when it is a stream, a websocket or has been sent already."""
    if isinstance(response, web.Response) and not response.prepared:
        return bytes(response.body) if isinstance(response.body, bytes | bytearray) else None
    return None


async def _open_copy(
    request: web.Request, response: web.StreamResponse, length: int
) -> web.StreamResponse:
    """A prepared streaming twin of an answer, with the same status, headers and length."""
    headers = {k: v for k, v in response.headers.items() if k.lower() != "content-length"}
    copy = web.StreamResponse(status=response.status, reason=response.reason, headers=headers)
    copy.content_length = length
    await copy.prepare(request)
    return copy


async def _write(response: web.StreamResponse, piece: bytes) -> None:
    with contextlib.suppress(ConnectionError):  # the client has left: nobody to injure any more
        await response.write(piece)


def _damaged(
    faults: Faults, fault: RequestFault, rule: BadKlines, response: web.StreamResponse
) -> web.StreamResponse:
    body = _body_of(response)
    if response.status != 200 or body is None:
        faults.record(fault, f"left alone: an answer {response.status} without klines")
        return response
    damage = rule.parameters.damage
    faults.record(fault, f"klines {damage}")
    if damage == "truncated":
        damaged = body[: len(body) // 2]
    else:
        damaged = json.dumps(damaged_rows(json.loads(body), damage, rule.parameters.rows)).encode()
    return web.Response(body=damaged, content_type="application/json")


def damaged_rows(rows: list[list[object]], damage: str, count: int) -> list[list[object]]:
    """Binance's klines without any row, without the last `count`, or with "NaN" as last close."""
    if damage == "empty":
        return []
    if damage == "stale":
        return rows[:-count]
    return [*rows[:-1], *([*row[:4], "NaN", *row[5:]] for row in rows[-1:])]
