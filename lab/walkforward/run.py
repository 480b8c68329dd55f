"""The folds of a walk one after the other: what is known is read, the rest is run and kept."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from lab.evidence_runner import REPOSITORY
from lab.walkforward.fold_result import FoldResult, as_json, from_json
from lab.walkforward.fold_run import RESULT, SEARCH_FOLDER, FoldJob, job_as_json
from lab.walkforward.plan import WalkError

KEY_LENGTH = 20  # characters of a file's name
LOOK_SECONDS = 0.5
BLOCK = 1 << 20
Tell = Callable[[FoldJob, int], None]  # the fold that runs, and how many epochs it has


class FoldProcess(Protocol):
    """The process of a fold."""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """As subprocess has it."""

    def last_words(self) -> str:
        """What it said last."""


class FoldStage(Protocol):
    """Where processes run that end with it."""

    def start(self, name: str, arguments: Sequence[str]) -> FoldProcess:
        """Start `python ARGUMENTS`."""


# (folder of logs, environment) -> the stage
MakeStage = Callable[[Path, Mapping[str, str]], AbstractContextManager[FoldStage]]


class ResultFolder:
    """Results by their keys, one JSON file each; a file is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WalkError(f"--store {folder}: {error.strerror}, expected a folder") from None

    def file_of(self, job: FoldJob) -> Path:
        """Where the result of a job is kept."""
        return self._folder / f"{job.request.strategy}-{job.key[:KEY_LENGTH]}.json"

    def find(self, job: FoldJob) -> FoldResult | None:
        """None where there is none, or none of this content."""
        file = self.file_of(job)
        if not file.is_file():
            return None
        try:
            result = from_json(file.read_text(encoding="utf-8"))
        except (ValueError, KeyError, TypeError):
            return None
        return result.numbered(job.fold) if result.key == job.key else None

    def keep(self, job: FoldJob, result: FoldResult) -> None:
        """Write a result; an earlier one of the same job is replaced."""
        file = self.file_of(job)
        beside = file.with_suffix(f".{os.getpid()}.part")
        beside.write_text(as_json(result), encoding="utf-8")
        beside.replace(file)


def missing(jobs: Sequence[FoldJob], folder: ResultFolder) -> list[FoldJob]:
    """Jobs that have no result yet."""
    return [job for job in jobs if folder.find(job) is None]


def run_walk(
    jobs: Sequence[FoldJob], folder: ResultFolder, tell: Tell, make_stage: MakeStage
) -> list[FoldResult]:
    """Results of all jobs, in order. Whatever ends it: folds that were done are kept.

    Raises WalkError with the words of a fold that cannot be run.
    """
    results = []
    for job in jobs:
        result = folder.find(job)
        if result is None:
            result = run_job(job, tell, make_stage)
            folder.keep(job, result)
        results.append(result)
    return results


def run_job(job: FoldJob, tell: Tell, make_stage: MakeStage) -> FoldResult:
    """Run a fold in a process of its own, which ends with this one. Raises WalkError."""
    with tempfile.TemporaryDirectory(prefix="walk-forward-") as name:
        place = Path(name)
        work = place / "fold"
        work.mkdir()
        job_file = place / "job.json"
        job_file.write_text(job_as_json(job), encoding="utf-8")
        with make_stage(place / "logs", _environment(job, place)) as stage:
            arguments = ["-m", "lab.walkforward.fold_run", str(job_file), str(work)]
            child = stage.start("fold", arguments)
            epochs = EpochCounter(work / SEARCH_FOLDER / "hyperopt_results")
            while child.process.poll() is None:
                tell(job, epochs.count())
                time.sleep(LOOK_SECONDS)
        if child.process.returncode != 0:
            last = (child.last_words().strip() or "no word").splitlines()[-1]
            raise WalkError(f"fold {job.fold.number}: {last}")
        return from_json((work / RESULT).read_text(encoding="utf-8"))


def _environment(job: FoldJob, place: Path) -> dict[str, str]:
    inherited = os.environ.get("PYTHONPATH")
    parts = [str(REPOSITORY), str(job.request.strategy_path), *([inherited] if inherited else [])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(parts),
        # What workers share must not outlive them.
        "JOBLIB_TEMP_FOLDER": str(place),
        "TMPDIR": str(place),
        "COLUMNS": "200",
    }


class EpochCounter:
    """How many epochs a search has stored so far, reading only what is new."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = 0
        self._count = 0

    def count(self) -> int:
        """Lines of the folder's .fthypt file."""
        for file in self._folder.glob("*.fthypt"):
            with file.open("rb") as opened:
                opened.seek(self._known)
                while block := opened.read(BLOCK):
                    self._known += len(block)
                    self._count += block.count(b"\n")
        return self._count
