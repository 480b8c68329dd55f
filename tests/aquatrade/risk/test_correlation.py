"""Correlations, clusters, and their rules."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.risk.correlation import cluster_of, clusters, correlation_of, correlations
from aquatrade.risk.judging import Scope, judge_entry
from aquatrade.risk.model import Book, Decision, Entry, Market, RiskState, Side, Verdict
from aquatrade.risk.profile import CorrelationRule
from tests.aquatrade.risk import cases, naive

BTC, ETH, SOL, PERPETUAL, ADA = cases.PAIRS
HOURS = 60


def random_closes(seed: int, rows: int, columns: int, shared: float = 0.5) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    market = random.normal(0.0, 0.01, (rows, 1))
    steps = shared * market + random.normal(0.0, 0.01, (rows, columns))
    index = pd.date_range("2024-01-01", periods=rows, freq="1h", tz="UTC")
    names = [f"C{number}/USDT" for number in range(columns)]
    return pd.DataFrame(100.0 * np.exp(np.cumsum(steps, axis=0)), index=index, columns=names)


@given(
    st.integers(0, 10_000),
    st.floats(0.0, 5.0),
    st.lists(st.tuples(st.integers(1, HOURS), st.integers(0, 3)), max_size=6),
)
def test_correlations_equal_plain_loops(
    seed: int, shared: float, gaps: list[tuple[int, int]]
) -> None:
    closes = random_closes(seed, HOURS + 1, 4, shared)
    for row, column in gaps:
        closes.iloc[row, column] = [math.nan, 0.0, -1.0, math.inf][row % 4]
    known = correlations(closes, HOURS)
    for first in closes.columns:
        for second in closes.columns:
            if first == second:
                continue
            left, right = closes[first].tolist(), closes[second].tolist()
            pairs = list(zip(left, right, strict=True))
            both = sum(
                all(math.isfinite(x) and x > 0 for x in (*pairs[i - 1], *pairs[i]))
                for i in range(1, len(pairs))
            )
            expected = naive.correlation_by_loops(left, right)
            if both < 0.9 * HOURS or expected is None:
                assert (first, second) not in known
            else:
                assert known[first, second] == pytest.approx(expected, abs=1e-9)
                assert known[first, second] == known[second, first]


def test_only_the_newest_hours_count() -> None:
    """What came before the window changes nothing, nor does the scale of a price."""
    closes = random_closes(1, 200, 3)
    changed = closes.copy()
    changed.iloc[:130] *= np.linspace(1.0, 9.0, 130)[:, None]
    changed["C1/USDT"] *= 1000.0
    expected, found = correlations(closes, 60), correlations(changed, 60)
    assert expected.keys() == found.keys() and len(found) == 6
    for pairs, value in expected.items():
        assert found[pairs] == pytest.approx(value)


def test_shorter_candles_become_hours_and_gaps_are_not_bridged() -> None:
    closes = random_closes(2, 61, 2)
    quarters = closes.resample("15min").ffill()
    quarters = quarters.shift(freq="-45min")  # the last one of an hour closes it
    assert correlations(quarters, 60) == pytest.approx(correlations(closes, 60), abs=1e-9)
    with_gap = closes.drop(closes.index[[20, 40]])
    values = correlations(with_gap, 60)[("C0/USDT", "C1/USDT")]
    closes.iloc[[20, 40]] = math.nan
    assert values == pytest.approx(correlations(closes, 60)[("C0/USDT", "C1/USDT")])


@pytest.mark.parametrize("rows", [0, 1, 2, 40])
def test_too_little_history_is_not_known(rows: int) -> None:
    assert correlations(random_closes(3, max(rows, 1), 3).iloc[:rows], HOURS) == {}


def test_a_price_that_never_moves_goes_with_nothing() -> None:
    closes = random_closes(4, HOURS + 1, 3)
    closes["C0/USDT"] = 1.0
    assert set(correlations(closes, HOURS)) == {("C1/USDT", "C2/USDT"), ("C2/USDT", "C1/USDT")}


def test_one_asset_goes_with_itself_and_futures_with_their_spot() -> None:
    known = {(BTC, ETH): 0.3, (ETH, BTC): 0.3, (ADA, BTC): math.nan}
    assert correlation_of(known, BTC, BTC) == correlation_of(known, BTC, PERPETUAL) == 1.0
    assert correlation_of(known, PERPETUAL, ETH) == 0.3
    assert correlation_of(known, ETH, PERPETUAL) == 0.3
    assert correlation_of(known, ADA, BTC) is None and correlation_of(known, SOL, BTC) is None


@given(
    st.lists(st.sampled_from(cases.PAIRS), max_size=8),
    cases.correlation_maps(),
    st.floats(0.0, 1.0),
)
def test_clusters_equal_spreading(
    pairs: list[str], known: dict[tuple[str, str], float], above: float
) -> None:
    expected = naive.clusters_by_spreading(pairs, known, above)
    found = clusters(pairs, known, above)
    assert set(found) == expected and len(found) == len(expected)
    for pair in set(pairs):
        assert cluster_of(pair, pairs, known, above) in expected


def test_what_is_not_known_is_linked() -> None:
    assert clusters([BTC, ETH], {}, 0.7) == [{BTC, ETH}]
    known = {(BTC, ETH): 0.2, (ETH, BTC): 0.2}
    assert clusters([BTC, ETH], known, 0.7) == [{BTC}, {ETH}]
    assert clusters([BTC, ETH], known, 0.2) == [{BTC}, {ETH}]  # above it, not at it
    assert cluster_of(BTC, [ETH, SOL], known, 0.7) == {BTC, ETH, SOL}  # over SOL


# -- the rules ------------------------------------------------------------------------------------


def judged(
    book: Book, entry: Entry, values: dict[tuple[str, str], float] | None, **limits: Any
) -> Verdict:
    limits.setdefault("correlation", CorrelationRule())
    known = None
    if values is not None:
        known = dict.fromkeys(cases.CALM.correlations or {}, 0.1)
        for (first, second), value in values.items():
            known[first, second] = known[second, first] = value
    market = Market(correlations=known)
    return judge_entry(cases.profile(**limits), RiskState(), book, entry, market, Scope.FLEET)


@pytest.mark.parametrize(
    ("value", "side", "is_refused"),
    [
        (0.86, Side.LONG, True),
        (0.85, Side.LONG, False),  # above it, not at it
        (0.86, Side.SHORT, False),  # a hedge
        (0.0, Side.LONG, False),
        (-0.99, Side.LONG, False),
    ],
)
def test_what_moves_alike_blocks(value: float, side: Side, is_refused: bool) -> None:
    book = cases.book(cases.position(BTC, side=side, stop_rate=None))
    verdict = judged(book, cases.entry(ETH), {(BTC, ETH): value})
    assert (verdict.decision is Decision.REJECT) == is_refused
    if is_refused:
        assert verdict.text == "correlation 0.86 with the open BTC/USDT, limit 0.85"


@pytest.mark.parametrize(
    ("values", "is_refused"),
    [
        ({}, False),
        ({(ADA, BTC): 0.75}, False),  # one is open there
        ({(ADA, BTC): 0.75, (ADA, ETH): 0.75}, True),
        ({(ADA, BTC): 0.75, (BTC, ETH): 0.75}, True),  # over BTC
        ({(ADA, BTC): 0.70, (ADA, ETH): 0.70}, False),
    ],
)
def test_two_in_a_cluster_are_enough(
    values: dict[tuple[str, str], float], is_refused: bool
) -> None:
    book = cases.book(cases.position(BTC), cases.position(ETH))
    verdict = judged(book, cases.entry(ADA), values)
    assert [reason.rule for reason in verdict.reasons] == ["cluster"] * is_refused
    if is_refused:
        assert verdict.text == "2 open in the cluster (BTC/USDT, ETH/USDT), limit 2"
    short = cases.entry(ADA, side=Side.SHORT, stop_rate=51.0)
    assert judged(book, short, values).decision is Decision.APPROVE  # hedges them


def test_an_increase_is_no_further_position() -> None:
    book = cases.book(cases.position(BTC), cases.position(ETH))
    values = {(BTC, ETH): 0.8}
    increase = cases.entry(ETH, is_increase=True)
    assert judged(book, increase, values).decision is Decision.APPROVE
    # An increase of what another bot holds is a position of its own.
    other = cases.entry(ETH, is_increase=True, bot="second")
    assert {reason.rule for reason in judged(book, other, values).reasons} == {
        "correlation",
        "cluster",
    }


@pytest.mark.parametrize("limits", [{}, {"correlation": None, "max_group_pct": 90.0}])
def test_what_is_not_known_refuses(limits: dict[str, Any]) -> None:
    book = cases.book(cases.position(BTC))
    verdict = judged(book, cases.entry(ETH), None, **limits)
    assert verdict.text == "correlation of ETH/USDT with BTC/USDT is not known"
    assert judged(cases.book(), cases.entry(ETH), None, **limits).decision is Decision.APPROVE
    same = cases.entry(BTC, is_increase=True)
    assert judged(book, same, None, **limits).decision is Decision.APPROVE
    rules_off = judged(book, cases.entry(ETH), None, correlation=None)
    assert rules_off.decision is Decision.APPROVE


@pytest.mark.parametrize(
    ("values", "stake", "is_refused"),
    [
        ({}, 3500.0, False),  # ADA alone: 35 %
        ({}, 3501.0, True),
        ({(ADA, BTC): 0.71}, 2500.0, False),  # with the 10 % of BTC
        ({(ADA, BTC): 0.71}, 2501.0, True),
        ({(ADA, BTC): 0.71, (BTC, ETH): 0.71}, 1501.0, True),
    ],
)
def test_a_group_of_at_most_35_percent(
    values: dict[tuple[str, str], float], stake: float, is_refused: bool
) -> None:
    book = cases.book(cases.position(BTC), cases.position(ETH))
    entry = cases.entry(ADA, stake=stake)
    verdict = judged(book, entry, values, correlation=None, max_group_pct=35.0)
    assert [reason.rule for reason in verdict.reasons] == ["group"] * is_refused
