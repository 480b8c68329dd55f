"""A web server on 127.0.0.1 that answers as a test says and keeps what it was asked."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from sidecars.common.running import listening

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class ScriptedServer:
    """answers: taken one after the other, the last one again and again."""

    answers: list[Handle] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        handle = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await handle(request)


def said(body: str | bytes = "{}", status: int = 200, **headers: str) -> Handle:
    """An answer; underscores in names of headers stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else body.encode()

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(body=content, status=status, headers=named)

    return handle


@contextlib.asynccontextmanager
async def scripted_server(*answers: Handle) -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer(list(answers))
    app = web.Application()
    app.router.add_get("/{path:.*}", server.handle)
    async with listening(app, "127.0.0.1", 0) as port:
        server.url = f"http://127.0.0.1:{port}"
        yield server
