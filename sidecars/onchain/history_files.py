"""Daily files of the past as readings: BTC on chain, stablecoin supply, value locked in DeFi."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sidecars.common.csv_series import CsvError, read_daily_csv
from sidecars.common.layer.definition import HistoryFile
from sidecars.common.moments import iso_ms
from sidecars.common.observations import Reading, series_of
from sidecars.common.sources import Batch
from sidecars.onchain.sources import coin_metrics, defillama


@dataclass(frozen=True, slots=True)
class _File:
    """A file, whose data it holds, its columns, and which of its values can be."""

    name: str
    source: str
    columns: Mapping[str, str]
    is_possible: Callable[[float], bool]
    expected: str


_FILES = (
    _File(
        "onchain_btc_coinmetrics.csv",
        coin_metrics.FACTS.name,
        {metric: series_of(name, "BTC") for metric, name in coin_metrics.SERIES_OF_METRIC.items()},
        lambda value: 0 <= value <= coin_metrics.MOST,
        "0 or more",
    ),
    _File(
        "stablecoin_supply.csv",
        defillama.STABLECOINS_FACTS.name,
        {"stablecoin_supply_usd": defillama.STABLECOINS_SERIES},
        lambda value: 0 < value <= defillama.MOST_USD,
        "more than 0",
    ),
    _File(
        "defi_tvl.csv",
        defillama.FACTS.name,
        {"defi_tvl_usd": defillama.TVL_SERIES},
        lambda value: 0 < value <= defillama.MOST_USD,
        "more than 0",
    ),
)
FILE_NAMES = tuple(each.name for each in _FILES)


def read_history_files(folder: Path) -> Iterator[HistoryFile]:
    """What the files of the folder tell, file by file; those that are not there are passed over.

    The value of a day is as of, and published at, the day's end. Sources are named "... (file)",
    so that the API is still asked for all it has.
    """
    there = [each for each in _FILES if (folder / each.name).exists()]
    if not there:
        problem = f"{folder}: got none of the files {', '.join(FILE_NAMES)}, expected one at least"
        yield HistoryFile("history files", Batch(), problem)
    for each in there:
        source = f"{each.source} (file)"
        try:
            batch = read_daily_csv(folder / each.name, each.columns, source, known="end_of_day")
        except CsvError as error:
            yield HistoryFile(source, Batch(), str(error))
        else:
            yield HistoryFile(source, _possible(each, batch))


def _possible(file: _File, batch: Batch) -> Batch:
    """The batch without values that cannot be; one line for all of them."""
    wrong = [each for each in batch.readings if not file.is_possible(each.value)]
    if not wrong:
        return batch
    kept = tuple(each for each in batch.readings if file.is_possible(each.value))
    return Batch(readings=kept, rejected=(*batch.rejected, _line(file, wrong)))


def _line(file: _File, wrong: list[Reading]) -> str:
    first = wrong[0]
    return (
        f"{file.name}: {len(wrong)} values left out, the first of {first.series} at "
        f"{iso_ms(first.as_of_ms)}: got {first.value:g}, expected {file.expected}"
    )
