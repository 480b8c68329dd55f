"""The description of a layer's HTTP interface, served at /openapi.json."""

from collections.abc import Sequence
from typing import Any

from sidecars.common.layer.settings import ASSET_PATTERN, MOST_ASSETS
from sidecars.common.layer.store import HISTORY_COLUMNS

Schema = dict[str, Any]

_MOMENT: Schema = {"type": "string", "format": "date-time", "example": "2024-03-01T00:00:00Z"}
_MAYBE_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
_STRENGTH: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 100}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_TEXT: Schema = {"type": "string"}


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _answer(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _parameter(name: str, schema: Schema, description: str, *, required: bool = False) -> Schema:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "schema": schema,
        "description": description,
    }


_SUB_SCORE = _object(
    {
        "name": _TEXT,
        "weight": _SHARE,
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
_RECORD = _object(
    {
        "asset": {"type": "string", "pattern": ASSET_PATTERN},
        "as_of": _MOMENT,
        "available_at": _MOMENT,
        "formula": _TEXT,
        "long": _STRENGTH,
        "short": _STRENGTH,
        "confidence": _SHARE,
        "regime": {"type": ["string", "null"]},
        "flags": _list(_TEXT),
        "reasons": _list(_TEXT),
        "unavailable": _list(_TEXT),
        "sub_scores": _list(_SUB_SCORE),
    }
)
_ERROR = _object({"error": _object({"code": _TEXT, "message": _TEXT})})
_REFUSALS: Schema = {
    "400": _answer("A parameter is wrong; the message says which", _ERROR),
    "401": _answer("No token, or a wrong one", _ERROR),
    "503": _answer("Catching up after a start", _ERROR),
}
_COLUMN: Schema = _list({"type": "integer"})


def _get(summary: str, answers: Schema, parameters: list[Schema] | None = None) -> Schema:
    return {"get": {"summary": summary, "parameters": parameters or [], "responses": answers}}


def _open(path: Schema) -> Schema:
    """A path that asks for no token."""
    return {"get": {**path["get"], "security": []}}


def openapi_document(title: str, version: str, assets: Sequence[str]) -> Schema:
    """The OpenAPI 3.1 document."""
    start = _parameter("start", _MOMENT, "start <= available_at; from the first if not given")
    end = _parameter("end", _MOMENT, "available_at < end; to now if not given or later")
    many: Schema = {"type": "string", "example": ",".join(assets)}
    scores = _object(
        {
            "at": _MOMENT,
            "scores": {"type": "object", "additionalProperties": _RECORD},
            "missing": {"type": "object", "additionalProperties": _TEXT},
            "stale": _list(_TEXT),
        }
    )
    history = _object(
        {
            "asset": _TEXT,
            "columns": _object({name: {"type": "array"} for name in HISTORY_COLUMNS}),
            "next": _MAYBE_MOMENT,
        }
    )
    columns = _object(
        {
            "as_of_ms": _COLUMN,
            "available_at_ms": _COLUMN,
            "value": _list({"type": "number"}),
            "source": _list(_TEXT),
        }
    )
    observations = _object(
        {
            "series": {"type": "object", "additionalProperties": columns},
            "missing": {"type": "object", "additionalProperties": _TEXT},
            "next": {"type": "object", "additionalProperties": _MOMENT},
        }
    )
    at = _parameter("at", _MOMENT, "The moment of knowledge; now if not given or later than now")
    health: Schema = {"type": "object"}
    paths = {
        "/v1/scores": _get(
            "The latest score of each asset that was available at a moment",
            {"200": _answer("Scores, and why some are missing", scores), **_REFUSALS},
            [_parameter("assets", many, f"Up to {MOST_ASSETS}, with commas", required=True), at],
        ),
        "/v1/scores/history": _get(
            "A range of one asset's scores in columns, by the moment of availability",
            {
                "200": _answer("Columns", history),
                **_REFUSALS,
                "404": _answer("An asset that is not configured", _ERROR),
            },
            [_parameter("asset", {"type": "string"}, "One asset", required=True), start, end],
        ),
        "/v1/observations": _get(
            "What the sources told: a range of series in columns",
            {"200": _answer("Columns of each series", observations), **_REFUSALS},
            [
                _parameter("series", {"type": "string"}, "Names, with commas", required=True),
                start,
                end,
            ],
        ),
        "/v1/assets": _get(
            "The configured assets and the series that there are",
            {
                "200": _answer("Names", _object({"assets": _list(_TEXT), "series": _list(_TEXT)})),
                **_REFUSALS,
            },
        ),
        "/health": _open(
            _get(
                "How every source is doing",
                {"200": _answer("State", health), "503": _answer("Catching up", health)},
            )
        ),
        "/metrics": _open(
            _get(
                "Metrics",
                {"200": {"description": "Prometheus text", "content": {"text/plain": {}}}},
            )
        ),
        "/openapi.json": _open(_get("This document", {"200": _answer("OpenAPI", health)})),
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
