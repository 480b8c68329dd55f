"""Coin Metrics: units, days, assets, pages, and what goes wrong."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from sidecars.common.observations import MS_PER_DAY, Reading
from sidecars.common.source_errors import SourceError
from sidecars.onchain.sources.coin_metrics import (
    ENTRY,
    PATH,
    CoinMetrics,
    next_page_token,
    read_asset_metrics,
)
from sidecars.replay.public_data.coin_metrics import STAND_IN
from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader
from tests.sidecars.onchain.scripted_fetcher import ScriptedFetcher, scripted_context

BTC = frozenset({"BTC"})
AUGUST_4_MS = 1_722_729_600_000
# 3 and 4 August 2024, as the community API answers.
RECORDED = b"""{"data":[
{"asset":"btc","time":"2024-08-03T00:00:00.000000000Z","AdrActCnt":"602123","FlowInExNtv":"21345.6789",
 "FlowOutExNtv":"19876.54321"},
{"asset":"btc","time":"2024-08-04T00:00:00.000000000Z","AdrActCnt":"651234","FlowInExNtv":"40111.5",
 "FlowOutExNtv":null}],
"next_page_token":"0.MjAyNC0wOC0wNFQwMDowMDowMFo",
"next_page_url":"https://elsewhere.example/v4/timeseries/asset-metrics?next_page_token=0.M"}"""


def row(**changes: Any) -> dict[str, Any]:
    time = "2024-08-04T00:00:00.000000000Z"
    return {"asset": "btc", "time": time, "FlowInExNtv": "1.5", **changes}


def answer(*rows: Any) -> bytes:
    return orjson.dumps({"data": list(rows)})


def test_values_count_at_the_end_of_their_day() -> None:
    batch = read_asset_metrics(RECORDED, NOW_MS, BTC)
    end_ms = AUGUST_4_MS + MS_PER_DAY
    assert batch.readings == (
        Reading("active_addresses:BTC", AUGUST_4_MS, AUGUST_4_MS, 602_123.0),
        Reading("exchange_inflow_coins:BTC", AUGUST_4_MS, AUGUST_4_MS, 21_345.6789),
        Reading("exchange_outflow_coins:BTC", AUGUST_4_MS, AUGUST_4_MS, 19_876.54321),
        Reading("active_addresses:BTC", end_ms, end_ms, 651_234.0),
        Reading("exchange_inflow_coins:BTC", end_ms, end_ms, 40_111.5),
    )
    assert batch.rejected == ()


def test_the_running_day_is_left_out_and_a_day_to_come_refused() -> None:
    running = row(time="2024-08-05T00:00:00.000000000Z")
    coming = row(time="2024-08-06T00:00:00.000000000Z")
    batch = read_asset_metrics(answer(row(), running, coming), NOW_MS, BTC)
    assert [each.as_of_ms for each in batch.readings] == [AUGUST_4_MS + MS_PER_DAY]
    assert len(batch.rejected) == 1 and "between 1970 and now" in batch.rejected[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"FlowInExNtv": 1.5},
        {"FlowInExNtv": True},
        {"FlowInExNtv": "-1.5"},
        {"FlowInExNtv": "nan"},
        {"FlowInExNtv": "1e90"},
        {"FlowInExNtv": "1,5"},
        {"asset": "eth"},
        {"asset": None},
        {"time": "2024-08-04"},
        {"time": "2024-02-30T00:00:00Z"},
        {"time": "2024-08-04T01:00:00Z"},
        {"time": 1_722_729_600},
    ],
)
def test_a_wrong_row_is_refused_and_the_others_stay(changes: dict[str, Any]) -> None:
    good = row(time="2024-08-03T00:00:00.000000000Z")
    batch = read_asset_metrics(answer(good, row(**changes)), NOW_MS, BTC)
    assert [each.as_of_ms for each in batch.readings] == [AUGUST_4_MS]
    assert len(batch.rejected) == 1
    with pytest.raises(SourceError) as caught:
        read_asset_metrics(answer(row(**changes)), NOW_MS, BTC)
    assert caught.value.kind == "malformed"


def test_a_second_value_of_a_day_is_refused() -> None:
    batch = read_asset_metrics(answer(row(), row(FlowInExNtv="2.5")), NOW_MS, BTC)
    assert [each.value for each in batch.readings] == [1.5]
    assert len(batch.rejected) == 1


def test_an_asset_that_lacks_everything_gives_nothing() -> None:
    assert read_asset_metrics(b'{"data":[]}', NOW_MS, BTC).readings == ()


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"data":{}}', b"no"])
def test_an_answer_of_another_shape_is_malformed(body: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        read_asset_metrics(body, NOW_MS, BTC)
    assert caught.value.kind == "malformed"


def test_reader_refuses_nonsense() -> None:
    fuzz_reader(lambda body: read_asset_metrics(body, NOW_MS, BTC), RECORDED, seed=11)


async def test_survives() -> None:
    await check_source_survives(ENTRY, STAND_IN)


async def test_pages_are_followed_on_our_own_address() -> None:
    def by_token(_: str, params: Mapping[str, str]) -> Any:
        if "next_page_token" in params:
            return answer(row())
        return RECORDED.replace(b"2024-08-04T", b"2024-08-02T")

    fetcher = ScriptedFetcher(by_token)
    batch = await CoinMetrics(scripted_context(fetcher, ("BTC",))).history(0, NOW_MS)
    assert len(batch.readings) == 6
    assert [path for path, _ in fetcher.asked] == [PATH, PATH]
    first, second = (params for _, params in fetcher.asked)
    assert second == {**first, "next_page_token": "0.MjAyNC0wOC0wNFQwMDowMDowMFo"}
    assert first["paging_from"] == "start" and first["start_time"] == "1970-01-01"


async def test_pages_without_an_end_are_malformed() -> None:
    fetcher = ScriptedFetcher(lambda *_: RECORDED)
    with pytest.raises(SourceError, match="without an end"):
        await CoinMetrics(scripted_context(fetcher, ("BTC",))).poll(NOW_MS)
    assert len(fetcher.asked) == 2


@pytest.mark.parametrize("token", [5, "", "x" * 501, "a\nb"])
def test_a_token_that_is_none_is_malformed(token: Any) -> None:
    with pytest.raises(SourceError, match="next_page_token"):
        next_page_token(orjson.dumps({"data": [], "next_page_token": token}))


async def test_a_refused_asset_costs_the_others_nothing_and_is_left_alone_for_a_day() -> None:
    def by_asset(_: str, params: Mapping[str, str]) -> Any:
        if params["assets"] == "sol":
            return SourceError("Coin Metrics: HTTP 403", "refused")
        return answer(row(asset=params["assets"]))

    fetcher = ScriptedFetcher(by_asset)
    source = CoinMetrics(scripted_context(fetcher, ("SOL", "BTC", "ETH")))
    batch = await source.poll(NOW_MS)
    series = [each.series for each in batch.readings]
    assert series == ["exchange_inflow_coins:BTC", "exchange_inflow_coins:ETH"]
    assert batch.rejected == ("SOL: Coin Metrics: HTTP 403",)
    assert (await source.poll(NOW_MS + 1000)).rejected == ()
    assert len(fetcher.asked) == 5
    assert len((await source.poll(NOW_MS + MS_PER_DAY)).rejected) == 1


async def test_a_source_that_is_down_is_not_asked_asset_by_asset() -> None:
    fetcher = ScriptedFetcher(lambda *_: SourceError("down", "unavailable"))
    with pytest.raises(SourceError) as caught:
        await CoinMetrics(scripted_context(fetcher)).poll(NOW_MS)
    assert caught.value.kind == "unavailable"
    assert len(fetcher.asked) == 1


async def test_when_every_asset_is_refused_the_source_refuses() -> None:
    fetcher = ScriptedFetcher(lambda *_: SourceError("HTTP 403", "refused"))
    source = CoinMetrics(scripted_context(fetcher))
    for _ in range(2):
        with pytest.raises(SourceError) as caught:
            await source.poll(NOW_MS)
        assert caught.value.kind == "refused"
    assert len(fetcher.asked) == 4


def test_the_licence_is_said() -> None:
    assert "CC BY-NC 4.0" in ENTRY.facts.licence and "Coin Metrics" in ENTRY.facts.licence
