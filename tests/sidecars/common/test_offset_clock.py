from datetime import UTC, datetime, timedelta

from sidecars.common.clock import ManualClock
from sidecars.common.offset_clock import OffsetClock

START = datetime(2026, 1, 1, tzinfo=UTC)
BACK = timedelta(days=-730, milliseconds=-3)


async def test_it_runs_beside_its_base() -> None:
    base = ManualClock(START)
    clock = OffsetClock(base, BACK)
    assert clock.now() == START + BACK
    await base.move_to(START + timedelta(hours=1))
    assert clock.now() == START + BACK + timedelta(hours=1)
    await clock.sleep_until(START + BACK + timedelta(hours=1))  # that moment has come
