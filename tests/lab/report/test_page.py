"""The page, its pictures and its JSON: golden figures, nothing fetched, nothing smuggled in."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.report.build import ranked, report_of, reports_json
from lab.report.canvas import Picture
from lab.report.page import named, pictures_of, report_page, write_pngs
from lab.report.pictures import bin_edges, growth_ticks, histogram_picture
from lab.report.source import ReportError, read_backtests, result_file
from tests.lab.report.backtests import scored, trade, write_daily, write_result

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
TRADES = [
    trade(1, 10.0, hours=48), trade(20, -5.0, exit_reason="stop_loss", enter_tag="other"),
    trade(40, 4.0), trade(60, 2.0, pair="BTC/USDT"), trade(80, -1.0),
]  # fmt: skip


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without pictures: drawing them is what takes the time."""
    monkeypatch.setattr(Picture, "svg", lambda picture: f"<i>{picture.file}</i>")


def page_of(*files: Path, datadir: Path | None = None) -> str:
    backtests, notes = read_backtests(files)
    return report_page([report_of(each, datadir) for each in backtests], "Title", AT, notes)


def text_of(page: str) -> str:
    """What a reader sees, without pictures."""
    without = re.sub(r"(?s)<(i|style)\b.*?</\1>", " ", page)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", without))


@pytest.mark.usefixtures("undrawn")
def test_the_pages_figures_are_those_reckoned_by_hand(tmp_path: Path) -> None:
    file = write_result(tmp_path, TRADES)
    write_daily(tmp_path, "BTC", [10.0] * 2 + [10.5] * 50 + [9.0] * 40 + [12.0] * 9)
    text = text_of(page_of(file, datadir=tmp_path))
    # 100.1 each: +10 -5 +4 +2 -1 % of it on 1,000; 60 % won; 16 won against 6 lost.
    for words in (
        "2023-01-01 to 2023-04-11, 1h candles, 1 pair, 0.1 % a side",
        "total +1.0 % +3.7 % a year",
        "win rate 60.0 % acceptable",
        "profit factor 2.67 good",
        "90-day return 0.9 % bad",
        "trades 5 0.3 a week",
        "mean trade +2.00 %",
        "Fewer than 20 trades: no verdict.",
        "hold BTC +20.0 %",
        "crash 4 75 % [30, 95] +3.75 % +15 +1.5 % 16.00 30 h",
        "stop_loss 1 0 % [0, 79] -5.00 % -5 -0.5 % 0.00 24 h",
        "losses in a row 1",
        "0.0 % 0.1 % 0.2 % 0.3 % 0.4 % total of the same trades +1.1 % +1.0 % +0.9 %",
        "No trade has a score in its tag",
        "BTC/USDT other stop_loss 2023-01-21 00:00 24 h -5.00 % -5.00",
        "5 trades are few",
        "A side costs 0.1 %: that is a fee without slippage.",
        "cost of a side 0.1 % (fee and slippage in one)",
        "valued by daily closes of the candles given with --data",
    ):
        assert words in text, words
    assert "100 days: figures of a year are extrapolated" in text


def test_the_page_fetches_nothing_and_is_the_same_each_time(tmp_path: Path) -> None:
    file = write_result(tmp_path, [scored(day, day - 20, 60) for day in range(40)])
    page = page_of(file)
    assert not re.search(r"""(?:src|href)=["'](?!#)|url\((?!#)|@import|<script""", page)
    backtests, _ = read_backtests([file])
    months = pictures_of(report_of(backtests[0], None))["months"]
    assert months.svg() in page
    for width in ("wide", "narrow"):
        assert page.count(f'<svg class="{width}"') == 5 - (": 90 days" in page)
    # Nothing of a picture has a colour of its own: it would not follow light and dark.
    drawn = "".join(re.findall(r"(?s)<svg.*?</svg>", page))
    assert not re.findall(r"#(?:0a0b|[0-9a-f]{6})", drawn)
    assert "prefers-color-scheme: dark" in page and 'name="viewport"' in page


