"""x"""

from typing import Any


def settle_orphans(dp: Any, config: Any) -> None:
    return None
