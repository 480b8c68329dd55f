"""Run a program on the replay exchange's clock: python -m operations.lockstep PORT MODULE ARGS...

The program itself is not changed. Its wall clock is moved with time-machine to the exchange's,
where it flows at its natural pace; when its main thread sleeps, the exchange is asked to go on to
the moment it wants to wake at (sidecars.replay.timekeeper says when that happens). Sleeps of other
threads, `time.monotonic` and asyncio stay real: they bound the work of the machine, not history.
For demos, tests and rehearsals only.
"""

import json
import os
import runpy
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import SupportsIndex

import time_machine

# Shorter sleeps wait for a thread of the same program (a server coming up), not for history.
SHORTEST_REPLAYED_SLEEP_SECONDS = 0.05
NS_PER_SECOND = 1_000_000_000
Sleep = Callable[[float | SupportsIndex], None]


class LockstepConnection:
    """A blocking participant of the lock-step clock."""

    def __init__(self, host: str, port: int, name: str) -> None:
        self._socket = socket.create_connection((host, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = self._socket.makefile("rb")
        self._send({"join": name})
        self.now_ns = self.receive_now_ns()

    def sleep_until(self, until_ns: int) -> int:
        """Returns the exchange's moment, at or after `until_ns`."""
        self.request_sleep(until_ns)
        return self.receive_now_ns()

    def request_sleep(self, until_ns: int) -> None:
        """Say that nothing will be done before `until_ns`; the answer is to be received."""
        self._send({"until_ns": until_ns})

    def receive_now_ns(self) -> int:
        """Wait for the keeper's word. Raises ConnectionError when it is gone."""
        line = self._lines.readline()
        if not line:
            raise ConnectionError("the lock-step clock has closed the connection")
        self.now_ns = int(json.loads(line)["now_ns"])
        return self.now_ns

    def fileno(self) -> int:
        """For select: readable once the keeper has answered."""
        return self._socket.fileno()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def _send(self, message: dict[str, object]) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")


def replayed_sleep(
    connection: LockstepConnection,
    traveller: time_machine.Traveller,
    real_sleep: Sleep,
) -> Sleep:
    """A `time.sleep` for the main thread that lets the exchange's clock jump."""
    main_thread = threading.main_thread()

    def sleep(seconds: float | SupportsIndex, /) -> None:
        seconds = float(seconds)
        if seconds < SHORTEST_REPLAYED_SLEEP_SECONDS or threading.current_thread() != main_thread:
            real_sleep(seconds)
            return
        woken_ns = time.time_ns()  # house: clock - the patched clock is what this module is about
        until_ns = woken_ns + int(seconds * NS_PER_SECOND)
        try:
            now_ns = connection.sleep_until(until_ns)
        except OSError:
            # The exchange is gone: the program goes on at the pace of the machine and says so.
            sys.stderr.write("lock-step clock lost, time flows at its natural pace from here\n")
            time.sleep = real_sleep
            real_sleep(seconds)
            return
        traveller.move_to(datetime.fromtimestamp(now_ns / NS_PER_SECOND, UTC))

    return sleep


def main() -> None:
    """Join the clock at PORT and run MODULE as `python -m` would."""
    if len(sys.argv) < 3 or not sys.argv[1].isdigit():
        sys.exit("usage: python -m operations.lockstep PORT MODULE [ARG ...]")
    port, module = int(sys.argv[1]), sys.argv[2]
    sys.argv = sys.argv[2:]
    real_sleep = time.sleep
    try:
        connection = LockstepConnection("127.0.0.1", port, f"{module}-{os.getpid()}")
    except OSError as error:
        sys.exit(f"no lock-step clock at 127.0.0.1:{port} ({error}); start the replay exchange")
    start = datetime.fromtimestamp(connection.now_ns / NS_PER_SECOND, UTC)
    with time_machine.travel(start, tick=True) as traveller:
        time.sleep = replayed_sleep(connection, traveller, real_sleep)
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
