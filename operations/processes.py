"""Child processes that never outlive their parent: started, watched, stopped in reverse order."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 20.0
LOG_TAIL_LINES = 12
PR_SET_PDEATHSIG = 1


class ProcessFailedError(RuntimeError):
    """A child ended when it should not have, or was not ready in time; carries its last words."""


@dataclass(frozen=True, slots=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_words(self) -> str:
        """The end of the child's log, for an error message."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])


def _die_with_parent() -> None:
    # A parent that is killed outright runs no clean-up; on Linux the kernel does it for us. Its
    # "parent" is the thread that started the child: that has to live as long as the child is to.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Stage:
    """A context in which children run; leaving it, by whatever way, ends them all."""

    def __init__(self, log_folder: Path, environment: Mapping[str, str]) -> None:
        self._log_folder = log_folder
        self._environment = dict(environment)
        self._children: list[Child] = []
        self._closed = False
        self._lock = threading.Lock()
        log_folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        # Threads may be about to start another child: from here on they cannot.
        with self._lock:
            self._closed = True
            children = list(reversed(self._children))
        for child in children:
            self.stop(child)

    def start(self, name: str, arguments: Sequence[str]) -> Child:
        """Start `python ARGUMENTS` in a group of its own, its output appended to NAME.log."""
        log = self._log_folder / f"{name}.log"
        with self._lock, log.open("ab") as output:
            if self._closed:
                raise ProcessFailedError(f"{name} was not started: everything is being stopped")
            process = subprocess.Popen(
                [sys.executable, *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
            child = Child(name, process, log)
            self._children.append(child)
        return child

    def run(self, name: str, arguments: Sequence[str]) -> Child:
        """Start a child and wait for its end. Raises ProcessFailedError on a non-zero exit."""
        child = self.start(name, arguments)
        code = child.process.wait()
        self._forget(child)
        if code != 0:
            raise ProcessFailedError(f"{name} ended with code {code}:\n{child.last_words()}")
        return child

    def stop(self, child: Child, *, hard: bool = False) -> None:
        """SIGTERM, then SIGKILL when it does not go; `hard`: SIGKILL at once. Its group too."""
        self._forget(child)
        if not hard and child.process.poll() is None:
            child.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()

    def _forget(self, child: Child) -> None:
        with self._lock:
            if child in self._children:
                self._children.remove(child)

    def check(self) -> None:
        """Raises ProcessFailedError when any child has ended by itself."""
        for child in list(self._children):
            code = child.process.poll()
            if code is not None:
                raise ProcessFailedError(
                    f"{child.name} ended by itself with code {code}:\n{child.last_words()}"
                )

    def wait_for(self, what: str, ready: Callable[[], bool], seconds: float) -> None:
        """Poll `ready` until it is true. Raises ProcessFailedError after `seconds`."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self._closed:
                raise ProcessFailedError(f"{what} is not waited for: everything is being stopped")
            self.check()
            if time.monotonic() > deadline:
                words = "\n".join(f"{c.name}: {c.last_words()}" for c in self._children)
                raise ProcessFailedError(f"{what} not ready within {seconds:.0f} s\n{words}")
            time.sleep(0.05)


@contextlib.contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """SIGTERM and SIGINT end the main program as Ctrl-C does, so that every Stage is left properly.

    Also where whoever started it ignores SIGINT, as a shell does for jobs in the background.
    """

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signals = (signal.SIGTERM, signal.SIGINT)
    previous = [signal.signal(number, interrupt) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, previous, strict=True):
            signal.signal(number, handler)


def free_port() -> int:
    """A port on 127.0.0.1 that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
