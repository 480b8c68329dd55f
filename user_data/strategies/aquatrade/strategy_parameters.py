"""Presets and freqtrade's parameters: whose values count, and what hyperopt searches."""

import copy
import logging
import math
from typing import Any

from freqtrade.strategy.parameters import BaseParameter

from aquatrade.presets import Preset
from aquatrade.settings import SettingsError

logger = logging.getLogger(__name__)


def take_parameters(strategy: Any, preset: Preset, *, scores_filter: bool) -> None:
    """Give a strategy parameters of its own; those of other presets are not searched.

    Raises SettingsError where scores are to filter the entries of a strategy that asks no score.
    """
    if scores_filter and not hasattr(strategy, "score_threshold"):
        raise SettingsError(
            "config key 'aquatrade.scores.filter': got true, expected false: "
            f"{type(strategy).__name__} enters without regard to the score"
        )
    for name in dir(type(strategy)):
        parameter = getattr(type(strategy), name, None)
        if isinstance(parameter, BaseParameter):
            own = copy.deepcopy(parameter)
            own.optimize = name in preset.searched or (name == "score_threshold" and scores_filter)
            setattr(strategy, name, own)


def overridden_values(strategy: Any, preset: Preset) -> list[str]:
    """What differs from the preset, as "name 7.0 instead of 10.0"; empty if nothing does."""
    values = {name: getattr(strategy, name).value for name in (*preset.buy, *preset.sell)}
    values["stop_pct"] = abs(strategy.stoploss) * 100.0
    measured = {**preset.buy, **preset.sell, "stop_pct": preset.stop_pct}
    different = [
        f"{name} {values[name]:.6g} instead of {expected:.6g}"
        for name, expected in measured.items()
        if not math.isclose(values[name], expected)
    ]
    if {str(k): v for k, v in strategy.minimal_roi.items()} != dict(preset.minimal_roi):
        different.append("minimal_roi")
    return different


def say_what_trades(strategy: Any, name: str, preset: Preset) -> None:
    """Log the preset with its evidence, or what is not as it was measured."""
    kind, overridden = type(strategy).__name__, overridden_values(strategy, preset)
    if not overridden:
        logger.info("%s preset %s: %s", kind, name, preset.evidence)
        return
    # Its evidence speaks of other rules than those that trade now.
    logger.warning(
        "%s is not preset %s as measured: %s; a hyperopt result file beside the strategy "
        "(%s.json) or the config says so",
        kind,
        name,
        ", ".join(overridden),
        kind,
    )
