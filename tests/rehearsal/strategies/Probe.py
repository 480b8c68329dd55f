"""A strategy that does what a script tells it, candle by candle, to provoke the rules of risk."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from freqtrade.persistence import Trade
from freqtrade.strategy import IntParameter
from pandas import DataFrame

from aquatrade.base_strategy import AquatradeStrategy
from aquatrade.presets import Preset

WARM_CANDLES = 60


class Probe(AquatradeStrategy):
    """Wants to enter every pair of its script on every candle, and leaves soon.

    Script: BOT_NAME-script.json beside the user folder, read anew in every loop:
    enter: pairs, "*" for all; leave: pairs; leave_after_seconds: a number or null; resting: entries
    wait below the market; raises: names of callbacks that raise; family: what it says it is.
    """

    DEFAULT_PRESET = "probe"
    PRESETS: ClassVar[dict[str, Preset]] = {
        "probe": Preset(
            stop_pct=4.0,
            minimal_roi={"0": 10.0},
            buy={},
            sell={},
            searched=frozenset(),
            evidence="none: it provokes",
        ),
    }
    FAMILY = "probe"

    timeframe = "1m"
    can_short = False
    startup_candle_count = WARM_CANDLES
    use_exit_signal = True
    process_only_new_candles = True
    use_custom_stoploss = False
    order_types: ClassVar[dict[str, Any]] = {
        "entry": "limit",
        "exit": "market",
        "emergency_exit": "market",
        "force_entry": "limit",
        "force_exit": "market",
        "stoploss": "market",
        "stoploss_on_exchange": False,
    }

    score_threshold = IntParameter(50, 85, default=60, space="buy")

    def __init__(self, config: dict[str, Any]) -> None:
        folder = Path(config["user_data_dir"]).parent
        self._script_file = folder / f"{config.get('bot_name', 'bot')}-script.json"
        self.script: dict[str, Any] = {}
        self._read_script()
        self.FAMILY = self.script.get("family", "probe")
        super().__init__(config)

    def _read_script(self) -> None:
        if self._script_file.exists():
            self.script = json.loads(self._script_file.read_text())

    def _maybe_raise(self, callback: str) -> None:
        if callback in self.script.get("raises", ()):
            raise RuntimeError(f"scripted failure in {callback}")

    def bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        self._read_script()
        super().bot_loop_start(current_time, **kwargs)
        self._maybe_raise("bot_loop_start")

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        self._maybe_raise("populate_indicators")
        return self.scores.join(dataframe, metadata["pair"])

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        self._maybe_raise("populate_entry_trend")
        dataframe["enter_long"] = 0
        wanted = self.script.get("enter", ())
        if "*" in wanted or metadata["pair"] in wanted:
            dataframe.loc[dataframe.index[-1], ["enter_long", "enter_tag"]] = (1, "probe")
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
        self._maybe_raise("custom_entry_price")
        return proposed_rate * (0.985 if self.script.get("resting") else 1.0)

    def custom_stake_amount(self, *arguments: Any, **kwargs: Any) -> float:
        self._maybe_raise("custom_stake_amount")
        return super().custom_stake_amount(*arguments, **kwargs)

    def confirm_trade_entry(self, *arguments: Any, **kwargs: Any) -> bool:
        self._maybe_raise("confirm_trade_entry")
        return bool(super().confirm_trade_entry(*arguments, **kwargs))

    def custom_exit(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        **kwargs: Any,
    ) -> str | None:
        after = self.script.get("leave_after_seconds")
        held = current_time - trade.open_date_utc
        old = after is not None and held >= timedelta(seconds=after)
        return "probe_leaves" if old or pair in self.script.get("leave", ()) else None
