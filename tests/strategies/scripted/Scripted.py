"""A strategy that does what config "scripted" says, to see what the rules of risk make of it."""

from datetime import datetime
from typing import Any, ClassVar

from freqtrade.persistence import Trade
from pandas import DataFrame

from aquatrade.base_strategy import AquatradeStrategy
from aquatrade.presets import Preset


class Scripted(AquatradeStrategy):
    """Enters where the close is at `enter_at`, adds where the price is at or under `add_at`.

    Script: enter_at, add_at, add_stake, reduce_at, own_exit_at: prices and stakes; adds: how often
    at most; raises: names of callbacks that raise; declines: confirm_trade_entry says no; family;
    rests: pairs whose entry orders wait far below the market; replace_factor: orders that wait are
    replaced at this multiple of their price; entry_factor: entries are ordered at this multiple of
    the price; keeps: confirm_trade_exit says no.
    """

    DEFAULT_PRESET = "only"
    PRESETS: ClassVar[dict[str, Preset]] = {
        "only": Preset(
            stop_pct=50.0,
            minimal_roi={"0": 10.0},
            buy={},
            sell={},
            searched=frozenset(),
            evidence="none: it follows a script",
        ),
    }
    FAMILY = "scripted"

    timeframe = "1h"
    can_short = False
    startup_candle_count = 60
    use_exit_signal = False
    position_adjustment_enable = True
    order_types: ClassVar[dict[str, Any]] = {
        "entry": "limit",
        "exit": "limit",
        "emergency_exit": "market",
        "force_exit": "market",
        "stoploss": "market",
        "stoploss_on_exchange": False,
    }

    def __init__(self, config: dict[str, Any]) -> None:
        self.script: dict[str, Any] = config.get("scripted", {})
        self.called: list[str] = []
        self.FAMILY = self.script.get("family", "scripted")
        super().__init__(config)

    def _call(self, callback: str) -> None:
        self.called.append(callback)
        if callback in self.script.get("raises", ()):
            raise RuntimeError(f"scripted failure in {callback}")

    def bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        self._call("bot_loop_start")
        super().bot_loop_start(current_time, **kwargs)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        at = self.script.get("enter_at", -1.0)
        dataframe["enter_long"] = ((dataframe["close"] - at).abs() < 1e-9).astype(int)
        dataframe.loc[dataframe["enter_long"] == 1, "enter_tag"] = "scripted"
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        dataframe["exit_long"] = 0
        return dataframe

    def custom_entry_price(
        self,
        pair: str,
        trade: Trade | None,
        current_time: datetime,
        proposed_rate: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        self._call("custom_entry_price")
        factor = float(self.script.get("entry_factor", 1.0))
        return proposed_rate * (0.5 if pair in self.script.get("rests", ()) else factor)

    def custom_stake_amount(self, *arguments: Any, **kwargs: Any) -> float:
        self._call("custom_stake_amount")
        return super().custom_stake_amount(*arguments, **kwargs)

    def confirm_trade_entry(self, *arguments: Any, **kwargs: Any) -> bool:
        self._call("confirm_trade_entry")
        return not self.script.get("declines", False)

    def confirm_trade_exit(self, *arguments: Any, **kwargs: Any) -> bool:
        return not self.script.get("keeps", False)

    def adjust_order_price(
        self, trade: Trade, order: Any, current_order_rate: float, **kwargs: Any
    ) -> float:
        return current_order_rate * float(self.script.get("replace_factor", 1.0))

    def adjust_trade_position(
        self, trade: Trade, current_rate: float, **kwargs: Any
    ) -> float | tuple[float | None, str] | None:
        self._call("adjust_trade_position")
        added = trade.nr_of_successful_entries - 1
        if current_rate <= self.script.get("add_at", -1.0) and added < self.script.get("adds", 99):
            return float(self.script["add_stake"]), "added"
        if current_rate >= self.script.get("reduce_at", float("inf")):
            return -trade.stake_amount / 2.0, "reduced"
        return None

    def custom_exit(
        self, pair: str, trade: Trade, current_rate: float, **kwargs: Any
    ) -> str | None:
        self._call("custom_exit")
        return "own_exit" if current_rate >= self.script.get("own_exit_at", float("inf")) else None
