"""Which cells a wish has, by which key each is found again, and what is refused."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from lab.evidence_runner import STRATEGIES
from lab.matrix.cell_run import run_cell
from lab.matrix.costs import CostModel, all_costs
from lab.matrix.fingerprint import fingerprint_of, key_of
from lab.matrix.periods import all_periods
from lab.matrix.plan import Cell, MatrixError, MatrixWish, Plan, plan_matrix
from operations.command_line import main
from tests.lab.matrix.probe_runs import PROBE
from tests.lab.suite_market import PAIRS, write_market


def plan(datadir: Path, folder: Path = STRATEGIES, **changes: object) -> Plan:
    wish = MatrixWish(
        datadir=datadir,
        periods=all_periods(["2024-02", "2024-03"]),
        costs=all_costs(["binance", "mexc+gap"]),
        strategies=("BuyTheDip:crash",),
        pairs=PAIRS,
    )
    return plan_matrix(replace(wish, **changes), folder)  # type: ignore[arg-type]


def keys(cells: tuple[Cell, ...], pair: str) -> set[str]:
    return {cell.key for cell in cells if cell.pairs == (pair,)}


def test_every_combination_is_a_cell_with_a_key_of_its_own(seeded_datadir: Path) -> None:
    found = plan(seeded_datadir, strategies=("BuyTheDip:*", "BuyTheDip"))
    assert len(found.cells) == 3 * 3 * 2 * 2 == len({cell.key for cell in found.cells})
    assert {cell.preset for cell in found.cells} == {"crash", "crash_often", "specified"}
    again = plan(seeded_datadir, strategies=("BuyTheDip:*",))
    assert [cell.key for cell in again.cells] == [cell.key for cell in found.cells]
    for cell in found.cells:
        assert cell.request.pairs == cell.pairs and len(cell.pairs) == 1
        assert cell.request.timerange == cell.period.timerange
        assert cell.request.fee_rate == pytest.approx(cell.cost.fee_rate)
        assert cell.request.config["enable_protections"] is True


def test_together_and_per_stake(seeded_datadir: Path) -> None:
    (first, *rest) = plan(seeded_datadir, together=True, as_traded=False).cells
    assert len(rest) == 3 and first.pairs == PAIRS
    assert first.capital == pytest.approx(600.0)
    assert first.request.aquatrade["sizing"] == {"method": "fixed", "stake_usd": 200.0}


def test_by_default_all_strategies_with_their_bots_pairs(seeded_datadir: Path) -> None:
    found = plan(seeded_datadir, strategies=(), pairs=())
    assert {"BuyTheDip", "Momentum"} >= {cell.strategy for cell in found.cells} >= {"BuyTheDip"}
    assert any("no 4h candles" in note for note in found.notes)


def test_a_key_holds_the_candles_not_when_they_were_written(tmp_path: Path) -> None:
    write_market(tmp_path)
    before = plan(tmp_path).cells
    for file in tmp_path.glob("*.feather"):
        os.utime(file, (1, 1))
    assert [cell.key for cell in plan(tmp_path).cells] == [cell.key for cell in before]
    _change(tmp_path / "ETH_USDT-1h.feather")
    after = plan(tmp_path).cells
    assert not keys(before, "ETH/USDT") & keys(after, "ETH/USDT")
    assert keys(before, "SOL/USDT") == keys(after, "SOL/USDT")
    _change(tmp_path / "BTC_USDT-1h.feather")  # strategies look at it whatever they trade
    assert not keys(before, "SOL/USDT") & keys(plan(tmp_path).cells, "SOL/USDT")
    stale = run_cell(after[-1])
    assert stale.status == "failed"
    assert stale.message == "not what was planned with: candles; plan again"


def _change(file: Path) -> None:
    frame = pd.read_feather(file)
    frame["volume"] *= 2.0
    frame.to_feather(file)


def test_a_key_holds_the_strategys_file_and_parameters(
    seeded_datadir: Path, tmp_path: Path
) -> None:
    shutil.copy(PROBE / "StopProbe.py", tmp_path)
    (cell,) = plan(
        seeded_datadir, strategies=("BuyTheDip",), pairs=("BTC/USDT",),
        periods=all_periods(["2024"]), costs=(CostModel(0.1),),
    ).cells  # fmt: skip
    request = replace(cell.request, strategy="StopProbe", strategy_path=tmp_path)
    seen = [fingerprint_of(request).code]
    with (tmp_path / "StopProbe.py").open("a") as file:
        file.write("# another\n")
    seen.append(fingerprint_of(request).code)
    (tmp_path / "StopProbe.json").write_text("{}")
    seen.append(fingerprint_of(request).code)
    assert len(set(seen)) == 3
    prints = fingerprint_of(request)
    costs = [CostModel(0.1), CostModel(0.1, gap=True), CostModel(0.1, delay=True)]
    assert len({key_of(request, cost, prints) for cost in costs}) == 3
    other = replace(prints, versions="freqtrade-1")
    assert key_of(request, costs[0], other) != key_of(request, costs[0], prints)
    assert prints.differing(other) == ["versions"]


def test_failures_and_empty_periods_are_outcomes(seeded_datadir: Path, tmp_path: Path) -> None:
    found = plan(seeded_datadir, periods=all_periods(["2019"]), pairs=("BTC/USDT",))
    outcome = run_cell(found.cells[0])
    assert outcome.status == "empty" and "No data found" in outcome.message
    assert outcome.figures is None and outcome.trades == b""
    cell = plan(seeded_datadir, pairs=("BTC/USDT",)).cells[0]
    request = replace(cell.request, aquatrade={"preset": "none"})
    refused = run_cell(replace(cell, request=request))
    assert refused.status == "failed" and "\n" not in refused.message
    assert "none" in refused.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strategies": ("Nothing",)}, "'Nothing' is unknown, expected one of BuyTheDip"),
        ({"strategies": ("BuyTheDip:crsh",)}, "no preset 'crsh', expected one of crash"),
        ({"pairs": ("DOGE/USDT",)}, "no cell can be run; BuyTheDip crash: no 1h candles of DOGE"),
        ({"pairs": ("BTC/USDT:USDT",)}, "no bot ships it on futures, BTC/USDT:USDT left out"),
        ({"datadir": Path("nowhere")}, "--data nowhere: no such folder"),
    ],
)
def test_mistakes_are_one_line(
    changes: dict[str, object], words: str, seeded_datadir: Path
) -> None:
    with pytest.raises(MatrixError, match=words) as refused:
        plan(**{"datadir": seeded_datadir, **changes})  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "nowhere"], "nowhere: no such folder"),
        (["--data", "DATA", "--cost", "cheap"], "--cost cheap: 'cheap' is unknown"),
        (["--data", "DATA", "--period", "soon"], "--period soon: expected 2023"),
        (["--data", "DATA", "--store", "none/m.sqlite"], "none/m.sqlite: no folder none"),
        (["--data", "DATA", "--strategy", "Nothing"], "'Nothing' is unknown"),
    ],
)
def test_mistakes_on_the_command_line(
    arguments: list[str], words: str, seeded_datadir: Path, tmp_path: Path
) -> None:
    typed = [str(seeded_datadir) if word == "DATA" else word for word in arguments]
    store = [] if "--store" in typed else ["--store", str(tmp_path / "m.sqlite")]
    answer = CliRunner().invoke(main, ["matrix", *typed, *store])
    assert answer.exit_code == 2
    assert words in answer.output and "Traceback" not in answer.output


def test_a_plan_is_shown_without_running(seeded_datadir: Path, tmp_path: Path) -> None:
    answer = CliRunner().invoke(
        main,
        ["matrix", "--data", str(seeded_datadir), "--strategy", "BuyTheDip", "--pair", "BTC/USDT",
         "--period", "2024-02", "--cost", "0.1%+ladder", "--plan",
         "--store", str(tmp_path / "m.sqlite")],
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert "5 cells, 0 of them in" in answer.output
    assert "BuyTheDip crash, BTC/USDT, 2024-02, 0.1%+30bps" in answer.output
