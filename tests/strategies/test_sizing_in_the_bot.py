"""The methods of sizing in a real bot in dry-run: the figures are freqtrade's own."""

import math
from pathlib import Path
from typing import Any

import pytest

from tests.strategies.dry_bot import dry_bot
from tests.strategies.test_risk_in_the_bot import BTC, ENTER, ETH, QUIET

# 20 returns: one of 10 % up, 19 of nothing.
JUMP = math.log(1.1) * math.sqrt((1.0 - 1.0 / 20.0) / 19.0) * math.sqrt(365.25 * 24.0)


@pytest.mark.parametrize(
    ("sizing", "first", "second"),
    [
        ({"method": "fraction", "fraction_pct": 5.0}, 500.0, 500.0),
        ({"method": "volatility", "volatility_candles": 20, "target_volatility_pct": 50.0 * JUMP,
          "fraction_pct": 5.0}, 250.0, 250.0),
        ({"method": "half_base", "base_usd": 1_800.0}, 800.0, 100.0),
    ],
)  # fmt: skip
def test_a_method_sizes_by_freqtrades_figures(
    sizing: dict[str, Any], first: float, second: float, tmp_path: Path
) -> None:
    section = {"sizing": {"stake_usd": 800.0, **sizing}, "risk": QUIET}
    with dry_bot(tmp_path, section, pairs=(BTC, ETH), scripted=ENTER) as bot:
        bot.start()
        bot.loop()
        bot.next_hour(BTC=110.0)
        bot.loop(2)
        bot.next_hour(ETH=110.0)
        bot.loop(2)
        stakes = {trade.pair: trade.stake_amount for trade in bot.open_trades()}
        assert stakes == {BTC: pytest.approx(first, 0.01), ETH: pytest.approx(second, 0.01)}


def test_kelly_counts_the_bots_own_closed_trades(tmp_path: Path) -> None:
    sizing = {"method": "kelly", "stake_usd": 800.0, "kelly_min_trades": 20}
    with dry_bot(tmp_path, {"sizing": sizing}, scripted={**ENTER, "own_exit_at": 130.0}) as bot:
        bot.start()
        bot.strategy.use_exit_signal = True
        for _ in range(2):
            bot.next_hour(BTC=110.0)
            bot.loop(2)
            bot.prices[BTC] = 140.0
            bot.loop(3)
            bot.next_hour(BTC=100.0)
            bot.loop()
        from aquatrade.stake_figures import FreqtradeFigures

        results = FreqtradeFigures(bot.strategy, BTC).results()
        assert [round(one, 2) for one in results] == [0.27, 0.27]
