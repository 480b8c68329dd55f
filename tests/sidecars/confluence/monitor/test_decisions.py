"""Decisions: kept as they were made, their outcomes when due, the quarterly review."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import MetaData

from sidecars.common.database import open_database
from sidecars.confluence.candles import MS_PER_DAY, DailyCandles
from sidecars.confluence.monitor.decisions import (
    DecisionRecord,
    DecisionTable,
    action_of,
    decisions_table,
    return_pct,
    review,
    with_outcome,
)
from sidecars.confluence.records import ScoreRow
from tests.sidecars.confluence.monitor.monitor_rig import row

DAY0_MS = 19_000 * MS_PER_DAY
RECORD = DecisionRecord(
    decided_at_ms=DAY0_MS + 5000,
    asset="ETH",
    pair="ETH/USDT",
    score_as_of_ms=DAY0_MS,
    total=78.0,
    zone="MODERATE_BUY",
    action="buy 25 %",
    executed_buy=True,
    price=14_000.5,
    currency="MYR",
    note="it's fear \u2014 buy",
)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[DecisionTable]:
    metadata = MetaData()
    made = decisions_table(metadata)
    engine = open_database(f"sqlite:///{tmp_path / 'decisions.sqlite'}", metadata)
    yield DecisionTable(engine, made)
    engine.dispose()


def test_decisions_are_kept_as_they_were_made_and_in_their_order(table: DecisionTable) -> None:
    assert table.load() == []
    earlier = replace(RECORD, decided_at_ms=DAY0_MS, executed_buy=False)
    for each in (RECORD, RECORD, earlier):
        table.append(each)
    assert table.load() == [earlier, RECORD, RECORD]


def test_an_action_is_what_the_zone_said() -> None:
    assert action_of(40.0, "STRONG_BUY") == "buy 40 %"
    assert action_of(0.0, "WAIT") == "wait"


def test_an_outcome_is_known_once_its_day_is_over() -> None:
    closes = {DAY0_MS: 100.0, DAY0_MS + 30 * MS_PER_DAY: 112.0, DAY0_MS + 90 * MS_PER_DAY: 90.0}
    due_ms = DAY0_MS + 30 * MS_PER_DAY
    assert with_outcome(RECORD, closes, due_ms - 1).return_30d_pct is None
    shown = with_outcome(RECORD, closes, due_ms)
    assert shown.return_30d_pct == pytest.approx(12.0)
    assert shown.return_90d_pct is None
    assert (shown.bought, shown.price, shown.note) == (True, 14_000.5, RECORD.note)
    late = with_outcome(RECORD, closes, DAY0_MS + 400 * MS_PER_DAY)
    assert late.return_90d_pct == pytest.approx(-10.0)
    assert return_pct({DAY0_MS: 100.0}, DAY0_MS, 30, DAY0_MS + 400 * MS_PER_DAY) is None


def candles(closes: list[float]) -> DailyCandles:
    return DailyCandles.from_rows(
        [(DAY0_MS + (n - 1) * MS_PER_DAY, c, c, c, c, 1.0) for n, c in enumerate(closes)]
    )


def scored(totals: list[float]) -> list[ScoreRow]:
    return [
        row(total=total, as_of_ms=DAY0_MS + n * MS_PER_DAY, available_at_ms=DAY0_MS)
        for n, total in enumerate(totals)
    ]


LATER_MS = DAY0_MS + 500 * MS_PER_DAY


def reviewed(totals: list[float], closes: list[float], threshold: float = 75.0) -> str:
    pairs = {"ETH/USDT": candles(closes)}
    return review({"ETH/USDT": scored(totals)}, [], pairs, LATER_MS, threshold).words


FALLING = [200.0 - n for n in range(150)]
RISING = [200.0 + n for n in range(150)]


def test_twenty_scores_of_which_half_or_fewer_won_raise_the_threshold() -> None:
    assert reviewed([80.0] * 20, FALLING).endswith("raise the threshold to 80.")
    assert reviewed([80.0] * 20, RISING).endswith("The threshold stays.")
    assert "Too few to say" in reviewed([80.0] * 19, FALLING)
    assert "Too few to say" in reviewed([74.9] * 40, FALLING)
    assert reviewed([80.0] * 20, FALLING, threshold=80.0).endswith("The threshold stays.")


@pytest.mark.parametrize(("won", "raised"), [(10, True), (11, False)])
def test_half_is_not_enough(won: int, raised: bool) -> None:
    # From day 30 on: higher than the close of a score for the first `won`, lower for the others.
    closes = [100.0] * 30 + [110.0] * won + [90.0] * (20 - won) + [200.0] * 100
    assert reviewed([80.0] * 20, closes).endswith("to 80.") is raised


def test_a_review_counts_decisions_to_buy_apart_and_each_day_once() -> None:
    skipped = replace(RECORD, executed_buy=False)
    rows = scored([80.0])
    found = review(
        {"ETH/USDT": [*rows, replace(rows[0], revision=1)]},
        [RECORD, skipped, replace(RECORD, total=60.0)],
        {"ETH/USDT": candles(RISING)},
        LATER_MS,
    )
    assert [(each.days, each.known, each.won) for each in found.zone_days] == [
        (30, 1, 1),
        (90, 1, 1),
    ]
    assert [each.known for each in found.bought] == [1, 1]
    assert found.zone_days[0].won_pct == 100.0
    assert found.suggested_threshold == 75.0
    assert found.quarter == "2023-Q2"


@given(st.lists(st.integers(1, 300), min_size=40, max_size=60), st.integers(0, 39))
def test_an_outcome_never_changes_once_it_is_known(values: list[int], day: int) -> None:
    closes = {DAY0_MS + n * MS_PER_DAY: float(value) for n, value in enumerate(values)}
    at_ms = DAY0_MS + day * MS_PER_DAY
    due_ms = at_ms + 30 * MS_PER_DAY
    then = {moment: value for moment, value in closes.items() if moment <= due_ms}
    assert return_pct(then, at_ms, 30, due_ms) == return_pct(closes, at_ms, 30, due_ms + 9**12)
