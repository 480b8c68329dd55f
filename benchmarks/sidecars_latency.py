"""How long a score is waited for while the sidecars poll as fast as settings allow.

All three sidecars in one process, their memory filled as after days of running, on the machine's
own clock. Every source is asked again after one second (where its own rate limit lets it), scores
are made every minute, and a client in a process of its own asks the three score endpoints 200
times a second in all, for the scores of everything. The client keeps to its schedule whatever the
answers do, and a time counts from the moment at which the request was due: a stall of the service
costs every request that falls into it. The same load without the polling is measured before.
"""

import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.sidecar_rig import ASSETS, LAYERS, NAMES, PAIRS, TOKEN, SidecarRig, Sidecars
from sidecars.common.clock import SystemClock
from sidecars.common.layer.events import KeptEvent
from sidecars.common.layer.store import LayerStore
from sidecars.common.moments import ms_of
from sidecars.common.observations import MS_PER_DAY
from sidecars.common.sources import Headline, Transfer
from sidecars.onchain.layer import LAYER as ONCHAIN
from sidecars.sentiment.layer import LAYER as SENTIMENT

GOAL_P99_MS: Final = 20.0
REQUESTS_A_SECOND: Final = 200
SECONDS: Final = 20.0
CONNECTIONS: Final = 32
SLOWEST_SECONDS: Final = 10.0
HISTORY_DAYS: Final = 30
TRANSFERS_A_DAY: Final = 3000
TRANSFER_DAYS: Final = 3
HEADLINES_A_DAY: Final = 600
HEADLINE_DAYS: Final = 9
CATALOGUES: Final = {"sentiment": SENTIMENT.catalogue, "onchain": ONCHAIN.catalogue}
# The storm begins at this second of a minute: scores are made two seconds after the next one.
BEGIN_SECOND: Final = 50
SETTLE_SECONDS: Final = 15.0
CALL: Final = "from benchmarks.sidecars_latency import run_client; run_client()"


@dataclass(frozen=True, slots=True)
class Latency:
    """Of the requests of one run, in ms from the moment each was due."""

    p50_ms: float
    p99_ms: float
    max_ms: float
    sent_late_p99_ms: float
    requests: int

    def __str__(self) -> str:
        return (
            f"{self.requests} requests: p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms, "
            f"max {self.max_ms:.1f} ms (the client itself was late by {self.sent_late_p99_ms:.1f} "
            "ms at the 99th percentile)"
        )


def main() -> int:
    """Measure and print the BENCH line; returns the exit code."""
    with tempfile.TemporaryDirectory() as folder, SidecarRig(Path(folder)) as rig:
        rig.start_surroundings()
        for layer in LAYERS:
            _fill_memory(rig, layer)
        calm = _measured(rig, "without polling", _sections(rig, poll_seconds=86_400.0))
        storm = _measured(rig, "polling storm", _sections(rig, poll_seconds=1.0))
    verdict = "ok" if storm.p99_ms <= GOAL_P99_MS else "short"
    _say(f"the 99th percentile is {storm.p99_ms / calm.p99_ms:.2f} times the one without polling")
    _say(
        f"BENCH sidecars_score_p99_ms value={storm.p99_ms:.2f} unit=ms "
        f"goal=<={GOAL_P99_MS:g} {verdict}"
    )
    return 0


def _sections(rig: SidecarRig, poll_seconds: float) -> dict[str, dict[str, Any]]:
    sections = {name: rig.settings(name) for name in NAMES}
    start_ms = ms_of(SystemClock().now()) - HISTORY_DAYS * MS_PER_DAY
    for layer in LAYERS:
        sections[layer] |= {
            "history_start": f"{datetime.fromtimestamp(start_ms / 1000, UTC):%Y-%m-%d}",
            "record_every_seconds": 60,
            "sources": {key: {"poll_seconds": poll_seconds} for key in CATALOGUES[layer]},
        }
    return sections


def _measured(rig: SidecarRig, name: str, sections: Mapping[str, Mapping[str, Any]]) -> Latency:
    sidecars = rig.start_sidecars(sections)
    time.sleep(SETTLE_SECONDS)
    second = SystemClock().now().second
    time.sleep((BEGIN_SECOND - second) % 60)
    latency = _load(sidecars)
    rig.stage.stop(sidecars.child)
    _say(f"{name}: {latency}")
    return latency


