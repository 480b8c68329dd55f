"""A store that is slow or busy: nothing counts as known before it can be read."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecars.common.availability import Served, TooLateError, live_ms
from sidecars.common.database import open_database, reading
from sidecars.common.layer.intake import LayerMemory, Span
from sidecars.common.layer.store import LayerStore, metadata, served_table
from sidecars.common.observations import Reading
from sidecars.common.sources import Batch

NOW_MS = 1_000_000_000


def clock_of(*moments: int) -> Callable[[], int]:
    """Says the moments one after the other, the last one again and again."""
    left = list(moments)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


async def taken(tmp_path: Path, now: Callable[[], int]) -> list[int]:
    """available_at of one live value, as the store has it."""
    store = LayerStore(f"sqlite:///{tmp_path}/toy.sqlite")
    memory = LayerMemory(store)
    await memory.load(Span(0, 0))
    memory.served = Served(answering_since_ms=0)
    try:
        await memory.take(Batch([Reading("level", NOW_MS, NOW_MS, 5.0)]), "toy", now)
        found = store.observations_between("level", 0, 1 << 60, 10)
        assert [int(each) for each in memory.timelines["level"].available_at_ms] == [
            each.available_at_ms for each in found
        ]
        return [each.available_at_ms for each in found]
    finally:
        store.close()


async def test_a_prompt_write_counts_a_second_later(tmp_path: Path) -> None:
    assert await taken(tmp_path, clock_of(NOW_MS, NOW_MS + 900)) == [live_ms(NOW_MS)]


async def test_a_slow_write_counts_only_after_it_is_there(tmp_path: Path) -> None:
    # Written at NOW + 5 s, tried again from there with a longer margin.
    written_ms = NOW_MS + 5_000
    (available_ms,) = await taken(tmp_path, clock_of(NOW_MS, written_ms, written_ms))
    assert available_ms == written_ms + 10_000


async def test_a_store_that_takes_minutes_keeps_nothing(tmp_path: Path) -> None:
    moments = [NOW_MS + 120_000 * number for number in range(10)]
    with pytest.raises(TooLateError):
        await taken(tmp_path, clock_of(*moments))
    store = LayerStore(f"sqlite:///{tmp_path}/toy.sqlite")
    assert store.series_names() == []
    store.close()


def test_readers_wait_for_no_writer(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/toy.sqlite", metadata)
    read = threading.Event()

    def ask() -> None:
        with reading(engine) as connection:
            connection.execute(served_table.select()).all()
        read.set()

    with engine.begin() as connection:
        connection.execute(served_table.insert().values(name="x", first_ms=1, until_ms=1))
        reader = threading.Thread(target=ask)
        reader.start()
        assert read.wait(5)
    reader.join()
    engine.dispose()
