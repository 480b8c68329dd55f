"""The tape of one symbol: of every stretch of time the finest candles on record, and no others.

Prices are made from the tape, so that each moment belongs to one candle at most.
"""

import itertools
from bisect import bisect_right
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from sidecars.replay.market.columns import take
from sidecars.replay.market.timeframes import close_time, close_times
from sidecars.replay.model import Candles, IntArray


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one timeframe's record, each opening where the one before it closes."""

    timeframe_ms: int
    candles: Candles
    start_ms: int
    end_ms: int


def untouched_by(
    candles: Candles, timeframe_ms: int, finer: Candles, finer_ms: int
) -> npt.NDArray[np.bool_]:
    """Which candles have no finer candle inside or across their borders."""
    opens = candles.open_time_ms
    finer_closes = close_times(finer.open_time_ms, finer_ms)
    closed_before = finer_closes.searchsorted(opens, side="right")
    opened_before = finer.open_time_ms.searchsorted(close_times(opens, timeframe_ms))
    untouched: npt.NDArray[np.bool_] = opened_before <= closed_before
    return untouched


class Tape:
    """Pieces in time order that never overlap."""

    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = pieces
        self._starts = [piece.start_ms for piece in pieces]

    @classmethod
    def of(cls, records: dict[int, Candles]) -> Self:
        """From the records of one symbol by timeframe (ms)."""
        kept: list[tuple[int, IntArray]] = []
        finer: list[tuple[int, Candles]] = []
        for timeframe_ms, candles in sorted(records.items()):
            free = np.ones(len(candles), dtype=np.bool_)
            for finer_ms, finer_candles in finer:
                free &= untouched_by(candles, timeframe_ms, finer_candles, finer_ms)
            kept.append((timeframe_ms, np.flatnonzero(free)))
            finer.append((timeframe_ms, candles))
        return cls(_pieces(records, kept))

    def within(self, start_ms: int, end_ms: int) -> list[tuple[int, Candles]]:
        """(timeframe_ms, candles) of every candle that overlaps [start_ms, end_ms)."""
        found: list[tuple[int, Candles]] = []
        number = max(0, bisect_right(self._starts, start_ms) - 1)
        while number < len(self._pieces) and self._pieces[number].start_ms < end_ms:
            piece = self._pieces[number]
            number += 1
            opens = piece.candles.open_time_ms
            first = int(opens.searchsorted(start_ms, side="right")) - 1
            if first < 0 or close_time(int(opens[first]), piece.timeframe_ms) <= start_ms:
                first += 1
            last = int(opens.searchsorted(end_ms))
            if first < last:
                found.append((piece.timeframe_ms, take(piece.candles, slice(first, last))))
        return found

    def at(self, moment_ms: int) -> tuple[int, Candles] | None:
        """(timeframe_ms, one candle) of the moment, or None in a hole."""
        found = self.within(moment_ms, moment_ms + 1)
        return found[0] if found else None

    @property
    def span_ms(self) -> tuple[int, int]:
        """First open time and last close time. Raises IndexError when the tape is empty."""
        return self._pieces[0].start_ms, self._pieces[-1].end_ms


def _pieces(records: dict[int, Candles], kept: list[tuple[int, IntArray]]) -> list[Piece]:
    opens = np.concatenate([records[timeframe].open_time_ms[rows] for timeframe, rows in kept])
    order = np.argsort(opens, kind="stable")
    rows = np.concatenate([rows for _, rows in kept])[order]
    timeframes = np.concatenate([np.full(len(rows), timeframe) for timeframe, rows in kept])[order]
    if len(rows) == 0:
        return []
    opens, closes = (
        opens[order],
        np.concatenate(
            [
                close_times(records[timeframe].open_time_ms[rows], timeframe)
                for timeframe, rows in kept
            ]
        )[order],
    )
    breaks = (np.diff(timeframes) != 0) | (np.diff(rows) != 1) | (opens[1:] != closes[:-1])
    edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(rows)]
    pieces = []
    for first, after in itertools.pairwise(edges):
        timeframe_ms = int(timeframes[first])
        # The rows of a piece are neighbours, so a view serves and nothing is copied.
        candles = take(records[timeframe_ms], slice(int(rows[first]), int(rows[after - 1]) + 1))
        end_ms = close_time(int(candles.open_time_ms[-1]), timeframe_ms)
        pieces.append(Piece(timeframe_ms, candles, int(candles.open_time_ms[0]), end_ms))
    return pieces
