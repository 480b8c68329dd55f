"""The bodies of a layer's answers. Those of the past are read from the store, in threads."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sidecars.common.layer.records import ScoreRecord
from sidecars.common.layer.store import HISTORY_COLUMNS
from sidecars.common.moments import iso_ms
from sidecars.common.observations import Observation

# More rows than these come in further answers: `next` says where to go on.
MOST_ROWS = 20_000


def scores_body(
    at_ms: int,
    records: Mapping[str, ScoreRecord],
    missing: Mapping[str, str],
    stale: Sequence[str],
) -> bytes:
    """{"at", "scores": {asset: record}, "missing": {asset: reason}, "stale": [asset]}."""
    pieces = [orjson.dumps(asset) + b":" + record.body for asset, record in records.items()]
    return b'{"at":%b,"scores":{%b},"missing":%b,"stale":%b}' % (
        orjson.dumps(iso_ms(at_ms)),
        b",".join(pieces),
        orjson.dumps(dict(missing)),
        orjson.dumps(list(stale)),
    )


def history_body(asset: str, rows: Sequence[tuple[Any, ...]]) -> bytes:
    """{"asset", "columns": {name: [...]}, "next": moment or null}; rows: up to MOST_ROWS + 1."""
    shown, following = _cut(rows, [row[1] for row in rows])
    columns = list(zip(*shown, strict=True)) or [()] * len(HISTORY_COLUMNS)
    return orjson.dumps(
        {
            "asset": asset,
            "columns": dict(zip(HISTORY_COLUMNS, columns, strict=True)),
            "next": following,
        }
    )


def observations_body(
    found: Mapping[str, Sequence[Observation]], missing: Mapping[str, str]
) -> bytes:
    """{"series": {name: columns}, "missing": {name: reason}, "next": {name: moment}}."""
    series = {}
    following = {}
    for name, observations in found.items():
        shown, next_moment = _cut(observations, [each.available_at_ms for each in observations])
        if next_moment is not None:
            following[name] = next_moment
        series[name] = {
            "as_of_ms": [each.as_of_ms for each in shown],
            "available_at_ms": [each.available_at_ms for each in shown],
            "value": [each.value for each in shown],
            "source": [each.source for each in shown],
        }
    return orjson.dumps({"series": series, "missing": dict(missing), "next": following})


def _cut(rows: Sequence[Any], available_at_ms: Sequence[int]) -> tuple[Sequence[Any], str | None]:
    """Rows that fit an answer, whole moments only, and the moment of the first that does not."""
    if len(rows) <= MOST_ROWS:
        return rows, None
    next_ms = available_at_ms[MOST_ROWS]
    end = MOST_ROWS
    while end > 0 and available_at_ms[end - 1] == next_ms:
        end -= 1
    if end == 0:
        return rows[:MOST_ROWS], iso_ms(next_ms + 1)
    return rows[:end], iso_ms(next_ms)
