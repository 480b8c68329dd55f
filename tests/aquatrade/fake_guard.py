"""A guard for tests: real HTTP on a free port, answers as its API does, and misbehaves."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GUARD_TOKEN = "token-of-the-guard"


@dataclass
class FakeGuard:
    """What the server answers. Change the fields while it runs."""

    url: str = ""
    decision: str = "APPROVE"
    share: float = 1.0  # of the stake that was asked for
    change: Callable[[dict[str, Any]], None] | None = None  # applied to the answer of a check
    body: bytes | None = None  # sent in place of any answer
    status: int = 200
    delay_seconds: float = 0.0
    drip_head: bool = False
    drip_body: bool = False
    checks: list[dict[str, Any]] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    events: dict[int, dict[str, Any]] = field(default_factory=dict)
    batches: list[list[int]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)

    def answer(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        if path == "/v1/events":
            seqs = [one["seq"] for one in content["events"]]
            self.batches.append(seqs)
            self.events |= {one["seq"]: one for one in content["events"]}
            return {"stored_until": max(seqs)}
        if path.endswith("/release"):
            self.released.append(path.split("/")[3])
            return {}
        self.checks.append(content)
        return self._verdict(content)

    def _verdict(self, content: dict[str, Any]) -> dict[str, Any]:
        is_refused = self.decision == "REJECT"
        text = f"said {self.decision}"
        answer: dict[str, Any] = {
            "decision": self.decision,
            "stake": 0.0 if is_refused else content["stake"] * self.share,
            "reasons": [{"rule": "exposure", "decision": self.decision, "text": text,
                         "value": 63.1, "limit": 60.0}],
            "reservation": None if is_refused else f"r-{len(self.checks)}",
            "expires": None if is_refused else "2099-01-01T00:00:00Z",
            "state": "ACTIVE",
            "approval": None,
            "bot": content["bot"],
            "pair": content["pair"],
            "paper": content["dry_run"],
        }  # fmt: skip
        if self.change is not None:
            self.change(answer)
        return answer


@contextmanager
def running_guard() -> Iterator[FakeGuard]:
    """A FakeGuard that serves on 127.0.0.1 until the block ends."""
    fake = FakeGuard()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            fake.tokens.add(self.headers.get("Authorization"))
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(fake.delay_seconds)
            answer = json.dumps(fake.answer(self.path, content)).encode()
            self._send(fake.status, answer if fake.body is None else fake.body)

        def _send(self, status: int, body: bytes) -> None:
            try:
                if fake.drip_head:
                    self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self._drip(body) if fake.drip_body else self.wfile.write(body)
            except OSError:
                return  # the client has gone, as it should

        def _drip(self, content: bytes) -> None:
            for byte in content:
                if not (fake.drip_head or fake.drip_body):
                    return
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.02)

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
        fake.delay_seconds, fake.drip_head, fake.drip_body = 0.0, False, False
        server.shutdown()
        server.server_close()
        thread.join()
