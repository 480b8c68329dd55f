"""The real ccxt against a local Luno: quotes, candles, balances, and nothing but GETs."""

from collections.abc import AsyncIterator
from pathlib import Path

import ccxt
import pytest
from aiohttp import web

from sidecars.common.settings_file import SettingsError
from sidecars.common.source_errors import SourceError
from sidecars.confluence import ccxt_exchange
from sidecars.confluence.candles import MS_PER_DAY
from sidecars.confluence.monitor.luno import LUNO, LunoKey, Markets, read_luno_key
from tests.sidecars.confluence.monitor.local_luno import KEY, SECRET, LocalLuno, running_luno

NOW_MS = 19_800 * MS_PER_DAY + MS_PER_DAY // 2
WANTED = ["BTC/MYR", "ETH/MYR"]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_exchange, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(ccxt_exchange, "LONGEST_WAIT_SECONDS", 0.002)


@pytest.fixture
async def server() -> AsyncIterator[LocalLuno]:
    async with running_luno(LocalLuno(NOW_MS)) as running:
        yield running


@pytest.fixture
async def luno(server: LocalLuno) -> AsyncIterator[Markets]:
    markets = Markets(LUNO, server.luno_config, 0.5)
    yield markets
    await markets.close()


@pytest.fixture
async def with_key(server: LocalLuno) -> AsyncIterator[Markets]:
    markets = Markets(LUNO, server.luno_config, 0.5, LunoKey(KEY, SECRET))
    yield markets
    await markets.close()


async def test_quotes_of_btc_are_those_of_lunos_xbt(server: LocalLuno, luno: Markets) -> None:
    quotes = await luno.quotes(WANTED, NOW_MS)
    assert {name: each.value for name, each in quotes.by_market.items()} == {
        "BTC/MYR": 282_000.0,
        "ETH/MYR": 14_100.0,
    }
    assert quotes.rejected == []
    assert await luno.quotes([], NOW_MS)
    assert {path for _, path in server.requests} == {"/api/exchange/1/markets", "/api/1/tickers"}


async def test_the_liquid_exchange_is_asked_in_the_same_way(server: LocalLuno) -> None:
    binance = Markets("binance", server.binance_config, 0.5)
    quotes = await binance.quotes(["SOL/USDT"], NOW_MS)
    assert quotes.by_market["SOL/USDT"].value == 100.0
    assert quotes.by_market["SOL/USDT"].as_of_ms == NOW_MS
    await binance.close()


async def test_one_wrong_market_is_said_and_the_others_stand(
    server: LocalLuno, luno: Markets
) -> None:
    server.changes["ETHMYR"] = {"last_trade": "-5"}
    quotes = await luno.quotes([*WANTED, "DOGE/MYR"], NOW_MS)
    assert list(quotes.by_market) == ["BTC/MYR"]
    assert len(quotes.rejected) == 2
    assert any("no market DOGE/MYR" in line for line in quotes.rejected)


@pytest.mark.parametrize(
    "body",
    ["null", "[]", "{}", '{"tickers": 5}', '{"tickers": [1]}', "<html>", '{"tickers": [{}]}'],
)
async def test_an_answer_that_is_none_is_an_error(
    server: LocalLuno, luno: Markets, body: str
) -> None:
    def instead(path: str) -> web.StreamResponse | None:
        return web.Response(text=body) if path.endswith("tickers") else None

    server.trouble = instead
    with pytest.raises(SourceError) as caught:
        await luno.quotes(WANTED, NOW_MS)
    assert "\n" not in str(caught.value)


async def test_what_passes_is_tried_again(server: LocalLuno, luno: Markets) -> None:
    left = [2]

    def busy(path: str) -> web.StreamResponse | None:
        if not path.endswith("tickers") or left[0] == 0:
            return None
        left[0] -= 1
        return web.json_response({"error": "x", "error_code": "ErrTooManyRequests"}, status=429)

    server.trouble = busy
    assert len((await luno.quotes(WANTED, NOW_MS)).by_market) == 2


async def test_daily_candles_need_the_key(
    server: LocalLuno, luno: Markets, with_key: Markets
) -> None:
    today_ms = NOW_MS - NOW_MS % MS_PER_DAY
    server.candles["XBTMYR"] = [
        (today_ms - back * MS_PER_DAY, 280_000.0 + back) for back in (3, 2, 1, 0)
    ]
    candles = await with_key.daily_candles("BTC/MYR", today_ms - 5 * MS_PER_DAY, NOW_MS)
    assert candles.close.tolist() == [280_003.0, 280_002.0, 280_001.0]  # not the day that forms
    with pytest.raises(SourceError, match="apiKey"):
        await luno.daily_candles("BTC/MYR", today_ms - 5 * MS_PER_DAY, NOW_MS)


async def test_balances_in_all_and_only_what_is_there(with_key: Markets) -> None:
    assert await with_key.balances() == {"BTC": 0.4, "MYR": 250.0}


@pytest.mark.parametrize("amount", ["-1", "much", None])
async def test_a_balance_that_is_none_is_an_error(
    server: LocalLuno, with_key: Markets, amount: object
) -> None:
    server.balance = [{"asset": "XBT", "balance": amount, "reserved": "0", "unconfirmed": "0"}]
    with pytest.raises(SourceError, match="balances"):
        await with_key.balances()


async def test_no_error_shows_the_key(server: LocalLuno) -> None:
    wrong = LunoKey(KEY, "another-secret")
    markets = Markets(LUNO, server.luno_config, 0.5, wrong)
    server.trouble = lambda path: (
        web.Response(status=403, text=f"no {KEY} another-secret") if "balance" in path else None
    )
    with pytest.raises(SourceError) as caught:
        await markets.balances()
    await markets.close()
    assert "another-secret" not in str(caught.value)
    assert KEY not in str(caught.value)
    assert "another-secret" not in repr(wrong)


async def test_an_order_is_refused_before_anything_is_sent(
    server: LocalLuno, with_key: Markets
) -> None:
    await with_key.quotes(WANTED, NOW_MS)
    sent = len(server.requests)
    api = with_key._exchange
    for order in (
        api.create_order("BTC/MYR", "limit", "sell", 0.1, 300_000),
        api.create_order("BTC/MYR", "market", "buy", 0.1, 300_000),
        api.cancel_order("x"),
        api.private_post_send({"amount": "1"}),
    ):
        with pytest.raises(ccxt.PermissionDenied, match="only reads"):
            await order
    assert len(server.requests) == sent
    assert {method for method, _ in server.requests} == {"GET"}


def test_the_key_comes_from_the_environment_or_from_files(tmp_path: Path) -> None:
    assert read_luno_key({}) is None
    both = {"AQUATRADE_LUNO_KEY": KEY, "AQUATRADE_LUNO_SECRET": SECRET}
    assert read_luno_key(both) == LunoKey(KEY, SECRET)
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    in_file = {"AQUATRADE_LUNO_KEY": KEY, "AQUATRADE_LUNO_SECRET_FILE": str(tmp_path / "secret")}
    assert read_luno_key(in_file) == LunoKey(KEY, SECRET)
    with pytest.raises(SettingsError, match="AQUATRADE_LUNO_SECRET"):
        read_luno_key({"AQUATRADE_LUNO_KEY": KEY})
