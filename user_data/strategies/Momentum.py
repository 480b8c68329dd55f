"""Momentum: buys strength and lets it run; on futures also sells weakness. 4h or 1h candles."""

import logging
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

import pandas as pd
import talib
from freqtrade.persistence import Trade
from freqtrade.strategy import (
    CategoricalParameter,
    DecimalParameter,
    IntParameter,
    merge_informative_pair,
)
from pandas import DataFrame

from aquatrade.atr_stop_strategy import NO_TARGET, AtrStopStrategy, pause_after_drawdown
from aquatrade.atr_stops import ladder_stop, run_up
from aquatrade.funding_window import (
    are_near_settlement,
    is_near_settlement,
    settlement_interval_hours,
)
from aquatrade.momentum_rules import (
    BREAKOUT_PLOT,
    SPECIFIED_PLOT,
    Periods,
    Strength,
    add_means,
    add_oscillators,
    falls,
    rises,
)
from aquatrade.presets import Preset
from aquatrade.trend_signals import first_of, window_highest, window_lowest

logger = logging.getLogger(__name__)

SPECIFIED = "specified"
LOSS_SEEN_MINUTES = 5
FUNDING_TIMEFRAME, FUNDING_CANDLES = "1h", "funding_rate"


class Momentum(AtrStopStrategy):
    """Buys strength: a new high of 20 days, or, as specified, a confirmed move on hourly candles.

    Idea: what rises goes on rising, over days; over hours the exchange gets what it earns.
    Market: spot, or futures (`specified` then also sells short, the mirror). Timeframe: that of the
    preset, acts on the close. Pairs: the ten with the most turnover; BTC ETH SOL AVAX LINK.

    Presets (config key "aquatrade.preset"):
    - `donchian` (default), 4h. Entry: the highest close of 120 candles, BTC above its mean of 600
      (100 days). Exit: the lowest close of 60, or BTC below. Stop: 8 x ATR(14), it never moves.
    - `specified`, 1h. Entry, on the first candle where all hold: EMA(9) above EMA(21), on 4h too;
      RSI(14) > 55; volume > 1.5 x its mean of 20; ADX(14) > 25; MACD's histogram positive and
      rising; then 50 M USD traded in 24 h (volume x close of 24 candles), no settlement of funding
      within 30 min, under three positions. Exit: the ladder; EMA(9) below EMA(21); a new high of
      24 closes with an RSI under that of the high before; 72 h without reaching twice the risk.

    Stop of `specified`: 1.5 x ATR(14) under the entry, then from the best price 1.5 x the present
    ATR, 1.2 x after a profit of once the risk, 1.0 x after twice, 0.8 x after three times; it moves
    at the close of a candle and never back. At most `stop_pct` of the price in any preset.
    Sizing: `donchian` as SmaTrend's `ride`; `specified` risks 1 % of the capital to the stop. Most
    it can lose on one trade, costs of 0.15 % a side included: 50.2 % of the stake with `donchian`
    (at a fifth of the capital 10 % of it), 15.3 % of the stake with `specified` (1 % of the
    capital). A gap through the stop takes the stake x the gap; on futures at leverage 1 as well.
    Protections (freqtrade's own): a day's pause after a 20 % drawdown of the equity in 30 days;
    `specified` leaves a pair alone for 60 min after a loss.

    Score layers: kept with each trade; they decide only if "aquatrade.scores.filter" is on.

    Target: win rate 35 to 50 %, mean winner 2 to 4 x mean loser, profit factor 1.3 to 2.0, 2 to 5
    trades a pair and week. Evidence, with years and intervals: docs/strategies/momentum.md.
    """

    FAMILY = "momentum"
    REGIME_KIND = "trend"
    DEFAULT_PRESET = "donchian"
    PRESETS: ClassVar[dict[str, Preset]] = {
        "donchian": Preset(
            stop_pct=50.0,
            minimal_roi=NO_TARGET,
            buy={"breakout_candles": 120},
            sell={"exit_candles": 60, "stop_atr": 8.0},
            searched=frozenset({"breakout_candles", "exit_candles", "stop_atr", "drawdown_pct"}),
            evidence="10 majors 2017-2024 at 0.3 % a side: 428 trades, win 39 %, mean +13.8 % "
            "[+5.3, +23.4], profit factor 4.2; 2018 and 2022 negative",
            trades_a_year=73.0,
            measured_pairs=10,
            timeframe="4h",
            startup_candles=600,
            sizing={"method": "volatility", "fraction_pct": 20.0, "target_volatility_pct": 20.0,
                    "volatility_candles": 180, "stake_usd": None},
            market_mean_candles=600,
        ),
        SPECIFIED: Preset(
            stop_pct=15.0,
            minimal_roi=NO_TARGET,
            buy={"rsi_min": 55, "adx_min": 25, "volume_ratio_min": 1.5},
            sell={"stop_atr": 1.5, "hold_hours": 72},
            searched=frozenset(
                {"rsi_min", "adx_min", "volume_ratio_min", "stop_atr", "hold_hours",
                 "drawdown_pct"}
            ),
            evidence="30 pairs 2017-2024 long at 0.1 | 0.3 % a side: 3265 trades, win 39 | 32 %, "
            "mean -0.28 | -0.68 % [-0.78, -0.57], -0.08 % before costs",
            lost_when_measured=True,
            trades_a_year=531.0,
            measured_pairs=30,
            timeframe="1h",
            startup_candles=500,
            sizing={"method": "risk", "risk_pct": 1.0, "stake_usd": None},
        ),
    }  # fmt: skip

    timeframe = "4h"
    can_short = False  # on futures `specified` does, see __init__
    leverage_wanted = 1.0
    startup_candle_count = 600
    ignore_buying_expired_candle_after = 600

    GROSS_PCT: ClassVar[dict[str, float]] = {"donchian": 14.4, SPECIFIED: -0.08}
    confirmed_on = "4h"
    periods = Periods()
    atr_period = 14
    # Profit in multiples of the risk that has to be passed, and the stop in ATR from then on.
    later_rungs = ((1.0, 1.2), (2.0, 1.0), (3.0, 0.8))
    proven_at_risk = 2.0  # so many times the risk reached: no time stop any more
    daily_volume_usd_min = 50e6
    max_positions = 3
    funding_hours = 8.0  # where the pair's own interval is not known
    funding_margin_minutes = 30.0
    rest_after_loss_minutes = 60

    breakout_candles = CategoricalParameter([60, 90, 120, 180, 240], default=120, space="buy")
    rsi_min = IntParameter(50, 70, default=55, space="buy")
    adx_min = IntParameter(15, 40, default=25, space="buy")
    volume_ratio_min = DecimalParameter(1.0, 3.0, default=1.5, decimals=1, space="buy")
    score_threshold = IntParameter(50, 85, default=60, space="buy")
    exit_candles = CategoricalParameter([30, 45, 60, 90, 120], default=60, space="sell")
    stop_atr = DecimalParameter(1.0, 12.0, default=8.0, decimals=1, space="sell")
    hold_hours = IntParameter(24, 144, default=72, space="sell")
    drawdown_pct = IntParameter(5, 40, default=20, space="protection")

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        is_futures = config.get("trading_mode") == "futures"
        self.can_short = is_futures and self.preset_name == SPECIFIED

    @property
    def stop_moves(self) -> bool:
        return self.preset_name == SPECIFIED

    @property
    def plot_config(self) -> dict[str, Any]:
        """What decides under the preset."""
        return SPECIFIED_PLOT if self.preset_name == SPECIFIED else BREAKOUT_PLOT

    @property
    def protections(self) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = [pause_after_drawdown(self.drawdown_pct.value, days=1)]
        if self.preset_name == SPECIFIED:
            # Off the pair after a loss. Freqtrade adds up what ended within the look back: a short
            # one, so that an earlier winner does not make up for the loss.
            rules.append(
                {
                    "method": "LowProfitPairs",
                    "lookback_period": LOSS_SEEN_MINUTES,
                    "trade_limit": 1,
                    "required_profit": 0.0,
                    "stop_duration": self.rest_after_loss_minutes,
                }
            )
        return rules

    def informative_pairs(self) -> list[tuple[str, str]]:
        wanted = super().informative_pairs()
        if self.preset_name == SPECIFIED:
            pairs = self.dp.current_whitelist()
            wanted += [(pair, self.confirmed_on) for pair in pairs]
            if self.can_short:
                settlements = [(pair, FUNDING_TIMEFRAME, FUNDING_CANDLES) for pair in pairs]
                wanted += cast(list[tuple[str, str]], settlements)
        return wanted

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["atr"] = talib.ATR(
            dataframe["high"], dataframe["low"], dataframe["close"], timeperiod=self.atr_period
        )
        if self.preset_name == SPECIFIED:
            dataframe = self._with_confirmation(dataframe, metadata["pair"])
            add_means(dataframe, self.periods)
            add_oscillators(
                dataframe,
                self.periods,
                candles_per_day=round(pd.Timedelta(days=1) / pd.Timedelta(self.timeframe)),
                is_rsi_simple=self.settings.rsi_method == "simple",
            )
        else:
            dataframe["market_up"] = self.market.is_up(dataframe).astype("float64")
        return self.scores.join(dataframe, metadata["pair"])

    def _with_confirmation(self, dataframe: DataFrame, pair: str) -> DataFrame:
        """The slower candles' means, on each candle those that had closed when it closed."""
        slower = self.dp.get_pair_dataframe(pair, self.confirmed_on)[["date", "close"]].copy()
        add_means(slower, self.periods)
        merged: DataFrame = merge_informative_pair(
            dataframe, slower, self.timeframe, self.confirmed_on, ffill=True
        )
        return merged

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        allowed = (
            (dataframe["volume"] > 0)
            & self.regime_allows(dataframe)
            & self.scores.allows(dataframe, self.score_threshold.value)
        )
        if self.preset_name == SPECIFIED:
            allowed &= self._is_liquid_and_far_from_funding(dataframe)
            strength = Strength(self.rsi_min.value, self.adx_min.value, self.volume_ratio_min.value)
            longs = first_of(rises(dataframe, strength, self.confirmed_on)) & allowed
            if self.can_short:
                shorts = first_of(falls(dataframe, strength, self.confirmed_on)) & allowed
                dataframe.loc[shorts, "enter_short"] = 1
                dataframe.loc[shorts, "enter_tag"] = self.entry_tags(dataframe, shorts)
        else:
            close = dataframe["close"]
            dataframe["highest"] = window_highest(close.to_numpy(), self.breakout_candles.value)
            longs = (close >= dataframe["highest"]) & (dataframe["market_up"] > 0.0) & allowed
        dataframe.loc[longs, "enter_long"] = 1
        dataframe.loc[longs, "enter_tag"] = self.entry_tags(dataframe, longs)
        return dataframe

    def _is_liquid_and_far_from_funding(self, dataframe: DataFrame) -> pd.Series:
        closes_at = dataframe["date"] + pd.Timedelta(self.timeframe)
        near = are_near_settlement(closes_at, self.funding_hours, self.funding_margin_minutes)
        return (dataframe["daily_volume_usd"] >= self.daily_volume_usd_min) & ~near

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        if self.preset_name == SPECIFIED:
            fast, slow = dataframe["ema_fast"], dataframe["ema_slow"]
            self._mark_exit(dataframe, fast < slow, "exit_long", "ema_cross")
            if self.can_short:
                self._mark_exit(dataframe, fast > slow, "exit_short", "ema_cross")
                self._mark_exit(
                    dataframe, dataframe["low_diverges"], "exit_short", "rsi_divergence"
                )
            # Last: both sides share the tag, and the other side's cross is true all the time.
            self._mark_exit(dataframe, dataframe["high_diverges"], "exit_long", "rsi_divergence")
            return dataframe
        close = dataframe["close"]
        dataframe["lowest"] = window_lowest(close.to_numpy(), self.exit_candles.value)
        self._mark_exit(dataframe, self.market.is_down(dataframe), "exit_long", "market_down")
        self._mark_exit(dataframe, close <= dataframe["lowest"], "exit_long", "new_low")
        return dataframe

    @staticmethod
    def _mark_exit(dataframe: DataFrame, where: pd.Series, column: str, tag: str) -> None:
        dataframe.loc[where, [column, "exit_tag"]] = (1, tag)

    def leverage(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_leverage: float,
        max_leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        """The class attribute's, as far as the exchange gives it."""
        return min(self.leverage_wanted, max_leverage)

    def confirm_trade_entry(
        self,
        pair: str,
        order_type: str,
        amount: float,
        rate: float,
        time_in_force: str,
        current_time: datetime,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> bool:
        """`specified`: not beside too many others, and not beside the pair's own settlement."""
        if self.preset_name != SPECIFIED:
            return True
        try:
            if Trade.get_open_trade_count() >= self.max_positions:
                return False
            hours = self._funding_interval_hours(pair, current_time)
            if hours is None:
                logger.warning("entry of %s refused: its funding interval is not known", pair)
                return False
            return not is_near_settlement(current_time, hours, self.funding_margin_minutes)
        except Exception:
            # Freqtrade would take an exception for a yes.
            logger.exception("%s not confirmed, entry refused", pair)
            return False

    def _funding_interval_hours(self, pair: str, now: datetime) -> float | None:
        """That of the pair's last two settlements; the usual one on spot, where there is none."""
        if not self.can_short:
            return self.funding_hours
        rows = self.dp.get_pair_dataframe(pair, FUNDING_TIMEFRAME, FUNDING_CANDLES)
        return settlement_interval_hours(rows.loc[rows["date"] <= now, "date"])

    def trailed_stop(self, trade: Trade, closed: DataFrame, risk: float, present: float) -> float:
        """The ladder from the best price so far, with the ATR of the last closed candle."""
        return ladder_stop(
            open_rate=trade.open_rate,
            risk=risk,
            best=self.best_price(trade, closed),
            atr=float(closed["atr"].iloc[-1]),
            rungs=((0.0, self.stop_atr.value), *self.later_rungs),
            present=present,
            is_short=trade.is_short,
        )

    def custom_exit(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        **kwargs: Any,
    ) -> str | None:
        """Out where the stop was passed, and after so many hours that proved nothing."""
        passed = super().custom_exit(
            pair, trade, current_time, current_rate, current_profit, **kwargs
        )
        held = current_time - trade.open_date_utc
        if passed or held < timedelta(hours=self.hold_hours.value):
            return passed
        best = self.best_price(trade, self.closed_since_entry(trade))
        reached = run_up(trade.open_rate, best, is_short=trade.is_short)
        return None if reached >= self.proven_at_risk * self.risk_of(trade) else "time_stop"
