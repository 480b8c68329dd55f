"""The monitor's pages over HTTP: reads cards from memory, draws them, keeps decisions."""

import logging
import re
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from sidecars.common.clock import Clock
from sidecars.common.pages.gate import PageError, form_of, see_other
from sidecars.common.pages.site import Frame, Site, SiteParts
from sidecars.confluence.monitor import page_formats, page_views
from sidecars.confluence.monitor.charts import HEIGHT, PLOT_WIDTH, chart_of, score_labels
from sidecars.confluence.monitor.model import Card
from sidecars.confluence.monitor.web_model import CardsProvider, SourcesProvider

logger = logging.getLogger(__name__)

LONGEST_NOTE = 500
DECISIONS = {"yes": True, "no": False}
FRAME = Frame(
    title="Luno monitor",
    pages=(("/", "overview", "Holdings"), ("/sources", "sources", "Sources")),
    footer="The monitor never places an order.",
    home="Back to your holdings",
    open="Open the monitor",
    lead=(
        "What you hold on Luno, how it is going, and what the score says today. "
        "The monitor never places an order."
    ),
    token="Token of the scores service",
    token_variable="AQUATRADE_SCORES_TOKEN",
)
PARTS = SiteParts(
    name="monitor",
    frame=FRAME,
    folder=Path(__file__).parent,
    style="monitor.css",
    paths=frozenset({"/", "/sources"}),
    prefixes=("/holdings/",),
    # Our own pages and nothing else.
    next_page=re.compile(r"/(?:sources|holdings/[A-Za-z0-9._-]{1,32})?"),
    filters={
        "advice": page_views.advice_lines,
        "newest_first": page_views.newest_first,
        "percentile": page_formats.percentile_in_words,
        "zone_class": page_formats.zone_class,
        "zone_name": page_formats.zone_name,
    },
    values={
        "chart_height": HEIGHT,
        "distance_pct": page_views.distance_pct,
        "hit_by": page_formats.HIT_BY,
        "next_rung": page_views.next_rung,
        "plot_width": PLOT_WIDTH,
        "regime_names": page_formats.REGIME_NAMES,
        "rung_marks": page_formats.RUNG_MARKS,
        "signal_marks": page_formats.SIGNAL_MARKS,
        "status_words": page_views.STATUS_WORDS,
    },
)


class Pages:
    """Handlers of the monitor's pages inside of their frame."""

    def __init__(
        self, monitor: CardsProvider, sources: SourcesProvider, token: str, clock: Clock
    ) -> None:
        self._monitor = monitor
        self._sources = sources
        self._site = Site(PARTS, token, clock)

    def mount(self, app: web.Application) -> None:
        """Add the routes, and the gate inside of the application's own middlewares."""
        router = app.router
        router.add_get("/", self.overview)
        router.add_get("/holdings/{asset}", self.holding)
        router.add_post("/holdings/{asset}/decisions", self.decide)
        router.add_get("/sources", self.sources)
        self._site.mount(app)

    async def overview(self, _: web.Request) -> web.Response:
        """GET /: all holdings at a glance."""
        cards = self._monitor.cards()
        return self._site.page(
            "overview.html",
            cards=cards,
            totals=page_views.totals(cards),
            today=page_views.today(cards),
            hits=page_views.recent_hits(cards, self._site.now_ms),
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
        return self._site.page(
            "sources.html", sidecars=sidecars, summary=page_views.sources_summary(sidecars)
        )

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
        return self._site.page(
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
