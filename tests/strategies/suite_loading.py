"""Any strategy of the suite as freqtrade loads it, with its parameters."""

from pathlib import Path
from typing import Any

from freqtrade.enums import RunMode
from freqtrade.resolvers import StrategyResolver

from lab.evidence_runner import STRATEGIES


def load(name: str, runmode: RunMode = RunMode.BACKTEST, **section: Any) -> Any:
    """section: that of "aquatrade"."""
    config: dict[str, Any] = {
        "strategy": name,
        "strategy_path": STRATEGIES,
        "user_data_dir": Path(),
        "runmode": runmode,
        "dry_run": runmode != RunMode.LIVE,
        "stake_currency": "USDT",
        "exchange": {"name": "binance", "pair_whitelist": ["BTC/USDT"]},
        "aquatrade": section,
    }
    strategy = StrategyResolver.load_strategy(config)
    strategy.ft_load_hyper_params(False)
    return strategy
