"""A webhook on 127.0.0.1 that keeps what it is sent and answers as a test says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sidecars.common.running import listening


@dataclass
class Webhook:
    """statuses: taken one after the other, then 200. held: while not set, nobody is answered."""

    statuses: list[int] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    port: int = 0

    @property
    def url(self) -> str:
        """As apprise writes it."""
        return f"json://127.0.0.1:{self.port}/alerts"

    @property
    def titles(self) -> list[str]:
        return [str(each["title"]) for each in self.received]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        self.received.append(await request.json())
        self.came.set()
        if self.held is not None:
            await self.held.wait()
        status = self.statuses.pop(0) if self.statuses else 200
        return web.json_response(self.answer, status=status)


@contextlib.asynccontextmanager
async def webhook(**values: Any) -> AsyncIterator[Webhook]:
    hook = Webhook(**values)
    app = web.Application()
    app.router.add_post("/{path:.*}", hook.handle)
    async with listening(app, "127.0.0.1", 0) as port:
        hook.port = port
        yield hook
