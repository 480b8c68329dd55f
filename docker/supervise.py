"""Runs a program and ends it when it stops answering, so that whatever restarts us can do so.

After a fatal error at its start `freqtrade trade` can stay alive without trading: its process id
says nothing, its answer to a ping does. Needs nothing but Python: it runs in the stock image.
"""

import argparse
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from types import FrameType

PING_TIMEOUT_SECONDS = 5.0
STOP_SECONDS = 25.0
SILENT = 75  # EX_TEMPFAIL: try again


def answers(url: str) -> bool:
    """Whether the address answers with success within the time-out."""
    try:
        with urllib.request.urlopen(url, timeout=PING_TIMEOUT_SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def stop(process: subprocess.Popen[bytes], seconds: float) -> None:
    """SIGTERM, and SIGKILL for what is still there after so many seconds."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def supervise(
    command: Sequence[str],
    alive: Callable[[], bool],
    *,
    interval_seconds: float,
    failures_allowed: int,
    stop_seconds: float = STOP_SECONDS,
) -> int:
    """Run the command; its exit code, or SILENT after too many failed pings in a row."""
    with subprocess.Popen(command) as process:
        stopping = False

        def pass_on(number: int, _: FrameType | None) -> None:
            nonlocal stopping
            stopping = True
            process.send_signal(number)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, pass_on)
        failures = 0
        while True:
            try:
                code = process.wait(interval_seconds)
            except subprocess.TimeoutExpired:
                failures = 0 if alive() else failures + 1
                if failures > failures_allowed and not stopping:
                    sys.stderr.write(
                        f"{command[0]} has not answered for {failures} pings: ending it\n"
                    )
                    stop(process, stop_seconds)
                    return SILENT
            else:
                # As a shell tells it: 128 + the signal that ended the program.
                return code if code >= 0 else 128 - code


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run a program for as long as it answers.")
    parser.add_argument("--ping", required=True, help="an address that answers while all is well")
    parser.add_argument("--interval", type=float, default=20.0, help="seconds between pings")
    parser.add_argument(
        "--allow", type=int, default=8, help="failed pings in a row, the start included"
    )
    parser.add_argument("command", nargs="+", help="after --: the program and its arguments")
    options = parser.parse_args(arguments)
    return supervise(
        options.command,
        lambda: answers(options.ping),
        interval_seconds=options.interval,
        failures_allowed=options.allow,
    )


if __name__ == "__main__":
    sys.exit(main())
