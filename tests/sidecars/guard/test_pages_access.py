"""Who may see the guard's pages, and whose forms are heard."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sidecars.common.clock import ManualClock
from tests.sidecars.guard import pages_samples as samples
from tests.sidecars.guard.pages_desk_fake import FakeDesk
from tests.sidecars.guard.pages_rig import TOKEN, Client, make_app, send


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
async def stranger(desk: FakeDesk) -> AsyncIterator[Client]:
    async with TestClient(TestServer(make_app(desk, ManualClock(samples.NOW)))) as made:
        yield made


@pytest.fixture
async def client(stranger: Client) -> Client:
    assert (await send(stranger, "/login", f"token={TOKEN}")).status == 303
    return stranger


async def test_a_fault_tells_nothing_of_the_inside(client: Client, desk: FakeDesk) -> None:
    desk.fails = True
    response = await client.get("/")
    page = await response.text()
    assert response.status == 500
    assert "The guard failed. Its log says why." in page
    assert "hunter2" not in page


async def test_every_route_of_the_pages_is_guarded(stranger: Client, desk: FakeDesk) -> None:
    public = {"/login", "/static/guard.css", "/static/icon.svg"}
    assert stranger.app is not None
    for route in stranger.app.router.routes():
        resource = route.resource
        assert resource is not None
        if resource.canonical in public:
            continue
        path = resource.canonical.replace("{approval}", "a1b2c3")
        headers = {"Sec-Fetch-Site": "same-origin"}
        response = await stranger.request(
            route.method, path, headers=headers, allow_redirects=False
        )
        assert response.status in (303, 401), (route.method, path)
    assert desk.told == []


async def test_forms_from_elsewhere_do_nothing(client: Client, desk: FakeDesk) -> None:
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ):
        for path, body in (
            ("/kill", "reason=x"), ("/resume", "rule=day"), ("/reconcile", ""),
            ("/approvals/a1b2c3", "answer=approve"),
        ):  # fmt: skip
            assert (await send(client, path, body, **headers)).status == 403, path
    assert desk.told == []


async def test_a_monitor_on_the_same_machine_shares_no_session(client: Client) -> None:
    names = {cookie.key for cookie in client.session.cookie_jar}
    assert names == {"aquatrade_guard"}
