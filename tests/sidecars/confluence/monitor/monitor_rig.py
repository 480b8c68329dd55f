"""Records and candles of a seeded market, for cards."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson

from sidecars.confluence.candles import MS_PER_DAY, DailyCandles
from sidecars.confluence.monitor.model import Holding
from sidecars.confluence.records import READINGS, ScoreRow, make_rows
from sidecars.confluence.scoring import INPUTS
from sidecars.confluence.timeline import Timeline
from tests.sidecars.confluence.local_binance import FIRST_DAY_MS, seeded_candles
from tests.sidecars.confluence.scored_days import score_all

DAYS = 420
PAIRS = ("BTC/USDT", "ETH/USDT")
LAST_CLOSE_MS = FIRST_DAY_MS + DAYS * MS_PER_DAY
NOW_MS = LAST_CLOSE_MS + 8 * 3_600_000
SINCE_MS = LAST_CLOSE_MS - 30 * MS_PER_DAY
ETH = Holding("ETH", 2.0, "MYR", "ETH/USDT", 100.0, SINCE_MS, "ETH/MYR")


@lru_cache(maxsize=1)
def market() -> Mapping[str, DailyCandles]:
    """Daily candles of both pairs."""
    return {pair: seeded_candles(seed, DAYS) for seed, pair in enumerate(PAIRS, start=3)}


@lru_cache(maxsize=1)
def records() -> Mapping[str, tuple[ScoreRow, ...]]:
    """Every record of both pairs, available a minute after its close."""
    days = score_all(PAIRS, "BTC/USDT", PAIRS, market())
    return {
        pair: tuple(
            make_rows(days[pair], "luno-test", {t: t + 60_000 for t in each.as_of_ms.tolist()})
        )
        for pair, each in days.items()
    }


def row(
    days_back: int = 0, points: Mapping[str, float | None] | None = None, **changes: Any
) -> ScoreRow:
    """ETH's record of so many days before the last, with other points and fields."""
    given = records()["ETH/USDT"][-1 - days_back]
    if points is None:
        return replace(given, **changes)
    names = [each.name for each in INPUTS]
    judged = {**dict(zip(names, orjson.loads(given.points), strict=True)), **points}
    # What has points has been read.
    read = {name for each in INPUTS if judged[each.name] is not None for name in each.readings}
    readings = dict(zip(READINGS, orjson.loads(given.readings), strict=True))
    readings |= {name: 0.01 for name in read if readings[name] is None}
    return replace(
        given,
        points=orjson.dumps([judged[name] for name in names]).decode(),
        readings=orjson.dumps([readings[name] for name in READINGS]).decode(),
        **changes,
    )


BULL = {"btc": 10.0, "market": 12.0, "funding": 8.0}
BEAR = {"btc": 0.0, "market": 4.0, "funding": 8.0}


def calm(days_back: int, total: float, **changes: Any) -> ScoreRow:
    """A record of a bull regime with a total, judged on everything."""
    values = {"total": total, "zone": "AVOID", "vetoed": False, "regime": 30.0, "confidence": 1.0}
    return row(days_back, BULL, **{**values, **changes})


class Memory:
    """What the updater has in memory."""

    def __init__(self) -> None:
        self.candles: Mapping[str, DailyCandles] = market()
        self.timelines: Mapping[str, Timeline] = {
            pair: Timeline(rows) for pair, rows in records().items()
        }
