"""Grids that walk along prices with every order filled at once."""

import itertools
from collections.abc import Iterable

from aquatrade.grid.booking import Fill, begun, booked, released
from aquatrade.grid.play import Wish, step
from aquatrade.grid.state import GridState
from tests.aquatrade.grid.naive_grid import FEE_RATE

MANY = 1000
ORDER_NUMBERS = itertools.count()  # no two orders are the same one
MOMENT = "2024-01-01T00:00:00+00:00"


def fill_of(wish: Wish, price: float, share: float = 1.0) -> Fill:
    """The fill of a wish at a price; share: how much of the order was filled."""
    number = next(ORDER_NUMBERS)
    if wish.side == "buy":
        stake = wish.stake * share
        return Fill(
            str(number), "buy", stake / price, stake * (1 + FEE_RATE), price, wish.tag, MOMENT
        )
    amount = wish.amount * share
    return Fill(
        str(number), "sell", amount, amount * price * (1 - FEE_RATE), price, wish.tag, MOMENT
    )


def see(state: GridState, price: float, armed: int = MANY) -> GridState:
    """One look at the market; what is wanted is filled at the price itself."""
    state, wish = step(state, price, price, armed)
    if wish is None:
        return state
    return released(booked(begun(state, wish), fill_of(wish, price)))


def walked(state: GridState, prices: Iterable[float], armed: int = MANY) -> GridState:
    for price in prices:
        state = see(state, price, armed)
    return state
