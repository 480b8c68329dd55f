"""The picture of a card: what is drawn where, against the days it was drawn from."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.confluence.monitor.charts import (
    MS_PER_DAY,
    PLOT_WIDTH,
    PRICE_BOTTOM,
    PRICE_TOP,
    SCORE_BOTTOM,
    SCORE_TOP,
    Chart,
    chart_of,
    score_labels,
)
from sidecars.confluence.monitor.model import History
from tests.sidecars.confluence.monitor.sample_cards import TODAY_MS, history_of

Run = list[tuple[float, float]]


def days(*rows: tuple[int, float, bool, float | None]) -> History:
    """Rows of (day, total, vetoed, price)."""
    return History(
        [TODAY_MS + day * MS_PER_DAY for day, _, _, _ in rows],
        [total for _, total, _, _ in rows],
        [vetoed for _, _, vetoed, _ in rows],
        [price for _, _, _, price in rows],
    )


def drawn(history: History) -> Chart:
    chart = chart_of(history, "BTC", "MYR")
    assert chart is not None
    return chart


def runs_of(path: str) -> list[Run]:
    """The points of each stroke of a path."""
    return [
        [(float(x), float(y)) for x, y in re.findall(r"(-?\d+) (-?[\d.]+)", stroke)]
        for stroke in path.split("M")
        if stroke
    ]


def test_four_days() -> None:
    chart = drawn(
        days((0, 0, True, 10), (1, 50, False, 20), (2, 100, False, None), (4, 25, False, 15))
    )
    assert runs_of(chart.score_path) == [[(500, 266.0), (1000, 196.0)], [(2000, 301.0)]]
    assert runs_of(chart.vetoed_path) == [[(0, 336.0)]]
    # No price on the third day, no record of the fourth: nothing is drawn over either.
    first, second = runs_of(chart.price_path)
    assert [x for x, _ in first] == [0, 500]
    assert [x for x, _ in second] == [2000]
    assert PRICE_TOP < first[1][1] < second[0][1] < first[0][1] < PRICE_BOTTOM
    assert [(band.x, band.width) for band in chart.vetoes] == [(0.0, 12.5)]
    assert chart.last_score == (100.0, 301.0)
    assert chart.last_price == (100.0, second[0][1])
    assert chart.description.replace("\u00a0", " ") == (
        "The price went from MYR 10.00 to 15.00, between 10.00 and 20.00. The score was between 25 "
        "and 100 on days without a veto; the latest is 25. 1 of 4 days were vetoed."
    )


def test_zones_lie_behind_their_scores() -> None:
    chart = drawn(days((0, 60, False, 1), (1, 85, False, 1)))
    bands = {band.kind: band for band in chart.zones}
    (low, high) = (y for _, y in runs_of(chart.score_path)[0])
    assert bands["wait"].y + bands["wait"].height == pytest.approx(low)
    assert bands["strong-buy"].y + bands["strong-buy"].height == pytest.approx(high)
    assert sum(band.height for band in chart.zones) == pytest.approx(SCORE_BOTTOM - SCORE_TOP)
    assert [label.at for label in score_labels()] == [196.0, 217.0, 231.0, 252.0, 336.0]


def test_too_little_to_draw() -> None:
    assert chart_of(History((), (), (), ()), "BTC", "MYR") is None
    assert chart_of(days((0, 50, False, 1)), "BTC", "MYR") is None


def test_no_price_at_all() -> None:
    history = history_of(1, 100.0)
    chart = drawn(replace(history, price=[None] * len(history.price)))
    assert chart.price_path == ""
    assert chart.price_labels == []
    assert chart.last_price is None
    assert chart.description.startswith("The score was")


def test_a_year_is_drawn_of_a_longer_history() -> None:
    chart = drawn(history_of(1, 100.0, days=1000))
    (stroke,) = runs_of(chart.price_path)
    assert len(stroke) == 366
    assert (
        chart.title.replace("\u00a0", " ") == "BTC: price and score from 14 Mar 2023 to 13 Mar 2024"
    )
    assert [month.text for month in chart.months] == [
        "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "2024", "Feb", "Mar"
    ]  # fmt: skip
    assert [month.text for month in chart.months if not month.minor] == [
        "Apr",
        "Jul",
        "Oct",
        "2024",
    ]


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 100)), min_size=2, max_size=60)
)
def test_shades_and_strokes_cover_each_day_once(rows: list[tuple[bool, bool, int]]) -> None:
    """The slow twin: day by day, is it shaded, is it in a stroke of its kind?"""
    kept = [
        (day, 0.0 if vetoed else float(total), vetoed, 5.0)
        for day, (there, vetoed, total) in enumerate(rows)
        if there or day in (0, len(rows) - 1)
    ]
    chart = drawn(days(*kept))
    last = kept[-1][0]
    scored = {round(x * last / PLOT_WIDTH) for run in runs_of(chart.score_path) for x, _ in run}
    vetoed = {round(x * last / PLOT_WIDTH) for run in runs_of(chart.vetoed_path) for x, _ in run}
    assert scored == {day for day, _, is_vetoed, _ in kept if not is_vetoed}
    assert vetoed == {day for day, _, is_vetoed, _ in kept if is_vetoed}
    for day, _, is_vetoed, _ in kept:
        at = 100 * day / last
        shaded = sum(band.x - 0.01 <= at <= band.x + band.width + 0.01 for band in chart.vetoes)
        assert shaded == int(is_vetoed)
    for run in runs_of(chart.score_path):
        found = [round(x * last / PLOT_WIDTH) for x, _ in run]
        assert found == list(range(found[0], found[-1] + 1))  # no line over a missing day


@given(st.floats(1e-9, 1e9), st.floats(0, 3), st.integers(2, 30))
def test_prices_stay_in_their_panel_beside_round_labels(
    low: float, spread: float, count: int
) -> None:
    prices = [low * (1 + spread * number / count) for number in range(count)]
    chart = drawn(days(*((number, 50, False, price) for number, price in enumerate(prices))))
    (stroke,) = runs_of(chart.price_path)
    assert all(PRICE_TOP <= y <= PRICE_BOTTOM for _, y in stroke)
    labels = chart.price_labels
    assert 2 <= len(labels) <= 7
    assert len({label.text for label in labels}) == len(labels)
    assert all(PRICE_TOP - 0.1 <= label.at <= PRICE_BOTTOM + 0.1 for label in labels)
    assert [label.at for label in labels] == sorted((label.at for label in labels), reverse=True)


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (200_000, 600_000, ["200k", "300k", "400k", "500k", "600k"]),
        (2.1, 4.1, ["2.0", "2.5", "3.0", "3.5", "4.0"]),
        (0.031, 0.052, ["0.030", "0.035", "0.040", "0.045", "0.050"]),
        (11_000, 12_900, ["11.0k", "11.5k", "12.0k", "12.5k", "13.0k"]),
        (1_200_000, 2_900_000, ["1.5M", "2.0M", "2.5M", "3.0M"]),
    ],
)
def test_labels_of_prices(low: float, high: float, texts: list[str]) -> None:
    chart = drawn(days((0, 50, False, low), (1, 50, False, high)))
    assert [label.text for label in chart.price_labels] == texts
