"""The common way to run several strategies: one bot, one wallet, the signals of all of them.

Freqtrade runs one strategy a bot, so this is a construction over trades. Each strategy is
backtested with a slot and a stake for every pair; what it then trades are the candidates. One
wallet takes them in the order of their entries as freqtrade would with `stake_amount: unlimited`:
the stake is the balance over the slots, a pair is held once, a candidate that finds no slot or no
money is missed. What it cannot know: with a slot taken, a strategy would have found a later candle
of the same signal good enough.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

SMALLEST_STAKE = 10.0


@dataclass(frozen=True, slots=True)
class Candidates:
    """Trades of one strategy, each with its own stake, and their orders (trade: row number)."""

    name: str
    trades: pd.DataFrame
    orders: pd.DataFrame


@dataclass(frozen=True, slots=True)
class OneWallet:
    """What the wallet traded; `missed` counts candidates that it could not take."""

    trades: pd.DataFrame
    orders: pd.DataFrame
    missed: int


def one_wallet(candidates: Sequence[Candidates], capital: float, slots: int) -> OneWallet:
    """Put the candidates of all strategies through one wallet. Of one moment, the first named
    strategy comes first, then the alphabet of pairs. Raises ValueError without slots or capital.
    """
    if slots < 1 or capital <= 0.0:
        raise ValueError(f"{slots} slots and {capital:g} of capital, expected more than nothing")
    free, missed = capital, 0
    held: set[str] = set()
    running: list[tuple[datetime, int, str, float, float]] = []
    trades: list[dict[str, Any]] = []
    orders: list[pd.DataFrame] = []
    by_trade = [dict(tuple(each.orders.groupby("trade"))) for each in candidates]
    for opened, number, pair, row, trade in _in_order(candidates):
        while running and running[0][0] <= opened:
            _, _, gone, stake, profit = heapq.heappop(running)
            free += stake + profit
            held.discard(gone)
        tied_up = sum(stake for _, _, _, stake, _ in running)
        stake = min(free, (free + tied_up) / slots)
        if len(running) >= slots or pair in held or stake < SMALLEST_STAKE:
            missed += 1
            continue
        factor = stake / trade["stake_amount"]
        profit = trade["profit_abs"] * factor
        free -= stake
        held.add(pair)
        heapq.heappush(running, (trade["close_date"], len(trades), pair, stake, profit))
        part = by_trade[number][row]
        orders.append(part.assign(trade=len(trades), amount=part["amount"] * factor))
        trades.append({**trade, "stake_amount": stake, "profit_abs": profit})
    columns = candidates[0].trades.columns
    return OneWallet(
        pd.DataFrame(trades, columns=columns),
        pd.concat(orders, ignore_index=True) if orders else candidates[0].orders.iloc[:0],
        missed,
    )


def _in_order(
    candidates: Sequence[Candidates],
) -> list[tuple[datetime, int, str, int, dict[str, Any]]]:
    """(entry, number of the strategy, pair, row, trade) of all candidates, by entry."""
    found: list[tuple[datetime, int, str, int, dict[str, Any]]] = [
        (
            trade["open_date"],
            number,
            str(trade["pair"]),
            row,
            {str(name): cell for name, cell in trade.items()},
        )
        for number, each in enumerate(candidates)
        for row, trade in enumerate(each.trades.to_dict("records"))
    ]
    return sorted(found, key=lambda each: each[:3])
