"""Wires clock, store, source, updater and HTTP together."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta

from sidecars.common.clock import Clock, SystemClock
from sidecars.common.lockstep import LockstepClock
from sidecars.common.moments import ms_of
from sidecars.common.offset_clock import OffsetClock
from sidecars.common.promptness import share_fairly
from sidecars.common.running import listening, run_until_stopped
from sidecars.confluence.connections import connected_feeds
from sidecars.confluence.monitor.hosting import MonitorHost, hosted_monitor
from sidecars.confluence.routes import make_app
from sidecars.confluence.settings import ConfluenceSettings
from sidecars.confluence.source import CcxtCandleSource
from sidecars.confluence.store import Store
from sidecars.confluence.updater import Updater

logger = logging.getLogger(__name__)


async def serve(
    settings: ConfluenceSettings,
    token: str,
    environment: Mapping[str, str],
    after: Sequence[asyncio.Event] = (),
) -> None:
    """Answer and keep up until cancelled.

    after: what has to happen before anything is asked for and scored, for example that the layers
    of the same process have caught up; until then it answers that it is starting.

    Raises OSError (address taken), SQLAlchemyError (no database), LockstepError (clock gone),
    SourceError (the exchange's settings, or its clock where that is asked for), SettingsError
    (keys of the monitor).
    """
    share_fairly()
    async with contextlib.AsyncExitStack() as opened:
        updater = await opened.enter_async_context(_updater(settings, token))
        app = make_app(updater, token)
        host = None
        if settings.monitor is not None:
            host = await opened.enter_async_context(
                hosted_monitor(settings, settings.monitor, updater, environment)
            )
            host.add_to(app, token)
        await updater.load()
        async with listening(app, settings.host, settings.port) as port:
            updater.answering_since_ms = ms_of(updater.clock.now())
            logger.info(
                "ready",
                extra={
                    "url": f"http://{settings.host}:{port}",
                    "pairs": len(settings.pairs),
                    "formula": settings.formula,
                },
            )
            await _keep_up(updater, host, after)


async def _keep_up(
    updater: Updater, host: MonitorHost | None, after: Sequence[asyncio.Event]
) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_follow(updater, after), name="updater")
            if host is not None:
                tasks.create_task(host.run(), name="monitor")
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


async def _follow(updater: Updater, after: Sequence[asyncio.Event]) -> None:
    for event in after:
        await event.wait()
    await updater.run()


async def serve_until_stopped(
    settings: ConfluenceSettings, token: str, environment: Mapping[str, str]
) -> bool:
    """The same until a signal comes; True then."""
    stopped = await run_until_stopped(serve(settings, token, environment))
    logger.info("stopped")
    return stopped


async def backfill_once(settings: ConfluenceSettings, token: str) -> bool:
    """Score everything up to the last close; whether every pair has that day.

    token: for the layers that are configured.
    """
    async with _updater(settings, token) as updater:
        await updater.load()
        complete = await updater.backfill()
        records = sum(len(timeline) for timeline in updater.timelines.values())
        logger.info("backfilled", extra={"records": records, "complete": complete})
        return complete


@contextlib.asynccontextmanager
async def _updater(settings: ConfluenceSettings, token: str) -> AsyncIterator[Updater]:
    source = CcxtCandleSource(
        settings.exchange.id, settings.exchange.ccxt_config, settings.request_timeout_seconds
    )
    async with contextlib.AsyncExitStack() as opened:
        opened.push_async_callback(source.close)
        store = Store(settings.database_url, settings.exchange.id)
        opened.callback(store.close)
        clock = await opened.enter_async_context(_clock(settings, source))
        feeds = await opened.enter_async_context(connected_feeds(settings, clock, token))
        yield Updater(settings, store, source, clock, feeds)


@contextlib.asynccontextmanager
async def _clock(settings: ConfluenceSettings, source: CcxtCandleSource) -> AsyncIterator[Clock]:
    if settings.lockstep is None:
        system = SystemClock()
        if settings.clock == "system":
            yield system
            return
        behind_ms = ms_of(system.now()) - await source.server_time_ms()
        yield OffsetClock(system, timedelta(milliseconds=-behind_ms))
        return
    clock = await LockstepClock.connect(
        settings.lockstep.host, settings.lockstep.port, "confluence"
    )
    try:
        yield clock
    finally:
        await clock.close()
