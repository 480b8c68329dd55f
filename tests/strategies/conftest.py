"""Strategies as freqtrade loads them, and a database that lives in memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from freqtrade.enums import RunMode
from freqtrade.persistence import PairLocks, Trade, init_db
from freqtrade.resolvers import StrategyResolver

from lab.evidence_runner import STRATEGIES

LoadStrategy = Callable[..., Any]


@pytest.fixture
def load_strategy(tmp_path: Path) -> LoadStrategy:
    """load_strategy(runmode, **section of "aquatrade"): a BuyTheDip with its parameters."""

    def load(runmode: RunMode = RunMode.BACKTEST, **section: Any) -> Any:
        config: dict[str, Any] = {
            "strategy": "BuyTheDip",
            "strategy_path": STRATEGIES,
            "user_data_dir": tmp_path,
            "runmode": runmode,
            "dry_run": runmode != RunMode.LIVE,
            "stake_currency": "USDT",
            "aquatrade": section,
        }
        strategy = StrategyResolver.load_strategy(config)
        strategy.ft_load_hyper_params(False)
        return strategy

    return load


@pytest.fixture
def database() -> Iterator[None]:
    init_db("sqlite://")
    PairLocks.timeframe = "1h"
    yield
    Trade.session.remove()
