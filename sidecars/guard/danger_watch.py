"""Asks the sentiment sidecar about macro danger again and again, and tells the fleet."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import aiohttp

from aquatrade.event_log import Event, EventLog
from sidecars.common.fetch import Fetcher, RateLimit
from sidecars.common.source_errors import SourceError
from sidecars.common.tokens import read_token
from sidecars.guard.danger import (
    TOKEN_VARIABLE,
    DangerSettings,
    DangerStatus,
    DangerView,
    Sighting,
    after_answer,
    after_failure,
    read_answer,
)
from sidecars.guard.desk import Desk
from sidecars.guard.fleet import Fleet, Step
from sidecars.guard.refusals import StoreError
from sidecars.guard.reservations import Moment
from sidecars.guard.timekeeping import Timekeeper
from sidecars.guard.words import plain_event

logger = logging.getLogger(__name__)

KIND = "danger"
PATH = "/v1/scores"
TIMEOUT_SECONDS = 5.0
LIMIT = RateLimit(50, 1.0)
# Between these nobody has to be told: nothing has happened, and entries go on.
_QUIET = frozenset({DangerStatus.OFF, DangerStatus.CALM, DangerStatus.NOT_TOLD})


class DangerWatch:
    """The looks at one sentiment sidecar. Run `run` as a task."""

    def __init__(
        self,
        settings: DangerSettings,
        fetcher: Fetcher,
        desk: Desk,
        log: EventLog,
        time: Timekeeper,
    ) -> None:
        """log: where it stands what was told last, before a restart."""
        self._settings = settings
        self._fetcher = fetcher
        self._desk = desk
        self._log = log
        self._time = time
        self._told: DangerView | None = None

    async def run(self) -> None:
        """Look until cancelled. Raises SQLAlchemyError where the log cannot be read."""
        self._told = await asyncio.to_thread(last_told, self._log)
        while True:
            due = self._time.clock.now() + timedelta(seconds=self._settings.poll_seconds)
            await self.look()
            await self._time.clock.sleep_until(due)

    async def look(self) -> None:
        """Once."""
        found: Sighting | SourceError
        try:
            answer = await self._fetcher.json(PATH, {"assets": self._settings.asset})
            found = read_answer(answer, self._settings.asset, self._time.now().at)
        except SourceError as error:
            found = error
        try:
            await self._desk.do(
                lambda fleet, now: take_danger(self._settings, fleet, found, self._told, now),
                is_vital=True,
            )
        except StoreError as error:
            logger.error("macro danger not kept", extra={"error": str(error)})


def take_danger(
    settings: DangerSettings,
    fleet: Fleet,
    found: Sighting | SourceError,
    told: DangerView | None,
    now: Moment,
) -> Step[None]:
    """Take in what a look has found. told: the last change in the log, from before the start."""
    if isinstance(found, SourceError):
        known = after_failure(settings, fleet.danger, str(found), now.at, now.steady_s)
    else:
        known = after_answer(settings, fleet.danger, found, now.at, now.steady_s)
    before = told if fleet.danger is None else fleet.danger.view
    event = danger_event(before, known.view, now)
    return Step(replace(fleet, danger=known), None, () if event is None else (event,))


def danger_event(before: DangerView | None, view: DangerView, now: Moment) -> Event | None:
    """The event of a change; None: nothing has changed that anybody has to be told."""
    was = DangerStatus.CALM if before is None else before.status
    refused = before is not None and before.refuses
    if (was, refused) == (view.status, view.refuses):
        return None
    if {was, view.status} <= _QUIET and not (refused or view.refuses):
        return None
    after = "" if was in (DangerStatus.OFF, DangerStatus.CALM) else f" (before: {words_of(was)})"
    data = {
        "status": view.status,
        "before": was,
        "refuses": view.refuses,
        "as_of": view.as_of,
    }
    return plain_event(KIND, f"{view.text}{after}", now.at, data)


def words_of(status: DangerStatus) -> str:
    return {DangerStatus.UNKNOWN: "not known", DangerStatus.NOT_TOLD: "not told"}.get(
        status, status.value
    )


def last_told(log: EventLog) -> DangerView | None:
    """What the newest event of this kind says. Raises SQLAlchemyError."""
    newest = log.newest(1, kind=KIND)
    if not newest:
        return None
    data = newest[0].event.data
    try:
        status = DangerStatus(str(data.get("status")))
    except ValueError:  # of another version: then it is told anew
        return None
    return DangerView(status, "", data.get("refuses") is True)


async def connected_watch(
    settings: DangerSettings,
    desk: Desk,
    log: EventLog,
    time: Timekeeper,
    environment: Mapping[str, str],
    stack: contextlib.AsyncExitStack,
) -> DangerWatch:
    """A watch whose connections end with the stack. Raises SettingsError for its token."""
    token = read_token(environment, TOKEN_VARIABLE)
    session = await stack.enter_async_context(aiohttp.ClientSession())
    fetcher = Fetcher(
        "sentiment",
        settings.url,
        session,
        time.clock,
        LIMIT,
        timeout_seconds=TIMEOUT_SECONDS,
        headers={"Authorization": f"Bearer {token}"},
        secrets=[token],
    )
    return DangerWatch(settings, fetcher, desk, log, time)
