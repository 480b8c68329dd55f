"""A whole guard over fake bots, all over real HTTP and on the machine's own clock."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from aquatrade.risk.profile import RiskProfile
from sidecars.common.clock import SystemClock
from sidecars.common.running import listening
from sidecars.guard.fleet import Rules
from sidecars.guard.guard import Guard
from sidecars.guard.pages import add_guard_pages
from sidecars.guard.routes import make_app
from sidecars.guard.service import BotAccess, GuardService, keep_up, opened
from sidecars.guard.settings import GuardSettings
from tests.sidecars.guard.fake_bot import PASSWORD, USER, FakeBot

TOKEN = "a-token-of-sixteen-letters"
BOT_TOKEN = "another-token-for-the-bots"
PATIENCE_SECONDS = 15.0
NOW = SystemClock().now


@dataclass
class Running:
    """A guard that answers, its bots, and a session that may ask."""

    service: GuardService
    bots: Mapping[str, FakeBot]
    session: aiohttp.ClientSession
    url: str
    port: int

    @property
    def guard(self) -> Guard:
        return self.service.guard

    async def get(self, path: str, status: int = 200) -> Any:
        async with self.session.get(f"{self.url}{path}") as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def post(self, path: str, content: object, status: int = 200) -> Any:
        async with self.session.post(f"{self.url}{path}", json=content) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def check(self, bot: str = "dip", **changes: object) -> Any:
        return await self.post("/v1/checks", check_body(bot, **changes))

    async def state(self) -> str:
        return str((await self.get("/v1/state"))["state"])

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until it is so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_so():  # noqa: ASYNC110 - what is waited for happens in many places
                await asyncio.sleep(0.02)

    async def until_active(self) -> None:
        await self.until(lambda: self.guard.state().state.value == "ACTIVE")


def check_body(bot: str = "dip", **changes: object) -> dict[str, object]:
    """The body of a check that nothing speaks against."""
    candle = NOW().replace(second=0, microsecond=0)
    return {
        "bot": bot,
        "process": "p1",
        "dry_run": True,  # as the fake bots are
        "exchange": "binance",
        "family": "dip",
        "pair": "BTC/USDT",
        "side": "long",
        "stake": 100.0,
        "rate": 100.0,
        "stop_rate": 95.0,
        "leverage": 1.0,
        "cost_rate": 0.001,
        "is_increase": False,
        "score": 71.0,
        "min_stake": 5.0,
        "candle": candle.isoformat().replace("+00:00", "Z"),
        "tag": "dip",
        "signal_until": (candle + timedelta(minutes=10)).isoformat().replace("+00:00", "Z"),
        **changes,
    }


async def started(names: tuple[str, ...] = ("dip", "sma")) -> dict[str, FakeBot]:
    return {name: await FakeBot(NOW, name).start() for name in names}


def rules_over(
    bots: Mapping[str, FakeBot],
    database: Path,
    profile: Mapping[str, Any] | None = None,
    stages: Mapping[str, str] | None = None,
    **settings: Any,
) -> Rules:
    content = {
        "bots": [
            {
                "name": name,
                "url": bot.url,
                "username": USER,
                "stage": (stages or {}).get(name, "live"),
                "allotment": 1000.0,
                "family": name,
            }
            for name, bot in bots.items()
        ],
        "capital": 5000.0,
        "profile_files": ["risk.json"],
        "database_url": f"sqlite:///{database}",
        "poll_seconds": 0.3,
        "reconcile_seconds": 1.0,
        "kill_file_seconds": 0.1,
        **settings,
    }
    limits = {"name": "test", "valve_minutes": 60.0, "max_clock_skew_seconds": 5.0}
    return Rules(
        GuardSettings.model_validate(content),
        RiskProfile.model_validate({**limits, **(profile or {})}),
    )


@contextlib.asynccontextmanager
async def running(
    rules: Rules, bots: Mapping[str, FakeBot], environment: Mapping[str, str] | None = None
) -> AsyncIterator[Running]:
    """The guard inside of the block."""
    access = BotAccess(dict.fromkeys(bots, PASSWORD))
    async with opened(rules, access, environment or {}) as service:
        app = make_app(service.guard, TOKEN, service.time, BOT_TOKEN)
        add_guard_pages(app, service.guard, TOKEN, service.time.clock)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            listening(app, "127.0.0.1", 0) as port,
            aiohttp.ClientSession(headers=headers) as session,
        ):
            keeping = asyncio.create_task(keep_up(service))
            try:
                yield Running(service, bots, session, f"http://127.0.0.1:{port}", port)
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
