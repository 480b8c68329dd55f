"""The stand-ins of the market sources: repeatable, smooth, and true to their own facts."""

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE
from sidecars.replay.public_data import (
    alpha_vantage,
    alternative_me,
    coingecko,
    lunarcrush,
    yahoo,
)
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest
from sidecars.replay.public_data.smooth_values import (
    header_of,
    value_between,
    wave,
    whole_number_of,
)
from sidecars.sentiment.sources.yahoo import read_bars
from tests.sidecars.common.adapter_checks import NOW_MS

BROWSER = {"user-agent": "Mozilla/5.0 (X11)"}
BEARER = {"authorization": "Bearer a-key"}
MOMENTS = st.integers(1_577_836_800_000, 1_893_456_000_000)


def ask(
    stand_in: StandIn,
    route: str,
    query: Mapping[str, str] | None = None,
    *,
    now_ms: int = NOW_MS,
    match: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> StandInAnswer:
    """What a route answers."""
    request = StandInRequest(now_ms, route, match or {}, query or {}, headers or {})
    return stand_in.routes[route](request)


def chart(symbol: str, now_ms: int, headers: Mapping[str, str] = BROWSER) -> StandInAnswer:
    """Five days of bars."""
    return ask(
        yahoo.STAND_IN,
        "/v8/finance/chart/{symbol}",
        {"interval": "15m", "range": "5d"},
        now_ms=now_ms,
        match={"symbol": symbol},
        headers=headers,
    )


@given(st.text(max_size=20), MOMENTS)
def test_waves_are_repeatable_bounded_and_smooth(seed: str, moment_ms: int) -> None:
    value = wave(seed, moment_ms)
    assert value == wave(seed, moment_ms)
    assert -1.0 <= value <= 1.0
    assert abs(wave(seed, moment_ms + MS_PER_MINUTE) - value) < 0.005
    assert 3.0 <= value_between(seed, moment_ms, 3.0, 4.0) <= 4.0


def test_waves_of_different_seeds_differ() -> None:
    assert len({round(wave(str(seed), NOW_MS), 6) for seed in range(50)}) == 50


def test_queries_and_headers_that_are_none() -> None:
    assert whole_number_of({"days": "12"}, "days", 1) == 12
    for text in ("", "-1", "x", "\u0661", "9" * 20):
        assert whole_number_of({"days": text}, "days", 1) == 1
    assert header_of({"User-AGENT": "a"}, "user-agent") == "a"
    assert header_of({}, "user-agent") == ""


def fear_greed(now_ms: int) -> Any:
    return json.loads(ask(alternative_me.STAND_IN, "/fng/", {"limit": "3"}, now_ms=now_ms).body)


@given(MOMENTS)
def test_fear_and_greed_of_a_day_stays_as_it_was(moment_ms: int) -> None:
    today, tomorrow = fear_greed(moment_ms)["data"], fear_greed(moment_ms + MS_PER_DAY)["data"]
    named = [(day["timestamp"], day["value"], day["value_classification"]) for day in today]
    later = [(day["timestamp"], day["value"], day["value_classification"]) for day in tomorrow]
    assert named[:2] == later[1:]
    assert int(today[0]["timestamp"]) * 1000 <= moment_ms


def test_fear_and_greed_has_all_days_for_limit_0() -> None:
    body = ask(alternative_me.STAND_IN, "/fng/", {"limit": "0"}).body
    days = json.loads(body)["data"]
    assert days[-1]["timestamp"] == "1517443200"
    assert len(days) == (NOW_MS - 1_517_443_200_000) // MS_PER_DAY + 1


@pytest.mark.parametrize(
    ("days", "step_ms"), [(1, 5 * MS_PER_MINUTE), (90, MS_PER_HOUR), (365, MS_PER_DAY)]
)
def test_the_chart_is_as_fine_as_documented(days: int, step_ms: int) -> None:
    answer = ask(coingecko.STAND_IN, "/api/v3/coins/bitcoin/market_chart", {"days": str(days)})
    times = [moment_ms for moment_ms, _ in json.loads(answer.body)["prices"]]
    steps = {second - first for first, second in itertools.pairwise(times[:-1])}
    assert steps == {step_ms}
    assert times[-1] == NOW_MS
    assert NOW_MS - times[0] <= days * MS_PER_DAY


def test_more_than_a_year_is_refused() -> None:
    answer = ask(coingecko.STAND_IN, "/api/v3/coins/bitcoin/market_chart", {"days": "366"})
    assert answer.status == 401
    assert json.loads(answer.body)["error"]["status"]["error_code"] == 10012


def test_dominance_capitalisation_and_price_agree() -> None:
    now_ms = NOW_MS - NOW_MS % coingecko.GLOBAL_RENEWED_MS
    whole = json.loads(ask(coingecko.STAND_IN, "/api/v3/global", now_ms=now_ms).body)["data"]
    query = {"ids": "bitcoin", "vs_currencies": "usd"}
    price = json.loads(ask(coingecko.STAND_IN, "/api/v3/simple/price", query, now_ms=now_ms).body)
    own_usd = whole["total_market_cap"]["usd"] * whole["market_cap_percentage"]["btc"] / 100
    assert own_usd == pytest.approx(price["bitcoin"]["usd"] * coingecko.BITCOINS)


@pytest.mark.parametrize("symbol", ["ES=F", "DX-Y.NYB", "^TNX"])
def test_charts_of_every_hour_of_a_week_are_read(symbol: str) -> None:
    series = {"ES=F": "sp500", "DX-Y.NYB": "dollar_index", "^TNX": "us10y_yield_pct"}[symbol]
    for hour in range(0, 168, 5):
        now_ms = NOW_MS + hour * MS_PER_HOUR
        batch = read_bars(chart(symbol, now_ms).body, now_ms, series)
        assert batch.rejected == ()
        assert len(batch.readings) > 50
        assert now_ms - max(each.as_of_ms for each in batch.readings) < 3 * MS_PER_DAY


def test_bars_have_holes_and_end_with_the_last_trade() -> None:
    result = json.loads(chart("ES=F", NOW_MS).body)["chart"]["result"][0]
    closes = result["indicators"]["quote"][0]["close"]
    assert None in closes
    assert result["timestamp"][-1] == result["meta"]["regularMarketTime"] == NOW_MS // 1000 - 600


@pytest.mark.parametrize(
    ("symbol", "headers", "status"), [("ES=F", {}, 429), ("NOSUCH", BROWSER, 404)]
)
def test_charts_are_refused_as_yahoo_does(
    symbol: str, headers: Mapping[str, str], status: int
) -> None:
    assert chart(symbol, NOW_MS, headers).status == status


def treasury(now_ms: int, **changed: str) -> Any:
    query = {
        "function": "TREASURY_YIELD", "interval": "daily", "maturity": "10year", "apikey": "a-key",
        **changed,
    }  # fmt: skip
    return json.loads(ask(alpha_vantage.STAND_IN, "/query", query, now_ms=now_ms).body)


@pytest.mark.parametrize(
    ("hours", "newest"),
    [
        (0, "2024-08-01"),  # Monday 14:37: Friday's value comes at 21:00
        (7, "2024-08-02"),
        (24, "2024-08-02"),
        (31, "2024-08-05"),
        (5 * 24, "2024-08-08"),  # on Saturday: Thursday's, told on Friday
    ],
)
def test_a_yield_is_there_once_it_was_published(hours: int, newest: str) -> None:
    assert treasury(NOW_MS + hours * MS_PER_HOUR)["data"][0]["date"] == newest


def test_yields_have_closed_days_and_keys() -> None:
    values = {row["date"]: row["value"] for row in treasury(NOW_MS)["data"]}
    assert values["2024-07-04"] == "."
    assert "2024-07-06" not in values
    assert "Error Message" in treasury(NOW_MS, apikey="")
    assert "Error Message" in treasury(NOW_MS, function="SPY")


def coins(limit: str, headers: Mapping[str, str]) -> StandInAnswer:
    return ask(lunarcrush.STAND_IN, "/api4/public/coins/list/v2", {"limit": limit}, headers=headers)


def test_coins_need_a_key_and_share_a_symbol() -> None:
    assert coins("1000", {}).status == 401
    listed = json.loads(coins("1000", BEARER).body)["data"]
    assert [coin["market_cap_rank"] for coin in listed if coin["symbol"] == "BTC"] == [1, 21]
    assert len(json.loads(coins("10", BEARER).body)["data"]) == 10


def days(coin: str, headers: Mapping[str, str]) -> StandInAnswer:
    return ask(
        lunarcrush.STAND_IN,
        "/api4/public/coins/{coin}/time-series/v2",
        {"bucket": "day"},
        match={"coin": coin},
        headers=headers,
    )


def test_the_days_of_a_coin_end_where_its_list_is() -> None:
    midnight_ms = NOW_MS - NOW_MS % MS_PER_DAY
    series = json.loads(days("eth", BEARER).body)["data"]
    listed = ask(
        lunarcrush.STAND_IN,
        "/api4/public/coins/list/v2",
        {"limit": "2"},
        now_ms=midnight_ms,
        headers=BEARER,
    )
    assert series[-2]["time"] * 1000 == midnight_ms - MS_PER_DAY
    assert series[-2]["posts_active"] == json.loads(listed.body)["data"][1]["social_volume_24h"]
    assert days("NOSUCH", BEARER).status == 404
    assert days("ETH", {}).status == 401


ANSWERS: Mapping[str, Callable[[int], StandInAnswer]] = {
    "fear_greed": lambda now_ms: ask(alternative_me.STAND_IN, "/fng/", now_ms=now_ms),
    "global": lambda now_ms: ask(coingecko.STAND_IN, "/api/v3/global", now_ms=now_ms),
    "chart": lambda now_ms: chart("^TNX", now_ms),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_same_moment_gives_the_same_answer_and_another_day_another(name: str) -> None:
    assert ANSWERS[name](NOW_MS) == ANSWERS[name](NOW_MS)
    assert ANSWERS[name](NOW_MS) != ANSWERS[name](NOW_MS + MS_PER_DAY)
