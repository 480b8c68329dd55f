"""Market streams over websockets: connections, subscriptions, and the beat that feeds them.

Served as on stream.binance.com: /ws and /ws/<stream>[/<stream>...] send plain messages,
/stream?streams=<stream>/<stream>... wraps them as {"stream", "data"}; both take SUBSCRIBE,
UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY and GET_PROPERTY.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from sidecars.replay.app_keys import FAULTS
from sidecars.replay.binance.channels import Books, Channel, make_channel
from sidecars.replay.binance.endpoints import exchange_of
from sidecars.replay.binance.stream_names import StreamNameError, parse_stream
from sidecars.replay.binance.stream_requests import StreamRequest, StreamRequestError, parse_request
from sidecars.replay.faults.plan import WebsocketAction

logger = logging.getLogger(__name__)

BEAT_SECONDS = 0.1
# A client that is so many messages behind is dropped. An hour of trades of 25 pairs is 18,000.
MOST_WAITING = 20_000
MOST_STREAMS = 1024
MAX_REQUEST_BYTES = 64 * 1024
PING_SECONDS = 60.0
CLOSE_SECONDS = 1.0


class Connection:
    """One client: what it listens to, and what waits to be sent to it."""

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, combined: bool
    ) -> None:
        self.socket = socket
        self.combined = combined
        self.streams: dict[str, None] = {}
        self._transport = transport
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)
        self._writer = asyncio.create_task(self._write())

    def send(self, message: bytes) -> None:
        """Never waits: a client that does not read fast enough is dropped."""
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            logger.warning("a websocket client is %d messages behind: dropped", MOST_WAITING)
            self.drop()

    def send_event(self, stream: str, message: bytes) -> None:
        """A stream's message, wrapped if the connection asked for it."""
        if self.combined:
            message = b'{"stream":"%s","data":%s}' % (stream.encode(), message)
        self.send(message)

    def drop(self) -> None:
        """Cut the connection at once, without a closing handshake."""
        self._writer.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def stop(self) -> None:
        self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer

    async def _write(self) -> None:
        # A client that has left is noticed by the reader of the connection.
        with contextlib.suppress(ConnectionError):
            while True:
                await self.socket.send_frame(await self._waiting.get(), WSMsgType.TEXT)


