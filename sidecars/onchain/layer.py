"""What makes the on-chain layer: its sources, rules and files of the past."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sidecars.common.clock import Clock
from sidecars.common.layer.definition import HistoryFile, Layer
from sidecars.common.layer.intake import LayerMemory
from sidecars.common.layer.scorer import Scorer
from sidecars.common.layer.settings import LayerSettings
from sidecars.common.moments import ms_of
from sidecars.common.observations import MS_PER_DAY, KnownAt, series_of
from sidecars.onchain.exchange_labels import exchange_labels
from sidecars.onchain.history_files import read_history_files
from sidecars.onchain.scoring import OnchainScorer
from sidecars.onchain.settings import OnchainSettings
from sidecars.onchain.sources import (
    blockchain_com,
    coin_metrics,
    defillama,
    etherscan,
    whale_alert,
)

PRICE_SPAN_MS = 7 * MS_PER_DAY

CATALOGUE = {
    entry.key: entry
    for entry in (
        coin_metrics.ENTRY,
        defillama.ENTRY,
        defillama.STABLECOINS_ENTRY,
        blockchain_com.ENTRY,
        whale_alert.ENTRY,
        etherscan.ENTRY,
    )
}


def _own(settings: LayerSettings) -> OnchainSettings:
    if not isinstance(settings, OnchainSettings):
        raise TypeError(f"expected OnchainSettings, got {type(settings).__name__}")
    return settings


def _scorer(settings: LayerSettings) -> Scorer:
    return OnchainScorer(_own(settings).smart_wallets)


def _options(
    settings: LayerSettings, memory: LayerMemory, clock: Clock
) -> Mapping[str, Mapping[str, Any]]:
    labels = {"exchange_labels": exchange_labels(_own(settings).labels_file)}
    bitcoin = {"btc_price_usd": partial(_price_usd, memory, clock, "BTC")}
    ether = {"eth_price_usd": partial(_price_usd, memory, clock, "ETH")}
    return {
        blockchain_com.ENTRY.key: {**labels, **bitcoin},
        whale_alert.ENTRY.key: labels,
        etherscan.ENTRY.key: {**labels, **bitcoin, **ether},
    }


def _price_usd(memory: LayerMemory, clock: Clock, asset: str) -> float | None:
    """The last day's price, near enough to tell large transfers; None without a recent one."""
    now_ms = ms_of(clock.now())
    window = KnownAt(memory.timelines, now_ms).window(
        series_of("price_usd", asset), now_ms - PRICE_SPAN_MS
    )
    return float(window.value[-1]) if len(window) else None


def _files(folder: Path, _: LayerSettings) -> Iterable[HistoryFile]:
    return read_history_files(folder)


LAYER = Layer(
    name="onchain",
    title="Aquatrade on-chain sidecar",
    settings=OnchainSettings,
    catalogue=CATALOGUE,
    make_scorer=_scorer,
    read_history_files=_files,
    options=_options,
)
