"""Asking a web API over real HTTP: what is waited for, what is given up, what is never shown."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from aiohttp import web

from sidecars.common.clock import ManualClock
from sidecars.common.fetch import (
    ATTEMPTS,
    LONGEST_SILENCE_SECONDS,
    MAX_ANSWER_BYTES,
    MOST_REDIRECTS,
    Fetcher,
    RateLimit,
)
from sidecars.common.source_errors import SourceError
from tests.sidecars.common.jumping_clock import JumpingClock
from tests.sidecars.common.scripted_server import Handle, ScriptedServer, said, scripted_server

START = datetime(2024, 8, 5, 14, 37, 21, tzinfo=UTC)
KEY = "s3cret+key/with=signs"
FAST = RateLimit(1000, 1.0)
MakeFetcher = Callable[..., Fetcher]


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock(START)


@pytest.fixture
async def make_fetcher(clock: JumpingClock) -> AsyncIterator[MakeFetcher]:
    async with aiohttp.ClientSession() as session:

        def make(
            server: ScriptedServer | str, limit: RateLimit = FAST, timeout_seconds: float = 10.0
        ) -> Fetcher:
            url = server if isinstance(server, str) else server.url
            return Fetcher(
                "source",
                url,
                session,
                clock,
                limit,
                timeout_seconds=timeout_seconds,
                headers={"X-Api-Key": KEY, "User-Agent": "aquatrade"},
                secrets=[KEY, ""],
            )

        yield make


async def refusal(fetcher: Fetcher, path: str = "/a", **params: str) -> SourceError:
    """The error that the request ends in: one line, without the key in any spelling."""
    with pytest.raises(SourceError) as caught:
        await fetcher.body(path, params)
    text = str(caught.value)
    assert text.startswith("source: ") and "\n" not in text and len(text) < 200
    for piece in ("s3cret", "signs"):
        assert piece not in text
    return caught.value


async def test_an_answer_with_its_query_and_headers(make_fetcher: MakeFetcher) -> None:
    async with scripted_server(said('{"a": [1.5]}')) as server:
        fetcher = make_fetcher(server.url + "/")
        assert await fetcher.json("/v1/x", {"q": "a b&c+d"}) == {"a": [1.5]}
        (request,) = server.requests
        assert request.path == "/v1/x" and dict(request.query) == {"q": "a b&c+d"}
        assert request.headers["X-Api-Key"] == KEY
        assert request.headers["User-Agent"] == "aquatrade"


@pytest.mark.parametrize("written", ["7", format_datetime(START + timedelta(seconds=7), True)])
async def test_a_pause_that_is_asked_for_is_made(
    make_fetcher: MakeFetcher, clock: JumpingClock, written: str
) -> None:
    async with scripted_server(said("", 429, Retry_After=written), said("ok")) as server:
        assert await make_fetcher(server).body("/a") == b"ok"
    assert clock.waited_seconds == pytest.approx(7)


class WatchedClock(ManualClock):
    """Says when somebody sleeps on it."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self.sleeping = asyncio.Semaphore(0)

    async def sleep_until(self, moment: datetime) -> None:
        self.sleeping.release()
        await super().sleep_until(moment)


async def test_a_pause_holds_back_the_other_callers_too() -> None:
    clock = WatchedClock(START)
    async with (
        scripted_server(said("", 429, Retry_After="30"), said("ok")) as server,
        aiohttp.ClientSession() as session,
    ):
        fetcher = Fetcher("source", server.url, session, clock, RateLimit(1, 10.0))
        refused = asyncio.create_task(fetcher.body("/a"))
        await clock.sleeping.acquire()
        other = asyncio.create_task(fetcher.body("/b"))
        await clock.sleeping.acquire()
        await clock.move_to(START + timedelta(seconds=29.9))
        assert len(server.requests) == 1
        await clock.move_to(START + timedelta(seconds=30))
        assert await other == b"ok"
        await clock.sleeping.acquire()
        assert [request.path for request in server.requests] == ["/a", "/b"]
        await clock.move_to(START + timedelta(seconds=40))
        assert await refused == b"ok"


