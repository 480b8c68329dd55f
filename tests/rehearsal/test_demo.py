"""The main job as a user starts it: to its last screen, and broken off in the middle."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(600)]

REPOSITORY = Path(__file__).resolve().parents[2]
INTERRUPTED = 130
DEMO = "from operations.command_line import main; main()"


def start(work: Path, output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as sink:
        return subprocess.Popen(
            [sys.executable, "-c", DEMO, "demo", "--work", str(work)],
            cwd=REPOSITORY,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def processes_of(work: Path) -> list[str]:
    """Command lines of living processes that name the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it has ended meanwhile
                continue
            if str(work) in command:
                found.append(command)
    return found


def test_the_demo_ends_with_books_that_agree(tmp_path: Path) -> None:
    output = tmp_path / "screen.txt"
    process = start(tmp_path / "work", output)
    code = process.wait(500)
    screen = output.read_text()
    assert code == 0, screen
    assert "Freqtrade's database and the exchange's ledger agree" in screen
    assert "equal to the last 0.00000001" in screen
    for row in ("crash", "specified", "specified, score >= 60", "hold BTC", "hold all 10 equally"):
        assert re.search(rf"^ *{re.escape(row)} ", screen, re.MULTILINE), row
    traded = re.search(r"(\d+) trades; the live code made (\d+) of them", screen)
    assert traded is not None, screen
    assert int(traded[1]) >= 1
    assert int(traded[2]) >= 1
    # Every trade says what its score was and how much of it was known.
    assert re.search(r"crash_conf\d+ RSI .* \d+ \(\d+%\)", screen), screen
    assert processes_of(tmp_path) == []


def test_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    output = tmp_path / "screen.txt"
    process = start(tmp_path / "work", output)
    deadline = time.monotonic() + 120
    while not any("confluence" in command for command in processes_of(tmp_path)):
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == INTERRUPTED
    assert "everything it started has been stopped" in " ".join(output.read_text().split())
    assert processes_of(tmp_path) == []
