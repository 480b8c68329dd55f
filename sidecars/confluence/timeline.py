"""What was known of one pair, and when: its records in memory, by the moment of availability.

A reader that asks at a moment gets the record of the latest day among those available by then;
of that day the latest revision. Records that never were that answer are not on the timeline (a
revision of an older day, made when a newer day was out already).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from sidecars.confluence.candles import IntArray
from sidecars.confluence.records import ScoreRow, record_json

OLD_RECORDS_SERIALISED = 1024


@lru_cache(maxsize=OLD_RECORDS_SERIALISED)
def serialised(row: ScoreRow) -> bytes:
    """A record as it is sent; the ones asked for last are kept."""
    return record_json(row)


class Timeline:
    """Immutable. available_at rises strictly along it, as_of never falls."""

    def __init__(self, rows: Sequence[ScoreRow]) -> None:
        """rows: all records of one pair, in any order."""
        ordered = sorted(rows, key=lambda row: (row.available_at_ms, row.as_of_ms, row.revision))
        effective: list[ScoreRow] = []
        for row in ordered:
            if effective and row.as_of_ms < effective[-1].as_of_ms:
                continue
            if effective and row.available_at_ms == effective[-1].available_at_ms:
                effective.pop()
            effective.append(row)
        self.rows: tuple[ScoreRow, ...] = tuple(effective)
        self.available_at_ms: IntArray = np.array(
            [row.available_at_ms for row in self.rows], dtype=np.int64
        )

    def __len__(self) -> int:
        return len(self.rows)

    def place_at(self, moment_ms: int) -> int:
        """Place of the record known at the moment; -1 before the first."""
        return int(np.searchsorted(self.available_at_ms, moment_ms, side="right")) - 1

    def between(self, start_ms: int, end_ms: int, *, lead: bool) -> Sequence[ScoreRow]:
        """Records with start <= available_at < end; with `lead` also the one before them."""
        first = int(np.searchsorted(self.available_at_ms, start_ms, side="left"))
        end = int(np.searchsorted(self.available_at_ms, end_ms, side="left"))
        return self.rows[max(first - 1, 0) if lead else first : max(end, first)]
