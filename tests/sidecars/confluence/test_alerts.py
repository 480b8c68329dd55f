"""Alerts of the confluence: zones, regime, targets; the same day is the same alert."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.alert import Alert, Level
from sidecars.common.observations import MS_PER_DAY
from sidecars.confluence.alerts import score_alerts, target_alerts
from sidecars.confluence.monitor.ladder import Hit, rungs
from sidecars.confluence.monitor.model import Holding
from sidecars.confluence.records import ScoreRow
from sidecars.confluence.scoring import INPUTS, zone_of

DAY_0 = 1_718_150_400_000  # 2024-06-12
REGIME_POINTS: Mapping[str, dict[str, float | None]] = {
    "bull": {"btc": 10.0, "market": 12.0, "funding": 8.0},
    "mixed": {"btc": 4.0, "market": 8.0, "funding": 4.0},
    "bear": {"btc": 0.0, "market": 0.0, "funding": 8.0},
    "outage": {"btc": None, "market": None, "funding": 8.0},
}


def row(day: int, total: float, regime: str = "bull", pair: str = "BTC/USDT") -> ScoreRow:
    """A record of the day; `total` as it is without the veto."""
    given_points = REGIME_POINTS[regime]
    regime_points = sum(value for value in given_points.values() if value is not None)
    vetoed = regime_points < 15
    shown = 0.0 if vetoed else total
    return ScoreRow(
        pair=pair,
        formula="luno-2",
        as_of_ms=DAY_0 + day * MS_PER_DAY,
        revision=0,
        available_at_ms=DAY_0 + day * MS_PER_DAY + 60_000,
        total=shown,
        zone=zone_of(shown).value,
        vetoed=vetoed,
        confidence=1.0,
        percentile=None,
        technical=20.0,
        momentum=15.0,
        regime=regime_points,
        sentiment=5.0,
        candles_from_ms=0,
        readings="[]",
        points=orjson.dumps([given_points.get(each.name, 0.0) for each in INPUTS]).decode(),
        degraded="[]",
    )


def told(*rows: ScoreRow) -> list[Alert]:
    return score_alerts({rows[0].pair: rows}, rows[-1].as_of_ms)


@pytest.mark.parametrize(
    ("before", "now", "level", "title"),
    [
        (71, 76, Level.WARNING, "BTC/USDT 76 MODERATE_BUY (was WAIT 71)"),
        (74, 75, Level.WARNING, "BTC/USDT 75 MODERATE_BUY (was WAIT 74)"),
        (80, 86, Level.WARNING, "BTC/USDT 86 STRONG_BUY (was MODERATE_BUY 80)"),
        (86, 80, Level.INFO, "BTC/USDT 80 MODERATE_BUY (was STRONG_BUY 86)"),
        (76, 71, Level.INFO, "BTC/USDT 71 WAIT (was MODERATE_BUY 76)"),
        (59, 60, Level.INFO, "BTC/USDT 60 WAIT (was AVOID 59)"),
        (61, 20, Level.INFO, "BTC/USDT 20 AVOID (was WAIT 61)"),
    ],
)
def test_a_zone_that_changed(before: float, now: float, level: Level, title: str) -> None:
    (alert,) = told(row(0, before), row(1, now))
    assert (alert.level, alert.title) == (level, title)
    # Whoever is asked to act reads what the zones are worth.
    assert ("have not timed entries" in alert.text) == (level == Level.WARNING)


@pytest.mark.parametrize(("before", "now"), [(75, 84), (60, 74), (0, 59), (85, 100), (76, 76)])
def test_within_a_zone_there_is_nothing_to_tell(before: float, now: float) -> None:
    assert told(row(0, before), row(1, now)) == []


def test_zones_by_percentile_are_told_where_they_count() -> None:
    before = replace(row(0, 60), percentile=50.0)
    now = replace(row(1, 62), percentile=98.0)
    records = {"BTC/USDT": [before, now]}
    assert score_alerts(records, now.as_of_ms) == []
    (alert,) = score_alerts(records, now.as_of_ms, "percentile")
    assert (alert.level, alert.title) == (Level.WARNING, "BTC/USDT 62 STRONG_BUY (was AVOID 60)")
    assert "40 % of a tranche" in alert.text
    # A rise by points within a zone by percentile is none.
    assert score_alerts({"BTC/USDT": [replace(now, as_of_ms=DAY_0, total=70.0), now]},
                        now.as_of_ms, "percentile") == []  # fmt: skip


def test_the_veto_is_one_alert_for_all_pairs_and_no_fall_of_scores() -> None:
    records = {
        pair: [row(0, 80, "mixed", pair), row(1, 80, "bear", pair)]
        for pair in ("BTC/USDT", "ETH/USDT")
    }
    (alert,) = score_alerts(records, DAY_0 + MS_PER_DAY)
    assert alert.level == Level.WARNING
    assert alert.title == "Regime turned bearish (8 of 30)"
    assert alert.text.endswith("BTC/USDT, ETH/USDT")
    assert alert.key == "regime:luno-2:2024-06-13:bear"


def test_the_veto_lifted_and_a_score_at_75_behind_it() -> None:
    flip, zone = told(row(0, 80, "bear"), row(1, 80, "mixed"))
    assert flip.title == "Regime no longer bearish (16 of 30)"
    assert zone.title == "BTC/USDT 80 MODERATE_BUY (was vetoed)"
    assert zone.level == Level.WARNING
    assert [each.key for each in told(row(0, 70, "bear"), row(1, 70, "mixed"))] == [
        "regime:luno-2:2024-06-13:lifted"
    ]


def test_an_outage_is_no_bear_market() -> None:
    assert told(row(0, 70), row(1, 70, "outage")) == []
    assert told(row(0, 70), row(1, 70, "outage"), row(2, 70)) == []
    # What turned while nobody saw it is told when it is seen.
    (alert,) = told(row(0, 70), row(1, 70, "outage"), row(2, 70, "bear"))
    assert alert.key == "regime:luno-2:2024-06-14:bear"
    assert told(row(0, 70, "bear"), row(1, 70, "outage"), row(2, 70, "bear")) == []


def test_the_same_day_again_is_the_same_alert() -> None:
    before, now = row(0, 71), row(1, 76)
    (first,) = told(before, now)
    (again,) = told(before, replace(now, revision=1, total=78.0, available_at_ms=DAY_0 * 2))
    assert first.key == again.key == "zone:luno-2:BTC/USDT:2024-06-13:MODERATE_BUY"
    # A revision with another outcome is news.
    (other,) = told(before, row(1, 86))
    assert other.key != first.key


def test_only_the_day_asked_for_is_told() -> None:
    rows = [row(0, 50), row(1, 76), row(2, 50)]
    assert [each.title for each in score_alerts({"BTC/USDT": rows}, rows[1].as_of_ms)] == [
        "BTC/USDT 76 MODERATE_BUY (was AVOID 50)"
    ]
    assert score_alerts({"BTC/USDT": rows}, rows[2].as_of_ms + MS_PER_DAY) == []
    assert score_alerts({"BTC/USDT": rows[:1], "ETH/USDT": []}, DAY_0) == []


@given(st.lists(st.tuples(st.integers(0, 100), st.sampled_from(list(REGIME_POINTS))), max_size=8))
def test_every_day_can_be_told_with_keys_of_its_own(days: list[tuple[int, str]]) -> None:
    rows = [row(day, total, regime) for day, (total, regime) in enumerate(days)]
    keys: list[str] = []
    flips: list[str] = []
    for each in rows:
        alerts = score_alerts({"BTC/USDT": rows}, each.as_of_ms)
        assert alerts == score_alerts({"BTC/USDT": rows[: rows.index(each) + 1]}, each.as_of_ms)
        keys += [alert.key for alert in alerts]
        flips += [alert.key[-6:] for alert in alerts if alert.key.startswith("regime:")]
    assert len(keys) == len(set(keys))
    assert all(left != right for left, right in pairwise(flips))


HOLDING = Holding("BTC", 0.25, "MYR", "BTC/USDT", 100_000.0, DAY_0)


def test_a_target_that_was_hit() -> None:
    hit = Hit(1, DAY_0 + MS_PER_DAY, "price", 140_000.0, 38.9, 138_900.0)
    before, now = rungs(100_000.0, (), "mixed"), rungs(100_000.0, (hit,), "mixed")
    (alert,) = target_alerts(HOLDING, before, now)
    assert alert.level == Level.WARNING
    assert alert.title == "BTC: target 1 hit, sell 20 %"
    assert alert.text == (
        "The price reached it on 2024-06-13: 138,900.00 MYR (+38.9 %). 20 % is 0.05 BTC. "
        "Nothing is sold unless you do it."
    )
    assert alert.key == "target:BTC/MYR:2024-06-12:1"
    assert target_alerts(HOLDING, now, now) == []
    # A day scored again may move the hit, and is the same alert; a new purchase is another.
    moved = rungs(100_000.0, (replace(hit, as_of_ms=DAY_0 + 2 * MS_PER_DAY, by="score"),), "bull")
    assert target_alerts(HOLDING, before, moved)[0].key == alert.key
    bought_again = replace(HOLDING, since_ms=DAY_0 + 9 * MS_PER_DAY)
    assert target_alerts(bought_again, before, now)[0].key != alert.key


def test_shares_are_of_what_was_there_at_the_start() -> None:
    hits = tuple(
        Hit(number, DAY_0 + number * MS_PER_DAY, by, 1.0, 60.0, 160_000.0)
        for number, by in ((1, "price"), (2, "score"), (3, "regime"))
    )
    rest = replace(HOLDING, amount=0.2, started_with=0.25)
    texts = [
        each.text
        for each in target_alerts(rest, rungs(1e5, hits[:1], "bear"), rungs(1e5, hits, "bear"))
    ]
    assert ["30 % is 0.075 BTC" in text for text in texts] == [True, True]
    assert texts[0].startswith("The score fell through its value on 2024-06-14")
    assert texts[1].startswith("The regime turned bearish on 2024-06-15")
