"""The event log: what goes in comes out, nothing is changed, and every change is found."""

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DatabaseError

from aquatrade.canonical_json import canonical_json
from aquatrade.event_log import Event, EventLog, open_event_database
from aquatrade.risk.model import Decision, Reason, Verdict

MOMENT = datetime(2024, 3, 5, 13, 30, 0, 250, tzinfo=UTC)
CANDLE = datetime(2024, 3, 5, 13, 0, tzinfo=UTC)


def an_event(number: int | None = None, **changes: Any) -> Event:
    values: dict[str, Any] = {
        "at": MOMENT, "origin": "dip", "kind": "verdict", "text": "refused", "pair": "BTC/USDT",
        "candle": CANDLE, "data": {"stake": 12.5}, "origin_seq": number,
    }  # fmt: skip
    return Event(**{**values, **changes})


def log_in(folder: Path) -> EventLog:
    return EventLog(open_event_database(f"sqlite:///{folder}/events.sqlite"))


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return log_in(tmp_path)


# -- what goes in comes out -----------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)
plain_json = st.recursive(
    scalars.filter(lambda value: value not in (float("inf"), float("-inf"))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
moments = st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1))  # noqa: DTZ001
names = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
any_event = st.builds(
    Event, at=moments, origin=names, kind=names, text=names, pair=st.none() | names,
    candle=st.none() | moments, data=st.dictionaries(st.text(), plain_json, max_size=3),
)  # fmt: skip


@given(st.lists(any_event, max_size=5), st.lists(any_event, max_size=5))
@settings(max_examples=40)
def test_events_come_back_as_they_were_in_their_order(
    first: list[Event], then: list[Event]
) -> None:
    log = EventLog(open_event_database("sqlite://"))
    assert log.append(first) == len(first)
    assert log.append(then) == len(first + then)
    assert [stored.event for stored in log.after(0, 100)] == first + then
    assert [stored.seq for stored in log.newest(100)] == list(range(len(first + then), 0, -1))
    assert log.verify() is None


def test_hashes_are_those_of_a_slow_obvious_reckoning(log: EventLog) -> None:
    log.append([an_event(1), an_event(2, pair=None, candle=None)])
    previous = "0" * 64
    for stored in log.after(0, 10):
        happened = stored.event
        row = {
            "seq": stored.seq,
            "at_us": 1_709_645_400_000_250,
            "origin": "dip",
            "origin_seq": stored.seq,
            "kind": "verdict",
            "pair": happened.pair,
            "candle_us": 1_709_643_600_000_000 if happened.candle else None,
            "text": "refused",
            "data": '{"stake":12.5}',
            "previous_hash": previous,
        }
        text = json.dumps(row, sort_keys=True, separators=(",", ":"))
        assert stored.previous_hash == previous
        assert stored.hash == hashlib.sha256(text.encode()).hexdigest()
        previous = stored.hash


def test_rows_are_chosen_by_kind_origin_pair_and_number(log: EventLog) -> None:
    log.append(
        [an_event(1), an_event(2, kind="trip"), an_event(1, origin="grid"),
         an_event(3, pair="ETH/USDT"), an_event(4, candle=CANDLE + timedelta(hours=1))]
    )  # fmt: skip

    def numbers(found: list[Any]) -> list[int]:
        return [stored.seq for stored in found]

    assert numbers(log.after(2, 2)) == [3, 4]
    assert numbers(log.after(0, 9, kind="trip")) == [2]
    assert numbers(log.newest(2, origin="dip")) == [5, 4]
    assert numbers(log.newest(9, origin="dip", before=4)) == [2, 1]
    assert numbers(log.after(0, 9, pair="ETH/USDT", origin="dip", kind="verdict")) == [4]
    assert numbers(log.about("BTC/USDT", CANDLE)) == [1, 2, 3]
    assert numbers(log.about("BTC/USDT", CANDLE, "grid")) == [3]
    assert log.about("BTC/USDT", CANDLE - timedelta(hours=1)) == []


def test_what_was_sent_twice_is_kept_once(log: EventLog) -> None:
    assert log.append([an_event(1), an_event(2), an_event(2)]) == 2
    assert log.append([an_event(2), an_event(3), an_event(1, origin="grid")]) == 4
    assert log.append([an_event(None), an_event(None)]) == 6  # without a number all are new
    assert log.append([]) == 6
    assert [stored.event.origin_seq for stored in log.after(0, 9)] == [1, 2, 3, 1, None, None]
    assert log.verify() is None


def test_a_thousand_at_once_twice(log: EventLog) -> None:
    events = [an_event(number) for number in range(1_200)]
    assert log.append(events) == log.append(events) == 1_200
    assert log.verify() is None


# -- what it makes of odd values ------------------------------------------------------------------


class Colour(StrEnum):
    RED = "red"


