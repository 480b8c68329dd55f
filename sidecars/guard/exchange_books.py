"""What an account has, asked through ccxt with a key that may read. Nothing is ever ordered:
whatever would not be a GET is refused before it is sent.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import ccxt
import ccxt.async_support as ccxt_async

from sidecars.common.clock import Clock
from sidecars.common.logs import HIDDEN
from sidecars.common.moments import ms_of
from sidecars.common.source_errors import SourceError
from sidecars.guard.books import AccountBooks, ExchangeOrder, Fill, OrderKey
from sidecars.guard.exchange_rows import (
    fill_of,
    order_of,
    positions_of,
    shape_of,
    step_of,
    totals_of,
)

RETRIES = 2
RETRY_DELAY_MS = 500
ERROR_LENGTH = 200
PAGE_FILLS = 1000
# Binance tells the fills of no more than a day at once.
LONGEST_SPAN_MS = 24 * 3_600_000
_QUERY = re.compile(r"\?\S+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key that may read; never shown."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """fills_since: of each pair of the bots. believed_open: orders that a bot has open; known:
    all that any bot knows."""

    fills_since: Mapping[str, datetime]
    believed_open: Collection[OrderKey] = ()
    known: Collection[OrderKey] = ()


class CcxtAccount:
    """One account on an exchange that ccxt knows."""

    def __init__(
        self,
        name: str,
        exchange_id: str,
        ccxt_config: Mapping[str, Any],
        credentials: Credentials,
        clock: Clock,
        *,
        timeout_seconds: float = 10.0,
        own_balances: Mapping[str, Decimal] | None = None,
    ) -> None:
        """ccxt_config: over our defaults, as ccxt's own constructor takes it (urls, options).
        own_balances: coins that belong to no bot. Raises SourceError."""
        self.name = name
        self._clock = clock
        self._own = dict(own_balances or {})
        given = dict(ccxt_config.get("options", {}))
        options = {
            "maxRetriesOnFailure": RETRIES,
            "maxRetriesOnFailureDelay": RETRY_DELAY_MS,
            "defaultType": "spot",
        }
        if exchange_id == "binance":
            kinds = ["spot"] if given.get("defaultType", "spot") == "spot" else ["linear"]
            options |= {
                "fetchMarkets": {"types": kinds},
                "fetchCurrencies": False,
                "fetchMargins": False,
                "warnOnFetchOpenOrdersWithoutSymbol": False,
            }
        config = {
            "enableRateLimit": True,
            "timeout": round(timeout_seconds * 1000),
            **ccxt_config,
            "options": {**options, **given},
            "apiKey": credentials.key,
            "secret": credentials.secret,
        }
        if credentials.password is not None:
            config["password"] = credentials.password
        self._secrets = [each for each in (credentials.secret, credentials.password) if each]
        try:
            self._exchange: Any = getattr(ccxt_async, exchange_id)(config)
        except (ccxt.BaseError, TypeError, ValueError, AttributeError) as error:
            raise SourceError(f"account {name}: no settings for {exchange_id}: {error}") from None
        self._exchange.sign = _only_reading(self._exchange.sign)
        # Signed requests carry a moment: in a replay it is the replay's.
        self._exchange.milliseconds = lambda: ms_of(clock.now())
        self._one_answer_for_all_pairs = exchange_id == "binance"
        self._strangers: dict[OrderKey, ExchangeOrder] = {}

    async def read(self, question: Question) -> AccountBooks:
        """All that the question is about. Raises SourceError."""
        markets = self._exchange.markets or {}
        if not markets or not question.fills_since.keys() <= markets.keys():
            # A pair may have been listed since.
            markets = await self._asked("markets", self._exchange.load_markets, True)
        pairs = [pair for pair in question.fills_since if pair in markets]
        orders = {order.key: order for order in await self._open_orders(pairs)}
        balance = await self._asked("balance", self._exchange.fetch_balance)
        with shape_of(self.name, "balance"):
            totals = totals_of(balance)
        positions = await self._positions([pair for pair in pairs if ":" in pair])
        fills = [
            fill for pair in pairs for fill in await self._fills(pair, question.fills_since[pair])
        ]
        missing = set()
        for key in _to_ask(question, fills, orders):
            order = self._strangers.get(key) or await self._order(key)
            if order is None:
                missing.add(key)
            else:
                orders[key] = order
        with shape_of(self.name, "markets"):
            mode = self._exchange.precisionMode
            steps = {pair: step_of(markets[pair], mode) for pair in pairs}
        self._strangers = {
            key: order
            for key, order in orders.items()
            if key not in question.known and not order.is_open
        }
        return AccountBooks(
            account=self.name,
            at=self._clock.now(),
            fills_since={pair: question.fills_since[pair] for pair in pairs},
            orders=orders,
            missing=frozenset(missing),
            fills=tuple(fills),
            totals=totals,
            own=self._own,
            positions=positions,
            steps=steps,
        )

    async def close(self) -> None:
        await self._exchange.close()

    async def _open_orders(self, pairs: Sequence[str]) -> list[ExchangeOrder]:
        if self._one_answer_for_all_pairs:
            rows = await self._asked("open orders", self._exchange.fetch_open_orders)
        else:
            rows = [
                row
                for pair in pairs
                for row in await self._asked("open orders", self._exchange.fetch_open_orders, pair)
            ]
        with shape_of(self.name, "open orders"):
            return [order_of(row) for row in rows]

    async def _order(self, key: OrderKey) -> ExchangeOrder | None:
        """None where the exchange does not know the order."""
        pair, order_id = key
        try:
            row = await self._asked("order", self._exchange.fetch_order, order_id, pair)
        except ccxt.OrderNotFound:
            return None
        with shape_of(self.name, "order"):
            return order_of(row)

    async def _fills(self, pair: str, since: datetime) -> list[Fill]:
        """Every fill of a pair, in spans that the exchange answers whole."""
        found: dict[str, Fill] = {}
        start_ms, now_ms = ms_of(since), ms_of(self._clock.now())
        while start_ms <= now_ms:
            end_ms = min(start_ms + LONGEST_SPAN_MS - 1, now_ms)
            rows = await self._asked(
                "fills",
                self._exchange.fetch_my_trades,
                pair,
                start_ms,
                PAGE_FILLS,
                {"until": end_ms},
            )
            with shape_of(self.name, "fills"):
                found |= dict(fill_of(row) for row in rows)
                last_ms = max((int(row["timestamp"]) for row in rows), default=end_ms)
            if len(rows) < PAGE_FILLS:
                start_ms = end_ms + 1
            elif last_ms > start_ms:
                start_ms = last_ms  # there may be more of the same millisecond
            else:
                raise SourceError(f"{self.name}: fills of {pair} cannot be paged", "malformed")
        return list(found.values())

    async def _positions(self, pairs: Sequence[str]) -> dict[str, Decimal]:
        if not pairs:
            return {}
        rows = await self._asked("positions", self._exchange.fetch_positions, list(pairs))
        with shape_of(self.name, "positions"):
            return positions_of(rows)

    async def _asked(
        self, what: str, ask: Callable[..., Awaitable[Any]], *arguments: object
    ) -> Any:
        """The answer. Raises ccxt.OrderNotFound as it is, and SourceError."""
        try:
            with shape_of(self.name, what):
                return await ask(*arguments)
        except ccxt.OrderNotFound:
            raise
        except (ccxt.BaseError, OSError, TimeoutError) as error:
            kind = "refused" if isinstance(error, ccxt.AuthenticationError) else "unavailable"
            raise SourceError(self._clean(what, error), kind) from None

    def _clean(self, what: str, error: Exception) -> str:
        """Without the query of an address: it has the signature."""
        text = _QUERY.sub("", " ".join(str(error).split()))
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return f"{self.name}: {what}: {type(error).__name__}: {text[:ERROR_LENGTH]}"


def _to_ask(
    question: Question, fills: Sequence[Fill], orders: Mapping[OrderKey, ExchangeOrder]
) -> list[OrderKey]:
    """Orders whose fate or whose owner the answers so far do not tell."""
    unknown = {fill.key for fill in fills} - set(question.known)
    return sorted((unknown | set(question.believed_open)) - orders.keys())


def _only_reading(sign: Callable[..., Any]) -> Callable[..., Any]:
    """ccxt signs every request here first; one that is not a GET goes no further."""

    def checked(
        path: str, api: object = "public", method: str = "GET", *others: Any, **options: Any
    ) -> Any:
        if method != "GET":
            raise ccxt.PermissionDenied(f"{method} {path} refused: the guard only reads")
        return sign(path, api, method, *others, **options)

    return checked
