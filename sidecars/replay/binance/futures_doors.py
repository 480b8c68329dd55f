"""Doors of the derivatives markets: there are none yet, and the doors say so validly.

ccxt and freqtrade load the markets of all of Binance's sections at start-up, spot bots too.
"""

from aiohttp import web

from sidecars.replay.binance.account_json import Json
from sidecars.replay.binance.endpoints import Exchange, public
from sidecars.replay.binance.parameters import Parameters
from sidecars.replay.binance.rest_market import ping, server_time


def _no_futures(exchange: Exchange, parameters: Parameters) -> Json:
    parameters.finish()
    return {
        "timezone": "UTC",
        "serverTime": exchange.server_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "assets": [],
        "symbols": [],
    }


def _no_options(exchange: Exchange, parameters: Parameters) -> Json:
    parameters.finish()
    return {
        "timezone": "UTC",
        "serverTime": exchange.server_ms,
        "optionContracts": [],
        "optionAssets": [],
        "optionSymbols": [],
        "rateLimits": [],
    }


def add_futures_doors(app: web.Application) -> None:
    """USDT-margined (fapi), coin-margined (dapi) and options (eapi)."""
    for root, markets in (
        ("/fapi/v1", _no_futures),
        ("/dapi/v1", _no_futures),
        ("/eapi/v1", _no_options),
    ):
        app.router.add_get(f"{root}/ping", public(ping))
        app.router.add_get(f"{root}/time", public(server_time))
        app.router.add_get(f"{root}/exchangeInfo", public(markets))
