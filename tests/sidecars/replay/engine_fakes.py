"""A hand-written market for tests of the engine: markets with Binance's filters, given ticks."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import count

import numpy as np

from sidecars.replay.matching.book import BookSettings
from sidecars.replay.matching.engine import ReplayEngine
from sidecars.replay.matching.ledger import Ledger
from sidecars.replay.model import (
    Candles,
    Market,
    OrderRequest,
    OrderType,
    Side,
    Ticks,
    TimeInForce,
)

START_MS = 1_700_000_000_000
SEED = 7
Tick = tuple[int, float, float]  # milliseconds after START_MS, price, amount

BTC = Market(
    symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    price_tick=Decimal("0.01"),
    amount_step=Decimal("0.00001"),
    min_amount=Decimal("0.00001"),
    max_amount=Decimal(9000),
    min_notional=Decimal(5),
)
SOL = Market(
    symbol="SOLUSDT",
    base="SOL",
    quote="USDT",
    price_tick=Decimal("0.01"),
    amount_step=Decimal("0.001"),
    min_amount=Decimal("0.001"),
    max_amount=Decimal(90_000),
    min_notional=Decimal(5),
)
DOGE = Market(
    symbol="DOGEUSDT",
    base="DOGE",
    quote="USDT",
    price_tick=Decimal("0.00001"),
    amount_step=Decimal(1),
    min_amount=Decimal(1),
    max_amount=Decimal(9_000_000),
    min_notional=Decimal(1),
)
# A regular book: no noise, one tick of spread, a level each tick.
PLAIN_BOOK = BookSettings(
    levels=20, spread_bp=0.0, level_spacing_bp=0.0, amount_noise=0.0, seconds_per_level=1.0
)


def _ticks_of(rows: Iterable[Tick]) -> Ticks:
    ordered = sorted(rows, key=lambda row: row[0])
    return Ticks(
        trade_id=np.arange(len(ordered), dtype=np.int64),
        time_ms=np.array([START_MS + at for at, _, _ in ordered], dtype=np.int64),
        price=np.array([price for _, price, _ in ordered], dtype=np.float64),
        amount=np.array([amount for _, _, amount in ordered], dtype=np.float64),
        buyer_is_maker=np.zeros(len(ordered), dtype=np.bool_),
    )


class FakeMarketView:
    """A MarketView of given ticks. Before its first tick a symbol has no price."""

    def __init__(
        self,
        ticks: Mapping[str, Iterable[Tick]],
        *,
        markets: Iterable[Market] = (BTC, SOL, DOGE),
        turnover: Mapping[str, float] | None = None,
    ) -> None:
        self._markets = {market.symbol: market for market in markets}
        self._ticks = {symbol: _ticks_of(rows) for symbol, rows in ticks.items()}
        self._turnover = turnover or {}
        self.asked: list[str] = []

    @property
    def markets(self) -> dict[str, Market]:
        return self._markets

    def last_price(self, symbol: str, now_ms: int) -> float | None:
        ticks = self._ticks.get(symbol, _ticks_of([]))
        past = int(ticks.time_ms.searchsorted(now_ms, side="right"))
        return float(ticks.price[past - 1]) if past else None

    def ticks(self, symbol: str, after_ms: int, upto_ms: int) -> Ticks:
        self.asked.append(symbol)
        ticks = self._ticks.get(symbol, _ticks_of([]))
        first, end = ticks.time_ms.searchsorted([after_ms, upto_ms], side="right").tolist()
        return Ticks(
            ticks.trade_id[first:end],
            ticks.time_ms[first:end],
            ticks.price[first:end],
            ticks.amount[first:end],
            ticks.buyer_is_maker[first:end],
        )

    def turnover_per_second(self, symbol: str, now_ms: int) -> float:
        return self._turnover.get(symbol, 10.0)

    def klines(
        self,
        symbol: str,
        timeframe_ms: int,
        now_ms: int,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> Candles:
        raise NotImplementedError("the engine asks for no candles")

    def trades(
        self,
        symbol: str,
        now_ms: int,
        *,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> Ticks:
        raise NotImplementedError("the engine asks for ticks")


_numbers = count(1)


def request(
    side: Side,
    amount: str | None,
    price: str | None = None,
    *,
    symbol: str = "SOLUSDT",
    order_type: OrderType | None = None,
    stop_price: str | None = None,
    quote_amount: str | None = None,
    time_in_force: TimeInForce = TimeInForce.GTC,
    client_order_id: str | None = None,
) -> OrderRequest:
    """An order with numbers as text; LIMIT with a price, else MARKET, unless a type is given."""

    def number(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    usual_type = OrderType.MARKET if price is None else OrderType.LIMIT
    return OrderRequest(
        symbol=symbol,
        side=side,
        type=order_type or usual_type,
        amount=number(amount),
        client_order_id=client_order_id or f"test-{next(_numbers)}",
        price=number(price),
        stop_price=number(stop_price),
        quote_amount=number(quote_amount),
        time_in_force=time_in_force,
    )


def make_engine(
    ticks: Mapping[str, Iterable[Tick]],
    *,
    ledger: Ledger | None = None,
    balances: Mapping[str, str] | None = None,
    book: BookSettings = PLAIN_BOOK,
    turnover: Mapping[str, float] | None = None,
) -> tuple[ReplayEngine, Ledger, FakeMarketView]:
    """An engine on hand-written ticks with 10,000 USDT and 100 SOL unless told otherwise."""
    view = FakeMarketView(ticks, turnover=turnover)
    ledger = ledger or Ledger(None)
    paid_in = balances or {"USDT": "10000", "SOL": "100"}
    engine = ReplayEngine(
        view,
        ledger,
        seed=SEED,
        initial_balances={asset: Decimal(amount) for asset, amount in paid_in.items()},
        book=book,
    )
    return engine, ledger, view
