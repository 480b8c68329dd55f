"""Folders resampled and repaired, file by file: each written whole, or left, and told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

from lab.data.checks import check_candles
from lab.data.files import (
    FUTURES_FOLDER,
    CandleFile,
    DataError,
    UnreadableError,
    file_name,
    read_frame,
    write_frame,
)
from lab.data.findings import Finding, Grade, Kind, counted
from lab.data.quality import NOT_COMPARED, check_files, load_checked
from lab.data.repair import Wishes, repair
from lab.data.resample import resample
from lab.data.timeframes import Timeframe, divides

# What bad candles a coarser one can be made of: holes only make it missing.
HARMLESS = frozenset({Kind.GAPS, Kind.FILLED, Kind.ZERO_VOLUME, Kind.DISAGREES})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file; `written` is None where nothing was."""

    file: CandleFile
    text: str
    written: Path | None


def resample_files(
    files: Sequence[CandleFile],
    coarse: Timeframe,
    out: Path,
    now: datetime,
    *,
    overwrite: bool,
) -> Iterator[Outcome]:
    """Write candles of `coarse` made of these files. Raises DataError where none can be made."""
    candles = [file for file in files if file.kind not in NOT_COMPARED]
    if not candles:
        raise DataError("only rates here, which are no candles: nothing to resample")
    for file in candles:
        if not divides(file.timeframe, coarse):
            fine = file.timeframe.name
            raise DataError(f"--to {coarse.name}: expected a multiple of {fine} candles")
    for file in candles:
        target = out / file_name(file.pair, coarse.name, file.kind)
        if target.exists() and not overwrite:
            yield Outcome(file, f"left out: {target} is there, see --overwrite", None)
            continue
        yield _resampled(file, coarse, target, now, overwrite=overwrite)


def _resampled(
    file: CandleFile, coarse: Timeframe, target: Path, now: datetime, *, overwrite: bool
) -> Outcome:
    checked = load_checked(file, now)
    bad = _bad(checked.findings)
    if bad:
        return Outcome(file, f"left out: {bad[0].kind}: {bad[0].text}; repair it first", None)
    candles, slots = checked.candles, checked.slots
    if any(finding.kind is Kind.INCOMPLETE for finding in checked.findings):
        candles, slots = candles.iloc[:-1], slots[:-1]
    made = resample(candles, slots, file.timeframe, coarse)
    if not len(made.slots):
        return Outcome(file, f"left out: not one whole {coarse.name} candle in it", None)
    try:
        write_frame(made.candles, target, overwrite=overwrite)
    except FileExistsError:
        return Outcome(file, f"left out: {target} is there, see --overwrite", None)
    parts = f", {made.partial} left out: parts are missing" if made.partial else ""
    text = f"{counted(len(made.slots), f'{coarse.name} candle')} of {len(slots)}{parts}"
    return Outcome(file, text, target)


def _bad(findings: Sequence[Finding]) -> list[Finding]:
    return [
        finding
        for finding in findings
        if finding.grade is Grade.BAD and finding.kind not in HARMLESS
    ]


def repair_files(
    files: Sequence[CandleFile],
    folder: Path,
    out: Path,
    now: datetime,
    wishes: Wishes,
    *,
    overwrite: bool,
) -> Iterator[Outcome]:
    """Write every file that can be read to another folder, repaired where that needs no guess."""
    if out.resolve() in {folder.resolve(), (folder / FUTURES_FOLDER).resolve()}:
        raise DataError(f"--out {out}: expected another folder than --data")
    for _, group in groupby(files, key=lambda file: (file.kind, file.pair)):
        for report in check_files(list(group), now):
            target = out / report.file.path.relative_to(folder)
            if target.exists() and not overwrite:
                text = f"left out: {target} is there, see --overwrite"
                yield Outcome(report.file, text, None)
                continue
            is_cut_short = bool(report.of(Kind.INCOMPLETE))
            yield _repaired(report.file, target, now, wishes, is_cut_short, overwrite=overwrite)


def _repaired(
    file: CandleFile,
    target: Path,
    now: datetime,
    wishes: Wishes,
    is_cut_short: bool,
    *,
    overwrite: bool,
) -> Outcome:
    try:
        frame = read_frame(file.path)
    except UnreadableError as error:
        return Outcome(file, f"left out: {error}", None)
    found = repair(frame, file.timeframe, file.kind, now, wishes, is_cut_short=is_cut_short)
    if not len(found.frame):
        return Outcome(file, "left out: no rows", None)
    try:
        write_frame(found.frame, target, overwrite=overwrite)
    except FileExistsError:
        return Outcome(file, f"left out: {target} is there, see --overwrite", None)
    done = ", ".join(f"{number} {what}" for what, number in found.done.items()) or "as it was"
    text = f"{len(frame)} rows in, {len(found.frame)} out: {done}"
    rest = check_candles(found.frame, file.timeframe, file.kind, now).findings
    left = [f"{finding.kind}: {finding.text}" for finding in rest if finding.grade is Grade.BAD]
    return Outcome(file, "; still bad: ".join([text, *left]), target)
