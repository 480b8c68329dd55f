"""Presets: named sets of a strategy's numbers, each with what it earned when it was measured."""

from collections.abc import Mapping
from dataclasses import dataclass

from aquatrade.settings import SettingsError


@dataclass(frozen=True, slots=True)
class Preset:
    """The numbers of one preset. The strategy's class says what each of them does."""

    stop_pct: float  # distance of the stop below the entry price
    minimal_roi: Mapping[str, float]  # freqtrade's: minutes held -> profit ratio that is enough
    buy: Mapping[str, float | int]  # values of hyperopt parameters, by name
    sell: Mapping[str, float | int]
    searched: frozenset[str]  # the parameters that mean something under this preset
    evidence: str  # figures of the measurement, one line
    lost_when_measured: bool = False
    trades_a_year: float | None = None  # median of the whole years that were measured
    measured_pairs: int = 1  # on so many pairs together


def refuse_negative_evidence(
    strategy: str, name: str, preset: Preset, *, live: bool, accepted: bool
) -> None:
    """Raise SettingsError for a live start of a preset that lost, unless it is accepted."""
    if live and preset.lost_when_measured and not accepted:
        raise SettingsError(
            f"{strategy} preset '{name}' lost when it was measured ({preset.evidence}); to trade "
            "it live all the same set config key 'aquatrade.accept_negative_evidence' to true"
        )
