"""Pieces of OpenAPI 3.1 documents. Pure."""

from typing import Any

Schema = dict[str, Any]

MOMENT: Schema = {"type": "string", "format": "date-time", "example": "2024-03-01T00:00:00Z"}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}


def object_of(properties: Schema, description: str = "") -> Schema:
    """An object that has all of the properties."""
    schema: Schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {**schema, "description": description} if description else schema


def list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


ERROR = object_of({"error": object_of({"code": {"type": "string"}, "message": {"type": "string"}})})


def answer(description: str, schema: Schema) -> Schema:
    """An answer of JSON."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def parameter(name: str, schema: Schema, description: str, *, required: bool = False) -> Schema:
    """A parameter of the query."""
    return {
        "name": name,
        "in": "query",
        "required": required,
        "schema": schema,
        "description": description,
    }


def get(summary: str, answers: Schema, parameters: list[Schema] | None = None) -> Schema:
    """A path that is read."""
    return {"get": {"summary": summary, "parameters": parameters or [], "responses": answers}}


def without_token(path: Schema) -> Schema:
    """The path, open to everybody."""
    return {"get": {**path["get"], "security": []}}
