"""A guard that is killed at any moment has kept every promise that it gave."""

import subprocess
import sys
from pathlib import Path

import pytest

from sidecars.guard.store import Store
from tests.sidecars.guard.guard_rig import START

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("answers", [1, 40])
def test_every_promise_outlives_a_kill(tmp_path: Path, answers: int) -> None:
    database = f"sqlite:///{tmp_path / 'guard.sqlite'}"
    command = [sys.executable, "-m", "tests.sidecars.guard.promising", database]
    said: dict[str, str] = {}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, bufsize=1
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            number, pair = line.split()
            said[number] = pair
            if len(said) >= answers:
                break
        process.kill()
        rest = process.stdout.read()
    said |= {line.split()[0]: line.split()[1] for line in rest.splitlines(keepends=True)
             if line.endswith("\n")}  # fmt: skip
    store = Store(database)
    kept = store.load(START, 0.0, 120.0)
    verdicts = {
        each.event.data["reservation"] for each in store.log.after(0, 10_000, kind="verdict")
    }
    whole = store.log.verify()
    store.close()
    assert said.items() <= {number: each.pair for number, each in kept.reservations.items()}.items()
    assert verdicts == set(kept.reservations), "a promise and its verdict, or neither"
    assert kept.last_number == len(kept.reservations)
    assert whole is None
