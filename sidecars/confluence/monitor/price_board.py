"""The prices that cards are made with: polled from Luno and from the liquid exchange."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sidecars.common.clock import Clock
from sidecars.common.moments import ms_of
from sidecars.common.observation_store import ObservationTable
from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import SourceFacts, SourceState
from sidecars.confluence.candles import EMPTY, DailyCandles
from sidecars.confluence.monitor.kept_prices import KeptPrices, price_series, rate_series
from sidecars.confluence.monitor.luno import LUNO, Markets
from sidecars.confluence.monitor.model import Holding, Price
from sidecars.confluence.monitor.prices import (
    MAX_OFF_PCT,
    QUOTE_STALE_MS,
    RATE_APART_MS,
    DailyPrices,
    Quote,
    Rate,
    RateHistory,
    candle_rates,
    daily_prices,
    implied_rate,
    is_jump,
    off_pct,
    present_price,
)

logger = logging.getLogger(__name__)

POLL_SECONDS = 60.0
ACCOUNT_EVERY_MS = MS_PER_HOUR
CANDLES = "luno_candles"
BALANCES = "luno_balances"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the holdings need: markets of Luno, pairs of the liquid exchange, currencies."""

    markets: Sequence[str]
    pairs: Sequence[str]
    currencies: Sequence[str]


@dataclass(frozen=True, slots=True)
class KnownPrices:
    """What Luno gave of a holding's market: rates, daily candles, closes as they were polled."""

    rates: RateHistory
    luno: DailyCandles
    polled: Mapping[int, float]

    def daily(self, holding: Holding, candles: DailyCandles) -> DailyPrices:
        """The holding's price at the close of each day. candles: of its pair."""
        return daily_prices(holding, candles, self.rates, luno=self.luno, polled=self.polled)

    def is_same(self, other: "KnownPrices") -> bool:
        mine, others = (self.rates, self.luno, self.polled), (other.rates, other.luno, other.polled)
        return all(one is two for one, two in zip(mine, others, strict=True))


