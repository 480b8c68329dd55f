"""A small source with its adapter, and adapters that each make one classic mistake."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from sidecars.common.fetch import RateLimit, parse_json
from sidecars.common.observations import MS_PER_DAY, Reading
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import (
    Batch,
    SourceContext,
    SourceEntry,
    SourceFacts,
    describes_future,
)
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest

FACTS = SourceFacts("plain", ("fear_greed",), 60.0, 3600.0)
Reader = Callable[[bytes, int], Batch]


def answer(request: StandInRequest) -> StandInAnswer:
    """{"data": [{"value": "63", "timestamp": 1722868641}, ...]}, the newest first."""
    count = int(request.query.get("limit", "1"))
    rows = []
    for index in range(count):
        moment_ms = request.now_ms - index * MS_PER_DAY
        value = 50 + 30 * math.sin(moment_ms / MS_PER_DAY)
        rows.append({"value": f"{value:.2f}", "timestamp": moment_ms // 1000})
    return StandInAnswer(orjson.dumps({"data": rows}))


STAND_IN = StandIn("plain", {"/values/": answer})


def read_plain(body: bytes, now_ms: int) -> Batch:
    """The reader that makes no mistake."""
    parsed = parse_json("plain", body)
    rows = parsed.get("data") if isinstance(parsed, dict) else None
    if not isinstance(rows, list):
        raise SourceError("plain: expected a list 'data'", "malformed")
    readings, rejected = [], []
    for row in rows:
        try:
            readings.append(_reading(row, now_ms))
        except ValueError as error:
            rejected.append(f"plain: {' '.join(ascii(str(error)).split())}")
    if not readings:
        raise SourceError("plain: no row is usable", "malformed")
    return Batch(readings, rejected=rejected)


def _reading(row: Any, now_ms: int) -> Reading:
    if not isinstance(row, dict):
        raise ValueError("a row is no object")
    moment, text = row.get("timestamp"), row.get("value")
    if type(moment) is not int or not 0 < moment < 10**11 or not isinstance(text, str):
        raise ValueError("a row has another shape")
    value = float(text) if len(text) < 20 else math.nan
    if not math.isfinite(value) or not 0 <= value <= 100:
        raise ValueError("a value is out of range")
    if describes_future(moment * 1000, now_ms):
        raise ValueError("a value is from the future")
    return Reading("fear_greed", moment * 1000, moment * 1000, value)


class PlainSource:
    """Keeps to Source; `reader` reads what came."""

    facts = FACTS

    def __init__(self, context: SourceContext, reader: Reader) -> None:
        self._context = context
        self._reader = reader

    async def poll(self, now_ms: int) -> Batch:
        return await self._read({"limit": "1"}, now_ms)

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        days = (now_ms - since_ms) // MS_PER_DAY + 1
        return await self._read({"limit": str(days)}, now_ms)

    async def _read(self, params: Mapping[str, str], now_ms: int) -> Batch:
        return self._reader(await self._context.fetcher.body("/values/", params), now_ms)


def entry(make: Callable[[SourceContext], Any]) -> SourceEntry:
    return SourceEntry("plain", FACTS, "https://plain.example", RateLimit(60, 60.0), make)


def entry_reading(reader: Reader) -> SourceEntry:
    return entry(lambda context: PlainSource(context, reader))
