"""The monitor's pages over HTTP: reads cards from memory, draws them, keeps decisions."""

import logging
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sidecars.common.clock import Clock
from sidecars.confluence.monitor import page_formats, page_views
from sidecars.confluence.monitor.charts import HEIGHT, PLOT_WIDTH, chart_of, score_labels
from sidecars.confluence.monitor.model import Card
from sidecars.confluence.monitor.page_gate import (
    PageError,
    PageGate,
    digest_of,
    form_of,
    html_response,
    see_other,
    static_handler,
)
from sidecars.confluence.monitor.session import (
    COOKIE,
    SESSION_SECONDS,
    LoginGuard,
    Sessions,
    is_encrypted,
)
from sidecars.confluence.monitor.web_model import CardsProvider, SourcesProvider

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
STYLE_PATH = "/static/monitor.css"
ICON_PATH = "/static/icon.svg"
PUBLIC_PATHS = frozenset({"/login", STYLE_PATH, ICON_PATH})
LONGEST_NOTE = 500
# Where a login may lead to: our own pages and nothing else.
OWN_PAGE = re.compile(r"/(?:sources|holdings/[A-Za-z0-9._-]{1,32})?")
DECISIONS = {"yes": True, "no": False}


class Pages:
    """Handlers; templates and style are read once, when this is made."""

    def __init__(
        self, monitor: CardsProvider, sources: SourcesProvider, token: str, clock: Clock
    ) -> None:
        self._monitor = monitor
        self._sources = sources
        self._clock = clock
        self._sessions = Sessions(clock)
        self._logins = LoginGuard(token, clock)
        self._gate = PageGate(self._sessions, PUBLIC_PATHS, self._error_page)
        self._style = (HERE / "static" / "monitor.css").read_bytes()
        self._icon = (HERE / "static" / "icon.svg").read_bytes()
        environment = _environment(digest_of(self._style + self._icon))
        # All of them now: nothing is read from a disk while somebody waits.
        self._templates = {
            name: environment.get_template(name) for name in environment.list_templates()
        }

    def mount(self, app: web.Application) -> None:
        """Add the routes, and the gate inside of the application's own middlewares."""
        router = app.router
        router.add_get("/", self.overview)
        router.add_get("/holdings/{asset}", self.holding)
        router.add_post("/holdings/{asset}/decisions", self.decide)
        router.add_get("/sources", self.sources)
        router.add_get("/login", self.login_form)
        router.add_post("/login", self.login)
        router.add_post("/logout", self.logout)
        router.add_get(STYLE_PATH, static_handler(self._style, "text/css"))
        router.add_get(ICON_PATH, static_handler(self._icon, "image/svg+xml"))
        app.middlewares.append(self._gate.handle)

    async def overview(self, _: web.Request) -> web.Response:
        """GET /: all holdings at a glance."""
        cards = self._monitor.cards()
        return self._page(
            "overview.html",
            cards=cards,
            totals=page_views.totals(cards),
            today=page_views.today(cards),
            hits=page_views.recent_hits(cards, self._now_ms()),
            review=self._monitor.review_words(),
            newest_score_ms=page_views.newest_score_ms(cards),
            sources=page_views.sources_summary(self._sources.sidecars()),
        )

    async def holding(self, request: web.Request) -> web.Response:
        """GET /holdings/{asset}: one card with everything on it."""
        return self._holding_page(self._card(request), recorded="recorded" in request.query)

    async def decide(self, request: web.Request) -> web.Response:
        """POST /holdings/{asset}/decisions: bought=yes or no, note."""
        card = self._card(request)
        form = await form_of(request)
        note = " ".join(form.get("note", "").split())
        bought = DECISIONS.get(form.get("bought", ""))
        if bought is None:
            return self._holding_page(card, 400, note=note, problem="Choose bought or not bought.")
        if len(note) > LONGEST_NOTE or not note.isprintable():
            problem = f"A note is at most {LONGEST_NOTE} characters of plain text."
            return self._holding_page(card, 400, note=note[:LONGEST_NOTE], problem=problem)
        asset = card.holding.asset
        try:
            await self._monitor.decide(asset, note, bought=bought)
        except ValueError as error:
            return self._holding_page(card, 400, note=note, problem=str(error))
        logger.info("decision recorded", extra={"asset": asset, "bought": bought})
        return see_other(f"/holdings/{quote(asset)}?recorded=1#decisions")

    async def sources(self, _: web.Request) -> web.Response:
        """GET /sources: how every source of every sidecar is doing."""
        sidecars = self._sources.sidecars()
        return self._page(
            "sources.html", sidecars=sidecars, summary=page_views.sources_summary(sidecars)
        )

    async def login_form(self, request: web.Request) -> web.Response:
        """GET /login."""
        next_page = _own_page(request.query.get("next"))
        if self._gate.is_signed_in(request):
            return see_other(next_page)
        # Browsers keep a Strict cookie back when another site's link leads here.
        by_link = request.headers.get("Sec-Fetch-Site") not in ("same-origin", "none")
        return self._login_page(next_page, by_link=by_link)

    async def login(self, request: web.Request) -> web.Response:
        """POST /login: token, next."""
        form = await form_of(request)
        next_page = _own_page(form.get("next"))
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
            COOKIE,
            self._sessions.open(),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="Strict",
            secure=is_encrypted(request.scheme, request.headers),
        )
        logger.info("login", extra={"remote": request.remote})
        return response

    async def logout(self, request: web.Request) -> web.Response:
        """POST /logout."""
        self._sessions.close(request.cookies.get(COOKIE))
        response = see_other("/login")
        response.del_cookie(COOKIE)
        return response

    def _card(self, request: web.Request) -> Card:
        card = self._monitor.card(request.match_info["asset"])
        if card is None:
            raise PageError(404, "There is no such holding.")
        return card

    def _holding_page(
        self,
        card: Card,
        status: int = 200,
        *,
        note: str = "",
        problem: str = "",
        recorded: bool = False,
    ) -> web.Response:
        return self._page(
            "holding.html",
            status,
            card=card,
            chart=chart_of(card.history, card.holding.asset, card.holding.currency),
            score_labels=score_labels(),
            parts=page_views.signal_parts(card),
            missing=page_views.missing_inputs(card),
            months=page_views.month_rows(card.history),
            longest_note=LONGEST_NOTE,
            note=note,
            problem=problem,
            recorded=recorded,
        )

    def _login_page(
        self, next_page: str, status: int = 200, problem: str = "", *, by_link: bool = False
    ) -> web.Response:
        return self._page(
            "login.html", status, next_page=next_page, problem=problem, by_link=by_link
        )

    def _error_page(self, status: int, line: str, signed_in: bool) -> str:
        return self._drawn("error.html", status=status, line=line, signed_in=signed_in)

    def _page(self, template: str, status: int = 200, **values: Any) -> web.Response:
        return html_response(self._drawn(template, **values), status)

    def _drawn(self, template: str, **values: Any) -> str:
        return self._templates[template].render(now_ms=self._now_ms(), **values)

    def _now_ms(self) -> int:
        return round(self._clock.now().timestamp() * page_formats.MS_PER_SECOND)


