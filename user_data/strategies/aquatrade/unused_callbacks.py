"""Callbacks that have nothing to say in a run, or only read: freqtrade's cost of them is saved.

Freqtrade copies the whole trade before each call of a callback that is not its own, which it tells
by the qualified name; there is no setting for it.
"""

from types import MethodType
from typing import Any

from freqtrade.strategy import IStrategy


def leave_to_freqtrade(strategy: Any, name: str) -> None:
    """Put freqtrade's own callback of that name on this instance."""
    setattr(strategy, name, MethodType(getattr(IStrategy, name), strategy))


def let_read(strategy: Any, name: str) -> None:
    """Have a callback that changes nothing of a trade called with the trade itself.

    Not custom_stoploss: freqtrade looks for after_fill among the names of its arguments.
    """
    callback = getattr(strategy, name)

    def read(*arguments: Any, **kwargs: Any) -> Any:
        return callback(*arguments, **kwargs)

    read.__name__, read.__qualname__ = name, f"IStrategy.{name}"
    setattr(strategy, name, read)


def keep_no_records(strategy: Any, base: type) -> None:
    """For a backtest: what `base` keeps about trades for live and dry-run is not kept.

    Its order_filled writes custom data, which a backtest throws away at its end and until then
    searches from front to back on every access: the time grows with the square of the trades. Its
    custom_stoploss guards against a restart, which no backtest has. A subclass's own stay.
    """
    kind: Any = type(strategy)
    own: Any = base
    if kind.custom_stoploss is own.custom_stoploss:
        strategy.use_custom_stoploss = False
    if kind.order_filled is own.order_filled:
        leave_to_freqtrade(strategy, "order_filled")
