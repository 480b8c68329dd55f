"""One change of the account in the making: orders placed, filled and closed, and what that moves.

A settlement works on a copy. The engine writes what came out of it to the ledger and only then
adopts the copy, so a refused or failed change leaves nothing behind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from sidecars.replay.matching.book import Taken
from sidecars.replay.matching.filters import INSUFFICIENT_BALANCE, refusal
from sidecars.replay.matching.ledger_records import Changes
from sidecars.replay.matching.matching_rules import Execution
from sidecars.replay.matching.spot_account import (
    NOTHING,
    fee_of,
    is_open,
    paying_asset,
    post,
    postings,
    quote_of,
    remaining_of,
    reserved_for,
)
from sidecars.replay.model import Balance, Fill, Market, Order, OrderRequest, OrderStatus, Side


@dataclass(slots=True)
class AccountState:
    """What the engine keeps in memory: nothing that is done, only what can still change.

    taken: recent takes from the book by (symbol, side of the order that took).
    """

    open_orders: dict[int, Order]
    balances: dict[str, Balance]
    taken: dict[tuple[str, Side], tuple[Taken, ...]]
    next_order_id: int
    next_trade_id: int

    def copy(self) -> "AccountState":
        return AccountState(
            dict(self.open_orders),
            dict(self.balances),
            dict(self.taken),
            self.next_order_id,
            self.next_trade_id,
        )


@dataclass(slots=True)
class Settlement:
    """Build with `Settlement(state.copy(), markets, replenish_ms)`.

    version: counts the times an order joined, left or was triggered.
    """

    state: AccountState
    markets: Mapping[str, Market]
    replenish_ms: int
    version: int = 0
    changed_orders: dict[int, Order] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    changed_assets: set[str] = field(default_factory=set)

    def open_of(self, symbol: str) -> list[Order]:
        """Open orders of a symbol, oldest first."""
        return [o for o in self.state.open_orders.values() if o.request.symbol == symbol]

    def require(self, request: OrderRequest, amount: Decimal) -> None:
        """Raise ExchangeError unless this much of what the order spends is free."""
        market = self.markets[request.symbol]
        asset = paying_asset(market.base, market.quote, request.side)
        balance = self.state.balances.get(asset)
        if amount > (NOTHING if balance is None else balance.free):
            raise refusal(INSUFFICIENT_BALANCE)

    def place(self, request: OrderRequest, now_ms: int) -> Order:
        """Accept an order and lock what it may spend. Raises ExchangeError without the funds."""
        self.require(request, reserved_for(request, request.amount or NOTHING))
        order = Order(self.state.next_order_id, request, OrderStatus.NEW, now_ms, now_ms)
        self.state.next_order_id += 1
        self.version += 1
        return self._change(None, order, ())

    def fill(
        self, order: Order, executions: Sequence[Execution], time_ms: int, *, is_maker: bool
    ) -> Order:
        """Book executions of an order: fills with fees, and the order closed if none is left."""
        if not executions:
            return order
        new_fills = [self._make_fill(order, e, time_ms, is_maker) for e in executions]
        after = replace(
            order,
            updated_ms=time_ms,
            filled_amount=order.filled_amount + sum(fill.amount for fill in new_fills),
            filled_quote=order.filled_quote + sum(fill.quote_amount for fill in new_fills),
            fills=order.fills + tuple(new_fills),
        )
        is_done = order.request.amount is not None and remaining_of(after) == 0
        status = OrderStatus.FILLED if is_done else OrderStatus.PARTIALLY_FILLED
        if not is_maker:
            self._remember(order, new_fills, time_ms)
        return self._change(order, replace(after, status=status), new_fills)

    def close(self, order: Order, status: OrderStatus, time_ms: int) -> Order:
        """End an order with what it has filled so far and release the rest of what it locked."""
        return self._change(order, replace(order, status=status, updated_ms=time_ms), ())

    def trigger(self, order: Order, time_ms: int) -> Order:
        """Turn a waiting stop into the limit order it stood for."""
        self.version += 1
        return self._change(order, replace(order, stop_triggered=True, updated_ms=time_ms), ())

    def changes(self, matched_ms: int) -> Changes:
        """What is to be written to the ledger."""
        return Changes(
            orders=list(self.changed_orders.values()),
            fills=self.fills,
            balances=[self.state.balances[asset] for asset in sorted(self.changed_assets)],
            matched_ms=matched_ms,
        )

    def _change(self, before: Order | None, after: Order, new_fills: Sequence[Fill]) -> Order:
        market = self.markets[after.request.symbol]
        for posting in postings(market.base, market.quote, before, after, new_fills):
            balance = self.state.balances.get(posting.asset)
            balance = balance or Balance(posting.asset, NOTHING, NOTHING)
            self.state.balances[posting.asset] = post(balance, posting)
            self.changed_assets.add(posting.asset)
        self.fills.extend(new_fills)
        self.changed_orders[after.order_id] = after
        if is_open(after):
            self.state.open_orders[after.order_id] = after
        elif self.state.open_orders.pop(after.order_id, None) is not None:
            self.version += 1
        return after

    def _make_fill(self, order: Order, execution: Execution, time_ms: int, is_maker: bool) -> Fill:
        market = self.markets[order.request.symbol]
        side = order.request.side
        quote_amount = quote_of(execution.price, execution.amount)
        fee, fee_asset = fee_of(market, side, execution.amount, quote_amount, is_maker)
        trade_id = self.state.next_trade_id
        self.state.next_trade_id += 1
        return Fill(
            trade_id=trade_id,
            order_id=order.order_id,
            symbol=order.request.symbol,
            side=side,
            time_ms=time_ms,
            price=execution.price,
            amount=execution.amount,
            quote_amount=quote_amount,
            fee=fee,
            fee_asset=fee_asset,
            is_maker=is_maker,
        )

    def _remember(self, order: Order, new_fills: Sequence[Fill], time_ms: int) -> None:
        key = (order.request.symbol, order.request.side)
        recent = [
            t for t in self.state.taken.get(key, ()) if t.time_ms > time_ms - self.replenish_ms
        ]
        amount = sum((fill.amount for fill in new_fills), NOTHING)
        self.state.taken[key] = (*recent, Taken(time_ms, amount))
