"""Paper evidence: what the two databases of a paper bot say, and what is made of it."""

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from aquatrade.bot_store import RiskStore
from aquatrade.event_log import Event
from aquatrade.preflight_asking import NoAnswerError, Unknown
from aquatrade.preflight_findings import Outcome
from aquatrade.preflight_paper import (
    check_exercised,
    check_paper,
    paper_database_url,
    read_paper,
)
from tests.aquatrade.preflight_rig import NOW, freqtrade_database, paper_records


def verdict(folder: Path, started: datetime, last_seen: datetime, *critical: datetime) -> list[str]:
    url = paper_records(folder, started, last_seen, [(at, "error") for at in critical])
    record = read_paper(url, url.replace("paper.sqlite", "paper-risk.sqlite"))
    return [
        finding.line.removeprefix(f"{finding.outcome.value:7} paper evidence: paper: ")
        for finding in check_paper(record, 14, "paper")
    ]


@pytest.mark.parametrize(
    ("live", "paper"),
    [
        ("sqlite:////data/dip-live.sqlite", "sqlite:////data/dip-paper.sqlite"),
        ("sqlite:////my-live.bots/dip-live.sqlite", "sqlite:////my-live.bots/dip-paper.sqlite"),
        ("sqlite:///tradesv3.sqlite", "sqlite:///tradesv3.dryrun.sqlite"),
        ("postgresql://me@host/trades", None),
    ],
)
def test_the_paper_database_stands_beside_the_live_one(live: str, paper: str | None) -> None:
    assert paper_database_url(live) == paper


def test_two_weeks_without_a_critical_event_are_enough(tmp_path: Path) -> None:
    assert verdict(tmp_path, NOW - timedelta(days=14), NOW) == [
        "14.0 days from its first start on 2026-11-07 to 2026-11-21, 0 trades"
    ]


def test_a_minute_less_is_not(tmp_path: Path) -> None:
    (line,) = verdict(tmp_path, NOW - timedelta(days=13, hours=23, minutes=59), NOW)
    assert line.endswith(
        "from its first start on 2026-11-07 to 2026-11-21, expected 14 without a critical event"
    )


def test_after_a_critical_event_the_days_count_anew(tmp_path: Path) -> None:
    fault = NOW - timedelta(days=10)
    (line,) = verdict(tmp_path, NOW - timedelta(days=40), NOW, NOW - timedelta(days=12), fault)
    assert line == (
        "10.0 days from the last critical event (error of a test) on 2026-11-11 to 2026-11-21, "
        "expected 14 without a critical event"
    )


def test_one_that_is_long_over_is_forgiven(tmp_path: Path) -> None:
    fault = NOW - timedelta(days=15)
    (line,) = verdict(tmp_path, NOW - timedelta(days=40), NOW, fault)
    assert line.startswith("15.0 days from the last critical event")
    assert line.endswith(", 0 trades")


def test_a_trip_that_a_person_tried_to_lift_is_no_fault(tmp_path: Path) -> None:
    url = paper_records(tmp_path, NOW - timedelta(days=20), NOW)
    risk_url = url.replace("paper.sqlite", "paper-risk.sqlite")
    store = RiskStore(risk_url, "dip")
    store.append([Event(NOW, "dip", "error", "day not resumed: it ends", data={"rule": "day"})])
    assert read_paper(url, risk_url).last_critical is None
    store.append([Event(NOW, "dip", "error", "equity is nan", data={"rule": "book"})])
    store.append([Event(NOW, "dip", "error", "all not resumed: no", data={"rule": "all"})])
    store.close()
    assert read_paper(url, risk_url).last_critical == (NOW, "equity is nan")


def test_a_bot_that_was_off_most_of_the_time_is_told(tmp_path: Path) -> None:
    url = paper_records(tmp_path, NOW - timedelta(days=20), NOW)
    with sqlite3.connect(tmp_path / "dip-paper.sqlite") as database:
        database.execute("DELETE FROM wallet_history")
    record = read_paper(url, url.replace("paper.sqlite", "paper-risk.sqlite"))
    (fine, warned) = check_paper(record, 14, "paper")
    assert (fine.outcome, warned.outcome) == (Outcome.OK, Outcome.WARNING)
    assert warned.text == "paper: the bot left traces on 2 of these 20 days"


def test_events_that_were_altered_are_no_evidence(tmp_path: Path) -> None:
    url = paper_records(tmp_path, NOW - timedelta(days=20), NOW, [(NOW, "error")])
    risk = tmp_path / "dip-paper-risk.sqlite"
    with sqlite3.connect(risk) as database:
        for trigger in ("update", "delete"):
            database.execute(f"DROP TRIGGER risk_events_no_{trigger}")
        database.execute("UPDATE risk_events SET kind = 'signal' WHERE kind = 'error'")
    record = read_paper(url, f"sqlite:///{risk}")
    assert record.last_critical is None
    (altered, _) = check_paper(record, 14, "paper")
    assert altered.outcome is Outcome.REFUSED
    assert "the risk events were altered, first at number 3" in altered.text


def test_no_evidence_is_asked_for_where_the_profile_asks_for_none() -> None:
    (finding,) = check_paper(Unknown("nothing there"), 0, "paper")
    assert finding.outcome is Outcome.OK
    (finding,) = check_paper(Unknown("nothing there"), 1, "paper")
    assert finding.line == (
        "refused paper evidence: paper: nothing there, expected 1 days of paper trading"
    )


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/dip-paper.sqlite"
    risk_url = f"sqlite:///{tmp_path}/dip-paper-risk.sqlite"
    with pytest.raises(NoAnswerError, match=r"^there is no file dip-paper\.sqlite$"):
        read_paper(url, risk_url)
    paper_records(tmp_path, NOW - timedelta(days=2), NOW)
    (tmp_path / "dip-paper-risk.sqlite").unlink()
    with pytest.raises(NoAnswerError, match=r"^there is no file dip-paper-risk\.sqlite$"):
        read_paper(url, risk_url)
    (tmp_path / "dip-paper-risk.sqlite").write_text("no database at all, whatever its name says")
    with pytest.raises(NoAnswerError, match=r"^cannot be read \([^\n]*not a database"):
        read_paper(url, risk_url)
    empty = freqtrade_database(tmp_path / "never.sqlite")
    with pytest.raises(NoAnswerError, match="never been started"):
        read_paper(empty, empty)


def test_breaker_and_kill_switch_are_tried_or_a_person_says_so(tmp_path: Path) -> None:
    url = paper_records(tmp_path, NOW - timedelta(days=20), NOW)
    record = read_paper(url, url.replace("paper.sqlite", "paper-risk.sqlite"))
    (tried,) = check_exercised(record, "paper", confirmed=False)
    assert tried.outcome is Outcome.OK
    (untried,) = check_exercised(Unknown("nothing there"), "paper", confirmed=False)
    assert untried.outcome is Outcome.REFUSED
    (ticked,) = check_exercised(Unknown("nothing there"), "paper", confirmed=True)
    assert ticked.outcome is Outcome.OK
