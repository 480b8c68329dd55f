"""BuyTheDip: buys a fall inside an uptrend and sells the rebound. Spot, 1h candles."""

from typing import Any, ClassVar

import talib
from freqtrade.strategy import DecimalParameter, IntParameter
from pandas import DataFrame

from aquatrade.base_strategy import AquatradeStrategy
from aquatrade.oscillators import change, ratio_to_mean, rsi_simple, rsi_wilder, window_mean
from aquatrade.presets import Preset
from aquatrade.settings import AquatradeSettings

CRASH_SEARCH = frozenset({"crash_drop_pct", "crash_hours", "rebound_candles", "drawdown_pct"})
SPECIFIED_SEARCH = frozenset(
    {"rsi_entry", "volume_ratio_min", "rsi_exit", "cooldown_candles", "stop_guard_trades",
     "drawdown_pct"}
)  # fmt: skip
HOLD_48_HOURS = {str(48 * 60): -1.0}  # freqtrade: from then on any profit is enough to leave
TAKE_5_PCT = {"0": 0.05}


class BuyTheDip(AquatradeStrategy):
    """The core bot: a dip is bought where the long trend still points up.

    Idea: a fast crash of a pair above its 200-hour mean is mostly forced selling, and rebounds.
    Market: spot, long only. Timeframe: 1h, acts on the close. Pairs: the more the better for
    `crash` (it waits for rare events); BTC, ETH, SOL for `specified`.

    Presets (config key "aquatrade.preset"):
    - `crash` (default). Entry: return of 6 h < -10 %, close > SMA(200), close < EMA(24).
      Exit: close > EMA(24), or after 48 h. Stop: -20 %.
    - `crash_often`. The same with -8 % and a stop of -15 %: about three times the trades.
    - `specified`. Entry: RSI(14) < 30, volume > 1.5 x its 20-period mean, close > SMA(200).
      Exit: RSI > 70, or +5 % profit after costs. Stop: -2 %. RSI with rolling means ("simple")
      or Wilder's: config key "aquatrade.rsi_method".

    Stop: a fixed distance below the entry; a restart with a wider preset never loosens it.
    Sizing: 200 USD a trade, less where the loss at the stop, costs included, would be above 2 % of
    the bot's capital. Most it can lose on one trade: stop + costs, that is 20.3 % of the stake
    with `crash` (40.54 USD of 200), 15.3 % with `crash_often`, 2.3 % with `specified`, at 0.15 % a
    side. A market that gaps through the stop takes the stake x the gap: 200 USD at the very worst.
    Protections (freqtrade's own): all presets pause a day after a 10 % drawdown of the equity
    within a week; `specified` also rests a pair for a candle after each trade and pauses for half
    a day after four stops in a day. No cooldown for `crash`: re-entries after a stop did best.

    Score layers: the entry score (technical, momentum, regime, sentiment) is kept with each trade;
    it decides only if "aquatrade.scores.filter" is on (threshold 60 in backtest and dry-run, 75
    live, tunable 50 to 85). Measured, it does not time entries: off by default.

    Target: win rate > 60 %, 3 to 5 trades a week before the score filter. Evidence, Binance 2017
    to 2024, freqtrade's backtester, mean net a trade at 0.1 % | 0.3 % a side: `crash` on 30 pairs
    +2.91 % | +2.50 %, win 80 %, 23 to 56 trades a year (204 in 2021); `crash_often` +1.48 % |
    +1.07 %, win 77 %, 49 to 140 a year (454 in 2021); `specified` -0.42 % | -0.88 % with Wilder's
    RSI (win 27 %, 0.4 trades a week), -0.17 % | -0.58 % with the simple one (win 38 %, 1.6 trades
    a week): it loses, and starts live only with "aquatrade.accept_negative_evidence".
    docs/strategies/buy-the-dip.md has tables, years, intervals and how to repeat them.
    """

    FAMILY = "dip"
    REGIME_KIND = "reversion"
    DEFAULT_PRESET = "crash"
    PRESETS: ClassVar[dict[str, Preset]] = {
        "crash": Preset(
            stop_pct=20.0,
            minimal_roi=HOLD_48_HOURS,
            buy={"crash_drop_pct": 10.0, "crash_hours": 6},
            sell={"rebound_candles": 24},
            searched=CRASH_SEARCH,
            evidence="30 pairs 2017-2024 at 0.3 % a side: 406 trades, win 78 %, mean +2.50 % "
            "[+1.87, +3.06], profit factor 2.4",
            trades_a_year=30.0,
            measured_pairs=30,
        ),
        "crash_often": Preset(
            stop_pct=15.0,
            minimal_roi=HOLD_48_HOURS,
            buy={"crash_drop_pct": 8.0, "crash_hours": 6},
            sell={"rebound_candles": 24},
            searched=CRASH_SEARCH,
            evidence="30 pairs 2017-2024 at 0.3 % a side: 992 trades, win 75 %, mean +1.07 % "
            "[+0.41, +1.61], every year positive",
            trades_a_year=88.0,
            measured_pairs=30,
        ),
        "specified": Preset(
            stop_pct=2.0,
            minimal_roi=TAKE_5_PCT,
            buy={"rsi_entry": 30, "volume_ratio_min": 1.5},
            sell={"rsi_exit": 70},
            searched=SPECIFIED_SEARCH,
            evidence="BTC ETH SOL 2017-2024 at 0.1 | 0.3 % a side: Wilder's RSI 168 trades, win "
            "27 %, mean -0.42 | -0.88 %; simple RSI 612 trades, win 38 %, mean -0.17 | -0.58 %",
            lost_when_measured=True,
            trades_a_year=91.0,
            measured_pairs=3,
        ),
    }

    timeframe = "1h"
    can_short = False
    startup_candle_count = 400  # 200 for the mean; an EMA(24) has then forgotten where it began
    use_exit_signal = True
    exit_profit_only = False
    process_only_new_candles = True
    # A backtest enters at the next open or not at all; an hour of delay costs 0.3 % a trade.
    ignore_buying_expired_candle_after = 600

    rsi_method = "simple"
    rsi_period = 14
    trend_candles = 200
    volume_candles = 20

    crash_drop_pct = DecimalParameter(6.0, 14.0, default=10.0, decimals=1, space="buy")
    crash_hours = IntParameter(3, 12, default=6, space="buy")
    rsi_entry = IntParameter(20, 40, default=30, space="buy")
    volume_ratio_min = DecimalParameter(1.0, 3.0, default=1.5, decimals=1, space="buy")
    score_threshold = IntParameter(50, 85, default=60, space="buy")
    rebound_candles = IntParameter(12, 48, default=24, space="sell")
    rsi_exit = IntParameter(60, 85, default=70, space="sell")
    cooldown_candles = IntParameter(1, 12, default=1, space="protection")
    stop_guard_trades = IntParameter(2, 8, default=4, space="protection")
    drawdown_pct = IntParameter(5, 25, default=10, space="protection")

    plot_config = {
        "main_plot": {"sma_200": {"color": "#e0a030"}, "ema_24": {"color": "#4090e0"}},
        "subplots": {
            "RSI": {"rsi": {"color": "#a060c0"}},
            "Volume / mean": {"volume_ratio": {"color": "#808080"}},
            "Fall": {"fall_pct": {"color": "#d04040"}},
            "Score": {"score": {"color": "#30a060"}},
            "Regime": {"regime_code": {"color": "#c08040"}},
        },
    }

    @property
    def protections(self) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = [
            {
                "method": "MaxDrawdown",
                "calculation_mode": "equity",
                "lookback_period_candles": 168,
                "trade_limit": 5,
                "max_allowed_drawdown": self.drawdown_pct.value / 100.0,
                "stop_duration_candles": 24,
            }
        ]
        if self.preset_name == "specified":
            rules += [
                {
                    "method": "CooldownPeriod",
                    "stop_duration_candles": self.cooldown_candles.value,
                },
                {
                    "method": "StoplossGuard",
                    "lookback_period_candles": 24,
                    "trade_limit": self.stop_guard_trades.value,
                    "stop_duration_candles": 12,
                },
            ]
        return rules

    @classmethod
    def unprofitable_by_arithmetic(cls, settings: AquatradeSettings) -> str | None:
        """Why costs alone eat what the preset can earn, in one line; None if they do not."""
        preset = cls.PRESETS[settings.preset or cls.DEFAULT_PRESET]
        round_trip_pct = 2.0 * settings.sizing.cost_pct_per_side
        if "0" in preset.minimal_roi:
            target_pct, what = 100.0 * preset.minimal_roi["0"], "take-profit"
        else:
            # It comes back to its mean at best, which is nearer than where it fell from.
            target_pct, what = float(preset.buy["crash_drop_pct"]), "fall that it buys"
        if target_pct > round_trip_pct:
            return None
        return (
            f"a round trip costs 2 x {settings.sizing.cost_pct_per_side:g} % = "
            f"{round_trip_pct:g} %, the {what} is {target_pct:g} %: expected more than it costs"
        )

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        close = dataframe["close"].to_numpy()
        volume = dataframe["volume"].to_numpy()
        rsi = (
            rsi_wilder if (self.settings.rsi_method or self.rsi_method) == "wilder" else rsi_simple
        )
        dataframe["sma_200"] = window_mean(close, self.trend_candles)
        dataframe["rsi"] = rsi(close, self.rsi_period)
        dataframe["volume_ratio"] = ratio_to_mean(volume, self.volume_candles)
        for candles in self.rebound_candles.range:
            dataframe[f"ema_{candles}"] = talib.EMA(close, timeperiod=candles)
        return self.scores.join(dataframe, metadata["pair"])

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["fall_pct"] = 100.0 * change(dataframe["close"], self.crash_hours.value)
        if self.preset_name == "specified":
            dip = (dataframe["rsi"] < self.rsi_entry.value) & (
                dataframe["volume_ratio"] > self.volume_ratio_min.value
            )
        else:
            dip = (dataframe["fall_pct"] < -self.crash_drop_pct.value) & (
                dataframe["close"] < self.rebound_mean(dataframe)
            )
        signals = (
            dip
            & (dataframe["close"] > dataframe["sma_200"])
            & (dataframe["volume"] > 0)
            & self.scores.allows(dataframe, self.score_threshold.value)
            & self.regime_allows(dataframe)
        )
        dataframe.loc[signals, "enter_long"] = 1
        dataframe.loc[signals, "enter_tag"] = self.entry_tags(dataframe, signals)
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        if self.preset_name == "specified":
            rebound, tag = dataframe["rsi"] > self.rsi_exit.value, "rsi_high"
        else:
            rebound, tag = dataframe["close"] > self.rebound_mean(dataframe), "above_mean"
        dataframe.loc[rebound, ["exit_long", "exit_tag"]] = (1, tag)
        return dataframe

    def rebound_mean(self, dataframe: DataFrame) -> Any:
        """The mean that a crashed price has to come back to."""
        return dataframe[f"ema_{self.rebound_candles.value}"]
