"""Two thousand round trips on the replay exchange's engine, every balance checked on the way.

A round trip buys a coin and sells it again: at market, by quote amount, with a limit that crosses
the book, or with a limit that rests until the market's path goes through it (what has not filled
after ten minutes is cancelled and bought at market). The market is the synthetic one, the ledger a
file on disk. A second set of books, kept here from what the engine answered, must hold the same
after every order; in the end the ledger's own check must find nothing.
"""

import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from itertools import cycle, islice
from pathlib import Path
from random import Random

import typer

from sidecars.replay.market.market_view import ReplayMarketView
from sidecars.replay.market.synthetic import SyntheticFeed
from sidecars.replay.matching.engine import ReplayEngine
from sidecars.replay.matching.ledger import Ledger
from sidecars.replay.model import Fill, Market, Order, OrderRequest, OrderType, Side

ROUND_TRIPS = 2_000
RATE_GOAL = 50
SEED = 1
START = datetime(2024, 3, 1, tzinfo=UTC)
MINUTE_MS = 60_000
PATIENCE_MS = 10 * MINUTE_MS
STAKE_QUOTE = Decimal(250)
DEPOSIT = Decimal(100_000)
LEDGER_UNIT = Decimal("0.00000001")
KINDS = ("market", "quote", "crossing", "resting")


class RoundTrips:
    """A trader with books of its own; `errors` counts where they and the exchange's differ."""

    def __init__(self, folder: Path) -> None:
        feed = SyntheticFeed(SEED, start=START, end=START + timedelta(days=14))
        self.view = ReplayMarketView(feed, SEED)
        self.ledger = Ledger(folder / "ledger.sqlite")
        self.engine = ReplayEngine(
            self.view, self.ledger, seed=SEED, initial_balances={"USDT": DEPOSIT}
        )
        self.held: defaultdict[str, Decimal] = defaultdict(Decimal, USDT=DEPOSIT)
        self.now_ms = int(START.timestamp() * 1000) + 120 * MINUTE_MS
        self.random = Random(SEED)
        self.orders = 0
        self.errors = 0

    def round_trip(self, market: Market, kind: str) -> None:
        bought = self.buy(market, kind)
        self.now_ms += self.random.randrange(2 * MINUTE_MS)
        amount = bought // market.amount_step * market.amount_step
        self.settle(market, self.order(market, Side.SELL, amount=amount))

    def buy(self, market: Market, kind: str) -> Decimal:
        """Buy for about the stake; base units received, fees paid."""
        last = Decimal(repr(self.view.last_price(market.symbol, self.now_ms)))
        amount = STAKE_QUOTE / last // market.amount_step * market.amount_step
        if kind == "quote":
            order = self.order(market, Side.BUY, quote_amount=STAKE_QUOTE)
        elif kind == "market":
            order = self.order(market, Side.BUY, amount=amount)
        else:
            worse = Decimal("1.002") if kind == "crossing" else Decimal("0.9995")
            price = last * worse // market.price_tick * market.price_tick
            order = self.order(market, Side.BUY, amount=amount, price=price)
        done = self.wait(market, order)
        received = self.settle(market, done)
        missing = amount - done.filled_amount if kind == "resting" else Decimal(0)
        if missing * last > 2 * market.min_notional:
            received += self.settle(market, self.order(market, Side.BUY, amount=missing))
        return received

    def order(
        self,
        market: Market,
        side: Side,
        *,
        amount: Decimal | None = None,
        price: Decimal | None = None,
        quote_amount: Decimal | None = None,
    ) -> Order:
        self.orders += 1
        request = OrderRequest(
            symbol=market.symbol,
            side=side,
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            amount=amount,
            client_order_id=f"round-trip-{self.orders}",
            price=price,
            quote_amount=quote_amount,
        )
        return self.engine.place(request, self.now_ms)

    def wait(self, market: Market, order: Order) -> Order:
        """Let time pass until the order is done, and cancel it when patience is at an end."""
        open_until_ms = self.now_ms + PATIENCE_MS
        while self.engine.open_orders(self.now_ms, market.symbol):
            if self.now_ms >= open_until_ms:
                return self.engine.cancel(market.symbol, self.now_ms, order_id=order.order_id)
            self.now_ms += MINUTE_MS // 2
            self.engine.advance(self.now_ms)
        return self.engine.order(market.symbol, self.now_ms, order_id=order.order_id)

    def settle(self, market: Market, order: Order) -> Decimal:
        """Book an order that is done in the trader's own books and compare all balances."""
        received = sum((self.book(market, fill) for fill in order.fills), Decimal(0))
        balances = {b.asset: b for b in self.engine.balances(self.now_ms)}
        for asset in set(balances) | set(self.held):
            there = balances.get(asset)
            right = there is not None and there.free == self.held[asset] and there.locked == 0
            self.errors += not right
        return received

    def book(self, market: Market, fill: Fill) -> Decimal:
        """Base units a fill brought in; its fee is worked out here once more."""
        gross = fill.amount if fill.side is Side.BUY else fill.price * fill.amount
        rate = market.maker_fee_rate if fill.is_maker else market.taker_fee_rate
        fee = (gross * rate).quantize(LEDGER_UNIT, rounding=ROUND_DOWN)
        sign = 1 if fill.side is Side.BUY else -1
        self.held[market.base] += sign * fill.amount
        self.held[market.quote] -= sign * fill.price * fill.amount
        self.held[fill.fee_asset] -= fee
        return fill.amount - fee if fill.side is Side.BUY else Decimal(0)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        trips = RoundTrips(Path(folder))
        markets = cycle(trips.view.markets.values())
        started = time.perf_counter()
        for number, market in enumerate(islice(markets, ROUND_TRIPS)):
            trips.round_trip(market, KINDS[number // len(trips.view.markets) % len(KINDS)])
        rate = ROUND_TRIPS / (time.perf_counter() - started)
        found = trips.ledger.verify()
        fills = trips.ledger.fills()
        trips.engine.close()
    for line in found[:20]:
        typer.echo(line)
    errors = trips.errors + len(found)
    typer.echo(
        f"{ROUND_TRIPS} round trips: {trips.orders} orders, {len(fills)} fills, "
        f"{sum(fill.is_maker for fill in fills)} of them as maker"
    )
    verdict = "ok" if errors == 0 else "short"
    typer.echo(f"BENCH replay_round_trip_errors value={errors} unit=count goal=0 {verdict}")
    verdict = "ok" if rate >= RATE_GOAL else "short"
    typer.echo(
        f"BENCH replay_round_trips_per_second value={rate:.0f} unit=trips/s "
        f"goal={RATE_GOAL} {verdict}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
