"""Wires clock, store, source, updater and HTTP together."""

import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

from sidecars.common.clock import Clock, SystemClock
from sidecars.common.lockstep import LockstepClock
from sidecars.common.offset_clock import OffsetClock
from sidecars.common.running import listening, run_until_stopped
from sidecars.confluence.routes import make_app
from sidecars.confluence.settings import ConfluenceSettings
from sidecars.confluence.source import CcxtCandleSource
from sidecars.confluence.store import Store
from sidecars.confluence.updater import Updater, ms_of

logger = logging.getLogger(__name__)


async def serve_until_stopped(settings: ConfluenceSettings, token: str) -> bool:
    """Answer and keep up until a signal comes; True then.

    Raises OSError (address taken), SQLAlchemyError (no database), LockstepError (clock gone),
    SourceError (the exchange's settings, or its clock where that is asked for).
    """
    async with _updater(settings) as updater:
        app = make_app(updater, token)
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
            stopped = await run_until_stopped(updater.run())
    logger.info("stopped")
    return stopped


async def backfill_once(settings: ConfluenceSettings) -> bool:
    """Score everything up to the last close; whether every pair has that day."""
    async with _updater(settings) as updater:
        await updater.load()
        complete = await updater.backfill()
        records = sum(len(timeline) for timeline in updater.timelines.values())
        logger.info("backfilled", extra={"records": records, "complete": complete})
        return complete


@contextlib.asynccontextmanager
async def _updater(settings: ConfluenceSettings) -> AsyncIterator[Updater]:
    source = CcxtCandleSource(
        settings.exchange.id, settings.exchange.ccxt_config, settings.request_timeout_seconds
    )
    async with contextlib.AsyncExitStack() as opened:
        opened.push_async_callback(source.close)
        store = Store(settings.database_url, settings.exchange.id)
        opened.callback(store.close)
        clock = await opened.enter_async_context(_clock(settings, source))
        yield Updater(settings, store, source, clock)


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
