import asyncio
import os
import signal

import pytest
from aiohttp import ClientSession, web

from sidecars.common.running import listening, run_until_stopped


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_work_and_waits_for_it(number: signal.Signals) -> None:
    cleaned = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append(True)

    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), number)
    assert await run_until_stopped(work())
    assert cleaned == [True]


async def test_work_that_ends_or_fails_says_so() -> None:
    async def end() -> None:
        return None

    async def fail() -> None:
        raise ConnectionError("gone")

    assert not await run_until_stopped(end())
    with pytest.raises(ConnectionError, match="gone"):
        await run_until_stopped(fail())


async def test_listening_on_a_free_port_and_on_a_taken_one() -> None:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    def app() -> web.Application:
        made = web.Application()
        made.router.add_get("/", hello)
        return made

    async with listening(app(), "127.0.0.1", 0) as port, ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/") as response:
            assert await response.text() == "hello"
        with pytest.raises(OSError, match="address already in use"):
            async with listening(app(), "127.0.0.1", port):
                pass
