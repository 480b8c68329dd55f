"""Thousands of requests that no client should send, against a service that runs."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

CONNECTIONS = 8
_SCRAPS = (
    "BTC", "BTC/USDT", "btc", "", ",", "BTC,", "ETH,BTC", "%", "%zz", "\x00", "\n", "\r\n\r\n", "é",
    "💥",
    "../../etc/passwd", "' OR 1=1 --", "{}", "[]", "null", "NaN", "-1", "1e400", "0", "1", "2",
    "2024-03-01T00:00:00Z", "2024-03-01", "2024-13-41T00:00:00Z", "9999-12-31T23:59:59Z", "now",
    "0001-01-01T00:00:00+14:00", "fear_greed", "fear_greed:B", "a:b:c", "A" * 300, "," * 300,
)  # fmt: skip
_NAMES = (
    "assets",
    "asset",
    "pairs",
    "pair",
    "at",
    "start",
    "end",
    "lead",
    "series",
    "x",
    "",
    "at ",
)
_METHODS = ("GET", "GET", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW", "get")


@dataclass(slots=True)
class Storm:
    """What came back. unwell: what must not happen, in words."""

    statuses: Counter[int] = field(default_factory=Counter)
    unwell: list[str] = field(default_factory=list)
    closed: int = 0


async def storm(port: int, token: str, paths: Sequence[str], count: int, seed: int) -> Storm:
    """Send `count` odd requests; every answer is checked."""
    result = Storm()
    shares = [range(number, count, CONNECTIONS) for number in range(CONNECTIONS)]
    await asyncio.gather(*(_share(port, token, paths, share, seed, result) for share in shares))
    return result


async def _share(
    port: int, token: str, paths: Sequence[str], share: range, seed: int, result: Storm
) -> None:
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for number in share:
        chance = random.Random(f"{seed}/{number}")
        if connection is None:
            connection = await asyncio.open_connection("127.0.0.1", port)
        raw, is_head = _request(chance, token, paths)
        try:
            async with asyncio.timeout(10):
                connection[1].write(raw)
                await connection[1].drain()
                keep = await _read(connection[0], is_head, raw, result)
        except TimeoutError:
            result.unwell.append(f"no answer within 10 s: {raw[:200]!r}")
            keep = False
        except (ConnectionError, asyncio.IncompleteReadError):
            result.closed += 1
            keep = False
        if not keep:
            connection[1].close()
            connection = None
    if connection is not None:
        connection[1].close()


def _request(chance: random.Random, token: str, paths: Sequence[str]) -> tuple[bytes, bool]:
    if chance.random() < 0.05:
        return chance.randbytes(chance.randint(1, 200)) + b"\r\n\r\n", False
    method = chance.choice(_METHODS)
    path = chance.choice(paths)
    if chance.random() < 0.1:
        path += chance.choice(("/", "/x", "//", "%2f", "?", "#", ";x=1"))
    query = "&".join(
        f"{quote(chance.choice(_NAMES))}={_value(chance)}" for _ in range(chance.randint(0, 4))
    )
    headers = ["Host: 127.0.0.1"]
    if chance.random() < 0.9:
        headers.append(f"Authorization: Bearer {token}")
    else:
        odd = chance.choice(("", "Bearer", "Bearer x", "Basic eA==", "Bearer " + "y" * 900))
        headers.append(f"Authorization: {odd}")
    body = b""
    if method in ("POST", "PUT") or chance.random() < 0.05:
        body = chance.randbytes(chance.choice((0, 1, 100, 30_000)))
        headers.append(f"Content-Length: {len(body)}")
        headers.append(f"Content-Type: {chance.choice(('application/json', 'text/plain', 'x'))}")
    head = f"{method} {path}{'?' if query else ''}{query} HTTP/1.1\r\n" + "\r\n".join(headers)
    return head.encode() + b"\r\n\r\n" + body, method == "HEAD"


def _value(chance: random.Random) -> str:
    text = ",".join(chance.choice(_SCRAPS) for _ in range(chance.randint(1, 3)))
    if chance.random() < 0.2:
        letters = list(text)
        chance.shuffle(letters)
        text = "".join(letters)
    return quote(text, safe="%," if chance.random() < 0.2 else "") or "="


async def _read(reader: asyncio.StreamReader, is_head: bool, raw: bytes, result: Storm) -> bool:
    """Read one answer; whether the connection can be used again."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split()[1])
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    length = int(headers.get("content-length", "0"))
    body = b"" if is_head else await reader.readexactly(length)
    result.statuses[status] += 1
    if status >= 500:
        result.unwell.append(f"HTTP {status} for {raw[:300]!r}")
    elif "json" in headers.get("content-type", "") and not is_head:
        _check_body(status, body, raw, result)
    return headers.get("connection", "keep-alive").lower() != "close" and status != 413


def _check_body(status: int, body: bytes, raw: bytes, result: Storm) -> None:
    try:
        content = json.loads(body)
    except ValueError:
        result.unwell.append(f"not JSON: {body[:100]!r} for {raw[:200]!r}")
        return
    if status >= 400:
        error = content.get("error", {})
        line = error.get("message", "")
        if not error.get("code") or not line or "\n" in line or "Traceback" in line:
            result.unwell.append(f"no clear line: {body[:200]!r} for {raw[:200]!r}")
    for record in content.get("scores", {}).values() if isinstance(content, dict) else ():
        if record["as_of"] > content["at"] or record["available_at"] > content["at"]:
            result.unwell.append(f"a score from the future: {body[:200]!r} for {raw[:200]!r}")
