"""The filters of a market, read off its prices the way Binance sets them."""

import math
from decimal import Decimal

import numpy as np

from sidecars.replay.model import FloatArray, Market

MIN_NOTIONAL_QUOTE = Decimal(5)
MOST_DECIMALS = 10
# A few prices off the tick (index prices, bad conversions) must not make the tick finer.
SHARE_ON_TICK = 0.999
# Years of prices say no more about their decimals than every so-manieth of them.
LARGEST_SAMPLE = 20_000
MOST_AMOUNT_DECIMALS = 5
# An order worth about this much (quote units) is the largest one that a market takes.
MAX_ORDER_QUOTE = 1e7


def power_of_ten(exponent: int) -> Decimal:
    """10**exponent, exact."""
    return Decimal(1).scaleb(exponent)


def price_decimals(prices: FloatArray) -> int:
    """The least number of decimals that (nearly) all prices are written with.

    Raises ValueError without prices.
    """
    if len(prices) == 0:
        raise ValueError("a price tick needs at least one price, got none")
    sample = prices[:: -(-len(prices) // LARGEST_SAMPLE)]
    for decimals in range(MOST_DECIMALS + 1):
        ticks = sample * 10.0**decimals
        on_tick = np.abs(ticks - np.rint(ticks)) <= 1e-10 * ticks
        if float(np.mean(on_tick)) >= SHARE_ON_TICK:
            return decimals
    return MOST_DECIMALS


def amount_decimals(price: float) -> int:
    """Decimals of the amount, so that one step is worth 0.1 to 1 quote unit (5 at most).

    BTC at 60,000 gives 5, ETH at 3,000 gives 4, SOL at 150 gives 3, DOGE at 0.1 gives 0: as on
    Binance, whose steps are now and then one place finer.
    """
    return min(MOST_AMOUNT_DECIMALS, max(0, math.ceil(math.log10(price))))


def market_of(base: str, quote: str, decimals: int, price: float) -> Market:
    """A market whose prices have `decimals` places and whose amounts suit `price`."""
    amount_step = power_of_ten(-amount_decimals(price))
    largest = 9 * 10 ** max(0, math.ceil(math.log10(MAX_ORDER_QUOTE / price)))
    return Market(
        symbol=base + quote,
        base=base,
        quote=quote,
        price_tick=power_of_ten(-decimals),
        amount_step=amount_step,
        min_amount=amount_step,
        max_amount=Decimal(largest),
        min_notional=MIN_NOTIONAL_QUOTE,
    )


def market_from_prices(base: str, quote: str, prices: FloatArray, last_price: float) -> Market:
    """Filters from prices on record: the tick from their decimals, the amounts from the last."""
    return market_of(base, quote, price_decimals(prices), last_price)