def test_verdicts_moments_and_odd_numbers_are_told_in_json(log: EventLog) -> None:
    reason = Reason("heat", Decision.REJECT, "no", float("nan"), float("inf"))
    data = {
        "verdict": Verdict(Decision.REJECT, 0.0, (reason,)), "at": MOMENT, "n": np.float64(0.1),
        "whole": np.int64(7), "colour": Colour.RED, "set": {"b", "a"}, Colour.RED: None,
    }  # fmt: skip
    log.append([an_event(data=data)])
    kept = log.newest(1)[0].event.data
    assert kept["verdict"]["reasons"][0] == {
        "rule": "heat", "decision": "REJECT", "text": "no", "value": "nan", "limit": "inf"
    }  # fmt: skip
    assert kept["at"] == "2024-03-05T13:30:00.000250Z"
    assert (kept["n"], kept["whole"], kept["colour"], kept["set"]) == (0.1, 7, "red", ["a", "b"])
    assert kept["red"] is None
    assert log.verify() is None


def test_text_that_no_database_takes_is_kept_all_the_same(log: EventLog) -> None:
    log.append([an_event(text="half \ud83d and \0 nothing", data={"\ud83d\0": "\ud83d\0"})])
    assert log.newest(1)[0].event.text == "half ? and \ufffd nothing"
    assert log.newest(1)[0].event.data == {"\ud83d\0": "\ud83d\0"}
    assert log.verify() is None


def circle() -> list[Any]:
    inner: list[Any] = []
    inner.append(inner)
    return inner


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"at": datetime(2024, 3, 5)}, "without a zone"),  # noqa: DTZ001
        ({"candle": datetime(2024, 3, 5)}, "without a zone"),  # noqa: DTZ001
        ({"data": {"what": object()}}, "got object, expected a number, text, moment"),
        ({"data": {"deep": circle()}}, "nested too deep"),
        ({"origin_seq": -1}, "got -1, expected 0 to 9223372036854775807"),
        ({"origin_seq": 2**63}, "expected 0 to 9223372036854775807"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_of_its_batch_kept(
    log: EventLog, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        log.append([an_event(), an_event(**changes)])
    assert log.after(0, 9) == []


def test_json_is_the_same_text_for_the_same_value() -> None:
    assert canonical_json({"b": (1, 2.0), "a": "é"}) == canonical_json({"a": "é", "b": [1, 2.0]})
    assert canonical_json({"b": 1, "a": "é"}) == '{"a":"\\u00e9","b":1}'


# -- nothing is changed ---------------------------------------------------------------------------

COLUMNS = "seq, at_us, origin, kind, text, data, previous_hash, hash"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE risk_events SET text = 'fine' WHERE seq = 2",
        "UPDATE OR REPLACE risk_events SET seq = 1 WHERE seq = 2",
        "DELETE FROM risk_events WHERE seq = 3",
        "DELETE FROM risk_events",
        f"INSERT OR REPLACE INTO risk_events({COLUMNS}) VALUES (3, 0, 'x', 'x', 'x', '', 'p', 'h')",
        f"INSERT INTO risk_events({COLUMNS}) VALUES (9, 0, 'x', 'x', 'x', '', 'p', 'h')",
        f"INSERT INTO risk_events({COLUMNS}) VALUES (4, 0, 'x', 'x', 'x', '', 'not the last', 'h')",
        f"INSERT OR REPLACE INTO risk_events({COLUMNS}, origin_seq) SELECT 4, 0, 'dip', 'x', 'x', "
        "'', hash, 'h', 1 FROM risk_events WHERE seq = 3",
    ],
)
def test_sqlite_refuses_whatever_is_not_an_append(
    log: EventLog, tmp_path: Path, statement: str
) -> None:
    log.append([an_event(number) for number in (1, 2, 3)])
    before = log.after(0, 9)
    plain = sqlite3.connect(tmp_path / "events.sqlite", isolation_level=None)
    with contextlib.closing(plain), pytest.raises(sqlite3.IntegrityError, match="append-only"):
        plain.execute(statement)
    assert log.after(0, 9) == before
    assert log.verify() is None


@pytest.mark.parametrize(
    ("statement", "first_wrong"),
    [
        ("UPDATE risk_events SET text = 'fine' WHERE seq = 2", 2),
        ("UPDATE risk_events SET at_us = at_us + 1 WHERE seq = 1", 1),
        ("UPDATE risk_events SET data = '{\"stake\":12.50}' WHERE seq = 3", 3),
        ("UPDATE risk_events SET data = x'00ff' WHERE seq = 3", 3),
        ("UPDATE risk_events SET pair = NULL WHERE seq = 4", 4),
        ("UPDATE risk_events SET hash = substr(hash, 2) || 'g' WHERE seq = 2", 2),
        ("DELETE FROM risk_events WHERE seq = 1", 2),
        ("DELETE FROM risk_events WHERE seq = 3", 4),
        ("UPDATE risk_events SET seq = -5 WHERE seq = 3", -5),
    ],
)
def test_whoever_takes_the_triggers_away_is_found_out(
    log: EventLog, tmp_path: Path, statement: str, first_wrong: int
) -> None:
    log.append([an_event(number) for number in (1, 2, 3, 4)])
    assert log.verify() is None
    with contextlib.closing(sqlite3.connect(tmp_path / "events.sqlite")) as plain, plain:
        for name in ("no_update", "no_delete", "append_only"):
            plain.execute(f"DROP TRIGGER risk_events_{name}")
        plain.execute(statement)
    assert log.verify() == first_wrong


