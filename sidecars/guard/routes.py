"""The HTTP side: reads what came, asks the guard, answers."""

from importlib.metadata import version
from typing import Any, TypeVar

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from sidecars.common.http import (
    ApiError,
    Handler,
    LimitedToken,
    RequestMetrics,
    gate,
    json_response,
)
from sidecars.common.moments import iso_ms, moment_at, ms_of
from sidecars.common.parameters import check_names, flag_of, moment_of, shown
from sidecars.guard import answers
from sidecars.guard.bodies import (
    AnswerBody,
    CheckBody,
    EmptyBody,
    EventsBody,
    KillBody,
    ReleaseBody,
    ResumeBody,
    read_body,
    whole_number,
)
from sidecars.guard.guard import Guard, GuardRefusal, StoreError
from sidecars.guard.metrics import GuardGauges
from sidecars.guard.model import GuardState
from sidecars.guard.openapi import openapi_document
from sidecars.guard.timekeeping import Timekeeper

# A bot that was long without a guard sends many events at once.
MAX_REQUEST_BYTES = 1024 * 1024
MOST_EVENTS = 1000
LONGEST_NAME = 80

_Model = TypeVar("_Model", bound=BaseModel)


class Routes:
    """Handlers over a guard."""

    def __init__(self, guard: Guard, time: Timekeeper) -> None:
        self._guard = guard
        self._time = time
        self._openapi = orjson.dumps(openapi_document(version("aquatrade")))

    # -- bots -------------------------------------------------------------------------------------

    async def check(self, request: web.Request) -> web.Response:
        """POST /v1/checks."""
        body = await _body(request, CheckBody)
        wish = body.request()
        return json_response(answers.check_body(wish, await self._guard.check(wish)))

    async def release(self, request: web.Request) -> web.Response:
        """POST /v1/reservations/{id}/release."""
        body = await _body(request, ReleaseBody)
        await self._guard.release(body.bot, request.match_info["id"])
        return json_response(b'{"released":true}')

    async def take_events(self, request: web.Request) -> web.Response:
        """POST /v1/events."""
        body = await _body(request, EventsBody)
        events = [each.event(body.bot) for each in body.events]
        until = await self._guard.take_events(body.bot, body.process, events)
        return json_response(answers.to_json({"stored_until": until}))

    # -- reading ----------------------------------------------------------------------------------

    async def state(self, request: web.Request) -> web.Response:
        """GET /v1/state."""
        check_names(request.query, ())
        guard = self._guard
        body = answers.state_body(guard.state(), guard.bots(), guard.limits(), guard.stake_currency)
        return json_response(body)

    async def book(self, request: web.Request) -> web.Response:
        """GET /v1/book."""
        check_names(request.query, ("paper",))
        view = self._guard.book(paper=flag_of(request.query, "paper"))
        return json_response(answers.book_body(view))

    async def events(self, request: web.Request) -> web.Response:
        """GET /v1/events."""
        query = request.query
        check_names(query, ("after", "newest", "limit", "kind", "bot", "pair"))
        after = whole_number(query, "after", 0, 0, 2**63 - 1)
        limit = whole_number(query, "limit", 100, 1, MOST_EVENTS)
        kind, bot, pair = (_name(query.get(name), name) for name in ("kind", "bot", "pair"))
        if flag_of(query, "newest"):
            found = await self._guard.newest_events(limit, kind=kind, bot=bot, pair=pair)
        else:
            found = await self._guard.events(after, limit, kind=kind, bot=bot, pair=pair)
        return json_response(answers.events_body(found))

    async def why(self, request: web.Request) -> web.Response:
        """GET /v1/why."""
        query = request.query
        check_names(query, ("pair", "candle", "bot"))
        pair = _name(query.get("pair"), "pair")
        candle_ms = moment_of(query, "candle")
        if pair is None or candle_ms is None:
            raise ApiError(
                400, "missing_parameter", "expected pair and candle (the open of the candle)"
            )
        bot = _name(query.get("bot"), "bot")
        try:
            candle = moment_at(candle_ms)
        except OverflowError:
            raise ApiError(400, "bad_moment", "candle: expected a moment of this age") from None
        return json_response(answers.events_body(await self._guard.why(pair, candle, bot)))

    async def approvals(self, request: web.Request) -> web.Response:
        """GET /v1/approvals."""
        check_names(request.query, ())
        return json_response(answers.approvals_body(self._guard.approvals()))

    # -- people -----------------------------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.Response:
        """POST /v1/approvals/{id}."""
        body = await _body(request, AnswerBody)
        guard, number = self._guard, request.match_info["id"]
        say = guard.approve if body.answer == "approve" else guard.reject
        return json_response(answers.to_json(await say(number, body.by)))

    async def kill(self, request: web.Request) -> web.Response:
        """POST /v1/kill."""
        body = await _body(request, KillBody)
        await self._guard.kill(body.by, body.reason, close=body.close)
        kept = self._guard.trouble
        return json_response(answers.to_json({"state": GuardState.HALTED, "not_kept": kept}))

    async def resume(self, request: web.Request) -> web.Response:
        """POST /v1/resume."""
        body = await _body(request, ResumeBody)
        lifted = await self._guard.resume(body.by, body.rule)
        state = self._guard.state().state
        return json_response(answers.to_json({"lifted": lifted, "state": state}))

    async def reconcile(self, request: web.Request) -> web.Response:
        """POST /v1/reconcile."""
        await _body(request, EmptyBody)
        return json_response(answers.reconciliation_body(await self._guard.reconcile()))

    # -- the service ------------------------------------------------------------------------------

    async def health(self, _: web.Request) -> web.Response:
        """GET /health: 200 as long as checks are answered, also with a no."""
        guard = self._guard
        state = guard.state()
        bots = {
            bot.name: {"state": "ok" if bot.is_reached else "failing", "error": bot.error}
            for bot in guard.bots()
        }
        is_well = guard.trouble is None and all(each["state"] == "ok" for each in bots.values())
        report = {
            "status": "ok" if is_well else "degraded",
            "now": iso_ms(ms_of(self._time.now().at)),
            "state": state.state,
            "reasons": state.reasons,
            "store": {"state": "ok" if guard.trouble is None else "failing"},
            "bots": bots,
        }
        return json_response(answers.to_json(report))

    async def openapi(self, _: web.Request) -> web.Response:
        """GET /openapi.json."""
        return json_response(self._openapi)


