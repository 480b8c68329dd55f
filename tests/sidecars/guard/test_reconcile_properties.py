"""Whole books that are made together and then damaged, against the plain twin."""

import dataclasses
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from sidecars.guard.books import (
    AccountBooks,
    BotBooks,
    BotIdentity,
    BotOrder,
    ExchangeOrder,
    Fill,
    Holding,
    OrderKey,
)
from sidecars.guard.reconcile import compare
from tests.sidecars.guard.naive_reconcile import naive_coins, naive_orders
from tests.sidecars.guard.reconcile_books import (
    BTC,
    DIP,
    ETH,
    JUST_NOW,
    LONG_AGO,
    NOON,
    SMA,
    STEPS,
    account,
)


@dataclasses.dataclass(frozen=True)
class Deed:
    """An order of a bot as it was: what the exchange and the bot both know of it."""

    who: BotIdentity
    pair: str
    is_buy: bool
    status: str
    size: int  # steps
    done: int  # steps
    minutes_ago: int


DEEDS = st.lists(
    st.builds(
        Deed,
        who=st.sampled_from([DIP, SMA]),
        pair=st.sampled_from([BTC, ETH]),
        is_buy=st.booleans(),
        status=st.sampled_from(["open", "closed", "canceled"]),
        size=st.integers(1, 1000),
        done=st.integers(0, 1000),
        minutes_ago=st.integers(2, 600),
    ),
    max_size=12,
)


def books_of(deeds: list[Deed]) -> tuple[AccountBooks, list[BotBooks]]:
    """Exchange and bots after the same deeds; sells are paid from what each bot holds."""
    orders: dict[OrderKey, ExchangeOrder] = {}
    fills: list[Fill] = []
    known: dict[str, dict[OrderKey, BotOrder]] = {"dip": {}, "sma": {}}
    held: dict[tuple[str, str], Decimal] = {}
    for number, deed in enumerate(deeds):
        step = STEPS[deed.pair]
        done = step * min(deed.done, deed.size)
        if not deed.is_buy:
            done = min(done, held.get((deed.who.name, deed.pair), Decimal(0)))
        sign = 1 if deed.is_buy else -1
        place = (deed.who.name, deed.pair)
        held[place] = held.get(place, Decimal(0)) + sign * done
        at = NOON - timedelta(minutes=deed.minutes_ago)
        key = (deed.pair, str(number))
        if deed.status == "open":
            orders[key] = ExchangeOrder(
                deed.pair, str(number), f"{deed.who.client_id_prefix}{number}",
                "buy" if deed.is_buy else "sell", "open", step * deed.size, done, at,
            )  # fmt: skip
        if done:
            fills.append(Fill(deed.pair, str(number), done, done * 100, at))
        if done or deed.status == "open":  # freqtrade tells no others
            known[deed.who.name][key] = BotOrder(
                deed.pair, str(number), deed.status == "open", done, at
            )
    totals: dict[str, Decimal] = {}
    for (_, pair), size in held.items():
        asset = pair.partition("/")[0]
        totals[asset] = totals.get(asset, Decimal(0)) + size
    bots = [
        BotBooks(
            who, frozenset({BTC, ETH}), known[who.name],
            tuple(Holding(pair, size) for (name, pair), size in held.items() if name == who.name),
        )
        for who in (DIP, SMA)
    ]  # fmt: skip
    return account(*orders.values(), fills=tuple(fills), totals=totals), bots


@settings(max_examples=60)
@given(DEEDS)
def test_books_of_the_same_deeds_never_differ(deeds: list[Deed]) -> None:
    exchange, bots = books_of(deeds)
    assert compare(exchange, bots) == ()


@settings(max_examples=60)
@given(DEEDS.filter(bool), st.data())
def test_what_one_bot_forgets_is_found_and_nothing_else(
    deeds: list[Deed], data: st.DataObject
) -> None:
    exchange, bots = books_of(deeds)
    every = [(place, key) for place, books in enumerate(bots) for key in books.orders]
    if not every:
        return
    place, key = data.draw(st.sampled_from(every))
    orders = {each: order for each, order in bots[place].orders.items() if each != key}
    bots[place] = dataclasses.replace(bots[place], orders=orders)
    # Asked for its owner, as the reader of the account does.
    named = ExchangeOrder(
        *key, f"{bots[place].bot.client_id_prefix}1", "buy", "closed",
        Decimal(1), Decimal(1), LONG_AGO,
    )  # fmt: skip
    asked = dataclasses.replace(exchange, orders={key: named, **exchange.orders})
    found = compare(asked, bots)
    assert [(each.kind, each.pair, each.bot) for each in found] == [
        ("unknown_order", key[0], bots[place].bot.name)
    ]


NUMBERS = st.integers(0, 11)


@settings(max_examples=100)
@given(
    deeds=DEEDS,
    statuses=st.dictionaries(NUMBERS, st.sampled_from(["open", "closed", "canceled"]), max_size=3),
    booked=st.dictionaries(NUMBERS, st.integers(-3, 3), max_size=3),
    young=st.sets(NUMBERS, max_size=3),
    lost=st.integers(-5, 5),
)
def test_damaged_books_are_judged_as_the_plain_twin_does(
    deeds: list[Deed],
    statuses: dict[int, str],
    booked: dict[int, int],
    young: set[int],
    lost: int,
) -> None:
    exchange, bots = books_of(deeds)
    orders = {}
    for key, order in exchange.orders.items():
        number = int(key[1])
        changed_at = JUST_NOW if number in young else order.changed_at
        orders[key] = dataclasses.replace(
            order, status=statuses.get(number, order.status), changed_at=changed_at
        )
    fills = tuple(
        dataclasses.replace(each, at=JUST_NOW) if int(each.order_id) in young else each
        for each in exchange.fills
    )
    totals = {
        asset: total - lost * STEPS[f"{asset}/USDT"] for asset, total in exchange.totals.items()
    }
    damaged = dataclasses.replace(exchange, orders=orders, fills=fills, totals=totals)

    def misbooked(order: BotOrder) -> BotOrder:
        filled = order.filled + booked.get(int(order.order_id), 0) * STEPS[order.pair]
        return dataclasses.replace(order, filled=max(Decimal(0), filled))

    wrong = [
        dataclasses.replace(
            books, orders={key: misbooked(order) for key, order in books.orders.items()}
        )
        for books in bots
    ]
    found = {each.key for each in compare(damaged, wrong)}
    assert found == naive_orders(damaged, wrong) | naive_coins(damaged, wrong)
