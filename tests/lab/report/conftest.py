"""One backtest by freqtrade for all tests of the report."""

from pathlib import Path

import pytest

from tests.lab.report.backtests import exported
from tests.lab.suite_market import dipping


@pytest.fixture(scope="session")
def result(seeded_datadir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `freqtrade backtesting --export trades` left of BuyTheDip; only read it."""
    return exported(dipping(seeded_datadir, {}), tmp_path_factory.mktemp("exported"))
