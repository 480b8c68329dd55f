"""The guard in a terminal: the same figures as its pages, from what its API answers."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from aquatrade.event_log import StoredEvent
from operations.guard_answers import (
    read_approvals,
    read_events,
    read_reconciliation,
    read_standing,
)
from operations.guard_http import GuardCommandError
from operations.guard_screens import (
    approvals_screen,
    event_lines,
    reconciliation_screen,
    status_screen,
)
from sidecars.guard import answers
from sidecars.guard.danger import DangerStatus, DangerView
from sidecars.guard.model import Reconciliation, StateView
from tests.sidecars.guard import pages_samples as samples


def shown(what: Any) -> str:
    console = Console(width=140, highlight=False, no_color=True)
    with console.capture() as capture:
        console.print(what, soft_wrap=True)
    return capture.get().replace("\u00a0", " ")


def status_of(state: StateView) -> str:
    said = json.loads(answers.state_body(state, samples.bots(), samples.limits(), "USDT"))
    book = json.loads(answers.book_body(samples.book()))
    return shown(status_screen(read_standing(said, book)))


def test_the_status_says_the_state_first_and_why() -> None:
    said = status_of(samples.reducing())
    lines = said.splitlines()
    assert lines[0].startswith("REDUCING  No new trades. Open trades go on to their exits.")
    assert "2 hours ago), profile quant" in lines[1]
    assert lines[2].startswith("- daily loss 3.4 % of 5,112.12, limit 3 %")
    for part in (
        "Equity 4,973.17 USDT of 5,000.00 USDT capital; today \u2212138.95 USDT, week not known, "
        "month +61.20 USDT",
        "Open: BTC 1,044.10 USDT, SOL 761.30 USDT, ETH 482.00 USDT",
        "over the limit", "84 % used, near the limit", "Largest asset: SOL", "not reached",
        "sma: no answer within 5 s", "dip: locked until 2026-03-13 12:07 UTC: daily loss",
        "Exchange against bots: 1 mismatch, compared 3 minutes ago",
        "- binance: the exchange has 12.4 SOL, the bots together 12.9 SOL",
    ):  # fmt: skip
        assert part in said, part


def test_the_other_states() -> None:
    assert status_of(samples.active()).startswith("ACTIVE  Bots may open new trades")
    said = status_of(samples.halted())
    assert said.startswith("HALTED")
    assert "- kill switch, by web page at 2026-03-12 14:03 UTC: news about it" in said
    assert "- kraken: does not answer: timed out after 10 s" in said


def test_a_warning_of_macro_danger_is_shown_and_a_refusal_once() -> None:
    warning = DangerView(DangerStatus.DANGER, "macro danger, a warning")
    assert "- macro danger, a warning" in status_of(replace(samples.active(), danger=warning))
    pause = DangerView(DangerStatus.PAUSE, "all entries pause", True)
    state = replace(samples.reducing(), danger=pause, reasons=(pause.text,))
    assert status_of(state).count("all entries pause") == 1


def test_approvals_come_with_what_to_type() -> None:
    answer = json.loads(answers.approvals_body(samples.approvals()))
    said = shown(approvals_screen(read_approvals(answer), "USDT", samples.NOW))
    assert said.splitlines()[0] == "a1b2c3  grid: BTC/USDT long, 125.00 USDT"
    assert "price 68,412.50, stop 66,100.00, score 71.5, signal level 7 of 2026-03-12 13:00" in said
    assert "expires 2026-03-12 15:00 UTC (in 53 minutes)" in said
    assert "aquatrade guard approve a1b2c3    aquatrade guard reject a1b2c3" in said
    assert "d4e5f6  grid: ETH/USDT long: rejected by telegram, 5 hours ago" in said
    assert shown(approvals_screen([], "USDT", samples.NOW)).strip() == (
        "Nothing waits for a yes or no."
    )


def test_events_one_a_line() -> None:
    stored = [StoredEvent(seq, event, "", "") for seq, event in enumerate(samples.events(), 1)]
    read = read_events(json.loads(answers.events_body(stored)))
    assert [each.event for each in read] == samples.events()
    lines = shown(event_lines(read)).splitlines()
    assert len(lines) == len(stored)
    assert lines[3].startswith("2026-03-12 14:00:40  #4  Reject  guard ETH/USDT: exposure 63.1 %")
    assert shown(event_lines([])).strip() == "No such events."


def test_a_reconciliation() -> None:
    mismatches = samples.reducing().mismatches
    found = Reconciliation(samples.NOW + timedelta(seconds=1), mismatches, {"kraken": "is dead"})
    read = read_reconciliation(json.loads(answers.reconciliation_body(found)))
    assert read == found
    assert shown(reconciliation_screen(read)).splitlines() == [
        "binance: the exchange has 12.4 SOL, the bots together 12.9 SOL", "kraken: is dead",
    ]  # fmt: skip
    assert "agree" in shown(reconciliation_screen(Reconciliation(samples.NOW)))


@pytest.mark.parametrize(
    "answer", [{}, {"events": 3}, {"events": [{}]}, {"events": [{"seq": 1, "hash": "x"}]}]
)
def test_an_answer_of_something_else_is_one_line(answer: Any) -> None:
    with pytest.raises(GuardCommandError, match="not that of a guard of this version"):
        read_events(answer)
    with pytest.raises(GuardCommandError, match="not that of a guard of this version"):
        read_standing(answer, answer)
