"""Wires a layer's clock, store, connections and HTTP together."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping

import aiohttp

from sidecars.common.availability import Served
from sidecars.common.clock import Clock, SystemClock
from sidecars.common.layer.definition import Layer
from sidecars.common.layer.routes import make_app
from sidecars.common.layer.settings import LayerSettings
from sidecars.common.layer.store import LayerStore
from sidecars.common.layer.upkeep import LayerService
from sidecars.common.lockstep import LockstepClock
from sidecars.common.moments import ms_of
from sidecars.common.promptness import keep_what_lives, share_fairly
from sidecars.common.running import listening

logger = logging.getLogger(__name__)


async def serve(service: LayerService, token: str, ready: asyncio.Event | None = None) -> None:
    """Answer and keep up until cancelled.

    Raises OSError (address taken), SQLAlchemyError (no database), LockstepError (clock gone).
    """
    share_fairly()
    settings = service.settings
    now_ms = ms_of(service.clock.now())
    await service.memory.load(service.recorder.span_at(now_ms))
    await service.recorder.load()
    async with listening(make_app(service, token), settings.host, settings.port) as port:
        url = f"http://{settings.host}:{port}"
        logger.info("listening", extra={"layer": service.layer.name, "url": url})
        await service.catch_up()
        now_ms = ms_of(service.clock.now())
        service.memory.served = Served(
            service.memory.served.first_ms, service.memory.served.until_ms, now_ms
        )
        keep_what_lives()
        service.caught_up = True
        if ready is not None:
            ready.set()
        logger.info(
            "ready",
            extra={
                "layer": service.layer.name,
                "url": url,
                "formula": service.scorer.formula,
                "sources": [poller.key for poller in service.pollers],
                "off": list(service.off),
            },
        )
        await service.keep_up()


@contextlib.asynccontextmanager
async def opened(
    layer: Layer, settings: LayerSettings, environment: Mapping[str, str]
) -> AsyncIterator[LayerService]:
    """A service with its store, clock and connections; closed at the end of the block."""
    async with contextlib.AsyncExitStack() as stack:
        store = LayerStore(settings.database_url)
        stack.callback(store.close)
        clock = await _clock(layer, settings, stack)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        service = LayerService(layer, settings, store, clock)
        service.add_sources(session, environment)
        yield service


async def _clock(layer: Layer, settings: LayerSettings, stack: contextlib.AsyncExitStack) -> Clock:
    if settings.lockstep is None:
        return SystemClock()
    clock = await LockstepClock.connect(settings.lockstep.host, settings.lockstep.port, layer.name)
    stack.push_async_callback(clock.close)
    return clock
