import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.confluence.candles import MS_PER_DAY
from sidecars.confluence.scoring import (
    INPUTS,
    MAX_POINTS,
    PARTS,
    PERCENTILE_DAYS,
    PERCENTILE_MINIMUM_DAYS,
    Zone,
    percentiles,
    score,
    zone_by_percentile,
    zone_of,
)

WORKED_CASE = {
    "sma200_distance": 2.35 / 2.10 - 1,
    "rsi": 42.0,
    "bollinger_position": (2.35 - 2.05) / (2.65 - 2.05),
    "drawdown": 1 - 2.35 / 2.90,
    "volume_ratio": 1.8,
    "macd_histogram": -0.01,
    "macd_crossed_up": 0.0,
    "macd_rising": 1.0,
    "higher_lows": 1.0,
    "reversal": 1.0,
    "doji_near_support": 0.0,
    "btc_price": 3.0,
    "btc_sma50": 2.0,
    "btc_sma200": 1.0,
    "market_ratio": 1.1,
    "market_weekly_rsi": 58.0,
    "funding_pct": 0.03,
    "fear_greed": 35.0,
    "social_ratio": 1.0,
}
WORKED_POINTS = {
    "sma200": 7, "rsi": 5, "bollinger": 4, "drawdown": 2, "volume": 10, "macd": 4, "candles": 5,
    "btc": 10, "market": 12, "funding": 8, "fear_greed": 4, "social": 1,
}  # fmt: skip


def columns(row: dict[str, float]) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    return {name: np.array([value]) for name, value in row.items()}


def test_the_worked_case_to_the_point() -> None:
    scores = score(columns(WORKED_CASE), 1)
    for name, expected in WORKED_POINTS.items():
        assert scores.points[name][0] == expected, name
    assert np.isnan(scores.points["whales"][0])
    parts = {part: scores.parts[part][0] for part in PARTS}
    assert parts == {"technical": 18, "momentum": 19, "regime": 30, "sentiment": 5}
    assert scores.total[0] == 72
    assert zone_of(scores.total[0]) is Zone.WAIT
    assert scores.confidence[0] == 0.98  # whales, 2 points, are unknown
    assert not scores.vetoed[0]


def test_the_parts_hold_what_their_inputs_can_give() -> None:
    for part, limit in PARTS.items():
        assert sum(each.max_points for each in INPUTS if each.part == part) == limit
    assert MAX_POINTS == 100


@pytest.mark.parametrize(
    ("btc", "market", "funding", "regime", "vetoed"),
    [
        ((3.0, 2.0, 1.0), (1.1, 40.0), np.nan, 18, False),
        ((1.5, 2.0, 1.0), (1.1, 40.0), np.nan, 15, False),
        ((3.0, 2.0, 1.0), (0.95, 60.0), np.nan, 14, True),
        ((3.0, 2.0, 1.0), (0.95, 60.0), 0.03, 22, False),
        # Without funding the regime can reach 22; without BTC not even 15.
        ((3.0, 2.0, 1.0), (1.1, 60.0), np.nan, 22, False),
        ((np.nan, 2.0, 1.0), (1.1, 60.0), np.nan, 12, True),
    ],
)
def test_a_regime_under_15_forces_the_total_to_0(
    btc: tuple[float, float, float],
    market: tuple[float, float],
    funding: float,
    regime: float,
    vetoed: bool,
) -> None:
    row = {**WORKED_CASE, "funding_pct": funding}
    row |= dict(zip(("btc_price", "btc_sma50", "btc_sma200"), btc, strict=True))
    row |= dict(zip(("market_ratio", "market_weekly_rsi"), market, strict=True))
    scores = score(columns(row), 1)
    assert scores.parts["regime"][0] == regime
    assert scores.vetoed[0] == vetoed
    assert scores.total[0] == (0 if vetoed else 18 + 19 + regime + 5)


