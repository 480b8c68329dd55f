"""What a coin costs in the holding's currency: now, and at the close of each day. Pure.

Luno's own price where it can be trusted, else the price on the liquid exchange times the implied
exchange rate: what BTC costs on Luno over what it costs there at the same time. Every price names
where it is from.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sidecars.common.observations import MS_PER_DAY, MS_PER_MINUTE
from sidecars.common.sources import describes_future
from sidecars.confluence.candles import EMPTY, DailyCandles
from sidecars.confluence.monitor.model import Holding, Price

# A market whose best offers are farther apart than this says little about a price.
MAX_SPREAD_PCT = 3.0
# What is farther from the liquid exchange's price, converted, is no price of the same coin.
MAX_OFF_PCT = 15.0
# A rate that moves more than this within a day waits for a day.
MAX_JUMP_PCT = 20.0
# A day's close on Luno counts where coins for so much changed hands on that day.
MIN_TURNOVER_USD = 5_000.0
# Both sides of an implied rate are of the same moment, within this.
RATE_APART_MS = 2 * MS_PER_MINUTE
# A price polled within this before the end of a day is that day's close.
CLOSE_APART_MS = 20 * MS_PER_MINUTE
QUOTE_STALE_MS = 10 * MS_PER_MINUTE
# A rate between currencies moves slowly.
RATE_STALE_MS = 3 * MS_PER_DAY


class QuoteError(ValueError):
    """A ticker that cannot be one; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A market's present price. thin: why it says little, None where it can be trusted."""

    market: str
    value: float
    as_of_ms: int
    thin: str | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """Units of the holding's currency for one of the liquid exchange's quote (MYR for a USDT).

    is_assumed: of a later moment than asked for, as none was observed by then.
    """

    value: float
    as_of_ms: int
    is_assumed: bool = False


@dataclass(frozen=True, slots=True)
class DailyPrices:
    """Closes in the holding's currency by as_of_ms. assumed_before_ms: moment of the first rate
    observed, where it stood in for days before it."""

    close: Mapping[int, float]
    assumed_before_ms: int | None = None


NO_PRICES = DailyPrices({})


def read_quote(market: str, ticker: object, now_ms: int) -> Quote:
    """A quote from a ticker as ccxt gives it: the last trade, held between bid and ask.

    Raises QuoteError for values that are no prices, a bid above the ask, or another time.
    """
    if not isinstance(ticker, Mapping):
        raise QuoteError(f"{market}: no ticker")
    last, bid, ask = (_price(market, ticker, name) for name in ("last", "bid", "ask"))
    if bid > ask:
        raise QuoteError(f"{market}: bid {bid} is above ask {ask}")
    as_of_ms = ticker.get("timestamp")
    if not isinstance(as_of_ms, int) or isinstance(as_of_ms, bool) or as_of_ms <= 0:
        raise QuoteError(f"{market}: expected a timestamp in ms, got {as_of_ms!r:.40}")
    if describes_future(as_of_ms, now_ms):
        raise QuoteError(f"{market}: a ticker of {as_of_ms} ms is from the future")
    value = min(max(last, bid), ask)
    return Quote(market, value, as_of_ms, _thinness(ticker, bid, ask))


def implied_rate(here: Quote | None, there: Quote | None) -> Rate | None:
    """The rate from BTC's quotes on Luno and on the liquid exchange; None where one of them is
    missing or thin, or they are of different moments."""
    if here is None or there is None or here.thin is not None or there.thin is not None:
        return None
    if abs(here.as_of_ms - there.as_of_ms) > RATE_APART_MS:
        return None
    return Rate(here.value / there.value, min(here.as_of_ms, there.as_of_ms))


class RateHistory:
    """Rates in order of time. from_candles: of days whose close nobody observed at the time."""

    def __init__(self, observed: Iterable[Rate], from_candles: Iterable[Rate] = ()) -> None:
        by_moment = {each.as_of_ms: each.value for each in observed}
        seen = polled_closes(sorted(by_moment.items()))
        for each in from_candles:
            if each.as_of_ms not in seen:
                by_moment[each.as_of_ms] = each.value
        self._as_of_ms = sorted(by_moment)
        self._value = [by_moment[moment] for moment in self._as_of_ms]

    def at(self, moment_ms: int) -> Rate | None:
        """The last one observed by the moment, else the first one, as assumed; None: no rate."""
        if not self._value:
            return None
        place = bisect_right(self._as_of_ms, moment_ms) - 1
        known = max(place, 0)
        return Rate(self._value[known], self._as_of_ms[known], is_assumed=place < 0)


def candle_rates(luno: DailyCandles, liquid: DailyCandles) -> list[Rate]:
    """The rate at each day's close, from BTC's daily candles on both; thin days are left out."""
    closes = closes_of(liquid)
    return [
        Rate(close / closes[as_of_ms], as_of_ms)
        for as_of_ms, close, volume in _closes_with_volume(luno)
        if as_of_ms in closes and volume * closes[as_of_ms] >= MIN_TURNOVER_USD
    ]


def closes_of(candles: DailyCandles) -> dict[int, float]:
    """Closes by as_of_ms, the end of each day."""
    return {as_of_ms: close for as_of_ms, close, _ in _closes_with_volume(candles)}


