"""Who may see the pages: login over real HTTP, sessions, forms from elsewhere."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from blockbuster import blockbuster_ctx

from tests.sidecars.common.pages.html_judge import faults_of
from tests.sidecars.confluence.monitor.page_rig import FORM, TOKEN, Rig, make_rig
from tests.sidecars.confluence.monitor.sample_cards import NOW

COOKIE = "aquatrade_monitor"
Client = TestClient[Any, Any]
GUARDED = ("/", "/sources", "/holdings/BTC", "/holdings/NO", "/holdings/a/b", "/static/other.css")


@pytest.fixture
def rig() -> Rig:
    return make_rig()


@pytest.fixture
async def client(rig: Rig) -> AsyncIterator[Client]:
    async with TestClient(TestServer(rig.app)) as made:
        with blockbuster_ctx():
            yield made


async def send(client: Client, path: str, body: str = "", **headers: str) -> ClientResponse:
    given = {**FORM, "Sec-Fetch-Site": "same-origin", **headers}
    return await client.post(path, data=body, headers=given, allow_redirects=False)


async def status_of(client: Client, path: str) -> int:
    return (await client.get(path, allow_redirects=False)).status


async def test_login_look_and_logout(client: Client) -> None:
    response = await client.get("/holdings/BTC", allow_redirects=False)
    assert response.status == 303
    assert response.headers["Location"] == "/login?next=/holdings/BTC"
    page = await (await client.get(response.headers["Location"])).text()
    assert faults_of(page) == []
    assert 'name="next" value="/holdings/BTC"' in page
    assert "Sign out" not in page
    response = await send(client, "/login", f"token={TOKEN}&next=/holdings/BTC")
    assert response.status == 303
    assert response.headers["Location"] == "/holdings/BTC"
    cookie = response.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Strict", "Max-Age=43200", "Path=/"):
        assert part in cookie, part
    assert "Secure" not in cookie
    assert TOKEN not in cookie
    assert await status_of(client, "/holdings/BTC") == 200
    assert (await client.get("/login", allow_redirects=False)).status == 303
    held = response.cookies[COOKIE].value
    response = await send(client, "/logout")
    assert response.status == 303
    # The session itself is over, not just the cookie.
    client.session.cookie_jar.update_cookies({COOKIE: held}, client.make_url("/"))
    assert await status_of(client, "/holdings/BTC") == 303


async def test_a_link_from_another_site_finds_its_way(client: Client) -> None:
    path = "/login?next=/holdings/BTC"
    page = await (await client.get(path, headers={"Sec-Fetch-Site": "cross-site"})).text()
    assert '<a href="/holdings/BTC">Open the monitor</a>' in page
    page = await (await client.get(path, headers={"Sec-Fetch-Site": "same-origin"})).text()
    assert "Open the monitor" not in page


async def test_the_cookie_is_for_tls_alone_where_there_is_tls(client: Client) -> None:
    headers = {"X-Forwarded-Proto": "https"}
    response = await send(client, "/login", f"token={TOKEN}", **headers)
    assert "Secure" in response.headers["Set-Cookie"]


async def test_nothing_is_seen_without_a_session(client: Client, rig: Rig) -> None:
    for path in GUARDED:
        response = await client.get(path, allow_redirects=False)
        assert response.status == 303, path
        assert response.headers["Location"].startswith("/login?next=/")
    for path in ("/login", "/static/monitor.css", "/static/icon.svg"):
        assert await status_of(client, path) == 200
    response = await send(client, "/holdings/BTC/decisions", "bought=yes")
    assert response.status == 401
    assert "MYR" not in await response.text()
    assert rig.monitor.decided == []


async def test_a_made_up_or_foreign_cookie_opens_nothing(client: Client) -> None:
    for value in ("x", "a" * 43, "9" * 500, TOKEN):
        client.session.cookie_jar.update_cookies({COOKIE: value}, client.make_url("/"))
        assert await status_of(client, "/") == 303


async def test_every_route_of_the_pages_is_guarded(rig: Rig, client: Client) -> None:
    public = {"/login", "/static/monitor.css", "/static/icon.svg", "/v1/pairs"}
    for route in rig.app.router.routes():
        resource = route.resource
        assert resource is not None
        if resource.canonical in public:
            continue
        path = resource.canonical.replace("{asset}", "BTC")
        headers = {"Sec-Fetch-Site": "same-origin"}
        response = await client.request(route.method, path, headers=headers, allow_redirects=False)
        assert response.status in (303, 401), (route.method, path)


async def test_a_session_ends_after_twelve_hours(client: Client, rig: Rig) -> None:
    await send(client, "/login", f"token={TOKEN}")
    await rig.clock.move_to(NOW + timedelta(hours=12) - timedelta(milliseconds=1))
    assert await status_of(client, "/") == 200
    await rig.clock.move_to(NOW + timedelta(hours=12))
    assert await status_of(client, "/") == 303


async def test_the_service_token_opens_the_api_and_a_session_does_not(client: Client) -> None:
    await send(client, "/login", f"token={TOKEN}")
    assert await status_of(client, "/v1/pairs") == 401
    response = await client.get("/v1/pairs", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status == 200


async def test_ten_wrong_tokens(client: Client, rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    answers = [await send(client, "/login", "token=wrong-token-000000") for _ in range(10)]
    assert [answer.status for answer in answers] == [401] * 5 + [429] * 5
    assert "That is not the service" in await answers[0].text()
    limited = answers[-1]
    assert limited.headers["Retry-After"] == "60"
    page = await limited.text()
    assert faults_of(page) == []
    assert "Try again in 60 seconds" in page
    assert "wrong-token" not in page + caplog.text
    # The right one is not even looked at until the minute is over.
    assert (await send(client, "/login", f"token={TOKEN}")).status == 429
    await rig.clock.move_to(NOW + timedelta(seconds=60))
    assert (await send(client, "/login", f"token={TOKEN}")).status == 303


async def test_wrong_tokens_of_every_kind(client: Client) -> None:
    for body in ("", "token=", f"token={TOKEN[:-1]}", "token=%C3%A9%E2%82%AC"):
        response = await send(client, "/login", body)
        assert response.status == 401, body
        assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    "asked",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/logout", "javascript:x",
     "/v1/x", "/holdings/../logout", "/%0d%0aSet-Cookie:x"],
)  # fmt: skip
async def test_a_login_leads_to_our_own_pages_only(client: Client, asked: str) -> None:
    response = await send(client, "/login", f"token={TOKEN}&next={asked}")
    assert response.status == 303
    assert response.headers["Location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
        {},
    ],
)
async def test_forms_from_elsewhere_are_refused(
    client: Client, rig: Rig, headers: dict[str, str]
) -> None:
    await send(client, "/login", f"token={TOKEN}")
    for path, body in (
        ("/holdings/BTC/decisions", "bought=yes"), ("/logout", ""), ("/login", f"token={TOKEN}"),
    ):  # fmt: skip
        response = await client.post(
            path, data=body, headers={**FORM, **headers}, allow_redirects=False
        )
        assert response.status == 403, path
        assert response.content_type == "text/html"
        assert "Set-Cookie" not in response.headers
    assert rig.monitor.decided == []
    assert await status_of(client, "/") == 200


async def test_an_older_browser_says_its_origin(client: Client) -> None:
    origin = str(client.make_url("/").origin())
    response = await client.post(
        "/login", data=f"token={TOKEN}", headers={**FORM, "Origin": origin}, allow_redirects=False
    )
    assert response.status == 303
