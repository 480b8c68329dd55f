"""What several tests of the lab ask for."""

from pathlib import Path

import pytest

from tests.lab.suite_market import write_market


@pytest.fixture(scope="session")
def seeded_datadir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A freqtrade datadir with three seeded pairs; only read it."""
    return write_market(tmp_path_factory.mktemp("seeded"))
