"""Asks the exchange what the checks before the start need, once each, through ccxt as freqtrade
sets it up: markets, time, the key's rights, balances, prices."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeVar

import ccxt
from freqtrade.enums import RunMode
from freqtrade.exceptions import FreqtradeException
from freqtrade.exchange import Exchange, market_is_active
from freqtrade.plugins.pairlist.pairlist_helpers import expand_pairlist
from freqtrade.resolvers import ExchangeResolver

from aquatrade.config_schema import SECRET_KEYS
from aquatrade.preflight_asking import Unknown
from aquatrade.wording import one_line

REQUEST_SECONDS = 4.0
MOST_TICKERS_BY_NAME = 100
LONGEST_FAULT = 160
SHORTEST_SECRET = 4
ANSWER_ERRORS = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError)
NOT_ASKED = Unknown("not asked")
PENDING = Unknown("no answer in time")
CLOCK_REFUSED = Unknown("the exchange does not accept this machine's clock")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClockReading:
    """How far the exchange's clock is ahead of this machine's, and how exactly that is known."""

    skew_seconds: float
    uncertain_by_seconds: float


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """The exchange does not know the key, or does not let it in from here."""

    why: str


@dataclass(slots=True)
class ExchangeAnswers:
    """What the exchange has said so far; Unknown where it has not.

    tradable: pairs that can be traded now; halted: listed, not traded at the moment.
    min_stakes: smallest stake of each wanted pair, in stake currency, freqtrade's reserves for
    stop and fees included. rights: by the exchange's own names; None: it does not tell.
    """

    name: str
    tradable: frozenset[str] | Unknown = PENDING
    halted: frozenset[str] = frozenset()
    wanted: tuple[str, ...] = ()
    clock: ClockReading | Unknown = PENDING
    rights: Mapping[str, object] | KeyRefused | Unknown | None = PENDING
    totals: Mapping[str, float] | Unknown = PENDING
    min_stakes: Mapping[str, float] | Unknown = PENDING
    taker_rate: float | None = None


@dataclass(frozen=True, slots=True)
class ExchangeQuestions:
    """What to ask: config as freqtrade gets it; stop_ratio: the strategy's stop, 0.02 for 2 %."""

    config: Mapping[str, Any]
    stop_ratio: float
    wall_clock: Callable[[], float] = time.time
    request_seconds: float = REQUEST_SECONDS

    def ask(self, answers: ExchangeAnswers) -> ExchangeAnswers:
        """Fill the answers one by one; whoever waits no longer has those that came."""
        config = deepcopy(dict(self.config))
        config["runmode"] = RunMode.OTHER
        try:
            exchange = ExchangeResolver.load_exchange(config, validate=False)
        except FreqtradeException as error:
            answers.tradable = Unknown(one_line(str(error)))
            return answers
        try:
            self._ask(exchange, answers)
        finally:
            exchange.close()
        return answers

    def _ask(self, exchange: Exchange, answers: ExchangeAnswers) -> None:
        api = exchange._api
        api.timeout = min(int(api.timeout), int(self.request_seconds * 1000))
        answers.name = str(exchange.name)
        markets = self._told(lambda: _markets(exchange))
        if isinstance(markets, Unknown):
            # One line for an exchange that is down: nothing else is asked.
            answers.clock = answers.rights = answers.totals = answers.min_stakes = NOT_ASKED
            answers.tradable = markets
            return
        exchange._markets = markets
        listed = [pair for pair, market in markets.items() if exchange.market_is_tradable(market)]
        answers.halted = frozenset(p for p in listed if not market_is_active(markets[p]))
        answers.wanted = tuple(wanted_pairs(self.config["exchange"], listed))
        answers.tradable = frozenset(listed) - answers.halted
        traded = [pair for pair in answers.wanted if pair in answers.tradable]
        answers.taker_rate = _taker_rate([markets[pair] for pair in traded])
        answers.clock = self._told(lambda: self._clock(api))
        if self.config.get("dry_run") is False:
            answers.rights = self._rights(api)
            closed = isinstance(answers.rights, KeyRefused) or answers.rights == CLOCK_REFUSED
            answers.totals = NOT_ASKED if closed else self._told(lambda: _totals(api))
        answers.min_stakes = self._told(lambda: self._min_stakes(exchange, traded))

    def _told(self, question: Callable[[], T]) -> T | Unknown:
        try:
            return question()
        except ccxt.BaseError as error:
            return Unknown(self._fault(error))
        except ANSWER_ERRORS as error:
            # Answers that are cut or of another shape pass through ccxt until something breaks.
            return Unknown(f"an answer that makes no sense ({type(error).__name__})")

    def _fault(self, error: Exception) -> str:
        return fault(error, self.config["exchange"], self.request_seconds)

    def _clock(self, api: Any) -> ClockReading:
        before = self.wall_clock()
        told = float(api.fetch_time()) / 1000.0
        after = self.wall_clock()
        return ClockReading(told - (before + after) / 2.0, abs(after - before) / 2.0)

    def _rights(self, api: Any) -> Mapping[str, object] | KeyRefused | Unknown | None:
        ask = RIGHTS_OF.get(api.id)
        try:
            if ask is None:
                return None
            rights = ask(api)
        except ccxt.InvalidNonce:
            return CLOCK_REFUSED
        except ccxt.AuthenticationError as error:
            return KeyRefused(self._fault(error))
        except ccxt.BaseError as error:
            return Unknown(self._fault(error))
        return rights if isinstance(rights, Mapping) else Unknown("an answer that makes no sense")

    def _min_stakes(self, exchange: Exchange, pairs: Sequence[str]) -> Mapping[str, float]:
        if not pairs:
            return {}
        named = list(pairs) if len(pairs) <= MOST_TICKERS_BY_NAME else None
        tickers = exchange._api.fetch_tickers(named)
        stakes: dict[str, float] = {}
        for pair in pairs:
            ticker = tickers.get(pair) or {}
            price = ticker.get("ask") or ticker.get("last")
            if price is not None:
                least = exchange.get_min_pair_stake_amount(pair, float(price), -self.stop_ratio)
                stakes[pair] = float(least or 0.0)
        return stakes


