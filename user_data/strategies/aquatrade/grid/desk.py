"""Between the grids and freqtrade's callbacks: what each of them asks, per trade or per pair."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from freqtrade.persistence import PairLocks, Trade

from aquatrade.grid.booking import RECOVERED_TAG, begun, released
from aquatrade.grid.keeping import GridBook, caught_up
from aquatrade.grid.play import (
    GRID_ROTATION,
    GRID_TAKE_PROFIT,
    SELL_TAG,
    Wish,
    highest_only,
    opened,
    reason_to_end,
    rotates,
    step,
    tag_of_sent,
)
from aquatrade.grid.spec import GridSpec, armed_share
from aquatrade.grid.state import GridState, for_next_trade

logger = logging.getLogger(__name__)

# A buy that was refused is asked for again, not in every loop.
ASK_AGAIN_AFTER = timedelta(minutes=1)
REFUSED_FOR = timedelta(hours=1)
FIRST_BUY = -1


class GridDesk:
    """spec_of: the grid of a pair; pairs: those that share the armed levels; fee_rate: of one
    order, for what a sale would bring; trades_now: whether a restart has to find the grids again;
    is_settled: whether all that a pair's orders did is known; rotate_after: orders of a trade.
    """

    def __init__(
        self,
        spec_of: Callable[[str], GridSpec],
        pairs: Callable[[], Sequence[str]],
        armed_levels: int,
        fee_rate: float,
        *,
        trades_now: bool,
        is_settled: Callable[[str], bool],
        rotate_after: int | None,
    ) -> None:
        self.book = GridBook(writes=trades_now)
        self._trades_now = trades_now
        self._spec_of = spec_of
        self._pairs = pairs
        self._armed_levels = armed_levels
        self._fee_rate = fee_rate
        self._is_settled = is_settled
        self._rotate_after = rotate_after
        self._entry: dict[str, Wish | None] = {}  # what the next entry of a pair buys
        self._asked: dict[str, datetime] = {}

    def current(self, trade: Trade) -> GridState:
        """The grid of a trade with all that its orders did; what none of them did waits. Kept."""
        state = self.book.of_trade(trade) or self._grid_of_new(trade)
        known = state.round_trips
        state = caught_up(state, trade)
        if not trade.has_open_orders and self._is_settled(trade.pair):
            state = released(state)
        for trip in state.trips[len(state.trips) - (state.round_trips - known) :]:
            logger.info(
                "%s: round trip of level %d: %.4f bought for %.2f, sold for %.2f",
                trade.pair, trip.number, trip.amount, trip.cost, trip.proceeds,
            )  # fmt: skip
        self.book.keep(trade, state)
        return state

    def filled(self, trade: Trade) -> GridState:
        """An order of the trade was closed."""
        self._asked.pop(trade.pair, None)
        state = self.current(trade)
        if not state.lots and trade.nr_of_successful_entries:
            self.book.closes(trade, state)
        return state

    def adjustment(
        self,
        trade: Trade,
        buy_rate: float,
        sell_rate: float,
        min_stake: float,
        max_stake: float,
        now: datetime,
    ) -> tuple[float, str] | None:
        """What adjust_trade_position answers: stake (of a sale negative) and tag, or nothing."""
        wish = self.order_for(trade, buy_rate, sell_rate, now)
        if wish is None:
            return None
        if wish.side == "sell":
            share = 1.0 if wish.is_last else min(1.0, wish.amount / trade.amount)
            return -trade.stake_amount * share, wish.tag
        stake = min(wish.stake, max_stake)
        # Freqtrade's locks stop entries only, not what makes a trade larger.
        is_locked = PairLocks.is_pair_locked(trade.pair, now, "long")
        return None if is_locked or stake < min_stake else (stake, wish.tag)

    def order_for(
        self, trade: Trade, buy_rate: float, sell_rate: float, now: datetime
    ) -> Wish | None:
        """What the grid of an open trade wants now. Its levels wait for the order from here on."""
        state = self.current(trade)
        if trade.has_open_orders or not self._is_settled(trade.pair):
            return None
        after, wish = self._stepped(trade.pair, state, buy_rate, sell_rate)
        if wish is not None and wish.side == "buy":
            wish = self._asked_for(trade.pair, after, wish, now)
        self.book.keep(trade, after if wish is None else begun(after, wish))
        return wish

    def reason_to_end(self, trade: Trade, rate: float, now: datetime) -> str | None:
        """The tag of the exit of the whole trade at this rate, or None."""
        state = self.current(trade)
        reason = reason_to_end(state, rate, float(trade.fee_close or self._fee_rate))
        if reason is not None or not rotates(state, len(trade.orders), self._rotate_after):
            return reason
        # What is sold has to be bought again: not where that would be refused.
        is_free = not trade.has_open_orders and self._is_settled(trade.pair)
        may_buy = is_free and not PairLocks.is_pair_locked(trade.pair, now, "long")
        return GRID_ROTATION if may_buy else None

    def sent_tag(self, trade: Trade, side: str, price: float) -> str:
        """The tag of an order of the trade that the database lost, from what the grid waits for."""
        state = self.book.of_trade(trade) or self._grid_of_new(trade)
        if side == "buy":
            return tag_of_sent(state, "buy") or RECOVERED_TAG
        fee_rate = float(trade.fee_close or self._fee_rate)
        reason = tag_of_sent(state, "sell") or reason_to_end(state, price, fee_rate)
        is_rotation = rotates(state, len(trade.orders), self._rotate_after)
        return reason or (GRID_ROTATION if is_rotation else RECOVERED_TAG)

    def buy_price(self, trade: Trade) -> float | None:
        """The mean price of the lines that the next order of the trade buys."""
        state = self.book.of_trade(trade)
        buying = () if state is None else state.in_phase("buying")
        return sum(level.buy_price for level in buying) / len(buying) if buying else None

    def sell_price(self, trade: Trade, exit_tag: str) -> float | None:
        """The mean price of the lines that an order with this tag sells at; None: no line does."""
        state = self.book.of_trade(trade)
        selling = () if state is None else state.in_phase("selling")
        if not selling or not exit_tag.startswith(SELL_TAG):
            return None
        amount = sum(level.amount for level in selling)
        return sum(level.amount * level.sell_price for level in selling) / amount

    def grid_of(self, pair: str) -> GridState | None:
        """The pair's grid as it stands: of its open trade, or the one that holds nothing."""
        if not self._trades_now:
            return None
        trade = Trade.get_trades([Trade.pair == pair, Trade.is_open.is_(True)]).unique().first()
        return self.book.plan(pair) if trade is None else self.book.of_trade(trade)

    def entry_for(
        self,
        pair: str,
        rate: float,
        now: datetime,
        obstacle: Callable[[], str | None],
    ) -> tuple[Wish | None, str]:
        """What the grid of a pair without a trade wants to buy; else nothing, and why not.

        obstacle: why no new grid may open now, asked only where there is none that goes on.
        """
        self._entry[pair] = None
        state = self.book.plan(pair)
        if state is not None and self._is_done(state, rate):
            self.book.drop_plan(pair)
            state = None
        if state is None or not state.booked:
            reason = obstacle()
            if reason is not None:
                self.book.drop_plan(pair)
                return None, reason
        if state is None:
            state = opened(self._spec_of(pair), rate)
            logger.info("%s: a grid opens around %.8g", pair, state.centre)
        state = replace(state, levels=_all_waiting(state).levels)
        after, wish = self._stepped(pair, state, rate, rate)
        if wish is not None:
            wish = self._asked_for(pair, after, wish, now)
        self.book.set_plan(pair, after if wish is None else begun(after, wish))
        if wish is None:
            return None, "the price is at none of the grid's buys"
        self._entry[pair] = wish
        return wish, ""

    def entry_stake(self, pair: str) -> tuple[bool, Wish | None]:
        """Whether entry_for was asked in the same breath, and what it found; once."""
        return pair in self._entry, self._entry.pop(pair, None)

    def _grid_of_new(self, trade: Trade) -> GridState:
        """Of a trade that was just entered, or whose entry a killed bot did not see."""
        plan = self.book.plan(trade.pair)
        first = trade.orders[0]
        price = float(first.ft_price)
        if plan is None or plan.ended is not None:
            spec = self._spec_of(trade.pair)
            is_free = not spec.is_static and not spec.seed_inventory
            state = opened(spec, spec.centre_of(price, FIRST_BUY) if is_free else price)
        else:
            state = for_next_trade(plan)
        if state.in_phase("buying"):
            return state
        lots = max(1, round(float(first.safe_amount) * price / state.spec.stake_usd))
        nearest = sorted(state.in_phase("waiting"), key=lambda one: abs(one.buy_price - price))
        keys = {level.key for level in nearest[:lots]}
        levels = tuple(
            level.moved("buying") if level.key in keys else level for level in state.levels
        )
        return replace(state, levels=levels)

    def _stepped(
        self, pair: str, state: GridState, buy_rate: float, sell_rate: float
    ) -> tuple[GridState, Wish | None]:
        pairs = list(self._pairs())
        position = pairs.index(pair) if pair in pairs else 0
        most = armed_share(max(1, len(pairs)), position, self._armed_levels)
        after, wish = step(state, buy_rate, sell_rate, most)
        if after.generation != state.generation:
            logger.info(
                "%s: grid laid anew around %.8g (was %.8g), %d lots kept",
                pair, after.centre, state.centre, len(after.lots),
            )  # fmt: skip
        return after, wish

    def _is_done(self, state: GridState, rate: float) -> bool:
        reached = reason_to_end(state, rate, self._fee_rate) == GRID_TAKE_PROFIT
        return reached or state.ended is not None

    def _asked_for(self, pair: str, state: GridState, wish: Wish, now: datetime) -> Wish | None:
        """The buy, unless it was asked for just now; level by level once it was refused."""
        last = self._asked.get(pair)
        if last is not None and timedelta(0) <= now - last < ASK_AGAIN_AFTER:
            return None
        self._asked[pair] = now
        is_refused = last is not None and timedelta(0) <= now - last < REFUSED_FOR
        return highest_only(state, wish) if is_refused else wish


def _all_waiting(state: GridState) -> GridState:
    """A plan has no order: what an entry that never came was to buy waits again."""
    levels = tuple(
        level.moved("waiting") if level.phase == "buying" else level for level in state.levels
    )
    return replace(state, levels=levels)
