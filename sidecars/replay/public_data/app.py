"""All stand-ins behind one address: GET /KEY/..., faults under /control/, /health."""

import asyncio
from collections.abc import Iterable

from aiohttp import web
from aiohttp.typedefs import Handler

from sidecars.common.clock import Clock
from sidecars.replay.control.guard import (
    ControlAccess,
    ControlRefusedError,
    body_of,
    guard_middleware,
    query_of,
)
from sidecars.replay.control.words import QueryModel
from sidecars.replay.public_data.faults import (
    EVERY_SOURCE,
    Fault,
    FaultBook,
    StandingFault,
    TooManyFaultsError,
)
from sidecars.replay.public_data.injuring import as_response, injured
from sidecars.replay.public_data.model import Answer, StandIn, StandInAnswer, StandInRequest

MAX_REQUEST_BYTES = 16 * 1024


class _Which(QueryModel):
    source: str | None = None


def create_app(
    stand_ins: Iterable[StandIn], clock: Clock, book: FaultBook | None = None
) -> web.Application:
    """The application. Raises ValueError when two stand-ins have one key."""
    mounted = tuple(stand_ins)
    keys = [each.key for each in mounted]
    doubled = sorted({key for key in keys if keys.count(key) > 1})
    if doubled:
        raise ValueError(f"stand-ins: expected one a key, got several of {', '.join(doubled)}")
    server = _Server(tuple(keys), clock, book if book is not None else FaultBook())
    app = web.Application(client_max_size=MAX_REQUEST_BYTES)
    app.on_shutdown.append(server.stop)
    app.router.add_get("/health", server.health)
    control = web.Application(middlewares=[guard_middleware(ControlAccess())])
    control.router.add_get("/faults", server.list_faults)
    control.router.add_post("/faults", server.add_fault)
    control.router.add_delete("/faults", server.delete_faults)
    app.add_subapp("/control", control)
    for each in mounted:
        for pattern, answer in each.routes.items():
            app.router.add_get(f"/{each.key}{pattern}", server.answering(each.key, answer))
    return app


class _Server:
    def __init__(self, keys: tuple[str, ...], clock: Clock, book: FaultBook) -> None:
        self._keys = keys
        self._clock = clock
        self._book = book
        self._stopping = asyncio.Event()

    async def stop(self, _: web.Application) -> None:
        self._stopping.set()

    def answering(self, key: str, answer: Answer) -> Handler:
        async def respond(request: web.Request) -> web.StreamResponse:
            now_ms = int(self._clock.now().timestamp() * 1000)
            prefix = f"/{key}"

            def answer_at(shift_ms: int) -> StandInAnswer:
                return answer(
                    StandInRequest(
                        now_ms=now_ms + shift_ms,
                        path=request.path.removeprefix(prefix),
                        match=dict(request.match_info),
                        query=dict(request.query),
                        headers=dict(request.headers),
                    )
                )

            fault = self._book.meet(key)
            if fault is None:
                return as_response(answer_at(0))
            return await injured(request, fault, answer_at, self._clock, self._stopping)

        return respond

    async def health(self, _: web.Request) -> web.Response:
        """GET /health."""
        return web.json_response(
            {
                "status": "ok",
                "now": f"{self._clock.now():%Y-%m-%dT%H:%M:%SZ}",
                "sources": sorted(self._keys),
                "faults": len(tuple(self._book.standing())),
            }
        )

    async def list_faults(self, request: web.Request) -> web.Response:
        """GET /control/faults[?source=KEY]: those in force, in the order they are met."""
        source = query_of(request, _Which).source
        return web.json_response(
            {
                "faults": [
                    _told(each)
                    for each in self._book.standing()
                    if source is None or each.fault.source == source
                ]
            }
        )

    async def add_fault(self, request: web.Request) -> web.Response:
        """POST /control/faults with a Fault."""
        fault = await body_of(request, Fault)
        if fault.source != EVERY_SOURCE and fault.source not in self._keys:
            raise ControlRefusedError(
                400, f"source: expected * or one of {', '.join(self._keys)}, got '{fault.source}'"
            )
        try:
            return web.json_response(_told(self._book.add(fault)), status=201)
        except TooManyFaultsError as error:
            raise ControlRefusedError(409, str(error)) from None

    async def delete_faults(self, request: web.Request) -> web.Response:
        """DELETE /control/faults[?source=KEY]."""
        return web.json_response({"deleted": self._book.clear(query_of(request, _Which).source)})


def _told(standing: StandingFault) -> dict[str, object]:
    return {
        "number": standing.number,
        "left": standing.left,
        "met": standing.met,
        **standing.fault.model_dump(),
    }