def test_a_row_with_a_right_hash_in_a_wrong_place_is_found(log: EventLog, tmp_path: Path) -> None:
    log.append([an_event(number) for number in (1, 2, 3)])
    other = tmp_path / "other"
    other.mkdir()
    forged = log_in(other)
    forged.append([an_event(1), an_event(2, text="approved")])
    row = forged.newest(1)[0]
    with contextlib.closing(sqlite3.connect(tmp_path / "events.sqlite")) as plain, plain:
        plain.execute("DROP TRIGGER risk_events_no_update")
        plain.execute(
            "UPDATE risk_events SET text = 'approved', hash = ? WHERE seq = 2", (row.hash,)
        )
    assert log.verify() == 3  # its own hash is right; the next row speaks of another


# -- several writers, and one that is killed ------------------------------------------------------

WRITER = """
import sys
from datetime import UTC, datetime
from aquatrade.event_log import Event, EventLog, open_event_database
url, origin, batches = sys.argv[1], sys.argv[2], int(sys.argv[3])
log = EventLog(open_event_database(url))
start = max([e.event.origin_seq for e in log.newest(1, origin=origin)], default=-1) + 1
print("writes", flush=True)
for batch in range(batches):
    first = start + 3 * batch
    log.append([Event(datetime(2024, 3, 5, tzinfo=UTC), origin, "verdict", "text", origin_seq=n)
                for n in range(first, first + 3)])
"""


def writer(folder: Path, origin: str, batches: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, f"sqlite:///{folder}/events.sqlite", origin]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.Popen(
        [*command, str(batches)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_that_write_at_once_make_one_chain(tmp_path: Path) -> None:
    # The file is not there yet: both create it, too.
    writers = [writer(tmp_path, origin, 25) for origin in ("dip", "grid")]
    for process in writers:
        process.communicate(timeout=60)
    assert [process.returncode for process in writers] == [0, 0]
    log = log_in(tmp_path)
    assert log.verify() is None
    stored = log.after(0, 1000)
    assert [row.seq for row in stored] == list(range(1, 151))
    for origin in ("dip", "grid"):
        own = [row.event.origin_seq for row in stored if row.event.origin == origin]
        assert own == list(range(75))


def test_a_writer_that_is_killed_leaves_whole_batches_and_a_sound_chain(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    lengths = [0]
    for wait_seconds in (0.0, 0.03, 0.1):
        before = log.newest(1)
        process = writer(tmp_path, "dip", 100_000)
        assert process.stdout is not None
        assert process.stdout.readline() == "writes\n"
        give_up = time.monotonic() + 30.0
        while log.newest(1) == before and time.monotonic() < give_up:
            time.sleep(0.005)
        time.sleep(wait_seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        assert log.verify() is None
        lengths.append(len(log.after(0, 100_000)))
    assert sorted(set(lengths)) == lengths  # each one had written
    assert all(length % 3 == 0 for length in lengths)
    assert log.append([an_event(None)]) == lengths[-1] + 1


def test_append_in_is_undone_with_the_transaction_of_its_caller(tmp_path: Path) -> None:
    engine = open_event_database(f"sqlite:///{tmp_path}/events.sqlite")
    log = EventLog(engine)
    with contextlib.suppress(KeyError), engine.begin() as connection:
        assert log.append_in(connection, [an_event(1), an_event(2)]) == 2
        assert log.append_in(connection, [an_event(2), an_event(3)]) == 3
        raise KeyError("the caller's own trouble")
    assert log.after(0, 9) == []
    with engine.begin() as connection:
        log.append_in(connection, [an_event(1)])
    assert [stored.seq for stored in log.after(0, 9)] == [1]


def test_readers_wait_for_no_writer(tmp_path: Path) -> None:
    engine = open_event_database(f"sqlite:///{tmp_path}/events.sqlite")
    log = EventLog(engine)
    log.append([an_event(1)])
    with engine.begin() as connection:
        log.append_in(connection, [an_event(2)])
        started = time.monotonic()
        assert [stored.seq for stored in log_in_again(tmp_path).after(0, 9)] == [1]
        assert time.monotonic() - started < 2.0


def log_in_again(folder: Path) -> EventLog:
    """The log of another process that has it open already: nothing is created."""
    again = EventLog.__new__(EventLog)
    again._engine = open_event_database(f"sqlite:///{folder}/events.sqlite")
    return again


def test_a_folder_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError):
        log_in(tmp_path / "missing")
