"""Runs the monitor beside the scores: prices, holdings file, alerts and the health of sources."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import aiohttp
from aiohttp import web
from sqlalchemy import MetaData
from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.alert import Alert
from sidecars.common.alert_targets import read_targets
from sidecars.common.clock import Clock
from sidecars.common.database import open_database
from sidecars.common.fetch import Fetcher, RateLimit
from sidecars.common.http import ApiError
from sidecars.common.lockstep import LockstepError
from sidecars.common.moments import ms_of
from sidecars.common.notify import Notifier
from sidecars.common.observation_store import ObservationTable, observations_table
from sidecars.common.observations import MS_PER_DAY
from sidecars.common.outbox import Outbox
from sidecars.common.parameters import check_names, shown
from sidecars.common.settings_file import SettingsError
from sidecars.confluence.alerts import score_alerts, target_alerts
from sidecars.confluence.answers import health
from sidecars.confluence.monitor.assemble import Memory, Monitor
from sidecars.confluence.monitor.decisions import DecisionTable, decisions_table
from sidecars.confluence.monitor.health_watch import HealthWatch, sidecar_health, states_health
from sidecars.confluence.monitor.holdings import load_holdings
from sidecars.confluence.monitor.luno import LUNO, Markets, read_luno_key
from sidecars.confluence.monitor.model import Card, Holding, RungState
from sidecars.confluence.monitor.pages import add_monitor_pages
from sidecars.confluence.monitor.price_board import PriceBoard
from sidecars.confluence.monitor.text import chat_card, chat_list, terminal_card, terminal_list
from sidecars.confluence.monitor.web_model import SidecarHealth, SourceHealth, SourceStatus
from sidecars.confluence.records import ScoreRow
from sidecars.confluence.settings import ConfluenceSettings, MonitorSettings, ZonePreset
from sidecars.confluence.updater import Updater

logger = logging.getLogger(__name__)

_metadata = MetaData()
_observations = observations_table(_metadata)
_decisions = decisions_table(_metadata)

HEALTH_LIMIT = RateLimit(10, 1.0)
# After a first start, what is older is no news.
NEWS_MS = 2 * MS_PER_DAY
# What was slept through is told from so long ago.
LONGEST_NEWS_MS = 14 * MS_PER_DAY


def monitor_secrets(environment: Mapping[str, str]) -> list[str]:
    """What no log may show. Raises SettingsError."""
    key = read_luno_key(environment)
    own = [] if key is None else [key.key, key.secret]
    return [*own, *(text for target in read_targets(environment) for text in target.secrets)]


class HoldingsFile:
    """The file of holdings, read again when it changes; a wrong one leaves the last good ones."""

    def __init__(self, file: Path | None, quote: str, clock: Clock) -> None:
        self.error: str | None = None
        self._file = file
        self._quote = quote
        self._clock = clock
        self._stamp: tuple[int, int] | None = None

    def read(self) -> Sequence[Holding] | None:
        """The holdings, where the file is new or has changed; else None."""
        if self._file is None:
            return None
        try:
            status = self._file.stat()
        except OSError as error:
            self.error = f"{self._file}: cannot be read ({error.strerror})"
            self._stamp = None  # the very same file may come back
            return None
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            holdings = load_holdings(self._file, self._clock.now().date(), self._quote)
        except SettingsError as error:
            self.error = str(error)
            logger.error("holdings refused", extra={"error": self.error})
            return None
        self.error = None
        return holdings


class Scores(Memory, Protocol):
    """The scores beside which a monitor runs: an Updater."""

    @property
    def clock(self) -> Clock: ...

    @property
    def caught_up(self) -> bool: ...

    @property
    def generation(self) -> int: ...


class MonitorHost:
    """One monitor with everything around it."""

    def __init__(
        self,
        settings: MonitorSettings,
        scores: Scores,
        monitor: Monitor,
        holdings: HoldingsFile,
        notifier: Notifier,
        watch: HealthWatch,
        outbox: Outbox,
        preset: ZonePreset = "points",
    ) -> None:
        """outbox: that of the notifier. preset: which zones count."""
        self.monitor = monitor
        self._outbox = outbox
        self._preset: ZonePreset = preset
        self._watch = watch
        self._settings = settings
        self._scores = scores
        self._holdings = holdings
        self._notifier = notifier
        self.trouble: str | None = None
        self._told_generation: int | None = None
        self._told_as_of_ms: int | None = None

    def add_to(self, app: web.Application, token: str) -> None:
        """The pages, beside the API, and the cards as text."""
        add_monitor_pages(app, self.monitor, self._watch, token, self._scores.clock)
        app.router.add_get("/v1/cards", self.cards)

    async def cards(self, request: web.Request) -> web.Response:
        """GET /v1/cards: as text for a terminal or a chat."""
        check_names(request.query, ("asset", "format"))
        kind = request.query.get("format", "terminal")
        if kind not in ("terminal", "chat"):
            raise ApiError(400, "bad_format", f"format={shown(kind)}, expected terminal or chat")
        now_ms = ms_of(self._scores.clock.now())
        asset = request.query.get("asset")
        if asset is None:
            cards = self.monitor.cards()
            review = self.monitor.review_words()
            text = (
                chat_list(cards, now_ms) if kind == "chat" else terminal_list(cards, now_ms, review)
            )
        else:
            card = self.monitor.card(asset)
            if card is None:
                raise ApiError(404, "unknown_asset", f"{shown(asset)} is not held")
            text = (chat_card if kind == "chat" else terminal_card)(card, now_ms)
        return web.Response(text=text)

    async def run(self) -> None:
        """Keep prices, holdings and health up and send alerts, until cancelled."""
        await self.monitor.load()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._notifier.run(), name="alerts")
                tasks.create_task(self._keep_up(), name="monitor")
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _keep_up(self) -> None:
        clock = self._scores.clock
        while True:
            started = clock.now()
            try:
                await self.look()
            except LockstepError:
                raise
            except Exception as error:  # the monitor's own mistake must not end the scores
                self.trouble = f"the monitor failed: {type(error).__name__}"
                logger.exception("monitor failed")
            else:
                self.trouble = None
            await clock.sleep_until(started + timedelta(seconds=self._settings.poll_seconds))

    async def look(self) -> None:
        """Once: the file, prices, the other sidecars, and what is to be told."""
        holdings = await asyncio.to_thread(self._holdings.read)
        if holdings is not None:
            self.monitor.holdings = tuple(holdings)
            logger.info("holdings read", extra={"holdings": len(holdings)})
        await asyncio.gather(self.monitor.poll(), self._watch.look())
        if self._scores.caught_up:
            await self._tell()

    async def _tell(self) -> None:
        await self.monitor.keep_review()
        cards = self.monitor.cards()
        generation = self._scores.generation
        records = self._records({card.holding.pair for card in cards})
        try:
            since_ms = await self._news_since_ms()
            alerts = [alert for card in cards for alert in self._target_alerts(card, since_ms)]
            if generation != self._told_generation:
                alerts += self._score_alerts(records, since_ms)
            await self._notifier.post(alerts)
        except SQLAlchemyError as error:
            logger.error("alerts failed", extra={"error": str(error).splitlines()[0]})
            return
        self._told_generation = generation
        self._told_as_of_ms = min((rows[-1].as_of_ms for rows in records.values()), default=None)

    async def _news_since_ms(self) -> int:
        """What closed since then is told; what was told of it before is not told again, by its key.

        It reaches back to the last day that was told of every pair; after a restart to the first
        alert of all, as nobody knows what the process before had still to tell.
        """
        now_ms = ms_of(self._scores.clock.now())
        told_ms = self._told_as_of_ms
        if told_ms is None:
            told_ms = await asyncio.to_thread(self._outbox.first_posted_ms)
        until_ms = now_ms if told_ms is None else min(told_ms, now_ms)
        return max(until_ms - NEWS_MS, now_ms - LONGEST_NEWS_MS)

    def _target_alerts(self, card: Card, since_ms: int) -> list[Alert]:
        old = [
            rung
            for rung in card.ladder
            if rung.state is RungState.HIT and (rung.hit_at_ms or 0) < since_ms
        ]
        return target_alerts(card.holding, old, card.ladder)

    def _records(self, pairs: Collection[str]) -> dict[str, list[ScoreRow]]:
        """The last record of each day that is known, by pair; a pair without one is not there."""
        now_ms = ms_of(self._scores.clock.now())
        records: dict[str, list[ScoreRow]] = {}
        for pair in pairs:
            timeline = self._scores.timelines.get(pair)
            if timeline is None:
                continue
            known = timeline.rows[: timeline.place_at(now_ms) + 1]
            by_day = {row.as_of_ms: row for row in known}
            if by_day:
                records[pair] = [by_day[day] for day in sorted(by_day)]
        return records

    def _score_alerts(
        self, records: Mapping[str, Sequence[ScoreRow]], since_ms: int
    ) -> list[Alert]:
        """Of every day that closed since then, the first one first."""
        days = {row.as_of_ms for rows in records.values() for row in rows}
        return [
            alert
            for day_ms in sorted(day_ms for day_ms in days if day_ms >= since_ms)
            for alert in score_alerts(records, day_ms, self._preset)
        ]


def own_health(
    updater: Updater, board: PriceBoard, holdings: HoldingsFile, trouble: str | None
) -> SidecarHealth:
    """This sidecar's sources: of the scores, of the prices, and the holdings file."""
    now_ms = ms_of(updater.clock.now())
    own = sidecar_health("confluence", health(updater), now_ms)
    prices = states_health(board.states.values(), now_ms)
    status = SourceStatus.OK if holdings.error is None else SourceStatus.FAILING
    file = SourceHealth("holdings file", status, error=holdings.error)
    own_sources = [*own.sources, *prices, file]
    if trouble is not None:
        own_sources.append(SourceHealth("monitor", SourceStatus.FAILING, error=trouble))
    return SidecarHealth(own.name, own_sources, None, now_ms)


