"""The matching engine of the replay exchange: one account's orders against the market's path.

It owns the order of events: bring the open orders up to the moment tick by tick, then do what was
asked, write it to the ledger, answer. How orders trade is in matcher, the money in settlement.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from sidecars.replay.matching import filters
from sidecars.replay.matching.book import BookSettings, Level, Taken, on_tick
from sidecars.replay.matching.fill_behaviour import FillBehaviour, as_told, hides
from sidecars.replay.matching.ledger import LARGEST_DEPOSIT, Ledger
from sidecars.replay.matching.ledger_records import Changes, Deposit
from sidecars.replay.matching.matcher import Matcher
from sidecars.replay.matching.settlement import AccountState, Settlement
from sidecars.replay.matching.spot_account import LEDGER_UNIT, NOTHING, is_open
from sidecars.replay.model import (
    Balance,
    Fill,
    Market,
    MarketView,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
)

# Ticks of this long a stretch are matched and committed in one go, which bounds memory and what
# has to be done again after a crash.
STRETCH_MS = 3_600_000
# Ticks that change no order are written down as matched this seldom: repeating them changes none.
WRITE_EVERY_MS = 60_000
MAX_NEWS = 10_000


class ReplayEngine:
    """Implements MatchingEngine over a MarketView and a Ledger. Not for several threads.

    initial_balances: paid in if the ledger is new, else what it holds stays.
    Raises ValueError for a ledger of another seed, or with open orders in an unknown market.
    """

    def __init__(
        self,
        view: MarketView,
        ledger: Ledger,
        *,
        seed: int,
        initial_balances: Mapping[str, Decimal],
        book: BookSettings = BookSettings(),  # noqa: B008 (frozen)
    ) -> None:
        self._matcher = Matcher(view, seed, book)
        self._view = view
        self._ledger = ledger
        self._settings = book
        self._markets = view.markets
        bookmark = ledger.open_account(seed, self._markets.values(), initial_balances)
        self._now_ms = self._written_ms = bookmark.matched_ms
        open_orders = {order.order_id: order for order in ledger.orders(open_only=True)}
        for order in open_orders.values():
            if order.request.symbol not in self._markets:
                raise ValueError(
                    f"the ledger has open order {order.order_id} on {order.request.symbol}, "
                    f"which this market data does not have"
                )
        self._state = AccountState(
            open_orders=open_orders,
            balances={balance.asset: balance for balance in ledger.balances()},
            taken=_recently_taken(ledger, bookmark.matched_ms - book.replenish_ms),
            next_order_id=bookmark.next_order_id,
            next_trade_id=bookmark.next_trade_id,
        )
        # Orders changed by ticks, or with fills not told of yet, that `advance` has not returned.
        self._news: dict[int, Order] = {}

    @property
    def behaviour(self) -> FillBehaviour:
        """How fills are made late, small or refused; plain unless somebody sets another one."""
        return self._matcher.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: FillBehaviour) -> None:
        self._matcher.behaviour = behaviour

    def advance(self, now_ms: int) -> list[Order]:
        """Match open orders against the ticks up to now; the orders that changed, in order.

        Also those that changed while another method brought the book up to its moment. With late
        fills an order is returned once all its fills may be told.
        """
        now_ms = self._reach(now_ms)
        due = [order for order in self._news.values() if self._told(order) is order]
        for order in due:
            del self._news[order.order_id]
        return due

    def place(self, request: OrderRequest, now_ms: int) -> Order:
        """Check filters and balance, match at once what can be. Raises ExchangeError."""
        now_ms = self._reach(now_ms)
        market = self._market(request.symbol)
        if self.behaviour.reject_next:
            raise filters.refusal(self.behaviour.reject_next.popleft())
        price = self._view.last_price(request.symbol, now_ms)
        if price is None:
            raise filters.refusal(filters.MARKET_CLOSED)
        last_price = on_tick(price, market.price_tick)
        settlement = self._settlement()
        filters.check_request(market, request, last_price)
        filters.check_open_orders(request, settlement.open_of(request.symbol))
        filters.check_stop(request, last_price)
        book = self._matcher.book(settlement, market, price, now_ms)
        if request.type is OrderType.MARKET:
            order = self._matcher.at_market(settlement, request, book, now_ms)
        else:
            order = self._matcher.at_limit(settlement, request, book, now_ms)
        self._commit(settlement, now_ms)
        return self._tell_later(order)

    def cancel(
        self,
        symbol: str,
        now_ms: int,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> Order:
        """End an open order; what it locked is free again. Raises ExchangeError."""
        now_ms = self._reach(now_ms)
        self._market(symbol)
        order = self._open_order(symbol, order_id, client_order_id)
        if order is None:
            raise filters.refusal(filters.UNKNOWN_ORDER)
        settlement = self._settlement()
        order = settlement.close(order, OrderStatus.CANCELED, now_ms)
        self._commit(settlement, now_ms)
        self._news.pop(order.order_id, None)
        return order

    def order(
        self,
        symbol: str,
        now_ms: int,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> Order:
        """The order that fits all that is given. Raises ExchangeError."""
        self._reach(now_ms)
        self._market(symbol)
        order = self._open_order(symbol, order_id, client_order_id) or self._ledger.order(
            symbol, order_id=order_id, client_order_id=client_order_id
        )
        if order is None:
            raise filters.refusal(filters.NO_SUCH_ORDER)
        return self._told(order)

    def open_orders(self, now_ms: int, symbol: str | None = None) -> list[Order]:
        """Open orders, oldest first, of one symbol or all."""
        self._reach(now_ms)
        if symbol is not None:
            self._market(symbol)
        known = {**self._news, **self._state.open_orders}
        told = (self._told(known[order_id]) for order_id in sorted(known))
        return [o for o in told if is_open(o) and symbol in (None, o.request.symbol)]

    def all_orders(
        self,
        symbol: str,
        now_ms: int,
        *,
        from_order_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[Order]:
        """Orders of a symbol by rising id: the first `limit` from a start, else the last ones."""
        self._reach(now_ms)
        self._market(symbol)
        found = self._ledger.orders(
            symbol,
            from_order_id=from_order_id,
            start_ms=start_ms,
            end_ms=end_ms,
            limit=limit,
        )
        return [self._told(order) for order in found]

    def fills(
        self,
        now_ms: int,
        symbol: str | None = None,
        *,
        order_id: int | None = None,
        from_trade_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[Fill]:
        """Fills by rising trade id: the first `limit` from a start, else the last ones."""
        now_ms = self._reach(now_ms)
        if symbol is not None:
            self._market(symbol)
        found = self._ledger.fills(
            symbol,
            order_id=order_id,
            from_trade_id=from_trade_id,
            start_ms=start_ms,
            end_ms=end_ms,
            limit=limit,
        )
        late = self._news
        return [
            fill
            for fill in found
            if fill.order_id not in late
            or not hides(fill, now_ms, self.behaviour.delay_ms_of(late[fill.order_id]))
        ]

    def balances(self, now_ms: int) -> list[Balance]:
        """Every asset that was ever paid in or traded, by name."""
        self._reach(now_ms)
        return [self._state.balances[asset] for asset in sorted(self._state.balances)]

    def deposit(self, asset: str, amount: Decimal, now_ms: int) -> Deposit:
        """Pay in; free at once. Raises ValueError for an amount the ledger cannot hold."""
        self._reach(now_ms)
        if not 0 < amount <= LARGEST_DEPOSIT or amount % LEDGER_UNIT:
            raise ValueError(
                f"deposit of {asset}: expected at most {LARGEST_DEPOSIT:f} with 8 decimals, "
                f"got {amount:f}"
            )
        before = self._state.balances.get(asset, Balance(asset, NOTHING, NOTHING))
        after = replace(before, free=before.free + amount)
        deposit = self._ledger.pay_in(asset, amount, after)
        self._state.balances[asset] = after
        return deposit

    def depth(self, symbol: str, now_ms: int, levels: int) -> tuple[list[Level], list[Level]]:
        """Bids and asks, best first, as (price, amount); nothing while there is no price."""
        now_ms = self._reach(now_ms)
        market = self._market(symbol)
        price = self._view.last_price(symbol, now_ms)
        if price is None:
            return [], []
        book = self._matcher.book(self._settlement(), market, price, now_ms)
        return list(book.bids.levels(levels)), list(book.asks.levels(levels))

    def close(self) -> None:
        """Write down how far the ticks have been matched and close the ledger."""
        if self._written_ms < self._now_ms:
            self._ledger.commit(Changes([], [], [], self._now_ms))
        self._ledger.close()

    def _reach(self, now_ms: int) -> int:
        """Match up to now, or up to the latest moment seen if that is later, and return it."""
        now_ms = max(now_ms, self._now_ms)
        while self._state.open_orders and self._now_ms < now_ms:
            upto_ms = min(now_ms, self._now_ms + STRETCH_MS)
            settlement = self._settlement()
            self._matcher.match(settlement, self._now_ms, upto_ms)
            if settlement.changed_orders or upto_ms - self._written_ms >= WRITE_EVERY_MS:
                self._commit(settlement, upto_ms)
            self._now_ms = upto_ms
            for order in settlement.changed_orders.values():
                self._report(order)
        self._now_ms = now_ms
        return now_ms

    def _settlement(self) -> Settlement:
        return Settlement(self._state.copy(), self._markets, self._settings.replenish_ms)

    def _commit(self, settlement: Settlement, now_ms: int) -> None:
        self._ledger.commit(settlement.changes(now_ms))
        self._state = settlement.state
        self._written_ms = now_ms

    def _market(self, symbol: str) -> Market:
        if symbol not in self._markets:
            raise filters.refusal(filters.BAD_SYMBOL)
        return self._markets[symbol]

    def _open_order(
        self, symbol: str, order_id: int | None, client_order_id: str | None
    ) -> Order | None:
        if order_id is None and client_order_id is None:
            raise filters.refusal(filters.NO_ORDER_NAMED)
        for order in self._state.open_orders.values():
            if (
                order.request.symbol == symbol
                and order_id in (None, order.order_id)
                and client_order_id in (None, order.request.client_order_id)
            ):
                return order
        return None

    def _told(self, order: Order) -> Order:
        """The order as it may be told now; the same object unless late fills hide something."""
        delay_ms = self.behaviour.delay_ms_of(order)
        return as_told(order, self._now_ms, delay_ms) if delay_ms else order

    def _tell_later(self, order: Order) -> Order:
        told = self._told(order)
        if told is not order:
            self._report(order)
        return told

    def _report(self, order: Order) -> None:
        self._news.pop(order.order_id, None)
        self._news[order.order_id] = order
        if len(self._news) > MAX_NEWS:
            del self._news[next(iter(self._news))]


def _recently_taken(ledger: Ledger, after_ms: int) -> dict[tuple[str, Side], tuple[Taken, ...]]:
    """What the account took from the books after a moment, so that a restart gives none back."""
    taken: dict[tuple[str, Side], tuple[Taken, ...]] = {}
    for fill in ledger.fills(start_ms=after_ms + 1):
        if not fill.is_maker:
            key = (fill.symbol, fill.side)
            taken[key] = (*taken.get(key, ()), Taken(fill.time_ms, fill.amount))
    return taken
