from dataclasses import replace

import orjson
import pytest

from sidecars.common.moments import iso_ms
from sidecars.confluence.candles import MS_PER_DAY, DailyCandles
from sidecars.confluence.records import (
    ScoredDays,
    ScoreRow,
    differs,
    make_rows,
    recommended_zone,
    record_json,
)
from sidecars.confluence.scoring import INPUTS, PARTS
from tests.sidecars.confluence.local_binance import FIRST_DAY_MS, seeded_candles, without_days
from tests.sidecars.confluence.scored_days import score_all


def scored(days: int = 420, hole: tuple[int, int] | None = None) -> ScoredDays:
    other = seeded_candles(2, days)
    candles = {
        "BTC/USDT": seeded_candles(1, days),
        "ETH/USDT": without_days(other, *hole) if hole else other,
    }
    return score_all(["ETH/USDT"], "BTC/USDT", list(candles), candles)["ETH/USDT"]


def all_rows(days: ScoredDays) -> list[ScoreRow]:
    moments = {as_of: as_of + 60_000 for as_of in days.as_of_ms.tolist()}
    return make_rows(days, "luno-1-test", moments)


def test_a_record_says_everything_about_itself() -> None:
    rows = all_rows(scored())
    record = orjson.loads(record_json(rows[-1]))
    as_of_ms = FIRST_DAY_MS + 420 * MS_PER_DAY
    assert record["pair"] == "ETH/USDT"
    assert record["as_of"] == iso_ms(as_of_ms) == "2020-02-25T00:00:00Z"
    assert record["available_at"] == "2020-02-25T00:01:00Z"
    assert record["candles_from"] == "2019-01-01T00:00:00Z"
    assert record["unavailable"] == ["funding", "fear_greed", "social", "whales"]
    assert record["confidence"] == 0.82
    assert 2 <= len(record["reasons"]) <= 3
    assert record["degraded"] == []
    inputs = {each["name"]: each for part in record["parts"].values() for each in part["inputs"]}
    assert list(inputs) == [each.name for each in INPUTS]
    for part, limit in PARTS.items():
        given = sum(each["points"] for each in record["parts"][part]["inputs"])
        assert record["parts"][part]["points"] == given <= limit == record["parts"][part]["max"]
    assert not inputs["funding"]["available"]
    assert inputs["funding"]["reason"] == "unknown: no funding of 5 of the last 7 days"
    assert inputs["funding"]["reading"] == {"funding_pct": None}
    total = sum(part["points"] for part in record["parts"].values())
    assert record["total"] == (0 if record["vetoed"] else total)


def test_vetoed_records_say_so_first() -> None:
    records = [orjson.loads(record_json(row)) for row in all_rows(scored())]
    vetoed = [record for record in records if record["vetoed"]]
    assert vetoed
    for record in vetoed:
        assert record["reasons"][0].startswith("veto: regime ")
        assert record["total"] == 0
        assert record["zone"] == "AVOID"


def test_a_young_record_has_no_long_mean_and_says_so() -> None:
    rows = all_rows(scored())
    # RSI needs 15 days and is the first thing that can be said of the pair itself.
    assert rows[0].as_of_ms == FIRST_DAY_MS + 15 * MS_PER_DAY
    record = orjson.loads(record_json(rows[50]))
    inputs = {each["name"]: each for part in record["parts"].values() for each in part["inputs"]}
    assert record["unavailable"] == [
        "sma200", "drawdown", "btc", "market", "funding", "fear_greed", "social", "whales",
    ]  # fmt: skip
    assert inputs["sma200"]["points"] == 0
    assert inputs["sma200"]["reason"] == "too few candles in an unbroken row"
    assert record["confidence"] == 0.45
    assert record["percentile"] is None


def test_a_hole_makes_no_record_and_degrades_what_follows() -> None:
    days = scored(hole=(300, 302))
    rows = {row.as_of_ms: row for row in all_rows(days)}
    assert FIRST_DAY_MS + 301 * MS_PER_DAY not in rows
    assert FIRST_DAY_MS + 302 * MS_PER_DAY not in rows
    after = rows[FIRST_DAY_MS + 340 * MS_PER_DAY]
    assert orjson.loads(after.degraded) == ["no candles before 2019-10-30: its means start anew"]
    assert "sma200" in orjson.loads(record_json(after))["unavailable"]
    assert rows[FIRST_DAY_MS + 300 * MS_PER_DAY].degraded == "[]"


def test_only_chosen_days_become_rows_and_equal_content_does_not_differ() -> None:
    days = scored()
    as_of_ms = int(days.as_of_ms[400])
    (row,) = make_rows(days, "f", {as_of_ms: 7, 12345: 8})
    (again,) = make_rows(days, "f", {as_of_ms: 9}, revision=1)
    assert (row.as_of_ms, row.available_at_ms) == (as_of_ms, 7)
    assert not differs(row, again)


@pytest.mark.parametrize(
    ("percentile", "vetoed", "by_percentile", "by_preset"),
    [
        (98.0, False, "STRONG_BUY", "STRONG_BUY"),
        (98.0, True, "AVOID", "AVOID"),
        (None, True, "AVOID", "AVOID"),
        # Where the percentile is not known the zone by points counts.
        (None, False, None, "WAIT"),
    ],
)
def test_the_preset_says_which_zone_counts(
    percentile: float | None, vetoed: bool, by_percentile: str | None, by_preset: str
) -> None:
    row = replace(all_rows(scored())[-1], zone="WAIT", percentile=percentile, vetoed=vetoed)
    assert orjson.loads(record_json(row))["zone_by_percentile"] == by_percentile
    assert recommended_zone(row, "points") == "WAIT"
    assert recommended_zone(row, "percentile") == by_preset


@pytest.mark.parametrize("seed", range(5))
def test_every_day_can_be_put_in_words(seed: int) -> None:
    candles: dict[str, DailyCandles] = {"BTC/USDT": seeded_candles(seed, 300)}
    days = score_all(["BTC/USDT"], "BTC/USDT", ["BTC/USDT"], candles)["BTC/USDT"]
    for row in all_rows(days):
        record = orjson.loads(record_json(row))
        assert all(reason and "nan" not in reason for reason in record["reasons"])
