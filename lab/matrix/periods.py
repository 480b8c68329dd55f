"""Stretches of time that a backtest covers: a year, a quarter, a month, or two days."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

MONTHS_A_QUARTER = 3
MONTHS_A_YEAR = 12
FIRST_YEAR, LAST_YEAR = 2009, 2100
FORMS = re.compile(r"(?P<year>\d{4})(?:-?Q(?P<quarter>[1-4])|-(?P<month>\d{2}))?", re.IGNORECASE)


class PeriodError(ValueError):
    """A period that cannot be; one clear line."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days of a backtest, UTC; None: as far as there are candles.

    As freqtrade has it, the candle that opens at `until` still belongs to it: nothing is entered
    on it, and what is held is closed at its open.
    """

    name: str
    since: datetime | None
    until: datetime | None

    @property
    def timerange(self) -> str:
        """As freqtrade's --timerange."""
        return f"{_stamp(self.since)}-{_stamp(self.until)}"


def _stamp(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y%m%d}"


def parse_period(text: str) -> Period:
    """2023, 2023Q2, 2023-05, or 20230115-20230701; an end may be left out. Raises PeriodError."""
    name = text.strip()
    matched = FORMS.fullmatch(name)
    if matched:
        return _calendar(name, matched)
    ends = name.split("-")
    if len(ends) == 2 and any(ends):
        since, until = (_day(each, text) if each else None for each in ends)
        if since is not None and until is not None and since >= until:
            raise PeriodError(f"--period {text}: ends before it begins")
        return Period(name, since, until)
    raise PeriodError(f"--period {text}: expected 2023, 2023Q2, 2023-05 or 20230115-20230701")


def all_periods(texts: Sequence[str]) -> tuple[Period, ...]:
    """The periods of all texts, each once. Raises PeriodError."""
    return tuple({period.timerange: period for period in map(parse_period, texts)}.values())


def _calendar(name: str, matched: re.Match[str]) -> Period:
    year = int(matched["year"])
    month, months = 1, MONTHS_A_YEAR
    if matched["quarter"]:
        month, months = (int(matched["quarter"]) - 1) * MONTHS_A_QUARTER + 1, MONTHS_A_QUARTER
    elif matched["month"]:
        month, months = int(matched["month"]), 1
    if not (1 <= month <= MONTHS_A_YEAR and FIRST_YEAR <= year <= LAST_YEAR):
        raise PeriodError(f"--period {name}: no such month, or not from {FIRST_YEAR} on")
    end = year * MONTHS_A_YEAR + month - 1 + months
    return Period(
        name,
        datetime(year, month, 1, tzinfo=UTC),
        datetime(end // MONTHS_A_YEAR, end % MONTHS_A_YEAR + 1, 1, tzinfo=UTC),
    )


def _day(text: str, whole: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        raise PeriodError(f"--period {whole}: {text!r} is no day like 20230115") from None
