"""Klines a second of the replay exchange: a real process, real HTTP on loopback, 500 candles each.

Two figures: the latest candles of all pairs over and over, as bots ask, and every request another
stretch of history, as a download does.
"""

import asyncio
import itertools
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import orjson
import typer

LATEST_GOAL = 300
# A year of 5m candles of 25 pairs in a minute: 5,256 requests.
HISTORY_GOAL = 88
CANDLES = 500
SECONDS = 5.0
CONNECTIONS = 4
TIMEFRAME = "5m"
TIMEFRAME_MS = 300_000
START_MS = 1_704_067_200_000  # 2024-01-01
HISTORY_MS = 365 * 86_400_000
READY = re.compile(r"ready at http://127\.0\.0\.1:(\d+)")
HEADER = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


async def main_async() -> None:
    exchange = subprocess.Popen(  # noqa: ASYNC220
        [
            sys.executable, "-m", "sidecars.replay", "--port", "0", "--seed", "1",
            "--synthetic-start", "2023-01-01", "--synthetic-end", "2025-01-01",
            "--start", "2024-12-31",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert exchange.stdout is not None
        ready = READY.search(exchange.stdout.readline())
        if ready is None:
            raise RuntimeError("the replay exchange did not start")
        port = int(ready[1])
        symbols = await _symbols(port)
        latest = itertools.cycle(_path(symbol, None) for symbol in symbols)
        await _rate(port, latest, seconds=1.0)
        await _report("replay_klines_per_second", port, latest, LATEST_GOAL)
        await _report("replay_klines_history_per_second", port, _history(symbols), HISTORY_GOAL)
    finally:
        exchange.terminate()
        exchange.wait()


async def _report(name: str, port: int, paths: Iterator[bytes], goal: int) -> None:
    rate = await _rate(port, paths, SECONDS)
    verdict = "ok" if rate >= goal else "short"
    typer.echo(f"BENCH {name} value={rate:.0f} unit=req/s goal={goal} {verdict}")


def _path(symbol: str, start_ms: int | None) -> bytes:
    path = f"/api/v3/klines?symbol={symbol}&interval={TIMEFRAME}&limit={CANDLES}"
    return (path if start_ms is None else f"{path}&startTime={start_ms}").encode()


def _history(symbols: list[str]) -> Iterator[bytes]:
    """Each pair's year from its start, pair after pair, as a download asks; then from the front."""
    step_ms = CANDLES * TIMEFRAME_MS
    starts = range(START_MS, START_MS + HISTORY_MS - step_ms, step_ms)
    return itertools.cycle(_path(symbol, start) for symbol in symbols for start in starts)


async def _rate(port: int, paths: Iterator[bytes], seconds: float) -> float:
    """Requests answered a second over a few keep-alive connections."""
    started = time.perf_counter()
    counts = await asyncio.gather(
        *(_ask(port, paths, started + seconds) for _ in range(CONNECTIONS))
    )
    return sum(counts) / (time.perf_counter() - started)


async def _ask(port: int, paths: Iterator[bytes], until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    count = 0
    while time.perf_counter() < until:
        body = await _get(reader, writer, next(paths))
        # The candles are all there: rows open with a bracket, and nothing else does.
        if body.count(b"[") != CANDLES + 1:
            raise RuntimeError(f"expected {CANDLES} candles, got {body[:200]!r}")
        count += 1
    writer.close()
    return count


async def _get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: bytes) -> bytes:
    writer.write(HEADER % path)
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    if not head.startswith(b"HTTP/1.1 200") or length is None:
        raise RuntimeError(f"expected 200, got {head[:200]!r}")
    return await reader.readexactly(int(length[1]))


async def _symbols(port: int) -> list[str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    markets = orjson.loads(await _get(reader, writer, b"/api/v3/exchangeInfo"))
    writer.close()
    return [market["symbol"] for market in markets["symbols"]]


def main() -> int:
    asyncio.run(main_async())
    return 0


if __name__ == "__main__":
    sys.exit(main())