def _load(sidecars: Sidecars) -> Latency:
    finished = subprocess.run(
        [sys.executable, "-c", CALL, json.dumps(dict(sidecars.urls))],
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise RuntimeError(f"the client failed: {finished.stderr.strip().splitlines()[-1]}")
    return Latency(**json.loads(finished.stdout))


def _fill_memory(rig: SidecarRig, layer: str) -> None:
    """As many events as a layer holds after days of running."""
    store = LayerStore(rig.settings(layer)["database_url"])
    now_ms = ms_of(SystemClock().now())
    make, days, a_day = {
        "sentiment": (_headline, HEADLINE_DAYS, HEADLINES_A_DAY),
        "onchain": (_transfer, TRANSFER_DAYS, TRANSFERS_A_DAY),
    }[layer]
    step_ms = MS_PER_DAY // a_day
    store.append([], [make(number, now_ms - step_ms * number) for number in range(days * a_day)])
    store.close()


def _headline(number: int, moment_ms: int) -> KeptEvent:
    asset = ASSETS[number % len(ASSETS)]
    title = f"{asset} moves as traders weigh what comes next, part {number}"
    headline = Headline(f"made-{number}", "made", moment_ms, moment_ms, title, (asset,), 0.1, 1.0)
    return KeptEvent(headline, moment_ms)


def _transfer(number: int, moment_ms: int) -> KeptEvent:
    direction = ("to_exchange", "from_exchange")[number % 2]
    transfer = Transfer(
        f"made-{number}", "made", moment_ms, moment_ms, ASSETS[number % len(ASSETS)], 1e6,
        direction, None, "Binance", "ethereum", f"0x{number:064x}",
    )  # fmt: skip
    return KeptEvent(transfer, moment_ms)


def run_client() -> None:
    """The other process: ask on schedule, print what it took as JSON."""
    urls: dict[str, str] = json.loads(sys.argv[1])
    times = asyncio.run(_ask_on_schedule(urls))
    waited = sorted(done - due for due, _, done in times)
    late = sorted(sent - due for due, sent, _ in times)
    sys.stdout.write(
        json.dumps(
            {
                "p50_ms": 1000 * statistics.median(waited),
                "p99_ms": 1000 * _percentile(waited, 99),
                "max_ms": 1000 * waited[-1],
                "sent_late_p99_ms": 1000 * _percentile(late, 99),
                "requests": len(times),
            }
        )
    )


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


async def _ask_on_schedule(urls: Mapping[str, str]) -> list[tuple[float, float, float]]:
    """(due, sent, answered) of each request, in seconds."""
    ports = {name: int(url.rpartition(":")[2]) for name, url in urls.items()}
    pools = {name: await _Pool.open(port, _request(name)) for name, port in ports.items()}
    start = time.perf_counter() + 0.2
    asking = []
    for number, name in zip(_numbers(), itertools.cycle(sorted(pools)), strict=False):
        due = start + number / REQUESTS_A_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        asking.append(asyncio.create_task(pools[name].ask(due)))
    return await asyncio.gather(*asking)


def _numbers() -> Iterator[int]:
    return iter(range(round(REQUESTS_A_SECOND * SECONDS)))


def _request(name: str) -> bytes:
    query = f"pairs={','.join(PAIRS)}" if name == "confluence" else f"assets={','.join(ASSETS)}"
    return (
        f"GET /v1/scores?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {TOKEN}\r\nAccept: application/json\r\n\r\n"
    ).encode()


class _Pool:
    """Connections that stay open. Raw: the client is to cost little."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._free: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        self._free = asyncio.LifoQueue()

    @classmethod
    async def open(cls, port: int, request: bytes) -> "_Pool":
        pool = cls(request)
        for _ in range(CONNECTIONS):
            pool._free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
        return pool

    async def ask(self, due: float) -> tuple[float, float, float]:
        """(due, sent, answered); anything but a 200 in time ends the benchmark."""
        async with asyncio.timeout(SLOWEST_SECONDS):
            reader, writer = await self._free.get()
            sent = time.perf_counter()
            writer.write(self._request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(f"expected a 200, got {head!r}")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            done = time.perf_counter()
        self._free.put_nowait((reader, writer))
        return due, sent, done


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
