"""What is to be started: a configuration that passed its own check, and what it names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aquatrade.config_check import CheckedConfig
from aquatrade.config_database import database_url
from aquatrade.config_rules import SIGNS_OF_A_PATTERN
from aquatrade.config_strategy import shipped_strategy
from aquatrade.preflight_paper import paper_database_url
from aquatrade.presets import Preset, with_sizing_of
from aquatrade.settings import AquatradeSettings, load_settings

WIDEST_STOP_RATIO = 1.0


@dataclass(frozen=True, slots=True)
class Subject:
    """config may hold secrets: it is not in the repr.

    strategy: its class, and preset its numbers; None for one from a folder of the user's own.
    """

    config: Mapping[str, Any] = field(repr=False)
    mode: str | None
    settings: AquatradeSettings
    strategy: Any | None
    preset_name: str
    preset: Preset | None
    database_url: str
    paper_url: str | None
    environment: Mapping[str, str] = field(repr=False)
    now: datetime

    @property
    def real_orders(self) -> bool:
        """Whether it sends orders to somebody, the replay exchange included."""
        return self.config["dry_run"] is False

    @property
    def is_live(self) -> bool:
        """Whether it trades real money."""
        return self.real_orders and self.mode != "replay"

    @property
    def exchange(self) -> Mapping[str, Any]:
        section: Mapping[str, Any] = self.config["exchange"]
        return section

    @property
    def currency(self) -> str:
        return str(self.config["stake_currency"])

    @property
    def plain_pairs(self) -> list[str]:
        """The whitelist without its patterns."""
        return [
            pair
            for pair in self.exchange.get("pair_whitelist", [])
            if not SIGNS_OF_A_PATTERN & set(pair)
        ]

    @property
    def stop_ratio(self) -> float:
        """Of the strategy, 0.02 for 2 %; the widest there is where it is not known."""
        if "stoploss" in self.config:
            return abs(float(self.config["stoploss"]))
        return WIDEST_STOP_RATIO if self.preset is None else self.preset.stop_pct / 100.0

    @property
    def available_capital(self) -> float | None:
        capital = self.config.get("available_capital")
        return None if capital is None else float(capital)

    @property
    def reserve_pct(self) -> float:
        return 0.0 if self.settings.risk is None else self.settings.risk.reserve_pct

    def paper_capital(self) -> float:
        """What a paper bot starts with, in stake currency."""
        wallet = self.config.get("dry_run_wallet", 0.0)
        amount = wallet.get(self.currency, 0.0) if isinstance(wallet, Mapping) else wallet
        return float(amount) * self.tradable_ratio

    @property
    def tradable_ratio(self) -> float:
        return float(self.config.get("tradable_balance_ratio", 1.0))


def subject_of(
    checked: CheckedConfig,
    environment: Mapping[str, str],
    now: datetime,
    paper_url: str | None = None,
) -> Subject:
    """paper_url: None where the live database's name tells it."""
    config = checked.config
    settings = load_settings(config)
    strategy = shipped_strategy(config)
    name = str(settings.preset or getattr(strategy, "DEFAULT_PRESET", ""))
    preset = getattr(strategy, "PRESETS", {}).get(name)
    url = database_url(config)
    return Subject(
        config=config,
        mode=checked.mode,
        settings=settings if preset is None else with_sizing_of(settings, preset),
        strategy=strategy,
        preset_name=name,
        preset=preset,
        database_url=url,
        paper_url=paper_url or paper_database_url(url),
        environment=environment,
        now=now,
    )
