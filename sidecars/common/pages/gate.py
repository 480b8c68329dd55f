"""What stands between a browser and the pages: session, origin of forms, HTML errors, headers."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, quote

from aiohttp import web

from sidecars.common.http import PROTECTED_PREFIX, Handler
from sidecars.common.pages.session import Sessions, comes_from_here

logger = logging.getLogger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD"})
FORM_TYPE = "application/x-www-form-urlencoded"
MOST_FIELDS = 8
SECURITY_HEADERS = {
    # No script at all, nothing from elsewhere, no frame around it.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer" browsers send a form with "Origin: null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ErrorPage = Callable[[int, str, bool], str]


class PageError(Exception):
    """A refusal that is shown as a page: HTTP status and one line, None for the usual one."""

    def __init__(self, status: int, line: str | None = None) -> None:
        super().__init__(line)
        self.status = status
        self.line = line


@dataclass(frozen=True, slots=True)
class Realm:
    """What belongs to a service's pages.

    name: "monitor", as errors call it. cookie: that of a session; browsers share cookies between
    the ports of a machine, so each service has its own. paths, prefixes: addresses of pages;
    public: those of them that need no session.
    """

    name: str
    cookie: str
    paths: frozenset[str]
    prefixes: tuple[str, ...]
    public: frozenset[str]

    def has(self, path: str) -> bool:
        """Whether the address is one of the pages, or could be."""
        return path in self.paths or path.startswith(self.prefixes)


def error_lines(name: str) -> Mapping[int, str]:
    """What is said to a person, by HTTP status. name: of the service."""
    return {
        400: "The request could not be read.",
        401: "You are not signed in, or your session has ended.",
        403: f"This form was not sent from one of the {name}'s own pages.",
        404: "There is no such page.",
        405: "This address cannot be used that way.",
        413: "What was sent is too long.",
        415: f"Only the {name}'s own forms are read here.",
        500: f"The {name} failed. Its log says why.",
    }


class PageGate:
    """The middleware of the pages; other paths of the application pass untouched.

    Every path of the pages needs a session unless it is named as public, so that a page which is
    added later is guarded from its first day. error_page: status, line and whether there is a
    session, to HTML.
    """

    def __init__(self, sessions: Sessions, realm: Realm, error_page: ErrorPage) -> None:
        self._sessions = sessions
        self._realm = realm
        self._error_page = error_page
        self._lines = error_lines(realm.name)

    @web.middleware
    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Guard the request if it is ours, and answer errors in HTML."""
        if not self._realm.has(request.path):
            return await self._elsewhere(request, handler)
        response: web.StreamResponse
        try:
            refusal = self._refusal(request)
            response = await handler(request) if refusal is None else refusal
        except PageError as error:
            line = error.line or self._lines.get(error.status, "")
            response = self._failed(request, error.status, line)
        except web.HTTPException as error:
            response = self._failed(request, error.status, self._lines.get(error.status, ""))
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except Exception:  # the last resort of a server: say so in the log, tell nothing
            logger.exception("page failed", extra={"path": request.path})
            response = self._failed(request, 500, self._lines[500])
        return _hardened(response)

    def is_signed_in(self, request: web.Request) -> bool:
        """Whether the request carries an open session."""
        return self._sessions.is_open(request.cookies.get(self._realm.cookie))

    def _refusal(self, request: web.Request) -> web.Response | None:
        """A way to the login page, or None where the request may pass. Raises PageError."""
        is_safe = request.method in SAFE_METHODS
        if not is_safe and not comes_from_here(request.headers):
            raise PageError(403)
        if request.path in self._realm.public or self.is_signed_in(request):
            return None
        if not is_safe:
            raise PageError(401)
        return see_other(f"/login?next={quote(request.path, safe='/')}")

    async def _elsewhere(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Addresses that nobody has: a person gets a page, a program what it always got."""
        try:
            return await handler(request)
        except web.HTTPNotFound:
            is_person = "text/html" in request.headers.get("Accept", "")
            if request.path.startswith(PROTECTED_PREFIX) or not is_person:
                raise
            return _hardened(self._failed(request, 404, self._lines[404]))

    def _failed(self, request: web.Request, status: int, line: str) -> web.Response:
        text = line or f"{HTTPStatus(status).phrase}."
        return html_response(self._error_page(status, text, self.is_signed_in(request)), status)


def _hardened(response: web.StreamResponse) -> web.StreamResponse:
    """With the headers of every answer; no cache keeps what does not ask for it."""
    response.headers.update(SECURITY_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


async def form_of(request: web.Request) -> dict[str, str]:
    """The fields of a form, the last of each name. Raises PageError and HTTP 413."""
    if request.content_type != FORM_TYPE:
        raise PageError(415)
    body = await request.read()
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:  # not ASCII, not UTF-8 once unquoted, too many fields
        raise PageError(400) from None
    return dict(fields)


def html_response(text: str, status: int = 200) -> web.Response:
    """A page."""
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


def see_other(path: str) -> web.Response:
    """303: the browser asks for `path` with GET."""
    return web.Response(status=303, headers={"Location": path})


def static_handler(body: bytes, content_type: str) -> Handler:
    """Serves bytes from memory under an address that carries their digest."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type, headers=headers)

    return handler


def digest_of(body: bytes) -> str:
    """Twelve characters that change when the bytes do."""
    return hashlib.sha256(body).hexdigest()[:12]
