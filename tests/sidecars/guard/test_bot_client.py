"""A bot over real HTTP: what its answers become, and one clear line for every way to fail."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from aquatrade.risk.model import Side
from sidecars.common.source_errors import SourceError
from sidecars.guard.bot_client import BotClient
from sidecars.guard.settings import BotSettings
from tests.sidecars.common.jumping_clock import JumpingClock
from tests.sidecars.guard.fake_bot import PASSWORD, USER, FakeBot

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


@pytest.fixture
async def bot() -> AsyncIterator[FakeBot]:
    fake = await FakeBot(lambda: NOW).start()
    yield fake
    await fake.stop()


def client_of(bot: FakeBot, timeout: float = 5.0, **more: str) -> BotClient:
    settings = BotSettings.model_validate(
        {"name": "dip", "url": bot.url, "username": USER, "allotment": 1000.0, **more}
    )
    return BotClient(settings, PASSWORD, JumpingClock(NOW), timeout_seconds=timeout)


async def test_poll_of_a_bot_that_trades(bot: FakeBot) -> None:
    bot.close(bot.enter("BTC/USDT", 100.0, 50_000.0), -4.0, "stop_loss")
    held = bot.enter("ETH/USDT", 300.0, 3_000.0, stop_rate=2_900.0)
    bot.add_order(held, 150.0, 2_950.0)
    bot.enter("SOL/USDT", 60.0, 150.0, filled=False)
    bot.rates["ETH/USDT"] = 3_100.0
    seen = await client_of(bot).poll(None)
    eth, sol = seen.trades
    assert eth.amount == pytest.approx(0.1)
    assert (eth.stake, eth.stop_rate) == (300.0, 2_900.0)
    assert eth.pending_stake == pytest.approx(150.0)
    assert eth.unrealized_profit == pytest.approx(10.0 - 0.001 * 610.0)
    assert (sol.amount, sol.stake) == (0.0, 0.0)
    assert sol.pending_stake == pytest.approx(60.0)
    assert sol.unrealized_profit == 0.0
    assert (seen.closed_count, seen.closed_profit) == (1, -4.0)
    assert seen.closed[0].was_stopped
    assert seen.at_stake == pytest.approx(510.0)
    assert [entry.pair for entry in seen.entries].count("ETH/USDT") == 2
    assert len(seen.entries) == 4


async def test_short_with_leverage_and_partial_fill(bot: FakeBot) -> None:
    number = bot.enter("BTC/USDT:USDT", 100.0, 50_000.0, filled=False, is_short=True, leverage=3.0)
    bot.trades[number]["orders"][0]["filled"] = 0.002
    seen = (await client_of(bot).poll(None)).trades[0]
    assert seen.side is Side.SHORT
    assert seen.amount == pytest.approx(0.002)
    assert seen.stake == pytest.approx(0.002 * 50_000.0 / 3.0)
    assert seen.stake + seen.pending_stake == pytest.approx(100.0)


async def test_trade_that_closes_between_two_answers_counts_once(bot: FakeBot) -> None:
    number = bot.enter("BTC/USDT", 100.0, 50_000.0)
    both = dict(bot.trades)
    bot.close(number, 5.0)
    bot.trades = {**both, number: {**both[number], "is_open": True}}
    seen = await client_of(bot).poll(None)
    assert (seen.trades, seen.profit) == ((), 5.0)


async def test_price_that_the_bot_does_not_know(bot: FakeBot) -> None:
    bot.enter("BTC/USDT", 100.0, 50_000.0)
    bot.rates["BTC/USDT"] = None
    seen = await client_of(bot).poll(None)
    assert (seen.trades[0].current_rate, seen.unpriced) == (None, ("BTC/USDT",))


async def test_closed_trades_are_paged_once_and_then_only_the_new_ones(bot: FakeBot) -> None:
    seconds = itertools.count()
    bot.now = lambda: NOW - timedelta(days=1) + timedelta(seconds=next(seconds))
    for _ in range(1203):
        bot.close(bot.enter("BTC/USDT", 10.0, 50_000.0), 1.0)
    client = client_of(bot)
    assert (await client.poll(None)).closed_profit == 1203.0
    pages = [call for call in bot.calls if call[1].endswith("/trades")]
    assert len(pages) == 3
    bot.close(bot.enter("BTC/USDT", 10.0, 50_000.0), 1.0)
    seen = await client.poll(None)
    assert (seen.closed_count, seen.closed_profit) == (1204, 1204.0)
    assert len([call for call in bot.calls if call[1].endswith("/trades")]) == 4
    again = await client.poll(None)
    assert again.closed is seen.closed, "nothing is worked out again"
    del bot.closed[600]
    assert (await client.poll(None)).closed_profit == 1203.0, "one was deleted"


async def test_clock_of_the_bot_is_compared(bot: FakeBot) -> None:
    bot.now = lambda: NOW + timedelta(seconds=40)
    assert (await client_of(bot).poll(None)).clock_skew_seconds == pytest.approx(40.5)


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("unauthorized", "refuses user name and password"),
        ("garbage", "answers what it should not: show_config: bot_name"),
        ("html", "answers something that is not JSON"),
        ("not_trading", "refuses: Bot is not in the correct state."),
        ("error", "refuses: Error querying /api/v1/show_config: broken"),
        ("hang", "does not answer within 0.3 s"),
    ],
)
async def test_every_way_to_fail_is_one_clear_line(bot: FakeBot, mode: str, words: str) -> None:
    bot.mode = mode
    with pytest.raises(SourceError) as caught:
        await client_of(bot, timeout=0.3).poll(None)
    assert str(caught.value).startswith("bot dip ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_bot_that_is_not_there(bot: FakeBot) -> None:
    url = bot.url
    await bot.stop()
    with pytest.raises(SourceError, match=f"bot dip cannot be reached at {url}"):
        await client_of(bot).poll(None)


@pytest.mark.parametrize(
    ("change", "known", "words"),
    [
        ({"name": "sma"}, "dip", "calls itself 'sma', expected 'dip'"),
        ({"exchange": "kraken"}, None, "trades on 'kraken', expected binance"),
        ({"runmode": "webserver"}, None, "is in run mode 'webserver', expected live or dry_run"),
    ],
)
async def test_another_bot_at_the_same_address(
    bot: FakeBot, change: dict[str, str], known: str | None, words: str
) -> None:
    for name, value in change.items():
        setattr(bot, name, value)
    with pytest.raises(SourceError, match=words):
        await client_of(bot).poll(known)


async def test_new_name_that_is_set_is_right(bot: FakeBot) -> None:
    bot.name = "sma"
    assert (await client_of(bot, bot_name="sma").poll("dip")).bot_name == "sma"


@pytest.mark.parametrize(
    "damage",
    [
        {"amount": "much"}, {"pair": None}, {"open_rate": 0}, {"open_timestamp": 10**30},
        {"orders": [{"order_id": 1}]}, {"stake_amount": -5.0}, {"trade_id": None},
    ],
)  # fmt: skip
async def test_trade_that_makes_no_sense_is_no_empty_book(
    bot: FakeBot, damage: dict[str, object]
) -> None:
    bot.trades[bot.enter("BTC/USDT", 100.0, 50_000.0)].update(damage)
    with pytest.raises(SourceError, match="bot dip "):
        await client_of(bot).poll(None)


async def test_hanging_bot_is_asked_no_more_meanwhile(bot: FakeBot) -> None:
    client = client_of(bot, timeout=0.2)
    bot.mode = "hang"
    with pytest.raises(SourceError, match="does not answer"):
        await client.poll(None)
    bot.mode = "ok"
    assert (await client.poll(None)).bot == "dip"


async def test_acts_reach_the_bot(bot: FakeBot) -> None:
    client = client_of(bot)
    held, entering = (
        bot.enter("BTC/USDT", 100.0, 50_000.0),
        bot.enter("ETH/USDT", 100.0, 3_000.0, filled=False),
    )
    await client.lock(NOW + timedelta(days=1), "guard: why")
    lock = (await client.poll(None)).locks[0]
    assert (lock.pair, lock.reason) == ("*", "guard: why")
    assert lock.until >= NOW + timedelta(days=1)
    await client.unlock(lock.lock_id)
    await client.cancel_open_order(entering)
    await client.force_exit(held)
    seen = await client.poll(None)
    assert (seen.locks, seen.trades, seen.closed_count) == ((), (), 1)
    content = {"tradeid": held, "ordertype": "market", "amount": None}
    assert ("POST", "/api/v1/forceexit", content) in bot.calls
    with pytest.raises(SourceError, match="refuses: Error querying"):
        await client.force_exit(held)


async def test_plain_answers_for_others(bot: FakeBot) -> None:
    bot.close(bot.enter("BTC/USDT", 10.0, 50_000.0), 1.0)
    client = client_of(bot)
    assert (await client.get("whitelist"))["whitelist"] == bot.whitelist
    page = await client.get("trades", limit=5, offset=0, order_by_id="false")
    assert page["total_trades"] == 1
