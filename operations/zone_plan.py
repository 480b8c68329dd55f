"""Which record a zone study is made on: the pairs, the files beside them, the days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from operations.demo_plan import PlanError, read_records
from sidecars.confluence.importing import FUNDING_FILE
from sidecars.onchain.history_files import FILE_NAMES as ONCHAIN_FILES
from sidecars.sentiment.history_files import FILES as SENTIMENT_FILES

DAY = timedelta(days=1)
HEADLINES_FILE = "crypto_news.csv"
# Of the on-chain files the first has the flows that whales are read from.
AUX_FILES = tuple(
    dict.fromkeys((FUNDING_FILE, HEADLINES_FILE, *SENTIMENT_FILES, *ONCHAIN_FILES[:1]))
)
INDEX_PAIRS = 25


class StudyError(RuntimeError):
    """The study cannot be made; the message is one clear line."""


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What is studied. pairs: all that have daily candles; shown: those of the first table."""

    datadir: Path
    aux: Path
    shown: tuple[str, ...]
    pairs: tuple[str, ...]
    index_pairs: tuple[str, ...]
    history_start: datetime
    start: datetime
    end: datetime  # nothing that was known later is read: neither scores nor prices


def plan_study(data: Path, shown: Sequence[str], start: datetime, end: datetime) -> StudyPlan:
    """data: a folder with `binance` (a freqtrade datadir) and `aux` (daily files of the past).

    Raises StudyError.
    """
    datadir, aux = data.resolve() / "binance", data.resolve() / "aux"
    for folder, what in ((datadir, "a freqtrade datadir"), (aux, "daily files of the past")):
        if not folder.is_dir():
            raise StudyError(f"--data {data}: no folder {folder.name} in it, expected {what}")
    missing = [name for name in AUX_FILES if not (aux / name).is_file()]
    if missing:
        raise StudyError(f"{aux}: {', '.join(missing)} not there, expected {', '.join(AUX_FILES)}")
    if not start < end:
        raise StudyError(f"--start {start:%Y-%m-%d} is not before --end {end:%Y-%m-%d}")
    try:
        records = read_records(datadir)
    except PlanError as error:
        raise StudyError(str(error)) from error
    daily = {pair: each for (pair, timeframe), each in records.items() if timeframe == "1d"}
    unknown = [pair for pair in shown if pair not in daily]
    if unknown:
        raise StudyError(f"--pairs: no daily candles of {', '.join(unknown)} in {datadir}")
    if not any(each.first < end - DAY <= each.last for each in daily.values()):
        raise StudyError(f"--end {end:%Y-%m-%d}: no daily candles in {datadir} reach it")
    # Longest recorded first: who belongs to the market is not chosen by what became of it.
    oldest = sorted(daily, key=lambda pair: (daily[pair].first, pair))
    return StudyPlan(
        datadir=datadir,
        aux=aux,
        shown=tuple(shown),
        pairs=tuple(sorted(pair for pair in daily if daily[pair].first < end)),
        index_pairs=tuple(sorted(oldest[:INDEX_PAIRS])),
        history_start=daily[oldest[0]].first,
        start=start,
        end=end,
    )
