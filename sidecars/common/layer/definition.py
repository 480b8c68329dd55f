"""What makes a layer this layer: its settings, sources and rules. The skeleton does the rest."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidecars.common.clock import Clock
from sidecars.common.layer.intake import LayerMemory
from sidecars.common.layer.scorer import Scorer
from sidecars.common.layer.settings import LayerSettings
from sidecars.common.sources import Batch, SourceEntry

TOKEN_VARIABLE = "AQUATRADE_SCORES_TOKEN"


@dataclass(frozen=True, slots=True)
class HistoryFile:
    """What a file of the past gave, under the name of its source; or why it could not be read."""

    source: str
    batch: Batch
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer's sidecar.

    options: what adapters need of the service itself, by source key, for example a function that
    gives BTC's price.
    """

    name: str
    title: str
    settings: type[LayerSettings]
    catalogue: Mapping[str, SourceEntry]
    make_scorer: Callable[[LayerSettings], Scorer]
    read_history_files: Callable[[Path, LayerSettings], Iterable[HistoryFile]]
    options: Callable[[LayerSettings, LayerMemory, Clock], Mapping[str, Mapping[str, Any]]]

    @property
    def environment_prefix(self) -> str:
        return f"AQUATRADE_{self.name.upper()}"
