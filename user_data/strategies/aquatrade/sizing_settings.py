"""How much is staked on one trade: config "aquatrade.sizing"."""

import math
from typing import Literal

from pydantic import Field

from aquatrade.risk.profile import Section


class SizingSettings(Section):
    """One method, and the numbers that the methods ask for. No stake is above stake_usd."""

    method: Literal["risk", "fixed", "fraction", "volatility", "kelly", "half_base"] = Field(
        default="risk",
        description=(
            '"risk", "fixed", "fraction", "volatility", "kelly" or "half_base", '
            "each with stake_usd as the most"
        ),
    )
    stake_usd: float | None = Field(
        default=200.0,
        gt=0.0,
        description="an amount of stake currency above 0, or null for no such limit",
    )
    risk_pct: float = Field(
        default=2.0,
        gt=0.0,
        le=10.0,
        description="a percentage of the bot's capital above 0 and up to 10",
    )
    cost_pct_per_side: float = Field(
        default=0.15,
        ge=0.0,
        le=5.0,
        description="fee plus slippage of one order as a percentage from 0 to 5",
    )
    fraction_pct: float = Field(
        default=10.0,
        gt=0.0,
        le=100.0,
        description="a percentage of the bot's capital above 0 and up to 100",
    )
    target_volatility_pct: float = Field(
        default=60.0,
        gt=0.0,
        le=1000.0,
        description="a volatility in percent a year above 0 and up to 1000",
    )
    volatility_candles: int = Field(
        default=168, ge=20, le=990, description="a whole number of candles from 20 to 990"
    )
    kelly_multiplier: float = Field(
        default=0.5, gt=0.0, le=1.0, description="a part of Kelly's fraction above 0 and up to 1"
    )
    kelly_cap_pct: float = Field(
        default=10.0,
        gt=0.0,
        le=100.0,
        description="a percentage of the bot's capital above 0 and up to 100",
    )
    kelly_min_trades: int = Field(
        default=50, ge=20, le=200, description="a whole number of closed trades from 20 to 200"
    )
    base_usd: float | None = Field(
        default=None,
        gt=0.0,
        description="the capital that the bot began with in stake currency, above 0, or null",
    )

    @property
    def most_usd(self) -> float:
        """No stake is above this; infinite without a limit."""
        return math.inf if self.stake_usd is None else self.stake_usd
