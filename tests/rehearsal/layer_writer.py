"""A nursery of children that write as a layer does, as fast as they can, to be killed at it.

Argument: the database's URL. A line on stdin, a number, starts a child that goes on from there:
a batch of values and transfers and a score of every asset for each number. Every line on stdout is
JSON: {"born": pid}, {"loaded": {asset: [as_of_ms, hash]}}, {"kept": NUMBER} once a batch is kept,
{"scored": {asset: [as_of_ms, hash]}} once these scores would be answered, {"died": pid}.
"""

import asyncio
import hashlib
import json
import os
import sys
from datetime import datetime

from sidecars.common.layer.intake import LayerMemory
from sidecars.common.layer.recorder import Recorder
from sidecars.common.layer.records import ScoreRecord
from sidecars.common.layer.store import LayerStore
from sidecars.common.moments import moment_at, ms_of
from sidecars.common.observations import Reading
from sidecars.common.sources import Batch, Transfer
from sidecars.onchain.layer import LAYER
from sidecars.onchain.settings import OnchainSettings

START_MS = 1_748_736_000_000
STEP_MS = 60_000
ASSETS = ("BTC", "ETH")
SERIES = tuple(f"exchange_inflow_coins:COIN{number:02d}" for number in range(60))
TRANSFERS = 20
TOLD_AGAIN = 3
SOURCE = "writer"


def value_of(number: int, place: int) -> float:
    """What a batch says of the series at the place."""
    return 1000.0 * number + place


def batch_of(number: int) -> Batch:
    """60 values and 20 transfers, as told by one answer of a source."""
    moment_ms = START_MS + STEP_MS * number
    readings = [
        Reading(series, moment_ms, moment_ms, value_of(number, place))
        for place, series in enumerate(SERIES)
    ]
    transfers = [
        Transfer(
            f"{number}-{place}", SOURCE, moment_ms, moment_ms, ASSETS[place % 2], 1e6 + place,
            "to_exchange", None, "Binance", "ethereum", f"0x{number:032x}{place:032x}",
        )
        for place in range(TRANSFERS)
    ]  # fmt: skip
    return Batch(readings, transfers)


class WritingClock:
    """Takes a recorder from one moment to the next at once, and keeps a batch in between."""

    def __init__(self, memory: LayerMemory, number: int) -> None:
        self._memory = memory
        self._number = number
        self._now = moment_at(START_MS + STEP_MS * number)
        self.recorder: Recorder | None = None

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, moment: datetime) -> None:
        if self.recorder is not None:
            newest = {asset: self.recorder.newest(asset) for asset in ASSETS}
            _say({"scored": {asset: _shown(each) for asset, each in newest.items() if each}})
        self._now = moment
        # A source tells its last values again, as after a restart.
        for number in range(self._number - TOLD_AGAIN, self._number + 1):
            await self._memory.take(batch_of(number), SOURCE, lambda: ms_of(moment))
        _say({"kept": self._number})
        self._number += 1


async def write(database_url: str, number: int) -> None:
    """Until killed."""
    settings = OnchainSettings.model_validate(
        {
            "assets": ASSETS,
            "database_url": database_url,
            "record_every_seconds": STEP_MS // 1000,
        }
    )
    memory = LayerMemory(LayerStore(database_url))
    clock = WritingClock(memory, number)
    recorder = Recorder(settings, LAYER.make_scorer(settings), memory, clock)
    await memory.load(recorder.span_at(ms_of(clock.now())))
    await recorder.load()
    clock.recorder = recorder
    newest = {asset: recorder.newest(asset) for asset in ASSETS}
    _say({"loaded": {asset: _shown(each) for asset, each in newest.items() if each}})
    await recorder.run()


def _shown(record: ScoreRecord) -> list[object]:
    return [record.as_of_ms, hash_of(record.body)]


def hash_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _say(message: dict[str, object]) -> None:
    # One write of less than a pipe takes at once: a line is there or it is not.
    os.write(1, json.dumps(message).encode() + b"\n")


def main(database_url: str) -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(write(database_url, int(line)))
        _say({"born": pid})
        os.waitpid(pid, 0)
        _say({"died": pid})


if __name__ == "__main__":
    main(sys.argv[1])
