"""Stand-ins of DefiLlama's two hosts: /v2/historicalChainTvl, and /stablecoincharts/all.

Shapes as on https://api-docs.defillama.com: dates in seconds, as numbers on one host and as
text on the other; the last row is the running day. From 2021 on.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sidecars.common.moments import ms_of
from sidecars.common.observations import MS_PER_DAY, MS_PER_SECOND
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest
from sidecars.replay.public_data.smooth_values import json_answer, value_between

FIRST_DAY_MS = ms_of(datetime(2021, 1, 1, tzinfo=UTC))


def _days(now_ms: int) -> range:
    return range(FIRST_DAY_MS, now_ms + 1, MS_PER_DAY)


@lru_cache(maxsize=20_000)
def _tvl_row(day_ms: int) -> dict[str, Any]:
    tvl_usd = value_between("defi_tvl_usd", day_ms, 55e9, 175e9)
    return {"date": day_ms // MS_PER_SECOND, "tvl": round(tvl_usd)}


@lru_cache(maxsize=20_000)
def _stablecoins_row(day_ms: int) -> dict[str, Any]:
    years = (day_ms - FIRST_DAY_MS) / MS_PER_DAY / 365.25
    dollars = value_between("stablecoin_supply_usd", day_ms, 0.9, 1.1) * (80e9 + 22e9 * years)
    euros = value_between("stablecoin supply in euros", day_ms, 150e6, 420e6)
    return {
        "date": str(day_ms // MS_PER_SECOND),
        "totalCirculating": {"peggedUSD": round(dollars * 1.0004), "peggedEUR": round(euros)},
        "totalUnreleased": {"peggedUSD": round(dollars * 0.02), "peggedEUR": 0},
        "totalCirculatingUSD": {"peggedUSD": round(dollars), "peggedEUR": round(euros * 1.08)},
        "totalMintedUSD": {"peggedUSD": round(dollars * 1.05), "peggedEUR": round(euros * 1.1)},
        "totalBridgedToUSD": {"peggedUSD": round(dollars * 0.03), "peggedEUR": 0},
    }


def _tvl(request: StandInRequest) -> StandInAnswer:
    return json_answer([_tvl_row(day_ms) for day_ms in _days(request.now_ms)])


def _stablecoins(request: StandInRequest) -> StandInAnswer:
    return json_answer([_stablecoins_row(day_ms) for day_ms in _days(request.now_ms)])


STAND_IN = StandIn(key="defillama", routes={"/v2/historicalChainTvl": _tvl})
STABLECOINS_STAND_IN = StandIn(
    key="defillama_stablecoins", routes={"/stablecoincharts/all": _stablecoins}
)
