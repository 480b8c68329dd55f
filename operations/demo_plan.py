"""Which market, pairs and dates a demo uses: the synthetic market's, or what a datadir has."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.feather

from operations.road import QUOTE, MarketSource

BACKTEST_DAYS = 730
# Daily SMA(200) and two years of percentiles want candles from before the first backtest day.
SCORE_LEAD_DAYS = 400
# A pair needs this much before the end to be worth having: SMA(200) on 1h and some trades.
SHORTEST_HISTORY_DAYS = 90
FINE_TIMEFRAMES = ("1m", "5m", "15m")
MOST_PAIRS = 25
SYNTHETIC_END = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class PlanError(ValueError):
    """The data cannot carry a demo; one clear line."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which market, which pairs, and which stretch of its history."""

    source: MarketSource
    pairs: tuple[str, ...]
    end: datetime
    fine_from: datetime  # from here on candles under an hour exist: what is rehearsed lies here
    backtest_start: datetime

    @property
    def history_start(self) -> datetime:
        return self.backtest_start - SCORE_LEAD_DAYS * DAY


@dataclass(frozen=True, slots=True)
class Record:
    """First and last candle of one file."""

    first: datetime
    last: datetime


def synthetic_plan(seed: int) -> Plan:
    """The seeded market's default pairs over its last two years."""
    from sidecars.replay.market.synthetic import DEFAULT_PAIRS

    start = SYNTHETIC_END - BACKTEST_DAYS * DAY
    return Plan(MarketSource(None, seed), tuple(DEFAULT_PAIRS), SYNTHETIC_END, start, start)


def recorded_plan(datadir: Path, seed: int) -> Plan:
    """Pairs and dates that a freqtrade datadir can carry. Raises PlanError."""
    if not datadir.is_dir():
        raise PlanError(f"--data {datadir}: no such folder; expected a freqtrade datadir")
    return plan_from_records(read_records(datadir), MarketSource(datadir.resolve(), seed))


def plan_from_records(records: Mapping[tuple[str, str], Record], source: MarketSource) -> Plan:
    """records: by (pair, timeframe). The end is the latest midnight that most pairs reach."""
    hourly = {pair: record for (pair, timeframe), record in records.items() if timeframe == "1h"}
    if not hourly:
        raise PlanError(
            f"--data {source.datadir}: no file like BTC_{QUOTE}-1h.feather; the strategy trades 1h"
        )
    fine = {
        pair: record
        for (pair, timeframe), record in records.items()
        if timeframe in FINE_TIMEFRAMES and pair in hourly
    }
    ends = sorted(record.last.timestamp() for record in (fine or hourly).values())
    end = _midnight(datetime.fromtimestamp(median(ends), UTC))
    usable = {
        pair: record
        for pair, record in hourly.items()
        if record.first <= end - SHORTEST_HISTORY_DAYS * DAY
        and record.last >= end
        and (not fine or (pair in fine and fine[pair].last >= end))
    }
    if not usable:
        raise PlanError(
            f"--data {source.datadir}: no pair has {SHORTEST_HISTORY_DAYS} days of 1h candles "
            f"up to {end:%Y-%m-%d}; the demo needs that much to warm its means up"
        )
    # Longest recorded first: with more pairs than the demo takes, the established ones stay.
    pairs = sorted(usable, key=lambda pair: (usable[pair].first, pair))[:MOST_PAIRS]
    oldest = min(usable[pair].first for pair in pairs)
    backtest_start = max(end - BACKTEST_DAYS * DAY, _midnight(oldest) + 30 * DAY)
    fine_from = max(
        (_midnight(fine[pair].first) + DAY for pair in pairs if pair in fine),
        default=backtest_start,
    )
    return Plan(source, tuple(pairs), end, max(fine_from, backtest_start), backtest_start)


def read_records(datadir: Path) -> dict[tuple[str, str], Record]:
    """First and last date of every spot file against the quote. Raises PlanError if unreadable."""
    records = {}
    for path in sorted(datadir.glob(f"*_{QUOTE}-*.feather")):
        name, timeframe = path.stem.rsplit("-", 1)
        try:
            dates = pa.feather.read_table(path, columns=["date"])["date"]
        except (pa.ArrowException, OSError) as error:
            raise PlanError(f"{path}: not a readable feather file ({error})") from error
        if len(dates):
            records[name.replace("_", "/"), timeframe] = Record(dates[0].as_py(), dates[-1].as_py())
    return records


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
