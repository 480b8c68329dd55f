"""The exchange's rules once more, slow and obvious: whole units, one tick at a time, no shortcuts.

Nothing is kept but the orders and the history of fills; balances are summed up anew each time they
are asked for. Amounts and prices are whole units of 1e-8 (prices and amounts have fewer decimals
than that), so there is no rounding but the one written down. Only the book itself comes from the
real thing (`make_book`); what the account took out of it is cut off level by level here.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from sidecars.replay.market.noise import key_of
from sidecars.replay.matching.book import BookSettings, make_book
from sidecars.replay.model import Market, MarketView, OrderRequest, OrderType, Side, TimeInForce

UNIT = 10**8


def units(number: Decimal | float) -> int:
    return round(Fraction(str(number)) * UNIT)


@dataclass
class NaiveFill:
    time_ms: int
    price: int
    amount: int
    quote: int
    fee: int
    fee_asset: str
    is_maker: bool


@dataclass
class NaiveOrder:
    order_id: int
    request: OrderRequest
    status: str = "NEW"
    triggered: bool = False
    fills: list[NaiveFill] = field(default_factory=list)

    @property
    def is_buy(self) -> bool:
        return self.request.side is Side.BUY

    @property
    def wanted(self) -> int:
        return units(self.request.amount or Decimal(0))

    @property
    def left(self) -> int:
        return self.wanted - sum(fill.amount for fill in self.fills)

    @property
    def price(self) -> int:
        return units(self.request.price or Decimal(0))

    @property
    def waits(self) -> bool:
        return self.request.type is OrderType.STOP_LOSS_LIMIT and not self.triggered


class RefusedError(Exception):
    pass


class NaiveExchange:
    def __init__(
        self, view: MarketView, seed: int, deposits: dict[str, Decimal], settings: BookSettings
    ) -> None:
        self.view = view
        self.seed = seed
        self.deposits = deposits
        self.settings = settings
        self.now_ms = 0
        self.orders: list[NaiveOrder] = []

    def open(self) -> list[NaiveOrder]:
        return [order for order in self.orders if order.status in ("NEW", "PARTIALLY_FILLED")]

    def balances(self) -> dict[str, tuple[int, int]]:
        """asset -> (free, locked), from the very beginning."""
        held = {asset: units(amount) for asset, amount in self.deposits.items()}
        locked: dict[str, int] = {}
        for order in self.orders:
            market = self.view.markets[order.request.symbol]
            for fill in order.fills:
                sign = 1 if order.is_buy else -1
                held[market.base] = held.get(market.base, 0) + sign * fill.amount
                held[market.quote] = held.get(market.quote, 0) - sign * fill.quote
                held[fill.fee_asset] -= fill.fee
            if order in self.open():
                asset = market.quote if order.is_buy else market.base
                lock = order.price * order.left // UNIT if order.is_buy else order.left
                locked[asset] = locked.get(asset, 0) + lock
        return {
            asset: (amount - locked.get(asset, 0), locked.get(asset, 0))
            for asset, amount in held.items()
        }

    def free(self, asset: str) -> int:
        return self.balances().get(asset, (0, 0))[0]

    def advance(self, now_ms: int) -> None:
        events = []
        for symbol in sorted(self.view.markets):
            ticks = self.view.ticks(symbol, self.now_ms, now_ms)
            rows = zip(
                ticks.time_ms.tolist(), ticks.price.tolist(), ticks.amount.tolist(), strict=True
            )
            events += [(time_ms, symbol, price, amount) for time_ms, price, amount in rows]
        for time_ms, symbol, price, amount in sorted(events, key=lambda e: e[:2]):
            self.meet(time_ms, symbol, price, amount)
        self.now_ms = now_ms

    def meet(self, time_ms: int, symbol: str, price: float, amount: float) -> None:
        tick_price = units(price)
        step = units(self.view.markets[symbol].amount_step)
        here = [order for order in self.open() if order.request.symbol == symbol]
        waiting = [order for order in here if order.waits]
        buys = sorted((o for o in here if o.is_buy and not o.waits), key=lambda o: -o.price)
        sells = sorted((o for o in here if not o.is_buy and not o.waits), key=lambda o: o.price)
        given_out = 0
        for order in buys + sells:
            better = tick_price < order.price if order.is_buy else tick_price > order.price
            if better:
                share = self.settings.through_share
            elif tick_price == order.price:
                share = self.settings.touch_share
            else:
                continue
            there = Fraction(repr(amount)) * UNIT * Fraction(share) - given_out
            part = min(order.left, int(there // step) * step)
            if part > 0:
                given_out += part
                self.fill(order, time_ms, order.price, part, is_maker=True)
        for order in waiting:
            stop = units(order.request.stop_price or Decimal(0))
            if tick_price >= stop if order.is_buy else tick_price <= stop:
                order.triggered = True
                self.take(order, self.levels(order.request, time_ms, price), time_ms)

    def place(self, request: OrderRequest, now_ms: int) -> NaiveOrder:
        self.advance(now_ms)
        market = self.view.markets[request.symbol]
        price = self.view.last_price(request.symbol, now_ms)
        assert price is not None
        order = NaiveOrder(len(self.orders) + 1, request)
        levels = self.levels(request, now_ms, price)
        payer = market.quote if order.is_buy else market.base
        stop = request.stop_price
        if stop is not None:
            reached = units(price) >= units(stop) if order.is_buy else units(price) <= units(stop)
            if reached:
                raise RefusedError("trigger")
        if request.type is OrderType.MARKET:
            plan = self.plan(order, levels, market)
            cost = sum(p * a // UNIT for p, a in plan) if order.is_buy else order.wanted
            if cost > self.free(payer):
                raise RefusedError("balance")
            self.orders.append(order)
            for level_price, part in plan:
                self.fill(order, now_ms, level_price, part, is_maker=False)
            if order.status != "FILLED":
                order.status = "EXPIRED"
            return order
        if request.type is OrderType.LIMIT_MAKER and self.crosses(order, levels):
            raise RefusedError("maker")
        lock = order.price * order.wanted // UNIT if order.is_buy else order.wanted
        if lock > self.free(payer):
            raise RefusedError("balance")
        self.orders.append(order)
        if not order.waits:
            self.take(order, levels, now_ms)
        return order

    def cancel(self, order_id: int, now_ms: int) -> bool:
        self.advance(now_ms)
        for order in self.open():
            if order.order_id == order_id:
                order.status = "CANCELED"
                return True
        return False

    def levels(self, request: OrderRequest, now_ms: int, price: float) -> list[tuple[int, int]]:
        """What the order faces, less what the account took on that side lately."""
        market = self.view.markets[request.symbol]
        key = key_of("book", self.seed, request.symbol)
        turnover = self.view.turnover_per_second(request.symbol, now_ms)
        book = make_book(market, key, now_ms, price, turnover, self.settings)
        side = book.asks if request.side is Side.BUY else book.bids
        gone = Fraction(0)
        for order in self.orders:
            if (order.request.symbol, order.request.side) != (request.symbol, request.side):
                continue
            for fill in order.fills:
                age_ms = now_ms - fill.time_ms
                if not fill.is_maker and age_ms < self.settings.replenish_ms:
                    gone += fill.amount * (1 - Fraction(age_ms, self.settings.replenish_ms))
        step = units(market.amount_step)
        steps_gone = -(-gone // step)
        left = []
        for level_price, level_amount in side.levels():
            amount = units(level_amount)
            removed = min(amount, int(steps_gone) * step)
            steps_gone -= removed // step
            if amount > removed:
                left.append((units(level_price), amount - removed))
        return left

    def crosses(self, order: NaiveOrder, levels: list[tuple[int, int]]) -> bool:
        if not levels:
            return False
        return levels[0][0] <= order.price if order.is_buy else levels[0][0] >= order.price

    def plan(
        self, order: NaiveOrder, levels: list[tuple[int, int]], market: Market
    ) -> list[tuple[int, int]]:
        plan, left = [], order.left
        for price, amount in levels:
            within = price <= order.price if order.is_buy else price >= order.price
            if left and (order.request.price is None or within):
                part = min(left, amount)
                plan.append((price, part))
                left -= part
        return plan

    def take(self, order: NaiveOrder, levels: list[tuple[int, int]], now_ms: int) -> None:
        plan = self.plan(order, levels, self.view.markets[order.request.symbol])
        time_in_force = order.request.time_in_force
        if time_in_force is TimeInForce.FOK and sum(part for _, part in plan) < order.left:
            plan = []
        for price, part in plan:
            self.fill(order, now_ms, price, part, is_maker=False)
        if order.left and time_in_force is not TimeInForce.GTC:
            order.status = "EXPIRED"

    def fill(
        self, order: NaiveOrder, time_ms: int, price: int, amount: int, *, is_maker: bool
    ) -> None:
        market = self.view.markets[order.request.symbol]
        rate = market.maker_fee_rate if is_maker else market.taker_fee_rate
        quote = price * amount // UNIT
        received = amount if order.is_buy else quote
        fee = int(received * Fraction(rate) // 1)
        fee_asset = market.base if order.is_buy else market.quote
        order.fills.append(NaiveFill(time_ms, price, amount, quote, fee, fee_asset, is_maker))
        order.status = "PARTIALLY_FILLED" if order.left else "FILLED"
