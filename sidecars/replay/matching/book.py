"""The order book around the last price: a pure function of seed, symbol, moment, price, turnover.

Nobody recorded the books of the past, so this one is made up, by these rules:

- The spread is `spread_bp` of the price and at least one tick. best bid < last price <= best ask.
- Levels follow each other at `level_spacing_bp` on average, each gap drawn from half to one and a
  half times that and at least one tick.
- A level holds on average what the market trades in `seconds_per_level`, scattered log-normally
  by `amount_noise`, and less than that on the first levels, as real books are thinnest at the
  touch. No level holds less than one step of the amount.
- The draws change every `refresh_ms`; the price they hang on changes with every tick.
- What the account took is gone from the front of the side it took from, and comes back in a
  straight line over `replenish_ms`. So it cannot have the same liquidity twice in one instant.
- The account's own resting orders are not shown in the book, and never trade with each other.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from sidecars.replay.market import noise
from sidecars.replay.model import FloatArray, IntArray, Market, Side

BASIS_POINT = 1e-4
MAX_STEPS = 2**53  # beyond it a float no longer counts in ones
_GAPS, _AMOUNTS = 0, 1

Level = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class BookSettings:
    """How the made-up book looks, and how much of the market's own trades resting orders get.

    through_share: of a tick's amount, when its price is strictly better than the order's limit.
    touch_share: of a tick's amount, when its price is the limit itself: others stood in the queue
        before, so an order at the touch gets a part only.
    """

    levels: int = 500
    spread_bp: float = 1.0
    level_spacing_bp: float = 1.0
    seconds_per_level: float = 5.0
    amount_noise: float = 0.6
    refresh_ms: int = 1000
    replenish_ms: int = 10_000
    through_share: Decimal = Decimal(1)
    touch_share: Decimal = Decimal("0.25")

    def __post_init__(self) -> None:
        if self.levels < 1 or self.refresh_ms < 1 or self.replenish_ms < 1:
            raise ValueError("levels, refresh_ms and replenish_ms must be 1 or more")
        if min(self.spread_bp, self.level_spacing_bp, self.amount_noise) < 0:
            raise ValueError("spread_bp, level_spacing_bp and amount_noise must not be negative")
        if not 0 < self.seconds_per_level < math.inf:
            raise ValueError(f"seconds_per_level must be positive, got {self.seconds_per_level}")
        if not 0 <= self.touch_share <= self.through_share <= 1:
            raise ValueError("shares must be 0 <= touch_share <= through_share <= 1")


@dataclass(frozen=True, slots=True)
class Taken:
    """What the account took out of one side of one symbol's book at a moment, in base units."""

    time_ms: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class BookSide:
    """Levels of one side, best first: prices in ticks and amounts in steps of the market."""

    price_ticks: IntArray
    amount_steps: IntArray
    price_tick: Decimal
    amount_step: Decimal

    def levels(self, limit: int | None = None) -> Iterator[Level]:
        """(price, amount) of the levels, best first."""
        for ticks, steps in zip(
            self.price_ticks[:limit].tolist(), self.amount_steps[:limit].tolist(), strict=True
        ):
            yield ticks * self.price_tick, steps * self.amount_step

    def best_price(self) -> Decimal | None:
        """Price of the first level, or None when there is nothing left."""
        return int(self.price_ticks[0]) * self.price_tick if len(self.price_ticks) else None

    def without(self, amount: Decimal) -> "BookSide":
        """This side after `amount` (base units, rounded up to a step) is gone from its front."""
        gone_steps = math.ceil(amount / self.amount_step)
        if gone_steps <= 0:
            return self
        reached = np.cumsum(self.amount_steps)
        left = np.clip(reached - gone_steps, 0, self.amount_steps)
        keep = left > 0
        return BookSide(self.price_ticks[keep], left[keep], self.price_tick, self.amount_step)


@dataclass(frozen=True, slots=True)
class Book:
    """Both sides of the book of one symbol at one moment."""

    bids: BookSide
    asks: BookSide

    def facing(self, side: Side) -> BookSide:
        """What an order of this side trades with: a buy takes asks, a sell takes bids."""
        return self.asks if side is Side.BUY else self.bids

    def without(self, bought: Decimal, sold: Decimal) -> "Book":
        """The book after the account took `bought` of its asks and `sold` of its bids."""
        return Book(self.bids.without(sold), self.asks.without(bought))


def on_tick(price: float, price_tick: Decimal) -> Decimal:
    """A feed's price as money, exactly on the nearest tick."""
    ticks = (Decimal(repr(price)) / price_tick).to_integral_value(ROUND_HALF_EVEN)
    return ticks * price_tick


def make_book(
    market: Market,
    key: int,
    now_ms: int,
    last_price: float,
    turnover_per_second: float,
    settings: BookSettings,
) -> Book:
    """The whole book at a moment (see the module for its rules).

    key: of the symbol's draws, `noise.key_of("book", seed, symbol)`.
    turnover_per_second: base units. Bids that would cost less than one tick do not exist.
    """
    last_ticks = int(on_tick(last_price, market.price_tick) / market.price_tick)
    spread_ticks = max(1, math.ceil(last_ticks * settings.spread_bp * BASIS_POINT))
    best_bid_ticks = last_ticks - (spread_ticks + 1) // 2
    sides = []
    for number, first_ticks, sign in (
        (0, best_bid_ticks, -1),
        (1, best_bid_ticks + spread_ticks, 1),
    ):
        row = (now_ms // settings.refresh_ms) * 2 + number
        offsets = _offsets_ticks(key, row, last_ticks, settings)
        prices = first_ticks + sign * offsets
        amounts = _amount_steps(key, row, turnover_per_second, market, settings)
        exists = prices >= 1
        sides.append(
            BookSide(prices[exists], amounts[exists], market.price_tick, market.amount_step)
        )
    return Book(*sides)


def still_gone(taken: Iterable[Taken], now_ms: int, replenish_ms: int) -> Decimal:
    """How much of what was taken is not back yet: all of it at once, none after replenish_ms."""
    weighted = Decimal(0)  # divided once at the end: the same however the takes are split up
    for take in taken:
        remaining_ms = replenish_ms - (now_ms - take.time_ms)
        weighted += take.amount * max(0, min(remaining_ms, replenish_ms))
    return weighted / replenish_ms


def _offsets_ticks(key: int, row: int, last_ticks: int, settings: BookSettings) -> IntArray:
    """Distance of each level from the first one, in ticks; strictly rising from 0."""
    spacing_ticks = last_ticks * settings.level_spacing_bp * BASIS_POINT
    draws = noise.uniform(key + _GAPS, row, np.arange(settings.levels - 1))
    gaps = np.maximum(1, np.rint(spacing_ticks * (0.5 + draws))).astype(np.int64)
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(gaps)])


def _amount_steps(
    key: int, row: int, turnover_per_second: float, market: Market, settings: BookSettings
) -> IntArray:
    numbers = np.arange(settings.levels)
    mean_steps = turnover_per_second * settings.seconds_per_level / float(market.amount_step)
    scatter = np.exp(
        settings.amount_noise * noise.normal(key + _AMOUNTS, row, numbers)
        - settings.amount_noise**2 / 2
    )
    steps: FloatArray = np.rint(mean_steps * scatter * _thin_front(settings.levels))
    return np.clip(steps, 1, MAX_STEPS // settings.levels).astype(np.int64)


def _thin_front(levels: int) -> FloatArray:
    """A third on the first level, rising to the whole on the tenth."""
    rising: FloatArray = np.minimum(1.0, (np.arange(levels) + 4.0) / 13.0)
    return rising
