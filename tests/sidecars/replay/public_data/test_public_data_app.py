"""The stand-ins' server over real HTTP: answers, faults on demand, and its control API."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from sidecars.common.clock import ManualClock
from sidecars.common.running import listening
from sidecars.replay.public_data.app import create_app
from sidecars.replay.public_data.faults import MOST_FAULTS, Fault, FaultBook
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest

START = datetime(2024, 8, 5, 14, 37, 21, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
DAY_MS = 86_400_000


def echo(request: StandInRequest) -> StandInAnswer:
    asset = request.match.get("asset", "")
    agent = request.headers.get("User-Agent", "")
    body = f'{{"now":{request.now_ms},"path":"{request.path}","asset":"{asset}",' + (
        f'"limit":"{request.query.get("limit", "")}","agent":"{agent}"}}'
    )
    return StandInAnswer(body.encode())


def feed(request: StandInRequest) -> StandInAnswer:
    return StandInAnswer(b"<rss></rss>", "application/rss+xml; charset=utf-8", 203)


ECHO = StandIn("echo", {"/v1/{asset}": echo, "//{host}/{path:.*}": feed})
OTHER = StandIn("other", {"/v1/{asset}": echo})


@dataclass
class Rig:
    session: aiohttp.ClientSession
    url: str
    clock: ManualClock

    async def get(self, path: str, **keywords: Any) -> tuple[int, str]:
        async with self.session.get(self.url + path, **keywords) as response:
            return response.status, await response.text()

    async def fault(self, **fault: Any) -> tuple[int, dict[str, Any]]:
        async with self.session.post(f"{self.url}/control/faults", json=fault) as response:
            return response.status, await response.json()

    async def faults(self, query: str = "") -> list[dict[str, Any]]:
        async with self.session.get(f"{self.url}/control/faults{query}") as response:
            found: list[dict[str, Any]] = (await response.json())["faults"]
            return found


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    clock = ManualClock(START)
    app = create_app([ECHO, OTHER], clock)
    async with listening(app, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        yield Rig(session, f"http://127.0.0.1:{port}", clock)


async def test_a_stand_in_sees_the_request_and_the_clock(rig: Rig) -> None:
    headers = {"User-Agent": "aquatrade"}
    async with rig.session.get(f"{rig.url}/echo/v1/BTC?limit=7", headers=headers) as response:
        assert response.content_type == "application/json"
        assert await response.json() == {
            "now": START_MS,
            "path": "/v1/BTC",
            "asset": "BTC",
            "limit": "7",
            "agent": "aquatrade",
        }
    await rig.clock.move_to(START + timedelta(hours=1))
    assert f'"now":{START_MS + 3_600_000}' in (await rig.get("/echo/v1/ETH"))[1]


async def test_status_and_type_of_an_answer_and_a_path_with_a_host(rig: Rig) -> None:
    async with rig.session.get(f"{rig.url}/echo//feeds.example/rss/all") as response:
        assert response.status == 203 and await response.text() == "<rss></rss>"
        assert response.headers["Content-Type"] == "application/rss+xml; charset=utf-8"


async def test_health_and_what_is_not_there(rig: Rig) -> None:
    async with rig.session.get(f"{rig.url}/health") as response:
        assert await response.json() == {
            "status": "ok",
            "now": "2024-08-05T14:37:21Z",
            "sources": ["echo", "other"],
            "faults": 0,
        }
    assert (await rig.get("/echo/v2/BTC"))[0] == 404


async def test_a_fault_is_met_as_often_as_it_says(rig: Rig) -> None:
    status, told = await rig.fault(source="echo", kind="server_error", count=2, status=502)
    assert status == 201 and told["left"] == 2 and told["number"] == 1
    assert (await rig.get("/other/v1/BTC"))[0] == 200
    assert [(await rig.get("/echo/v1/BTC"))[0] for _ in range(3)] == [502, 502, 200]
    assert await rig.faults() == []


async def test_faults_stand_in_a_row_and_can_be_taken_back(rig: Rig) -> None:
    await rig.fault(source="*", kind="html")
    await rig.fault(source="echo", kind="empty", count=None)
    await rig.fault(source="other", kind="empty", count=None)
    assert "502 Bad Gateway" in (await rig.get("/echo/v1/BTC"))[1]
    assert [(await rig.get("/echo/v1/BTC"))[1] for _ in range(2)] == ["{}", "{}"]
    (standing,) = await rig.faults("?source=echo")
    assert standing["met"] == 2 and standing["left"] is None
    async with rig.session.delete(f"{rig.url}/control/faults?source=echo") as response:
        assert await response.json() == {"deleted": 1}
    assert [each["source"] for each in await rig.faults()] == ["other"]
    async with rig.session.delete(f"{rig.url}/control/faults") as response:
        assert await response.json() == {"deleted": 1}
    assert await rig.faults() == []


@pytest.mark.parametrize(("written", "expected"), [("seconds", "90"), ("none", None)])
async def test_too_many_requests(rig: Rig, written: str, expected: str | None) -> None:
    fault = {"source": "echo", "kind": "rate_limited", "retry_after_seconds": 90}
    await rig.fault(**fault, retry_after=written)
    async with rig.session.get(f"{rig.url}/echo/v1/BTC") as response:
        assert response.status == 429 and response.headers.get("Retry-After") == expected


async def test_too_many_requests_until_a_moment_of_the_clock(rig: Rig) -> None:
    await rig.fault(source="echo", kind="rate_limited", retry_after="date", retry_after_seconds=90)
    async with rig.session.get(f"{rig.url}/echo/v1/BTC") as response:
        moment = parsedate_to_datetime(response.headers["Retry-After"])
    assert moment == START + timedelta(seconds=90)


@pytest.mark.parametrize(("kind", "shift_ms"), [("from_future", DAY_MS), ("yesterday", -DAY_MS)])
async def test_answers_of_another_day(rig: Rig, kind: str, shift_ms: int) -> None:
    await rig.fault(source="echo", kind=kind)
    status, text = await rig.get("/echo/v1/BTC")
    assert status == 200 and f'"now":{START_MS + shift_ms}' in text


async def test_a_body_that_dribbles(rig: Rig) -> None:
    await rig.fault(source="echo", kind="slow_body", seconds=30.0)
    async with rig.session.get(f"{rig.url}/echo/v1/BTC") as response:
        assert response.status == 200
        assert await response.content.readexactly(1) == b"{"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(response.read(), 0.15)
    await rig.fault(source="echo", kind="slow_body", seconds=0.05)
    assert (await rig.get("/echo/v1/BTC"))[1].endswith("}")


async def test_no_answer_and_a_cut_connection(rig: Rig) -> None:
    await rig.fault(source="echo", kind="no_answer", seconds=30.0)
    with pytest.raises(TimeoutError):
        await rig.get("/echo/v1/BTC", timeout=aiohttp.ClientTimeout(total=0.1))
    # Of any count: on a connection that was used before, aiohttp itself asks once more.
    for kind in ("no_answer", "disconnect"):
        await rig.fault(source="echo", kind=kind, seconds=0.01, count=None)
        with pytest.raises(aiohttp.ClientConnectionError):
            await rig.get("/echo/v1/BTC")
        await rig.session.delete(f"{rig.url}/control/faults")


async def test_a_server_that_stops_lets_hanging_requests_go() -> None:
    book = FaultBook()
    book.add(Fault(source="echo", kind="slow_body", seconds=600.0))
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as session:
        async with listening(create_app([ECHO], ManualClock(START), book), "127.0.0.1", 0) as port:
            response = await session.get(f"http://127.0.0.1:{port}/echo/v1/BTC")
            stopping_seconds = loop.time()
        assert loop.time() - stopping_seconds < 3
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"source": "nobody", "kind": "html"}, "expected * or one of echo, other, got 'nobody'"),
        ({"source": "echo", "kind": "sleepy"}, "kind: Input should be 'rate_limited'"),
        ({"source": "echo", "kind": "html", "count": 0}, "count: Input should be greater"),
        ({"source": "echo", "kind": "html", "count": "2"}, "count: Input should be a valid"),
        ({"source": "echo", "kind": "html", "often": 2}, "often: Extra inputs"),
        ({"source": "echo"}, "kind: Field required"),
        ({"source": "a b", "kind": "html"}, "source: String should match"),
    ],
)
async def test_a_fault_that_is_none(rig: Rig, fault: dict[str, Any], complaint: str) -> None:
    status, told = await rig.fault(**fault)
    assert status == 400 and complaint in told["error"]


async def test_the_book_has_an_end(rig: Rig) -> None:
    for _ in range(MOST_FAULTS):
        status, told = await rig.fault(source="echo", kind="html")
        assert status == 201
    status, told = await rig.fault(source="echo", kind="html")
    assert status == 409 and "1000 faults are in force already" in told["error"]


async def test_a_web_page_elsewhere_cannot_reach_the_control_api(rig: Rig) -> None:
    assert (await rig.get("/control/faults", headers={"Host": "evil.example"}))[0] == 403
    plain = {"Content-Type": "text/plain"}
    url = f"{rig.url}/control/faults"
    async with rig.session.post(url, data="{}", headers=plain) as response:
        assert response.status == 415


def test_two_stand_ins_of_one_key_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one a key, got several of echo"):
        create_app([ECHO, ECHO], ManualClock(START))
