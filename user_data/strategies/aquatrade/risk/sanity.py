"""Which numbers make no sense. An entry is refused for each: nothing can be judged by them."""

from aquatrade.risk.model import Book, Entry, Position, Side

# Above any amount, price or sum of money; products of two such numbers are still finite.
LARGEST = 1e18


def book_faults(book: Book) -> list[str]:
    """What is wrong with the book, in words; empty if it can be judged by."""
    faults = []
    if not 0.0 < book.equity < LARGEST:
        faults.append(f"equity {book.equity}, expected an amount above 0")
    if not 0.0 <= book.free < LARGEST:
        faults.append(f"free cash {book.free}, expected an amount of 0 or more")
    if not abs(book.profit) < LARGEST:
        faults.append(f"profit {book.profit}, expected an amount")
    if book.at.tzinfo is None:
        faults.append(f"the book is of {book.at}, expected a moment with a time zone")
    faults += [
        f"the numbers of the open {position.pair} of {position.bot} make no sense"
        for position in book.positions
        if not _makes_sense(position)
    ]
    if not abs(sum([trade.profit for trade in book.closed])) < LARGEST:
        faults.append("the profit of a closed trade is not a number")
    return faults


def entry_faults(entry: Entry) -> list[str]:
    """What is wrong with the entry, in words; empty if it can be judged."""
    faults = []
    if not 0.0 < entry.stake < LARGEST:
        faults.append(f"stake {entry.stake}, expected an amount above 0")
    if not 0.0 < entry.rate < LARGEST:
        faults.append(f"rate {entry.rate}, expected a price above 0")
    if not 0.0 < entry.leverage < LARGEST:
        faults.append(f"leverage {entry.leverage}, expected a number above 0")
    if not 0.0 <= entry.cost_rate < 1.0:
        faults.append(f"cost rate {entry.cost_rate}, expected a share from 0 to below 1")
    if not 0.0 <= entry.min_stake < LARGEST:
        faults.append(f"minimum stake {entry.min_stake}, expected an amount of 0 or more")
    for name, value in (("score", entry.score), ("score needed", entry.score_needed)):
        if value is not None and not 0.0 <= value < LARGEST:
            faults.append(f"{name} {value}, expected points of 0 or more")
    if not faults and not _stop_makes_sense(entry):
        faults.append(
            f"stop {entry.stop_rate} of a {entry.side} at {entry.rate}, expected a price on the "
            "losing side"
        )
    return faults


def _stop_makes_sense(entry: Entry) -> bool:
    stop_rate = entry.stop_rate
    if stop_rate is None:
        return True
    if entry.side == Side.LONG:
        return 0.0 < stop_rate < entry.rate
    return entry.rate < stop_rate < LARGEST


def _makes_sense(position: Position) -> bool:
    stop_rate = position.stop_rate
    amount, stake, pending = position.amount, position.stake, position.pending_stake
    entry_rate, current_rate = position.entry_rate, position.current_rate
    leverage, cost_rate = position.leverage, position.cost_rate
    return (
        # One NaN or one infinity makes the sum one.
        amount + stake + pending + entry_rate + current_rate + leverage < LARGEST
        and amount >= 0.0
        and stake >= 0.0
        and pending >= 0.0
        and entry_rate > 0.0
        and current_rate > 0.0
        and leverage > 0.0
        and 0.0 <= cost_rate < 1.0
        and (stop_rate is None or 0.0 < stop_rate < LARGEST)
        and position.opened_at.tzinfo is not None
    )