def polled_closes(polled: Iterable[tuple[int, float]]) -> dict[int, float]:
    """Closes by as_of_ms from prices that were polled: the last one of a day's last minutes.

    polled: (as_of_ms, price) in order of time.
    """
    closes: dict[int, float] = {}
    for as_of_ms, value in polled:
        end_ms = -(-as_of_ms // MS_PER_DAY) * MS_PER_DAY
        if end_ms - as_of_ms <= CLOSE_APART_MS:
            closes[end_ms] = value
    return closes


def daily_prices(
    holding: Holding,
    liquid: DailyCandles,
    rates: RateHistory,
    *,
    luno: DailyCandles = EMPTY,
    polled: Mapping[int, float] | None = None,
) -> DailyPrices:
    """The coin's close of each day that the liquid exchange has a candle of.

    polled: closes of the holding's market on Luno as they were seen at the time; they come first,
    so that what was said about a day stays. Then Luno's daily candle where enough was traded,
    then the liquid close at the day's rate. A day without any of them has no price.
    """
    closes = closes_of(liquid)
    if holding.market is None:
        return DailyPrices(closes)
    traded = _trusted(luno, closes)
    seen = polled or {}
    prices: dict[int, float] = {}
    assumed_before_ms = None
    for as_of_ms, close in closes.items():
        rate = rates.at(as_of_ms)
        own = seen.get(as_of_ms, traded.get(as_of_ms))
        if own is not None and off_pct(own, close, rate) <= MAX_OFF_PCT:
            prices[as_of_ms] = own
        elif rate is not None:
            prices[as_of_ms] = close * rate.value
            if rate.is_assumed:
                assumed_before_ms = rate.as_of_ms
    return DailyPrices(prices, assumed_before_ms)


def off_pct(value: float, liquid: float, rate: Rate | None) -> float:
    """How far a price on Luno is from the liquid one, converted; 0 without a rate to tell by."""
    if rate is None or rate.is_assumed:
        return 0.0
    return abs(value / (liquid * rate.value) - 1.0) * 100.0


def is_jump(new: Rate, before: Rate | None) -> bool:
    """Whether a rate is too far from one of the last 24 hours to be believed at once; a currency
    that did fall so far is believed a day later."""
    if before is None or new.as_of_ms - before.as_of_ms > MS_PER_DAY:
        return False
    return abs(new.value / before.value - 1.0) * 100.0 > MAX_JUMP_PCT


def present_price(
    holding: Holding,
    now_ms: int,
    *,
    luno: Quote | None,
    liquid: Quote | None,
    rate: Rate | None,
    exchange: str,
) -> Price | None:
    """The price now, from the best there is; None where there is nothing.

    liquid: the pair's quote on the liquid exchange, or its last close where there is none.
    In this order: Luno's if it is fresh and not thin; the liquid one, converted, if that one is
    fresh (a rate of more than three days marks it stale); Luno's if fresh; then the newer one.
    """
    if holding.market is None:
        return None if liquid is None else _as_price(liquid, holding, now_ms, exchange)
    own = None if luno is None else _as_price(luno, holding, now_ms, "Luno")
    if own is not None and luno is not None and luno.thin is None and not own.is_stale:
        return own
    converted = _converted(holding, now_ms, liquid, rate, exchange, _why_not(own, luno))
    if converted is None or own is None:
        return own or converted
    if now_ms - converted.as_of_ms <= QUOTE_STALE_MS:
        return converted
    return max(own, converted, key=lambda each: each.as_of_ms)


def _converted(
    holding: Holding,
    now_ms: int,
    liquid: Quote | None,
    rate: Rate | None,
    exchange: str,
    why: str,
) -> Price | None:
    if liquid is None or rate is None:
        return None
    price = _as_price(liquid, holding, now_ms, exchange)
    return Price(
        value=liquid.value * rate.value,
        currency=holding.currency,
        as_of_ms=liquid.as_of_ms,
        source=f"{price.source} x {rate.value:.4g} {holding.currency} ({why})",
        is_stale=price.is_stale or now_ms - rate.as_of_ms > RATE_STALE_MS,
    )


def _as_price(quote: Quote, holding: Holding, now_ms: int, where: str) -> Price:
    thin = "" if quote.thin is None else f" ({quote.thin})"
    return Price(
        value=quote.value,
        currency=holding.currency,
        as_of_ms=quote.as_of_ms,
        source=f"{where} {quote.market}{thin}",
        is_stale=now_ms - quote.as_of_ms > QUOTE_STALE_MS,
    )


def _why_not(own: Price | None, luno: Quote | None) -> str:
    if own is None or luno is None:
        return "Luno has no price"
    return "Luno's is stale" if own.is_stale else f"Luno: {luno.thin}"


def _price(market: str, ticker: Mapping[str, object], name: str) -> float:
    value = ticker.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value <= 0:  # type: ignore[operator,arg-type]
        raise QuoteError(f"{market}: expected {name} as a price above 0, got {value!r:.40}")
    return float(value)  # type: ignore[arg-type]


def _thinness(ticker: Mapping[str, object], bid: float, ask: float) -> str | None:
    info = ticker.get("info")
    status = info.get("status", "ACTIVE") if isinstance(info, Mapping) else "ACTIVE"
    if status != "ACTIVE":
        return f"market is {str(status)[:20]}"
    spread_pct = (ask / bid - 1.0) * 100.0
    if spread_pct > MAX_SPREAD_PCT:
        return f"spread of {spread_pct:.1f} %"
    volume = ticker.get("baseVolume")
    if isinstance(volume, int | float) and volume <= 0:
        return "no trade in 24 h"
    return None


def _trusted(luno: DailyCandles, liquid_closes: Mapping[int, float]) -> dict[int, float]:
    """Luno's closes of days on which enough was traded."""
    return {
        as_of_ms: close
        for as_of_ms, close, volume in _closes_with_volume(luno)
        if volume * liquid_closes.get(as_of_ms, 0.0) >= MIN_TURNOVER_USD
    }


def _closes_with_volume(candles: DailyCandles) -> list[tuple[int, float, float]]:
    ends = (candles.open_time_ms + MS_PER_DAY).tolist()
    return list(zip(ends, candles.close.tolist(), candles.volume.tolist(), strict=True))
