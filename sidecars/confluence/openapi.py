"""The description of the HTTP interface, served at /openapi.json."""

from typing import get_args

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
from sidecars.confluence.answers import HISTORY_COLUMNS
from sidecars.confluence.scoring import INPUTS, PARTS, Zone
from sidecars.confluence.settings import MOST_PAIRS, PAIR_PATTERN, ZonePreset

_PAIR: Schema = {"type": "string", "pattern": f"^{PAIR_PATTERN.pattern}$", "example": "BTC/USDT"}
_PERCENTILE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 100}


_INPUT = object_of(
    {
        "name": {"type": "string", "enum": [each.name for each in INPUTS]},
        "points": {"type": "number"},
        "max": {"type": "number"},
        "available": {"type": "boolean"},
        "reading": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
        "reason": {"type": "string"},
    }
)
_PART = object_of(
    {"points": {"type": "number"}, "max": {"type": "number"}, "inputs": list_of(_INPUT)}
)
_ZONE: Schema = {"type": "string", "enum": [zone.value for zone in Zone]}
_ZONE_BY_PERCENTILE: Schema = {"type": ["string", "null"], "enum": [*_ZONE["enum"], None]}
_RECORD = object_of(
    {
        "pair": _PAIR,
        "as_of": {**MOMENT, "description": "Close of the daily candle it speaks of"},
        "available_at": {**MOMENT, "description": "Since when it could be known"},
        "formula": {"type": "string"},
        "revision": {"type": "integer", "minimum": 0},
        "total": {"type": "number", "minimum": 0, "maximum": 100},
        "zone": _ZONE,
        "vetoed": {"type": "boolean", "description": "Regime under 15: the total is forced to 0"},
        "confidence": {**SHARE, "description": "Share of the points that could be judged"},
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
        "parts": object_of(dict.fromkeys(PARTS, _PART)),
        "reasons": list_of({"type": "string"}),
        "unavailable": list_of({"type": "string"}),
        "degraded": list_of({"type": "string"}),
        "candles_from": MOMENT,
    }
)
_SCORES = object_of(
    {
        "at": MOMENT,
        "scores": {
            "type": "object",
            "additionalProperties": {"$ref": "#/components/schemas/Score"},
        },
        "missing": {"type": "object", "additionalProperties": {"type": "string"}},
        "stale": list_of(_PAIR),
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
_HISTORY = object_of(
    {
        "pair": _PAIR,
        "columns": object_of(
            {
                name: list_of(_COLUMN_ITEMS.get(name, {"type": "number"}))
                for name in HISTORY_COLUMNS
            },
            "Arrays of equal length; available_at_ms rises strictly, as_of_ms never falls",
        ),
    }
)


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_REFUSALS: Schema = {
    "400": answer("A parameter is wrong; the message says which", _reference("Error")),
    "401": answer("No token, or a wrong one", _reference("Error")),
}


def _cards() -> Schema:
    text = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    return get(
        "The monitor's cards as text",
        {
            "200": {"description": "One card, or all of them", **text},
            **_REFUSALS,
            "404": answer("An asset that is not held", _reference("Error")),
        },
        [
            parameter(
                "asset", {"type": "string", "example": "BTC"}, "One holding; all if left out"
            ),
            parameter(
                "format",
                {"type": "string", "enum": ["terminal", "chat"], "default": "terminal"},
                "For a terminal of 72 columns, or short for a chat",
            ),
        ],
    )


def openapi_document(version: str, *, with_monitor: bool = False) -> Schema:
    """The OpenAPI 3.1 document. with_monitor: of a service that runs the monitor."""
    at = parameter("at", MOMENT, "The moment of knowledge; now if not given or later than now")
    many: Schema = {"type": "string", "example": "BTC/USDT,ETH/USDT"}
    scores = get(
        "The latest score of each pair that was available at a moment",
        {"200": answer("Scores, and why some are missing", _SCORES), **_REFUSALS},
        [
            parameter("pairs", many, f"Up to {MOST_PAIRS}, with commas", required=True),
            at,
        ],
    )
    past = get(
        "A range of one pair's scores in columns, by the moment of availability",
        {
            "200": answer("Columns", _HISTORY),
            **_REFUSALS,
            "404": answer("A pair that is not configured", _reference("Error")),
        },
        [
            parameter("pair", _PAIR, "One pair", required=True),
            parameter("start", MOMENT, "start <= available_at; from the first if not given"),
            parameter("end", MOMENT, "available_at < end; to now if not given or later"),
            parameter(
                "lead", {"type": "string", "enum": ["0", "1"]}, "1: with the one before start"
            ),
        ],
    )
    pairs = get(
        "The configured pairs",
        {"200": answer("Pairs", object_of({"pairs": list_of(_PAIR)})), **_REFUSALS},
    )
    well = answer("How sources and pairs are doing", {"type": "object"})
    health = get(
        "Whether scores are kept up",
        {"200": well, "503": answer("The first backfill is under way", {"type": "object"})},
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
            **({"/v1/cards": _cards()} if with_monitor else {}),
            "/health": without_token(health),
            "/metrics": without_token(get("Metrics", {"200": text})),
            "/openapi.json": without_token(
                get("This document", {"200": answer("OpenAPI", {"type": "object"})})
            ),
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Score": _RECORD, "Error": ERROR},
        },
        "security": [{"token": []}],
    }
