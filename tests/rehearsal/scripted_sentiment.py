"""A sentiment sidecar that tells what a file says: python scripted_sentiment.py PORT FILE.

The file: {"as_of": ISO moment, "flags": [...]}.
"""

import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path

from aiohttp import web

from tests.sidecars.guard.scripted_sentiment import answer_of


async def scores(_: web.Request) -> web.Response:
    told = json.loads(await asyncio.to_thread(Path(sys.argv[2]).read_text))
    return web.json_response(answer_of(datetime.fromisoformat(told["as_of"]), *told["flags"]))


if __name__ == "__main__":
    app = web.Application()
    app.router.add_get("/v1/scores", scores)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
