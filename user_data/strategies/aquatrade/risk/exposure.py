"""How much of each asset is held. Hedged legs count net for an asset, gross for the total.

Two legs are a hedge where they have the same asset and family: they are opened and unwound
together. Strategies that merely disagree are not, each may end its side alone.
"""

from collections.abc import Collection, Iterable

from aquatrade.risk.model import Entry, Position, Side


def total_exposure(positions: Iterable[Position]) -> float:
    """All positions and pending entries, gross, in stake currency."""
    return sum([position.exposure for position in positions])


def exchange_exposure(positions: Iterable[Position], exchange: str) -> float:
    """The positions and pending entries on one exchange, gross, in stake currency."""
    return total_exposure(one for one in positions if one.exchange == exchange)


def asset_exposures(
    positions: Iterable[Position],
    assets: Collection[str] | None = None,
    entry: Entry | None = None,
    stake: float = 0.0,
) -> dict[str, float]:
    """Of each asset (None: of all that are held), with `stake` of the entry added to it.

    The legs of a hedge count as the larger of what is left when all pending longs are filled and
    no pending short is, and the reverse: an order hedges nothing before it is filled.
    """
    legs: dict[tuple[str, str], list[float]] = {}  # held long, short; pending long, short
    for position in positions:
        asset = position.asset
        if assets is not None and asset not in assets:
            continue
        leg = legs.setdefault((asset, position.family), [0.0, 0.0, 0.0, 0.0])
        side = 0 if position.side == Side.LONG else 1
        leg[side] += position.amount * position.current_rate
        leg[side + 2] += position.pending_stake * position.leverage
    if entry is not None:
        leg = legs.setdefault((entry.asset, entry.family), [0.0, 0.0, 0.0, 0.0])
        leg[2 if entry.side == Side.LONG else 3] += stake * entry.leverage
    figures: dict[str, float] = {}
    for (asset, _), leg in legs.items():
        long, short, pending_long, pending_short = leg
        net = max(long + pending_long - short, short + pending_short - long)
        figures[asset] = figures.get(asset, 0.0) + net
    return figures