@contextlib.asynccontextmanager
async def hosted_monitor(
    settings: ConfluenceSettings,
    own: MonitorSettings,
    updater: Updater,
    environment: Mapping[str, str],
) -> AsyncIterator[MonitorHost]:
    """A monitor with its connections; closed at the end of the block.

    Raises SettingsError (keys, alert targets), SourceError (exchanges' settings), SQLAlchemyError.
    """
    clock = updater.clock
    async with contextlib.AsyncExitStack() as opened:
        timeout = settings.request_timeout_seconds
        luno = Markets(LUNO, own.luno_ccxt_config, timeout, read_luno_key(environment))
        opened.push_async_callback(luno.close)
        liquid = Markets(settings.exchange.id, settings.exchange.ccxt_config, timeout)
        opened.push_async_callback(liquid.close)
        engine = open_database(settings.database_url, _metadata)
        opened.callback(engine.dispose)
        observations = ObservationTable(engine, _observations)
        board = PriceBoard(clock, luno, liquid, settings.reference, observations)
        holdings = HoldingsFile(own.holdings_file, settings.quote, clock)
        monitor = Monitor(
            (),
            updater,
            board,
            clock,
            DecisionTable(engine, _decisions),
            currency=own.currency,
            preset=settings.zone_preset,
            poll_seconds=own.poll_seconds,
        )
        outbox = Outbox(settings.database_url)
        opened.callback(outbox.close)
        notifier = Notifier(outbox, read_targets(environment), clock)
        opened.callback(notifier.close)
        session = await opened.enter_async_context(aiohttp.ClientSession())
        others = {
            name: Fetcher(name, url, session, clock, HEALTH_LIMIT, timeout_seconds=timeout)
            for name, url in settings.connected_layers.items()
        }

        def own_sidecar() -> SidecarHealth:
            return own_health(updater, board, holdings, host.trouble)

        watch = HealthWatch(own_sidecar, others, clock)
        host = MonitorHost(
            own, updater, monitor, holdings, notifier, watch, outbox, settings.zone_preset
        )
        yield host
