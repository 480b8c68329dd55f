"""The frame of a service's pages: how they are drawn, login and logout, style and icon."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sidecars.common.clock import Clock
from sidecars.common.pages import formats
from sidecars.common.pages.gate import (
    PageGate,
    Realm,
    digest_of,
    form_of,
    html_response,
    see_other,
    static_handler,
)
from sidecars.common.pages.session import SESSION_SECONDS, LoginGuard, Sessions, is_encrypted

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
ICON_PATH = "/static/icon.svg"
FILTERS: Mapping[str, Any] = {
    "age": formats.age,
    "cash": formats.cash,
    "closed_day": formats.closed_day,
    "coins": formats.coins,
    "day": formats.day,
    "machine_time": formats.machine_time,
    "moment": formats.moment,
    "money": formats.money,
    "number": formats.number,
    "percent": formats.percent,
    "points": formats.points,
    "price": formats.price,
    "price_number": formats.price_number,
    "sentence": formats.sentence,
    "signed_cash": formats.signed_cash,
    "signed_number": formats.signed_number,
    "signed_percent": formats.signed_percent,
    "tone": formats.tone,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What the frame says for one service.

    pages: address, name of the template's block `page`, and word of each page in the navigation.
    """

    title: str  # "Luno monitor"
    pages: tuple[tuple[str, str, str], ...]
    footer: str
    home: str  # where an error leads: "Back to your holdings"
    open: str  # "Open the monitor"
    lead: str  # on the login page: what this is
    token: str  # "Token of the scores service"
    token_variable: str  # "AQUATRADE_SCORES_TOKEN"


@dataclass(frozen=True, slots=True, eq=False)
class SiteParts:
    """A service's own part of its pages; one for a process.

    name: "monitor", as errors call it. folder: of templates/ and static/. style: name of its own
    style sheet. next_page: where a login may lead to. paths, prefixes: addresses of its pages.
    """

    name: str
    frame: Frame
    folder: Path
    style: str
    paths: frozenset[str]
    prefixes: tuple[str, ...]
    next_page: re.Pattern[str]
    filters: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)  # for every template


class Site:
    """Draws pages and lets people in; templates and style are read once, when this is made.

    token: that of the service; a browser gives it once and holds a session for 12 hours.
    """

    def __init__(self, parts: SiteParts, token: str, clock: Clock) -> None:
        self._clock = clock
        self._next_page = parts.next_page
        self._sessions = Sessions(clock)
        self._logins = LoginGuard(token, clock)
        self._style_path = f"/static/{parts.style}"
        self._cookie = f"aquatrade_{parts.name}"
        realm = Realm(
            name=parts.name,
            cookie=self._cookie,
            paths=parts.paths | {"/login", "/logout"},
            prefixes=(*parts.prefixes, "/static/"),
            public=frozenset({"/login", self._style_path, ICON_PATH}),
        )
        self._gate = PageGate(self._sessions, realm, self._error_page)
        static = parts.folder / "static"
        self._style = b"\n".join(
            file.read_bytes() for file in (HERE / "static" / "base.css", static / parts.style)
        )
        self._icon = (static / "icon.svg").read_bytes()
        environment = _environment(parts, digest_of(self._style + self._icon))
        # All of them now: nothing is read from a disk while somebody waits.
        self._templates = {
            name: environment.get_template(name) for name in environment.list_templates()
        }

    @property
    def now_ms(self) -> int:
        """The moment at which a page is drawn."""
        return round(self._clock.now().timestamp() * formats.MS_PER_SECOND)

    def mount(self, app: web.Application) -> None:
        """Add the routes, and the gate inside of the application's own middlewares."""
        router = app.router
        router.add_get("/login", self._login_form)
        router.add_post("/login", self._login)
        router.add_post("/logout", self._logout)
        router.add_get(self._style_path, static_handler(self._style, "text/css"))
        router.add_get(ICON_PATH, static_handler(self._icon, "image/svg+xml"))
        app.middlewares.append(self._gate.handle)

    def page(self, template: str, status: int = 200, **values: Any) -> web.Response:
        """A page from its template."""
        return html_response(self._drawn(template, **values), status)

    async def _login_form(self, request: web.Request) -> web.Response:
        next_page = self._own_page(request.query.get("next"))
        if self._gate.is_signed_in(request):
            return see_other(next_page)
        # Browsers keep a Strict cookie back when another site's link leads here.
        by_link = request.headers.get("Sec-Fetch-Site") not in ("same-origin", "none")
        return self._login_page(next_page, by_link=by_link)

    async def _login(self, request: web.Request) -> web.Response:
        form = await form_of(request)
        next_page = self._own_page(form.get("next"))
        wait_seconds = self._logins.wait_seconds()
        if wait_seconds > 0:
            logger.warning("login limited", extra={"wait_seconds": wait_seconds})
            problem = f"Too many wrong tokens. Try again in {wait_seconds} seconds."
            response = self._login_page(next_page, 429, problem)
            response.headers["Retry-After"] = str(wait_seconds)
            return response
        if not self._logins.accepts(form.get("token", "").strip()):
            logger.warning("login refused", extra={"remote": request.remote})
            return self._login_page(next_page, 401, "That is not the service's token.")
        response = see_other(next_page)
        response.set_cookie(
            self._cookie,
            self._sessions.open(),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="Strict",
            secure=is_encrypted(request.scheme, request.headers),
        )
        logger.info("login", extra={"remote": request.remote})
        return response

    async def _logout(self, request: web.Request) -> web.Response:
        self._sessions.close(request.cookies.get(self._cookie))
        response = see_other("/login")
        response.del_cookie(self._cookie)
        return response

    def _own_page(self, asked: str | None) -> str:
        return asked if asked and self._next_page.fullmatch(asked) else "/"

    def _login_page(
        self, next_page: str, status: int = 200, problem: str = "", *, by_link: bool = False
    ) -> web.Response:
        return self.page(
            "login.html", status, next_page=next_page, problem=problem, by_link=by_link
        )

    def _error_page(self, status: int, line: str, signed_in: bool) -> str:
        return self._drawn("error.html", status=status, line=line, signed_in=signed_in)

    def _drawn(self, template: str, **values: Any) -> str:
        return self._templates[template].render(now_ms=self.now_ms, **values)


@cache
def _environment(parts: SiteParts, version: str) -> Environment:
    """Templates with their filters, compiled once a process. version: of style and icon."""
    environment = Environment(
        loader=FileSystemLoader([parts.folder / "templates", HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({**FILTERS, **parts.filters})
    environment.globals.update(
        {
            **parts.values,
            "frame": parts.frame,
            "icon_url": f"{ICON_PATH}?v={version}",
            "style_url": f"/static/{parts.style}?v={version}",
        }
    )
    return environment
