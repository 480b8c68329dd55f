"""What every service's HTTP side shares: bearer token, structured errors, metrics."""

import hmac
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_REQUEST_BYTES = 16 * 1024
PROTECTED_PREFIX = "/v1/"


class ApiError(Exception):
    """A refusal: HTTP status, a code for programs and one clear line for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def json_response(body: bytes, status: int = 200) -> web.Response:
    """A response of JSON that is serialised already."""
    return web.Response(body=body, status=status, content_type="application/json")


def error_response(status: int, code: str, message: str) -> web.Response:
    """{"error": {"code", "message"}}."""
    return json_response(orjson.dumps({"error": {"code": code, "message": message}}), status)


class RequestMetrics:
    """Counts and times of requests by route, in the service's own registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._requests = Counter(
            "http_requests", "Requests answered", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "http_request_seconds",
            "Seconds until the answer was ready",
            ["route"],
            buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5),
            registry=registry,
        )
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def observe(self, route: str, status: int, seconds: float) -> None:
        children = self._children.get((route, status))
        if children is None:
            children = (self._requests.labels(route, str(status)), self._seconds.labels(route))
            self._children[route, status] = children
        children[0].inc()
        children[1].observe(seconds)

    async def handle(self, _: web.Request) -> web.Response:
        """GET /metrics."""
        return web.Response(
            body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )


@dataclass(frozen=True, slots=True)
class LimitedToken:
    """A token that opens some of /v1/* only. opens: by method and path."""

    token: str = field(repr=False)
    opens: Callable[[str, str], bool]


def gate(
    token: str, metrics: RequestMetrics, limited: LimitedToken | None = None
) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The one middleware: checks the token on /v1/*, turns refusals into JSON, counts.

    An exception that nobody expected is logged with its traceback and answered with a 500 that
    says nothing of the inside.
    """
    expected = f"Bearer {token}".encode()

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        response: web.StreamResponse
        try:
            if request.path.startswith(PROTECTED_PREFIX):
                _check_token(request, expected, limited)
            response = await handler(request)
        except ApiError as error:
            response = error_response(error.status, error.code, error.message)
        except web.HTTPException as error:
            response = _http_error(request, error)
        except Exception:  # the last resort of a server: say so in the log, tell nothing
            logger.exception("request failed", extra={"path": request.path})
            response = error_response(500, "internal_error", "the service failed; see its log")
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "unknown"
        metrics.observe(route, response.status, time.perf_counter() - started)
        return response

    return middleware


def _check_token(request: web.Request, expected: bytes, limited: LimitedToken | None) -> None:
    given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    if limited is not None and hmac.compare_digest(given, f"Bearer {limited.token}".encode()):
        if not limited.opens(request.method, request.path):
            raise ApiError(403, "forbidden", "this token does not open this")
    elif not hmac.compare_digest(given, expected):
        raise ApiError(
            401, "unauthorized", "expected the header 'Authorization: Bearer TOKEN' with the token"
        )


def _http_error(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    status = HTTPStatus(error.status)
    code = re.sub(r"[^a-z]+", "_", status.phrase.lower())
    message = f"{request.method} {request.path}: {status.phrase.lower()}"
    response = error_response(error.status, code, message[:200])
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response
