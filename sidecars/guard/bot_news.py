"""Listens to a bot's messages, so that it is read at once when something happened.

An accelerator, never the truth: what a message says is not believed, only that it came.
"""

import asyncio
import logging
from collections.abc import Callable

import aiohttp
import orjson

from sidecars.guard.settings import BotSettings

logger = logging.getLogger(__name__)

TOPICS = ("entry", "entry_fill", "entry_cancel", "exit", "exit_fill", "exit_cancel", "startup")
FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 120.0
HEARTBEAT_SECONDS = 30.0
TIMEOUT = aiohttp.ClientTimeout(total=10.0)


class BotNews:
    """The messages of one bot. Run `run` as a task."""

    def __init__(
        self,
        bot: BotSettings,
        password: str,
        session: aiohttp.ClientSession,
        hurry: Callable[[], None],
        ws_token: str | None = None,
    ) -> None:
        """hurry: called with every message. ws_token: of the bot's messages; None: one is asked
        for with name and password."""
        self._bot = bot
        self._login = {"Authorization": aiohttp.encode_basic_auth(bot.username, password)}
        self._session = session
        self._hurry = hurry
        self._ws_token = ws_token
        self.is_connected = False

    async def run(self) -> None:
        """Listen, and connect again, until cancelled."""
        wait_seconds = FIRST_RETRY_SECONDS
        while True:
            try:
                heard = await self.listen()
            except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
                logger.debug(
                    "no messages", extra={"bot": self._bot.name, "error": type(error).__name__}
                )
                heard = False
            finally:
                self.is_connected = False
            wait_seconds = (
                FIRST_RETRY_SECONDS if heard else min(2.0 * wait_seconds, LONGEST_RETRY_SECONDS)
            )
            await asyncio.sleep(wait_seconds)

    async def listen(self) -> bool:
        """One connection to its end; whether anything was heard. Raises aiohttp.ClientError,
        TimeoutError, and ValueError, KeyError or TypeError for answers of another shape."""
        address = f"{self._bot.url}/api/v1/message/ws"
        token = await self._token()
        heard = False
        async with self._session.ws_connect(
            address, params={"token": token}, heartbeat=HEARTBEAT_SECONDS
        ) as connection:
            request = {"type": "subscribe", "data": list(TOPICS)}
            await connection.send_str(orjson.dumps(request).decode())
            self.is_connected = True
            async for message in connection:
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    break
                heard = True
                self._hurry()
        return heard

    async def _token(self) -> str:
        if self._ws_token is not None:
            return self._ws_token
        address = f"{self._bot.url}/api/v1/token/login"
        async with self._session.post(address, headers=self._login, timeout=TIMEOUT) as response:
            response.raise_for_status()
            return str(orjson.loads(await response.read())["access_token"])
