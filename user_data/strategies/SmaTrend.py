"""SmaTrend: rides the trend from a golden cross until it ends. Spot, 4h or 1d candles."""

from typing import Any, ClassVar

import talib
from freqtrade.persistence import Trade
from freqtrade.strategy import CategoricalParameter, DecimalParameter, IntParameter
from pandas import DataFrame

from aquatrade.atr_stop_strategy import NO_TARGET, AtrStopStrategy, pause_after_drawdown
from aquatrade.atr_stops import give_back_stop
from aquatrade.crossing import crosses_above
from aquatrade.oscillators import window_mean
from aquatrade.presets import Preset

CROSS = {"fast_candles": 50, "slow_candles": 200}
RIDE_SEARCH = frozenset({"fast_candles", "slow_candles", "stop_atr", "drawdown_pct"})
SPECIFIED_SEARCH = RIDE_SEARCH | {"arm_atr", "give_back_pct"}


class SmaTrend(AtrStopStrategy):
    """The trend follower: bought on a golden cross, held until the means cross back.

    Idea: a few trends are long enough to pay for all the false starts, if they are left to run.
    Market: spot, long only. Timeframe: that of the preset, acts on the close. Pairs: 17 or more, as
    a pair crosses about six times a year on 4h and once on 1d.

    Presets (config key "aquatrade.preset"):
    - `ride` (default), 4h. Entry: SMA(50) crosses above SMA(200) while BTC closed above its mean of
      600 candles (100 days). Exit: SMA(50) below SMA(200). Stop: 8 x ATR(14), it never moves.
    - `specified_4h`, `specified_1d`. Entry and exit by the same cross, without BTC. Stop: 2 x
      ATR(14); once a profit of 2 x ATR(14) stood open, at most half of the largest is given back.

    Stop: in ATR of the candle that gave the signal, at most `stop_pct` of the price; it moves at
    the close of a candle and never back.
    Sizing: `ride` stakes a tenth of the capital x 40 % over the pair's volatility of 30 days (in
    percent a year), at most a fifth; the others risk 2 % of the capital to the stop.
    Most it can lose on one trade, costs of 0.15 % a side included: 50.2 % of the stake with `ride`
    (at a fifth of the capital 10 % of it), 30.3 % of the stake with `specified_4h` and 50.2 % of
    the stake with `specified_1d` (2 % of the capital each, whatever the distance). Where the ATR
    is smaller, as it mostly is, less. A gap through the stop takes the stake x the gap.
    Protections (freqtrade's own): a week's pause after a 20 % drawdown of the equity in 30 days.

    Score layers: kept with each trade; they decide only if "aquatrade.scores.filter" is on.

    Target: win rate > 60 %, 2 to 4 trades a week: no trend follower wins that often, see below.
    Evidence: docs/strategies/sma-trend.md, with tables, years, intervals and how to repeat them.
    """

    FAMILY = "trend"
    REGIME_KIND = "trend"
    DEFAULT_PRESET = "ride"
    PRESETS: ClassVar[dict[str, Preset]] = {
        "ride": Preset(
            stop_pct=50.0,
            minimal_roi=NO_TARGET,
            buy=CROSS,
            sell={"stop_atr": 8.0},
            searched=RIDE_SEARCH,
            evidence="42 pairs 2018-2024 at 0.3 % a side: 652 trades, win 38 %, mean +36.4 % "
            "[+11.5, +71.9], profit factor 6.4; 2018 and 2022 negative",
            trades_a_year=96.0,
            measured_pairs=42,
            timeframe="4h",
            startup_candles=600,
            sizing={"method": "volatility", "fraction_pct": 20.0, "target_volatility_pct": 20.0,
                    "volatility_candles": 180, "stake_usd": None},
            market_mean_candles=600,
        ),
        "specified_4h": Preset(
            stop_pct=30.0,
            minimal_roi=NO_TARGET,
            buy=CROSS,
            sell={"stop_atr": 2.0, "arm_atr": 2.0, "give_back_pct": 50.0},
            searched=SPECIFIED_SEARCH,
            evidence="42 pairs 2018-2024 at 0.1 | 0.3 % a side: 1160 trades, win 47 %, mean "
            "-0.56 | -0.95 % [-1.64, -0.26], profit factor 0.72",
            lost_when_measured=True,
            trades_a_year=190.0,
            measured_pairs=42,
            timeframe="4h",
            startup_candles=250,
            sizing={"method": "risk", "risk_pct": 2.0, "stake_usd": None},
        ),
        "specified_1d": Preset(
            stop_pct=50.0,
            minimal_roi=NO_TARGET,
            buy=CROSS,
            sell={"stop_atr": 2.0, "arm_atr": 2.0, "give_back_pct": 50.0},
            searched=SPECIFIED_SEARCH,
            evidence="42 pairs 2019-2024 at 0.1 | 0.3 % a side: 196 trades, win 46 %, mean "
            "+0.33 | -0.07 % [-4.90, +4.86], profit factor 0.99",
            lost_when_measured=True,
            trades_a_year=34.0,
            measured_pairs=42,
            timeframe="1d",
            startup_candles=250,
            sizing={"method": "risk", "risk_pct": 2.0, "stake_usd": None},
        ),
    }  # fmt: skip

    timeframe = "4h"
    can_short = False
    startup_candle_count = 600
    # A backtest enters at the next open or not at all.
    ignore_buying_expired_candle_after = 1800

    GROSS_PCT: ClassVar[dict[str, float]] = {
        "ride": 37.2,
        "specified_4h": -0.36,
        "specified_1d": 0.53,
    }
    atr_period = 14

    fast_candles = CategoricalParameter([20, 30, 40, 50, 60, 80], default=50, space="buy")
    slow_candles = CategoricalParameter([100, 150, 200, 250], default=200, space="buy")
    score_threshold = IntParameter(50, 85, default=60, space="buy")
    stop_atr = DecimalParameter(1.0, 12.0, default=2.0, decimals=1, space="sell")
    arm_atr = DecimalParameter(0.5, 10.0, default=2.0, decimals=1, space="sell")
    give_back_pct = DecimalParameter(20.0, 90.0, default=50.0, decimals=0, space="sell")
    drawdown_pct = IntParameter(10, 40, default=20, space="protection")

    plot_config = {
        "main_plot": {"mean_fast": {"color": "#4090e0"}, "mean_slow": {"color": "#e0a030"}},
        "subplots": {
            "ATR": {"atr": {"color": "#a060c0"}},
            "Market up": {"market_up": {"color": "#30a060"}},
        },
    }

    @property
    def stop_moves(self) -> bool:
        return "give_back_pct" in self.preset.sell

    @property
    def protections(self) -> list[dict[str, Any]]:
        return [pause_after_drawdown(self.drawdown_pct.value, days=7)]

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        close = dataframe["close"].to_numpy()
        for candles in {*self.fast_candles.range, *self.slow_candles.range}:
            dataframe[f"sma_{candles}"] = window_mean(close, candles)
        dataframe["atr"] = talib.ATR(
            dataframe["high"], dataframe["low"], dataframe["close"], timeperiod=self.atr_period
        )
        dataframe["market_up"] = self.market.is_up(dataframe).astype("float64")
        return self.scores.join(dataframe, metadata["pair"])

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["mean_fast"] = dataframe[f"sma_{self.fast_candles.value}"]
        dataframe["mean_slow"] = dataframe[f"sma_{self.slow_candles.value}"]
        signals = (
            crosses_above(dataframe["mean_fast"], dataframe["mean_slow"])
            & (dataframe["market_up"] > 0.0)  # so throughout where the preset does not ask
            & (dataframe["volume"] > 0)
            & self.regime_allows(dataframe)
            & self.scores.allows(dataframe, self.score_threshold.value)
        )
        dataframe.loc[signals, "enter_long"] = 1
        dataframe.loc[signals, "enter_tag"] = self.entry_tags(dataframe, signals)
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        below = dataframe["mean_fast"] < dataframe["mean_slow"]
        dataframe.loc[below, ["exit_long", "exit_tag"]] = (1, "crossed_below")
        return dataframe

    def trailed_stop(self, trade: Trade, closed: DataFrame, risk: float, present: float) -> float:
        """Half of the largest open profit is kept once it was two ATR of the entry."""
        return give_back_stop(
            open_rate=trade.open_rate,
            armed_at=risk * self.arm_atr.value / self.stop_atr.value,
            best=self.best_price(trade, closed),
            share=self.give_back_pct.value / 100.0,
            present=present,
            is_short=trade.is_short,
        )
