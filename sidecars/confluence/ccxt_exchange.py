"""An exchange through ccxt, asked with patience: retried, and every failure one line."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import ccxt
import ccxt.async_support as ccxt_async
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from sidecars.common.source_errors import SourceError

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 10.0
ERROR_LENGTH = 200

Answer = TypeVar("Answer")


class CcxtReader:
    """What reads one exchange; `_exchange` is ccxt's own object."""

    def __init__(
        self,
        exchange_id: str,
        ccxt_config: Mapping[str, Any],
        request_timeout_seconds: float,
        options: Mapping[str, Any],
        key: str,
    ) -> None:
        """ccxt_config: over our defaults (`options` among them), as ccxt's own constructor takes
        it. key: of the settings it comes from. Raises SourceError."""
        try:
            config: dict[str, Any] = {
                "enableRateLimit": True,
                "timeout": round(request_timeout_seconds * 1000),
                **ccxt_config,
                "options": {**options, **ccxt_config.get("options", {})},
            }
            self._exchange: Any = getattr(ccxt_async, exchange_id)(config)
        except (ccxt.BaseError, TypeError, ValueError, AttributeError) as error:
            raise SourceError(f"key '{key}' is not for {exchange_id}: {error}") from None

    async def _know(self, symbol: str) -> None:
        """Have the market of a symbol. Raises SourceError."""
        if symbol in (self._exchange.markets or {}):
            return
        # ccxt joins callers that load at the same time; a pair may have been listed since.
        markets = await self._retried(lambda: self._exchange.load_markets(True), "markets")
        if symbol not in markets:
            raise SourceError(f"{self._exchange.id} has no market {symbol}", "refused")

    async def _retried(self, ask: Callable[[], Awaitable[Answer]], what: str) -> Answer:
        """The answer, after a few attempts where they may help. Raises SourceError."""
        try:
            async for attempt in AsyncRetrying(
                stop=stop_after_attempt(ATTEMPTS),
                wait=wait_random_exponential(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS),
                retry=retry_if_exception_type((ccxt.OperationFailed, OSError, TimeoutError)),
                reraise=True,
            ):
                with attempt:
                    return await ask()
        except (ccxt.BaseError, OSError, TimeoutError) as error:
            text = " ".join(str(error).split())[:ERROR_LENGTH]
            raise SourceError(f"{what}: {type(error).__name__}: {text}") from error
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            # What ccxt raises when the shape of an answer is not what its parser expects.
            raise SourceError(
                f"{self._exchange.id} {what}: malformed answer ({type(error).__name__})",
                "malformed",
            ) from error
        raise AssertionError("a retry loop ends in an answer or an exception")

    async def close(self) -> None:
        await self._exchange.close()
