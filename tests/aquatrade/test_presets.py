"""A preset's sizing under what the config says."""

import pytest

from aquatrade.presets import Preset, with_sizing_of
from aquatrade.settings import SettingsError, load_settings


def preset(**sizing: object) -> Preset:
    return Preset(
        stop_pct=5.0, minimal_roi={}, buy={}, sell={}, searched=frozenset(), evidence="none",
        sizing=sizing,
    )  # fmt: skip


VOLATILITY = preset(method="volatility", fraction_pct=20.0, stake_usd=None)


def test_the_config_wins_key_by_key() -> None:
    settings = load_settings({"aquatrade": {"sizing": {"fraction_pct": 5.0}}})
    sizing = with_sizing_of(settings, VOLATILITY).sizing
    assert (sizing.method, sizing.fraction_pct, sizing.stake_usd) == ("volatility", 5.0, None)
    assert with_sizing_of(load_settings({}), preset()).sizing == load_settings({}).sizing


def test_a_fixed_stake_needs_an_amount_from_one_of_both() -> None:
    fixed = load_settings({"aquatrade": {"sizing": {"method": "fixed"}}})
    with pytest.raises(SettingsError, match="stake_usd' is missing"):
        with_sizing_of(fixed, VOLATILITY)
    said = load_settings({"aquatrade": {"sizing": {"method": "fixed", "stake_usd": 50.0}}})
    assert with_sizing_of(said, VOLATILITY).sizing.stake_usd == 50.0
    with pytest.raises(SettingsError, match="stake_usd': got null"):
        load_settings({"aquatrade": {"sizing": {"method": "fixed", "stake_usd": None}}})
