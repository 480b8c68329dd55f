"""Whether grids may be laid at all, and whether one may open now. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aquatrade.grid.fitness import is_spread_tight
from aquatrade.grid.spec import GridSpec, is_worth_opening, why_unprofitable

GOES_ON = "goes_on"  # tag of candles in which a grid that is there goes on, and no new one opens


def refusal(pairs: Iterable[str], spec_of: Callable[[str], GridSpec], fee_pct: float) -> str | None:
    """Why the grids of a config cannot be laid, with the arithmetic; None if they can.

    pairs: those with numbers of their own; spec_of("") is the grid of all others.
    """
    for pair in ("", *pairs):
        where = f"config key 'aquatrade.grid{f'.pairs.{pair}' if pair else ''}'"
        try:
            why = why_unprofitable(spec_of(pair).spacing_pct, fee_pct)
        except ValueError as error:
            why = str(error)
        if why is not None:
            return f"{where}: {why}"
    return None


def obstacle(
    spec: GridSpec,
    entry_tag: str | None,
    fee_pct: float,
    max_spread_pct: float,
    book: Callable[[], Mapping[str, Any]] | None,
) -> str | None:
    """Why no new grid may open now; None if one may.

    entry_tag: of the candle that closed last, GOES_ON where the market does not suit a grid. book:
    asks for the order book; None where there is none (backtests).
    """
    if not is_worth_opening(spec.spacing_pct, fee_pct):
        return f"a step of {spec.spacing_pct:g} % is not above 4 x {fee_pct:g} % fee"
    if entry_tag is None or entry_tag == GOES_ON:
        return "the market does not suit a new grid"
    if book is None:
        return None
    sides = book()
    bid, ask = (side[0][0] if side else None for side in (sides["bids"], sides["asks"]))
    if is_spread_tight(bid, ask, max_spread_pct):
        return None
    return f"the spread is above {max_spread_pct:g} %"