@pytest.mark.parametrize("asked", ["30", "600"])
async def test_of_several_hosts_each_has_its_own_pace(
    make_fetcher: MakeFetcher, clock: JumpingClock, asked: str
) -> None:
    refusing = said("", 429, Retry_After=asked)
    async with (
        scripted_server(refusing) as limited,
        scripted_server(said("ok")) as free,
    ):
        fetcher = make_fetcher("http:", RateLimit(1, 10.0))
        first, second = (each.url.removeprefix("http:") for each in (limited, free))
        with pytest.raises(SourceError):
            await fetcher.body(f"{first}/a")
        before = clock.waited_seconds
        assert await fetcher.body(f"{second}/b") == b"ok"
        assert clock.waited_seconds == before
        assert await fetcher.body(f"{second}/c") == b"ok"
        assert clock.waited_seconds == before + 10


@pytest.mark.parametrize(
    ("status", "kind", "asked", "silent_seconds"),
    [
        (429, "limited", 600, 600.0),
        (503, "unavailable", 120, 120.0),
        (429, "limited", 10**12, LONGEST_SILENCE_SECONDS),
    ],
)
async def test_a_source_that_asks_for_long_silence_is_left_alone(
    make_fetcher: MakeFetcher,
    clock: JumpingClock,
    status: int,
    kind: str,
    asked: int,
    silent_seconds: float,
) -> None:
    refusing = said("", status, Retry_After=str(asked))
    async with scripted_server(refusing, said("ok")) as server:
        fetcher = make_fetcher(server)
        assert (await refusal(fetcher)).kind == kind
        assert clock.waited_seconds == 0
        await clock.sleep_until(START + timedelta(seconds=silent_seconds - 1))
        assert "left alone until" in str(await refusal(fetcher))
        assert len(server.requests) == 1
        await clock.sleep_until(START + timedelta(seconds=silent_seconds))
        assert await fetcher.body("/a") == b"ok"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 429])
async def test_a_short_burst_is_survived_and_a_long_one_is_not(
    make_fetcher: MakeFetcher, clock: JumpingClock, status: int
) -> None:
    failing = said("", status)
    async with scripted_server(*[failing] * (ATTEMPTS - 1), said("ok")) as server:
        assert await make_fetcher(server).body("/a") == b"ok"
        assert len(server.requests) == ATTEMPTS
    # Waits of 0.25 to 0.5, 0.5 to 1 and 1 to 2 seconds.
    assert 1.75 <= clock.waited_seconds <= 3.5
    async with scripted_server(failing) as server:
        error = await refusal(make_fetcher(server))
        assert len(server.requests) == ATTEMPTS
    assert error.kind == ("limited" if status == 429 else "unavailable")
    assert f"HTTP {status}" in str(error)


@pytest.mark.parametrize("status", [201, 204, 304, 400, 401, 403, 404, 418, 451])
async def test_what_will_not_mend_is_asked_once(make_fetcher: MakeFetcher, status: int) -> None:
    async with scripted_server(said("", status)) as server:
        error = await refusal(make_fetcher(server), key=KEY)
        assert len(server.requests) == 1
    assert error.kind == "refused" and str(error) == f"source: HTTP {status}"


async def test_nobody_listens(make_fetcher: MakeFetcher) -> None:
    async with scripted_server(said()) as server:
        url = server.url
    error = await refusal(make_fetcher(url), key=KEY)
    assert error.kind == "unavailable" and "Cannot connect" in str(error)


