"""What people are told of: from the log, once, whatever ends the process."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aquatrade.event_log import Event, StoredEvent
from sidecars.common.alert import Alert, Level
from sidecars.common.notify import Notifier
from sidecars.common.outbox import Outbox
from sidecars.guard.alerts import alert_of
from sidecars.guard.event_reading import Wanted, events_after, newest_events
from sidecars.guard.store import Store
from sidecars.guard.telling import Teller
from tests.sidecars.common.jumping_clock import JumpingClock
from tests.sidecars.guard.guard_rig import START


def event(kind: str, text: str = "it", origin: str = "guard", **data: Any) -> Event:
    return Event(START, origin, kind, text, data=data)


@pytest.mark.parametrize(
    ("said", "level"),
    [
        (event("trip"), Level.CRITICAL),
        (event("kill"), Level.CRITICAL),
        (event("mismatch"), Level.CRITICAL),
        (event("error"), Level.WARNING),
        (event("resume"), Level.WARNING),
        (event("state", to="HALTED"), Level.WARNING),
        (event("state", to="ACTIVE"), Level.INFO),
        (event("approval", status="waiting", approval="a1"), Level.WARNING),
        (event("approval", status="used"), None),
        (event("action", error="down", attempt=3), Level.WARNING),
        (event("action", error="down", attempt=4), None),
        (event("action", error=None, attempt=3), None),
        (event("verdict"), None),
        (event("signal", origin="dip"), None),
        (event("trip", origin="dip"), Level.CRITICAL),
    ],
)
def test_level_of_an_event(said: Event, level: Level | None) -> None:
    alert = alert_of(StoredEvent(7, said, "f" * 64, "0" * 64))
    assert (None if alert is None else alert.level) == level


def test_approval_says_how_to_answer() -> None:
    asked = event("approval", "a1: bot dip asks", status="waiting", approval="a1")
    alert = alert_of(StoredEvent(7, asked, "f" * 64, "0" * 64))
    assert alert is not None
    assert "aquatrade guard approve a1" in alert.text


class Target:
    name = "test"

    def __init__(self) -> None:
        self.told: list[str] = []

    def send(self, alert: Alert) -> None:
        self.told.append(alert.title)


async def tell(database: str, target: Target) -> None:
    """As a process that starts, tells, and ends."""
    store, outbox, clock = Store(database), Outbox(database), JumpingClock(START)
    notifier = Notifier(outbox, [target], clock)
    teller = Teller(store, notifier, clock)
    await teller.tell()
    await notifier.send_due()
    notifier.close()
    outbox.close()
    store.close()


async def test_everything_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "guard.sqlite"
    database = f"sqlite:///{file}"
    store, target = Store(database), Target()
    store.log.append([event("trip", "first"), event("verdict", "quiet")])
    await tell(database, target)
    store.log.append([event("kill", "second")])
    await tell(database, target)
    await tell(database, target)
    with sqlite3.connect(file) as connection:  # killed before it noted how far it was
        connection.execute("DELETE FROM guard_parts WHERE kind = 'told_until'")
    await tell(database, target)
    store.close()
    assert target.told == ["Guard: first", "Guard: second"]


# -- reading the log -------------------------------------------------------------------------------


def log_with(store: Store, count: int) -> Sequence[StoredEvent]:
    bots = ("dip", "sma")
    store.log.append(
        [event("verdict" if n % 3 else "trip", str(n), bot=bots[n % 2]) for n in range(count)]
    )
    return store.log.after(0, 10_000)


@pytest.mark.parametrize("bot", [None, "dip"])
@pytest.mark.parametrize("kind", [None, "trip"])
async def test_pages_of_the_log(tmp_path: Path, bot: str | None, kind: str | None) -> None:
    """The twin: the whole log, filtered in one go."""
    store = Store(f"sqlite:///{tmp_path / 'guard.sqlite'}")
    rows = log_with(store, 1300)
    wanted = [
        row
        for row in rows
        if kind in (None, row.event.kind) and bot in (None, row.event.data["bot"])
    ]
    asked = Wanted(kind=kind, bot=bot)
    assert (
        await asyncio.to_thread(events_after, store.log, 400, 50, asked)
        == [row for row in wanted if row.seq > 400][:50]
    )
    assert newest_events(store.log, 30, asked) == wanted[::-1][:30]
    before = [row for row in wanted if row.seq < 700]
    assert newest_events(store.log, 300, asked, before=700) == before[::-1][:300]
    store.close()
