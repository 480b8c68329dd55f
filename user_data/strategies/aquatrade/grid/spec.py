"""What a grid is laid from, and the prices of its lines. Pure."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["geometric", "arithmetic"]

# What a step has to leave after the fees of a round trip: spread and slippage, in percent.
MARGIN_PCT = 0.15
SAME_PRICE_RATIO = 1e-9


@dataclass(frozen=True, slots=True)
class GridSpec:
    """The numbers of one pair's grid. Percentages are of its centre, money in stake currency.

    levels: lines on each side of the centre, and the most lots that it ever holds. A static range
    (range_low, range_high) takes the place of centre and bounds; such a grid never moves.
    """

    kind: Kind = "geometric"
    levels: int = 20
    spacing_pct: float = 0.5
    stake_usd: float = 50.0
    lower_bound_pct: float = 10.0
    upper_bound_pct: float = 10.0
    rebalance_pct: float = 8.0
    stop_pct: float = 15.0
    take_profit_pct: float | None = None
    range_low: float | None = None
    range_high: float | None = None
    seed_inventory: bool = False

    def __post_init__(self) -> None:
        low, high = self.range_low, self.range_high
        if (low is None) != (high is None):
            raise ValueError("a static range has two ends, expected range_low and range_high")
        if low is not None and high is not None and not 0.0 < low < high:
            raise ValueError(
                f"got a range from {low:g} to {high:g}, expected two prices above 0, the lower "
                "one first"
            )

    @property
    def capital_usd(self) -> float:
        return self.levels * self.stake_usd

    @property
    def is_static(self) -> bool:
        return self.range_low is not None

    def centre_at(self, price: float) -> float:
        """Where a grid that is laid at this price has its centre."""
        if self.range_low is None or self.range_high is None:
            return price
        if self.kind == "arithmetic":
            return (self.range_low + self.range_high) / 2.0
        return float((self.range_low * self.range_high) ** 0.5)

    def bounds(self, centre: float) -> tuple[float, float]:
        """The lowest and the highest price of a line."""
        if self.range_low is not None and self.range_high is not None:
            return self.range_low, self.range_high
        return (
            centre * (1.0 - self.lower_bound_pct / 100.0),
            centre * (1.0 + self.upper_bound_pct / 100.0),
        )

    def line(self, centre: float, number: int) -> float:
        """Price of a line: 0 is the centre, -1 the first below it."""
        if self.kind == "arithmetic":
            return centre * (1.0 + number * self.spacing_pct / 100.0)
        return float(centre * (1.0 + self.spacing_pct / 100.0) ** number)

    def centre_of(self, price: float, number: int) -> float:
        """The centre of the grid whose line of that number has this price."""
        return price / self.line(1.0, number)


def steps(spec: GridSpec, centre: float) -> list[tuple[int, float, float]]:
    """(number, buy price, sell price) of each step between two lines inside the bounds.

    The number is that of the lower line: buys below the centre have -levels to -1, steps above it
    0 to levels - 1. Lowest first.
    """
    low, high = spec.bounds(centre)
    low, high = low * (1.0 - SAME_PRICE_RATIO), high * (1.0 + SAME_PRICE_RATIO)
    found = []
    for number in range(-spec.levels, spec.levels):
        buy, sell = spec.line(centre, number), spec.line(centre, number + 1)
        if buy > 0.0 and low <= buy and sell <= high:
            found.append((number, buy, sell))
    return found


def why_unprofitable(spacing_pct: float, fee_pct: float) -> str | None:
    """Why a step cannot pay for its round trip, with the arithmetic; None if it does."""
    least = 2.0 * fee_pct + MARGIN_PCT
    if spacing_pct >= least - 1e-12:
        return None
    return (
        f"a step of {spacing_pct:g} % is under 2 x {fee_pct:g} % fee + {MARGIN_PCT:g} % = "
        f"{least:g} %: expected a spacing of {least:g} % or more"
    )


def is_worth_opening(spacing_pct: float, fee_pct: float) -> bool:
    """Whether a step is more than twice what the fees of a round trip are."""
    return spacing_pct > 4.0 * fee_pct


def armed_share(pairs: int, position: int, most: int) -> int:
    """How many levels the pair at that position (0 is the first) may have armed."""
    if not 0 <= position < pairs:
        raise ValueError(f"got position {position} of {pairs} pairs, expected one of them")
    return most // pairs + (1 if position < most % pairs else 0)
