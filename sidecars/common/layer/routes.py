"""The HTTP side of a layer: reads parameters, asks memory, and for the past the store."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, TypeVar

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.http import (
    MAX_REQUEST_BYTES,
    ApiError,
    RequestMetrics,
    gate,
    json_response,
)
from sidecars.common.layer.answers import (
    MOST_ROWS,
    history_body,
    observations_body,
    scores_body,
)
from sidecars.common.layer.metrics import Freshness
from sidecars.common.layer.openapi import openapi_document
from sidecars.common.layer.records import ScoreRecord
from sidecars.common.layer.settings import ASSET_PATTERN, MOST_ASSETS
from sidecars.common.layer.upkeep import LayerService
from sidecars.common.moments import ms_of
from sidecars.common.observations import MS_PER_SECOND
from sidecars.common.parameters import check_names, moment_of, range_of, shown

logger = logging.getLogger(__name__)

SERIES_PATTERN = re.compile(r"[a-z0-9_]{1,40}(:[A-Za-z0-9_./-]{1,40})?")
MOST_SERIES = 100
Answer = TypeVar("Answer")

ASSET = re.compile(ASSET_PATTERN)


class Routes:
    """Handlers over a service."""

    def __init__(self, service: LayerService) -> None:
        self._service = service
        self._openapi = orjson.dumps(
            openapi_document(service.layer.title, version("aquatrade"), service.settings.assets)
        )

    def _now_ms(self) -> int:
        return ms_of(self._service.clock.now())

    async def _stored(self, ask: Callable[..., Answer], *arguments: Any) -> Answer:
        """What the store says, asked in a thread."""
        try:
            return await asyncio.to_thread(ask, *arguments)
        except SQLAlchemyError as error:
            logger.error("store failed", extra={"error": str(error).splitlines()[0]})
            raise ApiError(503, "store_failing", "the store does not answer, ask again") from None

    def _refuse_while_catching_up(self) -> None:
        """After a start values may be missing that a later answer will have: better none."""
        if not self._service.caught_up:
            raise ApiError(503, "starting", "catching up after a start, ask again soon")

    async def scores(self, request: web.Request) -> web.Response:
        """GET /v1/scores."""
        check_names(request.query, ("assets", "at"))
        assets = _assets_of(request.query)
        at_ms = moment_of(request.query, "at")
        self._refuse_while_catching_up()
        now_ms = self._now_ms()
        at_ms = now_ms if at_ms is None else min(at_ms, now_ms)
        records: dict[str, ScoreRecord] = {}
        missing: dict[str, str] = {}
        for asset in assets:
            record = await self._score_at(asset, at_ms)
            if record is None:
                missing[asset] = self._why_missing(asset)
            else:
                records[asset] = record
        stale_ms = (2 * self._service.settings.record_every_seconds + 60) * MS_PER_SECOND
        stale = [name for name, each in records.items() if at_ms - each.as_of_ms > stale_ms]
        return json_response(scores_body(at_ms, records, missing, stale))

    async def _score_at(self, asset: str, at_ms: int) -> ScoreRecord | None:
        service = self._service
        if asset not in service.settings.assets:
            return None
        record = service.recorder.latest(asset, at_ms)
        if record is not None:
            return record
        return await self._stored(service.store.score_at, service.scorer.formula, asset, at_ms)

    def _why_missing(self, asset: str) -> str:
        if asset not in self._service.settings.assets:
            return "not among the configured assets"
        return "no score at that moment"

    async def history(self, request: web.Request) -> web.Response:
        """GET /v1/scores/history."""
        service = self._service
        check_names(request.query, ("asset", "start", "end"))
        asset = _asset_of(request.query.get("asset"), "asset")
        self._refuse_while_catching_up()
        start_ms, end_ms = range_of(request.query, self._now_ms())
        if asset not in service.settings.assets:
            raise ApiError(404, "unknown_asset", f"{asset} is not among the configured assets")
        rows = await self._stored(
            service.store.scores_between,
            service.scorer.formula,
            asset,
            start_ms,
            end_ms,
            MOST_ROWS + 1,
        )
        return json_response(await asyncio.to_thread(history_body, asset, rows))

    async def observations(self, request: web.Request) -> web.Response:
        """GET /v1/observations."""
        check_names(request.query, ("series", "start", "end"))
        names = _series_of(request.query)
        self._refuse_while_catching_up()
        start_ms, end_ms = range_of(request.query, self._now_ms())
        body = await self._stored(self._observations, names, start_ms, end_ms)
        return json_response(body)

    def _observations(self, names: tuple[str, ...], start_ms: int, end_ms: int) -> bytes:
        store = self._service.store
        known = set(store.series_names())
        found = {
            name: store.observations_between(name, start_ms, end_ms, MOST_ROWS + 1)
            for name in names
            if name in known
        }
        missing = {name: "no value of it yet" for name in names if name not in known}
        return observations_body(found, missing)

    async def assets(self, request: web.Request) -> web.Response:
        """GET /v1/assets."""
        check_names(request.query, ())
        service = self._service
        names = await self._stored(service.store.series_names)
        body = {"assets": service.settings.assets, "series": names}
        return json_response(orjson.dumps(body))

    async def health(self, _: web.Request) -> web.Response:
        """GET /health."""
        report = self._service.health()
        return json_response(orjson.dumps(report), 503 if report["status"] == "starting" else 200)

    async def openapi(self, _: web.Request) -> web.Response:
        """GET /openapi.json."""
        return json_response(self._openapi)


def make_app(service: LayerService, token: str) -> web.Application:
    """The application; it reads the service's memory and owns nothing."""
    registry = CollectorRegistry()
    registry.register(Freshness(service))
    metrics = RequestMetrics(registry)
    routes = Routes(service)
    app = web.Application(middlewares=[gate(token, metrics)], client_max_size=MAX_REQUEST_BYTES)
    app.router.add_get("/v1/scores", routes.scores)
    app.router.add_get("/v1/scores/history", routes.history)
    app.router.add_get("/v1/observations", routes.observations)
    app.router.add_get("/v1/assets", routes.assets)
    app.router.add_get("/health", routes.health)
    app.router.add_get("/metrics", metrics.handle)
    app.router.add_get("/openapi.json", routes.openapi)
    return app


def _asset_of(text: str | None, name: str) -> str:
    if text is None:
        raise ApiError(400, "bad_asset", f"parameter {name} is missing, expected like BTC")
    if not ASSET.fullmatch(text):
        raise ApiError(400, "bad_asset", f"{shown(text)} is no asset, expected like BTC")
    return text


def _assets_of(query: Mapping[str, str]) -> tuple[str, ...]:
    names = (query.get("assets") or "").split(",", MOST_ASSETS)
    if len(names) > MOST_ASSETS:
        raise ApiError(400, "too_many_assets", f"expected {MOST_ASSETS} assets at most")
    if names == [""]:
        raise ApiError(400, "bad_asset", "parameter assets is missing, expected like BTC,ETH")
    return tuple(dict.fromkeys(_asset_of(name, "assets") for name in names))


def _series_of(query: Mapping[str, str]) -> tuple[str, ...]:
    names = (query.get("series") or "").split(",", MOST_SERIES)
    if len(names) > MOST_SERIES:
        raise ApiError(400, "too_many_series", f"expected {MOST_SERIES} series at most")
    for name in names:
        if not SERIES_PATTERN.fullmatch(name):
            raise ApiError(
                400,
                "bad_series",
                f"{shown(name)} is no series, expected like fear_greed or social_ratio:BTC",
            )
    return tuple(dict.fromkeys(names))
