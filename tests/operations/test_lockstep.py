"""A program run on the exchange's clock: unchanged, and hours long in a second."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sidecars.replay.timekeeper import ReplayClock, Timekeeper

START = datetime(2024, 3, 5, tzinfo=UTC)
PROGRAM = """
import time, threading
from datetime import datetime, timezone
for _ in range(6):
    time.sleep(3600)
    print(datetime.now(timezone.utc).isoformat(), flush=True)
thread = threading.Thread(target=time.sleep, args=(0.2,))
thread.start()
thread.join()
print("threads sleep for real")
"""


async def test_six_hours_pass_in_the_time_the_program_needs(tmp_path: Path) -> None:
    clock = ReplayClock(START)
    keeper = Timekeeper(clock, participants=1)
    port = await keeper.start("127.0.0.1", 0)
    (tmp_path / "sleeper.py").write_text(PROGRAM)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "operations.lockstep", str(port), "sleeper",
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:."},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    await keeper.stop()
    *hours, last = output.decode().splitlines()
    assert process.returncode == 0
    assert last == "threads sleep for real"
    assert len(hours) == 6
    for number, line in enumerate(hours, start=1):
        late = datetime.fromisoformat(line) - (START + timedelta(hours=number))
        assert timedelta(0) <= late < timedelta(seconds=20)


async def test_no_clock_is_one_clear_line() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "operations.lockstep", "1", "sleeper",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert errors.decode().count("\n") == 1
    assert "no lock-step clock" in errors.decode()
