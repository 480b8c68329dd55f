"""The state of one pair's grid: an immutable value that goes to JSON and back unchanged. Pure."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from aquatrade.grid.spec import GridSpec

Phase = Literal["waiting", "buying", "holding", "selling"]
# A level's life. What an order did not do falls back to where it came from.
NEXT: Final[dict[Phase, frozenset[Phase]]] = {
    "waiting": frozenset({"buying"}),
    "buying": frozenset({"holding", "waiting"}),
    "holding": frozenset({"selling"}),
    "selling": frozenset({"waiting", "holding"}),
}
VERSION = 1


@dataclass(frozen=True, slots=True)
class Level:
    """One buy line with the sell one line above it, and the lot that was bought on it."""

    number: int  # of its buy line; -1 is the first below the centre
    generation: int  # how often the grid had been laid anew before it was laid
    buy_price: float
    sell_price: float
    phase: Phase = "waiting"
    is_ready: bool = False  # price has been above its buy line: the next touch is a crossing
    amount: float = 0.0  # base units, what fees in the base coin took already off
    cost: float = 0.0  # what was paid for them, fees included
    trips: int = 0
    profit: float = 0.0

    @property
    def key(self) -> tuple[int, int]:
        return self.generation, self.number

    def moved(self, phase: Phase) -> "Level":
        """The level in its next phase. Raises ValueError for a step that its life does not have."""
        if phase not in NEXT[self.phase]:
            raise ValueError(f"level {self.number} is {self.phase}, it cannot be {phase} next")
        return replace(self, phase=phase)


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A lot that was sold: what it cost, what it brought after fees."""

    number: int
    generation: int
    amount: float
    cost: float
    proceeds: float
    sold_at: str  # ISO 8601, UTC
    reason: str  # "level", or the tag of the exit that sold everything

    @property
    def profit(self) -> float:
        return self.proceeds - self.cost


@dataclass(frozen=True, slots=True)
class GridState:
    """Everything that a restart has to find again.

    booked: ids of the last orders of the present trade that are in here already; trips: round trips
    of the present trade. Both begin anew with each trade, all else goes on.
    """

    spec: GridSpec
    centre: float
    generation: int = 0  # how often it was rebalanced
    levels: tuple[Level, ...] = ()
    dust_amount: float = 0.0  # what lots left behind that the exchange's step did not sell
    dust_cost: float = 0.0
    realised: float = 0.0
    round_trips: int = 0
    wins: int = 0
    lots_left: int = 0  # sold by a stop, a take-profit or a person, not by their level
    seed_due: bool = False
    # (generation, number, base units) of lots that a rotation sold and that are to be bought again.
    rotated: tuple[tuple[int, int, float], ...] = ()
    booked: tuple[str, ...] = ()
    trips: tuple[RoundTrip, ...] = field(default=())
    ended: str | None = None

    @property
    def lots(self) -> tuple[Level, ...]:
        return tuple(level for level in self.levels if level.amount > 0.0)

    @property
    def inventory(self) -> float:
        """Base units held."""
        return sum(level.amount for level in self.levels) + self.dust_amount

    @property
    def inventory_cost(self) -> float:
        return sum(level.cost for level in self.levels) + self.dust_cost

    @property
    def average_price(self) -> float | None:
        """What a base unit of the inventory cost, fees included; None without inventory."""
        return self.inventory_cost / self.inventory if self.inventory > 0.0 else None

    @property
    def free_lots(self) -> int:
        """How many more it may buy: what is held, from whatever centre, uses up levels."""
        taken = sum(level.amount > 0.0 or level.phase == "buying" for level in self.levels)
        return max(0, self.spec.levels - taken)

    def profit_at(self, price: float, fee_rate: float) -> float:
        """Realised profit, and that of selling all of the inventory at this price."""
        return self.realised + self.inventory * price * (1.0 - fee_rate) - self.inventory_cost

    def in_phase(self, phase: Phase) -> tuple[Level, ...]:
        return tuple(level for level in self.levels if level.phase == phase)

    def to_json(self) -> str:
        return json.dumps(
            {
                "version": VERSION,
                **{name: getattr(self, name) for name in PLAIN},
                "spec": asdict(self.spec),
                "levels": [[getattr(level, name) for name in LEVEL] for level in self.levels],
                "trips": [[getattr(trip, name) for name in TRIP] for trip in self.trips],
            },
            separators=(",", ":"),
            allow_nan=False,
        )


PLAIN = tuple(
    name for name in GridState.__dataclass_fields__ if name not in ("spec", "levels", "trips")
)
LEVEL = tuple(Level.__dataclass_fields__)
TRIP = tuple(RoundTrip.__dataclass_fields__)


def from_json(text: str) -> GridState:
    """What to_json wrote. Raises ValueError for anything else."""
    try:
        raw: dict[str, Any] = json.loads(text)
        if raw["version"] != VERSION:
            raise ValueError(f"got version {raw['version']!r}, expected {VERSION}")
        return GridState(
            **{name: raw[name] for name in PLAIN if name not in ("booked", "rotated")},
            booked=tuple(raw["booked"]),
            # What was kept before there were rotations does not have it.
            rotated=tuple((lot[0], lot[1], lot[2]) for lot in raw.get("rotated", ())),
            spec=GridSpec(**raw["spec"]),
            levels=tuple(Level(*values) for values in raw["levels"]),
            trips=tuple(RoundTrip(*values) for values in raw["trips"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not the state of a grid: {error!r}") from None


def for_next_trade(state: GridState) -> GridState:
    """The grid as a new trade carries it on."""
    return replace(state, booked=(), trips=())