def wanted_pairs(section: Mapping[str, Any], listed: Sequence[str]) -> list[str]:
    """The whitelist with its patterns spelled out, without what the blacklist names."""
    barred = set(expand_pairlist(section.get("pair_blacklist", []), list(listed)))
    wanted: list[str] = []
    for entry in section.get("pair_whitelist", []):
        wanted += expand_pairlist([entry], list(listed)) or [entry]
    return [pair for pair in dict.fromkeys(wanted) if pair not in barred]


def fault(error: Exception, section: Mapping[str, Any], request_seconds: float) -> str:
    """What went wrong, in one line without addresses' queries and without secrets."""
    text = re.sub(r"\?\S*|\s*<.*", "", one_line(str(error)))  # queries; a proxy's page
    text = re.sub(r"^\S+ (?=\S)", "", text)  # ccxt begins with the exchange's name
    for key in SECRET_KEYS & set(section):
        secret = section[key]
        if isinstance(secret, str) and len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "...")
    text = text[:LONGEST_FAULT]
    if isinstance(error, ccxt.RequestTimeout):
        return f"no answer within {request_seconds:g} s ({text})"
    if isinstance(error, ccxt.OperationFailed):  # its own trouble, or the network's
        return f"does not answer well ({text})"
    return f"{type(error).__name__}: {text}"


def _markets(exchange: Exchange) -> dict[str, Any]:
    api = exchange._api
    # Without the key: a wrong one is another check's finding. Spot alone where that is possible.
    api.has["fetchCurrencies"] = False
    api.options["fetchMargins"] = False
    kinds = api.options.get("fetchMarkets")
    is_spot = exchange.trading_mode.value == "spot"
    if is_spot and isinstance(kinds, dict) and "spot" in (kinds.get("types") or ()):
        api.options["fetchMarkets"] = {**kinds, "types": ["spot"]}
    markets: dict[str, Any] = api.load_markets()
    return markets


def _taker_rate(markets: Sequence[Mapping[str, Any]]) -> float | None:
    rates = [float(market["taker"]) for market in markets if market.get("taker") is not None]
    return max(rates, default=None)


def _totals(api: Any) -> Mapping[str, float]:
    return {coin: float(total) for coin, total in api.fetch_balance()["total"].items()}


# https://developers.binance.com/docs/wallet/account/api-key-permission
RIGHTS_OF: Mapping[str, Callable[[Any], object]] = {
    "binance": lambda api: api.sapi_get_account_apirestrictions(),
}
