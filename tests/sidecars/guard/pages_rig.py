"""A service with the guard's pages, and a browser's way to send a form."""

from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from prometheus_client import CollectorRegistry

from sidecars.common.clock import Clock
from sidecars.common.http import MAX_REQUEST_BYTES, RequestMetrics, gate
from sidecars.guard.pages import add_guard_pages
from sidecars.guard.pages_desk import GuardDesk

Client = TestClient[Any, Any]
TOKEN = "0123456789abcdef"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def make_app(desk: GuardDesk, clock: Clock) -> web.Application:
    """The service's own gate outside of the pages."""
    app = web.Application(
        middlewares=[gate(TOKEN, RequestMetrics(CollectorRegistry()))],
        client_max_size=MAX_REQUEST_BYTES,
    )
    add_guard_pages(app, desk, TOKEN, clock)
    return app


async def send(client: Client, path: str, body: str = "", **headers: str) -> ClientResponse:
    """A form as one of our own pages sends it, unless the headers say otherwise."""
    given = {**FORM, "Sec-Fetch-Site": "same-origin", **headers}
    return await client.post(path, data=body, headers=given, allow_redirects=False)