async def _cut_in_the_body(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_length = 100
    await response.prepare(request)
    await response.write(b'{"a":')
    assert request.transport is not None
    request.transport.close()
    return response


async def _cut_before_the_answer(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize("handle", [_cut_in_the_body, _cut_before_the_answer])
async def test_a_cut_connection(make_fetcher: MakeFetcher, handle: Handle) -> None:
    async with scripted_server(handle, said("ok")) as server:
        assert await make_fetcher(server).body("/a") == b"ok"
    async with scripted_server(handle) as server:
        assert (await refusal(make_fetcher(server))).kind == "unavailable"


async def test_a_body_that_does_not_end(make_fetcher: MakeFetcher) -> None:
    left = asyncio.Event()

    async def dribble(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")
        await left.wait()
        return response

    async with scripted_server(dribble) as server:
        error = await refusal(make_fetcher(server, timeout_seconds=0.05))
        left.set()
    assert error.kind == "unavailable" and "no answer within 0.05 s" in str(error)


async def test_an_answer_that_is_too_large(make_fetcher: MakeFetcher) -> None:
    whole = b"0" * MAX_ANSWER_BYTES
    async with scripted_server(said(whole), said(whole + b"0")) as server:
        fetcher = make_fetcher(server)
        assert len(await fetcher.body("/a")) == MAX_ANSWER_BYTES
        error = await refusal(fetcher)
        assert len(server.requests) == 2
    assert error.kind == "malformed" and "more than 8388608 bytes" in str(error)


async def test_packed_answers_and_a_bomb(make_fetcher: MakeFetcher) -> None:
    packed = gzip.compress(b'{"a":1}')
    bomb = gzip.compress(b"0" * (MAX_ANSWER_BYTES * 4), 9)
    assert len(bomb) < 100_000
    async with scripted_server(
        said(packed, Content_Encoding="gzip"), said(bomb, Content_Encoding="gzip")
    ) as server:
        fetcher = make_fetcher(server)
        assert await fetcher.json("/a") == {"a": 1}
        assert (await refusal(fetcher)).kind == "malformed"


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
async def test_an_answer_that_is_not_packed_as_it_says(
    make_fetcher: MakeFetcher, encoding: str
) -> None:
    async with scripted_server(said(b"\x07garbage", Content_Encoding=encoding)) as server:
        assert (await refusal(make_fetcher(server))).kind == "unavailable"


async def test_a_redirect_on_the_same_host_keeps_the_key(make_fetcher: MakeFetcher) -> None:
    async with scripted_server(said("", 308, Location="/moved?x=1"), said("ok")) as server:
        assert await make_fetcher(server).body("/a") == b"ok"
        assert server.requests[1].path_qs == "/moved?x=1"
        assert server.requests[1].headers["X-Api-Key"] == KEY


async def test_a_redirect_to_another_host_takes_no_key_along(make_fetcher: MakeFetcher) -> None:
    async with scripted_server(said("ok")) as other:
        moved = said("", 302, Location=f"{other.url}/b")
        async with scripted_server(moved) as server:
            assert await make_fetcher(server).body("/a", {"key": KEY}) == b"ok"
        (request,) = other.requests
        assert KEY not in str(request.headers) and "X-Api-Key" not in request.headers
        assert request.headers["User-Agent"] == "aquatrade"
        assert request.path_qs == "/b"


@pytest.mark.parametrize(
    ("location", "complaint"),
    [
        ("http://127.0.0.2:9/b?key=s3cret%2Bkey%2Fwith%3Dsigns", "would take the key"),
        ("http://127.0.0.2:9/s3cret+key/with=signs", "would take the key"),
        ("ftp://127.0.0.1/b", "ftp://127.0.0.1"),
        ("http://[::1/b", "no address"),
        ("http://[::1/?key=s3cret+key/with=signs", "key=***', which is no address"),
        ("http://[::1/?key=s3cret%2Bkey%2Fwith%3Dsigns", "key=***', which is no address"),
        ("http://a:99999/", "no address"),
        ("/a", f"more than {MOST_REDIRECTS} redirects"),
        ("", f"more than {MOST_REDIRECTS} redirects"),
    ],
)
async def test_redirects_that_are_not_followed(
    make_fetcher: MakeFetcher, location: str, complaint: str
) -> None:
    async with scripted_server(said("", 301, Location=location)) as server:
        error = await refusal(make_fetcher(server))
        assert len(server.requests) <= 1 + MOST_REDIRECTS
    assert error.kind == "refused" and complaint in str(error)


@pytest.mark.parametrize("url", ["http://[::1", "no address", "http://127.0.0.1:99999", ""])
async def test_an_address_that_is_none(make_fetcher: MakeFetcher, url: str) -> None:
    assert (await refusal(make_fetcher(url), "/a")).kind == "refused"


async def test_a_key_that_no_header_can_hold(clock: JumpingClock) -> None:
    async with scripted_server(said()) as server, aiohttp.ClientSession() as session:
        key = "s3cret\r\nX-Other: signs"
        headers = {"X-Api-Key": key}
        fetcher = Fetcher(
            "source", server.url, session, clock, FAST, headers=headers, secrets=[key]
        )
        assert (await refusal(fetcher)).kind == "refused"
        assert not server.requests


async def test_concurrent_callers_are_spread_over_the_limit(
    make_fetcher: MakeFetcher, clock: JumpingClock
) -> None:
    async with scripted_server(said("ok")) as server:
        fetcher = make_fetcher(server, RateLimit(5, 60.0))
        await asyncio.gather(*(fetcher.body("/a") for _ in range(12)))
        moments = [(moment - START).total_seconds() for moment in clock.slept_until]
        assert moments == pytest.approx([12.0 * turn for turn in range(1, 12)])
        await clock.sleep_until(START + timedelta(hours=1))
        waits = len(clock.slept_until)
        await fetcher.body("/a")  # nobody waits for turns that nobody took
        assert len(clock.slept_until) == waits
