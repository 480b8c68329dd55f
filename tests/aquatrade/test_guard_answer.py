"""What a bot believes of the guard where paper and real money could be mixed up."""

from datetime import UTC, datetime
from typing import Any

import pytest

from aquatrade.guard_answer import GuardAnswerError, parse_answer
from aquatrade.guard_client import Asker, Signal, check_content, event_content
from aquatrade.risk.model import Decision, Entry, Side

NOW = datetime(2026, 3, 12, 13, tzinfo=UTC)
ENTRY = Entry("dip", "binance", "dip", "BTC/USDT", Side.LONG, 100.0, 10.0, 9.0)
GOOD: dict[str, Any] = {
    "decision": "REDUCE", "stake": 50.0, "reasons": [], "reservation": "r",
    "expires": "2026-03-12T13:02:00Z", "state": "ACTIVE", "approval": None,
    "bot": "dip", "pair": "BTC/USDT", "paper": False,
}  # fmt: skip


def test_a_live_bot_takes_the_word_that_was_for_it() -> None:
    assert parse_answer(GOOD, ENTRY, NOW, dry_run=False).verdict.stake == 50.0


@pytest.mark.parametrize("paper", [True, None, "false", 0])
def test_a_live_bot_takes_no_word_for_paper_money(paper: object) -> None:
    with pytest.raises(GuardAnswerError, match="paper"):
        parse_answer({**GOOD, "paper": paper}, ENTRY, NOW, dry_run=False)


@pytest.mark.parametrize("paper", [True, False])
def test_a_paper_bot_takes_either(paper: bool) -> None:
    assert parse_answer({**GOOD, "paper": paper}, ENTRY, NOW, dry_run=True).verdict.stake == 50.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reservation": None}, "without a reservation"),
        ({"reservation": ""}, "without a reservation"),
        ({"expires": None}, "without a reservation that ends"),
        ({"expires": "2026-03-12T13:00:00Z"}, "ended"),
        ({"state": "REDUCING"}, "while it is REDUCING"),
        ({"state": "HALTED"}, "while it is HALTED"),
        ({"bot": "grid"}, "'grid'"),
        ({"bot": None}, "expected dip"),
        ({"pair": "ETH/USDT"}, "expected dip and BTC/USDT"),
    ],
)
@pytest.mark.parametrize("decision", ["APPROVE", "REDUCE"])
def test_what_is_allowed_is_held_for_what_was_asked(
    decision: str, change: dict[str, Any], words: str
) -> None:
    said = {**GOOD, "decision": decision, "stake": 100.0, **change}
    with pytest.raises(GuardAnswerError, match=words):
        parse_answer(said, ENTRY, NOW, dry_run=True)
    refused = {**said, "decision": "REJECT", "stake": 0.0}
    assert parse_answer(refused, ENTRY, NOW, dry_run=False).verdict.decision is Decision.REJECT


def test_questions_and_events_name_the_log_and_the_kind_of_money() -> None:
    signal = Signal(NOW, NOW, "crash")
    asked = check_content(ENTRY, signal, Asker(dry_run=False, process="log-1"))
    assert (asked["bot"], asked["dry_run"], asked["process"]) == ("dip", False, "log-1")
    assert event_content("dip", "log-1", []) == {"bot": "dip", "process": "log-1", "events": []}
