"""The feeds that the settings name, opened and closed together."""

import contextlib
from collections.abc import AsyncIterator

import aiohttp

from sidecars.common.clock import Clock
from sidecars.common.fetch import Fetcher, RateLimit
from sidecars.common.observations import series_of
from sidecars.confluence.derivatives import CcxtDerivatives
from sidecars.confluence.feed import Feed, ImportedFeed
from sidecars.confluence.layer_client import LayerFeed
from sidecars.confluence.observed import (
    FEAR_GREED,
    FUNDING,
    SOCIAL,
    TOTAL_CAP,
    WHALES,
    asset_of,
)
from sidecars.confluence.settings import IMPORTED, ConfluenceSettings

LAYER_LIMIT = RateLimit(50, 1.0)


@contextlib.asynccontextmanager
async def connected_feeds(
    settings: ConfluenceSettings, clock: Clock, token: str
) -> AsyncIterator[list[Feed]]:
    """Feeds of the settings inside the block. Raises SourceError (key 'derivatives')."""
    async with contextlib.AsyncExitStack() as opened:
        feeds: list[Feed] = []
        swap = settings.derivatives
        if swap is not None and swap.id == IMPORTED:
            feeds.append(ImportedFeed("derivatives", (FUNDING,)))
        elif swap is not None:
            feeds.append(
                CcxtDerivatives(
                    swap.id,
                    swap.symbol,
                    swap.ccxt_config,
                    settings.request_timeout_seconds,
                    clock,
                )
            )
        layers = settings.connected_layers
        if layers:
            session = await opened.enter_async_context(aiohttp.ClientSession())
            for name, url in layers.items():
                fetcher = Fetcher(
                    name,
                    url,
                    session,
                    clock,
                    LAYER_LIMIT,
                    timeout_seconds=settings.request_timeout_seconds,
                    headers={"Authorization": f"Bearer {token}"},
                    secrets=[token],
                )
                feeds.append(LayerFeed(name, fetcher, layer_series(settings, name)))
        for feed in feeds:
            opened.push_async_callback(feed.close)
        yield feeds


def layer_series(settings: ConfluenceSettings, layer: str) -> tuple[str, ...]:
    """What records read of a layer: the market's, and those of the coins of the pairs."""
    assets = sorted({asset_of(pair) for pair in settings.pairs})
    if layer == "sentiment":
        return (FEAR_GREED, TOTAL_CAP, *(series_of(SOCIAL, asset) for asset in assets))
    return tuple(series_of(WHALES, asset) for asset in assets)
