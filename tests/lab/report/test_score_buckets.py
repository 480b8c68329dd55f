"""Does the score tell anything: bands, intervals, the threshold judged on later trades."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.report.score_buckets import (
    JOURNAL_BANDS,
    TENS,
    ScoreVerdict,
    Worth,
    bands_of,
    best_threshold,
    score_of_tag,
    score_report,
    wilson_interval_pct,
)
from tests.lab.report.backtests import START


def trades(rows: Sequence[tuple[float, str, float]]) -> pd.DataFrame:
    """(day of entry, tag, profit in %)."""
    return pd.DataFrame(
        {
            "open_date": pd.to_datetime([START + pd.Timedelta(days=day) for day, _, _ in rows]),
            "enter_tag": [tag for _, tag, _ in rows],
            "profit_ratio": [profit / 100 for _, _, profit in rows],
        }
    )


def planted(edge_pct: float, number: int = 300, seed: int = 1) -> pd.DataFrame:
    """Noise of 2 % a trade; those scored 80 and more have an edge."""
    random = np.random.default_rng(seed)
    scores = random.choice([50, 60, 70, 80, 90], number)
    return trades(
        [
            (3.0 * place, f"crash_conf{score}", float(random.normal(edge_pct * (score >= 80), 2)))
            for place, score in enumerate(scores)
        ]
    )


@pytest.mark.parametrize(
    ("tag", "score"),
    [("crash_conf60", 60), ("crash_often_conf5", 5), ("crash", None), ("crash_conf101", None),
     ("conf60", None), ("crash_conf60_x", None), ("", None), ("a_conf100", 100)],
)  # fmt: skip
def test_the_score_in_a_tag(tag: str, score: float | None) -> None:
    assert score_of_tag(tag) == score


def test_wilson_against_published_figures() -> None:
    # Newcombe 1998, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for wins, number, low, high in ((81, 263, 25.53, 36.62), (15, 148, 6.24, 16.05),
                                    (0, 20, 0.0, 16.11), (1, 29, 0.61, 17.18)):  # fmt: skip
        assert wilson_interval_pct(wins, number) == pytest.approx((low, high), abs=0.006)
    for wins, number in ((1, 0), (2, 1), (-1, 3)):
        with pytest.raises(ValueError, match="expected 0 to all"):
            wilson_interval_pct(wins, number)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=60, deadline=None)
def test_wilson_holds_the_rate_and_mirrors(case: tuple[int, int]) -> None:
    wins, number = case
    low, high = wilson_interval_pct(wins, number)
    assert 0 <= low <= 100 * wins / number + 1e-9 and 100 * wins / number - 1e-9 <= high <= 100
    mirrored = wilson_interval_pct(number - wins, number)
    assert mirrored == pytest.approx((100 - high, 100 - low), abs=1e-9)
    # The ends are the rates from which what came is 1.96 deviations away.
    for end in (low / 100, high / 100):
        deviation = (wins / number - end) ** 2 * number
        assert deviation == pytest.approx(1.959964**2 * end * (1 - end), abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(-50, 50)), min_size=1, max_size=80))
@settings(max_examples=30, deadline=None)
def test_every_scored_trade_is_in_one_band(rows: list[tuple[int, float]]) -> None:
    frame = trades([(day, f"x_conf{5 * five}", profit) for day, (five, profit) in enumerate(rows)])
    report = score_report(frame)
    assert sum(band.trades for band in report.bands) == report.scored == len(rows)
    for band in report.bands:
        low, high = (0, 60) if band.name.startswith("<") else map(int, band.name.split(" to "))
        top = high if band.name.startswith("<") else high + 1
        inside = [profit for five, profit in rows if low <= 5 * five < top]
        assert band.trades == len(inside)
        if inside:
            assert band.mean_pct == pytest.approx(np.mean(inside), abs=1e-9)
            assert band.win_pct == pytest.approx(100 * np.mean([p > 0 for p in inside]))


def test_bands_are_the_journals_only_where_tags_are_fine_enough() -> None:
    assert bands_of([60.0, 80.0]) == TENS
    assert bands_of([60.0, 85.0]) == JOURNAL_BANDS


@given(
    st.lists(st.tuples(st.integers(0, 10), st.integers(-300, 300)), min_size=1, max_size=120),
)
@settings(max_examples=40, deadline=None)
def test_the_best_threshold_by_trying_all(rows: list[tuple[int, int]]) -> None:
    scores = np.array([10.0 * ten for ten, _ in rows])
    ratios = np.array([ratio / 1000 for _, ratio in rows])
    tried = {}
    for threshold in range(0, 101, 10):
        above = [r for s, r in zip(scores, ratios, strict=True) if s >= threshold]
        if len(above) >= 20 and len(rows) - len(above) >= 20 and threshold in scores:
            tried[float(threshold)] = sum(above) / len(above)
    found = best_threshold(scores, ratios)
    assert (found is None) == (not tried)
    if found is not None:
        assert tried[found] == pytest.approx(max(tried.values()))


def test_a_planted_edge_works_and_none_does_not() -> None:
    works = score_report(planted(3.0))
    assert works.verdict is ScoreVerdict.WORKS
    assert works.test is not None and works.test.threshold == 80
    assert works.sentence.startswith("The score works: 80 or more")
    assert works.correlation is not None and works.correlation > 0.3
    assert {band.name: band.worth for band in works.bands}["80 to 89"] is Worth.YES
    without = [score_report(planted(0.0, seed=seed)).verdict for seed in range(16)]
    # By chance one in forty does.
    assert without.count(ScoreVerdict.WORKS) <= 3
    assert ScoreVerdict.TOO_FEW not in without


def test_the_threshold_is_judged_on_trades_that_did_not_choose_it() -> None:
    frame = planted(3.0)
    middle = frame["open_date"].min() + (frame["open_date"].max() - frame["open_date"].min()) / 2
    later = frame["open_date"] >= middle
    # The edge is there only while the threshold is chosen.
    random = np.random.default_rng(5)
    frame.loc[later, "profit_ratio"] = random.normal(0.0, 0.02, int(later.sum()))
    report = score_report(frame)
    assert report.verdict is ScoreVerdict.DOES_NOT
    assert report.test is not None and report.test.earlier_mean_pct > 2
    above = later & frame["enter_tag"].isin(["crash_conf80", "crash_conf90"])
    assert report.test.later_chosen == int(above.sum())
    assert report.test.later_chosen_pct == pytest.approx(
        100 * frame.loc[above, "profit_ratio"].mean()
    )


def test_few_trades_and_no_scores_get_no_verdict() -> None:
    few = score_report(planted(3.0, number=50))
    assert few.verdict is ScoreVerdict.TOO_FEW and few.sentence.startswith("Too few trades")
    assert all(band.worth is Worth.FEW for band in few.bands)
    none = score_report(trades([(1, "crash", 1.0), (2, "", -1.0)]))
    assert (none.verdict, none.unscored, none.bands) == (ScoreVerdict.NO_SCORE, 2, ())
