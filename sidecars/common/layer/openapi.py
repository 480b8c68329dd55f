"""The description of a layer's HTTP interface, served at /openapi.json."""

from collections.abc import Sequence

from sidecars.common.layer.settings import ASSET_PATTERN, MOST_ASSETS
from sidecars.common.layer.store import HISTORY_COLUMNS
from sidecars.common.openapi_parts import (
    ERROR,
    MOMENT,
    SHARE,
    Schema,
    answer,
    get,
    list_of,
    object_of,
    parameter,
    without_token,
)

_MAYBE_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
_STRENGTH: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 100}
_TEXT: Schema = {"type": "string"}


_SUB_SCORE = object_of(
    {
        "name": _TEXT,
        "weight": SHARE,
        "available": {"type": "boolean"},
        "long": _STRENGTH,
        "short": _STRENGTH,
        "effective_long": _STRENGTH,
        "effective_short": _STRENGTH,
        "freshness": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "as_of": _MAYBE_MOMENT,
        "readings": {"type": "object"},
        "reason": _TEXT,
    }
)
_RECORD = object_of(
    {
        "asset": {"type": "string", "pattern": ASSET_PATTERN},
        "as_of": MOMENT,
        "available_at": MOMENT,
        "formula": _TEXT,
        "long": _STRENGTH,
        "short": _STRENGTH,
        "confidence": SHARE,
        "regime": {"type": ["string", "null"]},
        "flags": list_of(_TEXT),
        "reasons": list_of(_TEXT),
        "unavailable": list_of(_TEXT),
        "sub_scores": list_of(_SUB_SCORE),
    }
)
_REFUSALS: Schema = {
    "400": answer("A parameter is wrong; the message says which", ERROR),
    "401": answer("No token, or a wrong one", ERROR),
    "503": answer("Catching up after a start", ERROR),
}
_COLUMN: Schema = list_of({"type": "integer"})


def openapi_document(title: str, version: str, assets: Sequence[str]) -> Schema:
    """The OpenAPI 3.1 document."""
    start = parameter("start", MOMENT, "start <= available_at; from the first if not given")
    end = parameter("end", MOMENT, "available_at < end; to now if not given or later")
    many: Schema = {"type": "string", "example": ",".join(assets)}
    scores = object_of(
        {
            "at": MOMENT,
            "scores": {"type": "object", "additionalProperties": _RECORD},
            "missing": {"type": "object", "additionalProperties": _TEXT},
            "stale": list_of(_TEXT),
        }
    )
    history = object_of(
        {
            "asset": _TEXT,
            "columns": object_of({name: {"type": "array"} for name in HISTORY_COLUMNS}),
            "next": _MAYBE_MOMENT,
        }
    )
    columns = object_of(
        {
            "as_of_ms": _COLUMN,
            "available_at_ms": _COLUMN,
            "value": list_of({"type": "number"}),
            "source": list_of(_TEXT),
        }
    )
    observations = object_of(
        {
            "series": {"type": "object", "additionalProperties": columns},
            "missing": {"type": "object", "additionalProperties": _TEXT},
            "next": {"type": "object", "additionalProperties": MOMENT},
        }
    )
    at = parameter("at", MOMENT, "The moment of knowledge; now if not given or later than now")
    health: Schema = {"type": "object"}
    paths = {
        "/v1/scores": get(
            "The latest score of each asset that was available at a moment",
            {"200": answer("Scores, and why some are missing", scores), **_REFUSALS},
            [parameter("assets", many, f"Up to {MOST_ASSETS}, with commas", required=True), at],
        ),
        "/v1/scores/history": get(
            "A range of one asset's scores in columns, by the moment of availability",
            {
                "200": answer("Columns", history),
                **_REFUSALS,
                "404": answer("An asset that is not configured", ERROR),
            },
            [parameter("asset", {"type": "string"}, "One asset", required=True), start, end],
        ),
        "/v1/observations": get(
            "What the sources told: a range of series in columns",
            {"200": answer("Columns of each series", observations), **_REFUSALS},
            [
                parameter("series", {"type": "string"}, "Names, with commas", required=True),
                start,
                end,
            ],
        ),
        "/v1/assets": get(
            "The configured assets and the series that there are",
            {
                "200": answer(
                    "Names", object_of({"assets": list_of(_TEXT), "series": list_of(_TEXT)})
                ),
                **_REFUSALS,
            },
        ),
        "/health": without_token(
            get(
                "How every source is doing",
                {"200": answer("State", health), "503": answer("Catching up", health)},
            )
        ),
        "/metrics": without_token(
            get(
                "Metrics",
                {"200": {"description": "Prometheus text", "content": {"text/plain": {}}}},
            )
        ),
        "/openapi.json": without_token(get("This document", {"200": answer("OpenAPI", health)})),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "description": "A reader at moment T sees what was available at T, never anything "
            "later.",
        },
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }
