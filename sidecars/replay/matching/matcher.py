"""Open orders meet ticks, new orders meet the book: who trades what, booked in a settlement.

The rules are in matching_rules, the book in book, the money in settlement and spot_account.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from sidecars.replay.market.noise import key_of
from sidecars.replay.matching import filters
from sidecars.replay.matching.book import Book, BookSettings, make_book, on_tick, still_gone
from sidecars.replay.matching.fill_behaviour import FillBehaviour
from sidecars.replay.matching.matching_rules import (
    Execution,
    available_in_tick,
    first_come,
    is_triggered_by,
    is_waiting,
    may_matter,
    share_of_tick,
    take_amount,
    take_quote,
    within_limit,
)
from sidecars.replay.matching.settlement import Settlement
from sidecars.replay.matching.spot_account import (
    NOTHING,
    floor_to_step,
    is_open,
    quote_of,
    remaining_of,
)
from sidecars.replay.model import (
    Market,
    MarketView,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)


@dataclass(frozen=True, slots=True)
class TickEvent:
    """A tick that may concern an open order."""

    time_ms: int
    symbol: str
    price: float
    amount: float


class Matcher:
    """Matches against one MarketView; keeps no state of its own besides the behaviour of fills."""

    def __init__(self, view: MarketView, seed: int, settings: BookSettings) -> None:
        self.behaviour = FillBehaviour()
        self._view = view
        self._settings = settings
        self._markets = view.markets
        self._book_keys = {symbol: key_of("book", seed, symbol) for symbol in self._markets}

    def match(self, settlement: Settlement, after_ms: int, upto_ms: int) -> None:
        """Let the open orders meet every tick with after_ms < time <= upto_ms, in time order.

        Ticks are generated only for symbols that have open orders.
        """
        symbols = sorted({o.request.symbol for o in settlement.state.open_orders.values()})
        streams = [self._events(settlement, s, after_ms, upto_ms) for s in symbols]
        # A stream looks at the orders again after each of its events has been dealt with.
        for event in heapq.merge(*streams, key=lambda e: (e.time_ms, e.symbol)):
            self._meet_tick(settlement, event)

    def _events(
        self, settlement: Settlement, symbol: str, after_ms: int, upto_ms: int
    ) -> Iterator[TickEvent]:
        ticks = self._view.ticks(symbol, after_ms, upto_ms)
        price_tick = self._markets[symbol].price_tick
        start = 0
        while start < len(ticks) and (orders := settlement.open_of(symbol)):
            version = settlement.version
            matters = may_matter(ticks.price[start:], orders, price_tick)
            next_start = len(ticks)
            for index in (np.flatnonzero(matters) + start).tolist():
                yield TickEvent(
                    int(ticks.time_ms[index]),
                    symbol,
                    float(ticks.price[index]),
                    float(ticks.amount[index]),
                )
                if settlement.version != version:
                    next_start = index + 1
                    break
            start = next_start

    def _meet_tick(self, settlement: Settlement, event: TickEvent) -> None:
        market = self._markets[event.symbol]
        price = on_tick(event.price, market.price_tick)
        orders = settlement.open_of(event.symbol)
        given_out = NOTHING
        for order in first_come(order for order in orders if not is_waiting(order)):
            share = share_of_tick(order, price, self._settings)
            available = available_in_tick(event.amount, share, given_out, market)
            amount = min(self._allowed(order), available)
            limit_price = order.request.price
            if amount > 0 and limit_price is not None:
                given_out += amount
                execution = Execution(limit_price, amount)
                settlement.fill(order, [execution], event.time_ms, is_maker=True)
        for order in orders:
            if is_triggered_by(order, price):
                triggered = settlement.trigger(order, event.time_ms)
                book = self.book(settlement, market, event.price, event.time_ms)
                self._take(settlement, triggered, book, event.time_ms)

    def at_limit(
        self, settlement: Settlement, request: OrderRequest, book: Book, now_ms: int
    ) -> Order:
        """Place an order with a limit; what of it crosses the book trades at once.

        A stop waits. Raises ExchangeError without the funds, or for a LIMIT_MAKER that crosses.
        """
        best_price = book.facing(request.side).best_price()
        crosses = best_price is not None and within_limit(request.side, best_price, request.price)
        if request.type is OrderType.LIMIT_MAKER and crosses:
            raise filters.refusal(filters.WOULD_TAKE)
        order = settlement.place(request, now_ms)
        return order if is_waiting(order) else self._take(settlement, order, book, now_ms)

    def _take(self, settlement: Settlement, order: Order, book: Book, now_ms: int) -> Order:
        """Let a limit order trade with the book down to its limit; the rest rests or expires."""
        request = order.request
        levels = book.facing(request.side).levels()
        executions = take_amount(levels, request.side, self._allowed(order), request.price)
        time_in_force = request.time_in_force
        if time_in_force is TimeInForce.FOK:
            amount = sum((execution.amount for execution in executions), NOTHING)
            executions = executions if amount == remaining_of(order) else []
        order = settlement.fill(order, executions, now_ms, is_maker=False)
        if is_open(order) and time_in_force is not TimeInForce.GTC:
            order = settlement.close(order, OrderStatus.EXPIRED, now_ms)
        return order

    def at_market(
        self, settlement: Settlement, request: OrderRequest, book: Book, now_ms: int
    ) -> Order:
        """Walk the book with a market order; what the depth does not give expires.

        Raises ExchangeError if the funds do not pay for all of it.
        """
        market = self._markets[request.symbol]
        order = settlement.place(request, now_ms)
        levels = book.facing(request.side).levels()
        sufficed = False
        if request.quote_amount is not None:
            executions, sufficed = take_quote(levels, request.quote_amount, market.amount_step)
            if sum((e.amount for e in executions), NOTHING) < market.min_amount:
                raise filters.filter_failure("LOT_SIZE")
        else:
            executions = take_amount(levels, request.side, self._allowed(order), None)
        if request.side is Side.BUY:
            cost = sum((quote_of(e.price, e.amount) for e in executions), NOTHING)
        else:
            cost = request.amount or sum((e.amount for e in executions), NOTHING)
        settlement.require(request, cost)
        order = settlement.fill(order, executions, now_ms, is_maker=False)
        if is_open(order):
            status = OrderStatus.FILLED if sufficed else OrderStatus.EXPIRED
            order = settlement.close(order, status, now_ms)
        return order

    def _allowed(self, order: Order) -> Decimal:
        """What is left of an order, or as much of it as one event may fill."""
        remaining = remaining_of(order)
        share = self.behaviour.max_share_of(order)
        if share is None or order.request.amount is None:
            return remaining
        step = self._markets[order.request.symbol].amount_step
        return min(remaining, max(step, floor_to_step(order.request.amount * share, step)))

    def book(self, settlement: Settlement, market: Market, last_price: float, now_ms: int) -> Book:
        """The book of a symbol, without what the account took from it a moment ago."""
        book = make_book(
            market,
            self._book_keys[market.symbol],
            now_ms,
            last_price,
            self._view.turnover_per_second(market.symbol, now_ms),
            self._settings,
        )
        bought, sold = (
            still_gone(
                settlement.state.taken.get((market.symbol, side), ()),
                now_ms,
                self._settings.replenish_ms,
            )
            for side in (Side.BUY, Side.SELL)
        )
        return book.without(bought, sold) if bought or sold else book
