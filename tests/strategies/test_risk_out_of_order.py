"""A real bot in dry-run where something is out of order: databases, tokens, clocks, callbacks."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.strategies.dry_bot import DryBot, dry_bot
from tests.strategies.test_risk_in_the_bot import (
    BTC,
    DAY,
    ENTER,
    ETH,
    enter,
    global_locks,
    lose,
    section,
    signal,
    unlock,
)


def verdict_text(bot: DryBot) -> str:
    """Of the bot's own rules on an entry of this moment."""
    entry = bot.risk.entry_of(BTC, "long", 100.0, 100.0, 1.0, None, None)
    return str(bot.at(bot.risk.judge, entry, bot.now).text)


def damage(bot: DryBot) -> Path:
    """The risk database is no database any more; returns where the real one is kept."""
    file = bot.folder / "bot-risk.sqlite"
    for suffix in ("-wal", "-shm"):
        (bot.folder / f"bot-risk.sqlite{suffix}").unlink(missing_ok=True)
    kept = file.rename(bot.folder / "kept.sqlite")
    file.write_bytes(b"no database" * 500)
    return kept


def test_with_a_damaged_database_stops_are_watched_and_nothing_is_entered(tmp_path: Path) -> None:
    with dry_bot(tmp_path, section(day=DAY), pairs=(BTC, ETH), scripted=ENTER) as bot:
        enter(bot)
        bot.stop()
        damage(bot)
        bot.start()
        bot.loop(2)
        assert "bot-risk.sqlite cannot be used" in verdict_text(bot)
        (lock,) = global_locks(bot)
        assert "bot-risk.sqlite" in lock.reason
        unlock(bot)
        bot.next_hour(ETH=110.0)
        bot.loop(2)
        assert len(global_locks(bot)) == 1
        assert [trade.pair for trade in bot.open_trades()] == [BTC]
        bot.prices[BTC] = 50.0  # under its stop
        bot.loop(3)
        assert [trade.pair for trade in bot.closed_trades()] == [BTC]


def test_a_trip_of_before_the_damage_is_there_after_it(tmp_path: Path) -> None:
    with dry_bot(tmp_path, section(day=DAY), scripted=ENTER) as bot:
        enter(bot)
        lose(bot)
        bot.stop()
        kept = damage(bot)
        bot.start()
        bot.loop(2)
        assert len(global_locks(bot)) == 2
        bot.stop()
        kept.replace(tmp_path / "bot-risk.sqlite")
        bot.start()
        bot.loop(2)
        assert [trip.rule for trip in bot.risk.state.trips] == ["day"]
        assert len(global_locks(bot)) == 1


def test_without_the_guards_token_the_bot_starts_and_enters_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AQUATRADE_GUARD_TOKEN", raising=False)
    monkeypatch.setenv("AQUATRADE_GUARD_TOKEN_FILE", str(tmp_path / "gone"))
    rules = {**section(), "guard": {"url": "http://127.0.0.1:9", "timeout_seconds": 0.1}}
    with dry_bot(tmp_path, rules, scripted=ENTER) as bot:
        bot.start()
        bot.loop()
        signal(bot)
        assert bot.open_trades() == []
        assert "AQUATRADE_GUARD_TOKEN_FILE" in verdict_text(bot)


def test_a_clock_that_was_ahead_is_set_right_by_a_hand(tmp_path: Path) -> None:
    with dry_bot(tmp_path, section(day=DAY), scripted=ENTER) as bot:
        bot.start()
        bot.loop()
        bot.now += timedelta(days=3)
        bot.loop()
        bot.now -= timedelta(days=3)
        signal(bot)
        assert bot.open_trades() == []
        (lock,) = global_locks(bot)
        assert "the clock went back behind" in lock.reason
        bot.restart()
        bot.loop(2)
        assert bot.risk.state.error is not None
        unlock(bot)
        bot.loop(2)
        assert bot.risk.state.error is None and global_locks(bot) == []
        assert bot.events("resume")[-1].data["rule"] == "clock"
        bot.next_hour(BTC=100.0)
        signal(bot)
        assert len(bot.open_trades()) == 1


def test_a_trip_of_a_clock_that_stepped_back_is_lifted_by_a_hand(tmp_path: Path) -> None:
    with dry_bot(tmp_path, section(day=DAY), scripted=ENTER) as bot:
        enter(bot)
        bot.now -= timedelta(seconds=30)
        bot.prices[BTC] = 90.0
        bot.loop(2)
        assert [trip.rule for trip in bot.risk.state.trips] == ["day"]
        bot.loop(8)
        unlock(bot)
        bot.loop(2)
        assert bot.risk.state.trips == () and global_locks(bot) == []


def test_an_exit_of_a_trip_is_confirmed_whatever_the_strategy_says(tmp_path: Path) -> None:
    with dry_bot(tmp_path, section(day=DAY), scripted={**ENTER, "keeps": True}) as bot:
        enter(bot)
        lose(bot)
        assert [trade.exit_reason for trade in bot.closed_trades()] == ["risk_day"]
        unlock(bot)
        bot.loop(2)
        assert not bot.strategy.confirm_trade_exit()


@pytest.mark.parametrize("raises", [False, True])
def test_an_increase_without_a_price_is_not_made(raises: bool, tmp_path: Path) -> None:
    script: dict[str, Any] = {**ENTER, "add_at": 105.0, "add_stake": 500.0, "adds": 1}
    with dry_bot(tmp_path, section(max_exposure_pct=80.0), scripted=script) as bot:
        enter(bot)
        bot.strategy.script["raises"] = ["custom_entry_price"] if raises else []
        bot.strategy.script["entry_factor"] = 0.99
        asked = bot.strategy.called.count("custom_entry_price")
        bot.prices[BTC] = 104.0
        bot.loop()
        (trade,) = bot.open_trades()
        orders = [order for order in trade.orders if order.ft_order_side == "buy"]
        assert len(orders) == (1 if raises else 2)
        assert bot.strategy.called.count("custom_entry_price") == asked + 1
        if not raises:
            assert orders[-1].ft_price == pytest.approx(0.99 * 104.0, rel=1e-4)
