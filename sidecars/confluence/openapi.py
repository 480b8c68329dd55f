"""The description of the HTTP interface, served at /openapi.json."""

from typing import Any, get_args

from sidecars.confluence.answers import HISTORY_COLUMNS
from sidecars.confluence.scoring import INPUTS, PARTS, Zone
from sidecars.confluence.settings import MOST_PAIRS, PAIR_PATTERN, ZonePreset

Schema = dict[str, Any]

_PAIR: Schema = {"type": "string", "pattern": f"^{PAIR_PATTERN.pattern}$", "example": "BTC/USDT"}
_MOMENT: Schema = {"type": "string", "format": "date-time", "example": "2024-03-01T00:00:00Z"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_PERCENTILE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 100}


def _object(properties: Schema, description: str = "") -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {**schema, "description": description} if description else schema


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_INPUT = _object(
    {
        "name": {"type": "string", "enum": [each.name for each in INPUTS]},
        "points": {"type": "number"},
        "max": {"type": "number"},
        "available": {"type": "boolean"},
        "reading": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
        "reason": {"type": "string"},
    }
)
_PART = _object({"points": {"type": "number"}, "max": {"type": "number"}, "inputs": _list(_INPUT)})
_ZONE: Schema = {"type": "string", "enum": [zone.value for zone in Zone]}
_ZONE_BY_PERCENTILE: Schema = {"type": ["string", "null"], "enum": [*_ZONE["enum"], None]}
_RECORD = _object(
    {
        "pair": _PAIR,
        "as_of": {**_MOMENT, "description": "Close of the daily candle it speaks of"},
        "available_at": {**_MOMENT, "description": "Since when it could be known"},
        "formula": {"type": "string"},
        "revision": {"type": "integer", "minimum": 0},
        "total": {"type": "number", "minimum": 0, "maximum": 100},
        "zone": _ZONE,
        "vetoed": {"type": "boolean", "description": "Regime under 15: the total is forced to 0"},
        "confidence": {**_SHARE, "description": "Share of the points that could be judged"},
        "percentile": {
            **_PERCENTILE,
            "description": "Percentage of the pair's last two years with a lower total",
        },
        "zone_by_percentile": {
            **_ZONE_BY_PERCENTILE,
            "description": "The zone of the percentile: 97 and more STRONG_BUY, 90 MODERATE_BUY, "
            "60 WAIT, else AVOID; a vetoed record is AVOID, without a percentile it is null",
        },
        "price": {"type": "number"},
        "parts": _object(dict.fromkeys(PARTS, _PART)),
        "reasons": _list({"type": "string"}),
        "unavailable": _list({"type": "string"}),
        "degraded": _list({"type": "string"}),
        "candles_from": _MOMENT,
    }
)
_SCORES = _object(
    {
        "at": _MOMENT,
        "scores": {
            "type": "object",
            "additionalProperties": {"$ref": "#/components/schemas/Score"},
        },
        "missing": {"type": "object", "additionalProperties": {"type": "string"}},
        "stale": _list(_PAIR),
        "zone_preset": {
            "type": "string",
            "enum": list(get_args(ZonePreset)),
            "description": "Which zone is recommended here: zone, or zone_by_percentile where it "
            "is not null",
        },
    }
)
_COLUMN_ITEMS: dict[str, Schema] = {
    "as_of_ms": {"type": "integer"},
    "available_at_ms": {"type": "integer"},
    "vetoed": {"type": "boolean"},
    "zone": _ZONE,
    "percentile": _PERCENTILE,
    "zone_by_percentile": _ZONE_BY_PERCENTILE,
}
_HISTORY = _object(
    {
        "pair": _PAIR,
        "columns": _object(
            {name: _list(_COLUMN_ITEMS.get(name, {"type": "number"})) for name in HISTORY_COLUMNS},
            "Arrays of equal length; available_at_ms rises strictly, as_of_ms never falls",
        ),
    }
)
_ERROR = _object({"error": _object({"code": {"type": "string"}, "message": {"type": "string"}})})


def _answer(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_REFUSALS: Schema = {
    "400": _answer("A parameter is wrong; the message says which", _reference("Error")),
    "401": _answer("No token, or a wrong one", _reference("Error")),
}


def _parameter(name: str, schema: Schema, description: str, *, required: bool = False) -> Schema:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "schema": schema,
        "description": description,
    }


def _get(summary: str, answers: Schema, parameters: list[Schema] | None = None) -> Schema:
    return {"get": {"summary": summary, "parameters": parameters or [], "responses": answers}}


def _open(path: Schema) -> Schema:
    """A path that asks for no token."""
    return {"get": {**path["get"], "security": []}}


def openapi_document(version: str) -> Schema:
    """The OpenAPI 3.1 document."""
    at = _parameter("at", _MOMENT, "The moment of knowledge; now if not given or later than now")
    many: Schema = {"type": "string", "example": "BTC/USDT,ETH/USDT"}
    scores = _get(
        "The latest score of each pair that was available at a moment",
        {"200": _answer("Scores, and why some are missing", _SCORES), **_REFUSALS},
        [
            _parameter("pairs", many, f"Up to {MOST_PAIRS}, with commas", required=True),
            at,
        ],
    )
    past = _get(
        "A range of one pair's scores in columns, by the moment of availability",
        {
            "200": _answer("Columns", _HISTORY),
            **_REFUSALS,
            "404": _answer("A pair that is not configured", _reference("Error")),
        },
        [
            _parameter("pair", _PAIR, "One pair", required=True),
            _parameter("start", _MOMENT, "start <= available_at; from the first if not given"),
            _parameter("end", _MOMENT, "available_at < end; to now if not given or later"),
            _parameter(
                "lead", {"type": "string", "enum": ["0", "1"]}, "1: with the one before start"
            ),
        ],
    )
    pairs = _get(
        "The configured pairs",
        {"200": _answer("Pairs", _object({"pairs": _list(_PAIR)})), **_REFUSALS},
    )
    well = _answer("How sources and pairs are doing", {"type": "object"})
    health = _get(
        "Whether scores are kept up",
        {"200": well, "503": _answer("The first backfill is under way", {"type": "object"})},
    )
    text = {"description": "Prometheus text", "content": {"text/plain": {}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Aquatrade confluence sidecar",
            "version": version,
            "description": "Entry-timing scores of daily candles. A reader at moment T sees "
            "what was available at T, never anything later.",
        },
        "paths": {
            "/v1/scores": scores,
            "/v1/scores/history": past,
            "/v1/pairs": pairs,
            "/health": _open(health),
            "/metrics": _open(_get("Metrics", {"200": text})),
            "/openapi.json": _open(
                _get("This document", {"200": _answer("OpenAPI", {"type": "object"})})
            ),
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Score": _RECORD, "Error": _ERROR},
        },
        "security": [{"token": []}],
    }
