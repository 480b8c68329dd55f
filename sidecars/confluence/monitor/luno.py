"""Luno and the liquid exchange through ccxt: quotes, daily candles, balances. It only ever reads.

Public: markets and tickers. With a key: daily candles (GetCandles) and balances; a key with
Luno's "read-only access" is enough. Whatever would not be a GET is refused before it is sent.
https://www.luno.com/en/developers/api
"""

import base64
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ccxt

from sidecars.common.keys import read_key
from sidecars.common.logs import HIDDEN
from sidecars.common.settings_file import SettingsError
from sidecars.common.source_errors import SourceError
from sidecars.confluence.candles import DailyCandles
from sidecars.confluence.monitor.prices import Quote, QuoteError, read_quote
from sidecars.confluence.source import CcxtCandleSource

LUNO = "luno"
KEY_VARIABLE = "AQUATRADE_LUNO_KEY"
SECRET_VARIABLE = "AQUATRADE_LUNO_SECRET"


@dataclass(frozen=True, slots=True)
class LunoKey:
    """Key id and secret of a read-only key; never shown."""

    key: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Quotes:
    """What one round of tickers gave. rejected: one line for each market without a quote."""

    by_market: Mapping[str, Quote]
    rejected: Sequence[str] = ()


def read_luno_key(environment: Mapping[str, str]) -> LunoKey | None:
    """The key from AQUATRADE_LUNO_KEY and _SECRET, or from files that they name with _FILE.

    None where neither is set. Raises SettingsError when only one is, or a file cannot be read.
    """
    key, secret = (read_key(environment, name) for name in (KEY_VARIABLE, SECRET_VARIABLE))
    if key is None and secret is None:
        return None
    if key is None or secret is None:
        missing = KEY_VARIABLE if key is None else SECRET_VARIABLE
        raise SettingsError(f"Luno's key is half set: {missing} (or {missing}_FILE) is missing")
    return LunoKey(key, secret)


class Markets(CcxtCandleSource):
    """An exchange that is only read: quotes and daily candles, with a key also balances."""

    def __init__(
        self,
        exchange_id: str,
        ccxt_config: Mapping[str, Any],
        request_timeout_seconds: float,
        key: LunoKey | None = None,
    ) -> None:
        """ccxt_config: as CcxtCandleSource takes it. Raises SourceError."""
        self._secrets: tuple[str, ...] = ()
        config = {**ccxt_config}
        if exchange_id == LUNO:
            # With a key ccxt would ask for the networks of withdrawals, which it may not see.
            config["has"] = {**config.get("has", {}), "fetchCurrencies": False}
        if key is not None:
            config |= {"apiKey": key.key, "secret": key.secret}
            pair = base64.b64encode(f"{key.key}:{key.secret}".encode()).decode()
            self._secrets = (pair, key.secret, key.key)
        super().__init__(exchange_id, config, request_timeout_seconds)
        api = self._exchange
        api.sign = _only_reading(api.sign)
        self.has_key = key is not None

    @property
    def name(self) -> str:
        """ccxt's id of the exchange."""
        return str(self._exchange.id)

    async def quotes(self, markets: Sequence[str], now_ms: int) -> Quotes:
        """The present quotes of the markets. Raises SourceError when there is none at all."""
        if not markets:
            return Quotes({})
        api = self._exchange
        with _hiding(self._secrets):
            if not api.markets:
                await self._retried(api.load_markets, "markets")
            known = [each for each in markets if each in api.markets]
            unknown = [each for each in markets if each not in known]
            tickers = (
                await self._retried(lambda: api.fetch_tickers(known), "tickers") if known else {}
            )
        if not isinstance(tickers, Mapping):
            raise SourceError(f"{self.name} tickers: malformed answer", "malformed")
        found: dict[str, Quote] = {}
        rejected = [f"{self.name} has no market {each}" for each in unknown]
        for market in known:
            try:
                found[market] = read_quote(market, tickers.get(market), now_ms)
            except QuoteError as error:
                rejected.append(f"{self.name} {error}")
        if not found:
            raise SourceError("; ".join(rejected)[:300], "malformed")
        return Quotes(found, rejected)

    async def daily_candles(self, pair: str, since_ms: int, now_ms: int) -> DailyCandles:
        with _hiding(self._secrets):
            return await super().daily_candles(pair, since_ms, now_ms)

    async def balances(self) -> dict[str, float]:
        """What the account holds, by asset, zero left out; needs the key. Raises SourceError."""
        with _hiding(self._secrets):
            answer = await self._retried(self._exchange.fetch_balance, "balances")
        totals = answer.get("total") if isinstance(answer, Mapping) else None
        if not isinstance(totals, Mapping):
            raise SourceError(f"{self.name} balances: malformed answer", "malformed")
        held: dict[str, float] = {}
        for asset, amount in totals.items():
            if not isinstance(amount, int | float) or not math.isfinite(amount) or amount < 0:
                raise SourceError(
                    f"{self.name} balances: {asset} is {amount!r:.40}, no amount", "malformed"
                )
            if amount > 0:
                held[str(asset)] = float(amount)
        return held


@contextmanager
def _hiding(secrets: Sequence[str]) -> Iterator[None]:
    """No secret in the text of a SourceError."""
    try:
        yield
    except SourceError as error:
        text = str(error)
        for secret in secrets:
            text = text.replace(secret, HIDDEN)
        raise SourceError(text, error.kind) from None


def _only_reading(sign: Callable[..., Any]) -> Callable[..., Any]:
    """ccxt signs every request here first; one that is not a GET goes no further."""

    def checked(
        path: str, api: object = "public", method: str = "GET", *others: Any, **options: Any
    ) -> Any:
        if method != "GET":
            raise ccxt.PermissionDenied(f"{method} {path} refused: the monitor only reads")
        return sign(path, api, method, *others, **options)

    return checked
