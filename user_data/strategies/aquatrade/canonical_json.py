"""One text for one value: JSON as it is hashed, stored and sent."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import Any


def canonical_json(value: object) -> str:
    """JSON with sorted keys, no blanks, and in ASCII; a number that is none as text ("nan").

    Raises ValueError for what cannot be told in JSON.
    """
    try:
        return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except RecursionError:
        raise ValueError("JSON: nested too deep, or in a circle") from None


def aware(moment: datetime) -> datetime:
    """The moment itself. Raises ValueError if it has no zone."""
    if moment.tzinfo is None:
        raise ValueError(f"moment: got {moment} without a zone, expected an aware one")
    return moment


def _plain(value: object) -> Any:
    """What JSON can say, of dataclasses, sequences, moments and numbers of any kind."""
    # In this order: what is there most is asked first, abstract classes take their time.
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(part) for key, part in value.items()}
    if isinstance(value, datetime):
        return aware(value).astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return number if math.isfinite(number) else str(number)
    if isinstance(value, Decimal):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: _plain(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        parts = [_plain(part) for part in value]
        return sorted(parts, key=repr) if isinstance(value, set | frozenset) else parts
    raise ValueError(
        f"JSON: got {type(value).__name__}, expected a number, text, moment, list or section"
    )
