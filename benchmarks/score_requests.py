"""Requests a second of the score endpoint against a bare aiohttp handler.

Two server processes on loopback: the sidecar's application with years of records of 40 pairs in
memory, and an aiohttp application whose one handler returns the very same bytes. The same client
asks both, turn by turn in the same run, for the latest scores of all 40 pairs, as a bot does at a
candle's close. What is compared is requests a second of the server's own processor time: on a
machine where the client or others take part of the time, the wall clock would flatter the slower
one. The ratio is that of the best turns. Also the 99th percentile of the time of one request at a
time, by the wall clock.
"""

import asyncio
import itertools
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import typer
from aiohttp import web

from sidecars.common.clock import ManualClock
from sidecars.common.http import json_response
from sidecars.common.running import listening, run_until_stopped
from sidecars.confluence.candles import MS_PER_DAY, DailyCandles
from sidecars.confluence.routes import make_app
from sidecars.confluence.settings import ConfluenceSettings
from sidecars.confluence.store import Store
from sidecars.confluence.updater import Updater

GOAL_RATIO = 0.5
GOAL_P99_MS = 20
PAIRS = tuple(f"{name}/USDT" for name in ("BTC", *(f"COIN{number}" for number in range(39))))
DAYS = 1500
FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)
NOW = FIRST_DAY + timedelta(days=DAYS, hours=1)
TOKEN = "benchmark-token-0123456789"
PATH = f"/v1/scores?pairs={','.join(PAIRS)}&at={NOW:%Y-%m-%dT%H:%M:%SZ}"
REQUEST = (
    f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
    "Accept: application/json\r\n\r\n"
).encode()
CONNECTIONS = 8
TURNS = 7
TURN_SECONDS = 1.0
SINGLE_REQUESTS = 1500


class SeededSource:
    """Random walks in place of an exchange."""

    async def daily_candles(self, pair: str, since_ms: int, now_ms: int) -> DailyCandles:
        random = np.random.default_rng(PAIRS.index(pair))
        close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.03, DAYS)))
        opened = np.concatenate([[100.0], close[:-1]])
        high, low = np.maximum(opened, close) * 1.01, np.minimum(opened, close) * 0.99
        times = since_ms + MS_PER_DAY * np.arange(DAYS, dtype=np.int64)
        volume = np.exp(random.normal(10.0, 0.5, DAYS))
        return DailyCandles(times, opened, high, low, close, volume)

    async def close(self) -> None:
        return None


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as servers:
        body = Path(name) / "body.json"
        ours = servers.enter_context(_server("sidecar", body))
        body.write_bytes(_ask(ours))
        bare = servers.enter_context(_server("bare", body))
        turns: dict[int, list[Turn]] = {ours: [], bare: []}
        for _, port in itertools.product(range(TURNS), (ours, bare)):
            turns[port].append(_turn(port))
        p99_ms = _p99_ms(ours)
        size = body.stat().st_size
    best = {port: max(turn.per_cpu_second for turn in each) for port, each in turns.items()}
    ratio = best[ours] / best[bare]
    for name, port in (("sidecar", ours), ("bare handler", bare)):
        wall = max(turn.per_second for turn in turns[port])
        typer.echo(
            f"{name}, {len(PAIRS)} pairs, {size} bytes: {best[port]:.0f} requests a second of "
            f"its processor time, {wall:.0f} a second by the wall clock"
        )
    verdict = "ok" if ratio >= GOAL_RATIO else "short"
    typer.echo(
        f"BENCH score_requests_ratio value={ratio:.3f} unit=ratio goal={GOAL_RATIO} {verdict}"
    )
    verdict = "ok" if p99_ms <= GOAL_P99_MS else "short"
    typer.echo(f"BENCH score_request_p99 value={p99_ms:.2f} unit=ms goal=<={GOAL_P99_MS} {verdict}")


@dataclass(frozen=True, slots=True)
class Turn:
    """How fast one turn went."""

    per_second: float
    per_cpu_second: float


def serve(kind: str, body: str) -> None:
    """The other process: print a port, serve until it is terminated."""
    asyncio.run(_serve_sidecar() if kind == "sidecar" else _serve_bare(Path(body).read_bytes()))


async def _serve_sidecar() -> None:
    settings = ConfluenceSettings.model_validate(
        {"pairs": PAIRS, "history_start": FIRST_DAY.date()}
    )
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/scores.sqlite", "binance")
        updater = Updater(settings, store, SeededSource(), ManualClock(NOW))
        await updater.backfill()
        store.close()
    await _listen(make_app(updater, TOKEN))


async def _serve_bare(body: bytes) -> None:
    async def handle(_: web.Request) -> web.Response:
        return json_response(body)

    app = web.Application()
    app.router.add_get("/v1/scores", handle)
    await _listen(app)


async def _listen(app: web.Application) -> None:
    async def cpu_seconds(_: web.Request) -> web.Response:
        return json_response(str(time.process_time()).encode())

    app.router.add_get("/cpu-seconds", cpu_seconds)
    async with listening(app, "127.0.0.1", 0) as port:
        typer.echo(port)
        sys.stdout.flush()
        await run_until_stopped(asyncio.sleep(3600))


@contextmanager
def _server(kind: str, body: Path) -> Iterator[int]:
    call = "import sys; from benchmarks.score_requests import serve; serve(*sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", call, kind, str(body)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.strip().isdigit():
            raise RuntimeError(f"the {kind} server did not start")
        yield int(line)
    finally:
        process.terminate()
        process.wait()


def _ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        answer = _answer_to(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0] or body.count(b'"as_of"') != len(PAIRS):
        raise RuntimeError(f"the sidecar answered {head!r} with {body[:200]!r}")
    return body


def _turn(port: int) -> Turn:
    """CONNECTIONS requests always under way. Raw sockets: the client is to cost little."""
    cpu_before = _cpu_seconds(port)
    with ExitStack() as opened:
        connections = [
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in range(CONNECTIONS)
        ]
        for connection in connections:
            connection.sendall(REQUEST)
        done, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < TURN_SECONDS:
            for connection in connections:
                _answer(connection)
                connection.sendall(REQUEST)
            done += CONNECTIONS
    return Turn(done / elapsed, done / (_cpu_seconds(port) - cpu_before))


def _cpu_seconds(port: int) -> float:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /cpu-seconds HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        return float(_answer(connection).partition(b"\r\n\r\n")[2])


def _p99_ms(port: int) -> float:
    times = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        _answer_to(connection)
        for _ in range(SINGLE_REQUESTS):
            started = time.perf_counter()
            _answer_to(connection)
            times.append((time.perf_counter() - started) * 1000)
    return statistics.quantiles(times, n=100)[98]


def _answer_to(connection: socket.socket) -> bytes:
    connection.sendall(REQUEST)
    return _answer(connection)


def _answer(connection: socket.socket) -> bytes:
    """One whole answer, head and body."""
    received = connection.recv(1 << 18)
    head_end = received.find(b"\r\n\r\n")
    while head_end < 0:
        received += connection.recv(1 << 18)
        head_end = received.find(b"\r\n\r\n")
    head = received[:head_end].lower()
    length = int(head.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
    parts, missing = [received], head_end + 4 + length - len(received)
    while missing > 0:
        part = connection.recv(1 << 18)
        if not part:
            raise ConnectionError("the server closed the connection in the middle of an answer")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    main()
