"""All stand-ins there are, one module a source; imported only when they are asked for."""

import importlib

from sidecars.replay.public_data.model import StandIn

MODULES = (
    "alternative_me",
    "coingecko",
    "yahoo",
    "alpha_vantage",
    "lunarcrush",
    "reddit",
    "news_rss",
    "coin_metrics",
    "etherscan",
    "blockchain_com",
    "whale_alert",
    "defillama",
)
EXPORTED = "STAND_IN"


def all_stand_ins() -> tuple[StandIn, ...]:
    """STAND_IN of each module, and what else it exports under a name that ends so."""
    found: list[StandIn] = []
    for name in MODULES:
        module = importlib.import_module(f"sidecars.replay.public_data.{name}")
        exported = [value for key, value in vars(module).items() if key.endswith(EXPORTED)]
        stand_ins = [value for value in exported if isinstance(value, StandIn)]
        if not stand_ins:
            raise TypeError(f"{module.__name__}: expected a StandIn named {EXPORTED}")
        found.extend(stand_ins)
    return tuple(found)
