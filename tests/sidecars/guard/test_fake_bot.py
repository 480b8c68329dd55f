"""The fake bot of these tests answers in the shapes of the freqtrade that is installed."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from freqtrade.rpc.api_server.api_schemas import (
    Locks,
    OpenTradeSchema,
    ShowConfig,
    TradeResponse,
    WhitelistResponse,
)
from freqtrade_client import FtRestClient
from pydantic import TypeAdapter

from tests.sidecars.guard.fake_bot import PASSWORD, USER, FakeBot

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


@pytest.fixture
async def bot() -> AsyncIterator[FakeBot]:
    fake = await FakeBot(lambda: NOW).start()
    first = fake.enter("BTC/USDT", 100.0, 50_000.0, stop_rate=47_000.0)
    fake.close(first, 3.5)
    fake.enter("ETH/USDT", 100.0, 3_000.0, filled=False)
    fake.enter("SOL/USDT", 50.0, 150.0)
    fake.lock("*", NOW + timedelta(hours=1), "a reason")
    yield fake
    await fake.stop()


async def said(bot: FakeBot, path: str) -> Any:
    headers = {"Authorization": aiohttp.encode_basic_auth(USER, PASSWORD)}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{bot.url}/api/v1/{path}") as answer,
    ):
        return json.loads(await answer.read())


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("status", list[OpenTradeSchema]),
        ("trades", TradeResponse),
        ("locks", Locks),
        ("show_config", ShowConfig),
        ("whitelist", WhitelistResponse),
    ],
)
async def test_answers_have_freqtrades_shapes(bot: FakeBot, path: str, schema: Any) -> None:
    answer = await said(bot, path)
    assert answer
    TypeAdapter(schema).validate_python(answer)


def test_client_has_the_methods_that_are_used() -> None:
    names = ("show_config", "status", "trades", "locks", "whitelist", "lock_add", "delete_lock",
             "cancel_open_order", "forceexit")  # fmt: skip
    assert all(callable(getattr(FtRestClient, name)) for name in names)
