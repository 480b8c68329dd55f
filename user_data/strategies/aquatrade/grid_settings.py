"""The grids of a bot: config "aquatrade.grid", and what a pair has of its own."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from aquatrade.grid.spec import GridSpec
from aquatrade.risk.profile import Section

PERCENT = "a percentage above 0 and up to"


class PairGrid(Section):
    """The numbers of a grid. Null: what the bot has for all pairs, or else the preset."""

    kind: Literal["geometric", "arithmetic"] | None = Field(
        default=None, description='"geometric" (a fixed percent step), "arithmetic" or null'
    )
    levels: int | None = Field(
        default=None, ge=1, le=100, description="a whole number from 1 to 100 per side, or null"
    )
    spacing_pct: float | None = Field(
        default=None, gt=0.0, le=20.0, description=f"{PERCENT} 20, or null"
    )
    stake_usd: float | None = Field(
        default=None, gt=0.0, description="an amount of stake currency per level above 0, or null"
    )
    lower_bound_pct: float | None = Field(
        default=None, gt=0.0, lt=100.0, description=f"{PERCENT} 100, or null"
    )
    upper_bound_pct: float | None = Field(
        default=None, gt=0.0, le=1000.0, description=f"{PERCENT} 1000, or null"
    )
    rebalance_pct: float | None = Field(
        default=None, gt=0.0, le=1000.0, description=f"{PERCENT} 1000, or null"
    )
    stop_pct: float | None = Field(
        default=None, gt=0.0, le=100.0, description=f"{PERCENT} 100 of the grid's capital, or null"
    )
    take_profit_pct: float | None = Field(
        default=None, gt=0.0, description="a percentage of the grid's capital above 0, or null"
    )
    range_low: float | None = Field(
        default=None, gt=0.0, description="a price above 0, with range_high, or null"
    )
    range_high: float | None = Field(
        default=None, gt=0.0, description="a price above range_low, or null"
    )
    seed_inventory: bool | None = Field(
        default=None, description="true (buy half of the lots at the start), false or null"
    )

    def said(self) -> dict[str, Any]:
        """What is not null, by its name in GridSpec."""
        named = {name: getattr(self, name) for name in PairGrid.model_fields}
        return {name: value for name, value in named.items() if value is not None}


class GridSettings(PairGrid):
    """For all pairs, and by pair; and when a grid may open."""

    pairs: dict[str, PairGrid] = Field(
        default={}, description="a section of pairs, each with the numbers of its own grid"
    )
    fee_pct: float = Field(
        default=0.1, ge=0.0, le=5.0, description="the fee of one order as a percentage from 0 to 5"
    )
    armed_levels: int = Field(
        default=40, ge=1, le=1000, description="a whole number from 1 to 1000 over all pairs"
    )
    min_volatility_pct: float = Field(
        default=40.0, ge=0.0, description="a volatility in percent a year, 0 or more"
    )
    max_hurst: float = Field(default=0.5, ge=0.0, le=1.0, description="a number from 0 to 1")
    max_range_share: float = Field(
        default=0.5,
        gt=0.0,
        description="the range of the last week as a share of upper + lower bound, above 0",
    )
    rotate_after_orders: int | None = Field(
        default=200, ge=10, description="a number of orders of one trade, 10 or more, or null"
    )
    max_spread_pct: float = Field(
        default=0.05, ge=0.0, le=5.0, description="a percentage from 0 to 5"
    )

    def spec(self, pair: str, preset: Mapping[str, Any]) -> GridSpec:
        """The grid of a pair: its own numbers, else those for all pairs, else the preset's."""
        own = self.pairs[pair].said() if pair in self.pairs else {}
        return GridSpec(**{**preset, **self.said(), **own})
