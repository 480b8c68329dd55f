"""What makes the on-chain layer: its sources, rules and files of the past."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sidecars.common.layer.definition import HistoryFile, Layer
from sidecars.common.layer.intake import LayerMemory
from sidecars.common.layer.scorer import Scorer
from sidecars.common.layer.settings import LayerSettings
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


def _options(settings: LayerSettings, memory: LayerMemory) -> Mapping[str, Mapping[str, Any]]:
    labels = {"exchange_labels": exchange_labels(_own(settings).labels_file)}
    return {
        blockchain_com.ENTRY.key: labels,
        whale_alert.ENTRY.key: labels,
        etherscan.ENTRY.key: labels,
    }


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
