"""Entries with their stops for freqtrade's charts. Pure."""

import math
from typing import Any

import pandas as pd

from aquatrade.annotations import signal_areas
from aquatrade.atr_stops import atr_stop_pct, stop_from

MAX_LINES = 200
LINE_CANDLES = 24
GREEN, RED = "rgba(48, 160, 96, 0.25)", "rgba(208, 64, 64, 0.25)"
STOP_COLOR, TARGET_COLOR = "#d04040", "#30a060"


def entry_annotations(
    frame: pd.DataFrame, label: str, *, multiple: float, bound_pct: float
) -> list[dict[str, Any]]:
    """The candles whose close was a signal, and the stop that an entry there begins with."""
    found: list[dict[str, Any]] = []
    for column, color, is_short in (("enter_long", GREEN, False), ("enter_short", RED, True)):
        found += signal_areas(frame, column, label, color)
        found += stop_lines(
            frame, column, multiple=multiple, bound_pct=bound_pct, is_short=is_short
        )
    return found


def fixed_annotations(
    frame: pd.DataFrame, label: str, *, stop_pct: float, target_pct: float | None
) -> list[dict[str, Any]]:
    """The candles whose close was a signal to enter long, with stop and target in percent of that
    close. target_pct None: there is none."""
    found = signal_areas(frame, "enter_long", label, GREEN)
    if "enter_long" not in frame or len(frame) < 2:
        return found
    candle = frame["date"].iloc[1] - frame["date"].iloc[0]
    signals = frame[frame["enter_long"] == 1].tail(MAX_LINES)
    for opened, close in zip(signals["date"], signals["close"], strict=True):
        found.append(level_line(opened + candle, candle, close * (1.0 - stop_pct / 100.0)))
        if target_pct is not None:
            target = close * (1.0 + target_pct / 100.0)
            found.append(level_line(opened + candle, candle, target, "target", TARGET_COLOR))
    return found


def level_line(
    start: pd.Timestamp,
    candle: pd.Timedelta,
    price: float,
    label: str = "stop",
    color: str = STOP_COLOR,
) -> dict[str, Any]:
    """A dashed line at a price for LINE_CANDLES candles."""
    return {
        "type": "line",
        "start": start.to_pydatetime(),
        "end": (start + LINE_CANDLES * candle).to_pydatetime(),
        "y_start": price,
        "y_end": price,
        "label": label,
        "color": color,
        "line_style": "dashed",
    }


def stop_lines(
    frame: pd.DataFrame,
    column: str,
    *,
    multiple: float,
    bound_pct: float,
    is_short: bool,
) -> list[dict[str, Any]]:
    """For each of the last candles that gave a signal: where the stop of its entry would begin.

    frame: candles with date, close, atr. None without the column.
    """
    if column not in frame or len(frame) < 2:
        return []
    candle = frame["date"].iloc[1] - frame["date"].iloc[0]
    signals = frame[frame[column] == 1].tail(MAX_LINES)
    lines: list[dict[str, Any]] = []
    for opened, close, atr in zip(signals["date"], signals["close"], signals["atr"], strict=True):
        distance_pct = atr_stop_pct(atr=atr, multiple=multiple, rate=close, bound_pct=bound_pct)
        if math.isnan(distance_pct):
            continue
        stop = stop_from(close, close * distance_pct / 100.0, is_short=is_short)
        lines.append(level_line(opened + candle, candle, stop))
    return lines
