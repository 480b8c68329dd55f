"""Cells on the cores of this machine: warm processes, a dead one costs its cell one more try."""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess

from lab.matrix.cell_run import Outcome, run_cell
from lab.matrix.plan import Cell

TRIES = 2
# What freqtrade keeps between backtests adds up; a fresh process is a fork of a warm one.
CELLS_A_PROCESS = 200
STOP_SECONDS = 5.0
PR_SET_PDEATHSIG = 1
WARM = ["lab.matrix.cell_run"]
Work = Callable[[Cell], Outcome]
Outcomes = Generator[Outcome, None, None]


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    cell: Cell | None = None
    taken: int = 0


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else (os.cpu_count() or 1)


def run_on_cores(cells: Sequence[Cell], workers: int, work: Work = run_cell) -> Outcomes:
    """Outcomes as they come. Closing the iterator ends all processes; so does the caller's end.

    work: a function of a module, called in the processes.
    """
    pool = _Pool(cells, work)
    try:
        pool.fill(min(workers, len(cells)))
        while pool.is_busy:
            yield from pool.collect()
    finally:
        pool.stop()


class _Pool:
    def __init__(self, cells: Sequence[Cell], work: Work) -> None:
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(WARM)
        self._queue = deque(cells)
        self._tried: dict[str, int] = {}
        self._work = work
        self._workers: list[_Worker] = []

    @property
    def is_busy(self) -> bool:
        return any(worker.cell is not None for worker in self._workers)

    def fill(self, workers: int) -> None:
        for _ in range(workers):
            self._start()

    def collect(self) -> list[Outcome]:
        """Wait for one or more workers, take what they have, give them more."""
        pipes = {worker.pipe: worker for worker in self._workers if worker.cell is not None}
        outcomes = []
        for ready in wait(list(pipes)):
            worker = pipes[ready]  # type: ignore[index]  # only connections were waited for
            cell = worker.cell
            assert cell is not None
            try:
                outcomes.append(worker.pipe.recv())
            except (EOFError, OSError):
                lost = self._lost(worker, cell)
                outcomes += [] if lost is None else [lost]
            else:
                self._next(worker)
        return outcomes

    def _lost(self, worker: _Worker, cell: Cell) -> Outcome | None:
        worker.process.join(STOP_SECONDS)
        code = worker.process.exitcode
        self._end(worker)
        self._tried[cell.key] = self._tried.get(cell.key, 0) + 1
        failed = None
        if self._tried[cell.key] < TRIES:
            self._queue.appendleft(cell)
        else:
            how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            failed = Outcome(cell.key, "failed", f"its process died {TRIES} times ({how})")
        if self._queue:
            self._start()
        return failed

    def _next(self, worker: _Worker) -> None:
        worker.cell = None
        if not self._queue:
            return
        if worker.taken >= CELLS_A_PROCESS:
            self._end(worker)
            self._start()
            return
        self._give(worker)

    def _give(self, worker: _Worker) -> None:
        worker.cell = self._queue.popleft()
        worker.taken += 1
        try:
            worker.pipe.send(worker.cell)
        except OSError:
            return  # it is dead: the pipe's end tells so when it is waited for

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._work), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        self._give(worker)

    def _end(self, worker: _Worker) -> None:
        worker.pipe.close()
        worker.process.terminate()
        worker.process.join(STOP_SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        self._workers.remove(worker)

    def stop(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in list(self._workers):
            self._end(worker)


def _serve(pipe: Connection, work: Work) -> None:
    """A worker: cells in, outcomes out, until the other end is gone."""
    # Ctrl-C reaches every process of the terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        # A parent that is killed outright takes the fork server, and that its children, along.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        while True:
            pipe.send(work(pipe.recv()))
    except (EOFError, OSError):
        return
