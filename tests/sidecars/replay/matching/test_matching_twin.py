"""Random lives of an account: the engine must equal the slow, obvious exchange in every step.

Restarts are part of the life: a new engine on the same ledger must go on as if nothing had been.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sidecars.replay.market.market_view import ReplayMarketView
from sidecars.replay.market.recorded import RecordedFeed
from sidecars.replay.matching.book import BookSettings, on_tick
from sidecars.replay.matching.engine import ReplayEngine
from sidecars.replay.matching.filters import MAX_NUM_ALGO_ORDERS
from sidecars.replay.matching.ledger import Ledger
from sidecars.replay.model import ExchangeError, MarketView, Order, OrderType, Side, TimeInForce
from tests.sidecars.replay.engine_fakes import (
    SEED,
    START_MS,
    FakeMarketView,
    Tick,
    request,
)
from tests.sidecars.replay.naive_exchange import NaiveExchange, NaiveOrder, RefusedError, units

DEPOSITS = {"USDT": Decimal(60_000), "SOL": Decimal(250), "BTC": Decimal("0.51234")}
# Price and the grid it walks on, one basis point wide, so that it comes back to orders' prices.
PRICES = {
    "BTCUSDT": ("60000.00", "6.00"),
    "SOLUSDT": ("150.00", "0.01"),
    "DOGEUSDT": ("0.12", "0.00001"),
}
BOOK = BookSettings(levels=12, replenish_ms=9_000)
STOP = OrderType.STOP_LOSS_LIMIT
KINDS = [*OrderType, OrderType.LIMIT, OrderType.LIMIT, STOP]
PASSED_MS = [0, 400, 3_000, 20_000, 150_000]
WORTHS = [6, 77, 640, 2_500]
STEPS_OFF = [-12, -4, -1, 0, 0, 1, 2, 7]
STOP_STEPS_OFF = [-9, -3, 3, 9]
GOOD_TILL = [TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]


def random_ticks(symbol: str, seed: int) -> list[Tick]:
    """A walk with runs of equal prices (touches), jumps, and amounts from dust to plenty."""
    random = Random(f"{seed}{symbol}")
    price, grid = map(Decimal, PRICES[symbol])
    at_ms, ticks = 0, []
    for _ in range(1500):
        price += grid * random.choice([0, 0, 1, -1, 1, -1, 3, -3, 12, -12])
        worth = random.choice([0.01, 20.0, 300.0, 4000.0])
        ticks.append((at_ms, float(price), worth * random.random() / float(price)))
        at_ms += random.choice([0, 1, 400, 2_500, 15_000])
    return ticks


def as_naive(order: Order) -> tuple[object, ...]:
    fills = [
        (
            fill.time_ms,
            units(fill.price),
            units(fill.amount),
            units(fill.quote_amount),
            units(fill.fee),
            fill.fee_asset,
            fill.is_maker,
        )
        for fill in order.fills
    ]
    filled = (units(order.filled_amount), units(order.filled_quote))
    return order.order_id, order.status.value, order.stop_triggered, fills, filled


def of_naive(order: NaiveOrder) -> tuple[object, ...]:
    fills = [
        (f.time_ms, f.price, f.amount, f.quote, f.fee, f.fee_asset, f.is_maker) for f in order.fills
    ]
    filled = (sum(f.amount for f in order.fills), sum(f.quote for f in order.fills))
    return order.order_id, order.status, order.triggered, fills, filled


class TwoExchanges:
    """The engine and the naive exchange on one market, told the same things at the same time."""

    def __init__(
        self, view: MarketView, start_ms: int, grids: Mapping[str, Decimal], book: BookSettings
    ) -> None:
        self.view, self.grids, self.book = view, grids, book
        self.ledger = Ledger(None)
        self.naive = NaiveExchange(view, SEED, DEPOSITS, book)
        self.naive.now_ms = self.now_ms = start_ms
        self.restart()
        self.engine.advance(start_ms)

    @classmethod
    def on_random_ticks(cls, seed: int) -> "TwoExchanges":
        ticks = {symbol: random_ticks(symbol, seed) for symbol in PRICES}
        turnover = {symbol: 30.0 / float(price) for symbol, (price, _) in PRICES.items()}
        grids = {symbol: Decimal(grid) for symbol, (_, grid) in PRICES.items()}
        return cls(FakeMarketView(ticks, turnover=turnover), START_MS, grids, BOOK)

    def restart(self) -> None:
        self.engine = ReplayEngine(
            self.view, self.ledger, seed=SEED, initial_balances=DEPOSITS, book=self.book
        )

    def advance(self, passed_ms: int) -> None:
        self.now_ms += passed_ms
        self.engine.advance(self.now_ms)
        self.naive.advance(self.now_ms)

    def place(
        self,
        symbol: str,
        side: Side,
        kind: OrderType,
        time_in_force: TimeInForce,
        worth: int,
        steps_off: int,
        stop_steps_off: int,
    ) -> None:
        market = self.view.markets[symbol]
        grid = self.grids[symbol]
        last = on_tick(self.view.last_price(symbol, self.now_ms) or 0.0, market.price_tick)
        price = last + steps_off * grid
        amount = Decimal(worth) / price // market.amount_step * market.amount_step
        wish = request(
            side,
            str(max(amount, market.amount_step)),
            None if kind is OrderType.MARKET else str(price),
            symbol=symbol,
            order_type=kind,
            stop_price=str(last + stop_steps_off * grid) if kind is STOP else None,
            time_in_force=time_in_force,
        )
        if kind is STOP and self.stops_open(symbol) >= MAX_NUM_ALGO_ORDERS:
            return
        try:
            expected = of_naive(self.naive.place(wish, self.now_ms))
        except RefusedError:
            with pytest.raises(ExchangeError):
                self.engine.place(wish, self.now_ms)
            return
        assert as_naive(self.engine.place(wish, self.now_ms)) == expected

    def cancel(self, pick: int) -> None:
        known = [order.order_id for order in self.naive.open()] or [pick]
        order_id = known[pick % len(known)] if pick % 5 else pick
        symbols = {order.order_id: order.request.symbol for order in self.naive.orders}
        symbol = symbols.get(order_id, "SOLUSDT")
        if self.naive.cancel(order_id, self.now_ms):
            self.engine.cancel(symbol, self.now_ms, order_id=order_id)
        else:
            with pytest.raises(ExchangeError):
                self.engine.cancel(symbol, self.now_ms, order_id=order_id)

    def stops_open(self, symbol: str) -> int:
        return sum(o.request.type is STOP and o.request.symbol == symbol for o in self.naive.open())

    def compare(self) -> None:
        self.engine.advance(self.now_ms)
        orders = [as_naive(order) for order in self.ledger.orders()]
        assert orders == [of_naive(order) for order in self.naive.orders]
        balances = {
            b.asset: (units(b.free), units(b.locked)) for b in self.engine.balances(self.now_ms)
        }
        assert balances == self.naive.balances()
        assert all(free >= 0 and locked >= 0 for free, locked in balances.values())
        assert self.ledger.balances() == self.engine.balances(self.now_ms)


class AccountLife(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 10_000))
    def start(self, seed: int) -> None:
        self.both = TwoExchanges.on_random_ticks(seed)

    def teardown(self) -> None:
        if hasattr(self, "both"):
            assert self.both.ledger.verify() == []
            self.both.ledger.close()

    @rule()
    def restart(self) -> None:
        self.both.restart()

    @rule(passed_ms=st.sampled_from(PASSED_MS))
    def advance(self, passed_ms: int) -> None:
        self.both.advance(passed_ms)

    @rule(
        symbol=st.sampled_from(list(PRICES)),
        side=st.sampled_from(list(Side)),
        kind=st.sampled_from(KINDS),
        time_in_force=st.sampled_from(GOOD_TILL),
        worth=st.sampled_from(WORTHS),
        steps_off=st.sampled_from(STEPS_OFF),
        stop_steps_off=st.sampled_from(STOP_STEPS_OFF),
    )
    def place(
        self,
        symbol: str,
        side: Side,
        kind: OrderType,
        time_in_force: TimeInForce,
        worth: int,
        steps_off: int,
        stop_steps_off: int,
    ) -> None:
        self.both.place(symbol, side, kind, time_in_force, worth, steps_off, stop_steps_off)

    @rule(pick=st.integers(1, 60))
    def cancel(self, pick: int) -> None:
        self.both.cancel(pick)

    @invariant()
    def orders_and_balances_are_equal(self) -> None:
        if hasattr(self, "both"):
            self.both.compare()


TestAccountLife = AccountLife.TestCase
TestAccountLife.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)


def live(both: TwoExchanges, seed: int, steps: int, passed_ms: Sequence[int]) -> Counter[str]:
    """Do random things to both and compare after each; what happened, counted."""
    random = Random(seed)
    for _ in range(steps):
        action = random.choice([*["place"] * 3, *["advance"] * 2, "cancel", "restart"])
        if action == "place":
            both.place(
                random.choice(list(both.grids)),
                random.choice(list(Side)),
                random.choice(KINDS),
                random.choice(GOOD_TILL),
                random.choice(WORTHS),
                random.choice(STEPS_OFF),
                random.choice(STOP_STEPS_OFF),
            )
        elif action == "advance":
            both.advance(random.choice(passed_ms))
        elif action == "cancel":
            both.cancel(random.randint(1, 60))
        else:
            both.restart()
        both.compare()
    assert both.ledger.verify() == []
    seen: Counter[str] = Counter()
    for order in both.ledger.orders():
        seen[order.status.value] += 1
        seen["triggered"] += order.stop_triggered
        seen["maker fills"] += sum(fill.is_maker for fill in order.fills)
        seen["taker fills"] += sum(not fill.is_maker for fill in order.fills)
    both.ledger.close()
    return seen


@pytest.mark.parametrize("seed", range(3))
def test_long_lives_are_equal(seed: int) -> None:
    """Long enough for crowded books of own orders, triggered stops and shared ticks."""
    seen = live(TwoExchanges.on_random_ticks(seed), seed, 250, PASSED_MS)
    # What makes the comparison worth something: all of this must have happened.
    assert min(seen[what] for what in ("FILLED", "CANCELED", "EXPIRED", "triggered")) >= 3, seen
    assert min(seen["maker fills"], seen["taker fills"]) >= 30, seen


def test_a_life_in_a_recorded_crash_is_equal(market_data: Path) -> None:
    """5 August 2024, 5m candles of three coins with filters read off their prices."""
    feed = RecordedFeed(
        market_data / "binance", pairs=["BTC/USDT", "SOL/USDT", "DOGE/USDT"], timeframes=["5m"]
    )
    view = ReplayMarketView(feed, SEED)
    start_ms = int(datetime(2024, 8, 5, 0, 30, tzinfo=UTC).timestamp() * 1000)
    grids = {
        symbol: on_tick((view.last_price(symbol, start_ms) or 0.0) / 5_000, market.price_tick)
        for symbol, market in view.markets.items()
    }
    both = TwoExchanges(view, start_ms, grids, BookSettings(levels=60))
    seen = live(both, 5, 200, [0, 700, 5_000, 45_000, 300_000])
    assert min(seen[what] for what in ("FILLED", "CANCELED", "triggered")) >= 1, seen
    assert min(seen["maker fills"], seen["taker fills"]) >= 10, seen
