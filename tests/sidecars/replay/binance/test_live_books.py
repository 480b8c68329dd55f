"""Books that are followed: whatever is followed from any snapshot on ends as the book itself."""

import itertools
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.binance.live_books import LiveBook
from tests.sidecars.replay.edge_rig import applied

prices = st.integers(1, 12).map(Decimal)
sides = st.dictionaries(prices, st.integers(1, 5).map(Decimal), max_size=8)
books = st.tuples(sides, sides)


@given(st.lists(st.tuples(books, st.booleans()), min_size=1, max_size=15), st.data())
def test_a_snapshot_and_the_changes_after_it_make_the_book(
    looks: list[tuple[tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]], bool]],
    data: st.DataObject,
) -> None:
    """Binance's recipe for a local book, with the snapshot taken at any look."""
    now: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})
    book = LiveBook(lambda _: (list(now[0].items()), list(now[1].items())), 1_000)
    book.follow("client")
    snapshot_at = data.draw(st.integers(0, len(looks) - 1))
    events = []
    snapshot = book.snapshot(100)
    for number, (now, asks_for_changes) in enumerate(looks):  # noqa: B007
        book.refresh(1_000 + number // 2)
        if number == snapshot_at:
            snapshot = book.snapshot(100)
        if asks_for_changes and (change := book.changes("client")):
            events.append(change)
    if change := book.changes("client"):
        events.append(change)
    # Ids of events follow each other without a hole.
    for before, after in itertools.pairwise(events):
        assert after.first_id == before.last_id + 1
    known_id, bids, asks = snapshot
    for event in events:
        if event.last_id <= known_id:
            continue
        assert event.first_id <= known_id + 1
        bids, asks = (
            list(applied(list(side), changes).items())
            for side, changes in ((bids, event.bids), (asks, event.asks))
        )
        known_id = event.last_id
    assert (dict(bids), dict(asks)) == now


def test_a_book_that_stands_still_has_no_changes() -> None:
    level = [(Decimal(1), Decimal(2))]
    book = LiveBook(lambda _: (level, level), 5)
    book.follow("client")
    book.refresh(99)
    assert book.changes("client") is None
    assert book.update_id == 5
