"""The pages over real HTTP: what they say, what they never do, how they fail."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from blockbuster import blockbuster_ctx

from sidecars.confluence.monitor.model import Decision
from tests.sidecars.common.pages.html_judge import faults_of
from tests.sidecars.confluence.monitor.page_rig import FORM, TOKEN, Rig, make_rig
from tests.sidecars.confluence.monitor.sample_cards import NOW_MS, profit

Client = TestClient[Any, Any]
ASSETS = ("BTC", "ETH", "HBAR", "XRP", "SOL", "LINK")
PAGES = ("/", "/sources", *(f"/holdings/{asset}" for asset in ASSETS))
MOST_BYTES = 150_000
# Many times what a page takes, so that a busy machine does not fail it.
MOST_SECONDS = 1.0


@pytest.fixture
def rig() -> Rig:
    return make_rig()


@pytest.fixture
async def client(rig: Rig) -> AsyncIterator[Client]:
    """Signed in. A handler that blocks the event loop fails its test."""
    async with TestClient(TestServer(rig.app)) as made:
        response = await send(made, "/login", f"token={TOKEN}")
        assert response.status == 303
        with blockbuster_ctx():
            yield made


async def send(client: Client, path: str, body: str, **headers: str) -> ClientResponse:
    """A form as one of our own pages sends it, unless the headers say otherwise."""
    given = {**FORM, "Sec-Fetch-Site": "same-origin", **headers}
    return await client.post(path, data=body, headers=given, allow_redirects=False)


async def text_of(client: Client, path: str) -> str:
    response = await client.get(path, allow_redirects=False)
    assert response.status == 200, path
    assert response.content_type == "text/html"
    return (await response.text()).replace("\u00a0", " ")


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_sound_small_and_quick(client: Client, path: str) -> None:
    started = time.perf_counter()
    response = await client.get(path)
    body = await response.read()
    assert time.perf_counter() - started < MOST_SECONDS
    assert len(body) < MOST_BYTES
    assert faults_of(body.decode()) == []


async def test_the_overview_says_what_is_held_and_what_to_do(client: Client) -> None:
    page = await text_of(client, "/")
    for said in (
        "MYR 191,427.60", "+22.1 %", "on 3 of 4 with a known cost", "1 of 5 without a price",
        "1 of 6 holdings is in a buying zone, 1 is vetoed.", "14 Mar 2024 00:00 UTC", "7 hours ago",
        "1 failing, 1 stale, onchain cannot be reached", "It never places an order.",
        "WAIT at 72: by its zone, buy nothing now.", "Higher than 83 % of its last two years",
        "Next sell target: 30 % at MYR 313,434.00, +4.1 % from here.", "1 day ago</time>: stale",
        "All sell targets are hit; 20 % is kept.", "Moderate buy", "\u221220.1 %", "USDT 0.04322",
        "No rank yet: too few comparable days", "2 warnings: Luno has not answered",
    ):  # fmt: skip
        assert said in page, said
    assert page.count("have not timed entries") == 1  # once a page, not once a card


async def test_a_card_has_everything(client: Client) -> None:
    page = await text_of(client, "/holdings/BTC")
    for said in (
        "0.4213 BTC", "bought at MYR 198,000.00 on average", "last on 8 Jul 2023", "+52.1 %",
        "Luno BTC/MYR", "72<small> of 100", "Wait", "Higher than 83 %", "Confidence 100 %",
        "Volume 1.80 x its 30-day mean (10 of 10).", "Next review", "Score reaches 75 (now 72)",
        "sell targets are stretched", "18 of 35", "19 of 25", "30 of 30", "5 of 10",
        "Sell 20 % at MYR 275,022.00 (+38.9 %)", "13 Feb 2024</time> by price",
        "Next, +4.1 % from here", "falling through 45 while in profit",
        "or when the regime turns bearish", "Keep 20 %", "aria-labelledby=\"plot-title",
        "36 of 366 days were vetoed.", "First tranche", "+12.4 %", "not yet", "Not bought",
    ):  # fmt: skip
        assert said in page, said
    assert page.count("have not timed entries") == 1


async def test_what_is_not_known_is_said_to_be_unknown(client: Client) -> None:
    page = await text_of(client, "/holdings/LINK")
    for said in ("Not known", "There is no score yet", "No signals yet", "No ladder", "No price"):
        assert said in page, said
    page = await text_of(client, "/holdings/SOL")
    assert "Gain not known" in page
    page = await text_of(client, "/holdings/ETH")
    assert "Missing: Funding, Whales." in page
    assert "<small> of 8</small>" in page
    page = await text_of(client, "/holdings/XRP")
    assert "No score that is fit to act on" in page


async def test_no_holdings_at_all(client: Client, rig: Rig) -> None:
    rig.monitor.held = []
    page = await text_of(client, "/")
    assert "No holdings yet" in page
    assert faults_of(page) == []


async def test_text_of_others_stays_text(client: Client, rig: Rig) -> None:
    hostile = "<script>alert('x')</script>\"'><img src=x onerror=y>&amp;"
    card = profit()
    decision = Decision(NOW_MS, True, 72.0, hostile, 1.0, hostile, None, None)
    signals = [replace(signal, reading=hostile, label=hostile) for signal in card.signals]
    rig.monitor.held = [
        replace(
            card, recommendation=hostile, next_review=hostile, regime=hostile, signals=signals,
            decisions=[decision], warnings=[hostile],
        )
    ]  # fmt: skip
    for path in ("/", "/holdings/BTC"):
        page = await text_of(client, path)
        assert faults_of(page) == []
        assert "&lt;script&gt;alert(&#39;x&#39;)" in page
        assert "<img" not in page
    page = await text_of(client, "/sources")
    assert "&lt;b&gt;now&lt;/b&gt;" in page
    assert "javascript:" not in page


async def test_sources_in_every_state(client: Client) -> None:
    page = await text_of(client, "/sources")
    for said in (
        "alternative.me", "stale", "failing", "off", "starting", "cannot be reached",
        "http://127.0.0.1:8103: connection refused", "Listed is what was last known",
        "HTTP 429: rate limited", "free with attribution", 'href="https://alternative.me/crypto/"',
        "45 seconds ago", "2 days ago", "none yet",
    ):  # fmt: skip
        assert said in page, said


async def test_a_decision_is_recorded_once_and_shown(client: Client, rig: Rig) -> None:
    response = await send(client, "/holdings/BTC/decisions", "bought=no&note=too+%0D%0Aearly")
    assert response.status == 303
    assert response.headers["Location"] == "/holdings/BTC?recorded=1#decisions"
    assert rig.monitor.decided == [("BTC", False, "too early")]
    assert "Your decision is recorded." in await text_of(client, "/holdings/BTC?recorded=1")
    await send(client, "/holdings/BTC/decisions", "bought=yes&note=")
    assert rig.monitor.decided[1:] == [("BTC", True, "")]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("note=x", "Choose bought or not bought."),
        ("bought=perhaps&note=x", "Choose bought or not bought."),
        (f"bought=yes&note={'x' * 501}", "at most 500 characters"),
        ("bought=yes&note=%07", "of plain text"),
    ],
)
async def test_a_decision_that_is_not_one(client: Client, rig: Rig, body: str, said: str) -> None:
    response = await send(client, "/holdings/BTC/decisions", body)
    page = await response.text()
    assert response.status == 400
    assert said in page
    assert faults_of(page) == []
    assert rig.monitor.decided == []


async def test_a_refused_decision_keeps_the_note(client: Client, rig: Rig) -> None:
    rig.monitor.refusal = "BTC has no <price> to decide at"
    response = await send(client, "/holdings/BTC/decisions", "bought=yes&note=my+%3Cb%3Enote")
    page = await response.text()
    assert response.status == 400
    assert "BTC has no &lt;price&gt; to decide at" in page
    assert "my &lt;b&gt;note</textarea>" in page


@pytest.mark.parametrize(
    ("method", "path", "status", "body", "kind"),
    [
        ("GET", "/holdings/NO", 404, "", ""),
        ("GET", "/holdings/a/b/c", 404, "", ""),
        ("GET", "/static/..%2Fpages.py", 404, "", ""),
        ("GET", "/static/other.css", 404, "", ""),
        ("DELETE", "/sources", 405, "", ""),
        ("GET", "/holdings/BTC/decisions", 405, "", ""),
        ("POST", "/holdings/BTC/decisions", 413, "note=" + "x" * 20_000, FORM["Content-Type"]),
        ("POST", "/holdings/BTC/decisions", 415, "{}", "application/json"),
        ("POST", "/holdings/BTC/decisions", 400, "note=%ff", FORM["Content-Type"]),
        ("POST", "/holdings/BTC/decisions", 400, "note=\u00e9", FORM["Content-Type"]),
        ("POST", "/holdings/BTC/decisions", 400, "a=1&" * 9, FORM["Content-Type"]),
        ("POST", "/holdings/NO/decisions", 404, "bought=yes", FORM["Content-Type"]),
    ],
)
async def test_errors_are_pages(
    client: Client, rig: Rig, method: str, path: str, status: int, body: str, kind: str
) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": kind or "text/plain"}
    response = await client.request(method, path, data=body.encode(), headers=headers)
    page = await response.text()
    assert response.status == status
    assert response.content_type == "text/html"
    assert f"Error {status}" in page
    assert faults_of(page) == []
    assert response.headers["Cache-Control"] == "no-store"
    assert rig.monitor.decided == []


async def test_a_failure_tells_nothing_of_the_inside(
    client: Client, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.monitor.broken = True
    for path in ("/", "/holdings/BTC"):
        response = await client.get(path)
        page = await response.text()
        assert response.status == 500
        assert faults_of(page) == []
        assert "hunter2" not in page
        assert "Traceback" not in page
    assert "page failed" in caplog.text


async def test_headers_of_every_answer(client: Client) -> None:
    for path in ("/", "/sources", "/holdings/BTC", "/holdings/NO", "/static/monitor.css"):
        headers = (await client.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'")
        assert "unsafe" not in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        keeps = "immutable" in headers["Cache-Control"]
        assert keeps is (path == "/static/monitor.css"), path


async def test_style_and_icon_are_found_where_the_pages_point(client: Client) -> None:
    page = await text_of(client, "/")
    for kind, start in (("text/css", "/static/monitor.css?v="), ("image/svg+xml", "/static/icon")):
        at = page.index(start)
        response = await client.get(page[at : page.index('"', at)])
        assert response.status == 200
        assert response.content_type == kind
        assert await response.read()


async def test_addresses_that_nobody_has(client: Client) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml"}
    response = await client.get("/nothing", headers=browser)
    assert (response.status, response.content_type) == (404, "text/html")
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Cache-Control"] == "no-store"
    response = await client.get("/nothing")
    assert (response.status, response.content_type) == (404, "application/json")
    allowed = {"Authorization": f"Bearer {TOKEN}"}
    response = await client.get("/v1/nothing", headers={**browser, **allowed})
    assert (response.status, response.content_type) == (404, "application/json")


async def test_the_review_of_the_thresholds_is_on_the_first_page(client: Client, rig: Rig) -> None:
    async with client.get("/") as response:
        assert "3 of 9 gained within 30 days" in await response.text()
    rig.monitor.review = None
    async with client.get("/") as response:
        assert "Thresholds" not in await response.text()
