"""The guard's pages over HTTP: what it knows, and what a person may tell it."""

import logging
from collections.abc import Awaitable, Mapping
from typing import Any

from aiohttp import web

from aquatrade.risk.model import Trip
from sidecars.common.clock import Clock
from sidecars.common.moments import iso_ms, ms_of
from sidecars.common.pages.formats import sentence
from sidecars.common.pages.gate import PageError, form_of, see_other
from sidecars.common.pages.site import Site
from sidecars.guard import views
from sidecars.guard.guard import RECONCILE
from sidecars.guard.pages_chain import ChainCheck
from sidecars.guard.pages_desk import GuardDesk
from sidecars.guard.pages_frame import DONE, PARTS
from sidecars.guard.pages_input import (
    LONGEST_REASON,
    InputError,
    given,
    read_before,
    read_candle,
    read_filter,
    read_pair,
    read_reason,
)
from sidecars.guard.refusals import GuardRefusal, StoreError
from sidecars.guard.views_events import KIND_WORDS, event_rows
from sidecars.guard.views_why import GUARD, stories

logger = logging.getLogger(__name__)

BY = "web page"
KILL_FILE = "file"  # who has stopped all where a file does
RECENT_EVENTS = 8
EVENTS_A_PAGE = 50
WHY_EVENTS = 200  # of a pair, where no candle is named
ANSWERS = ("approve", "reject")


