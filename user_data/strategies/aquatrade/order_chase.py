"""The post-only chase inside freqtrade, live and dry-run. docs/orders.md says how far it reaches.

Freqtrade asks adjust_order_price only when a candle has closed since the order, so an order is
moved by letting it time out: freqtrade cancels it and asks for its price again in the same loop,
an entry with all its checks. The last step of an exit is freqtrade's own emergency exit. The
callbacks are put on the instance, and only with the chase on: one that takes a trade costs a copy
of it on every call.
"""

import logging
from datetime import datetime, timedelta
from typing import Any, Literal

from freqtrade.persistence import Order, Trade

from aquatrade.chasing import (
    BEST,
    MARKET,
    Side,
    chase_price,
    chase_step,
    value_within_move,
)
from aquatrade.order_settings import OrderSettings
from aquatrade.settings import SettingsError
from aquatrade.sizing import StakeDecision
from aquatrade.stops import STOP_PASSED

logger = logging.getLogger(__name__)

Clocks = dict[str, tuple[datetime, datetime]]

CALLBACKS = (
    "custom_entry_price", "custom_exit_price", "check_entry_timeout", "check_exit_timeout"
)  # fmt: skip
POST_ONLY, TAKES = "PO", "GTC"
EXIT_ORDERS_BEFORE_MARKET = 2  # one for each step; freqtrade then sells at market
BOOK_LEVELS = 100
# An order that nobody asked about for this long belongs to an earlier wish.
FORGOTTEN_AFTER = timedelta(seconds=60)
# Exits that nothing may delay: freqtrade's names, and a moving stop that a close has passed.
AT_ONCE = frozenset(
    {
        "stop_loss", "trailing_stop_loss", "liquidation", "emergency_exit", "force_exit",
        STOP_PASSED,
    }
)  # fmt: skip
FORCED = "force_entry"  # freqtrade's tag of an entry that a person asked for: it is not repeated
THROUGH_PCT = 0.5  # how far beyond the other side's best a limit goes that has to trade


