"""What every test may ask for: the folder of recorded market data, and repeatable randomness."""

import logging
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

MARKET_DATA_VARIABLE = "AQUATRADE_DATA"

# Derandomised: the same examples on every machine, so that a red test is red for everybody.
settings.register_profile(
    "house",
    derandomize=True,
    deadline=None,
    max_examples=100 if os.environ.get("AQUATRADE_REHEARSAL") == "full" else 50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")


# So that two workers end at about the same time, the longest of all are begun first.
LONGEST = ("test_demo.py", "test_freqtrade_commands.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A run of rehearsals alone does not import the modules that have none."""
    if config.option.markexpr != "rehearsal" or not collection_path.name.startswith("test_"):
        return None
    return "mark.rehearsal" not in collection_path.read_text(encoding="utf-8") or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first, the others as they were found."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(autouse=True)
def loggers_that_speak() -> None:
    """Freqtrade's own logging, set up by a test before, has silenced every logger it found."""
    logging.disable(logging.NOTSET)
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of recorded candles that AQUATRADE_DATA names; skips where there is none.

    It holds freqtrade datadirs such as `binance` and `binance-1m-2024q3`; tests only read it.
    """
    named = os.environ.get(MARKET_DATA_VARIABLE)
    if not named:
        pytest.skip(f"{MARKET_DATA_VARIABLE} is not set: no recorded market data to test on")
    folder = Path(named).resolve()
    if not folder.is_dir():
        pytest.skip(f"{MARKET_DATA_VARIABLE}={named} is not a folder: no recorded market data")
    return folder