@pytest.mark.usefixtures("undrawn")
def test_what_comes_from_files_is_escaped(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    trades = [trade(1, 1.0, enter_tag=evil, exit_reason=evil, pair="BTC/USDT"), trade(2, 2.0)]
    page = page_of(write_result(tmp_path, trades))
    assert "&lt;script&gt;" in page and "<script" not in page


@pytest.mark.usefixtures("undrawn")
def test_several_are_ranked_and_each_has_a_name(tmp_path: Path) -> None:
    good = [trade(day, 3.0 + day % 2) for day in range(0, 90, 3)]
    poor = [trade(day, -3.0 + day % 2) for day in range(0, 90, 3)]
    files = [
        write_result(tmp_path, poor, strategy="Poor"),
        write_result(tmp_path, good, strategy="Good"),
        write_result(tmp_path, [], strategy="Idle"),
    ]  # fmt: skip
    backtests, notes = read_backtests([*files, files[1]])
    reports = [report_of(each, None) for each in backtests]
    assert [each.backtest.strategy for each in ranked(reports)] == ["Good", "Good", "Poor"]
    assert [name for name, _ in named(ranked(reports))] == ["Good", "Good (2)", "Poor"]
    text = text_of(report_page(reports, "All", AT, notes))
    assert "Left out: Idle in backtest-result-Idle.json made no trade." in text
    assert text.index("Good (2)") < text.index("Poor")


def test_pictures_as_files_and_figures_as_json(tmp_path: Path) -> None:
    backtests, notes = read_backtests([write_result(tmp_path, TRADES)])
    report = report_of(backtests[0], None)
    files = write_pngs([report], tmp_path / "pictures")
    assert {file.stem for file in files} == {each.file for each in pictures_of(report).values()}
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
    facts = json.loads(reports_json([report], notes))["backtests"][0]
    assert facts["trades"]["profit_factor"] == pytest.approx(16 / 6)
    assert facts["score"]["verdict"] == "no score" and facts["grades"]["profit factor"] == "good"
    assert facts["equity"]["2023-01-04"] == pytest.approx(1010.01)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"strategy": {"A": {}}}', '{"strategy": 1}'])
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: str) -> None:
    for suffix in ("json", "zip"):
        file = tmp_path / f"backtest-result-1.{suffix}"
        file.write_text(content)
        with pytest.raises(ReportError) as caught:
            read_backtests([file])
        assert "\n" not in str(caught.value)


def test_the_newest_result_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="expected backtest results"):
        result_file(tmp_path)
    first = write_result(tmp_path, TRADES, strategy="First")
    second = write_result(tmp_path, TRADES, strategy="Second")
    (tmp_path / "backtest-result-Third.meta.json").write_text("{}")
    assert result_file(tmp_path) == second
    (tmp_path / ".last_result.json").write_text(json.dumps({"latest_backtest": first.name}))
    assert result_file(tmp_path) == first
    (tmp_path / ".last_result.json").write_text("{}")
    with pytest.raises(ReportError, match="latest_backtest"):
        result_file(tmp_path)


def test_candles_that_are_not_there_are_told_of(tmp_path: Path) -> None:
    backtests, _ = read_backtests([write_result(tmp_path, TRADES)])
    with pytest.raises(ReportError, match="no candles of BTC/USDT"):
        report_of(backtests[0], tmp_path)


@given(st.floats(-90, 50), st.floats(0, 400), st.integers(5, 60))
@settings(max_examples=50, deadline=None)
def test_no_bar_mixes_gains_and_losses(low: float, span: float, most: int) -> None:
    edges = bin_edges(low, low + span, most)
    assert np.abs(edges).min() == 0.0
    assert edges[0] <= min(low, 0) + 1e-9 and edges[-1] >= max(low + span, 0) - 1e-9
    assert np.diff(edges) == pytest.approx(np.diff(edges)[0])


@given(st.floats(0.001, 1.0), st.floats(1.01, 1e6))
@settings(max_examples=50, deadline=None)
def test_an_axis_of_growth_has_some_ticks(low: float, times: float) -> None:
    ticks = growth_ticks(low, low * times)
    inside = [tick for tick in ticks if low <= tick <= low * times]
    assert 1 <= len(inside) <= 12
    assert inside == sorted(inside)


def test_extreme_results_stay_in_the_picture() -> None:
    values = [0.1] * 300 + [5000.0, -99.0]
    assert "<path" in histogram_picture(values).svg()
    assert pd.Series(values).mean() > 1
