"""A score sidecar that behaves as a file tells it: python scripted_scores.py PORT MODE_FILE.

Modes: ok (every pair scores 80), slow (a body that never ends, a byte at a time), garbage, error.
"""

import asyncio
import sys
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web


def score(pair: str, at: datetime) -> dict[str, object]:
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "pair": pair,
        "as_of": midnight.isoformat(),
        "available_at": midnight.isoformat(),
        "total": 80.0,
        "zone": "MODERATE_BUY",
        "vetoed": False,
        "confidence": 0.8,
        "percentile": None,
        "parts": {},
        "reasons": ["scripted"],
        "unavailable": [],
    }


async def scores(request: web.Request) -> web.StreamResponse:
    mode = await asyncio.to_thread(Path(sys.argv[2]).read_text)
    if mode == "garbage":
        return web.Response(text='{"scores": {"BTC/USDT": {"total": NaN', status=200)
    if mode == "error":
        return web.Response(text="out of order", status=500)
    if mode == "slow":
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(3_000):
            await response.write(b" ")
            await asyncio.sleep(0.1)
        return response
    at = datetime.fromisoformat(request.query["at"]) + timedelta(0)
    pairs = request.query["pairs"].split(",")
    return web.json_response(
        {"at": at.isoformat(), "scores": {p: score(p, at) for p in pairs}, "missing": {}}
    )


if __name__ == "__main__":
    app = web.Application()
    app.router.add_get("/v1/scores", scores)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
