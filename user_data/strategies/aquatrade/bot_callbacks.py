"""The callbacks that decide about money, with the gate around whatever a strategy makes of them.

Put on the instance, not on the class: what a subclass overrides is called inside. Freqtrade takes
an exception for a yes or for its own number; here it means that nothing is entered.
"""

import logging
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from aquatrade.guard_client import Signal
from aquatrade.risk.model import Entry

logger = logging.getLogger(__name__)

# Of these an exception makes freqtrade go on with a value of its own.
WATCHED = ("leverage",)


class Risk(Protocol):
    """What the callbacks ask of the rules."""

    def look(self, now: datetime) -> None: ...

    def failed(self, callback: str, pair: str | None) -> None: ...

    def declined(self, pair: str, side: str, now: datetime, why: str) -> None: ...

    def stake_for(self, entry: Entry, signal: Signal, now: datetime) -> float: ...

    def allows(self, pair: str, side: str, notional: float) -> bool: ...

    def entry_of(
        self,
        pair: str,
        side: str,
        stake: float,
        rate: float,
        leverage: float,
        min_stake: float | None,
        trade: Any | None,
    ) -> Entry: ...

    def signal_of(self, tag: str | None, now: datetime) -> Signal: ...


class GatedCallbacks:
    """Stands between freqtrade and one strategy."""

    def __init__(self, strategy: Any, risk: Risk) -> None:
        self._strategy = strategy
        self._risk = risk
        # Of the increase that was allowed last: its pair, the price proposed, the strategy's own.
        self._price: tuple[str, float, Any] | None = None

    def install(self, base: type) -> None:
        """base: the class whose own callbacks need no watching."""
        strategy, kind = self._strategy, type(self._strategy)
        strategy.custom_stake_amount = self.custom_stake_amount
        strategy.confirm_trade_entry = self.confirm_trade_entry
        if _overrides(kind, base, "adjust_trade_position"):
            strategy.adjust_trade_position = self.adjust_trade_position
        if _overrides(kind, base, "bot_loop_start"):
            strategy.bot_loop_start = self._loop_start
        if _overrides(kind, base, "custom_entry_price"):
            strategy.custom_entry_price = self.custom_entry_price
        for name in WATCHED:
            if _overrides(kind, base, name):
                setattr(strategy, name, partial(self._watched, name))

    def _own(self, name: str, *arguments: Any, **kwargs: Any) -> Any:
        """The callback of the strategy's class."""
        return getattr(type(self._strategy), name)(self._strategy, *arguments, **kwargs)

    def _watched(self, name: str, *arguments: Any, **kwargs: Any) -> Any:
        try:
            return self._own(name, *arguments, **kwargs)
        except Exception:
            self._risk.failed(name, kwargs.get("pair"))
            raise

    def _loop_start(self, *arguments: Any, **kwargs: Any) -> None:
        now: datetime = kwargs["current_time"] if "current_time" in kwargs else arguments[0]
        # First: no failure of the strategy's own keeps the rules from looking.
        self._risk.look(now)
        try:
            self._own("bot_loop_start", *arguments, **kwargs)
        except Exception:
            self._risk.failed("bot_loop_start", None)
            raise

    def custom_stake_amount(self, *arguments: Any, **kwargs: Any) -> float:
        pair = str(kwargs.get("pair"))
        try:
            wanted = float(self._own("custom_stake_amount", *arguments, **kwargs) or 0.0)
            side, now, leverage = kwargs["side"], kwargs["current_time"], float(kwargs["leverage"])
            if not wanted > 0.0:
                self._risk.declined(pair, side, now, self._strategy.no_stake_reason)
                return 0.0
            entry = self._risk.entry_of(
                pair, side, wanted, kwargs["current_rate"], leverage, kwargs["min_stake"], None
            )
            return self._risk.stake_for(entry, self._risk.signal_of(kwargs["entry_tag"], now), now)
        except Exception:
            logger.exception("no stake for %s, entry refused", pair)
            self._risk.failed("custom_stake_amount", pair)
            return 0.0

    def confirm_trade_entry(self, *arguments: Any, **kwargs: Any) -> bool:
        pair = str(kwargs.get("pair"))
        try:
            if not self._own("confirm_trade_entry", *arguments, **kwargs):
                now = kwargs["current_time"]
                self._risk.declined(pair, kwargs["side"], now, "the strategy did not confirm it")
                return False
            notional = float(kwargs["amount"]) * float(kwargs["rate"])
            return self._risk.allows(pair, kwargs["side"], notional)
        except Exception:
            logger.exception("%s not confirmed, entry refused", pair)
            self._risk.failed("confirm_trade_entry", pair)
            return False

    def custom_entry_price(self, *arguments: Any, **kwargs: Any) -> Any:
        """The strategy's; of an increase as it was asked for before the gate."""
        asked, self._price = self._price, None
        if asked is not None and kwargs.get("trade") is not None:
            pair, proposed, price = asked
            if (kwargs.get("pair"), kwargs.get("proposed_rate")) == (pair, proposed):
                return price
        return self._watched("custom_entry_price", *arguments, **kwargs)

    def adjust_trade_position(self, *arguments: Any, **kwargs: Any) -> Any:
        """Increases go through the gate, reductions always pass."""
        trade = kwargs.get("trade")
        self._price = None
        try:
            wish = self._own("adjust_trade_position", *arguments, **kwargs)
            stake, tag = _stake_and_tag(wish)
            if stake is None or stake <= 0.0:
                return wish
            return self._increase(trade, stake, tag, kwargs), tag
        except Exception:
            pair = getattr(trade, "pair", None)
            logger.exception("position of %s not adjusted", pair)
            self._risk.failed("adjust_trade_position", pair)
            return None

    def _increase(self, trade: Any, stake: float, tag: str, kwargs: dict[str, Any]) -> float | None:
        now, side = kwargs["current_time"], "short" if trade.is_short else "long"
        price = self._price_of(trade, tag, side, kwargs)
        entry = self._risk.entry_of(
            trade.pair, side, stake, kwargs["current_entry_rate"], trade.leverage or 1.0,
            kwargs["min_stake"], trade,
        )  # fmt: skip
        allowed = self._risk.stake_for(
            entry, self._risk.signal_of(tag or trade.enter_tag, now), now
        )
        if not allowed > 0.0:
            return None
        self._price = price
        return allowed

    def _price_of(
        self, trade: Any, tag: str, side: str, kwargs: dict[str, Any]
    ) -> tuple[str, float, Any] | None:
        """What the strategy would pay for an increase, asked for while a no still counts.

        Freqtrade asks after adjust_trade_position, asks nobody to confirm an increase, and takes
        its own price where the strategy fails.
        """
        if "custom_entry_price" not in vars(self._strategy):
            return None
        proposed = kwargs["current_entry_rate"]
        price = self._own(
            "custom_entry_price", pair=trade.pair, trade=trade, current_time=kwargs["current_time"],
            proposed_rate=proposed, entry_tag=tag, side=side,
        )  # fmt: skip
        return trade.pair, proposed, price


def _stake_and_tag(wish: Any) -> tuple[float | None, str]:
    """What adjust_trade_position may return, as freqtrade reads it."""
    stake, tag = (*wish, None, "")[:2] if isinstance(wish, tuple) else (wish, "")
    return None if stake is None else float(stake), tag or ""


def _overrides(kind: type, base: type, name: str) -> bool:
    return getattr(kind, name) is not getattr(base, name)
