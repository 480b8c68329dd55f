"""TA-Lib for a process of its own."""

import importlib
import sys
from typing import Any

_FRAMES = ("pandas", "polars")


def prefer_talib_without_pandas() -> None:
    """Import TA-Lib without what it only takes frames with: 80 MB less for a process of arrays.

    TA-Lib imports pandas and polars where they are there; here they look as if they were not, for
    as long as that import takes. To be called once, before anything imports either; where one is
    imported already there is nothing to be had, and nothing is done.
    """
    if any(name in sys.modules for name in (*_FRAMES, "talib")):
        return
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(_FRAMES))  # None: there is no such module
    try:
        importlib.import_module("talib")
    finally:
        for name in _FRAMES:
            del modules[name]
