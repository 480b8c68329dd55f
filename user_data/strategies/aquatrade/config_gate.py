"""What would lead around the rules of risk and the guard, or make the guard mistake a bot."""

from collections.abc import Iterator, Mapping
from typing import Any

from aquatrade.config_strategy import shipped_strategy

ADJUSTS = "position_adjustment_enable"


def gate_problems(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, what is wrong); nothing where neither rules nor a guard are configured."""
    section = config.get("aquatrade")
    section = section if isinstance(section, Mapping) else {}
    guard = section.get("guard")
    has_guard = isinstance(guard, Mapping) and guard.get("url") is not None
    if has_guard and not config.get("bot_name"):
        # Without one freqtrade calls every bot "freqtrade".
        yield "bot_name", "missing, expected the name that the guard knows this bot by"
    has_gate = has_guard or section.get("risk") is not None
    if has_gate and config.get("force_entry_enable") is True and _adjusts_positions(config):
        # Freqtrade makes an increase of it, which it asks nobody about.
        yield (
            "force_entry_enable",
            f"got true, expected false, or {ADJUSTS} false: an entry by hand into an open trade "
            "would pass aquatrade.risk and aquatrade.guard by",
        )


def _adjusts_positions(config: Mapping[str, Any]) -> bool:
    """Of the config, else of the strategy; in doubt, as of one of the user's own, it does."""
    said = config.get(ADJUSTS)
    if said is not None:
        return bool(said)
    try:
        strategy = shipped_strategy(config)
    except (ImportError, AttributeError, SyntaxError, NameError, KeyError, TypeError):
        return True
    return strategy is None or bool(getattr(strategy, ADJUSTS, False))
