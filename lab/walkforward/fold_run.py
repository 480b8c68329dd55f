"""One fold in a process of its own: `python -m lab.walkforward.fold_run JOB.json FOLDER`.

Search on the train window, then plain backtests of the test window. Each of the two reads a folder
of candles that ends where its window ends.
"""

import dataclasses
import json
import logging
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.exceptions import FreqtradeException, OperationalException

from lab.evidence_runner import BacktestRequest, backtest
from lab.statistics.folds import Fold
from lab.walkforward.cut import candle_files, candle_length, cut_folder
from lab.walkforward.fold_result import FoldResult, Part, Trial, as_json, fold_as_json, fold_of
from lab.walkforward.returns import closes_by_day, part_of
from lab.walkforward.search import (
    Searched,
    SearchWish,
    best_epoch,
    parameter_file,
    read_epochs,
    search,
)

REFUSED = 2  # exit code of what freqtrade or a strategy refuses, with one line
RESULT, SEARCH_FOLDER = "result.json", "search"
SLOTS = "max_open_trades"
LATEST_START = timedelta(days=1)  # a window without its first candles is another window


@dataclass(frozen=True, slots=True)
class FoldJob:
    """One fold to run. request: of the whole walk, without a timerange. capital: what daily
    returns are parts of, USD. losses: folder of hyperopt losses."""

    key: str
    fold: Fold
    request: BacktestRequest
    timeframe: str
    capital: float
    search: SearchWish
    losses: Path


def job_as_json(job: FoldJob) -> str:
    """The job for the child process."""
    content = {**dataclasses.asdict(job), "fold": fold_as_json(job.fold)}
    return json.dumps(content, default=str)


def job_from_json(text: str) -> FoldJob:
    """The job of job_as_json."""
    content = json.loads(text)
    request = content["request"]
    paths = {key: Path(request[key]) for key in ("datadir", "strategy_path")}
    wish = content["search"]
    return FoldJob(
        **content
        | {
            "fold": fold_of(content["fold"]),
            "request": BacktestRequest(**{**request, **paths, "pairs": tuple(request["pairs"])}),
            "search": SearchWish(**{**wish, "spaces": tuple(wish["spaces"])}),
            "losses": Path(content["losses"]),
        }
    )


def run_fold(job: FoldJob, folder: Path) -> FoldResult:
    """Search, choose, test; `folder` is empty. Raises freqtrade's OperationalException."""
    started = time.perf_counter()
    fold = job.fold
    train, test = _candles(job, folder)
    plain = _strategy_folder(job.request, folder / "plain", None)
    train_request = replace(
        job.request, datadir=train, strategy_path=plain, timerange=fold.train_timerange
    )
    found = search(train_request, job.search, job.losses, folder / SEARCH_FOLDER)
    closes = closes_by_day(train, job.request.pairs, job.timeframe)
    trials: list[Trial] = []
    parts: list[Part] = []
    for epoch in read_epochs(found.file):
        trades = pd.DataFrame(epoch.trades)
        parts.append(part_of(trades, closes, job.capital, fold.train_start, fold.train_end))
        trials.append(Trial(epoch.parameters, epoch.loss, len(trades)))
    chosen = best_epoch([trial.loss for trial in trials])
    test_request = replace(train_request, datadir=test, timerange=fold.test_timerange)
    test_closes = closes_by_day(test, job.request.pairs, job.timeframe)
    defaults = _tested(job, test_request, test_closes, fold.test_start, fold.test_end)
    repeats = True
    out_of_sample = part_of(
        pd.DataFrame(), test_closes, job.capital, fold.test_start, fold.test_end
    )
    if chosen is not None:
        own = _with_chosen(job.request, _details(found, chosen), folder / "chosen")
        again = replace(own, datadir=train, timerange=fold.train_timerange)
        repeated = _tested(job, again, closes, fold.train_start, fold.train_end)
        repeats = _agree(repeated, parts[chosen])
        later = replace(own, datadir=test, timerange=fold.test_timerange)
        out_of_sample = _tested(job, later, test_closes, fold.test_start, fold.test_end)
    return FoldResult(
        key=job.key,
        fold=fold,
        dimensions=found.dimensions,
        trials=tuple(trials),
        chosen=chosen,
        in_sample=None if chosen is None else parts[chosen],
        repeats=repeats,
        out_of_sample=out_of_sample,
        defaults=defaults,
        seconds=time.perf_counter() - started,
        trial_returns=tuple(part.returns for part in parts),
    )


def _candles(job: FoldJob, folder: Path) -> tuple[Path, Path]:
    """Folders of candles up to the end of the train window and of the test window."""
    request = job.request
    detail = str(request.config.get("timeframe_detail", job.timeframe))
    finest = min(candle_length(job.timeframe), candle_length(detail))
    files = candle_files(request.datadir, request.pairs, request.trading_mode, finest)
    train, test = folder / "train", folder / "test"
    cut_folder(files, request.datadir, train, job.fold.train_end)
    cut_folder(files, request.datadir, test, job.fold.test_end)
    return train, test


def _strategy_folder(request: BacktestRequest, folder: Path, parameters: str | None) -> Path:
    """A folder with the strategy alone: no result file of another search is beside it."""
    folder.mkdir()
    shutil.copy(request.strategy_path / f"{request.strategy}.py", folder)
    if parameters is not None:
        (folder / f"{request.strategy}.json").write_text(parameters)
    return folder


def _details(found: Searched, chosen: int) -> Mapping[str, Any]:
    for number, epoch in enumerate(read_epochs(found.file)):
        if number == chosen:
            return epoch.details
    raise ValueError(f"{found.file} has no epoch {chosen}")


def _with_chosen(
    request: BacktestRequest, details: Mapping[str, Any], folder: Path
) -> BacktestRequest:
    """The request with the chosen parameters, as freqtrade's own parameter file beside it."""
    place = _strategy_folder(request, folder, parameter_file(request.strategy, details))
    # The config's slots win over those of a parameter file.
    slots = int(details.get(SLOTS, {}).get(SLOTS, request.max_open_trades))
    return replace(request, strategy_path=place, max_open_trades=slots)


def _tested(
    job: FoldJob,
    request: BacktestRequest,
    closes: Mapping[str, pd.Series],
    start: datetime,
    end: datetime,
) -> Part:
    run = backtest(request)
    if run.start - start > LATEST_START:
        raise OperationalException(
            f"a window is to begin on {start:%Y-%m-%d}, but with the candles that the strategy "
            f"looks back on it cannot before {run.start:%Y-%m-%d %H:%M}"
        )
    return part_of(run.trades, closes, job.capital, start, end)


def _agree(one: Part, other: Part) -> bool:
    close = all(abs(a - b) < 1e-6 for a, b in zip(one.returns, other.returns, strict=True))
    return one.trades == other.trades and close


def main(job_file: Path, folder: Path) -> int:
    """Run and write; returns the exit code."""
    logging.disable(logging.WARNING)
    try:
        result = run_fold(job_from_json(job_file.read_text(encoding="utf-8")), folder)
    except FreqtradeException as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return REFUSED
    (folder / RESULT).write_text(as_json(result), encoding="utf-8")
    return 0


if __name__ == "__main__":  # hyperopt's workers import this module again
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
