"""Coarse candles against the finer ones of the same pair: they have to tell the same."""

import numpy as np
import pandas as pd

from lab.data.checks import Checked
from lab.data.findings import (
    Finding,
    Grade,
    IntArray,
    Kind,
    Span,
    counted,
    minute,
    moment,
    spans_of,
)
from lab.data.resample import RULE, resample
from lab.data.timeframes import Timeframe

PRICE_TOLERANCE = 1e-9  # relative: the same decimal, read twice
VOLUME_TOLERANCE = 1e-6  # relative: a sum of rounded volumes
MOST_WRONG_PRICES_PCT = 0.5


def differences(coarse: pd.DataFrame, own: pd.DataFrame) -> dict[str, np.ndarray]:
    """For each column, the relative difference of candle and candle made of finer ones."""
    found = {}
    for name in RULE:
        one, two = coarse[name].to_numpy(dtype=float), own[name].to_numpy(dtype=float)
        with np.errstate(invalid="ignore", divide="ignore"):
            size = np.abs(one - two) / np.maximum(np.abs(one), np.abs(two))
        found[name] = np.where(one == two, 0.0, size)
    return found


def compare(
    coarse: Checked, coarse_grid: Timeframe, fine: Checked, fine_grid: Timeframe, kind: str
) -> list[Finding]:
    """What candles do not agree with the whole candles that finer ones make of the same time."""
    made = resample(fine.candles, fine.slots, fine_grid, coarse_grid)
    _, left, right = np.intersect1d(
        coarse.slots, made.slots, assume_unique=True, return_indices=True
    )
    columns = [name for name in RULE if kind != "mark" or name != "volume"]
    found = differences(
        coarse.candles.iloc[left].reset_index(drop=True),
        made.candles.iloc[right].reset_index(drop=True),
    )
    wrong = {
        name: ~(found[name] <= (VOLUME_TOLERANCE if name == "volume" else PRICE_TOLERANCE))
        for name in columns
    }
    flags = np.any(list(wrong.values()), axis=0) if len(left) else np.zeros(0, dtype=np.bool_)
    if not flags.any():
        return []
    opens: IntArray = coarse_grid.starts_us(coarse.slots[left])
    share_pct = 100.0 * float(flags.mean())
    counts = ", ".join(f"{name} {int(rows.sum())}" for name, rows in wrong.items() if rows.any())
    worst = max(wrong, key=lambda name: float(np.nan_to_num(found[name]).max()))
    place = int(np.nan_to_num(found[worst]).argmax())
    text = (
        f"{int(flags.sum())} of {counted(len(left), 'candle')} ({share_pct:.2f} %) differ from the "
        f"{fine_grid.name} ones: {counts}; most {worst} by {100.0 * found[worst][place]:.2f} % "
        f"at {minute(moment(int(opens[place])))}"
    )
    prices = np.any([rows for name, rows in wrong.items() if name != "volume"], axis=0)
    is_bad = int(prices.sum()) > 1 and 100.0 * float(prices.mean()) > MOST_WRONG_PRICES_PCT
    grade = Grade.BAD if is_bad else Grade.NOTES
    return [Finding(Kind.DISAGREES, grade, text, spans_of(flags, opens, coarse.slots[left]))]


def cut_short(
    coarse: Checked, coarse_grid: Timeframe, fine: Checked, fine_grid: Timeframe
) -> list[Finding]:
    """A last candle that equals the finer ones up to their end, which is before its own."""
    if not len(coarse.slots) or not len(fine.slots):
        return []
    begin, end = coarse_grid.starts_us(coarse.slots[-1] + np.array([0, 1])).tolist()
    opens = fine_grid.starts_us(fine.slots)
    inside = (opens >= begin) & (opens < end)
    fine_end = int(fine_grid.starts_us(fine.slots[-1:] + 1)[0])
    if not inside.any() or fine_end >= end:
        return []
    made = fine.candles[inside].groupby(np.zeros(int(inside.sum())))[list(RULE)].agg(RULE)
    sizes = differences(coarse.candles.iloc[-1:], made)
    if not all(float(size[0]) <= VOLUME_TOLERANCE for size in sizes.values()):
        return []
    at = moment(begin)
    text = (
        f"the last candle, {minute(at)}, is only what the {fine_grid.name} ones hold until "
        f"{minute(moment(fine_end))}"
    )
    return [Finding(Kind.INCOMPLETE, Grade.NOTES, text, (Span(at, at, 1),))]