class OrderChase:
    """Prices and patience of one strategy's orders; without the chase only the book's limit."""

    def __init__(self, strategy: Any, settings: OrderSettings, *, trades_now: bool) -> None:
        self._strategy = strategy
        self._settings = settings
        self._entries: Clocks = {}
        self._exits: Clocks = {}
        self._refused: dict[str, str] = {}  # pair -> why its entry has no price
        self.is_on = settings.chase and trades_now
        self._asks_book = trades_now and settings.book_move_pct is not None

    def install(self, config: dict[str, Any], base: type) -> None:
        """Before freqtrade reads orders' settings. base: whose callbacks are freqtrade's own.

        Raises SettingsError where the strategy's class prices its orders itself.
        """
        if not self._settings.chase:
            return
        kind = type(self._strategy)
        own = [name for name in CALLBACKS if getattr(kind, name) is not getattr(base, name)]
        if own:
            raise SettingsError(
                f"config key 'aquatrade.orders.chase': got true, expected false: {kind.__name__} "
                f"decides itself ({', '.join(own)})"
            )
        if not self.is_on:
            return
        for name in CALLBACKS:
            setattr(self._strategy, name, getattr(self, name))
        # Freqtrade refuses an exchange that has no post-only orders by this.
        config["order_time_in_force"] = {"entry": POST_ONLY, "exit": POST_ONLY}
        given_up = config.get("unfilledtimeout") or {}
        count = given_up.get("exit_timeout_count") or EXIT_ORDERS_BEFORE_MARKET
        config["unfilledtimeout"] = {**given_up, "exit_timeout_count": count}

    def loop_starts(self) -> None:
        """What an order of the last loop was placed with is for that order alone."""
        if self.is_on:
            self._place("limit", TAKES)

    # -- entries --------------------------------------------------------------------------------

    def custom_entry_price(
        self,
        pair: str,
        trade: Trade | None,
        current_time: datetime,
        proposed_rate: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        """The price of the entry's step. Without one the entry gets no stake."""
        self._refused.pop(pair, None)
        chased = trade is None and entry_tag != FORCED
        order_side: Side = "sell" if side == "short" else "buy"
        try:
            step = self._step(self._entries, pair, current_time) if chased else BEST
            price, other = self._price(step, pair, order_side)
        except Exception as error:
            logger.exception("no price for an entry of %s, it is not made", pair)
            self._refused[pair] = f"no price from the order book ({type(error).__name__})"
            return proposed_rate
        # Read by freqtrade after this, for this order.
        self._place("market" if price == MARKET else "limit", TAKES)
        return other if price == MARKET else price

    def check_entry_timeout(
        self, pair: str, trade: Trade, order: Order, current_time: datetime, **kwargs: Any
    ) -> bool:
        """Whether an entry has to move on. What was filled in part waits where it stands:
        freqtrade would not enter the rest again."""
        if order.safe_filled or trade.nr_of_successful_entries or trade.enter_tag == FORCED:
            return False
        return self._is_overtaken(self._entries, pair, order, current_time)

    def fitted(
        self, pair: str, side: str, decision: StakeDecision, leverage: float, min_stake: float
    ) -> StakeDecision:
        """The stake, the less that the book bears, or none. Raises for a book that cannot be read.

        Freqtrade asks for the stake right after the price; a price that failed ends here.
        """
        if pair in self._refused:
            return StakeDecision(0.0, self._refused[pair])
        move_pct = self._settings.book_move_pct
        if not self._asks_book or move_pct is None or not decision.stake > 0.0:
            return decision
        order_side: Side = "sell" if side == "short" else "buy"
        levels = self._book(pair)["bids" if order_side == "sell" else "asks"]
        bears = value_within_move(levels, order_side, move_pct) / leverage
        if bears >= decision.stake:
            return decision
        said = f"more would move the book by over {move_pct:g} %"
        if bears < min_stake or bears <= 0.0:
            return StakeDecision(0.0, f"the book bears {bears:.2f}, {said}")
        logger.info("entry of %s: %.2f of %.2f, %s", pair, bears, decision.stake, said)
        return StakeDecision(bears, "")

    # -- exits ----------------------------------------------------------------------------------

    def custom_exit_price(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        proposed_rate: float,
        current_profit: float,
        exit_tag: str | None,
        **kwargs: Any,
    ) -> float:
        """The price of the exit's step; one that may take where there is no time or no book."""
        if exit_tag in AT_ONCE:
            self._place(None, TAKES)
            return proposed_rate
        side: Side = "buy" if trade.is_short else "sell"
        try:
            price, other = self._price(self._step(self._exits, pair, current_time), pair, side)
        except Exception:
            logger.exception("no post-only price for an exit of %s, it takes what is there", pair)
            self._place(None, TAKES)
            return proposed_rate
        if price == MARKET:
            # Only after refusals: an order that stood is sold at market by its time-out.
            self._place(None, TAKES)
            return other * (1.0 + (THROUGH_PCT if side == "buy" else -THROUGH_PCT) / 100.0)
        self._place(None, POST_ONLY)
        return price

    def check_exit_timeout(
        self, pair: str, trade: Trade, order: Order, current_time: datetime, **kwargs: Any
    ) -> bool:
        return self._is_overtaken(self._exits, pair, order, current_time)

    # -- what they share ------------------------------------------------------------------------

    def _place(self, entry_type: str | None, exit_in_force: str) -> None:
        strategy = self._strategy
        if entry_type is not None and strategy.order_types["entry"] != entry_type:
            strategy.order_types = {**strategy.order_types, "entry": entry_type}
        strategy.order_time_in_force = {"entry": POST_ONLY, "exit": exit_in_force}

    def _price(self, step: int, pair: str, side: Side) -> tuple[float | Literal["market"], float]:
        """The price of a step, or MARKET, and the best price of the other side."""
        book = self._book(pair)
        bid, ask = float(book["bids"][0][0]), float(book["asks"][0][0])
        own, other = (bid, ask) if side == "buy" else (ask, bid)
        tick = self._strategy.dp._exchange.price_get_one_pip(pair, own)
        return chase_price(step, side, own, other, tick), other

    def _book(self, pair: str) -> Any:
        return self._strategy.dp.orderbook(pair, BOOK_LEVELS)

    def _step(self, clocks: Clocks, pair: str, now: datetime) -> int:
        """The step of an order that is about to be placed; the first one starts the clock."""
        first, last = clocks.get(pair, (now, now))
        if now - last > FORGOTTEN_AFTER:
            first = now
        clocks[pair] = (first, now)
        return self._step_at(now, first)

    def _is_overtaken(self, clocks: Clocks, pair: str, order: Order, now: datetime) -> bool:
        """Whether a resting order belongs to an earlier step than the present one."""
        if order.order_type == "market":
            return False
        placed = order.order_date_utc
        first = min(clocks.get(pair, (placed, placed))[0], placed)
        clocks[pair] = (first, now)
        return self._step_at(now, first) > self._step_at(placed, first)

    def _step_at(self, moment: datetime, first: datetime) -> int:
        age_seconds = (moment - first).total_seconds()
        return chase_step(
            age_seconds, self._settings.tick_after_seconds, self._settings.market_after_seconds
        )
