"""GridTrader: buys a little on each step down and sells it one step higher. Spot, 5m candles."""

import logging
from datetime import datetime
from typing import Any, ClassVar

from freqtrade.persistence import Order, Trade
from freqtrade.strategy import DecimalParameter, IntParameter, merge_informative_pair
from pandas import DataFrame

from aquatrade.base_strategy import AquatradeStrategy
from aquatrade.grid.desk import GridDesk
from aquatrade.grid.drawing import grid_annotations
from aquatrade.grid.fitness import hourly_fitness
from aquatrade.grid.opening import GOES_ON, obstacle, refusal
from aquatrade.grid.play import Wish
from aquatrade.grid.spec import GridSpec
from aquatrade.presets import Preset
from aquatrade.settings import AquatradeSettings, SettingsError
from aquatrade.unused_callbacks import let_read

logger = logging.getLogger(__name__)

# They read a trade and do not change it.
READERS = (
    "adjust_trade_position", "custom_exit", "custom_entry_price", "custom_exit_price",
    "order_filled",
)  # fmt: skip
SPECIFIED = {"spacing_pct": 0.5, "levels": 20, "bound_pct": 10.0, "rebalance_pct": 8.0}


class GridTrader(AquatradeStrategy):
    """A grid of buys below a centre and sells above it, on each pair one.

    Idea: a price that goes to and fro pays a step less its costs each time. Market: spot, long
    only. Timeframe: 5m (backtest with --timeframe-detail 1m where there are such candles).

    Entry: a new grid opens around the price where the market suits it: 30-day realised volatility
    > 40 % a year, Hurst exponent < 0.5, range of the last 168 h at most half of upper + lower
    bound, spacing > 2 x the fees of a round trip, and (dry-run and live) spread at most 0.05 %. It
    holds no coins. Each line that the price comes down through is bought (50 USD); the first of
    them opens freqtrade's trade. "seed_inventory" buys half of the lots at once.
    Exit: each lot is sold one line above its buy; the line then waits for the next fall. Only the
    40 lines nearest to the price, split evenly over the pairs, are armed to buy; a sell always is.
    Rebalance: more than 8 % from the centre, the lines that wait are dropped and laid anew around
    the price; lots keep their sells and use up levels.
    Rotation: a trade of 200 orders is sold and bought again, once it holds little: freqtrade slows.
    Stop: the whole grid is sold ("grid_stop") when its realised and unrealised profit together
    fall to -15 % of its capital (levels x stake: 1,000 USD); "take_profit_pct" likewise, off by
    default. Freqtrade's own stop, 40 % under the entry, is for the case that nobody counts.
    Sizing: "aquatrade.grid.stake_usd" a level; "aquatrade.sizing" does not apply. Most it can lose
    on one grid, from its start: 15 % of its capital (150 USD), plus the fee and the gap of the last
    sale: sold at half of the stop's price, it is what that sale brings less; never more than its
    capital and the profit it had made: 1,000 USD x (1 + 0.1 %) at the very worst.
    Protections: a day without entries after a drawdown of 10 % within a week; a pair whose grid was
    stopped rests for a day. They stop new lots, too; nothing stops a sell.
    Score layers: none decides ("aquatrade.scores.filter" is asked when a grid opens).

    Target: win rate > 55 %, 15 to 25 round trips a week. Evidence, Binance 2022-02 to 2024: 99 %
    of the round trips win at 0.1 % a side, 25 a week and pair, and BTC, ETH and SOL lose 9, 27 and
    68 % of a grid's capital; at 0.3 % more than all of it. Each stop sells the low, and in between
    it holds what falls and has sold what rises. Live only with "accept_negative_evidence".
    docs/strategies/grid-trader.md has figures, and what freqtrade cannot do: one working order a
    trade, so lines are virtual and an order goes out when the price crosses one.
    """

    FAMILY = "grid"
    REGIME_KIND = "reversion"
    STANDING_TAGS: ClassVar[frozenset[str]] = frozenset({GOES_ON})
    DEFAULT_PRESET = "specified"
    PRESETS: ClassVar[dict[str, Preset]] = {
        "specified": Preset(
            stop_pct=40.0,
            minimal_roi={"0": 1000.0},
            buy=SPECIFIED,
            sell={"grid_stop_pct": 15.0},
            searched=frozenset({*SPECIFIED, "grid_stop_pct"}),
            evidence="BTC ETH SOL 2022-02 to 2024, in % of a grid's capital over the three years: "
            "-9 -27 -68 at 0.1 % a side, -210 -206 -220 at 0.3 %; round trips 99 % won at 0.1 %, "
            "37 % at 0.3 %, 73 a week; 16 stops of 154 USD or more",
            trades_a_year=500.0,
            lost_when_measured=True,
            measured_pairs=3,
            sizing={"method": "fixed", "stake_usd": 50.0},
        ),
    }

    timeframe = "5m"
    fitness_timeframe = "1h"
    can_short = False
    startup_candle_count = 750  # hourly ones for the 30 days
    position_adjustment_enable = True
    max_entry_position_adjustment = -1
    use_exit_signal = True
    exit_profit_only = False
    use_custom_stoploss = False
    process_only_new_candles = True

    stake_usd = 50.0
    volatility_days = 30
    rest_hours = 168

    spacing_pct = DecimalParameter(0.4, 3.0, default=0.5, decimals=1, space="buy")
    levels = IntParameter(5, 40, default=20, space="buy")
    bound_pct = DecimalParameter(5.0, 40.0, default=10.0, decimals=0, space="buy")
    rebalance_pct = DecimalParameter(3.0, 30.0, default=8.0, decimals=0, space="buy")
    score_threshold = IntParameter(50, 85, default=60, space="buy")
    grid_stop_pct = DecimalParameter(5.0, 60.0, default=15.0, decimals=0, space="sell")
    drawdown_pct = IntParameter(5, 25, default=10, space="protection")

    plot_config = {
        "main_plot": {},
        "subplots": {
            "Volatility %": {"volatility_pct_1h": {"color": "#a060c0"}},
            "Hurst": {"hurst_1h": {"color": "#4090e0"}},
            "Range of a week %": {"range_pct_1h": {"color": "#e0a030"}},
            "May open": {"grid_fit": {"color": "#30a060"}},
        },
    }

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.grids = self.settings.grid
        why = refusal(self.grids.pairs, self.grid_spec, self.grids.fee_pct)
        if why is not None:
            raise SettingsError(why)
        self.desk = GridDesk(
            spec_of=self.grid_spec,
            pairs=lambda: self.dp.current_whitelist(),
            armed_levels=self.grids.armed_levels,
            fee_rate=self.grids.fee_pct / 100.0,
            trades_now=self._trades_now,
            is_settled=self.orphans.is_settled,
            rotate_after=self.grids.rotate_after_orders,
        )
        self.orphans.tag_of = self.desk.sent_tag
        for name in READERS:
            let_read(self, name)

    @property
    def protections(self) -> list[dict[str, Any]]:
        return [
            {
                "method": "MaxDrawdown",
                "calculation_mode": "equity",
                "lookback_period": 7 * 24 * 60,
                "trade_limit": 1,
                "max_allowed_drawdown": self.drawdown_pct.value / 100.0,
                "stop_duration": 24 * 60,
            },
            {
                "method": "LowProfitPairs",
                "lookback_period": 60,
                "trade_limit": 1,
                "required_profit": -0.02,
                "stop_duration": 24 * 60,
            },
        ]

    @classmethod
    def unprofitable_by_arithmetic(cls, settings: AquatradeSettings) -> str | None:
        """Why fees alone eat what a step can earn, in one line; None if they do not."""
        preset = cls.PRESETS[settings.preset or cls.DEFAULT_PRESET]
        spacing = {"spacing_pct": preset.buy["spacing_pct"]}
        grids = settings.grid
        return refusal(grids.pairs, lambda pair: grids.spec(pair, spacing), grids.fee_pct)

    def grid_spec(self, pair: str) -> GridSpec:
        """The grid of a pair: parameters, then the config for all pairs, then its own."""
        numbers = {
            "spacing_pct": float(self.spacing_pct.value),
            "levels": int(self.levels.value),
            "stake_usd": self.stake_usd,
            "lower_bound_pct": float(self.bound_pct.value),
            "upper_bound_pct": float(self.bound_pct.value),
            "rebalance_pct": float(self.rebalance_pct.value),
            "stop_pct": float(self.grid_stop_pct.value),
        }
        return self.grids.spec(pair, numbers)

    # -- when a grid may open -------------------------------------------------------------------

    def informative_pairs(self) -> list[tuple[str, str]]:
        hourly = [(pair, self.fitness_timeframe) for pair in self.dp.current_whitelist()]
        return [*super().informative_pairs(), *hourly]

    def ft_advise_signals(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Only a backtest or a hyperopt epoch comes here, before its first candle."""
        self.desk.book.forget()
        return super().ft_advise_signals(dataframe, metadata)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        hourly = self.dp.get_pair_dataframe(metadata["pair"], self.fitness_timeframe)
        fitness = hourly_fitness(hourly, self.volatility_days, self.rest_hours)
        dataframe = merge_informative_pair(
            dataframe, fitness, self.timeframe, self.fitness_timeframe, ffill=True
        )
        return self.scores.join(dataframe, metadata["pair"])

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        spec = self.grid_spec(metadata["pair"])
        widest_pct = self.grids.max_range_share * (spec.lower_bound_pct + spec.upper_bound_pct)
        fits = (
            (dataframe["volatility_pct_1h"] > self.grids.min_volatility_pct)
            & (dataframe["hurst_1h"] < self.grids.max_hurst)
            & (dataframe["range_pct_1h"] <= widest_pct)
            & (dataframe["volume"] > 0)
            & self.regime_allows(dataframe)
            & self.market.is_up(dataframe)
            & self.scores.allows(dataframe, self.score_threshold.value)
        )
        dataframe["grid_fit"] = fits.astype(int)
        # A grid that is there goes on in any market; whether there is one, no candle knows:
        # custom_entry_price does, and opens a new one only on the tag of a market that suits it.
        dataframe.loc[dataframe["volume"] > 0, ["enter_long", "enter_tag"]] = (1, GOES_ON)
        dataframe.loc[fits, "enter_tag"] = self.entry_tags(dataframe, fits)
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["exit_long"] = 0
        return dataframe

    def _obstacle(self, pair: str, entry_tag: str | None) -> str | None:
        """Why no new grid may open on the pair now; None if one may."""
        return obstacle(
            self.grid_spec(pair),
            entry_tag,
            self.grids.fee_pct,
            self.grids.max_spread_pct,
            (lambda: self.dp.orderbook(pair, 1)) if self._trades_now else None,
        )

    # -- the first lot: a trade begins ----------------------------------------------------------

    def custom_entry_price(
        self,
        pair: str,
        trade: Trade | None,
        current_time: datetime,
        proposed_rate: float,
        entry_tag: str | None,
        **kwargs: Any,
    ) -> float:
        """The lines' price. Without a trade: what the grid of the pair wants is found out here."""
        if trade is not None:
            return self.desk.buy_price(trade) or proposed_rate
        wish = self._entry_wish(pair, proposed_rate, current_time, entry_tag)
        return proposed_rate if wish is None else wish.price

    def _entry_wish(
        self, pair: str, rate: float, now: datetime, entry_tag: str | None
    ) -> Wish | None:
        """What the grid of a pair without a trade buys now; None, and why, if nothing."""
        try:
            wish, self.no_stake_reason = self.desk.entry_for(
                pair, rate, now, lambda: self._obstacle(pair, entry_tag)
            )
        except Exception:
            logger.exception("the grid of %s cannot be told, nothing is bought", pair)
            wish, self.no_stake_reason = None, "its grid could not be told, see the log"
        return wish

    def custom_stake_amount(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_stake: float,
        min_stake: float | None,
        max_stake: float,
        leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        """The stake of the lines that were crossed; 0 where the grid wants nothing."""
        was_asked, wish = self.desk.entry_stake(pair)
        if not was_asked:  # freqtrade asks for no price of a market order (lookahead-analysis)
            wish = self._entry_wish(pair, current_rate, current_time, entry_tag)
        if wish is None:
            return 0.0
        stake = min(wish.stake, max_stake)
        if stake < (min_stake or 0.0):
            self.no_stake_reason = f"{stake:.2f} is under the exchange's minimum"
            return 0.0
        return stake

    # -- all other lots -------------------------------------------------------------------------

    def adjust_trade_position(
        self,
        trade: Trade,
        current_time: datetime,
        min_stake: float | None,
        max_stake: float,
        current_entry_rate: float,
        current_exit_rate: float,
        **kwargs: Any,
    ) -> tuple[float, str] | None:
        """(stake, tag) of the lines that the price has crossed; their levels wait for the order."""
        try:
            return self.desk.adjustment(
                trade, current_entry_rate, current_exit_rate, min_stake or 0.0, max_stake,
                current_time,
            )  # fmt: skip
        except Exception:
            logger.exception("the grid of %s cannot be told, nothing is done", trade.pair)
            return None

    def custom_exit_price(
        self, trade: Trade, proposed_rate: float, exit_tag: str | None, **kwargs: Any
    ) -> float:
        """The lines' price for what they sell; the market's for everything else."""
        return self.desk.sell_price(trade, exit_tag or "") or proposed_rate

    def custom_exit(
        self, trade: Trade, current_time: datetime, current_rate: float, **kwargs: Any
    ) -> str | None:
        """Whether the whole grid has lost, or earned, enough; or its trade has too many orders."""
        return self.desk.reason_to_end(trade, current_rate, current_time)

    def order_filled(
        self, pair: str, trade: Trade, order: Order, current_time: datetime, **kwargs: Any
    ) -> None:
        self.desk.filled(trade)
        if self._trades_now:
            super().order_filled(pair, trade, order, current_time, **kwargs)

    # -- what is shown --------------------------------------------------------------------------

    def plot_annotations(
        self,
        pair: str,
        start_date: datetime,
        end_date: datetime,
        dataframe: DataFrame,
        **kwargs: Any,
    ) -> list[dict[str, Any]]:
        """The lines of the grid, what it holds, its centre and its stop."""
        state = self.desk.grid_of(pair)
        fee_rate = self.grids.fee_pct / 100.0
        return [] if state is None else grid_annotations(state, start_date, end_date, fee_rate)