def test_missing_inputs_score_0_of_their_points_and_lower_the_confidence() -> None:
    nothing = score({}, 3)
    assert nothing.total.tolist() == [0, 0, 0]
    assert nothing.confidence.tolist() == [0, 0, 0]
    assert nothing.vetoed.all()
    for each in INPUTS:
        row = {name: value for name, value in WORKED_CASE.items() if name not in each.readings}
        scores = score(columns(row), 1)
        lost = WORKED_POINTS.get(each.name, 0)
        already = 0 if each.name == "whales" else each.max_points
        assert scores.confidence[0] == (98 - already) / 100
        assert sum(scores.parts[part][0] for part in PARTS) == 72 - lost


@pytest.mark.parametrize(
    ("total", "zone"),
    [
        (100, Zone.STRONG_BUY), (85, Zone.STRONG_BUY), (84, Zone.MODERATE_BUY),
        (75, Zone.MODERATE_BUY), (74, Zone.WAIT), (60, Zone.WAIT), (59, Zone.AVOID),
        (0, Zone.AVOID),
    ],
)  # fmt: skip
def test_zones(total: float, zone: Zone) -> None:
    assert zone_of(total) is zone


@pytest.mark.parametrize(
    ("percentile", "zone"),
    [
        (100.0, Zone.STRONG_BUY), (97.0, Zone.STRONG_BUY), (96.99, Zone.MODERATE_BUY),
        (90.0, Zone.MODERATE_BUY), (89.99, Zone.WAIT), (60.0, Zone.WAIT), (59.99, Zone.AVOID),
        (0.0, Zone.AVOID), (None, None),
    ],
)  # fmt: skip
def test_zones_by_percentile(percentile: float | None, zone: Zone | None) -> None:
    assert zone_by_percentile(percentile, vetoed=False) is zone
    assert zone_by_percentile(percentile, vetoed=True) is Zone.AVOID


def percentiles_by_hand(
    as_of_ms: list[int], totals: list[float], confidence: list[float]
) -> list[float]:
    result = []
    for row, moment in enumerate(as_of_ms):
        window = [
            totals[other]
            for other in range(row + 1)
            if as_of_ms[other] > moment - PERCENTILE_DAYS * MS_PER_DAY
            and confidence[other] == confidence[row]
        ]
        if len(window) < PERCENTILE_MINIMUM_DAYS:
            result.append(float("nan"))
        else:
            below = sum(total < totals[row] for total in window)
            result.append(100.0 * below / (len(window) - 1))
    return result


@given(
    seed=st.integers(0, 2**32 - 1),
    days=st.integers(1, 1200),
    step=st.sampled_from([1, 1, 1, 2, 5]),
)
def test_percentiles_equal_the_twin(seed: int, days: int, step: int) -> None:
    random = np.random.default_rng(seed)
    as_of = np.cumsum(random.integers(1, step + 1, days)) * MS_PER_DAY
    totals = random.choice([0, 0, 30, 42, 58, 61, 75, 100], days).astype(np.float64)
    confidence = random.choice([0.82, 0.82, 0.82, 0.7], days)
    rows = random.choice(days, min(days, 25), replace=False)
    found = percentiles(as_of, totals, confidence)
    expected = percentiles_by_hand(as_of.tolist(), totals.tolist(), confidence.tolist())
    np.testing.assert_array_equal(found[rows], np.array(expected)[rows])


def test_percentile_of_extremes() -> None:
    as_of = np.arange(1, 401) * MS_PER_DAY
    rising = np.minimum(np.arange(400) // 4, 100).astype(np.float64)
    same = np.full(400, 0.82)
    found = percentiles(as_of, rising, same)
    assert np.isnan(found[: PERCENTILE_MINIMUM_DAYS - 1]).all()
    assert found[-1] == pytest.approx(100 * 396 / 399)
    assert percentiles(as_of, np.zeros(400), same)[-1] == 0
