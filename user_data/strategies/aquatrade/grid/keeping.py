"""Where the state of a grid lives between two looks: in the custom data of its trade."""

from collections.abc import Sequence
from datetime import datetime

from freqtrade.persistence import Order, Trade
from freqtrade.persistence.custom_data import CustomDataWrapper

from aquatrade.grid.booking import Fill, booked
from aquatrade.grid.plan_table import PlanTable
from aquatrade.grid.state import GridState, from_json

STATE_KEY = "grid"


class GridBook:
    """The grids of a bot by trade, and by pair those that hold nothing and have no trade.

    writes: whether a restart has to find them again (not in a backtest: freqtrade looks through
    all custom data of the run for each value).
    """

    def __init__(self, *, writes: bool) -> None:
        self._writes = writes
        self._of_trades: dict[tuple[int, datetime], GridState] = {}
        self._plans: dict[str, GridState] = {}
        self._looked_up: set[str] = set()
        self._homes: dict[str, int] = {}  # the closed trade that keeps the plan of a pair
        self._table = PlanTable()  # of plans without one: these grids have not bought yet

    def forget(self) -> None:
        """Another run begins."""
        self._of_trades.clear()
        self._plans.clear()

    def of_trade(self, trade: Trade) -> GridState | None:
        """None for a trade whose grid was not kept yet. Raises ValueError if it is unreadable."""
        key = (trade.id, trade.open_date_utc)
        state = self._of_trades.get(key)
        if state is None and self._writes:
            text = trade.get_custom_data(STATE_KEY)
            if text is not None:
                state = self._of_trades[key] = from_json(text)
        return state

    def keep(self, trade: Trade, state: GridState) -> None:
        """Write it, unless it is what is kept already."""
        key = (trade.id, trade.open_date_utc)
        if self._of_trades.get(key) is state:
            return
        if self._writes:
            trade.set_custom_data(STATE_KEY, state.to_json())
            if key not in self._of_trades:
                self._table.drop(trade.pair)
        self._of_trades[key] = state

    def plan(self, pair: str) -> GridState | None:
        """The grid of a pair without a trade; None if there is none or if it has ended."""
        if self._writes and pair not in self._looked_up:
            self._look_up(pair)
        return self._plans.get(pair)

    def set_plan(self, pair: str, state: GridState) -> None:
        self._looked_up.add(pair)
        if state == self._plans.get(pair):
            return
        home = self._homes.get(pair)
        if home is not None:
            CustomDataWrapper.set_custom_data(home, STATE_KEY, state.to_json())
        elif self._writes:
            self._table.keep(pair, state.to_json())
        self._plans[pair] = state

    def drop_plan(self, pair: str) -> None:
        """There is no grid for the pair any more: the next one is a new one."""
        self._looked_up.add(pair)
        was_kept = self._plans.pop(pair, None) is not None
        if was_kept and self._homes.pop(pair, None) is None and self._writes:
            self._table.drop(pair)

    def closes(self, trade: Trade, state: GridState) -> None:
        """The trade holds nothing any more: what of its grid goes on waits for the next trade."""
        self._of_trades.pop((trade.id, trade.open_date_utc), None)
        if state.ended is not None:
            self.drop_plan(trade.pair)
            return
        self._looked_up.add(trade.pair)
        self._plans[trade.pair] = state
        if self._writes:
            self._table.drop(trade.pair)
            self._homes[trade.pair] = trade.id

    def _look_up(self, pair: str) -> None:
        """After a restart: the grid that has not bought yet, or what the pair's last trade left."""
        text = self._table.load(pair)
        if text is not None:
            self._looked_up.add(pair)
            self._plans[pair] = from_json(text)
            return
        of_pair = [Trade.pair == pair, Trade.is_open.is_(False)]
        newest = Trade.get_trades_query(of_pair).order_by(Trade.close_date.desc()).limit(1)
        last = Trade.session.scalars(newest).unique().first()
        text = None if last is None else last.get_custom_data(STATE_KEY)
        self._looked_up.add(pair)
        if last is None or text is None:
            return
        state = caught_up(from_json(text), last)
        if state.ended is None and not state.lots:
            self._plans[pair] = state
            self._homes[pair] = last.id


def caught_up(state: GridState, trade: Trade) -> GridState:
    """The grid with the orders of its trade that are not in it yet, as they came.

    One that was filled while nobody looked is among them.
    """
    for fill in _new_fills(trade, state.booked):
        state = booked(state, fill)
    return state


def _new_fills(trade: Trade, known: Sequence[str]) -> list[Fill]:
    found: list[Fill] = []
    for order in reversed(trade.orders):
        if order.order_id in known:
            break  # one order works at a time: what came before is known as well
        if not order.ft_is_open and order.safe_filled:
            found.append(_fill(trade, order))
    return found[::-1]


def _fill(trade: Trade, order: Order) -> Fill:
    price, filled = float(order.safe_price), float(order.safe_filled)
    value = filled * price
    moment = order.order_filled_utc or order.order_date_utc
    if order.ft_order_side == trade.entry_side:
        fee_rate = float(trade.fee_open or 0.0)
        fee_base = order.ft_fee_base
        if not fee_base and _pays_in_base(trade):
            fee_base = filled * fee_rate
        amount = filled - float(fee_base or 0.0)
        value *= 1.0 if fee_base else 1.0 + fee_rate
        return Fill(
            str(order.order_id), "buy", amount, value, price, order.ft_order_tag or "",
            moment.isoformat(),
        )  # fmt: skip
    value *= 1.0 - float(trade.fee_close or 0.0)
    return Fill(
        str(order.order_id), "sell", filled, value, price, order.ft_order_tag or "",
        moment.isoformat(),
    )  # fmt: skip


def _pays_in_base(trade: Trade) -> bool:
    """Whether the exchange takes the fees of buys out of what was bought.

    Freqtrade looks up the fee of an order that makes a trade larger only in its next loop.
    """
    if trade.fee_open_currency is not None:
        return bool(trade.fee_open_currency == trade.safe_base_currency)
    return any(order.ft_fee_base for order in trade.orders)
