"""The strategy that a configuration names: that it is there, and that it may start so."""

import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aquatrade.presets import refuse_negative_evidence
from aquatrade.settings import SettingsError, choose_name, load_settings
from aquatrade.wording import did_you_mean, one_line, shown

FOLDER = Path(__file__).resolve().parents[1]


def strategy_problems(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) of the strategy and its preset; the section aquatrade is valid."""
    name = config.get("strategy")
    if not isinstance(name, str) or config.get("strategy_path"):
        return  # a folder of the user's own: freqtrade will look there
    known = sorted(file.stem for file in FOLDER.glob("*.py"))
    if name not in known:
        yield (
            "strategy",
            f"got {shown(name)}, expected one of {', '.join(known)}{did_you_mean(name, known)}",
        )
        return
    try:
        strategy = _strategy_class(name)
    except (ImportError, AttributeError, SyntaxError, NameError) as error:
        yield "strategy", f"{name} cannot be loaded: {one_line(str(error))}"
        return
    presets = getattr(strategy, "PRESETS", None)
    if presets is None:
        yield from _timeframe_problem(config, name, strategy.timeframe)
        return
    settings = load_settings(config)
    try:
        preset = choose_name(settings.preset, presets, strategy.DEFAULT_PRESET, "aquatrade.preset")
    except SettingsError as error:
        yield "aquatrade.preset", one_line(str(error).partition(": ")[2])
        return
    own = presets[preset].timeframe or strategy.timeframe
    yield from _timeframe_problem(config, name, own)
    try:
        refuse_negative_evidence(
            name,
            preset,
            presets[preset],
            live=config.get("dry_run") is False,
            accepted=settings.accept_negative_evidence,
        )
    except SettingsError as error:
        yield "aquatrade.preset", one_line(str(error))


def _timeframe_problem(config: Mapping[str, Any], name: str, own: str) -> Iterator[tuple[str, str]]:
    timeframe = config.get("timeframe", own)
    if timeframe != own and re.fullmatch(r"\d+[mhdwM]", str(timeframe)):
        # Freqtrade would let the config win: a fall of six hours would become one of six candles.
        yield "timeframe", f"got {shown(timeframe)}, expected {own}: {name}'s own"


def shipped_strategy(config: Mapping[str, Any]) -> Any | None:
    """The class of the named strategy; None for one from a folder of the user's own."""
    return None if config.get("strategy_path") else _strategy_class(config["strategy"])


def _strategy_class(name: str) -> Any:
    # The folder is on the path wherever this package is found; a second import is the same one.
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    return getattr(importlib.import_module(name), name)
