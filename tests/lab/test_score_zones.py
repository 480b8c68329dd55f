"""Forward returns and zones: planted effects are found, chance is not."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.score_zones import (
    ALL_DAYS,
    FEWEST_EPISODES,
    episodes,
    forward_returns,
    rank_correlation,
    verdict,
    veto_figures,
    yearly_rank_correlation,
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


def test_days_without_a_price_in_between_have_no_return_and_are_not_counted() -> None:
    close = walk(8).drop(DAYS[50])
    joined = forward_returns(scored(["WAIT"] * 900), {"BTC/USDT": close})
    assert joined.loc[[43, 50], "return_7d"].isna().all()
    assert zone_figures(joined, 7)[0].days == 893 - 2


def test_another_column_of_zones_may_be_asked_for() -> None:
    scores = scored(["AVOID"] * 900)
    scores["zone_by_percentile"] = [None] * 100 + ["STRONG_BUY"] * 800
    joined = forward_returns(scores, {"BTC/USDT": walk(1)}, zone_column="zone_by_percentile")
    assert [(each.zone, each.days) for each in zone_figures(joined, 7)] == [
        (ALL_DAYS, 793),
        ("STRONG_BUY", 793),
    ]


def test_figures_of_a_zone_equal_the_obvious_ones() -> None:
    zones = ["WAIT", "AVOID", "MODERATE_BUY"] * 300
    joined = forward_returns(scored(zones), {"BTC/USDT": walk(3)})
    everything = joined["return_30d"].dropna()
    for figures in zone_figures(joined, 30):
        rows = joined if figures.zone == ALL_DAYS else joined[joined["group"] == figures.zone]
        values = rows["return_30d"].dropna()
        assert figures.days == len(values)
        assert figures.share_pct == pytest.approx(100 * len(values) / len(everything))
        assert figures.mean_pct == pytest.approx(values.mean())
        assert figures.difference_pct == pytest.approx(values.mean() - everything.mean())
        assert figures.win_pct == pytest.approx((values > 0).mean() * 100)
        assert figures.episodes == 29  # of 870 days
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


def test_a_planted_harm_is_found() -> None:
    is_bad = (np.arange(900) // 30) % 4 == 0
    drift = np.roll(np.where(is_bad, -0.03, 0.005), 1)
    zones = np.where(is_bad, "STRONG_BUY", "AVOID").tolist()
    joined = forward_returns(scored(zones), {"BTC/USDT": walk(6, drift)})
    assert verdict(zone_figures(joined, 7)) == (
        "7 days: after STRONG_BUY prices rose less than on all days"
    )


def test_chance_is_seldom_called_an_edge() -> None:
    called = 0
    for seed in range(30):
        chance = np.random.default_rng(seed + 50)
        zones = chance.choice(["MODERATE_BUY", "AVOID"], 900, p=[0.2, 0.8])
        joined = forward_returns(scored(zones.tolist()), {"BTC/USDT": walk(seed)})
        called += "no buying zone" not in verdict(zone_figures(joined, 30))
    assert called <= 4  # 5 % of 30 are one or two


def test_many_days_in_few_episodes_are_too_few() -> None:
    # Two runs of 40 days: 80 days, but at most four futures of 30 days that do not overlap.
    zones = np.where((np.arange(900) % 400) < 40, "STRONG_BUY", "AVOID")
    zones[800:] = "AVOID"
    joined = forward_returns(scored(zones.tolist()), {"BTC/USDT": walk(1)})
    figures = zone_figures(joined, 30)
    strong = next(each for each in figures if each.zone == "STRONG_BUY")
    assert (strong.days, strong.episodes) == (80, 4)
    assert strong.interval_pct is None
    assert strong.difference_interval_pct is None
    assert verdict(figures) == (
        "30 days: 4 episodes of a buying zone (80 pair-days): too few to say anything"
    )


def test_the_same_days_of_many_pairs_are_one_episode() -> None:
    one = scored(["STRONG_BUY"] * 5 + ["AVOID"] * 895)
    scores = pd.concat([one.assign(pair=f"C{number}/USDT") for number in range(40)])
    closes = {f"C{number}/USDT": walk(number) for number in range(40)}
    strong = zone_figures(forward_returns(scores, closes), 30)[1]
    assert (strong.zone, strong.days, strong.episodes) == ("STRONG_BUY", 200, 1)


@given(st.lists(st.integers(0, 400)), st.integers(1, 90))
def test_episodes_are_as_many_futures_as_fit_side_by_side(days: list[int], horizon: int) -> None:
    # The slow twin: of each day on, the most that can be had when it is taken or left.
    ordered = sorted(set(days))
    most = [0] * (len(ordered) + 1)
    for place in range(len(ordered) - 1, -1, -1):
        after = next(
            (
                later
                for later in range(place + 1, len(ordered))
                if ordered[later] - ordered[place] >= horizon
            ),
            len(ordered),
        )
        most[place] = max(most[place + 1], 1 + most[after])
    assert episodes(days, horizon) == most[0]


def test_vetoed_days_are_a_group_of_their_own() -> None:
    scores = scored(["AVOID"] * 900)
    scores["vetoed"] = np.arange(900) < 400
    figures = zone_figures(forward_returns(scores, {"BTC/USDT": walk(2)}), 7)
    assert [(each.zone, each.days) for each in figures] == [
        (ALL_DAYS, 893),
        ("AVOID", 493),
        ("VETO", 400),
    ]


def test_a_veto_that_spares_losses_is_seen() -> None:
    vetoed = (np.arange(900) // 45) % 2 == 0
    scores = scored(["AVOID"] * 900)
    scores["vetoed"] = vetoed
    drift = np.roll(np.where(vetoed, -0.02, 0.02), 1)
    joined = forward_returns(scores, {"BTC/USDT": walk(4, drift)})
    figures = veto_figures(joined, 7)
    assert figures is not None
    known = joined.dropna(subset=["return_7d"])
    means = known.groupby("vetoed")["return_7d"].mean()
    assert figures.other_pct == pytest.approx(means[False])
    assert figures.vetoed_pct == pytest.approx(means[True])
    assert (figures.other_days, figures.vetoed_days) == (443, 450)
    assert figures.difference_interval_pct is not None
    assert figures.difference_interval_pct[0] > 0


def test_without_a_veto_there_is_nothing_to_compare() -> None:
    joined = forward_returns(scored(["AVOID"] * 900), {"BTC/USDT": walk(2)})
    assert veto_figures(joined, 7) is None


def test_rank_correlation_sees_an_order_and_leaves_out_the_vetoed() -> None:
    close = walk(7)
    joined = forward_returns(scored(["WAIT"] * 900), {"BTC/USDT": close})
    joined["total"] = joined["return_30d"].rank()
    joined.loc[:100, "vetoed"] = True
    joined.loc[:100, "total"] = 0.0
    found = rank_correlation(joined, 30)
    assert found.value == pytest.approx(1.0)
    assert found.interval == pytest.approx((1.0, 1.0))
    joined["momentum"] = -joined["total"]
    assert rank_correlation(joined, 30, "momentum").value == pytest.approx(-1.0)
    assert yearly_rank_correlation(joined, 30) == pytest.approx({2022: 1.0, 2023: 1.0, 2024: 1.0})


def test_rank_correlation_of_chance_has_zero_in_its_interval() -> None:
    scores = scored(["WAIT"] * 900)
    scores["total"] = np.random.default_rng(3).integers(0, 100, 900)
    joined = forward_returns(scores, {"BTC/USDT": walk(11)})
    found = rank_correlation(joined, 7)
    known = joined.dropna(subset=["return_7d"])
    assert found.value == pytest.approx(known["total"].corr(known["return_7d"], method="spearman"))
    assert found.interval is not None
    assert found.interval[0] < 0 < found.interval[1]


def test_a_short_record_has_a_correlation_without_an_interval() -> None:
    scores = scored(["WAIT"] * (30 * (FEWEST_EPISODES - 1)))
    scores["total"] = np.arange(len(scores))
    joined = forward_returns(scores, {"BTC/USDT": walk(11)})
    found = rank_correlation(joined, 30)
    assert found.interval is None
    assert -1 <= found.value <= 1


def test_no_day_at_all_gives_no_figures() -> None:
    joined = forward_returns(scored(["WAIT"] * 5), {"BTC/USDT": walk(1)[:5]})
    assert zone_figures(joined, 30) == []
    assert math.isnan(rank_correlation(joined, 30).value)
