"""Folds, their keys, and wishes that cannot be."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.evidence_runner import STRATEGIES
from lab.matrix.periods import Period
from lab.walkforward.fold_run import job_as_json, job_from_json
from lab.walkforward.plan import WalkError, WalkWish, plan_walk
from lab.walkforward.run import ResultFolder, missing, run_walk
from lab.walkforward.search import SearchWish
from operations.processes import Stage
from tests.lab.walkforward.fold_results import simulated, some_folds
from tests.lab.walkforward.planted import BEGIN, hourly, nowhere, wish_of, write_hourly

UNTIL = datetime(2023, 6, 1, tzinfo=UTC)
DAYS = 152


@pytest.fixture(scope="module")
def datadir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hourly(tmp_path_factory.mktemp("planted"), hourly(DAYS, nowhere))


@pytest.fixture
def wish(datadir: Path) -> WalkWish:
    return wish_of(datadir, "HourOfDay", UNTIL, epochs=5)


def test_folds_of_a_strategy_without_presets(wish: WalkWish) -> None:
    plan = plan_walk(wish)
    assert (plan.preset, plan.pairs, plan.timeframe) == ("defaults", ("BTC/USDT",), "1h")
    assert [job.fold.test_start.month for job in plan.jobs] == [3, 4, 5]
    assert all(job.fold.train_end == job.fold.test_start for job in plan.jobs)
    anchored = plan_walk(replace(wish, mode="anchored", embargo_days=2))
    assert {job.fold.train_start for job in anchored.jobs} == {BEGIN}
    assert all((job.fold.test_start - job.fold.train_end).days == 2 for job in anchored.jobs)
    job = plan.jobs[0]
    assert job_from_json(job_as_json(job)) == job


def test_a_fold_is_known_by_what_it_rests_on(wish: WalkWish, tmp_path: Path) -> None:
    keys = [job.key for job in plan_walk(wish).jobs]
    assert len(set(keys)) == 3
    frame = hourly(DAYS, nowhere)
    is_last = frame.index == frame.index[-1]  # the last hour of May
    frame["close"] = frame["close"].where(~is_last, 1.0)
    changed = replace(wish, datadir=write_hourly(tmp_path / "other", frame))
    again = [job.key for job in plan_walk(changed).jobs]
    assert again[:2] == keys[:2] and again[2] != keys[2]
    for search in (
        replace(wish.search, epochs=6),
        replace(wish.search, jobs=1),
        replace(wish.search, spaces=("buy",)),
        replace(wish.search, random_state=2),
        replace(wish.search, loss="OnlyProfitHyperOptLoss"),
    ):
        assert not set(keys) & {job.key for job in plan_walk(replace(wish, search=search)).jobs}
    for change in ({"cost": "0.1%"}, {"wallet": 100.0}, {"embargo_days": 1}):
        other: dict[str, Any] = change
        assert not set(keys) & {job.key for job in plan_walk(replace(wish, **other)).jobs}


def test_a_longer_walk_finds_the_folds_of_a_shorter_one(wish: WalkWish) -> None:
    shorter = replace(wish, period=replace(wish.period, until=datetime(2023, 5, 1, tzinfo=UTC)))
    keys = [job.key for job in plan_walk(wish).jobs]
    assert [job.key for job in plan_walk(shorter).jobs] == keys[:2]


def test_kept_results_are_not_run_again(wish: WalkWish, tmp_path: Path) -> None:
    jobs = plan_walk(wish).jobs
    folder = ResultFolder(tmp_path / "store")
    for job, fold in zip(jobs, some_folds(3), strict=True):
        result = replace(simulated(fold, np.random.default_rng(1), trials=3), key=job.key)
        folder.keep(job, result)
    asked: list[int] = []
    results = run_walk(jobs, folder, lambda job, epochs: asked.append(epochs), Stage)
    assert [result.key for result in results] == [job.key for job in jobs]
    assert asked == [] and missing(jobs, folder) == []
    folder.file_of(jobs[1]).write_text('{"key": "half of')
    assert missing(jobs, folder) == [jobs[1]]
    folder.file_of(jobs[2]).write_text(folder.file_of(jobs[0]).read_text())
    assert missing(jobs, folder) == [jobs[1], jobs[2]]
    (tmp_path / "file").write_text("")
    with pytest.raises(WalkError, match="expected a folder"):
        ResultFolder(tmp_path / "file")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"datadir": Path("nowhere")}, "--data nowhere: no such folder"),
        ({"strategy": "Nothing"}, "strategy 'Nothing' is unknown, expected one of HourOfDay"),
        ({"strategy": "HourOfDay:best"}, "HourOfDay has no presets, expected its name alone"),
        ({"pairs": ("ETH/USDT",)}, "no 1h candles of ETH/USDT, which HourOfDay trades on"),
        ({"pairs": ("BTC/USDT", "BTC/USDT:USDT")}, "expected one kind"),
        ({"pairs": ("BTC/USDT:USDT",)}, "no bot ships it on futures"),
        ({"cost": "binance+ladder"}, "a search charges one fee and one slippage"),
        ({"cost": "binance+gap"}, "a search charges one fee and one slippage"),
        ({"cost": "cheap"}, "'cheap' is unknown"),
        ({"train_months": 12}, "is too short for one fold"),
        ({"search": SearchWish(loss="BestLoss")}, "--loss BestLoss: no such file"),
        ({"period": Period("early", datetime(2022, 1, 1, tzinfo=UTC), UNTIL)},
         "candles begin on 2022-12-31 and the strategy looks back on 1: expected 2023-01-01"),
        ({"period": Period("late", datetime(2024, 1, 1, tzinfo=UTC), None)}, "too short"),
        ({"strategies": STRATEGIES, "strategy": "BuyTheDip:crsh"},
         "BuyTheDip has no preset 'crsh', expected one of crash, crash_often, specified"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(wish: WalkWish, change: dict[str, Any], words: str) -> None:
    with pytest.raises(WalkError) as caught:
        plan_walk(replace(wish, **change))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_preset_brings_its_bot(wish: WalkWish) -> None:
    plan = plan_walk(
        replace(
            wish,
            strategies=STRATEGIES,
            strategy="BuyTheDip:crash_often",
            period=Period("later", datetime(2023, 2, 1, tzinfo=UTC), UNTIL),
        )
    )
    request = plan.jobs[0].request
    assert request.aquatrade["preset"] == "crash_often"
    assert request.config["enable_protections"] is True
    assert request.fee_rate == pytest.approx(0.0002)
