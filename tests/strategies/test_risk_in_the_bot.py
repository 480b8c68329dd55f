"""The rules in a real freqtrade bot in dry-run: trips, locks, hands, restarts, orders, errors."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from freqtrade.rpc import RPC
from freqtrade.rpc.rpc import RPCException

from tests.strategies.dry_bot import DryBot, dry_bot

# Without a network there is nobody to ask for the time; candles that stand still have no ATR.
QUIET: dict[str, Any] = {
    "name": "test",
    "rest_after_stop_minutes": None,
    "max_atr_ratio": None,
    "max_clock_skew_seconds": None,
    "max_exchange_silence_minutes": None,
}
SIZING = {"method": "fixed", "stake_usd": 2_000.0}
DAY = {"limit_pct": 3.0, "close": "all", "resume": "by_hand"}
BTC, ETH = "BTC/USDT", "ETH/USDT"
ENTER = {"enter_at": 110.0}


def section(**rules: Any) -> dict[str, Any]:
    return {"sizing": SIZING, "risk": {**QUIET, **rules}}


def signal(bot: DryBot) -> None:
    """The candle closes at 110: the script's signal."""
    bot.next_hour(BTC=110.0)
    bot.loop(3)  # ordered, filled, seen


def enter(bot: DryBot) -> None:
    """Bought at 110."""
    bot.start()
    bot.loop()
    signal(bot)
    assert [(trade.pair, trade.amount > 0.0) for trade in bot.open_trades()] == [(BTC, True)]


def lose(bot: DryBot, price: float = 90.0) -> None:
    """2,000 fall by a fifth: 3.7 % of 10,000, seen one loop later, done in the one after."""
    bot.prices[BTC] = price
    bot.loop(2)


def global_locks(bot: DryBot) -> list[Any]:
    return [lock for lock in bot.locks() if lock.pair == "*"]


def unlock(bot: DryBot) -> None:
    """What /unlock and FreqUI do."""
    (lock,) = global_locks(bot)
    bot.at(RPC(bot.bot)._rpc_delete_lock, lockid=lock.id)


def test_a_trip_locks_closes_at_market_and_is_told(tmp_path: Path) -> None:
    with dry_bot(tmp_path, section(day=DAY), scripted=ENTER) as bot:
        enter(bot)
        lose(bot)
        (trade,) = bot.closed_trades()
        assert (trade.exit_reason, trade.orders[-1].order_type) == ("risk_day", "market")
        (lock,) = global_locks(bot)
        (event,) = bot.events("trip")
        assert event.text in lock.reason and "3.67 %" in event.text
        assert event.data["value"] == pytest.approx(3.67, abs=0.01)
        # Nothing is bought while it waits for a person, whatever the signal.
        signal(bot)
        assert bot.open_trades() == []
        assert bot.events("signal")[-1].data["became"] == "locked"
        assert lock.reason in bot.events("signal")[-1].text


def test_a_trip_outlives_a_restart_and_a_hand_ends_it(tmp_path: Path) -> None:
    with dry_bot(tmp_path, section(day=DAY), scripted=ENTER) as bot:
        enter(bot)
        lose(bot)
        bot.restart()
        bot.loop(2)
        assert len(global_locks(bot)) == 1 and len(bot.events("trip")) == 1
        signal(bot)
        assert bot.open_trades() == []
        unlock(bot)
        bot.loop(2)
        assert global_locks(bot) == [] and bot.risk.state.trips == ()
        assert bot.events("resume")[-1].data["rule"] == "day"
        bot.next_hour(BTC=100.0)
        signal(bot)
        assert len(bot.open_trades()) == 1


def test_no_hand_ends_what_time_ends(tmp_path: Path) -> None:
    day = {**DAY, "resume": "next_period"}
    with dry_bot(tmp_path, section(day=day), scripted=ENTER) as bot:
        enter(bot)
        lose(bot)
        unlock(bot)
        bot.loop(2)
        (lock,) = global_locks(bot)
        assert bot.events("error")[-1].data["rule"] == "day"
        assert f"{lock.lock_end_time:%H:%M}" == "00:00"
        for _ in range(17):
            bot.next_hour()
        assert bot.now.hour == 0
        bot.loop(2)
        assert global_locks(bot) == [] and bot.risk.state.trips == ()
        signal(bot)
        assert len(bot.open_trades()) == 1


@pytest.mark.parametrize(("limit_pct", "resumes"), [(3.0, False), (3.5, True)])
def test_where_other_limits_are_asked_for_a_start_with_them_is_the_hand(
    limit_pct: float, resumes: bool, tmp_path: Path
) -> None:
    day = {**DAY, "resume": "config_change"}
    with dry_bot(tmp_path, section(day=day), scripted=ENTER) as bot:
        enter(bot)
        lose(bot)
        unlock(bot)
        bot.loop(2)
        assert len(global_locks(bot)) == 1
        bot._config["aquatrade"]["risk"]["day"]["limit_pct"] = limit_pct
        bot.restart()
        bot.loop(2)
        assert (bot.risk.state.trips == ()) is resumes
        assert len(global_locks(bot)) == (0 if resumes else 1)


def test_what_was_lost_while_the_bot_was_down_counts(tmp_path: Path) -> None:
    with dry_bot(tmp_path, section(day=DAY), scripted=ENTER) as bot:
        enter(bot)
        bot.stop()
        bot.prices[BTC] = 90.0
        for _ in range(20):
            bot.next_hour(BTC=90.0)
        bot.start()
        bot.loop(2)
        assert [trade.exit_reason for trade in bot.closed_trades()] == ["risk_day"]


