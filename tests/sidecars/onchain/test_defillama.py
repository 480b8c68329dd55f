"""DefiLlama: both charts, their days and units, and what goes wrong."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from sidecars.common.observations import MS_PER_DAY, Reading
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, SourceEntry
from sidecars.onchain.sources.defillama import (
    ENTRIES,
    ENTRY,
    STABLECOINS_ENTRY,
    read_stablecoin_supply,
    read_tvl,
)
from sidecars.replay.public_data.defillama import STABLECOINS_STAND_IN, STAND_IN
from sidecars.replay.public_data.model import StandIn
from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader
from tests.sidecars.onchain.scripted_fetcher import ScriptedFetcher, scripted_context

AUGUST_4 = 1_722_729_600
DAY = 86_400
# 3 and 4 August 2024 and the running day, as the two hosts answer.
RECORDED_TVL = b"""[{"date":1722643200,"tvl":84900000000},{"date":1722729600,"tvl":81234567890.5},
{"date":1722816000,"tvl":76000000000}]"""
RECORDED_STABLECOINS = b"""[
{"date":"1722643200","totalCirculating":{"peggedUSD":164000000000.1,"peggedEUR":295000000},
 "totalUnreleased":{"peggedUSD":3100000000},
 "totalCirculatingUSD":{"peggedUSD":163900000000.7,"peggedEUR":321000000},
 "totalMintedUSD":{"peggedUSD":170000000000},"totalBridgedToUSD":{"peggedUSD":5000000000}},
{"date":"1722729600","totalCirculating":{"peggedUSD":164100000000},
 "totalCirculatingUSD":{"peggedUSD":164000000000,"peggedEUR":321000000}},
{"date":"1722816000","totalCirculatingUSD":{"peggedUSD":1}}]"""

GOOD_TVL = [{"date": AUGUST_4 - DAY, "tvl": 5e10}, {"date": AUGUST_4, "tvl": 6e10}]

Reader = Callable[..., Batch]
READERS = [
    pytest.param(read_tvl, RECORDED_TVL, id="tvl"),
    pytest.param(read_stablecoin_supply, RECORDED_STABLECOINS, id="stablecoins"),
]


def test_tvl_counts_at_the_end_of_its_day_and_the_running_day_is_left_out() -> None:
    batch = read_tvl(RECORDED_TVL, NOW_MS)
    first_ms, second_ms = AUGUST_4 * 1000, (AUGUST_4 + DAY) * 1000
    assert batch == Batch(
        readings=(
            Reading("defi_tvl_usd", first_ms, first_ms, 84_900_000_000.0),
            Reading("defi_tvl_usd", second_ms, second_ms, 81_234_567_890.5),
        )
    )
    assert all(type(each.value) is float for each in batch.readings)


def test_an_answer_of_yesterday_tells_no_last_value_of_the_day_that_ran_then() -> None:
    batch = read_tvl(orjson.dumps(GOOD_TVL), NOW_MS)
    assert [each.value for each in batch.readings] == [5e10]


def test_supply_is_that_of_dollar_stablecoins_in_usd() -> None:
    batch = read_stablecoin_supply(RECORDED_STABLECOINS, NOW_MS)
    assert [(each.series, each.value) for each in batch.readings] == [
        ("stablecoin_supply_usd", 163_900_000_000.7),
        ("stablecoin_supply_usd", 164_000_000_000.0),
    ]
    assert batch.rejected == ()


@pytest.mark.parametrize(("reader", "recorded"), READERS)
def test_only_days_that_ended_since_are_told(reader: Reader, recorded: bytes) -> None:
    assert len(reader(recorded, NOW_MS, (AUGUST_4 + DAY) * 1000).readings) == 1
    assert len(reader(recorded, NOW_MS, (AUGUST_4 + DAY) * 1000 + 1).readings) == 0


def test_old_rows_that_nobody_asked_for_are_not_judged() -> None:
    rows = [{"date": 1_506_470_400, "tvl": 0}, *GOOD_TVL]
    body = orjson.dumps(rows)
    assert read_tvl(body, NOW_MS, NOW_MS - 7 * MS_PER_DAY).rejected == ()
    assert len(read_tvl(body, NOW_MS).rejected) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"tvl": 0},
        {"tvl": -1.0},
        {"tvl": True},
        {"tvl": "5e10"},
        {"tvl": None},
        {"tvl": 1e16},
        {"date": str(AUGUST_4)},
        {"date": AUGUST_4 + 3600},
        {"date": AUGUST_4 + 30 * DAY},
        {"date": -DAY},
        {"date": 1e9},
    ],
)
def test_a_wrong_row_of_tvl_is_refused(changes: dict[str, Any]) -> None:
    wrong = {"date": AUGUST_4 - 2 * DAY, "tvl": 5e10, **changes}
    batch = read_tvl(orjson.dumps([*GOOD_TVL, wrong]), NOW_MS)
    assert [each.as_of_ms for each in batch.readings] == [AUGUST_4 * 1000]
    assert len(batch.rejected) == 1
    with pytest.raises(SourceError) as caught:
        read_tvl(orjson.dumps([wrong]), NOW_MS)
    assert caught.value.kind == "malformed"


@pytest.mark.parametrize(
    "row",
    [
        {"date": AUGUST_4, "totalCirculatingUSD": {"peggedUSD": 1e11}},
        {"date": str(AUGUST_4), "totalCirculatingUSD": {"peggedEUR": 1e11}},
        {"date": str(AUGUST_4), "totalCirculatingUSD": 1e11},
        {"date": str(AUGUST_4), "totalCirculatingUSD": {"peggedUSD": "1e11"}},
        {"date": f"{AUGUST_4}.0", "totalCirculatingUSD": {"peggedUSD": 1e11}},
        [],
    ],
)
def test_a_wrong_row_of_stablecoins_is_refused(row: Any) -> None:
    with pytest.raises(SourceError) as caught:
        read_stablecoin_supply(orjson.dumps([row]), NOW_MS)
    assert caught.value.kind == "malformed"


@pytest.mark.parametrize(("reader", "recorded"), READERS)
def test_reader_refuses_nonsense(reader: Reader, recorded: bytes) -> None:
    fuzz_reader(lambda body: reader(body, NOW_MS), recorded, seed=12)


@pytest.mark.parametrize(
    ("entry", "stand_in"),
    [
        pytest.param(ENTRY, STAND_IN, id="tvl"),
        pytest.param(STABLECOINS_ENTRY, STABLECOINS_STAND_IN, id="stablecoins"),
    ],
)
async def test_survives(entry: SourceEntry, stand_in: StandIn) -> None:
    assert entry.key == stand_in.key
    await check_source_survives(entry, stand_in)


async def test_a_poll_tells_the_last_days_alone() -> None:
    rows = [{"date": AUGUST_4 - day * DAY, "tvl": 5e10} for day in range(100, -2, -1)]
    source = ENTRY.make(scripted_context(ScriptedFetcher(lambda *_: rows)))
    assert len((await source.poll(NOW_MS)).readings) == 7
    assert len((await source.history(0, NOW_MS)).readings) == 101


def test_each_host_is_an_entry_of_its_own() -> None:
    assert [(each.key, each.base_url) for each in ENTRIES] == [
        ("defillama", "https://api.llama.fi"),
        ("defillama_stablecoins", "https://stablecoins.llama.fi"),
    ]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_no_answer_is_kept_for_longer_than_half_an_hour(entry: SourceEntry) -> None:
    assert entry.facts.poll_seconds <= 1800.0
