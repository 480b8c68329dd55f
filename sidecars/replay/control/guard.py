"""Who may use the control API, how its input is read, and how every refusal looks.

A refusal is a 4xx with {"error": one line}.
"""

import hmac
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import ValidationError

from sidecars.replay.control.words import NoQuery
from sidecars.replay.input_errors import InputModel, one_line

Model = TypeVar("Model", bound=InputModel)


@dataclass(frozen=True, slots=True)
class ControlAccess:
    """Loopback only and without a token unless told otherwise.

    Raises ValueError for an empty token, and when remote clients are let in without any.
    """

    token: str | None = field(default=None, repr=False)
    allow_remote: bool = False

    def __post_init__(self) -> None:
        if self.token is not None and not self.token.strip():
            raise ValueError("control token: expected at least one character, got an empty one")
        if self.allow_remote and self.token is None:
            raise ValueError("control API: remote clients are let in only with a control token")


class ControlRefusedError(Exception):
    """A request that is refused with this status and line."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status
        self.line = line


def guard_middleware(access: ControlAccess) -> Middleware:
    """Lets in who may come in, and turns what is wrong with a request into one line of JSON."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            check_access(request, access)
            return await handler(request)
        except ControlRefusedError as refusal:
            return _refuse(refusal.status, refusal.line)
        except ValidationError as error:
            return _refuse(400, one_line(error))
        except web.HTTPNotFound:
            return _refuse(404, "no such control path; see GET /control/openapi.json")
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            return _refuse(405, f"method {error.method} is not for this path, expected {allowed}")
        except web.HTTPRequestEntityTooLarge:
            return _refuse(413, "the body is too long, send it in parts")
        except web.RequestPayloadError:
            return _refuse(400, "the body is not encoded the way its headers say")

    return guard


def check_access(request: web.Request, access: ControlAccess) -> None:
    """Raises ControlRefusedError: 403 for a stranger, 401 for a missing or wrong token.

    Without remote clients the Host header must be a loopback name too: a web page in a browser on
    this machine could otherwise reach the API under a name of its own (DNS rebinding).
    """
    if not access.allow_remote:
        if not is_loopback(request.remote or ""):
            raise ControlRefusedError(403, "the control API is open to this machine only")
        if not is_loopback(_host_name(request.host)):
            raise ControlRefusedError(403, "Host: expected localhost or a loopback address")
    if access.token is not None:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, f"Bearer {access.token}".encode()):
            raise ControlRefusedError(401, "Authorization: expected Bearer and the control token")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this very machine.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("10.0.0.1")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _host_name(host: str) -> str:
    """A Host header without its port: "[::1]:80" -> "::1", "localhost:80" -> "localhost"."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _refuse(status: int, line: str) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return web.json_response({"error": line}, status=status, headers=headers)


def query_of(request: web.Request, model: type[Model]) -> Model:
    """The query string as a model. Raises ValidationError, and ControlRefusedError for doubles."""
    for name in request.query:
        if len(request.query.getall(name)) > 1:
            raise ControlRefusedError(400, "the query string names a parameter more than once")
    return model.model_validate(dict(request.query))


async def body_of(request: web.Request, model: type[Model]) -> Model:
    """The JSON body as a model. Raises ValidationError and ControlRefusedError."""
    return model.model_validate_json(await json_bytes_of(request))


async def json_bytes_of(request: web.Request) -> bytes:
    """The body. It must be called JSON: a browser asks before it sends such to another site."""
    query_of(request, NoQuery)
    if request.content_type != "application/json":
        raise ControlRefusedError(415, "Content-Type: expected application/json")
    return await request.read()