def add_monitor_pages(
    app: web.Application,
    monitor: CardsProvider,
    sources: SourcesProvider,
    token: str,
    clock: Clock,
) -> None:
    """Mount the pages into the service's application, before it starts.

    token: that of the service; a browser gives it once and holds a session for 12 hours.
    """
    Pages(monitor, sources, token, clock).mount(app)


def _own_page(asked: str | None) -> str:
    return asked if asked and OWN_PAGE.fullmatch(asked) else "/"


@cache
def _environment(static_version: str) -> Environment:
    """Templates with their filters, compiled once a process."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Mapping[str, Any] = {
        "age": page_formats.age,
        "advice": page_views.advice_lines,
        "closed_day": page_formats.closed_day,
        "coins": page_formats.coins,
        "day": page_formats.day,
        "machine_time": page_formats.machine_time,
        "moment": page_formats.moment,
        "money": page_formats.money,
        "newest_first": page_views.newest_first,
        "percent": page_formats.percent,
        "percentile": page_formats.percentile_in_words,
        "points": page_formats.points,
        "price": page_formats.price,
        "price_number": page_formats.price_number,
        "sentence": page_formats.sentence,
        "signed_percent": page_formats.signed_percent,
        "tone": page_formats.tone,
        "zone_class": page_formats.zone_class,
        "zone_name": page_formats.zone_name,
    }
    environment.filters.update(filters)
    environment.globals.update(
        chart_height=HEIGHT,
        distance_pct=page_views.distance_pct,
        hit_by=page_formats.HIT_BY,
        icon_url=f"{ICON_PATH}?v={static_version}",
        next_rung=page_views.next_rung,
        plot_width=PLOT_WIDTH,
        regime_names=page_formats.REGIME_NAMES,
        rung_marks=page_formats.RUNG_MARKS,
        signal_marks=page_formats.SIGNAL_MARKS,
        style_url=f"{STYLE_PATH}?v={static_version}",
        status_words=page_views.STATUS_WORDS,
    )
    return environment
