"""A guard that behaves as a file tells it: python faulty_guard.py PORT MODE_FILE.

Modes: ok (every entry as it is), error, slow (a body that never ends, a byte at a time), silent
(accepts and says nothing), redirect, and answers that are none: broken, empty, page, list, nan,
more, maybe, no_stake, text_stake, other_pair, past, paper.
Every check that it got is appended to MODE_FILE.asked.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

MODE_FILE = Path(sys.argv[2])
APPROVAL: dict[str, Any] = {
    "decision": "APPROVE",
    "reasons": [],
    "reservation": "r-1",
    "expires": "2099-01-01T00:00:00Z",
    "state": "ACTIVE",
    "approval": None,
    "paper": False,
}


def answer_of(mode: str, asked: dict[str, Any]) -> web.Response:
    """What stands in for a good answer to a check."""
    if mode == "error":
        return web.Response(text="out of order", status=500)
    if mode == "redirect":
        raise web.HTTPFound("/health")
    stake = float(asked["stake"])
    good = {**APPROVAL, "bot": asked["bot"], "pair": asked["pair"], "stake": stake}
    texts = {
        "ok": json.dumps(good),
        "broken": json.dumps(good)[:-20],
        "empty": "",
        "page": "<html>welcome to the proxy</html>",
        "list": "[]",
        "nan": json.dumps({**good, "stake": float("nan")}),
        "more": json.dumps({**good, "stake": 10 * stake}),
        "maybe": json.dumps({**good, "decision": "MAYBE"}),
        "no_stake": json.dumps({name: each for name, each in good.items() if name != "stake"}),
        "text_stake": json.dumps({**good, "stake": str(stake)}),
        "other_pair": json.dumps({**good, "pair": "OTHER/USDT"}),
        "past": json.dumps({**good, "expires": "2020-01-01T00:00:00Z"}),
        "paper": json.dumps({**good, "paper": True}),
    }
    return web.Response(text=texts[mode], content_type="application/json")


async def check(request: web.Request) -> web.StreamResponse:
    asked = await request.json()
    mode = (await asyncio.to_thread(MODE_FILE.read_text)).strip()
    await asyncio.to_thread(_note, {"mode": mode, **asked})
    if mode == "silent":
        await asyncio.sleep(300)
    if mode == "slow":
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(3_000):
            await response.write(b" ")
            await asyncio.sleep(0.1)
        return response
    return answer_of(mode, asked)


def _note(asked: dict[str, Any]) -> None:
    with MODE_FILE.with_suffix(".asked").open("a") as file:
        file.write(json.dumps(asked) + "\n")


async def events(request: web.Request) -> web.Response:
    told = await request.json()
    return web.json_response({"stored_until": max(each["seq"] for each in told["events"])})


async def anything(request: web.Request) -> web.Response:
    return web.json_response({})


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/v1/checks", check)
    app.router.add_post("/v1/events", events)
    app.router.add_route("*", "/{path:.*}", anything)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, shutdown_timeout=0.1)
