"""One wallet over the trades of several strategies: by hand, and against freqtrade's own bot."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from lab.evidence_runner import backtest
from lab.one_bot import Candidates, one_wallet
from lab.suite_equity import ORDER_COLUMNS, orders_of
from tests.lab.suite_market import dipping

DAY = timedelta(days=1)
FIRST = datetime(2024, 1, 1, tzinfo=UTC)


def candidates(name: str, *rows: tuple[str, int, int, float]) -> Candidates:
    """(pair, day of entry, day of exit, profit ratio), each with a stake of 100."""
    trades = pd.DataFrame(
        {
            "pair": [row[0] for row in rows],
            "open_date": [FIRST + row[1] * DAY for row in rows],
            "close_date": [FIRST + row[2] * DAY for row in rows],
            "stake_amount": 100.0,
            "profit_abs": [100.0 * row[3] for row in rows],
            "enter_tag": name,
        }
    )
    orders = [
        (number, pair, FIRST + day * DAY, day == entered, False, 1.0, 100.0, 0.0, 0.0)
        for number, (pair, entered, left, _) in enumerate(rows)
        for day in (entered, left)
    ]
    return Candidates(name, trades, pd.DataFrame(orders, columns=list(ORDER_COLUMNS)))


def test_slots_pairs_and_money_are_shared() -> None:
    dip = candidates("dip", ("A", 1, 5, 0.5), ("B", 2, 3, 0.1))
    trend = candidates("trend", ("A", 2, 9, 1.0), ("C", 3, 9, -0.5), ("D", 4, 5, 9.0))
    found = one_wallet([dip, trend], 1000.0, slots=2)
    # A of trend: the pair is held. B leaves on the day C comes. D: no slot.
    assert found.trades["pair"].tolist() == ["A", "B", "C"]
    assert found.missed == 2
    assert found.trades["stake_amount"].tolist() == pytest.approx([500.0, 500.0, 525.0])
    assert found.trades["profit_abs"].tolist() == pytest.approx([250.0, 50.0, -262.5])
    assert found.orders["amount"].tolist() == pytest.approx([5.0, 5.0, 5.0, 5.0, 5.25, 5.25])
    assert found.orders["trade"].tolist() == [0, 0, 1, 1, 2, 2]


def test_a_wallet_without_money_takes_nothing() -> None:
    lost = candidates("x", ("A", 1, 2, -1.0), ("B", 3, 4, 1.0))
    found = one_wallet([lost], 100.0, slots=1)
    assert (len(found.trades), found.missed) == (1, 1)
    with pytest.raises(ValueError, match="expected more than nothing"):
        one_wallet([lost], 100.0, slots=0)


def test_one_strategy_alone_trades_as_freqtrade_does(seeded_datadir: Path) -> None:
    apart = backtest(
        dipping(seeded_datadir, {"sizing": {"method": "fixed", "stake_usd": 200.0}})
    ).trades
    sizing = {"method": "fraction", "fraction_pct": 50.0, "stake_usd": None}
    together = backtest(dipping(seeded_datadir, {"sizing": sizing}, slots=2)).trades
    found = one_wallet([Candidates("dip", apart, orders_of(apart))], 5000.0, slots=2)
    mine = set(zip(found.trades["pair"], found.trades["open_date"], strict=True))
    theirs = set(zip(together["pair"], together["open_date"], strict=True))
    assert len(mine) >= 10
    # A pair whose turn comes first in the whitelist may be another one where both want the slot.
    assert len(mine ^ theirs) <= 0.1 * len(theirs)
    assert found.trades["profit_abs"].sum() == pytest.approx(
        together["profit_abs"].sum(), rel=0.1, abs=50.0
    )
