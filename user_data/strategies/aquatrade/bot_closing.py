"""What a trip does to a strategy: entry orders are cancelled, and what must go is sold.

Freqtrade does both by its own means, so that its database agrees: an entry order that times out,
an exit that the strategy asks for. The callbacks are put on the strategy only while they are
needed: one that is overridden costs a deep copy of the trade at every candle.
"""

from datetime import datetime
from typing import Any

TIMEOUT, EXIT, CONFIRM = "check_entry_timeout", "custom_exit", "confirm_trade_exit"
# Of the strategy, and what they are while everything must go.
SETTINGS_OF_EXITS = ("use_exit_signal", "exit_profit_only", "order_types")


class Closing:
    """Puts callbacks on one strategy and takes them off again."""

    def __init__(self, strategy: Any) -> None:
        self._strategy = strategy
        self._exit_tag: str | None = None
        self._cancels = False
        self._kept: dict[str, Any] = {}
        self._covered: dict[str, Any] = {}  # callbacks of others that stood on the instance

    def demand(self, *, cancel_entries: bool, exit_tag: str | None) -> None:
        """Cancel entry orders or leave them; close all positions with this tag, or none (None)."""
        if cancel_entries != self._cancels:
            self._cancels = cancel_entries
            self._put(TIMEOUT, self._entry_timeout if cancel_entries else None)
        if exit_tag == self._exit_tag:
            return
        was_closing, self._exit_tag = self._exit_tag is not None, exit_tag
        if exit_tag is not None and not was_closing:
            self._begin_exits()
        elif exit_tag is None:
            self._end_exits()

    def _begin_exits(self) -> None:
        strategy = self._strategy
        self._kept = {name: getattr(strategy, name) for name in SETTINGS_OF_EXITS}
        self._put(EXIT, self._exit)
        # The strategy's own may say no, or wait for a better moment: no exit is blocked now.
        self._put(CONFIRM, self._confirm)
        # Without exit signals freqtrade asks no custom_exit; with exit_profit_only a signal that
        # is not followed stands in its way.
        strategy.use_exit_signal = True
        strategy.exit_profit_only = False
        types = self._kept["order_types"]
        strategy.order_types = {**types, "exit": types.get("emergency_exit", "market")}

    def _end_exits(self) -> None:
        self._put(EXIT, None)
        self._put(CONFIRM, None)
        for name, value in self._kept.items():
            setattr(self._strategy, name, value)

    def _put(self, name: str, callback: Any) -> None:
        """On the instance alone, or off it: then what was there before is back."""
        own = self._strategy.__dict__
        if callback is not None:
            if name in own:
                self._covered[name] = own[name]
            setattr(self._strategy, name, callback)
        elif name in self._covered:
            own[name] = self._covered.pop(name)
        else:
            own.pop(name, None)

    def _exit(self, pair: str, trade: Any, current_time: datetime, **kwargs: Any) -> str | None:
        return self._exit_tag

    def _confirm(self, *arguments: Any, **kwargs: Any) -> bool:
        return True

    def _entry_timeout(
        self, pair: str, trade: Any, order: Any, current_time: datetime, **kwargs: Any
    ) -> bool:
        return True
