"""`aquatrade walk-forward` as it is called."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lab.walkforward.answer import answer_of
from lab.walkforward.plan import plan_walk
from lab.walkforward.report import as_json, parameter_lines, tables_of
from operations.command_line import main
from tests.lab.walkforward.fold_results import simulated
from tests.lab.walkforward.planted import hourly, nowhere, wish_of, write_hourly


def test_the_tables_and_the_json_have_every_fold(tmp_path: Path) -> None:
    datadir = write_hourly(tmp_path, hourly(122, nowhere))
    plan = plan_walk(wish_of(datadir, "HourOfDay", datetime(2023, 5, 1, tzinfo=UTC), 5))
    random = np.random.default_rng(1)
    walk = answer_of(plan, [simulated(job.fold, random, 30, 10, 0.8) for job in plan.jobs])
    folds, curves, decay, stability = tables_of(walk)
    assert [row[0] for row in folds.rows] == ["1", "2"]
    assert [row[0] for row in curves.rows] == ["walk-forward", "defaults", "buy and hold"]
    assert len(decay.rows) == 4 and [row[0] for row in stability.rows] == ["hour", "kind"]
    assert all(len(row) == len(t.headings) for t in tables_of(walk) for row in t.rows)
    assert parameter_lines(walk)[0].startswith("fold 1: hour ")
    content = json.loads(as_json(plan, walk))
    assert len(content["folds"]) == 2 and len(content["folds"][0]["trials"]) == 30
    daily = content["out_of_sample"]["daily"]
    assert (daily[0]["day"], daily[-1]["day"]) == ("2023-03-01", "2023-04-30")
    held = content["buy_and_hold"]
    closes = hourly(122, nowhere).set_index("date")["close"]
    days = closes.resample("D").last()
    assert held["total"] == pytest.approx(days["2023-04-30"] / days["2023-02-28"] - 1.0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["SmaTrend", "--data", "nowhere"], "no such folder, expected a freqtrade datadir"),
        (["SmaTrend", "--data", ".", "--period", "soon"], "--period soon: expected 2023"),
        (["Sma", "--data", "."], "strategy 'Sma' is unknown, expected one of"),
        (["SmaTrend:best", "--data", "."], "SmaTrend has no preset 'best', expected one of"),
        (["SmaTrend", "--data", "."], "candles of any of its pairs"),
        (["SmaTrend", "--data", ".", "--pair", "BTC/USDT"], "candles of BTC/USDT"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments: list[str], words: str) -> None:
    ran = CliRunner().invoke(main, ["walk-forward", *arguments])
    assert ran.exit_code == 2
    assert words in ran.output
    assert len(ran.output.strip().splitlines()) == 1
    assert ran.output.startswith("aquatrade walk-forward: ")
