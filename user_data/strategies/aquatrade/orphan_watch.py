"""When a live bot compares the exchange's orders with its database.

Before its first entry, as it may have been killed between the two; and after each order whose
answer was lost. Until that one's fate is known, the pair gets no other order that buys.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from freqtrade.enums import TradingMode
from freqtrade.exceptions import (
    DependencyException,
    FreqtradeException,
    InsufficientFundsError,
    InvalidOrderException,
)
from freqtrade.persistence import PairLocks, Trade

from aquatrade.orphan_settlement import (
    RECOVERED_TAG,
    Inquiry,
    TagOf,
    last_activity,
    settle_orphans,
)

logger = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=7)
NOT_COMPARED = "orders on the exchange are not compared with the database yet, no entries"
# The exchange has said no: there is no such order.
REFUSALS = (InsufficientFundsError, InvalidOrderException)
# An order may reach the exchange after its sender gave up, but not later than this: Binance
# refuses what is older than ccxt's window of 10 s.
ARRIVES_WITHIN = timedelta(seconds=30)
CLOCK_SLACK = timedelta(seconds=60)


class OrphanWatch:
    """Of one strategy. tag_of may be replaced by a strategy that knows what it had asked for."""

    def __init__(self, strategy: Any, *, is_live: bool) -> None:
        self.tag_of: TagOf = lambda trade, side, price: RECOVERED_TAG
        self._strategy = strategy
        self._is_live = is_live
        self._start_due = is_live
        self._last_activity: datetime | None = None
        self._loop: datetime | None = None  # when the present loop began
        # pair -> the loop that sent the order without an answer, the first look after it
        self._lost: dict[str, tuple[datetime, datetime | None]] = {}

    def start(self) -> None:
        """When the bot starts: before freqtrade asks for open orders and so writes about them."""
        if not self._is_live:
            return
        self._last_activity = last_activity()
        exchange = self._strategy.dp._exchange
        exchange.create_order = self._watched(exchange.create_order, exchange)

    def is_settled(self, pair: str) -> bool:
        """Whether the database knows all that the pair's orders did, as far as the bot can tell."""
        return not self._start_due and pair not in self._lost

    def look(self, now: datetime) -> None:
        """At the beginning of a loop, before anything is bought or sold. Never raises."""
        self._loop = now
        if not self._is_live:
            return
        if self._start_due:
            self._start_due = not self._compared_at_start(now)
        lost = {pair: (sent, looked or now) for pair, (sent, looked) in self._lost.items()}
        self._lost.update(lost)
        for pair, (sent, first_look) in lost.items():
            # Where the exchange does not answer, one wait a loop is enough.
            if self._start_due or not self._is_known(pair, sent, first_look, now):
                self._lost[pair] = self._lost.pop(pair)  # the others come first in the next loop
                break

    def _compared_at_start(self, now: datetime) -> bool:
        """Where not, no pair is entered until they were: it could be bought twice. Exits go on."""
        pairs = {*self._strategy.dp.current_whitelist()}
        pairs |= {trade.pair for trade in Trade.get_open_trades()}
        inquiry = Inquiry(sorted(pairs), now - LOOK_BACK, self._last_activity)
        if self._settled(inquiry, now) is None:
            PairLocks.lock_pair("*", now, NOT_COMPARED, now=now)
            return False
        if any(lock.reason == NOT_COMPARED for lock in PairLocks.get_pair_locks("*", now)):
            PairLocks.unlock_reason(NOT_COMPARED, now)
        return True

    def _is_known(self, pair: str, sent: datetime, first_look: datetime, now: datetime) -> bool:
        """An order that is there is booked at once; one that is not may still be under way.

        False if the exchange did not answer.
        """
        found = self._settled(Inquiry([pair], sent - CLOCK_SLACK, sent), now)
        if found or (found == 0 and now - first_look >= ARRIVES_WITHIN):
            del self._lost[pair]
            fate = "is settled" if found else "never came to be"
            logger.info("%s: the order without an answer %s", pair, fate)
        return found is not None

    def _settled(self, inquiry: Inquiry, now: datetime) -> int | None:
        """How many pairs had an order to settle; None if they could not be compared."""
        exchange = self._strategy.dp._exchange
        try:
            return len(settle_orphans(exchange, inquiry, self._strategy, self.tag_of, now))
        except FreqtradeException as error:
            logger.error("%s (%s)", NOT_COMPARED, error)
        except Exception:
            logger.exception(NOT_COMPARED)
        return None

    def _watched(self, place: Callable[..., Any], exchange: Any) -> Callable[..., Any]:
        """Freqtrade's create_order, that notes an order of which nobody knows whether it is there.

        Until the next loop has looked for it, its pair gets no other order; after that none that
        enters. Exits wait for no more than that look.
        """

        def create_order(*, pair: str, **order: Any) -> Any:
            if pair in self._lost and (self._lost[pair][1] is None or _enters(exchange, order)):
                raise DependencyException(
                    f"the answer to the last order of {pair} was lost, no other before it is known"
                )
            try:
                return place(pair=pair, **order)
            except REFUSALS:
                raise
            except Exception as error:
                if self._loop is not None:
                    self._lost[pair] = (self._loop, None)
                logger.error("%s: nobody knows whether its order was placed: %s", pair, error)
                raise

        return create_order


def _enters(exchange: Any, order: dict[str, Any]) -> bool:
    """Whether an order opens or enlarges a position."""
    if exchange.trading_mode == TradingMode.FUTURES:
        return not order.get("reduceOnly")
    return bool(order.get("side") == "buy")
