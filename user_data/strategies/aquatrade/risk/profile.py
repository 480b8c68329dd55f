"""The limits of a risk profile: config section "aquatrade.risk", for a bot and for the guard.

None always means: this rule is off. Percentages are of the equity unless it says otherwise.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Percentage = Annotated[float, Field(gt=0.0, le=100.0)]
Share = Annotated[float, Field(gt=0.0, le=1.0)]
Hour = Annotated[int, Field(ge=0, le=24)]
HourWindow = Annotated[tuple[Hour, Hour], Strict(False)]  # JSON has lists, no tuples


class LossLimit(Section):
    """What happens when a period has lost too much. Entries and their open orders always go."""

    limit_pct: Percentage = Field(
        description="a percentage of the equity at the period's start above 0 and up to 100"
    )
    close: Literal["nothing", "all"] | list[str] = Field(
        default="nothing",
        description='"nothing", "all", or a list of families of strategies like ["momentum"]',
    )
    resume: Literal["next_period", "after_hours", "by_hand", "config_change"] = Field(
        default="by_hand",
        description='"next_period", "after_hours", "by_hand" or "config_change"',
    )
    off_hours: float = Field(
        default=24.0, gt=0.0, le=8784.0, description="hours above 0, for resume after_hours"
    )
    recovery_hours: float = Field(
        default=0.0, ge=0.0, le=8784.0, description="hours of smaller stakes after the resume"
    )
    recovery_factor: Share = Field(
        default=0.5, description="what stakes are multiplied by meanwhile, above 0 and up to 1"
    )
    each_bot_alone: bool = Field(
        default=False,
        description="true (each bot's own loss stops that bot) or false (in the guard that of all)",
    )


class CorrelationRule(Section):
    """Log returns of hourly candles; a cluster is what is linked at more than `link_above`."""

    hours: int = Field(default=720, ge=48, le=8784, description="hourly returns to look at")
    block_above: Share = Field(
        default=0.85, description="same direction, correlated above this: no entry"
    )
    link_above: Share = Field(default=0.70, description="correlated above this: one cluster")
    max_open_in_cluster: int = Field(default=2, ge=1, le=100, description="open positions")


class WinStreak(Section):
    """Smaller stakes after many wins in a row, until the next loss."""

    wins: int = Field(default=5, ge=1, le=100, description="wins in a row")
    factor: Share = Field(default=0.5, description="what stakes are multiplied by")


class QuietHours(Section):
    """Hours in which an entry needs a better score."""

    windows: list[HourWindow] = Field(
        default=[(4, 8), (20, 24)],
        description="[[from, to], ...] in whole hours UTC, `to` excluded",
    )
    extra_points: float = Field(
        default=5.0, ge=0.0, le=100.0, description="points of score more than otherwise"
    )


class RiskProfile(Section):
    """All limits. Three profiles ship: risk-lab.json, risk-quant.json, risk-scalp.json."""

    name: str = Field(min_length=1, description="the profile's name, shown with every verdict")

    # -- one trade ------------------------------------------------------------------------------
    risk_per_trade_pct: Percentage | None = Field(
        default=None, description="the most a trade may lose at its stop, costs included"
    )
    max_order: float | None = Field(
        default=None,
        gt=0.0,
        description="the most of one order, leverage included, in stake currency",
    )
    max_cost_share_of_risk: Share | None = Field(
        default=None, description="round-trip cost over the distance of the stop, above 0 up to 1"
    )
    # -- losses (equity then: at the start of the UTC day, week from Monday, month) ---------------
    day: LossLimit | None = Field(default=None, description="a section: the daily loss")
    week: LossLimit | None = Field(default=None, description="a section: the weekly loss")
    month: LossLimit | None = Field(default=None, description="a section: the monthly loss")
    # -- what is open ---------------------------------------------------------------------------
    max_exposure_pct: float | None = Field(default=None, gt=0.0, description="all positions")
    max_pair_pct: float | None = Field(default=None, gt=0.0, description="one asset's positions")
    max_group_pct: float | None = Field(
        default=None, gt=0.0, description="the positions of one cluster of correlated pairs"
    )
    max_exchange_pct: float | None = Field(
        default=None, gt=0.0, description="one exchange's positions, once there are two"
    )
    reserve_pct: float = Field(
        default=0.0, ge=0.0, lt=100.0, description="cash that is never staked (guard)"
    )
    max_heat_pct: Percentage | None = Field(
        default=None, description="losses of all open trades at their stops"
    )
    min_heat_left_pct: Percentage = Field(
        default=1.0, description="less heat left than this refuses, more reduces the entry"
    )
    max_open_positions: int | None = Field(default=None, ge=1, description="a whole number")
    correlation: CorrelationRule | None = Field(default=None, description="a section")
    valve_minutes: float | None = Field(
        default=None, gt=0.0, description="no second bot into an asset within it (guard)"
    )
    one_bot_per_asset: bool = Field(
        default=False,
        description="true (no entry into an asset that another bot holds, grids aside; guard)",
    )
    # -- how often ------------------------------------------------------------------------------
    max_entries_per_hour: int | None = Field(default=None, ge=1, description="a whole number")
    max_entries_per_day: int | None = Field(default=None, ge=1, description="a whole number")
    rest_after_stop_minutes: float | None = Field(
        default=15.0, gt=0.0, description="minutes off a pair after a stop-loss on it"
    )
    win_streak: WinStreak | None = Field(default=None, description="a section")
    # -- the market and the machine -------------------------------------------------------------
    quiet_hours: QuietHours | None = Field(default=None, description="a section")
    max_atr_ratio: float | None = Field(
        default=3.0, gt=1.0, description="ATR over its 20-period mean: above it a pair is skipped"
    )
    max_candle_age: float | None = Field(
        default=2.0, gt=1.0, description="age of the newest closed candle, in candles"
    )
    max_clock_skew_seconds: float | None = Field(
        default=1.0, gt=0.0, description="seconds between this machine's clock and the exchange's"
    )
    max_exchange_silence_minutes: float | None = Field(
        default=5.0, gt=0.0, description="minutes without a good answer of the exchange"
    )
    # -- all bots -------------------------------------------------------------------------------
    stop_equity: float | None = Field(
        default=None, gt=0.0, description="equity of all bots at or under which all stops (guard)"
    )
    kill_file: str | None = Field(
        default=None, min_length=1, description="a file that halts entries while it exists"
    )
    # -- before live ----------------------------------------------------------------------------
    paper_days: int = Field(
        default=14, ge=0, le=366, description="days of paper trading before a live start"
    )
