"""Keeps a layer up: its sources asked, its scores made, its health told."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import aiohttp
from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.clock import Clock
from sidecars.common.fetch import Fetcher
from sidecars.common.keys import read_key
from sidecars.common.layer.definition import HistoryFile, Layer
from sidecars.common.layer.health import off_report, overall, source_report
from sidecars.common.layer.intake import LayerMemory, Span
from sidecars.common.layer.poller import Poller
from sidecars.common.layer.recorder import Recorder
from sidecars.common.layer.settings import LayerSettings
from sidecars.common.layer.store import LayerStore
from sidecars.common.moments import iso_ms, ms_of
from sidecars.common.sources import SourceContext, SourceEntry

logger = logging.getLogger(__name__)

# The store is told this often that the service answers.
SIGN_OF_LIFE_SECONDS = 60
# How long a start waits for the histories of sources.
HISTORY_PATIENCE_SECONDS = 20.0


class LayerService:
    """One layer, running or filling up."""

    def __init__(
        self,
        layer: Layer,
        settings: LayerSettings,
        store: LayerStore,
        clock: Clock,
    ) -> None:
        self.layer = layer
        self.settings = settings
        self.store = store
        self.clock = clock
        self.scorer = layer.make_scorer(settings)
        self.memory = LayerMemory(store)
        self.recorder = Recorder(settings, self.scorer, self.memory, clock)
        self.pollers: list[Poller] = []
        self.off: dict[str, dict[str, Any]] = {}
        self.caught_up = False
        self._started_ms = 0
        self._histories: list[asyncio.Task[None]] = []

    def add_sources(self, session: aiohttp.ClientSession, environment: Mapping[str, str]) -> None:
        """Make the adapters of all sources that are on. Raises SettingsError (a bad key file)."""
        options = self.layer.options(self.settings, self.memory, self.clock)
        for key, entry in self.layer.catalogue.items():
            own = self.settings.sources.get(key)
            if own is not None and not own.enabled:
                self.off[key] = off_report(entry.facts, "switched off in the settings")
                continue
            secret = read_key(environment, entry.key_variable) if entry.key_variable else None
            if entry.facts.needs_key and secret is None:
                self.off[key] = off_report(entry.facts, f"no key: set {entry.key_variable}")
                continue
            context = SourceContext(
                fetcher=self._fetcher(entry, session, secret),
                assets=self.settings.assets,
                key=secret,
                options={**options.get(key, {}), **(own.options if own is not None else {})},
            )
            self.pollers.append(
                Poller(
                    key,
                    entry.make(context),
                    self.memory,
                    self.clock,
                    None if own is None else own.poll_seconds,
                    self.settings.assets,
                )
            )

    def _fetcher(
        self, entry: SourceEntry, session: aiohttp.ClientSession, secret: str | None
    ) -> Fetcher:
        settings = self.settings
        own = settings.sources.get(entry.key)
        base_url = entry.base_url
        if settings.public_data_url is not None:
            base_url = f"{settings.public_data_url}/{entry.key}"
        if own is not None and own.base_url is not None:
            base_url = own.base_url
        return Fetcher(
            entry.facts.name,
            base_url,
            session,
            self.clock,
            entry.limit,
            timeout_seconds=settings.request_timeout_seconds,
            headers=entry.headers(secret) if entry.headers is not None else None,
            secrets=() if secret is None else (secret,),
        )

    async def catch_up(self) -> None:
        """Ask for histories, and make the scores of the moments that were missed.

        A source that does not answer holds up nothing but a while: its history comes later. The
        past is not scored without a history that was never read, since it would stay so.
        """
        self._started_ms = ms_of(self.clock.now())
        self._histories = [
            asyncio.create_task(
                poller.read_history(self.settings.history_start_ms),
                name=f"{self.layer.name}/history of {poller.key}",
            )
            for poller in self.pollers
        ]
        if self._histories:
            await asyncio.wait(self._histories, timeout=HISTORY_PATIENCE_SECONDS)
        if not self._awaits_history():
            await self._make_past()

    async def keep_up(self) -> None:
        """Ask the sources and make the scores, until cancelled. After catch_up()."""
        name = self.layer.name
        try:
            async with asyncio.TaskGroup() as tasks:
                for poller in self.pollers:
                    tasks.create_task(poller.run(), name=f"{name}/{poller.key}")
                tasks.create_task(self.recorder.run(), name=f"{name}/recorder")
                tasks.create_task(self._say_serving(), name=f"{name}/sign of life")
                if self._awaits_history():
                    tasks.create_task(self._make_past_later(), name=f"{name}/past")
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            for task in self._histories:
                task.cancel()

    def _awaits_history(self) -> bool:
        return any(poller.awaits_history for poller in self.pollers)

    async def _make_past_later(self) -> None:
        while self._awaits_history():
            await self.clock.sleep_until(self.clock.now() + timedelta(seconds=SIGN_OF_LIFE_SECONDS))
        await self._make_past()

    async def _make_past(self) -> None:
        # Moments come while others are being made up.
        until_ms = max(self._started_ms, 0)
        while made := await self.recorder.catch_up(until_ms):
            logger.info("caught up", extra={"layer": self.layer.name, "scores": made})
            if not self.caught_up:
                until_ms = ms_of(self.clock.now())

    async def backfill(self, files: Iterable[HistoryFile], until_ms: int, *, ask: bool) -> bool:
        """Take in files, then what the sources keep if `ask`, and make the scores of the past;
        whether all of it went well. Raises SQLAlchemyError."""
        await self.memory.load(Span(0, 0))
        await self.recorder.load()
        complete = True
        for file in files:
            complete = await self._take_file(file) and complete
        if ask:
            await asyncio.gather(
                *(
                    poller.read_history(self.settings.history_start_ms, whole=True)
                    for poller in self.pollers
                )
            )
            complete = complete and all(poller.state.error is None for poller in self.pollers)
        made = await self.recorder.catch_up(until_ms)
        logger.info("backfilled", extra={"layer": self.layer.name, "scores": made})
        return complete

    async def _take_file(self, file: HistoryFile) -> bool:
        if file.problem is not None:
            logger.error("file refused", extra={"source": file.source, "error": file.problem})
            return False
        new = await self.memory.take(file.batch, file.source, lambda: ms_of(self.clock.now()))
        rejected = file.batch.rejected
        told = {"source": file.source, "new": new, "refused": len(rejected)}
        logger.info("file read", extra={**told, "first_refusal": next(iter(rejected), None)})
        return True

    async def _say_serving(self) -> None:
        while True:
            now = self.clock.now()
            try:
                await asyncio.to_thread(self.store.say_serving, ms_of(now))
            except SQLAlchemyError as error:
                logger.error("store failed", extra={"error": str(error).splitlines()[0]})
            await self.clock.sleep_until(now + timedelta(seconds=SIGN_OF_LIFE_SECONDS))

    def health(self) -> dict[str, Any]:
        """{"status": "starting" | "ok" | "degraded", "sources", "assets", ...}."""
        now_ms = ms_of(self.clock.now())
        sources = {each.key: source_report(each.state, now_ms) for each in self.pollers}
        sources |= self.off
        trouble = self.recorder.trouble
        status = overall({key: each["state"] for key, each in sources.items()})
        if trouble is not None:
            status = "degraded"
        return {
            "status": status if self.caught_up else "starting",
            "now": iso_ms(now_ms),
            "layer": self.layer.name,
            "formula": self.scorer.formula,
            "sources": sources,
            "recorder": {"state": "ok" if trouble is None else "failing", "error": trouble},
            "assets": {asset: self._asset_health(asset) for asset in self.settings.assets},
        }

    def _asset_health(self, asset: str) -> dict[str, Any]:
        record = self.recorder.newest(asset)
        if record is None:
            return {"as_of": None, "confidence": None}
        return {"as_of": iso_ms(record.as_of_ms), "confidence": record.confidence}
