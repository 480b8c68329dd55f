"""The three profiles that ship hold every limit they are specified with, and the bots take them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aquatrade.config_check import check
from aquatrade.risk.profile import RiskProfile
from aquatrade.settings import load_settings
from lab.suite_plan import strategy_class, strategy_names

CONFIGS = Path(__file__).parents[3] / "user_data" / "config"
NAMES = ("lab", "quant", "scalp")
OFF = None

# One line for each limit, then what lab, quant and scalp say of it.
TABLE: list[tuple[str, object, object, object]] = [
    ("risk_per_trade_pct", 2.0, 2.0, 1.5),
    ("max_order", OFF, 500.0, OFF),
    ("max_cost_share_of_risk", 1 / 3, 1 / 3, 1 / 3),
    ("day.limit_pct", 6.0, 3.0, 5.0),
    ("day.close", "nothing", ["momentum"], "nothing"),
    ("day.resume", "next_period", "after_hours", "by_hand"),
    ("day.each_bot_alone", True, False, False),
    ("week.each_bot_alone", True, False, False),
    ("week.limit_pct", 15.0, 7.0, 7.0),
    ("week.close", "all", "all", "all"),
    ("week.resume", "by_hand", "by_hand", "by_hand"),
    ("month.limit_pct", OFF, 12.0, 12.0),
    ("month.close", OFF, "all", "all"),
    ("month.resume", OFF, "config_change", "config_change"),
    ("max_exposure_pct", OFF, 60.0, OFF),
    ("max_heat_pct", OFF, OFF, 6.0),
    ("max_pair_pct", OFF, 20.0, OFF),
    ("max_group_pct", OFF, 35.0, OFF),
    ("correlation.hours", OFF, OFF, 720),
    ("correlation.block_above", OFF, OFF, 0.85),
    ("correlation.link_above", OFF, OFF, 0.7),
    ("correlation.max_open_in_cluster", OFF, OFF, 2),
    ("max_exchange_pct", OFF, 60.0, OFF),
    ("reserve_pct", 24.0, 20.0, 0.0),
    # The three of quant are those of its momentum bot, whose own layer says so.
    ("max_open_positions", OFF, OFF, 5),
    ("max_entries_per_hour", OFF, OFF, 10),
    ("max_entries_per_day", OFF, OFF, 50),
    ("stop_equity", 4250.0, OFF, OFF),
    ("win_streak.wins", OFF, OFF, 5),
    ("win_streak.factor", OFF, OFF, 0.5),
]
OF_ALL: Mapping[str, object] = {
    "one_bot_per_asset": True,
    "valve_minutes": 60.0,
    "min_heat_left_pct": 1.0,
    "rest_after_stop_minutes": 15.0,
    "quiet_hours.windows": [(4, 8), (20, 24)],
    "quiet_hours.extra_points": 5.0,
    "max_atr_ratio": 3.0,
    "max_candle_age": 2.0,
    "max_clock_skew_seconds": 1.0,
    "max_exchange_silence_minutes": 5.0,
    "kill_file": "user_data/KILL",
    "paper_days": 14,
}


def shipped(name: str) -> dict[str, Any]:
    text = (CONFIGS / f"risk-{name}.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def risk_profile(name: str) -> RiskProfile:
    profile = load_settings(shipped(name)).risk
    assert profile is not None
    return profile


def value_at(profile: RiskProfile, path: str) -> object:
    value: Any = profile
    for key in path.split("."):
        if value is None:
            return None
        value = getattr(value, key)
    return value


@pytest.mark.parametrize(("number", "name"), [*enumerate(NAMES, start=1)])
def test_every_limit_is_the_specified_one(number: int, name: str) -> None:
    profile = risk_profile(name)
    assert profile.name == name
    said = {path: value_at(profile, path) for path, *_ in TABLE}
    assert said == {row[0]: row[number] for row in TABLE}
    assert {path: value_at(profile, path) for path in OF_ALL} == OF_ALL


def test_what_a_trip_closes_is_shipped() -> None:
    families = {strategy_class(name).FAMILY for name in strategy_names()}
    for name in NAMES:
        profile = risk_profile(name)
        for limit in (profile.day, profile.week, profile.month):
            if limit is not None and not isinstance(limit.close, str):
                assert set(limit.close) <= families, name


def test_after_the_daily_loss_quant_is_off_for_a_day_and_back_at_half_size_for_two() -> None:
    day = risk_profile("quant").day
    assert day is not None
    assert (day.off_hours, day.recovery_hours, day.recovery_factor) == (24.0, 48.0, 0.5)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_on_stands_in_the_file_and_is_not_left_to_a_default(name: str) -> None:
    section = shipped(name)["aquatrade"]["risk"]
    profile = risk_profile(name)
    on = {key for key in RiskProfile.model_fields if getattr(profile, key) not in (None, 0.0)}
    assert on - set(section) <= {"min_heat_left_pct"}
    assert profile.max_heat_pct is None or "min_heat_left_pct" in section


@pytest.mark.parametrize("name", NAMES)
def test_a_bot_starts_with_each_of_them(name: str) -> None:
    layers = ("base", "exchange-binance", "mode-paper", "bot-dip", f"risk-{name}")
    assert check([CONFIGS / f"{layer}.json" for layer in layers], {}).mode == "paper"
