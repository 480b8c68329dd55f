"""An account to play with: orders, fills in whole lots, stops, gaps. It knows no rules of risk."""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from aquatrade.risk.model import Book, ClosedTrade, Entry, Position, Side

LOT = 0.001  # base units


@dataclass(frozen=True, slots=True)
class Ended:
    """A trade that has ended, and the most that it was ever told to lose."""

    position: Position
    first_stop_rate: float
    profit: float
    gap: float  # share by which the price jumped over the stop; 0: it was there to sell at


@dataclass
class Account:
    """Own money, all trades on it, and the prices."""

    capital: float
    prices: dict[str, float]
    realised: float = 0.0
    positions: list[Position] = field(default_factory=list)
    first_stops: dict[datetime, float] = field(default_factory=dict)
    closed: list[ClosedTrade] = field(default_factory=list)
    entries_at: list[datetime] = field(default_factory=list)

    def book(self, at: datetime) -> Book:
        shown = [replace(one, current_rate=self.prices[one.pair]) for one in self.positions]
        profit = self.realised + math.fsum(one.profit for one in shown)
        tied = math.fsum(one.stake + one.pending_stake for one in shown)
        return Book(
            at=at,
            equity=self.capital + profit,
            free=max(0.0, self.capital + self.realised - tied),
            profit=profit,
            positions=tuple(shown),
            closed=tuple(self.closed),
            entries_at=tuple(one for one in self.entries_at if one > at - timedelta(hours=24)),
        )

    def order(self, entry: Entry, stake: float, at: datetime) -> bool:
        """Place an entry order of whole lots; False if not even one can be bought."""
        lots = math.floor(stake * entry.leverage / entry.rate / LOT)
        if lots < 1:
            return False
        assert entry.stop_rate is not None
        opened_at = at + timedelta(microseconds=len(self.first_stops))  # tells trades apart
        self.first_stops[opened_at] = entry.stop_rate
        self.entries_at.append(at)
        self.positions.append(
            Position(
                bot=entry.bot, exchange=entry.exchange, family=entry.family, pair=entry.pair,
                side=entry.side, amount=0.0, entry_rate=entry.rate, current_rate=entry.rate,
                stop_rate=entry.stop_rate, stake=0.0, opened_at=opened_at,
                pending_stake=lots * LOT * entry.rate / entry.leverage, leverage=entry.leverage,
                cost_rate=entry.cost_rate,
            )
        )  # fmt: skip
        return True

    def fill_orders(self) -> None:
        self.positions = [
            replace(
                one,
                amount=one.amount + one.pending_stake * one.leverage / one.entry_rate,
                stake=one.stake + one.pending_stake,
                pending_stake=0.0,
            )
            for one in self.positions
        ]

    def cancel_orders(self) -> None:
        self.positions = [one for one in self.positions if one.amount > 0.0]

    def move(self, pair: str, factor: float, at: datetime, *, jumps: bool) -> list[Ended]:
        """The price goes (or jumps) to so much of itself; what that stops out is sold.

        Entry orders of the pair go: their price is no longer the market's.
        """
        before = self.prices[pair]
        self.prices[pair] = before * factor
        self.positions = [one for one in self.positions if one.pair != pair or one.amount > 0.0]
        stopped = [one for one in self.positions if one.pair == pair and self._is_stopped(one)]
        ended = []
        for one in stopped:
            assert one.stop_rate is not None
            rate = self.prices[pair] if jumps else one.stop_rate
            gap = abs(1.0 - factor) if jumps else 0.0
            ended.append(self.close(one, rate, at, was_stopped=True, gap=gap))
        return ended

    def close(
        self,
        position: Position,
        rate: float,
        at: datetime,
        *,
        was_stopped: bool = False,
        gap: float = 0.0,
    ) -> Ended:
        self.positions.remove(position)
        profit = replace(position, current_rate=rate).profit
        self.realised += profit
        self.closed.append(ClosedTrade(position.bot, position.pair, at, profit, was_stopped))
        return Ended(position, self.first_stops[position.opened_at], profit, gap)

    def raise_stops(self) -> None:
        """To the entry and both orders' costs, where the price is beyond that already."""
        raised = []
        for one in self.positions:
            gain = 3.0 * one.cost_rate * one.entry_rate
            stop = one.entry_rate + (gain if one.side is Side.LONG else -gain)
            price = self.prices[one.pair]
            is_beyond = price > stop if one.side is Side.LONG else price < stop
            raised.append(replace(one, stop_rate=stop) if is_beyond else one)
        self.positions = raised

    def _is_stopped(self, one: Position) -> bool:
        assert one.stop_rate is not None
        price = self.prices[one.pair]
        return price <= one.stop_rate if one.side is Side.LONG else price >= one.stop_rate
