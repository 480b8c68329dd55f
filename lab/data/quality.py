"""The quality report of a freqtrade data folder: every file checked, pair by pair."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from lab.data.across import compare, cut_short
from lab.data.checks import Checked, check_candles, no_candles
from lab.data.files import CandleFile, UnreadableError, read_frame
from lab.data.findings import Finding, Grade, Kind, grade_of
from lab.data.time_checks import MOST_MISSING_PCT
from lab.data.timeframes import divides

MOST_PLACES = 1000  # of one finding, in the JSON
NOT_COMPARED = frozenset({"funding_rate", "open_interest"})
CANNOT_BE_COMPARED = frozenset({Kind.COLUMNS, Kind.IMPOSSIBLE, Kind.OFF_GRID})


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file: what it holds and what was found. first, last: opens of candles."""

    file: CandleFile
    rows: int
    first: datetime | None
    last: datetime | None
    findings: tuple[Finding, ...]

    @property
    def grade(self) -> Grade:
        return grade_of(self.findings)

    @property
    def missing(self) -> int:
        return sum(finding.candles for finding in self.findings if finding.kind is Kind.GAPS)

    def of(self, kind: Kind) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.kind is kind)


def load_checked(
    file: CandleFile, now: datetime, most_missing_pct: float = MOST_MISSING_PCT
) -> Checked:
    """Read one file and check it by itself; a file that cannot be read is a finding."""
    try:
        frame = read_frame(file.path)
    except UnreadableError as error:
        return no_candles(Finding(Kind.UNREADABLE, Grade.BAD, str(error)))
    return check_candles(frame, file.timeframe, file.kind, now, most_missing_pct)


def check_files(
    files: Sequence[CandleFile],
    now: datetime,
    most_missing_pct: float = MOST_MISSING_PCT,
    say: Callable[[FileReport], None] = lambda _: None,
) -> list[FileReport]:
    """Check files, those of one pair and kind also against each other; in their order.

    files: sorted as find_files does. Only the candles of one pair are in memory at a time.
    """
    reports = []
    for _, group in groupby(files, key=lambda file: (file.kind, file.pair)):
        for report in _check_pair(list(group), now, most_missing_pct):
            say(report)
            reports.append(report)
    return reports


def _check_pair(
    files: Sequence[CandleFile], now: datetime, most_missing_pct: float
) -> Iterator[FileReport]:
    done: list[tuple[CandleFile, Checked]] = []
    for file in files:
        checked = load_checked(file, now, most_missing_pct)
        checked = replace(checked, findings=(*checked.findings, *_across(file, checked, done)))
        yield FileReport(file, checked.rows, checked.first, checked.last, checked.findings)
        done.append((file, checked))


def _across(
    file: CandleFile, checked: Checked, finer: Sequence[tuple[CandleFile, Checked]]
) -> list[Finding]:
    """Against the coarsest of the finer files that can be compared."""
    if file.kind in NOT_COMPARED or not comparable(checked):
        return []
    for other, fine in reversed(finer):
        if comparable(fine) and divides(other.timeframe, file.timeframe):
            found = compare(checked, file.timeframe, fine, other.timeframe, file.kind)
            if not any(finding.kind is Kind.INCOMPLETE for finding in checked.findings):
                found += cut_short(checked, file.timeframe, fine, other.timeframe)
            return found
    return []


def comparable(checked: Checked) -> bool:
    """Whether all rows are candles: what is wrong by itself need not be compared."""
    bad = {finding.kind for finding in checked.findings if finding.grade is Grade.BAD}
    return len(checked.slots) > 0 and not bad & CANNOT_BE_COMPARED


def report_json(folder: Path, reports: Sequence[FileReport], others: Sequence[Path]) -> str:
    """The report for programs; of each finding at most MOST_PLACES places."""
    return json.dumps(
        {
            "folder": str(folder),
            "files": [_file_json(folder, report) for report in reports],
            "left_out": [str(path.relative_to(folder)) for path in others],
        },
        indent=1,
    )


def _file_json(folder: Path, report: FileReport) -> dict[str, Any]:
    return {
        "file": str(report.file.path.relative_to(folder)),
        "pair": report.file.pair,
        "timeframe": report.file.timeframe.name,
        "kind": report.file.kind,
        "grade": report.grade,
        "rows": report.rows,
        "first": _iso(report.first),
        "last": _iso(report.last),
        "missing": report.missing,
        "findings": [
            {
                "kind": finding.kind,
                "grade": finding.grade,
                "text": finding.text,
                "candles": finding.candles,
                "places": [
                    {"first": _iso(span.first), "last": _iso(span.last), "candles": span.candles}
                    for span in finding.spans[:MOST_PLACES]
                ],
            }
            for finding in report.findings
        ],
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
