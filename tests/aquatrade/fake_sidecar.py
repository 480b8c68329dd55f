"""A score sidecar for tests: real HTTP on a free port, answers as its API does, and misbehaves."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aquatrade.score_records import COLUMNS, PARTS, ScoreRecord, iso_moment, moment_ms

TOKEN = "token-of-the-fake"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def score_record(
    pair: str = "BTC/USDT", available_at_ms: int = 0, total: float = 66.0, **changes: Any
) -> ScoreRecord:
    """A plausible record: as of its own moment unless `changes` say otherwise."""
    values: dict[str, Any] = {
        "as_of_ms": available_at_ms,
        "confidence": 0.75,
        "technical": 22.0,
        "momentum": 19.0,
        "regime": 20.0,
        "sentiment": 5.0,
        "percentile": 81.0,
        "vetoed": False,
    }
    return ScoreRecord(
        pair=pair, available_at_ms=available_at_ms, total=total, **(values | changes)
    )


def record_as_sent(record: ScoreRecord) -> dict[str, Any]:
    """The record in the sidecar's JSON."""
    return {
        "pair": record.pair,
        "as_of": iso_moment(record.as_of_ms),
        "available_at": iso_moment(record.available_at_ms),
        "total": record.total,
        "zone": "WAIT",
        "vetoed": record.vetoed,
        "confidence": record.confidence,
        "percentile": record.percentile,
        "parts": {part: {"points": getattr(record, part)} for part in PARTS},
        "reasons": ["for a test"],
        "unavailable": [],
    }


@dataclass
class FakeSidecar:
    """What the server answers. Change the fields while it runs."""

    url: str = ""
    records: list[ScoreRecord] = field(default_factory=list)
    delay_seconds: float = 0.0
    drip_seconds: float | None = None  # the body, one byte at a time
    drip_headers: bool = False
    body: bytes | None = None  # sent in place of the answer
    status: int = 200
    formula: str = "formula-1"
    change: Callable[[dict[str, Any]], None] | None = None  # applied to the answer
    requests: list[str] = field(default_factory=list)

    def answer(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        if path == "/health":
            return {"status": "ok", "formula": self.formula}
        if path == "/v1/pairs":
            return {"pairs": sorted({record.pair for record in self.records})}
        if path == "/v1/scores/history":
            return self._history(query)
        at_ms = moment_ms(query["at"], "at")
        scores: dict[str, Any] = {}
        missing: dict[str, str] = {}
        for pair in query["pairs"].split(","):
            known = [r for r in self.records if r.pair == pair and r.available_at_ms <= at_ms]
            if known:
                scores[pair] = record_as_sent(max(known, key=lambda r: r.as_of_ms))
            else:
                missing[pair] = "no score available by then"
        return {"at": query["at"], "scores": scores, "missing": missing}

    def _history(self, query: dict[str, str]) -> dict[str, Any]:
        start_ms, end_ms = (moment_ms(query[name], name) for name in ("start", "end"))
        own = sorted(
            (r for r in self.records if r.pair == query["pair"] and r.available_at_ms < end_ms),
            key=lambda r: r.available_at_ms,
        )
        lead = [r for r in own if r.available_at_ms < start_ms][-1:]
        chosen = lead + [r for r in own if r.available_at_ms >= start_ms]
        return {
            "pair": query["pair"],
            "columns": {name: [getattr(r, name) for r in chosen] for name in COLUMNS},
        }


@contextmanager
def running_sidecar() -> Iterator[FakeSidecar]:
    """A FakeSidecar that serves on 127.0.0.1 until the block ends."""
    fake = FakeSidecar()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            fake.requests.append(self.path)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._send(401, b'{"error": "bad token"}')
                return
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            time.sleep(fake.delay_seconds)
            answer = fake.answer(parts.path, query)
            if fake.change is not None:
                fake.change(answer)
            body = fake.body if fake.body is not None else json.dumps(answer).encode()
            self._send(fake.status, body)

        def _send(self, status: int, body: bytes) -> None:
            try:
                if fake.drip_headers:
                    self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if fake.drip_seconds is None:
                    self.wfile.write(body)
                else:
                    self._drip(body)
            except OSError:
                return  # the client has gone, as it should

        def _drip(self, content: bytes) -> None:
            for byte in content:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(fake.drip_seconds or 0.02)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        fake.delay_seconds = 0.0
        server.shutdown()
        server.server_close()
        thread.join()
