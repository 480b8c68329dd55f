"""The rules in a real freqtrade bot in dry-run: trips, locks, hands, restarts, orders, errors."""

from pathlib import Path
from typing import Any

import pytest

from tests.strategies.dry_bot import DryBot, dry_bot

# Without a network there is nobody to ask for the time.
OFFLINE = {"max_clock_skew_seconds": None, "max_exchange_silence_minutes": None}
SIZING = {"method": "fixed", "stake_usd": 2_000.0}
DAY = {"limit_pct": 3.0, "close": "all", "resume": "by_hand"}
BTC = "BTC/USDT"


def section(**rules: Any) -> dict[str, Any]:
    quiet = {"name": "test", "rest_after_stop_minutes": None}
    return {"sizing": SIZING, "risk": {**quiet, **OFFLINE, **rules}}


def entered(bot: DryBot) -> None:
    """Bought at 110."""
    bot.start()
    bot.loop()
    bot.next_hour(BTC=110.0)
    bot.loop(2)
    assert [trade.pair for trade in bot.open_trades()] == [BTC]


def test_try(tmp_path: Path) -> None:
    with dry_bot(tmp_path, section(day=DAY), scripted={"enter_at": 110.0}) as bot:
        entered(bot)
        print(bot.open_trades(), bot.open_trades()[0].orders)
        bot.prices[BTC] = 90.0
        bot.loop(2)
        print(bot.locks(), bot.open_trades(), bot.closed_trades())
        for e in bot.events(): print(e.kind, e.pair, e.text)
        assert 0
