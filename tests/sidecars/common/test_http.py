from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from sidecars.common.http import ApiError, RequestMetrics, error_response, gate

TOKEN = "0123456789abcdef"

Client = TestClient[Any, Any]


async def refuse(_: web.Request) -> web.Response:
    raise ApiError(400, "bad_pair", "one clear line")


async def crash(_: web.Request) -> web.Response:
    raise KeyError("the inside")


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    metrics = RequestMetrics(CollectorRegistry())
    app = web.Application(middlewares=[gate(TOKEN, metrics)])
    app.router.add_get("/refuse", refuse)
    app.router.add_get("/v1/crash", crash)
    app.router.add_get("/metrics", metrics.handle)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_a_refusal_has_a_code_and_a_line(client: Client) -> None:
    async with client.get("/refuse") as response:
        assert response.status == 400
        assert await response.json() == {"error": {"code": "bad_pair", "message": "one clear line"}}


async def test_a_crash_tells_nothing_of_the_inside_but_is_logged(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async with client.get("/v1/crash", headers={"Authorization": f"Bearer {TOKEN}"}) as response:
        assert response.status == 500
        assert (await response.json())["error"]["code"] == "internal_error"
        assert "inside" not in await response.text()
    assert "the inside" in caplog.text


async def test_an_unknown_path_is_json_too(client: Client) -> None:
    async with client.get("/nothing") as response:
        assert response.status == 404
        assert await response.json() == {
            "error": {"code": "not_found", "message": "GET /nothing: not found"}
        }


async def test_requests_are_counted_by_route(client: Client) -> None:
    for path in ("/refuse", "/refuse", "/v1/crash", "/nothing/at/all"):
        async with client.get(path) as response:
            await response.read()
    async with client.get("/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain")
        text = await response.text()
    assert 'http_requests_total{route="/refuse",status="400"} 2.0' in text
    assert 'http_requests_total{route="/v1/crash",status="401"} 1.0' in text
    assert 'http_requests_total{route="unknown",status="404"} 1.0' in text


def test_error_response_is_json() -> None:
    assert error_response(418, "x", 'a "quoted" line').content_type == "application/json"
