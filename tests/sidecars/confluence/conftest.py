from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sidecars.confluence.settings import ConfluenceSettings

MakeSettings = Callable[..., ConfluenceSettings]


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Settings on a fresh SQLite file; keywords replace keys."""

    def make(**changes: Any) -> ConfluenceSettings:
        values: dict[str, Any] = {
            "pairs": ["BTC/USDT", "ETH/USDT"],
            "history_start": "2019-01-01",
            "database_url": f"sqlite:///{tmp_path / 'scores.sqlite'}",
            "port": 0,
        }
        return ConfluenceSettings.model_validate({**values, **changes})

    return make
