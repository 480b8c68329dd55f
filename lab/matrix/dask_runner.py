"""Cells on the workers of a Dask scheduler: `dask scheduler`, and `dask worker ADDRESS` anywhere.

Workers need this package and, under the same path, the same candles: a cell whose code, candles or
versions differ there is refused. Dask is optional: `pip install aquatrade[dask]`.
"""

import asyncio
import concurrent.futures
import pickle
from collections.abc import Generator, Sequence

from lab.matrix.cell_run import Outcome
from lab.matrix.plan import Cell, MatrixError
from lab.matrix.remote import run_pickled

CONNECT_SECONDS = 20


def run_on_dask(cells: Sequence[Cell], address: str) -> Generator[Outcome, None, None]:
    """Outcomes as they come; closing the iterator cancels what is left. Raises MatrixError.

    A worker that dies gives its cells back: the scheduler hands them to others, as often as its
    `allowed-failures` says, and then they are failures of their own.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise MatrixError(
            "--scheduler: dask is not installed, expected pip install aquatrade[dask]"
        ) from None
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise MatrixError(f"--scheduler {address}: {' '.join(str(error).split())}") from None
    with client:
        # Not pure: the store says what is known; a key that the scheduler remembers does not.
        futures = {
            client.submit(run_pickled, pickle.dumps(cell), pure=False): cell.key for cell in cells
        }
        try:
            for future, result in as_completed(
                list(futures), loop=client.loop, with_results=True, raise_errors=False
            ):
                key = futures.pop(future)
                yield result if isinstance(result, Outcome) else _failure(key, result, address)
                future.release()
        finally:
            if client.status == "running":
                client.cancel(list(futures))


def _failure(key: str, result: object, address: str) -> Outcome:
    """Of a cell whose worker died too often. Raises MatrixError where the scheduler is gone."""
    # With raise_errors off a failure comes as (type, error, traceback).
    error = result[1] if isinstance(result, tuple) and len(result) > 1 else result
    if isinstance(error, asyncio.CancelledError | concurrent.futures.CancelledError):
        raise MatrixError(
            f"--scheduler {address}: the connection was lost; the same command goes on"
        )
    return Outcome(key, "failed", f"{type(error).__name__}: {' '.join(str(error).split())}")
