"""MaCrossover: buys when a fast mean crosses above a slow one, sells when it is below. Spot."""

from typing import Any, ClassVar

from freqtrade.strategy import CategoricalParameter, IntParameter
from pandas import DataFrame

from aquatrade.base_strategy import AquatradeStrategy
from aquatrade.crossing import crosses_above
from aquatrade.measured_gross import eaten_by_costs
from aquatrade.oscillators import window_mean
from aquatrade.presets import Preset
from aquatrade.settings import AquatradeSettings

NO_TARGET = {"0": 100.0}  # +10,000 %: never


class MaCrossover(AquatradeStrategy):
    """The minimal strategy, the one to read first: two means of the close, and nothing else.

    Idea: when the mean of the last closes is above that of many more, the market has turned up.
    Market: spot, long only. Pair: BTC. Timeframe: 4h (`slow`) or 5m (`specified`).
    Presets: `slow` (default) means of 20 and 100 candles of 4h; `specified` of 9 and 21 of 5m.
    Entry: on the close that lays the fast mean above the slow one. At least 50 candles are known.
    Exit: on any close with the fast mean below the slow one. Emergency stop: -5 %.

    Sizing: one trade at a time. `specified` stakes 1 % of the capital, which is the free quote
    currency, as nothing else is open; `slow` so much that the stop loses 2 % of the capital.
    Most it can lose on one trade: 5.3 % of the stake at 0.15 % a side, that is 0.05 % of the
    capital with `specified` and 2 % with `slow`. A market that gaps through the stop takes the
    stake x the gap; the stake is 38 % of the capital with `slow`.
    Protections: after a trade the pair rests for a candle. Score layers: kept, they decide nothing.

    Evidence, BTC, Binance to 2024, mean net a trade at 0.1 % | 0.3 % a side: `slow` from 2017-08
    +5.8 % | +5.4 %, win 33 %, 13 trades a year; `specified` from 2021-09 -0.20 % | -0.60 %, before
    costs 0.00 %: it pays the exchange 3,000 times a year. docs/strategies/ma-crossover.md.
    """

    FAMILY = "trend"
    REGIME_KIND = "trend"
    DEFAULT_PRESET = "slow"
    PRESETS: ClassVar[dict[str, Preset]] = {
        "slow": Preset(
            stop_pct=5.0,
            minimal_roi=NO_TARGET,
            buy={"fast_candles": 20, "slow_candles": 100},
            sell={},
            searched=frozenset({"fast_candles", "slow_candles", "rest_candles"}),
            evidence="BTC 2017-08 to 2024 at 0.3 % a side: 99 trades, win 33 %, mean +5.40 % "
            "[+1.58, +9.85], profit factor 2.8; 21 % a year, Sharpe 1.1, drawdown 20 %",
            trades_a_year=13.0,
            timeframe="4h",
            startup_candles=120,
            sizing={"method": "risk", "risk_pct": 2.0, "stake_usd": None},
        ),
        "specified": Preset(
            stop_pct=5.0,
            minimal_roi=NO_TARGET,
            buy={"fast_candles": 9, "slow_candles": 21},
            sell={},
            searched=frozenset({"fast_candles", "slow_candles", "rest_candles"}),
            evidence="BTC 2021-09 to 2024 at 0.1 | 0.3 % a side: 9892 trades, win 19 | 9 %, mean "
            "-0.20 | -0.60 %, before costs 0.00 %",
            lost_when_measured=True,
            trades_a_year=2988.0,
            sizing={"method": "fraction", "fraction_pct": 1.0, "stake_usd": None},
        ),
    }  # fmt: skip

    # Mean of a trade before costs, as measured: what a round trip has to cost less than.
    GROSS_PCT: ClassVar[dict[str, float]] = {"slow": 6.0, "specified": 0.0}

    timeframe = "5m"
    can_short = False
    startup_candle_count = 50
    use_exit_signal = True
    exit_profit_only = False
    process_only_new_candles = True
    max_open_trades = 1
    ignore_buying_expired_candle_after = 240  # a later entry is not the one that was measured

    # Every fast one is under every slow one: any choice of the two is a crossover.
    fast_candles = CategoricalParameter([5, 9, 14, 20], default=20, space="buy")
    slow_candles = CategoricalParameter([21, 50, 100, 150, 200], default=100, space="buy")
    rest_candles = IntParameter(1, 12, default=1, space="protection")

    plot_config = {
        "main_plot": {"mean_fast": {"color": "#4090e0"}, "mean_slow": {"color": "#e0a030"}},
    }

    @property
    def protections(self) -> list[dict[str, Any]]:
        return [
            {"method": "CooldownPeriod", "stop_duration_candles": self.rest_candles.value},
        ]

    @classmethod
    def unprofitable_by_arithmetic(cls, settings: AquatradeSettings) -> str | None:
        """Why costs alone eat what a trade earned before them, in one line; None if not."""
        name = settings.preset or cls.DEFAULT_PRESET
        round_trip_pct = 2.0 * settings.sizing.cost_pct_per_side
        return eaten_by_costs(cls.GROSS_PCT[name], round_trip_pct)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        close = dataframe["close"].to_numpy()
        for candles in {*self.fast_candles.range, *self.slow_candles.range}:
            dataframe[f"sma_{candles}"] = window_mean(close, candles)
        return self.scores.join(dataframe, metadata["pair"])

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["mean_fast"] = dataframe[f"sma_{self.fast_candles.value}"]
        dataframe["mean_slow"] = dataframe[f"sma_{self.slow_candles.value}"]
        signals = (
            crosses_above(dataframe["mean_fast"], dataframe["mean_slow"])
            & (dataframe["volume"] > 0)
            & self.regime_allows(dataframe)
        )
        dataframe.loc[signals, "enter_long"] = 1
        dataframe.loc[signals, "enter_tag"] = self.entry_tags(dataframe, signals)
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        below = dataframe["mean_fast"] < dataframe["mean_slow"]
        dataframe.loc[below, ["exit_long", "exit_tag"]] = (1, "crossed_below")
        return dataframe
