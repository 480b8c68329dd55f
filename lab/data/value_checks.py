"""Checks on prices and volumes of candles: pure functions from a frame to findings."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from lab.data.findings import (
    BoolArray,
    Finding,
    Grade,
    IntArray,
    Kind,
    counted,
    longest_of,
    minute,
    moment,
    spans_of,
)
from lab.data.time_checks import MOST_MISSING_PCT

FloatArray = npt.NDArray[np.float64]
PRICES = ("open", "high", "low", "close")
WITHOUT_VOLUME = frozenset({"mark", "index", "premiumIndex", "funding_rate"})
MAY_BE_NEGATIVE = frozenset({"premiumIndex"})
NORMAL = 1.4826  # median of absolute deviations to standard deviation, of a normal distribution
JUMP_SCORE = 20.0  # robust standard deviations
MOST_LEFT = 0.2  # of the jump after the candle that follows
NEIGHBOURS = 100  # candles on each side that tell what is usual


def impossible(frame: pd.DataFrame, kind: str) -> Mapping[str, BoolArray]:
    """By reason, the rows that no market can have made."""
    prices = {name: frame[name].to_numpy(dtype=np.float64) for name in PRICES}
    volume = frame["volume"].to_numpy(dtype=np.float64)
    finite = np.isfinite(np.column_stack([*prices.values(), volume])).all(axis=1)
    with np.errstate(invalid="ignore"):
        low, high = prices["low"], prices["high"]
        positive = np.column_stack(list(prices.values())).min(axis=1) > 0
        return {
            "not a number": ~finite,
            "price not positive": finite & ~positive & (kind not in MAY_BE_NEGATIVE),
            "high below low": finite & (high < low),
            "open or close outside high and low": finite
            & (high >= low)
            & (
                (np.maximum(prices["open"], prices["close"]) > high)
                | (np.minimum(prices["open"], prices["close"]) < low)
            ),
            "volume negative": finite & (volume < 0),
        }


def impossible_rows(frame: pd.DataFrame, kind: str) -> BoolArray:
    """Rows that any reason of `impossible` names."""
    return np.asarray(np.any(list(impossible(frame, kind).values()), axis=0), dtype=np.bool_)


def impossible_findings(frame: pd.DataFrame, times_us: IntArray, kind: str) -> list[Finding]:
    reasons = {name: flags for name, flags in impossible(frame, kind).items() if flags.any()}
    if not reasons:
        return []
    flags = np.any(list(reasons.values()), axis=0)
    text = ", ".join(f"{name}: {int(rows.sum())}" for name, rows in reasons.items())
    first = minute(moment(int(times_us[np.argmax(flags)])))
    return [
        Finding(Kind.IMPOSSIBLE, Grade.BAD, f"{text}; first {first}", spans_of(flags, times_us))
    ]


def quiet_rows(frame: pd.DataFrame, slots: IntArray) -> tuple[BoolArray, BoolArray]:
    """(filled: no volume and all prices the close before; no volume otherwise)."""
    quiet = frame["volume"].to_numpy(dtype=np.float64) == 0.0  # house: float-equality - as stored
    prices = frame[list(PRICES)].to_numpy(dtype=np.float64)
    before = np.concatenate(([np.nan], prices[:-1, 3]))
    follows = np.concatenate(([False], np.diff(slots) == 1))
    flat = (prices == before[:, None]).all(axis=1) & follows
    return quiet & flat, quiet & ~flat


def volume_findings(
    frame: pd.DataFrame,
    times_us: IntArray,
    slots: IntArray,
    kind: str,
    most_missing_pct: float = MOST_MISSING_PCT,
) -> list[Finding]:
    """Candles in which nothing was traded, and those that someone filled a hole with."""
    if kind in WITHOUT_VOLUME:
        return []
    filled, quiet = quiet_rows(frame, slots)
    found = []
    for what, flags, words in (
        (Kind.FILLED, filled, "flat candle"),
        (Kind.ZERO_VOLUME, quiet, "candle"),
    ):
        if not flags.any():
            continue
        spans = spans_of(flags, times_us, slots)
        longest, share_pct = longest_of(spans), 100.0 * float(flags.mean())
        text = (
            f"{counted(int(flags.sum()), words)} without volume in {counted(len(spans), 'run')} "
            f"({share_pct:.2f} %), "
            f"longest {longest.candles} from {minute(longest.first)}"
        )
        grade = Grade.BAD if share_pct > most_missing_pct else Grade.NOTES
        found.append(Finding(what, grade, text, spans))
    return found


def jump_rows(close: FloatArray, slots: IntArray) -> BoolArray:
    """Closes far from the close before, taken back by the next: a wrong tick looks like that.

    Far is JUMP_SCORE robust standard deviations of the returns of NEIGHBOURS candles on each side,
    and of all; taken back is all but MOST_LEFT of it. close: positive or NaN.
    """
    flags = np.zeros(len(close), dtype=np.bool_)
    if len(close) < 3:
        return flags
    returns = np.full(len(close), np.nan)
    returns[1:] = np.where(np.diff(slots) == 1, np.diff(np.log(close)), np.nan)
    size = np.abs(returns)
    known = size[np.isfinite(size)]
    if not len(known):
        return flags
    usual = NORMAL * float(np.median(known))
    after = np.concatenate((returns[1:], [np.nan]))
    with np.errstate(invalid="ignore"):
        taken_back = np.abs(returns + after) <= MOST_LEFT * size
        candidates = np.flatnonzero(taken_back & (size > JUMP_SCORE * usual))
    for place in candidates.tolist():
        around = np.concatenate(
            (size[max(0, place - NEIGHBOURS) : place], size[place + 2 : place + 2 + NEIGHBOURS])
        )
        around = around[np.isfinite(around)]
        local = NORMAL * float(np.median(around)) if len(around) else 0.0
        flags[place] = size[place] > JUMP_SCORE * local
    return flags


def jump_findings(frame: pd.DataFrame, times_us: IntArray, slots: IntArray) -> list[Finding]:
    close = frame["close"].to_numpy(dtype=np.float64)
    usable = np.isfinite(close) & (close > 0)
    close = np.where(usable, close, np.nan)
    flags = jump_rows(close, slots)
    if not flags.any():
        return []
    sizes_pct = 100.0 * np.abs(close[flags] / close[np.flatnonzero(flags) - 1] - 1.0)
    largest = int(np.flatnonzero(flags)[np.argmax(sizes_pct)])
    text = (
        f"{counted(int(flags.sum()), 'close')} that the next candle takes back, largest "
        f"{float(sizes_pct.max()):.1f} % at {minute(moment(int(times_us[largest])))}"
    )
    return [Finding(Kind.JUMPS, Grade.NOTES, text, spans_of(flags, times_us, slots))]