def test_a_new_process_remembers_all_that_was_seen(tmp_path: Path) -> None:
    """Killed without a word after any loop: marks and recovery are those of before."""
    day = {**DAY, "resume": "after_hours", "off_hours": 0.001, "recovery_hours": 5.0}
    with dry_bot(tmp_path, section(day=day), scripted=ENTER) as bot:
        enter(bot)
        lose(bot)
        bot.loop(2)
        before = bot.risk.state
        assert before.recovery_until is not None
        bot.bot = None  # no farewell
        bot.start()
        assert bot.risk.state.marks == before.marks
        assert bot.risk.state.recovery_until == before.recovery_until
        bot.next_hour(BTC=100.0)
        signal(bot)
        assert bot.open_trades()[0].stake_amount == pytest.approx(1_000.0, rel=1e-3)


def test_a_waiting_entry_order_is_cancelled_by_a_trip(tmp_path: Path) -> None:
    script = {**ENTER, "rests": [ETH]}
    rules = section(day={**DAY, "close": "nothing"})
    with dry_bot(tmp_path, rules, pairs=(BTC, ETH), scripted=script) as bot:
        bot.start()
        bot.loop()
        bot.next_hour(BTC=110.0, ETH=110.0)
        bot.loop(3)
        assert {trade.pair: trade.amount > 0 for trade in bot.open_trades()} == {
            BTC: True, ETH: False,
        }  # fmt: skip
        lose(bot)
        assert [trade.pair for trade in bot.open_trades()] == [BTC]


@pytest.mark.parametrize("how", ["tripped", "fine"])
def test_a_forced_entry_goes_through_the_gate(how: str, tmp_path: Path) -> None:
    with dry_bot(tmp_path, section(day=DAY), pairs=(BTC, ETH), scripted=ENTER) as bot:
        enter(bot)
        if how == "fine":
            assert bot.at(RPC(bot.bot)._rpc_force_entry, ETH, None).pair == ETH
            return
        lose(bot)
        with pytest.raises(RPCException, match="Failed to enter"):
            bot.at(RPC(bot.bot)._rpc_force_entry, ETH, None)
        assert bot.events("verdict")[-1].pair == ETH


def test_the_kill_file_stops_entries_from_the_next_look_on(tmp_path: Path) -> None:
    kill = tmp_path / "STOP"
    with dry_bot(tmp_path, section(kill_file=str(kill)), scripted=ENTER) as bot:
        bot.start()
        bot.loop()
        kill.touch()
        signal(bot)
        assert bot.open_trades() == []
        (lock,) = global_locks(bot)
        assert str(kill) in lock.reason
        unlock(bot)
        bot.loop(2)
        assert len(global_locks(bot)) == 1 and bot.open_trades() == []
        kill.unlink()
        bot.loop(2)
        assert global_locks(bot) == [] and len(bot.open_trades()) == 1
        assert [event.kind for event in bot.events("kill")] == ["kill", "kill"]


@pytest.mark.parametrize(("max_exposure_pct", "entries"), [(22.0, 1), (80.0, 2)])
def test_an_increase_goes_through_the_gate(
    max_exposure_pct: float, entries: int, tmp_path: Path
) -> None:
    script = {**ENTER, "add_at": 105.0, "add_stake": 500.0, "adds": 1}
    rules = section(max_exposure_pct=max_exposure_pct)
    with dry_bot(tmp_path, rules, scripted=script) as bot:
        enter(bot)
        bot.prices[BTC] = 104.0
        bot.loop(4)
        (trade,) = bot.open_trades()
        assert trade.nr_of_successful_entries == entries
        first, *more = bot.events("verdict")
        assert not first.data["entry"]["is_increase"]
        # One verdict, however often the loop asks.
        assert [event.data["entry"]["is_increase"] for event in more] == [True]


def test_without_a_database_nothing_is_entered_and_exits_go_on(tmp_path: Path) -> None:
    with dry_bot(tmp_path, section(day=DAY), pairs=(BTC, ETH), scripted=ENTER) as bot:
        enter(bot)
        with closing(sqlite3.connect(tmp_path / "bot-risk.sqlite")) as database:
            database.execute("ALTER TABLE risk_values RENAME TO gone")
            bot.now += timedelta(minutes=2)
            bot.next_hour(ETH=110.0)
            bot.loop(2)
            assert [trade.pair for trade in bot.open_trades()] == [BTC]
            lose(bot)
            assert [trade.exit_reason for trade in bot.closed_trades()] == ["risk_day"]
            database.execute("ALTER TABLE gone RENAME TO risk_values")
        bot.loop(2)
        # What could not be kept then is kept now.
        assert len(bot.events("trip")) == 1


@pytest.mark.parametrize(
    "callback",
    ["custom_stake_amount", "confirm_trade_entry", "custom_entry_price", "bot_loop_start"],
)
def test_a_callback_that_raises_enters_nothing_and_exits_go_on(
    callback: str, tmp_path: Path
) -> None:
    with dry_bot(tmp_path, section(day=DAY), pairs=(BTC, ETH), scripted=ENTER) as bot:
        enter(bot)
        bot.strategy.script["raises"] = [callback]
        bot.next_hour(ETH=110.0)
        bot.loop(3)
        assert [trade.pair for trade in bot.open_trades()] == [BTC]
        lose(bot)
        assert [trade.exit_reason for trade in bot.closed_trades()] == ["risk_day"]


def test_a_price_that_is_not_there_is_the_newest_candles(tmp_path: Path) -> None:
    with dry_bot(tmp_path, section(day=DAY), scripted=ENTER) as bot:
        enter(bot)
        bot.bot.exchange._exit_rate_cache.clear()  # type: ignore[union-attr]
        bot.is_away = True
        book = bot.at(bot.risk.book, bot.now)
        assert book.positions[0].current_rate == pytest.approx(110.0)
