"""Asks one bot, and tells it what to do, through freqtrade's REST API.

Every call runs in the bot's own thread, one after the other: a bot that hangs holds up nobody
else. Whatever goes wrong is a SourceError of one line that names the bot.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from freqtrade_client import FtRestClient
from requests import RequestException, Response

from sidecars.common.clock import Clock
from sidecars.common.source_errors import SourceError
from sidecars.guard.bot_answers import (
    ConfigAnswer,
    LocksAnswer,
    TradesAnswer,
    identity_problem,
    read_answer,
    read_status,
    refusal_in,
)
from sidecars.guard.bot_snapshot import snapshot_of
from sidecars.guard.closed_trades import ClosedTrades
from sidecars.guard.settings import BotSettings
from sidecars.guard.snapshots import AWAY, BotSnapshot

# A poll is four requests and more: each has its own time-out, all together this many.
TIMEOUTS_OF_A_CALL = 4.0
MARKET = "market"


class BotClient:
    """One bot."""

    def __init__(
        self,
        bot: BotSettings,
        password: str,
        clock: Clock,
        *,
        timeout_seconds: float,
        tells_clock: bool = True,
    ) -> None:
        """tells_clock: whether the clock of the bot is compared with the guard's."""
        # It warns of every connection that cannot be made, with every poll.
        logging.getLogger("ft_rest_client").setLevel(logging.ERROR)
        self.bot = bot
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._tells_clock = tells_clock
        self._password = password
        self._client = FtRestClient(bot.url, bot.username, password, timeout=timeout_seconds)
        # Bots are neighbours: no proxy stands between, and looking for one in the environment
        # costs more than the request.
        self._client._session.trust_env = False
        # What the client throws away of an answer: its clock.
        self._client._session.hooks["response"].append(self._look_at_clock)
        self._skew_seconds: float | None = None
        self._closed = ClosedTrades(bot)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"bot-{bot.name}")
        self._unfinished: asyncio.Future[Any] | None = None

    async def poll(self, known_name: str | None) -> BotSnapshot:
        """All that the guard wants to know. known_name: what the bot called itself before.

        Raises SourceError.
        """
        snapshot: BotSnapshot = await self._call(self._poll, known_name)
        return snapshot

    async def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON answer of show_config, whitelist, status, trades or locks. Raises SourceError.

        Parameters are those of trades: limit, offset, order_by_id ("true" or "false").
        """
        client = self._client
        if path == "trades":
            by_id = str(parameters.get("order_by_id", "true")).lower() == "true"
            limit, offset = parameters.get("limit"), parameters.get("offset")
            return await self._call(self._asked, client.trades, limit, offset, by_id)
        plain = {
            "show_config": client.show_config,
            "whitelist": client.whitelist,
            "status": client.status,
            "locks": client.locks,
        }
        return await self._call(self._asked, plain[path])

    async def pause(self) -> None:
        """No entries and no increases; exits go on. Raises SourceError."""
        await self._call(self._asked, self._client.stopbuy)  # another name of /pause

    async def start(self) -> None:
        """Entries again, after a pause. Raises SourceError."""
        await self._call(self._asked, self._client.start)

    async def lock(self, until: datetime, reason: str) -> None:
        """No entries into any pair until then. Raises SourceError."""
        text = f"{until.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
        await self._call(self._asked, self._client.lock_add, "*", text, "*", reason)

    async def unlock(self, lock_id: int) -> None:
        """Take one lock away. Raises SourceError."""
        await self._call(self._asked, self._client.delete_lock, lock_id)

    async def cancel_open_order(self, trade_id: int) -> None:
        """Cancel what is open of a trade. Raises SourceError."""
        await self._call(self._asked, self._client.cancel_open_order, trade_id)

    async def force_exit(self, trade_id: int) -> None:
        """Sell all of a trade at market. Raises SourceError."""
        await self._call(self._asked, self._client.forceexit, trade_id, MARKET)

    def close(self) -> None:
        """Let go of the thread; a call that hangs in it ends by its own time-out."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    # -- in the loop ------------------------------------------------------------------------------

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if self._unfinished is not None and not self._unfinished.done():
            raise self._error(f"hangs: no answer for more than {self._patience_seconds:g} s")
        self._unfinished = None
        loop = asyncio.get_running_loop()
        asked = loop.run_in_executor(self._thread, function, *arguments)
        done, _ = await asyncio.wait({asked}, timeout=self._patience_seconds)
        if not done:
            self._unfinished = asked
            raise self._error(f"no whole answer within {self._patience_seconds:g} s")
        return asked.result()

    @property
    def _patience_seconds(self) -> float:
        return self._timeout_seconds * TIMEOUTS_OF_A_CALL

    # -- in the thread ----------------------------------------------------------------------------

    def _poll(self, known_name: str | None) -> BotSnapshot:
        began_at = self._clock.now()
        client = self._client
        config = self._read(ConfigAnswer, client.show_config, "show_config")
        problem = identity_problem(self.bot, config, known_name)
        if problem is not None:
            raise self._error(problem, "refused")
        try:
            # In this order: what is closed in between is then in both.
            status = read_status(self._asked(client.status))
            closed = self._closed.refresh(self._trades, began_at)
            locks = self._read(LocksAnswer, client.locks, "locks")
            return snapshot_of(
                self.bot,
                config,
                status,
                closed,
                locks,
                began_at=began_at,
                at=self._clock.now(),
                clock_skew_seconds=self._skew_seconds if self._tells_clock else None,
            )
        except SourceError as error:
            raise self._named(error) from None

    def _trades(self, limit: int, offset: int, by_id: bool) -> TradesAnswer:
        page: TradesAnswer = self._read(
            TradesAnswer, lambda: self._client.trades(limit, offset, by_id), "trades"
        )
        return page

    def _read(self, model: Any, ask: Callable[[], Any], what: str) -> Any:
        try:
            return read_answer(model, self._asked(ask), what)
        except SourceError as error:
            raise self._named(error) from None

    def _asked(self, ask: Callable[..., Any], *arguments: Any) -> Any:
        try:
            answer = ask(*arguments)
        except RequestException as error:
            raise self._error(_request_problem(error, self._timeout_seconds)) from None
        except ValueError:  # no JSON
            raise self._error("answers something that is not JSON", "malformed") from None
        if answer is None:
            raise self._error(f"{AWAY} at {self.bot.url}")
        problem = refusal_in(answer)
        if problem is not None:
            raise self._error(problem, "refused")
        return answer

    def _look_at_clock(self, response: Response, *_: Any, **__: Any) -> None:
        """HTTP's Date is in whole seconds, rounded down: on average half a second behind."""
        try:
            told = parsedate_to_datetime(response.headers.get("Date", ""))
        except (ValueError, TypeError):
            return
        now = self._clock.now()
        if told.tzinfo is not None:
            self._skew_seconds = (told - now).total_seconds() + 0.5

    def _named(self, error: SourceError) -> SourceError:
        prefix = f"bot {self.bot.name} "
        text = str(error)
        return error if text.startswith(prefix) else SourceError(prefix + text, error.kind)

    def _error(self, text: str, kind: str = "unavailable") -> SourceError:
        return SourceError(f"bot {self.bot.name} {text}", kind)


def _request_problem(error: RequestException, timeout_seconds: float) -> str:
    name = type(error).__name__
    if "Timeout" in name:
        return f"does not answer within {timeout_seconds:g} s"
    if "JSON" in name:
        return "answers something that is not JSON"
    return f"cannot be asked ({name})"
