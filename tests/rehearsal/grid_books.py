"""The grids that a bot's database keeps, held against the exchange's ledger."""

import math
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aquatrade.grid.state import GridState, RoundTrip, from_json
from lab.agreement import LedgerOrder

# The exchange rounds each fee to 8 decimals, in stake currency and in coins.
SAME_USD = 1e-5
SAME_COINS = 1e-7


@dataclass(frozen=True, slots=True)
class KeptGrid:
    """The grid of one trade as its custom data has it."""

    trade_id: int
    is_open: bool
    state: GridState


def kept_grids(database: Path) -> list[KeptGrid]:
    """Of all trades, oldest first."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10) as connection:
        rows = connection.execute(
            "select t.id, t.is_open, d.cd_value from trades t join trade_custom_data d "
            "on d.ft_trade_id = t.id where d.cd_key = 'grid' order by t.id"
        ).fetchall()
    return [KeptGrid(row[0], bool(row[1]), from_json(row[2])) for row in rows]


def runs(grids: Sequence[KeptGrid]) -> list[list[KeptGrid]]:
    """Trades that carried on one grid after the other, until it ended."""
    found: list[list[KeptGrid]] = [[]]
    for kept in grids:
        found[-1].append(kept)
        if kept.state.ended is not None:
            found.append([])
    return [run for run in found if run]


def disagreements(grids: Sequence[KeptGrid], ledger: Sequence[LedgerOrder]) -> list[str]:
    """What the grids believe that the ledger does not bear out; empty if they agree."""
    filled = [order for order in ledger if order.filled_amount]
    buys = [order for order in filled if order.side == "BUY"]
    sells = [order for order in filled if order.side == "SELL"]
    paid = math.fsum(float(order.filled_quote) for order in buys)
    brought = [float(order.filled_quote - order.fee) for order in sells]
    coins = math.fsum(float(order.filled_amount - order.fee) for order in buys)
    coins -= math.fsum(float(order.filled_amount) for order in sells)

    last_of_each = [run[-1].state for run in runs(grids)]
    trips = [trip for kept in grids for trip in kept.state.trips]
    found = []
    realised = math.fsum(state.realised for state in last_of_each)
    held_cost = math.fsum(state.inventory_cost for state in last_of_each)
    found += _unequal("realised profit less inventory", realised - held_cost,
                      math.fsum(brought) - paid, SAME_USD)  # fmt: skip
    found += _unequal("inventory", math.fsum(state.inventory for state in last_of_each),
                      coins, SAME_COINS + _lost_dust(grids))  # fmt: skip
    by_order = _by_sale(trips)
    if len(by_order) != len(sells):
        found.append(f"{len(by_order)} sales in the grids, {len(sells)} at the exchange")
    for mine, theirs in zip(by_order, brought, strict=False):
        found += _unequal(
            "a sale's proceeds", math.fsum(t.proceeds for t in mine), theirs, SAME_USD
        )
    by_level = math.fsum(trip.profit for trip in trips)
    lost_dust = by_level - realised
    dearest = max((trip.proceeds / trip.amount for trip in trips), default=0.0)
    if not -SAME_USD <= lost_dust <= SAME_USD + _lost_dust(grids) * dearest:
        found.append(f"round trips make {by_level:.6f}, the grids {realised:.6f}")
    return found


def level_disagreements(run: Sequence[KeptGrid]) -> list[str]:
    """Profit per level of the present laying, against that of its round trips."""
    state = run[-1].state
    profits: defaultdict[int, float] = defaultdict(float)
    for kept in run:
        for trip in kept.state.trips:
            if trip.generation == state.generation and trip.reason == "level":
                profits[trip.number] += trip.profit
    return [
        line
        for level in state.levels
        if level.generation == state.generation
        for line in _unequal(f"level {level.number}", level.profit, profits[level.number], SAME_USD)
    ]


def round_trips(grids: Sequence[KeptGrid]) -> int:
    return sum(run[-1].state.round_trips for run in runs(grids))


def _by_sale(trips: Sequence[RoundTrip]) -> list[list[RoundTrip]]:
    """Round trips of one order: sold at one moment, at one price."""
    sales: dict[tuple[datetime, int], list[RoundTrip]] = {}
    for trip in trips:
        price = round(trip.proceeds / trip.amount, 3)
        sales.setdefault((datetime.fromisoformat(trip.sold_at), int(price * 1000)), []).append(trip)
    return list(sales.values())


def _lost_dust(grids: Sequence[KeptGrid]) -> float:
    """Coins under the exchange's step, that each closed trade may leave behind."""
    return 1e-5 * len(grids)


def _unequal(what: str, mine: float, theirs: float, tolerance: float) -> list[str]:
    if abs(mine - theirs) <= tolerance:
        return []
    return [f"{what}: {mine:.8f} in the grids, {theirs:.8f} at the exchange"]