class StreamHub:
    """All connections, and one channel for each stream that anybody listens to."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._channels: dict[str, Channel] = {}
        self._listeners: dict[str, dict[Connection, None]] = {}
        self._connections: set[Connection] = set()
        self.books = Books()

    async def run(self) -> None:
        """Beat as time flows, until cancelled."""
        while True:
            self.beat()
            await asyncio.sleep(BEAT_SECONDS)

    def beat(self) -> None:
        """Bring the exchange up to now: match the orders, tell the streams.

        Called some times a second, and by the clock after each jump, before anybody else learns
        of it: a bot that wakes up finds the candle of the jump in its socket.
        """
        exchange = exchange_of(self._app)
        exchange.engine.advance(exchange.now_ms)
        for stream, channel in tuple(self._channels.items()):
            messages = channel.messages(exchange)
            if messages:
                self._tell(stream, messages)

    def subscribe(self, connection: Connection, names: Sequence[str]) -> None:
        """Raises StreamNameError without having changed anything."""
        parsed = {name: parse_stream(name) for name in names if name not in connection.streams}
        if len(connection.streams) + len(parsed) > MOST_STREAMS:
            raise StreamNameError(f"a connection can listen to {MOST_STREAMS} streams at most")
        exchange = exchange_of(self._app)
        for text, name in parsed.items():
            if text not in self._channels:
                self._channels[text] = make_channel(name, exchange, self.books)
            self._listeners.setdefault(text, {})[connection] = None
            connection.streams[text] = None

    def unsubscribe(self, connection: Connection, names: Sequence[str]) -> None:
        """Streams that the connection does not listen to are passed over."""
        for name in names:
            if name not in connection.streams:
                continue
            del connection.streams[name]
            listeners = self._listeners[name]
            del listeners[connection]
            if not listeners:
                del self._listeners[name]
                self._channels.pop(name).close()

    def streams(self) -> list[str]:
        """Names of the streams that somebody listens to."""
        return list(self._channels)

    def add(self, connection: Connection) -> None:
        self._connections.add(connection)

    async def remove(self, connection: Connection) -> None:
        self.unsubscribe(connection, list(connection.streams))
        self._connections.discard(connection)
        await connection.stop()

    async def close(self) -> None:
        """Say goodbye to everybody, for a second at most."""
        goodbyes = [
            connection.socket.close(code=WSCloseCode.GOING_AWAY, message=b"exchange stops")
            for connection in self._connections
        ]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*goodbyes), CLOSE_SECONDS)
        for connection in tuple(self._connections):
            connection.drop()

    def _tell(self, stream: str, messages: Sequence[object]) -> None:
        faults = self._app[FAULTS]
        for message in messages:
            text = orjson.dumps(message)
            for connection in tuple(self._listeners.get(stream, ())):
                match faults.websocket_action(stream):
                    case WebsocketAction.SEND:
                        connection.send_event(stream, text)
                    case WebsocketAction.DROP:
                        connection.drop()
                        self.unsubscribe(connection, list(connection.streams))


STREAMS = web.AppKey("replay_streams", StreamHub)


async def serve_raw(request: web.Request) -> web.WebSocketResponse:
    """/ws/<stream>/<stream>. Other words in the path are names of the connection (ccxt: /ws/0)."""
    words = request.match_info.get("streams", "").split("/")
    return await _serve(request, [word for word in words if "@" in word], combined=False)


async def serve_combined(request: web.Request) -> web.WebSocketResponse:
    """/stream?streams=<stream>/<stream>."""
    words = request.query.get("streams", "").split("/")
    return await _serve(request, [word for word in words if word], combined=True)


async def _serve(
    request: web.Request, names: list[str], *, combined: bool
) -> web.WebSocketResponse:
    hub = request.app[STREAMS]
    try:
        for name in names:
            parse_stream(name)
    except StreamNameError as error:
        raise web.HTTPBadRequest(text=str(error)) from error
    socket = web.WebSocketResponse(
        heartbeat=PING_SECONDS, compress=False, max_msg_size=MAX_REQUEST_BYTES
    )
    await socket.prepare(request)
    connection = Connection(socket, request.transport, combined)
    hub.add(connection)
    try:
        hub.subscribe(connection, names)
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                connection.send(orjson.dumps(answer(hub, connection, message.data)))
    finally:
        await hub.remove(connection)
    return socket


def answer(hub: StreamHub, connection: Connection, text: str | bytes) -> dict[str, object]:
    """Carry a client's request out; the answer, an error in Binance's shape if it cannot be."""
    try:
        request = parse_request(text)
        return {"result": _carry_out(hub, connection, request), "id": request.request_id}
    except StreamRequestError as error:
        refusal = {"code": error.code, "msg": error.message}
        return {"error": refusal, "id": error.request_id}


def _carry_out(hub: StreamHub, connection: Connection, request: StreamRequest) -> object:
    match request.method:
        case "SUBSCRIBE":
            try:
                hub.subscribe(connection, request.streams())
            except StreamNameError as error:
                message = f"Invalid request: {error}"
                raise StreamRequestError(2, message, request.request_id) from error
        case "UNSUBSCRIBE":
            hub.unsubscribe(connection, request.streams())
        case "LIST_SUBSCRIPTIONS":
            return list(connection.streams)
        case "GET_PROPERTY":
            request.combined()
            return connection.combined
        case "SET_PROPERTY":
            connection.combined = bool(request.combined())
    return None


def add_stream_routes(app: web.Application) -> None:
    """The websocket side; app[STREAMS] must be set."""
    app.router.add_get("/ws", serve_raw)
    app.router.add_get("/ws/{streams:.*}", serve_raw)
    # Where our client config sends ccxt: see client_config.websocket_urls.
    app.router.add_get("/stream/ws/{streams:.*}", serve_raw)
    app.router.add_get("/stream", serve_combined)
