"""The HTTP side: reads parameters, asks memory, never waits for anything."""

from functools import lru_cache
from importlib.metadata import version

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from yarl import URL

from sidecars.common.http import (
    MAX_REQUEST_BYTES,
    ApiError,
    RequestMetrics,
    gate,
    json_response,
)
from sidecars.common.moments import ms_of
from sidecars.common.parameters import check_names, flag_of, moment_of, range_of
from sidecars.confluence.answers import ScoreAnswers, health, history
from sidecars.confluence.feeds import NEVER_MS
from sidecars.confluence.openapi import openapi_document
from sidecars.confluence.parameters import pair_of, pairs_of
from sidecars.confluence.updater import Updater

MS_PER_SECOND = 1000
QUESTIONS_KEPT = 256


class _Freshness(Collector):
    """How old what is served is, at the moment of scraping."""

    def __init__(self, updater: Updater) -> None:
        self._updater = updater

    def collect(self) -> list[GaugeMetricFamily]:
        as_of = GaugeMetricFamily(
            "confluence_latest_as_of_seconds",
            "Close of the candle that the latest score speaks of, Unix time",
            labels=["pair"],
        )
        source = GaugeMetricFamily(
            "confluence_source_ok", "1 if the last request for candles went well", labels=["pair"]
        )
        for pair, timeline in self._updater.timelines.items():
            if len(timeline):
                as_of.add_metric([pair], timeline.rows[-1].as_of_ms / MS_PER_SECOND)
        for pair, state in self._updater.sources.items():
            source.add_metric([pair], 1.0 if state.error is None else 0.0)
        feed_ok = GaugeMetricFamily(
            "confluence_feed_ok", "1 if the last reading of a feed went well", labels=["feed"]
        )
        read_until = GaugeMetricFamily(
            "confluence_feed_read_until_seconds",
            "Moment up to which everything of a feed was read, Unix time",
            labels=["feed"],
        )
        for name, feed in self._updater.feeds.states.items():
            feed_ok.add_metric([name], 1.0 if feed.error is None else 0.0)
            if feed.complete_until_ms != NEVER_MS:
                read_until.add_metric([name], feed.complete_until_ms / MS_PER_SECOND)
        return [as_of, source, feed_ok, read_until]


@lru_cache(maxsize=QUESTIONS_KEPT)
def _question(raw_query: str) -> tuple[tuple[str, ...], int | None]:
    """Pairs and moment (None: now) of the query of /v1/scores. Raises ApiError."""
    query = URL.build(path="/", query_string=raw_query, encoded=True).query
    check_names(query, ("pairs", "at"))
    return pairs_of(query.get("pairs")), moment_of(query, "at")


class Routes:
    """Handlers over an updater's memory."""

    def __init__(self, updater: Updater) -> None:
        self._updater = updater
        self._answers = ScoreAnswers(updater)
        self._openapi = orjson.dumps(
            openapi_document(
                version("aquatrade"), with_monitor=updater.settings.monitor is not None
            )
        )

    def _now_ms(self) -> int:
        return ms_of(self._updater.clock.now())

    async def scores(self, request: web.Request) -> web.Response:
        """GET /v1/scores."""
        # Bots of one list of pairs ask with the very same query after each candle.
        pairs, at_ms = _question(request.rel_url.raw_query_string)
        self._refuse_while_catching_up()
        now_ms = self._now_ms()
        at_ms = now_ms if at_ms is None else min(at_ms, now_ms)
        return json_response(self._answers.latest(pairs, at_ms))

    def _refuse_while_catching_up(self) -> None:
        """After a start days may be missing that a later answer will have: better none at all."""
        if not self._updater.caught_up:
            raise ApiError(503, "starting", "catching up on days after a start, ask again soon")

    async def history(self, request: web.Request) -> web.Response:
        """GET /v1/scores/history."""
        query = request.query
        check_names(query, ("pair", "start", "end", "lead"))
        pair = pair_of(query.get("pair"))
        self._refuse_while_catching_up()
        start_ms, end_ms = range_of(query, self._now_ms())
        timeline = self._updater.timelines.get(pair)
        if timeline is None:
            raise ApiError(404, "unknown_pair", f"{pair} is not among the configured pairs")
        rows = timeline.between(start_ms, end_ms, lead=flag_of(query, "lead"))
        return json_response(history(pair, rows))

    async def pairs(self, request: web.Request) -> web.Response:
        """GET /v1/pairs."""
        check_names(request.query, ())
        return json_response(orjson.dumps({"pairs": self._updater.settings.pairs}))

    async def health(self, _: web.Request) -> web.Response:
        """GET /health."""
        report = health(self._updater)
        return json_response(orjson.dumps(report), 503 if report["status"] == "starting" else 200)

    async def openapi(self, _: web.Request) -> web.Response:
        """GET /openapi.json."""
        return json_response(self._openapi)


def make_app(updater: Updater, token: str) -> web.Application:
    """The application; it reads the updater's memory and owns nothing."""
    registry = CollectorRegistry()
    registry.register(_Freshness(updater))
    metrics = RequestMetrics(registry)
    routes = Routes(updater)
    app = web.Application(middlewares=[gate(token, metrics)], client_max_size=MAX_REQUEST_BYTES)
    app.router.add_get("/v1/scores", routes.scores)
    app.router.add_get("/v1/scores/history", routes.history)
    app.router.add_get("/v1/pairs", routes.pairs)
    app.router.add_get("/health", routes.health)
    app.router.add_get("/metrics", metrics.handle)
    app.router.add_get("/openapi.json", routes.openapi)
    return app
