"""Whole backtests of a strategy with risk rules, on hand-made candles."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode
from freqtrade.optimize.backtesting import Backtesting

from lab.evidence_runner import STRATEGIES, BacktestRequest, backtest_config, offline_markets
from tests.strategies.candle_tables import (
    FEE_RATE,
    HOUR,
    QUIET_HOURS,
    START,
    Row,
    quiet_rows,
    write_candles,
)

SCRIPTED = Path(__file__).parent / "scripted"
FIRST = START + QUIET_HOURS * HOUR  # of the rows of a table: 2024-01-20 04:00
# Rules that candles which stand still for weeks say nothing about.
QUIET: dict[str, Any] = {"name": "test", "max_atr_ratio": None, "rest_after_stop_minutes": None}


class Runner:
    """One Backtesting object; run() as often as wanted."""

    def __init__(
        self,
        folder: Path,
        tables: Mapping[str, Sequence[Row]],
        section: Mapping[str, Any],
        strategy: str = "BuyTheDip",
        **changes: Any,
    ) -> None:
        for pair, rows in tables.items():
            write_candles(folder, pair, [*quiet_rows(), *rows])
        request = BacktestRequest(
            datadir=folder, pairs=tuple(tables), fee_rate=FEE_RATE, aquatrade=section,
            max_open_trades=10, wallet=10_000.0, strategy=strategy, config=changes,
        )  # fmt: skip
        file = folder / "config.json"
        file.write_text(json.dumps(backtest_config(request)))
        arguments = {
            "config": [str(file)], "datadir": str(folder), "user_data_dir": str(folder),
            "strategy": strategy, "export": "none", "backtest_cache": "none",
            "strategy_path": str(STRATEGIES if strategy == "BuyTheDip" else SCRIPTED),
        }  # fmt: skip
        with offline_markets(request.pairs):
            config = Configuration(arguments, RunMode.BACKTEST).get_config()
            self.backtesting = Backtesting(config)
            self.candles, self.timerange = self.backtesting.load_bt_data()
        self.name = strategy

    @property
    def strategy(self) -> Any:
        return self.backtesting.strategylist[0]

    def run(self) -> dict[str, Any]:
        """Freqtrade's content of a run: "results" (trades), "locks" and more."""
        try:
            self.backtesting.backtest_one_strategy(
                self.strategy, deepcopy(self.candles), self.timerange
            )
        finally:
            Backtesting.cleanup()
        content: dict[str, Any] = self.backtesting.all_bt_content[self.name]
        return content


def trades_of(content: dict[str, Any]) -> list[tuple[int, float, int, float, str]]:
    """(hour in, rate in, hour out, rate out, exit reason), hours from the first hand-made row."""
    return [
        (
            round((trade["open_date"] - FIRST) / HOUR),
            round(trade["open_rate"], 4),
            round((trade["close_date"] - FIRST) / HOUR),
            round(trade["close_rate"], 4),
            trade["exit_reason"],
        )
        for trade in content["results"].to_dict("records")
    ]