def bots_may(method: str, path: str) -> bool:
    """Whether a bot's token opens this: what bots ask and tell, and the state."""
    if method == "POST":
        return path in ("/v1/checks", "/v1/events") or (
            path.startswith("/v1/reservations/") and path.endswith("/release")
        )
    return method == "GET" and path == "/v1/state"


def make_app(
    guard: Guard, token: str, time: Timekeeper, bot_token: str | None = None
) -> web.Application:
    """The application; the guard is somebody else's to keep up. bot_token: opens what bots need
    only; None: they use `token`, which opens everything."""
    limited = None if bot_token is None else LimitedToken(bot_token, bots_may)
    registry = CollectorRegistry()
    registry.register(GuardGauges(guard))
    metrics = RequestMetrics(registry)
    routes = Routes(guard, time)
    app = web.Application(
        middlewares=[gate(token, metrics, limited), _refusals], client_max_size=MAX_REQUEST_BYTES
    )
    router = app.router
    router.add_post("/v1/checks", routes.check)
    router.add_post("/v1/reservations/{id}/release", routes.release)
    router.add_post("/v1/events", routes.take_events)
    router.add_get("/v1/events", routes.events)
    router.add_get("/v1/state", routes.state)
    router.add_get("/v1/book", routes.book)
    router.add_get("/v1/why", routes.why)
    router.add_get("/v1/approvals", routes.approvals)
    router.add_post("/v1/approvals/{id}", routes.answer)
    router.add_post("/v1/kill", routes.kill)
    router.add_post("/v1/resume", routes.resume)
    router.add_post("/v1/reconcile", routes.reconcile)
    router.add_get("/health", routes.health)
    router.add_get("/metrics", metrics.handle)
    router.add_get("/openapi.json", routes.openapi)
    return app


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except GuardRefusal as refusal:
        raise ApiError(refusal.status, refusal.code, refusal.message) from None
    except StoreError as error:
        raise ApiError(503, "store_failing", str(error)) from None


async def _body(request: web.Request, model: type[_Model]) -> _Model:
    check_names(request.query, ())
    return read_body(model, await request.read())


def _name(text: str | None, name: str) -> Any:
    if text is not None and (not text or len(text) > LONGEST_NAME or not text.isprintable()):
        raise ApiError(400, "bad_name", f"{name}={shown(text)}, expected a name")
    return text
