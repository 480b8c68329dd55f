"""A service's clock when it takes part in a replay's lock-step (see sidecars.replay.timekeeper).

Every task that sleeps on this clock is a participant of its own from its first sleep to its end:
the replayed time stands still for it while it works.
"""

import asyncio
import contextlib
import json
import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LockstepError(ConnectionError):
    """The keeper of the lock-step clock cannot be reached or has gone."""


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, host: str, port: int, name: str, *, observer: bool) -> "_Connection":
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            raise LockstepError(
                f"no lock-step clock at {host}:{port} ({error}); "
                "is the replay exchange running with --lockstep-port?"
            ) from error
        connection = cls(reader, writer)
        await connection.send({"join": name, "observer": observer})
        return connection

    async def send(self, message: dict[str, object]) -> None:
        self.writer.write(json.dumps(message).encode() + b"\n")
        await self.writer.drain()

    async def receive_now_ns(self) -> int:
        line = await self.reader.readline()
        if not line:
            raise LockstepError("the lock-step clock has closed the connection")
        return int(json.loads(line)["now_ns"])


class LockstepClock:
    """A Clock that follows the replay exchange's. Make one with `await LockstepClock.connect`."""

    def __init__(self, host: str, port: int, name: str, observer: _Connection) -> None:
        self._host = host
        self._port = port
        self._name = name
        self._observer = observer
        self._base_ns = 0
        self._real_base_ns = time.monotonic_ns()
        self._sleepers: dict[asyncio.Task[object], _Connection] = {}
        self._listener: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, host: str, port: int, name: str) -> "LockstepClock":
        """Join as `name`. Raises LockstepError when no keeper answers."""
        observer = await _Connection.open(host, port, name, observer=True)
        clock = cls(host, port, name, observer)
        clock._set(await observer.receive_now_ns())
        clock._listener = asyncio.create_task(clock._listen())
        return clock

    def now(self) -> datetime:
        now_ns = self._base_ns + time.monotonic_ns() - self._real_base_ns
        return EPOCH + timedelta(microseconds=now_ns // 1000)

    async def sleep_until(self, moment: datetime) -> None:
        """Sleep as a participant; raises LockstepError when the keeper goes away."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("sleep_until needs a running task")
        connection = self._sleepers.get(task)
        if connection is None:
            connection = await _Connection.open(
                self._host, self._port, f"{self._name}/{task.get_name()}", observer=False
            )
            self._sleepers[task] = connection
            task.add_done_callback(self._leave)
            self._set(await connection.receive_now_ns())
        until_ns = ((moment - EPOCH) // timedelta(microseconds=1)) * 1000
        await connection.send({"until_ns": until_ns})
        self._set(await connection.receive_now_ns())

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        for connection in (*self._sleepers.values(), self._observer):
            connection.writer.close()

    def _leave(self, task: asyncio.Task[object]) -> None:
        self._sleepers.pop(task).writer.close()

    def _set(self, now_ns: int) -> None:
        # Two connections can bring news out of order; the clock never runs backwards.
        real_ns = time.monotonic_ns()
        if now_ns > self._base_ns + real_ns - self._real_base_ns:
            self._base_ns, self._real_base_ns = now_ns, real_ns

    async def _listen(self) -> None:
        with contextlib.suppress(LockstepError):
            while True:
                self._set(await self._observer.receive_now_ns())
