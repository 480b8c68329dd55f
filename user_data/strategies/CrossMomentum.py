"""CrossMomentum: once a week holds the pairs that rose most. Spot, daily candles."""

import logging
import re
from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqtrade.persistence import Trade
from freqtrade.strategy import CategoricalParameter, IntParameter
from pandas import DataFrame

from aquatrade.base_strategy import AquatradeStrategy
from aquatrade.presets import Preset
from aquatrade.ranking import Standings, liquid, standings, universe_of
from aquatrade.settings import AquatradeSettings
from aquatrade.stake_figures import FreqtradeFigures
from aquatrade.unused_callbacks import let_read

logger = logging.getLogger(__name__)

NO_TARGET = {"0": 100.0}  # +10,000 %: never
SUNDAY = 6
CANDLE = timedelta(days=1)
SHARES = ("volatility", "fraction")  # methods of sizing that give a position a share
PAIR_NAME = re.compile(r"\w+/\w+(:\w+)?")  # not an expression that stands for several


class CrossMomentum(AquatradeStrategy):
    """Strength of pairs against each other: once a week the strongest are held, the rest sold.

    Idea: what rose most of all in the last weeks goes on rising a little longer than the rest.
    Market: spot, long only. Timeframe: 1d. Pairs: as many as are liquid; 25 of them compete.
    Preset `weekly`. On Sunday's close (Monday, 00:00 UTC) the 25 pairs of the list with most
    turnover in 30 days are ranked by their return of 28 days.
    Entry: one of the first five, its return above 0, BTC above its mean of 100 days.
    Exit: at the rebalance, not among those any more; on any day, BTC under its mean. Stop: -40 %.
    A pair needs candles of 100 days; one whose candle is missing is not ranked, and sold.

    Sizing: 20 % of the capital x min(1, 40 % / its volatility of 30 days). At the rebalance what
    has outgrown its share by a quarter is cut back to it; nothing is added to a position.
    Most it can lose on one trade: 40.2 % of the stake at 0.15 % a side, 8.1 % of the capital with
    a full share. A market that gaps through the stop takes the stake x the gap.
    Protections: a week without entries after a drawdown of 25 % of the equity within 30 days.
    Score layers: kept with the trade, they decide nothing.

    Evidence, 42 pairs, Binance 2018 to 2024 at 0.3 % a side: 376 trades, win 44 %, mean
    +9.4 % [+4.2, +15.2], median -2.2 %; from 2019 47 % a year, Sharpe 1.8, drawdown 29 %; 2022 lost
    7 %. The pairs are those that people still traded at the end, which flatters this strategy more
    than any other. docs/strategies/cross-momentum.md has years and neighbours.
    """

    FAMILY = "trend"
    REGIME_KIND = "trend"
    DEFAULT_PRESET = "weekly"
    PRESETS: ClassVar[dict[str, Preset]] = {
        "weekly": Preset(
            stop_pct=40.0,
            minimal_roi=NO_TARGET,
            buy={"return_days": 28, "top_pairs": 5},
            sell={},
            searched=frozenset({"return_days", "top_pairs", "drawdown_pct"}),
            evidence="42 pairs 2018-2024 at 0.3 % a side: 376 trades, win 44 %, mean +9.36 % "
            "[+4.22, +15.16]; from 2019 47 % a year, Sharpe 1.79, drawdown 29 %, 2022 -7 %",
            trades_a_year=71.0,
            measured_pairs=42,
            sizing={"method": "volatility", "fraction_pct": 20.0, "target_volatility_pct": 40.0,
                    "volatility_candles": 30, "stake_usd": None},
            market_mean_candles=100,
        ),
    }  # fmt: skip

    gross_pct = 9.9  # mean of a trade before costs, as measured

    timeframe = "1d"
    can_short = False
    startup_candle_count = 101  # 100 for BTC's mean
    use_exit_signal = True
    exit_profit_only = False
    process_only_new_candles = True
    # A pair that is sold has to leave its slot first: entries wait for it, but not all day.
    ignore_buying_expired_candle_after = 6 * 3600

    rebalance_weekday = SUNDAY  # of the candle: it closes on Monday, 00:00 UTC
    position_adjustment_enable = True
    share_window = timedelta(hours=1)  # after the rebalance; a backtest knows its open alone
    share_band_pct = 25.0  # a position may grow so far above its share

    liquid_pairs = 25
    liquidity_days = 30
    history_days = 100

    return_days = CategoricalParameter([14, 21, 28, 42, 56], default=28, space="buy")
    top_pairs = IntParameter(3, 8, default=5, space="buy")
    drawdown_pct = IntParameter(10, 40, default=25, space="protection")

    plot_config = {
        "main_plot": {},
        "subplots": {
            "Rank": {"rank": {"color": "#4090e0"}},
            "Return %": {"momentum_pct": {"color": "#30a060"}},
        },
    }

    _standings: dict[int, Standings] | None = None
    _standings_of: tuple[Any, ...] = ()

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        if not self._trades_now:
            let_read(self, "adjust_trade_position")

    @property
    def protections(self) -> list[dict[str, Any]]:
        return [
            {
                "method": "MaxDrawdown",
                "calculation_mode": "equity",
                "lookback_period_candles": 30,
                "trade_limit": 5,
                "max_allowed_drawdown": self.drawdown_pct.value / 100.0,
                "stop_duration_candles": 7,
            }
        ]

    @classmethod
    def unprofitable_by_arithmetic(cls, settings: AquatradeSettings) -> str | None:
        """Why costs alone eat what a trade earned before them, in one line; None if not."""
        round_trip_pct = 2.0 * settings.sizing.cost_pct_per_side
        if cls.gross_pct > round_trip_pct:
            return None
        return (
            f"a round trip costs 2 x {settings.sizing.cost_pct_per_side:g} % = "
            f"{round_trip_pct:g} %, a trade earned {cls.gross_pct:g} % before costs: expected more "
            "than it costs"
        )

    def universe_pairs(self) -> list[str]:
        """The pairs that are ranked against each other."""
        if self._trades_now:
            return list(self.dp.current_whitelist())
        # Freqtrade's analyses cut the whitelist to one pair and leave all of it under "pairs".
        named = [*(self.config.get("pairs") or []), *self.config["exchange"]["pair_whitelist"]]
        return sorted({pair for pair in named if PAIR_NAME.fullmatch(pair)})

    def standings(self) -> dict[int, Standings]:
        """Of all pairs by number of days, worked out anew only when a candle is another."""
        candles = {
            pair: self.dp.get_pair_dataframe(pair, self.timeframe) for pair in self.universe_pairs()
        }
        state = tuple(
            (pair, len(frame), *(frame[name].iat[-1] for name in ("date", "close", "volume")))
            for pair, frame in candles.items()
            if len(frame)
        )
        if self._standings is None or state != self._standings_of:
            universe = universe_of(candles)
            competing = liquid(
                universe,
                pairs=self.liquid_pairs,
                days=self.liquidity_days,
                history_days=self.history_days,
            )
            self._standings = {
                days: standings(universe, competing, days) for days in self.return_days.range
            }
            self._standings_of = state
        return self._standings

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        for days, table in self.standings().items():
            returns, places = table.of(metadata["pair"], dataframe["date"])
            dataframe[f"return_{days}"], dataframe[f"rank_{days}"] = returns, places
        dataframe["market_is_up"] = self.market.is_up(dataframe)
        return self.scores.join(dataframe, metadata["pair"])

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["rank"] = dataframe[f"rank_{self.return_days.value}"]
        dataframe["momentum_pct"] = 100.0 * dataframe[f"return_{self.return_days.value}"]
        signals = (
            self.is_rebalance(dataframe)
            & self.is_chosen(dataframe)
            & (dataframe["volume"] > 0)
            & self.regime_allows(dataframe)
        )
        dataframe.loc[signals, "enter_long"] = 1
        dataframe.loc[signals, "enter_tag"] = self.entry_tags(dataframe, signals)
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        fallen = self.is_rebalance(dataframe) & ~self.is_in_the_top(dataframe)
        dataframe.loc[fallen, ["exit_long", "exit_tag"]] = (1, "out_of_the_top")
        down = self.market.is_down(dataframe)  # on any day
        dataframe.loc[down, ["exit_long", "exit_tag"]] = (1, "market_down")
        return dataframe

    def is_rebalance(self, dataframe: DataFrame) -> Any:
        """The candles whose close is the moment to choose."""
        return dataframe["date"].dt.day_of_week == self.rebalance_weekday

    def is_chosen(self, dataframe: DataFrame) -> Any:
        """Whether the pair belongs to those that are bought after the candle's close."""
        return self.is_in_the_top(dataframe) & dataframe["market_is_up"]

    def is_in_the_top(self, dataframe: DataFrame) -> Any:
        """Whether the pair is among the best, and rose."""
        is_best = dataframe["rank"] <= self.top_pairs.value
        return is_best & (dataframe["momentum_pct"] > 0.0)

    def adjust_trade_position(
        self,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        min_stake: float | None,
        max_stake: float,
        current_entry_rate: float,
        current_exit_rate: float,
        current_entry_profit: float,
        current_exit_profit: float,
        **kwargs: Any,
    ) -> tuple[float, str] | None:
        """At the rebalance a position that outgrew its share is cut back to it."""
        try:
            sold = self.outgrown_part(trade, current_exit_rate, current_time)
        except Exception:
            logger.exception("%s is not cut back", trade.pair)
            return None
        return (-sold * trade.stake_amount, "share") if sold > 0.0 else None

    def outgrown_part(self, trade: Trade, rate: float, now: datetime) -> float:
        """The part of a position that is above its share; 0 within the band, 1 is all of it."""
        if (now - CANDLE).weekday() != self.rebalance_weekday:
            return 0.0  # told from the time alone: a candle's row is dear in a backtest
        row = self.signal_row(trade.pair)
        if row is None or row["date"].weekday() != self.rebalance_weekday or trade.has_open_orders:
            return 0.0
        if now - row["date"] > CANDLE + self.share_window:
            return 0.0
        if self.settings.sizing.method not in SHARES:
            return 0.0  # the others tell what a new entry may have, not what a position should
        capital = FreqtradeFigures(self, trade.pair).capital()
        share = self._stake(trade.pair, "long", abs(self.stoploss) * 100.0, capital, 0.0).stake
        worth = trade.amount * rate
        if not share > 0.0 or worth <= share * (1.0 + self.share_band_pct / 100.0):
            return 0.0
        return 1.0 - share / worth
