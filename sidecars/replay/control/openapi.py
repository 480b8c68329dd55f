"""The control API's routes as data, and the OpenAPI document made of them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter

from sidecars.replay.control.words import Answer, ErrorAnswer, QueryModel

REF_TEMPLATE = "#/components/schemas/{model}"
PATH_ID = "{rule_id:[0-9]{1,15}}"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `body` is any type pydantic knows; path ids are whole numbers."""

    method: str
    path: str
    summary: str
    handle: Callable[[web.Request], Awaitable[Answer]]
    answer: type[Answer]
    query: type[QueryModel] | None = None
    body: Any = None
    status: int = 200

    async def respond(self, request: web.Request) -> web.Response:
        answer = await self.handle(request)
        return web.Response(
            body=answer.__pydantic_serializer__.to_json(answer),
            content_type="application/json",
            status=self.status,
        )


def openapi_document(routes: Sequence[Route], *, has_token: bool) -> dict[str, Any]:
    """An OpenAPI 3.1 description of the routes under /control."""
    adapters: list[tuple[Any, Any, TypeAdapter[Any]]] = [
        (ErrorAnswer, "serialization", TypeAdapter(ErrorAnswer))
    ]
    for route in routes:
        adapters.append((route.answer, "serialization", TypeAdapter(route.answer)))
        if route.body is not None:
            adapters.append((str(route.body), "validation", TypeAdapter(route.body)))
    schemas, definitions = TypeAdapter.json_schemas(adapters, ref_template=REF_TEMPLATE)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = _operation(route, schemas)
        if has_token:
            operation["security"] = [{"token": []}]
        path = "/control" + route.path.replace(PATH_ID, "{rule_id}")
        paths.setdefault(path, {})[route.method.lower()] = operation
    components: dict[str, Any] = {"schemas": definitions["$defs"]}
    if has_token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Replay exchange: control API", "version": "1"},
        "paths": paths,
        "components": components,
    }


def _operation(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    answer = schemas[(route.answer, "serialization")]
    error = schemas[(ErrorAnswer, "serialization")]
    operation: dict[str, Any] = {
        "summary": route.summary,
        "parameters": _parameters(route),
        "responses": {
            str(route.status): {"description": "done", "content": _json(answer)},
            "4XX": {"description": "refused", "content": _json(error)},
        },
    }
    if route.body is not None:
        schema = schemas[(str(route.body), "validation")]
        operation["requestBody"] = {"required": True, "content": _json(schema)}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    if PATH_ID in route.path:
        schema: dict[str, Any] = {"type": "integer", "minimum": 0}
        parameters.append({"name": "rule_id", "in": "path", "required": True, "schema": schema})
    if route.query is not None:
        described = route.query.model_json_schema()
        parameters.extend(
            {"name": name, "in": "query", "schema": schema}
            for name, schema in described.get("properties", {}).items()
        )
    return parameters


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
