"""Tables, verdicts and reasons from figures made by hand; JSON there and back."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lab.suite import EARLIER, LAST, WHOLE, Period, Results, Row, read_results, spans, write_results
from lab.suite_equity import CapitalFigures, TradeFigures
from lab.suite_plan import SuiteError
from lab.suite_tables import losing_lines, markdown, suite_tables
from lab.suite_targets import judge

CAPITAL = CapitalFigures(-12.0, -4.0, 20.0, -0.5, None)
TRADES = TradeFigures(90, 3.5, 3.5, 64.0, 0.8, 1.1, -0.2, (-0.5, 0.1), 55.0)
NO_TRADES = TradeFigures(0, 0.0, 0.0, None, None, None, None, None, 0.0)
START, END = datetime(2021, 1, 1, tzinfo=UTC), datetime(2024, 12, 31, tzinfo=UTC)


def row(**changes: Any) -> Row:
    period = Period(START, END, TRADES, CAPITAL, CAPITAL, None)
    last = Period(datetime(2024, 1, 1, tzinfo=UTC), END, NO_TRADES, CAPITAL, None, None)
    given: dict[str, Any] = {
        "strategy": "BuyTheDip", "preset": "specified", "cost_pct": 0.1, "as_traded": True,
        "timeframe": "1h", "pairs": ("BTC/USDT",), "capital_usd": 1000.0,
        "lost_when_measured": True, "evidence": "it lost", "seconds": 1.0, "peak_mb": 300.0,
        "periods": {WHOLE: period, EARLIER: period, LAST: last},
    }  # fmt: skip
    return Row(**{**given, **changes})


def test_targets_are_judged_with_their_bounds() -> None:
    win, weekly = judge("BuyTheDip", TRADES, CAPITAL, 1)
    assert (win.value, win.met, weekly.value, weekly.met) == (64.0, True, 3.5, True)
    by_name = {each.target.text: each for each in judge("Momentum", TRADES, CAPITAL, 5)}
    assert by_name["win 35 to 50 %"].met is False
    assert by_name["2 to 5 trades a pair and week"].value == pytest.approx(0.7)
    assert judge("Momentum", NO_TRADES, CAPITAL, 5)[0].met is None
    assert judge("MaCrossover", TRADES, CAPITAL, 1) == ()


def test_tables_hold_every_row_and_say_what_is_missing() -> None:
    tables = suite_tables(Results((row(), row(as_traded=False, cost_pct=0.3)), ()))
    assert len(tables) == 6
    for table in tables:
        assert all(len(line) == len(table.headings) for line in table.rows)
    traded = tables[0].rows[0]
    assert traded[:6] == ("BuyTheDip `specified`", "1h", "0.1 %", "1", "90", "3.5")
    assert "-0.20 % [-0.50, +0.10]" in traded
    assert traded[-2:] == ("-", "6 %")
    text = markdown(tables)
    assert text.count("### ") == len(tables)
    assert "| win > 60 % | 64 % | yes |" in text


def test_a_preset_that_loses_has_its_reason_and_both_costs() -> None:
    lines = losing_lines([row(), row(cost_pct=0.3), row(as_traded=False)])
    assert len(lines) == 1
    assert lines[0].startswith("BuyTheDip `specified` loses at 0.1 and 0.3 % a side: the entry")
    assert "its own evidence is it lost" in losing_lines([row(preset="other")])[0]
    winner = Period(START, END, TRADES, CapitalFigures(1.0, 1.0, 1.0, 1.0, 1.0), None, None)
    assert losing_lines([row(periods={WHOLE: winner})]) == []


def test_futures_are_named_and_their_short_side_has_a_table() -> None:
    period = Period(START, END, TRADES, CAPITAL, None, None, short_trades=NO_TRADES)
    perpetual = row(trading_mode="futures", as_traded=False, periods={WHOLE: period})
    tables = suite_tables(Results((row(), perpetual), ()))
    assert tables[-1].rows[0][:5] == (
        "BuyTheDip `specified` on futures", "1h", "0.1 %", WHOLE, "0",
    )  # fmt: skip
    assert len(tables[-1].rows) == 1
    assert [line.split(" loses")[0] for line in losing_lines([row(), perpetual])] == [
        "BuyTheDip `specified`", "BuyTheDip `specified` on futures",
    ]  # fmt: skip


def test_periods_are_those_that_a_run_reaches() -> None:
    assert [name for name, *_ in spans(START, END)] == [WHOLE, EARLIER, LAST]
    late = datetime(2024, 3, 1, tzinfo=UTC)
    assert spans(late, END) == [(WHOLE, late, END), (LAST, late, END)]
    over = datetime(2025, 5, 1, tzinfo=UTC)
    assert spans(START, over)[0][2] == datetime(2025, 1, 1, tzinfo=UTC)


def test_results_come_back_from_json_as_they_were(tmp_path: Path) -> None:
    first, second = Results((row(),), ("a note",)), Results((row(cost_pct=0.3),), ("a note",))
    write_results(first, tmp_path / "a.json")
    write_results(second, tmp_path / "b.json")
    both = read_results([tmp_path / "a.json", tmp_path / "b.json"])
    assert both == Results((*first.rows, *second.rows), ("a note",))


def test_a_file_that_is_no_result_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"rows": [{}], "notes": []}')
    with pytest.raises(SuiteError, match=r"bad\.json: rows\.0\.strategy: Field required"):
        read_results([tmp_path / "bad.json"])
    with pytest.raises(SuiteError, match=r"none\.json: No such file"):
        read_results([tmp_path / "none.json"])
