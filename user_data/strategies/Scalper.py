"""Scalper: buys under the lower Bollinger band, sells at the middle one. Spot, 5m candles."""

from typing import Any, ClassVar

from freqtrade.strategy import DecimalParameter, IntParameter
from pandas import DataFrame

from aquatrade.bands import bollinger
from aquatrade.base_strategy import AquatradeStrategy
from aquatrade.oscillators import rsi_simple, rsi_wilder
from aquatrade.presets import Preset
from aquatrade.settings import AquatradeSettings

# Freqtrade: 1.2 % after fees is enough at any time, after 24 candles of 5 minutes anything is.
TARGET_AND_24_CANDLES = {"0": 0.012, str(24 * 5): -1.0}


class Scalper(AquatradeStrategy):
    """The high-frequency experiment: many small bets that a stretched price comes back.

    Idea: a close far under the mean of its last candles is a push that spends itself.
    Market: spot, long only. Pair: ETH. Timeframe: 5m, acts on the close.
    Preset `specified`. Entry: close under the lower Bollinger band (20 candles, 2.5 standard
    deviations) and RSI(14) < 30. Exit: a close at the middle band or above; +1.2 % after costs; or
    24 candles. Stop: -0.6 %. RSI is Wilder's; rolling means with "aquatrade.rsi_method" "simple".

    Arithmetic of the target: +1.2 % has to clear a round trip of fee and slippage (0.3 % at 0.15 %
    a side): it does, and the strategy loses all the same, as the stop is half as far away. A loser
    costs 0.6 % + 0.3 %; with every winner at the full target 43 % of the trades have to win. Most
    winners leave at the middle band, which is nearer.
    Sizing: 200 USD a trade. Most it can lose on one trade: 0.9 % of the stake at the stop, 1.80 USD
    of 200. A market that gaps through the stop takes the stake x the gap.
    Protections: a pair rests two candles after a trade, and six hours after four stops within six.
    Regime: with "aquatrade.regime_filter" it stands down in a strong trend.
    Score layers: kept with the trade, they decide nothing.

    Target: 40 trades a week, win rate > 52 %. Evidence, ETH, Binance 2022 to 2024, mean net a trade
    at 0.1 % | 0.3 % a side: -0.21 % | -0.60 %, before costs -0.01 %, win 40 % | 19 %, 15 trades a
    week: it loses every year, and starts live only with "aquatrade.accept_negative_evidence".
    docs/strategies/scalper.md has the figures.
    """

    FAMILY = "scalp"
    REGIME_KIND = "reversion"
    DEFAULT_PRESET = "specified"
    PRESETS: ClassVar[dict[str, Preset]] = {
        "specified": Preset(
            stop_pct=0.6,
            minimal_roi=TARGET_AND_24_CANDLES,
            buy={"band_deviations": 2.5, "rsi_entry": 30},
            sell={},
            searched=frozenset(
                {"band_deviations", "rsi_entry", "rest_candles", "stop_guard_trades"}
            ),
            evidence="ETH 2022-2024 at 0.1 | 0.3 % a side: 2383 trades, win 40 | 19 %, mean -0.21 "
            "[-0.23, -0.18] | -0.60 %, before costs -0.01 %, every year negative",
            lost_when_measured=True,
            trades_a_year=771.0,
        ),
    }

    timeframe = "5m"
    can_short = False
    startup_candle_count = 400  # Wilder's RSI has then forgotten where it began
    use_exit_signal = True
    exit_profit_only = False
    process_only_new_candles = True
    # A backtest enters at the next open; after a minute the fall that was to be bought is another.
    ignore_buying_expired_candle_after = 60

    rsi_method = "wilder"
    rsi_period = 14
    band_candles = 20

    band_deviations = DecimalParameter(1.5, 3.5, default=2.5, decimals=1, space="buy")
    rsi_entry = IntParameter(15, 45, default=30, space="buy")
    rest_candles = IntParameter(1, 24, default=2, space="protection")
    stop_guard_trades = IntParameter(2, 8, default=4, space="protection")

    plot_config = {
        "main_plot": {"band_middle": {"color": "#e0a030"}, "band_lower": {"color": "#4090e0"}},
        "subplots": {"RSI": {"rsi": {"color": "#a060c0"}}},
    }

    @property
    def protections(self) -> list[dict[str, Any]]:
        return [
            {"method": "CooldownPeriod", "stop_duration_candles": self.rest_candles.value},
            {
                "method": "StoplossGuard",
                "lookback_period_candles": 72,
                "trade_limit": self.stop_guard_trades.value,
                "stop_duration_candles": 72,
            },
        ]

    @classmethod
    def unprofitable_by_arithmetic(cls, settings: AquatradeSettings) -> str | None:
        """Why costs alone eat the target, in one line; None if it clears them."""
        target_pct = 100.0 * cls.PRESETS[settings.preset or cls.DEFAULT_PRESET].minimal_roi["0"]
        round_trip_pct = 2.0 * settings.sizing.cost_pct_per_side
        if target_pct > round_trip_pct:
            return None
        return (
            f"a round trip costs 2 x {settings.sizing.cost_pct_per_side:g} % = "
            f"{round_trip_pct:g} %, the take-profit is {target_pct:g} %: expected more "
            "than it costs"
        )

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        close = dataframe["close"].to_numpy()
        rsi = (
            rsi_wilder if (self.settings.rsi_method or self.rsi_method) == "wilder" else rsi_simple
        )
        bands = bollinger(close, self.band_candles)
        dataframe["rsi"] = rsi(close, self.rsi_period)
        dataframe["band_middle"] = bands.middle
        for deviations in self.band_deviations.range:
            dataframe[f"band_lower_{deviations:g}"] = bands.lower(deviations)
        return self.scores.join(dataframe, metadata["pair"])

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["band_lower"] = dataframe[f"band_lower_{self.band_deviations.value:g}"]
        signals = (
            (dataframe["close"] < dataframe["band_lower"])
            & (dataframe["rsi"] < self.rsi_entry.value)
            & (dataframe["volume"] > 0)
            & self.regime_allows(dataframe)
        )
        dataframe.loc[signals, "enter_long"] = 1
        dataframe.loc[signals, "enter_tag"] = self.entry_tags(dataframe, signals)
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        reached = dataframe["close"] >= dataframe["band_middle"]
        dataframe.loc[reached, ["exit_long", "exit_tag"]] = (1, "middle_band")
        return dataframe
