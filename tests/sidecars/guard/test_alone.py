"""Two guards on one database would undo each other's locks."""

from pathlib import Path

import pytest

from sidecars.common.settings_file import SettingsError
from sidecars.guard.alone import alone_with


def test_a_second_guard_is_refused_and_may_follow(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'guard.sqlite'}"
    with alone_with(url):
        with pytest.raises(SettingsError, match="another guard is at work on"), alone_with(url):
            pytest.fail("a second guard got in")
        with alone_with(f"sqlite:///{tmp_path / 'other.sqlite'}"):
            pass
    with alone_with(url):
        pass
