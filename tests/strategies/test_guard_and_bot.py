"""A real bot in dry-run and the guard: what it is asked, and what happens without its answer."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aquatrade.fake_guard import GUARD_TOKEN, FakeGuard, running_guard
from tests.strategies.dry_bot import DryBot, dry_bot
from tests.strategies.test_risk_in_the_bot import BTC, DAY, ENTER, ETH, QUIET, SIZING, lose

Section = Callable[..., dict[str, Any]]


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGuard]:
    monkeypatch.setenv("AQUATRADE_GUARD_TOKEN", GUARD_TOKEN)
    with running_guard() as fake:
        yield fake


def section(guard: FakeGuard, **rules: Any) -> dict[str, Any]:
    return {
        "sizing": SIZING,
        "risk": {**QUIET, **rules},
        "guard": {"url": guard.url, "timeout_seconds": 0.3},
    }


def enter(bot: DryBot) -> None:
    bot.start()
    bot.loop()
    bot.next_hour(BTC=110.0)
    bot.loop(3)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10.0
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


def test_the_guard_is_asked_for_what_the_rules_left_and_its_word_counts(
    guard: FakeGuard, tmp_path: Path
) -> None:
    guard.decision, guard.share = "REDUCE", 0.25
    rules = section(guard, max_order=1_000.0)
    with dry_bot(tmp_path, rules, scripted=ENTER) as bot:
        enter(bot)
        assert bot.open_trades()[0].stake_amount == pytest.approx(250.0, rel=1e-3)
        (asked,) = guard.checks
        assert guard.tokens == {f"Bearer {GUARD_TOKEN}"}
        assert asked == asked | {
            "bot": "tester", "exchange": "binance", "family": "scripted", "pair": BTC,
            "side": "long", "stake": 1_000.0, "leverage": 1.0, "cost_rate": 0.0015,
            "is_increase": False, "score": None, "tag": "scripted",
            "candle": "2024-03-12T06:00:00Z", "signal_until": "2024-03-12T08:00:00Z",
        }  # fmt: skip
        assert asked["rate"] == pytest.approx(110.0, rel=1e-4)
        assert asked["stop_rate"] == pytest.approx(55.0, rel=1e-4)
        assert 0.0 < asked["min_stake"] < 20.0
        verdict = bot.events("verdict")[0].data["verdict"]
        assert [one["rule"] for one in verdict["reasons"]] == ["order", "exposure"]


@pytest.mark.parametrize("fault", ["dead", "slow", "more", "refuses"])
def test_without_a_good_answer_no_entry_and_exits_go_on(
    fault: str, guard: FakeGuard, tmp_path: Path
) -> None:
    rules = section(guard, day=DAY)
    with dry_bot(tmp_path, rules, pairs=(BTC, ETH), scripted=ENTER) as bot:
        enter(bot)
        assert len(bot.open_trades()) == 1
        if fault == "dead":
            guard.status = 503
        elif fault == "slow":
            guard.drip_head = True
        elif fault == "more":
            guard.change = lambda answer: answer.update(stake=1e6)
        else:
            guard.decision = "REJECT"
        bot.next_hour(ETH=110.0)
        started = time.monotonic()
        bot.loop(3)
        assert time.monotonic() - started < 3.0
        assert [trade.pair for trade in bot.open_trades()] == [BTC]
        rule = "exposure" if fault == "refuses" else "guard"
        told = bot.events("signal")[-1]
        assert (told.pair, told.data["became"], told.data["rules"]) == (ETH, "refused", [rule])
        lose(bot)
        assert [trade.exit_reason for trade in bot.closed_trades()] == ["risk_day"]


def test_what_was_reserved_and_not_used_is_given_back(guard: FakeGuard, tmp_path: Path) -> None:
    script = {**ENTER, "declines": True}
    with dry_bot(tmp_path, section(guard), scripted=script) as bot:
        enter(bot)
        assert bot.open_trades() == []
        assert guard.released and guard.released[0] == "r-1"
        assert set(guard.released) == {f"r-{n + 1}" for n in range(len(guard.checks))}


def test_an_entry_that_is_made_keeps_its_reservation(guard: FakeGuard, tmp_path: Path) -> None:
    with dry_bot(tmp_path, section(guard), scripted=ENTER) as bot:
        enter(bot)
        bot.loop(10)
        assert len(bot.open_trades()) == 1 and guard.released == []
        assert len(bot.risk.gate.approvals) == 0


def test_events_reach_the_guard_in_order_also_after_it_was_away(
    guard: FakeGuard, tmp_path: Path
) -> None:
    with dry_bot(tmp_path, section(guard, day=DAY), scripted=ENTER) as bot:
        enter(bot)
        wait_for(lambda: len(guard.events) >= 3)
        guard.status = 503
        lose(bot)
        bot.stop()
        before = len(guard.events)
        guard.status = 200
        bot.start()
        bot.loop()
        wait_for(lambda: any(one["kind"] == "trip" for one in guard.events.values()))
        stored = bot.risk.world.store.log.after(0, 1_000)
        wait_for(lambda: set(guard.events) == {one.seq for one in stored})
        assert len(guard.events) > before
        assert [guard.events[seq]["text"] for seq in sorted(guard.events)] == [
            one.event.text for one in stored
        ]
        for first, second in zip(guard.batches, guard.batches[1:], strict=False):
            assert first == sorted(first) and second[0] <= first[-1] + 1
