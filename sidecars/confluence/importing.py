"""The past from files: BTC's funding, one value a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sidecars.common.clock import Clock
from sidecars.common.csv_series import CsvError, read_daily_csv
from sidecars.common.moments import iso_ms, ms_of
from sidecars.common.observations import Observation
from sidecars.common.settings_file import SettingsError
from sidecars.common.source_errors import SourceError
from sidecars.confluence.derivatives import HIGHEST_RATE
from sidecars.confluence.observed import FUNDING
from sidecars.confluence.settings import IMPORTED, ConfluenceSettings
from sidecars.confluence.store import Store

FUNDING_FILE = "btc_funding_daily.csv"
PCT_OF_FRACTION = 100.0


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it. scored_before: records of the formula that had been made already."""

    values: int
    rejected: Sequence[str]
    scored_before: int


def import_funding(settings: ConfluenceSettings, file: Path, clock: Clock) -> Imported:
    """Keep a file's funding: columns date and funding_rate, the mean of the UTC day's settlements
    as a fraction per 8 hours, known at the end of the day.

    Raises SettingsError where nothing would read it, SourceError, SQLAlchemyError.
    """
    if settings.derivatives is None:
        raise SettingsError(
            "key 'derivatives' is null, so that no record would read it: expected "
            f'{{"id": "{IMPORTED}"}} or the id of an exchange with swaps'
        )
    try:
        batch = read_daily_csv(
            file,
            {"funding_rate": FUNDING},
            "funding",
            known="end_of_day",
            scale={"funding_rate": PCT_OF_FRACTION},
            now_ms=ms_of(clock.now()),
        )
    except CsvError as error:
        raise SourceError(str(error), "malformed") from None
    highest_pct = PCT_OF_FRACTION * HIGHEST_RATE
    kept, rejected = [], list(batch.rejected)
    for each in batch.readings:
        if abs(each.value) > highest_pct:
            rejected.append(
                f"{iso_ms(each.as_of_ms)}: {each.value:g} % per 8 h, expected at most "
                f"{highest_pct:g} either way"
            )
            continue
        kept.append(
            Observation(each.series, each.as_of_ms, each.published_ms, each.value, file.name)
        )
    store = Store(settings.database_url, settings.exchange.id)
    try:
        scored_before = store.count_scores(settings.formula)
        store.append_observations(kept)
    finally:
        store.close()
    return Imported(len(kept), rejected, scored_before)
