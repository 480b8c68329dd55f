"""What the on-chain adapters check alike: rows of an answer, days, prices, amounts. Pure."""

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from sidecars.common.observations import MS_PER_DAY, MS_PER_SECOND, Reading
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, describes_future
from sidecars.onchain.exchange_labels import ExchangeLabels, exchange_labels

# Whale transfers: more than this (the scores' own threshold).
LEAST_TRANSFER_USD = Decimal(500_000)
# More than all coins of a chain are worth: an amount beyond is a fault of the source.
MOST_TRANSFER_USD = Decimal(10) ** 12
LONGEST_SHOWN = 60
LONGEST_PROBLEM = 200


class AnswerModel(BaseModel):
    """Part of an answer: types as documented, no coercion, fields that are not read allowed."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


def whole(pattern: re.Pattern[str]) -> AfterValidator:
    """For a field of text that the pattern must match from end to end."""

    def check(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise ValueError(f"text like {pattern.pattern}")
        return text

    return AfterValidator(check)


def shown(value: object) -> str:
    """A value of a source in one short line of ASCII."""
    text = ascii(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def problem_of(error: ValidationError) -> str:
    """The first mistake of a row: where, what came, what is expected."""
    details = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in details["loc"])
    text = f"{where}: got {shown(details['input'])}, expected: {details['msg']}"
    return " ".join(ascii(text)[1:-1].split())[:LONGEST_PROBLEM]


def rows_of(name: str, where: str, value: object) -> list[Any]:
    """A list of rows, or SourceError."""
    if not isinstance(value, list):
        raise SourceError(f"{name}: {where}: got {shown(value)}, expected a list", "malformed")
    return value


def usable(name: str, batch: Batch, rows: int = 0) -> Batch:
    """The batch; SourceError where all of the rows (or all that came) were refused."""
    if len(batch.rejected) > max(rows - 1, 0) and not batch.readings and not batch.events:
        raise SourceError(f"{name}: nothing usable: {batch.rejected[0]}"[:400], "malformed")
    return batch


class DailyReadings:
    """Collects end-of-day values of series, one a day; what is wrong with others is `rejected`.

    The value of a day is as of, and published at, the day's end; the running day has none yet.
    newest_end_ms: end of the last day that was told of, be it over or not.
    """

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._readings: dict[tuple[str, int], Reading] = {}
        self.newest_end_ms = 0
        self.rejected: list[str] = []

    def take(self, series: str, day_start_ms: int, value: float) -> None:
        """Take the value of the day that starts at the moment."""
        end_ms = day_start_ms + MS_PER_DAY
        where = f"{series} of the day from {day_start_ms} ms"
        is_over = end_ms <= self._now_ms
        if day_start_ms < 0 or describes_future(day_start_ms, self._now_ms):
            self.rejected.append(f"{where}: expected a day between 1970 and now")
            return
        if day_start_ms % MS_PER_DAY != 0 and is_over:
            self.rejected.append(f"{where}: expected a day that starts at 00:00 UTC")
            return
        self.newest_end_ms = max(self.newest_end_ms, end_ms)
        if (series, end_ms) in self._readings:
            self.rejected.append(f"{where}: a second value of that day")
        elif is_over:
            self._readings[series, end_ms] = Reading(series, end_ms, end_ms, value)

    def batch(self, since_ms: int = 0, before_ms: int | None = None) -> Batch:
        """Those that are as of `since_ms` or later, and before `before_ms`, in order of time."""
        readings = [
            each
            for each in self._readings.values()
            if each.as_of_ms >= since_ms and (before_ms is None or each.as_of_ms < before_ms)
        ]
        readings.sort(key=lambda each: (each.as_of_ms, each.series))
        return Batch(readings=tuple(readings), rejected=tuple(self.rejected))


def transfer_ms(seconds: int, now_ms: int) -> int:
    """The moment of a transfer in ms. Raises ValueError, one line, where it cannot be."""
    moment_ms = seconds * MS_PER_SECOND
    if moment_ms <= 0 or describes_future(moment_ms, now_ms):
        raise ValueError(f"time: got {shown(seconds)}, expected seconds between 1970 and now")
    return moment_ms


def checked_amount_usd(amount_usd: Decimal) -> Decimal:
    """The amount. Raises ValueError, one line, where none can be so large."""
    if not 0 <= amount_usd <= MOST_TRANSFER_USD:
        raise ValueError(
            f"amount: got {shown(str(amount_usd))} USD, expected 0 to {MOST_TRANSFER_USD:.0e}"
        )
    return amount_usd


def price_from(options: Mapping[str, Any], name: str) -> float | None:
    """The price that the option's function knows now; None where it knows none or no real one."""
    ask = options.get(name)
    price = ask() if callable(ask) else None
    if isinstance(price, bool) or not isinstance(price, int | float):
        return None
    return float(price) if math.isfinite(price) and price > 0 else None


def labels_from(options: Mapping[str, Any]) -> ExchangeLabels:
    """The table that the option "exchange_labels" is, or whose file it names; else the built-in.

    Raises SettingsError.
    """
    given = options.get("exchange_labels")
    if isinstance(given, ExchangeLabels):
        return given
    return exchange_labels(Path(given) if isinstance(given, str | Path) else None)


def merged(batches: Sequence[Batch]) -> Batch:
    """Batches as one; of several events with one event_id the first."""
    events = {event.event_id: event for batch in reversed(batches) for event in batch.events[::-1]}
    return Batch(
        readings=tuple(reading for batch in batches for reading in batch.readings),
        events=tuple(sorted(events.values(), key=lambda each: (each.as_of_ms, each.event_id))),
        rejected=tuple(line for batch in batches for line in batch.rejected),
    )
