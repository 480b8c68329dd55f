"""Nothing outlives its stage."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from operations.processes import ProcessFailedError, Stage, free_port

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
# Ignores SIGTERM and has a child of its own.
STUBBORN = (
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, "
    "flush=True); time.sleep(600)"
)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_leaving_the_stage_ends_every_child(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Stage(tmp_path, os.environ) as stage:
        children = [stage.start(f"sleeper-{number}", ["-c", SLEEPER]) for number in range(3)]
        wait_for(lambda: all(child.log.read_text() for child in children))
        raise KeyboardInterrupt
    assert not any(alive(child.process.pid) for child in children)


def test_a_stubborn_child_and_its_own_child_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.processes.STOP_SECONDS", 0.3)
    with Stage(tmp_path, os.environ) as stage:
        child = stage.start("stubborn", ["-c", STUBBORN])
        wait_for(lambda: child.log.read_text().strip())
        grandchild = int(child.log.read_text())
        assert alive(grandchild)
    wait_for(lambda: not alive(grandchild))
    assert not alive(child.process.pid)


def test_a_killed_parent_takes_its_children_with_it(tmp_path: Path) -> None:
    program = (
        "import os, sys, time; from pathlib import Path; from operations.processes import Stage; "
        f"stage = Stage(Path({str(tmp_path)!r}), os.environ); "
        f"print(stage.start('sleeper', ['-c', {SLEEPER!r}]).process.pid, flush=True); "
        "time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_for(lambda: not alive(child))


def test_a_child_that_ends_by_itself_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with Stage(tmp_path, os.environ) as stage:
        stage.start("brief", ["-c", "raise SystemExit('the disk is full')"])
        with pytest.raises(ProcessFailedError, match="the disk is full"):
            stage.wait_for("brief", lambda: False, 10)
        stage._children.clear()
        with pytest.raises(ProcessFailedError, match="code 3"):
            stage.run("failing", ["-c", "raise SystemExit(3)"])


def test_a_thread_cannot_start_a_child_on_a_stage_that_is_left(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        ThreadPoolExecutor(1) as pool,
        Stage(tmp_path, os.environ) as stage,
    ):
        waiting = pool.submit(stage.run, "sleeper", ["-c", SLEEPER])
        queued = pool.submit(stage.run, "late", ["-c", SLEEPER])
        wait_for(lambda: (tmp_path / "sleeper.log").exists())
        wait_for(lambda: (tmp_path / "sleeper.log").read_text())
        raise KeyboardInterrupt
    with pytest.raises(ProcessFailedError, match="ended with code"):
        waiting.result(0)
    with pytest.raises(ProcessFailedError, match="everything is being stopped"):
        queued.result(0)


def test_a_free_port_can_be_bound() -> None:
    assert 1024 <= free_port() <= 65535
