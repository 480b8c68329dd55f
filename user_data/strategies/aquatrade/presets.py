"""Presets: named sets of a strategy's numbers, each with what it earned when it was measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aquatrade.settings import AquatradeSettings, SettingsError
from aquatrade.sizing_settings import SizingSettings


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
    timeframe: str | None = None  # None: the strategy's own
    startup_candles: int | None = None  # None: the strategy's own
    sizing: Mapping[str, object] = field(default_factory=dict)  # where the config says nothing
    regime_filter: bool = False  # whether it stands down in the regimes that its kind loses in
    market_mean_candles: int = 0  # BTC has to be above its mean of so many candles; 0: it need not


def refuse_negative_evidence(
    strategy: str, name: str, preset: Preset, *, live: bool, accepted: bool
) -> None:
    """Raise SettingsError for a live start of a preset that lost, unless it is accepted."""
    if live and preset.lost_when_measured and not accepted:
        raise SettingsError(
            f"{strategy} preset '{name}' lost when it was measured ({preset.evidence}); to trade "
            "it live all the same set config key 'aquatrade.accept_negative_evidence' to true"
        )


def with_sizing_of(settings: AquatradeSettings, preset: Preset) -> AquatradeSettings:
    """The settings with the preset's sizing wherever the config does not say its own.

    Raises SettingsError where both together leave a fixed stake without an amount.
    """
    said = {name: getattr(settings.sizing, name) for name in settings.sizing.model_fields_set}
    sizing = SizingSettings.model_validate({**preset.sizing, **said})
    if sizing.method == "fixed" and sizing.stake_usd is None:
        raise SettingsError(
            "config key 'aquatrade.sizing.stake_usd' is missing, expected an amount of stake "
            'currency, for method "fixed" of a preset that sets no such limit'
        )
    return settings.model_copy(update={"sizing": sizing})
