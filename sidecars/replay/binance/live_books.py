"""Books that are streamed, with update ids: what REST tells of a book and what the streams tell
of it must fit together, or a client's copy goes wrong.

An update id is the moment (ms) at which a change was noticed, or the next free one after the
last. A book is looked at whenever somebody asks; each look that finds a change makes one update.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from sidecars.replay.binance.account_json import Levels

# All that the engine's books have.
LEVELS = 5000
Amounts = dict[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class BookChange:
    """What changed since a reader's last look: new amounts by price, 0 for a level that is gone."""

    first_id: int
    last_id: int
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


@dataclass(slots=True)
class _Touched:
    """Prices touched since a reader's last look, and the update up to which it knows."""

    known_id: int
    bids: set[Decimal] = field(default_factory=set)
    asks: set[Decimal] = field(default_factory=set)


class LiveBook:
    """One symbol's book, kept for readers that follow its changes.

    depth(now_ms): bids and asks of the whole book, best first.
    """

    def __init__(self, depth: Callable[[int], tuple[Levels, Levels]], now_ms: int) -> None:
        self._depth = depth
        self._bids, self._asks = self._read(now_ms)
        self.update_id = now_ms
        self._readers: dict[object, _Touched] = {}

    def refresh(self, now_ms: int) -> None:
        """Look at the book; a change becomes an update."""
        bids, asks = self._read(now_ms)
        gone_bids, gone_asks = _touched(self._bids, bids), _touched(self._asks, asks)
        if not gone_bids and not gone_asks:
            return
        self._bids, self._asks = bids, asks
        self.update_id = max(self.update_id + 1, now_ms)
        for reader in self._readers.values():
            reader.bids |= gone_bids
            reader.asks |= gone_asks

    def snapshot(self, levels: int) -> tuple[int, Levels, Levels]:
        """(update id, bids, asks) as of the last look."""
        return self.update_id, list(self._bids.items())[:levels], list(self._asks.items())[:levels]

    def follow(self, reader: object) -> None:
        """From now on `changes` tells this reader what it has missed."""
        self._readers[reader] = _Touched(self.update_id)

    def leave(self, reader: object) -> None:
        del self._readers[reader]

    @property
    def is_followed(self) -> bool:
        return bool(self._readers)

    def changes(self, reader: object) -> BookChange | None:
        """What changed since the reader last asked, or None."""
        touched = self._readers[reader]
        if touched.known_id == self.update_id:
            return None
        self._readers[reader] = _Touched(self.update_id)
        return BookChange(
            touched.known_id + 1,
            self.update_id,
            [(p, self._bids.get(p, Decimal(0))) for p in sorted(touched.bids, reverse=True)],
            [(p, self._asks.get(p, Decimal(0))) for p in sorted(touched.asks)],
        )

    def _read(self, now_ms: int) -> tuple[Amounts, Amounts]:
        bids, asks = self._depth(now_ms)
        return dict(bids), dict(asks)


def _touched(before: Amounts, after: Amounts) -> set[Decimal]:
    """Prices whose amount is another one now; .items() of dicts compare as sets."""
    return {price for price, _ in before.items() ^ after.items()}
