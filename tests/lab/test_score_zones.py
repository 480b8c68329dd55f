"""Forward returns and zones: planted effects are found, chance is not."""

import numpy as np
import pandas as pd
import pytest

from lab.score_zones import (
    ALL_DAYS,
    forward_returns,
    rank_correlation,
    verdict,
    zone_figures,
)

DAYS = pd.date_range("2022-01-02", periods=900, freq="D", tz="UTC")


def scored(zones: list[str], total: float = 50.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "day": DAYS[: len(zones)],
            "pair": "BTC/USDT",
            "total": total,
            "zone": zones,
            "vetoed": False,
        }
    )


def walk(seed: int, drift: np.ndarray | float = 0.0) -> pd.Series:
    steps = np.random.default_rng(seed).normal(0.0, 0.02, len(DAYS)) + drift
    return pd.Series(100.0 * np.exp(np.cumsum(steps)), index=DAYS)


def test_a_forward_return_is_the_later_close_over_the_close() -> None:
    close = pd.Series(np.arange(1.0, 901.0), index=DAYS)
    joined = forward_returns(scored(["WAIT"] * 900), {"BTC/USDT": close})
    assert joined["return_7d"].iloc[0] == pytest.approx(700.0)
    assert joined["return_90d"].iloc[9] == pytest.approx(900.0)
    assert joined["return_7d"].isna().sum() == 7
    assert joined["return_90d"].isna().sum() == 90


def test_figures_of_a_zone_equal_the_obvious_ones() -> None:
    zones = ["WAIT", "AVOID", "MODERATE_BUY"] * 300
    joined = forward_returns(scored(zones), {"BTC/USDT": walk(3)})
    for figures in zone_figures(joined, 30):
        rows = joined if figures.zone == ALL_DAYS else joined[joined["group"] == figures.zone]
        values = rows["return_30d"].dropna()
        assert figures.days == len(values)
        assert figures.mean_pct == pytest.approx(values.mean())
        assert figures.win_pct == pytest.approx((values > 0).mean() * 100)
        assert figures.interval_pct is not None
        assert figures.interval_pct[0] < figures.mean_pct < figures.interval_pct[1]


def test_a_planted_edge_is_found() -> None:
    is_good = (np.arange(900) // 30) % 4 == 0
    drift = np.roll(np.where(is_good, 0.03, -0.005), 1)
    zones = np.where(is_good, "MODERATE_BUY", "AVOID").tolist()
    joined = forward_returns(scored(zones), {"BTC/USDT": walk(5, drift)})
    assert verdict(zone_figures(joined, 7)) == (
        "7 days: after MODERATE_BUY prices rose more than on all days"
    )


def test_chance_is_seldom_called_an_edge() -> None:
    called = 0
    for seed in range(30):
        chance = np.random.default_rng(seed + 50)
        zones = chance.choice(["MODERATE_BUY", "AVOID"], 900, p=[0.2, 0.8])
        joined = forward_returns(scored(zones.tolist()), {"BTC/USDT": walk(seed)})
        called += "no buying zone" not in verdict(zone_figures(joined, 30))
    assert called <= 4  # 5 % of 30 are one or two


def test_few_days_are_said_to_be_few() -> None:
    zones = ["STRONG_BUY"] * 3 + ["AVOID"] * 897
    joined = forward_returns(scored(zones), {"BTC/USDT": walk(1)})
    figures = zone_figures(joined, 30)
    strong = next(each for each in figures if each.zone == "STRONG_BUY")
    assert strong.interval_pct is None
    assert verdict(figures) == "30 days: 3 days of a buying zone are too few to say anything"


def test_vetoed_days_are_a_group_of_their_own() -> None:
    scores = scored(["AVOID"] * 900)
    scores["vetoed"] = np.arange(900) < 400
    figures = zone_figures(forward_returns(scores, {"BTC/USDT": walk(2)}), 7)
    assert [(each.zone, each.days) for each in figures] == [
        (ALL_DAYS, 893),
        ("AVOID", 493),
        ("VETO", 400),
    ]


def test_rank_correlation_sees_an_order_and_leaves_out_the_vetoed() -> None:
    close = walk(7)
    joined = forward_returns(scored(["WAIT"] * 900), {"BTC/USDT": close})
    joined["total"] = joined["return_30d"].rank()
    joined.loc[:100, "vetoed"] = True
    joined.loc[:100, "total"] = 0.0
    assert rank_correlation(joined, 30) == pytest.approx(1.0)
