"""Values of stand-ins: smooth, repeatable functions of the moment. Pure."""

import math
import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from sidecars.replay.public_data.model import StandInAnswer

HOUR_MS = 3_600_000
# Period in hours and weight of each wave: months, days, and hours for the alarms to look at.
WAVES = ((1_870.0, 0.50), (211.0, 0.30), (31.0, 0.15), (3.7, 0.05))


def wave(seed: str, moment_ms: int) -> float:
    """Between -1 and 1, the same for the same seed and moment, changing by little in an hour."""
    hours = moment_ms / HOUR_MS
    total = 0.0
    for place, (period_hours, weight) in enumerate(WAVES):
        phase = zlib.crc32(f"{seed}/{place}".encode()) / 2**32
        total += weight * math.sin(2 * math.pi * (hours / period_hours + phase))
    return total


def value_between(seed: str, moment_ms: int, low: float, high: float) -> float:
    """A smooth value between low and high."""
    return low + (high - low) * (wave(seed, moment_ms) + 1) / 2


def json_answer(content: object, status: int = 200) -> StandInAnswer:
    """An answer of JSON."""
    return StandInAnswer(body=orjson.dumps(content), status=status)


def header_of(headers: Mapping[str, str], name: str) -> str:
    """A header whatever its case; empty where it is not there."""
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")


def whole_number_of(query: Mapping[str, Any], name: str, default: int) -> int:
    """A whole number from a query; the default where it is missing or none."""
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 15 else default