class PriceBoard:
    """Present quotes, rates, daily closes and balances. It belongs to the event loop.

    liquid: the exchange of the scores' candles. reference: BTC's pair there, whose price over
    that of Luno's BTC market gives the rate.
    """

    def __init__(
        self,
        clock: Clock,
        luno: Markets,
        liquid: Markets,
        reference: str,
        observations: ObservationTable | None = None,
    ) -> None:
        self.balances: Mapping[str, float] | None = None
        self.states = _states(liquid.name, has_key=luno.has_key)
        self.kept = KeptPrices(observations)
        self._clock = clock
        self._luno = luno
        self._liquid = liquid
        self._reference = reference
        self._base, self._quote = reference.split("/")
        self._quotes: dict[str, dict[str, Quote]] = {LUNO: {}, liquid.name: {}}
        self._rates: dict[str, Rate] = {}
        self._candles: dict[str, DailyCandles] = {}
        self._account_asked_ms: int | None = None

    async def load(self, holdings: Sequence[Holding]) -> None:
        """Read back what was kept of the holdings' prices."""
        wanted = self._wanted(holdings)
        await self.kept.know(
            [
                *(price_series(LUNO, each) for each in wanted.markets),
                *(price_series(self._liquid.name, each) for each in wanted.pairs),
                *(rate_series(self._quote, each) for each in wanted.currencies),
            ]
        )

    async def poll(self, holdings: Sequence[Holding], candles: Mapping[str, DailyCandles]) -> None:
        """Ask for quotes, and with a key once an hour for balances and new daily candles.

        candles: of the liquid exchange, by pair. A source that fails is said in `states`, a store
        that fails in `kept.store_error`; both are tried again at the next turn.
        """
        await self.load(holdings)
        wanted = self._wanted(holdings)
        await asyncio.gather(
            self._ask(self._luno, wanted.markets), self._ask(self._liquid, wanted.pairs)
        )
        for currency in wanted.currencies:
            here = self._quotes[LUNO].get(f"{self._base}/{currency}")
            there = self._quotes[self._liquid.name].get(self._reference)
            self._believe(currency, implied_rate(here, there))
        self._doubt(holdings)
        if self._luno.has_key:
            await self._ask_account(wanted.markets, candles.get(self._reference, EMPTY))
        await self.kept.keep(self._now_ms(), self._values())

    def present(self, holding: Holding, candles: DailyCandles) -> Price | None:
        """The holding's price now. candles: of its pair; its last close stands in for a quote."""
        now_ms = self._now_ms()
        return present_price(
            holding,
            now_ms,
            luno=None if holding.market is None else self._quotes[LUNO].get(holding.market),
            liquid=self._liquid_quote(holding.pair, candles, now_ms),
            rate=self._rate(holding.currency),
            exchange=self._liquid.name,
        )

    def known(self, holding: Holding) -> KnownPrices:
        """What the holding's daily closes are made of besides its candles; its parts are the very
        same objects until one of them changes."""
        market = holding.market or ""
        return KnownPrices(
            self.kept.rates(rate_series(self._quote, holding.currency), self._now_ms()),
            self._candles.get(market, EMPTY),
            self.kept.closes(market),
        )

    def daily(self, holding: Holding, candles: DailyCandles) -> DailyPrices:
        """The holding's price at the close of each day. candles: of its pair."""
        return self.known(holding).daily(holding, candles)

    def _wanted(self, holdings: Sequence[Holding]) -> _Wanted:
        currencies = sorted({each.currency for each in holdings if each.market is not None})
        own = [each.market for each in holdings if each.market is not None]
        return _Wanted(
            markets=sorted({*own, *(f"{self._base}/{each}" for each in currencies)}),
            pairs=sorted({self._reference, *(each.pair for each in holdings)}),
            currencies=currencies,
        )

    def _believe(self, currency: str, rate: Rate | None) -> None:
        """Take a new rate, unless it jumped."""
        if rate is None:
            return
        before = self._rate(currency)
        if before is not None and is_jump(rate, before):
            state = self.states[LUNO]
            state.rejected += 1
            state.last_rejected = (
                f"{rate.value:.4g} {currency} for a {self._quote}, {before.value:.4g} before: "
                "it counts if it lasts for a day"
            )
            logger.warning("rate refused", extra={"reason": state.last_rejected})
            return
        self._rates[currency] = rate

    def _doubt(self, holdings: Sequence[Holding]) -> None:
        """Call quotes of Luno thin that are far from the liquid exchange's."""
        pairs = {each.market: (each.pair, each.currency) for each in holdings if each.market}
        markets = self._wanted(holdings)
        pairs |= {f"{self._base}/{each}": (self._reference, each) for each in markets.currencies}
        for market, (pair, currency) in pairs.items():
            here = self._quotes[LUNO].get(market)
            there = self._quotes[self._liquid.name].get(pair)
            if here is None or there is None or abs(here.as_of_ms - there.as_of_ms) > RATE_APART_MS:
                continue
            off = off_pct(here.value, there.value, self._rate(currency))
            if off > MAX_OFF_PCT and here.thin is None:
                thin = f"{off:.0f} % from {self._liquid.name}"
                self._quotes[LUNO][market] = replace(here, thin=thin)

    async def _ask(self, source: Markets, markets: Sequence[str]) -> None:
        state = self.states[source.name]
        state.asked_ms = self._now_ms()
        try:
            given = await source.quotes(markets, state.asked_ms)
        except SourceError as error:
            _failed(state, error)
            return
        self._succeeded(state)
        self._quotes[source.name].update(given.by_market)
        newest = max((each.as_of_ms for each in given.by_market.values()), default=None)
        state.newest_as_of_ms = newest
        state.rejected += len(given.rejected)
        state.last_rejected = given.rejected[-1] if given.rejected else None

    async def _ask_account(self, markets: Sequence[str], reference: DailyCandles) -> None:
        now_ms = self._now_ms()
        asked_ms = self._account_asked_ms
        if asked_ms is not None and now_ms - asked_ms < ACCOUNT_EVERY_MS:
            return
        self._account_asked_ms = now_ms
        state = self.states[BALANCES]
        state.asked_ms = now_ms
        try:
            self.balances = await self._luno.balances()
            self._succeeded(state)
        except SourceError as error:
            _failed(state, error)
        state = self.states[CANDLES]
        state.asked_ms = now_ms
        failures: list[SourceError] = []
        for market in markets:
            try:
                await self._ask_candles(market, reference, now_ms)
            except SourceError as error:
                failures.append(error)
        if failures:
            _failed(state, failures[-1])
        else:
            self._succeeded(state)

    async def _ask_candles(self, market: str, reference: DailyCandles, now_ms: int) -> None:
        known = self._candles.get(market, EMPTY)
        if len(known):
            since_ms = int(known.open_time_ms[-1]) + MS_PER_DAY
        elif len(reference):
            since_ms = int(reference.open_time_ms[0])
        else:
            return
        if since_ms + MS_PER_DAY <= now_ms:
            fetched = await self._luno.daily_candles(market, since_ms, now_ms)
            if len(fetched):
                known = DailyCandles.from_rows([*known.rows(), *fetched.rows()])
                self._candles[market] = known
        base, currency = market.split("/")
        if base == self._base:
            rates = candle_rates(known, reference)
            self.kept.use_candle_rates(rate_series(self._quote, currency), rates)

    def _values(self) -> list[tuple[str, int, float, str]]:
        """Everything of this moment that may be kept: (series, as_of_ms, value, source)."""
        prices = [
            (price_series(exchange, market), quote.as_of_ms, quote.value, exchange)
            for exchange, quotes in self._quotes.items()
            for market, quote in quotes.items()
            if quote.thin is None
        ]
        rates = [
            (rate_series(self._quote, currency), rate.as_of_ms, rate.value, LUNO)
            for currency, rate in self._rates.items()
        ]
        return [*prices, *rates]

    def _liquid_quote(self, pair: str, candles: DailyCandles, now_ms: int) -> Quote | None:
        quote = self._quotes[self._liquid.name].get(pair)
        if quote is not None and now_ms - quote.as_of_ms <= QUOTE_STALE_MS:
            return quote
        if len(candles) == 0:
            return quote
        close_ms = int(candles.open_time_ms[-1]) + MS_PER_DAY
        if quote is not None and quote.as_of_ms >= close_ms:
            return quote
        return Quote(pair, float(candles.close[-1]), close_ms, "daily close")

    def _rate(self, currency: str) -> Rate | None:
        """The last one polled, else the last one kept."""
        series = rate_series(self._quote, currency)
        return self._rates.get(currency) or self.kept.rate_now(series, self._now_ms())

    def _succeeded(self, state: SourceState) -> None:
        state.succeeded_ms = self._now_ms()
        state.error = None
        state.failures_in_a_row = 0

    def _now_ms(self) -> int:
        return ms_of(self._clock.now())


def _failed(state: SourceState, error: SourceError) -> None:
    state.error = str(error)
    state.failures_in_a_row += 1
    logger.warning("source failed", extra={"source": state.facts.name, "error": state.error})


def _states(liquid: str, *, has_key: bool) -> dict[str, SourceState]:
    """A state for each source: Luno's tickers and the exchange's, with a key the account's."""
    each_poll = [LUNO, liquid]
    each_hour = [CANDLES, BALANCES] if has_key else []
    account_seconds = ACCOUNT_EVERY_MS / 1000
    return {
        **{
            name: SourceState(
                SourceFacts(name, (f"{name}_price",), POLL_SECONDS, QUOTE_STALE_MS / 1000)
            )
            for name in each_poll
        },
        **{
            name: SourceState(SourceFacts(name, (name,), account_seconds, 3 * account_seconds))
            for name in each_hour
        },
    }