class Pages:
    """Handlers of the guard's pages inside of their frame."""

    def __init__(self, guard: GuardDesk, token: str, clock: Clock) -> None:
        self._guard = guard
        self._site = Site(PARTS, token, clock)
        self._chain = ChainCheck(guard.verify_events, clock)

    def mount(self, app: web.Application) -> None:
        """Add the routes, and the gate inside of the application's own middlewares."""
        router = app.router
        router.add_get("/", self.overview)
        router.add_get("/events", self.events)
        router.add_get("/why", self.why)
        router.add_get("/kill", self.kill_form)
        router.add_post("/kill", self.kill)
        router.add_get("/resume", self.resume_form)
        router.add_post("/resume", self.resume)
        router.add_post("/approvals/{approval}", self.answer)
        router.add_post("/reconcile", self.reconcile)
        self._site.mount(app)

    async def overview(self, request: web.Request) -> web.Response:
        """GET /: everything at a glance. ?paper=1: the bots on paper counted as if real."""
        events = await self._guard.newest_events(RECENT_EVENTS)
        state, bots, approvals = self._guard.state(), self._guard.bots(), self._guard.approvals()
        all_paper = views.is_all_paper(bots)
        paper = all_paper or "paper" in request.query
        book = self._guard.book(paper=paper)
        equity = book.book.equity
        return self._site.page(
            "overview.html",
            done=DONE.get(request.query.get("done", ""), ""),
            trouble=self._guard.trouble,
            state=state,
            killed_by_file=state.kill is not None and state.kill.by == KILL_FILE,
            words=views.STATE_WORDS[state.state],
            lines=views.state_lines(state),
            trips=[views.trip_row(trip) for trip in state.trips],
            agreement=views.agreement(state),
            currency=self._guard.stake_currency,
            paper=paper,
            all_paper=all_paper,
            has_paper=views.has_paper(bots),
            book=book,
            pct=views.profit_pcts(book),
            bars=[views.limit_bar(limit) for limit in self._guard.limits()],
            by_asset=views.shares(book.exposure_by_asset, equity),
            by_bot=views.shares(book.at_stake_by_bot, equity),
            by_exchange=views.shares(book.exposure_by_exchange, equity),
            bots=[views.bot_row(bot) for bot in bots],
            waiting=views.waiting(approvals),
            answered=views.answered(approvals),
            events=event_rows(events),
        )

    async def events(self, request: web.Request) -> web.Response:
        """GET /events?kind&bot&pair&before: newest first, a page at a time."""
        try:
            chosen, before = read_filter(request.query), read_before(request.query)
        except InputError as error:
            raise PageError(400, sentence(str(error))) from None
        found = await self._guard.newest_events(
            EVENTS_A_PAGE + 1, kind=chosen.kind, bot=chosen.bot, pair=chosen.pair, before=before
        )
        shown = found[:EVENTS_A_PAGE]
        is_more = len(found) > EVENTS_A_PAGE
        return self._site.page(
            "events.html",
            chain=await self._chain.look(),
            kinds=KIND_WORDS.items(),
            origins=self._origins(chosen.bot),
            chosen=chosen,
            events=event_rows(shown),
            is_later=before is not None,
            newest_address=chosen.address(),
            older_address=chosen.address(shown[-1].seq) if is_more else None,
        )

    async def why(self, request: web.Request) -> web.Response:
        """GET /why?pair&candle&bot: what became of a signal; without a candle of the last ones."""
        asked = {name: given(request.query, name) for name in ("pair", "candle", "bot")}
        if asked["pair"] is None:
            return self._why_page(asked, 400 if asked["candle"] else 200)
        try:
            pair = read_pair(asked["pair"])
            candle = None if asked["candle"] is None else read_candle(asked["candle"])
        except InputError as error:
            return self._why_page(asked, 400, problem=sentence(str(error)))
        if candle is None:
            newest = await self._guard.newest_events(WHY_EVENTS, pair=pair)
            events = [stored.event for stored in reversed(newest)]
            nothing = f"Nothing was said about any candle of {pair}."
        else:
            events = [stored.event for stored in await self._guard.why(pair, candle)]
            nothing = f"Nothing was said about {pair} and this candle."
            asked["candle"] = iso_ms(ms_of(candle))
        found = [each for each in stories(events) if asked["bot"] in (None, each.bot)]
        asked["pair"] = pair
        return self._why_page(asked, stories=found, nothing="" if found else nothing)

    async def kill_form(self, _: web.Request) -> web.Response:
        """GET /kill: sure?"""
        return self._kill_page()

    async def kill(self, request: web.Request) -> web.Response:
        """POST /kill: reason, close=yes or nothing."""
        form = await form_of(request)
        close = form.get("close") == "yes"
        try:
            reason = read_reason(form.get("reason", ""))
        except InputError as error:
            return self._kill_page(400, form["reason"][:LONGEST_REASON], str(error), close=close)
        await _told(self._guard.kill(BY, reason or "no reason given", close=close))
        logger.warning("stopped by hand", extra={"by": BY, "close": close})
        return _done("kill")

    async def resume_form(self, request: web.Request) -> web.Response:
        """GET /resume?rule: sure?"""
        return self._resume_page(given(request.query, "rule"))

    async def resume(self, request: web.Request) -> web.Response:
        """POST /resume: rule."""
        rule = given(await form_of(request), "rule")
        self._resumable(rule)
        try:
            await self._guard.resume(BY, rule)
        except GuardRefusal as error:
            return self._resume_page(rule, error.status, str(error))
        except StoreError as error:
            return self._resume_page(rule, 503, str(error))
        logger.warning("resumed", extra={"by": BY, "rule": rule})
        return _done("resume")

    async def answer(self, request: web.Request) -> web.Response:
        """POST /approvals/{approval}: answer=approve or reject."""
        approval = request.match_info["approval"]
        said = (await form_of(request)).get("answer", "")
        if said not in ANSWERS:
            raise PageError(400, "Choose yes or no.")
        tell = self._guard.approve if said == "approve" else self._guard.reject
        await _told(tell(approval, BY))
        logger.info("approval answered", extra={"approval": approval, "answer": said})
        return _done(said)

    async def reconcile(self, request: web.Request) -> web.Response:
        """POST /reconcile: compare with the exchanges now."""
        await form_of(request)
        await _told(self._guard.reconcile())
        return _done("reconcile")

    def _origins(self, chosen: str | None) -> list[str]:
        names = [GUARD, *(bot.name for bot in self._guard.bots())]
        return names if chosen is None or chosen in names else [*names, chosen]

    def _why_page(
        self, asked: Mapping[str, str | None], status: int = 200, **values: Any
    ) -> web.Response:
        return self._site.page(
            "why.html",
            status,
            **{
                "pair": asked["pair"],
                "candle_text": asked["candle"],
                "bot": asked["bot"],
                "origins": self._origins(asked["bot"]),
                "problem": "",
                "stories": [],
                "nothing": "",
                **values,
            },
        )

    def _kill_page(
        self, status: int = 200, reason: str = "", problem: str = "", *, close: bool = False
    ) -> web.Response:
        return self._site.page(
            "kill.html",
            status,
            reason=reason,
            problem=problem,
            close=close,
            is_on=self._guard.state().kill is not None,
            longest_reason=LONGEST_REASON,
        )

    def _resume_page(self, rule: str | None, status: int = 200, problem: str = "") -> web.Response:
        trip = self._resumable(rule)
        return self._site.page(
            "resume.html",
            status,
            rule=rule,
            name=views.rule_name(rule or ""),
            trip=None if trip is None else views.trip_row(trip),
            held=[each.text for each in self._guard.state().held if each.rule == rule],
            mismatches=self._guard.state().mismatches,
            problem=problem,
        )

    def _resumable(self, rule: str | None) -> Trip | None:
        """The trip of that rule, None for what is no trip. Raises PageError for neither."""
        state = self._guard.state()
        trip = next((trip for trip in state.trips if trip.rule == rule), None)
        others = {"kill": state.kill is not None, RECONCILE: bool(state.mismatches)}
        is_held = any(each.rule == rule for each in state.held)
        if trip is None and not is_held and not others.get(rule or "", False):
            raise PageError(404, "There is nothing of that name to resume.")
        return trip


def add_guard_pages(app: web.Application, guard: GuardDesk, token: str, clock: Clock) -> None:
    """Mount the pages into the service's application, before it starts.

    token: that of the service; a browser gives it once and holds a session for 12 hours.
    """
    Pages(guard, token, clock).mount(app)


def _done(what: str) -> web.Response:
    return see_other(f"/?done={what}")


async def _told(telling: Awaitable[object]) -> None:
    """What the guard was told; its refusal is a page. Raises PageError."""
    try:
        await telling
    except GuardRefusal as error:
        raise PageError(error.status, sentence(str(error))) from None
    except StoreError as error:
        raise PageError(503, sentence(str(error))) from None
