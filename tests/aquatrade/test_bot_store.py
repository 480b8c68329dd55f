"""What the rules of several bots remember in one database, and what the guard is told of it."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aquatrade.bot_store import RiskStore
from aquatrade.event_log import Event
from aquatrade.kill_file import kill_file_text
from aquatrade.risk.model import STOP_REASONS, RiskState, Trip
from aquatrade.settings import SettingsError

NOW = datetime(2026, 3, 12, 13, tzinfo=UTC)
TRIP = Trip("day", NOW, 4.0, 3.0, "day: -4 %", "all", None)
LOOKED: dict[str, Any] = {"last_at": NOW, "last_equity": 1000.0, "last_profit": 0.0}


def test_two_bots_of_one_database_leave_each_others_trips_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'risk.sqlite'}"
    dip, grid = RiskStore(url, "dip"), RiskStore(url, "grid")
    dip.keep(RiskState(trips=(TRIP,), **LOOKED), [Event(NOW, "dip", "trip", "dip's")])
    grid.keep(RiskState(**LOOKED), [Event(NOW, "grid", "state", "grid's")])
    assert RiskStore(url, "dip").load().trips == (TRIP,)
    assert RiskStore(url, "grid").load().trips == ()
    assert [one.event.text for one in grid.unsent(10)] == ["grid's"]
    grid.sent_until(grid.unsent(10)[-1].seq)
    assert not grid.unsent(10)
    assert [one.event.text for one in dip.unsent(10)] == ["dip's"]


def test_a_log_has_a_name_that_outlives_the_process_and_no_other_log_has(tmp_path: Path) -> None:
    first, second = (f"sqlite:///{tmp_path / name}" for name in ("a.sqlite", "b.sqlite"))
    names = [RiskStore(url, bot).process for url in (first, second) for bot in ("dip", "grid")]
    assert len(set(names)) == 4 and all(names)
    assert [RiskStore(first, bot).process for bot in ("dip", "grid")] == names[:2]


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "risk.sqlite"
    file.write_bytes(b"this is no database" * 100)
    with pytest.raises(SettingsError, match=r"risk\.sqlite cannot be used") as caught:
        RiskStore(f"sqlite:///{file}", "dip")
    assert "\n" not in str(caught.value)


def test_the_kill_file_is_there_in_whatever_form(tmp_path: Path) -> None:
    file = tmp_path / "KILL"
    assert kill_file_text(file) is None
    file.symlink_to(tmp_path / "nowhere")
    assert not file.exists()
    assert kill_file_text(file) == f"the kill file {file} is there"
    file.unlink()
    file.mkdir()
    assert kill_file_text(file) is not None
    assert "cannot be looked for" in str(kill_file_text(Path(os.devnull) / "KILL"))


def test_the_reasons_of_stops_are_freqtrades() -> None:
    from freqtrade.enums import ExitType

    assert {one.value for one in ExitType} >= STOP_REASONS
