"""History of the market sources from a folder of daily csv files, for scores of the past.

    fear_greed.csv              value -> fear_greed, known at the start of its day
    btc_dominance.csv           btc_dominance -> btc_dominance_pct
    total_mcap_derived.csv      total_mcap_usd_derived -> total_market_cap_usd
    onchain_btc_coinmetrics.csv PriceUSD -> btc_price_usd (Coin Metrics' closing price)
    macro_daily.csv             spx -> sp500, dxy -> dollar_index

All but the first hold values of the end of the day: as of, and known from, 00:00 UTC after it.
Bitcoin's share of the capitalisation is its own capitalisation, not its price, so the price comes
from Coin Metrics. macro_daily.csv has no ten-year yield (t10y2y is what it is above the two-year
one), so there is no us10y_yield_pct. Its spx is the index itself, where the live source reads the
future on it, up to one or two per cent apart: do not join the two within the days that a rule
compares.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sidecars.common.csv_series import CsvError, Known, read_daily_csv
from sidecars.common.moments import iso_ms
from sidecars.common.observations import Reading
from sidecars.common.sources import Batch
from sidecars.sentiment.market_values import RefusedValueError, check_range


class _File(NamedTuple):
    columns: Mapping[str, str]
    known: Known


FILES: Mapping[str, _File] = {
    "fear_greed.csv": _File({"value": "fear_greed"}, "start_of_day"),
    "btc_dominance.csv": _File({"btc_dominance": "btc_dominance_pct"}, "end_of_day"),
    "total_mcap_derived.csv": _File(
        {"total_mcap_usd_derived": "total_market_cap_usd"}, "end_of_day"
    ),
    "onchain_btc_coinmetrics.csv": _File({"PriceUSD": "btc_price_usd"}, "end_of_day"),
    "macro_daily.csv": _File({"spx": "sp500", "dxy": "dollar_index"}, "end_of_day"),
}


@dataclass(frozen=True, slots=True)
class HistoryFiles:
    """What a folder held. Iterates over (source, batch); the source is the name of the file.

    problems: one line for each file that cannot be used; missing: for each that is not there.
    """

    batches: tuple[tuple[str, Batch], ...]
    problems: tuple[str, ...]
    missing: tuple[str, ...]

    def __iter__(self) -> Iterator[tuple[str, Batch]]:
        return iter(self.batches)


def read_history_files(folder: Path, now_ms: int | None = None) -> HistoryFiles:
    """Read those of the files that are there. now_ms: a file that speaks of later is refused."""
    batches: list[tuple[str, Batch]] = []
    problems: list[str] = []
    missing: list[str] = []
    for name, file in FILES.items():
        path = folder / name
        if not path.is_file():
            series = ", ".join(file.columns.values())
            missing.append(f"{path}: is not there, so there is no history of {series}")
            continue
        try:
            batch = read_daily_csv(path, file.columns, name, known=file.known, now_ms=now_ms)
        except CsvError as error:
            problems.append(str(error))
        else:
            batches.append((name, in_range(name, batch.readings)))
    return HistoryFiles(tuple(batches), tuple(problems), tuple(missing))


def in_range(source: str, readings: Iterable[Reading]) -> Batch:
    """The readings, those out of their series' range as lines of `rejected`."""
    kept: list[Reading] = []
    rejected: list[str] = []
    for reading in readings:
        try:
            check_range(reading.series, reading.value)
        except RefusedValueError as error:
            rejected.append(f"{source}: as of {iso_ms(reading.as_of_ms)}: {error}")
        else:
            kept.append(reading)
    return Batch(readings=tuple(kept), rejected=tuple(rejected))
