"""What the exchange has against what the bots believe: every kind of difference, and no other."""

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecars.guard.books import (
    AccountBooks,
    BotBooks,
    BotIdentity,
    BotOrder,
    Cash,
    ExchangeOrder,
    Fill,
    Holding,
    Leftover,
    OrderKey,
)
from sidecars.guard.reconcile import compare
from sidecars.guard.reconcile_amounts import leftovers, plain
from tests.sidecars.guard.naive_reconcile import naive_coins, naive_orders

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
LONG_AGO, JUST_NOW = NOON - timedelta(hours=1), NOON - timedelta(seconds=10)
BTC, ETH = "BTC/USDT", "ETH/USDT"
STEPS = {BTC: Decimal("0.00001"), ETH: Decimal("0.0001")}
DIP, SMA = BotIdentity("dip", "aq-dip-"), BotIdentity("sma", "aq-sma-")


def amount(text: str) -> Decimal:
    return Decimal(text)


def told(
    number: str = "1", client: str = "aq-dip-x", status: str = "open", filled: str = "0",
    changed_at: datetime = LONG_AGO, pair: str = BTC,
) -> ExchangeOrder:  # fmt: skip
    return ExchangeOrder(
        pair, number, client, "buy", status, amount("0.02"), amount(filled), changed_at
    )


def account(*orders: ExchangeOrder, **changes: object) -> AccountBooks:
    books = AccountBooks(
        "main", NOON, {BTC: NOON - timedelta(hours=23), ETH: NOON - timedelta(hours=23)},
        orders={order.key: order for order in orders},
        totals={"USDT": amount("1000")}, steps=STEPS,
    )  # fmt: skip
    return dataclasses.replace(books, **changes)  # type: ignore[arg-type]


def believed(
    number: str = "1", *, is_open: bool = True, filled: str = "0", created_at: datetime = LONG_AGO
) -> BotOrder:
    return BotOrder(BTC, number, is_open, amount(filled), created_at)


def bot(*orders: BotOrder, who: BotIdentity = DIP, **changes: object) -> BotBooks:
    books = BotBooks(who, frozenset({BTC}), {order.key: order for order in orders})
    return dataclasses.replace(books, **changes)  # type: ignore[arg-type]


def kinds(books: AccountBooks, *bots: BotBooks, unread: tuple[BotIdentity, ...] = ()) -> list[str]:
    return [mismatch.kind for mismatch in compare(books, bots, unread)]


def test_books_that_agree_differ_in_nothing() -> None:
    assert kinds(account(told()), bot(believed())) == []
    assert kinds(account(), bot()) == []


@pytest.mark.parametrize(
    ("order", "owner"),
    [
        (told(), "dip"),  # open, of its prefix
        (told(status="canceled", filled="0.01"), "dip"),  # something was bought
        (told(client="aq-sma-x"), "sma"),
        (told(status="canceled"), None),  # nothing came of it
        (told(client="web_1"), None),  # a person's
        (told(changed_at=JUST_NOW), None),  # the bot's next loop will know
    ],
)
def test_an_order_that_no_bot_knows(order: ExchangeOrder, owner: str | None) -> None:
    found = compare(account(order), [bot(), bot(who=SMA)])
    assert [(each.kind, each.bot) for each in found] == (
        [] if owner is None else [("unknown_order", owner)]
    )


def test_without_a_prefix_every_unknown_order_on_its_pairs_is_the_bots() -> None:
    nameless = bot(who=BotIdentity("old"))
    assert kinds(account(told(client="web_1")), nameless) == ["unknown_order"]
    assert kinds(account(told(client="web_1", pair=ETH)), nameless) == []
    assert kinds(account(told(client="aq-dip-1")), nameless, bot()) == ["unknown_order"]
    # It may as well be the one of the other bot that cannot be read.
    assert kinds(account(told(client="web_1")), nameless, unread=(BotIdentity("new"),)) == []


def test_the_longest_prefix_names_the_owner() -> None:
    found = compare(
        account(told(client="aq-dip-2-x")), [bot(), bot(who=BotIdentity("dip2", "aq-dip-2-"))]
    )
    assert [each.bot for each in found] == ["dip2"]


def test_an_order_of_a_bot_that_was_not_read_is_no_difference() -> None:
    assert kinds(account(told()), bot(who=SMA), unread=(DIP,)) == []


@pytest.mark.parametrize("status", ["closed", "canceled", "expired"])
def test_an_order_that_only_the_bot_has_open(status: str) -> None:
    found = compare(account(told(status=status, filled="0.02")), [bot(believed())])
    assert [each.kind for each in found] == ["order_state"]
    assert found[0].text == (
        "main, bot dip, order 1 of BTC/USDT: the bot has it open, on the exchange it is " + status
    )
    young = told(status=status, filled="0.02", changed_at=JUST_NOW)
    assert kinds(account(young), bot(believed())) == []


def test_an_order_that_the_exchange_has_never_seen() -> None:
    books = account(missing=frozenset({(BTC, "1")}))
    assert kinds(books, bot(believed())) == ["order_state"]
    assert kinds(books, bot(believed(created_at=JUST_NOW))) == []
    # Nobody asked for it: it is younger than the question.
    assert kinds(account(), bot(believed())) == []


def test_an_order_that_only_the_exchange_has_open() -> None:
    closed = believed(is_open=False, filled="0.01")
    assert kinds(account(told(filled="0.01")), bot(closed)) == ["order_state"]


def fill(size: str, at: datetime = LONG_AGO) -> Fill:
    return Fill(BTC, "1", amount(size), amount(size) * 60_000, at)


def test_fills_that_a_bot_has_not_booked() -> None:
    booked = believed(is_open=False, filled="0.01")
    assert kinds(account(fills=(fill("0.006"), fill("0.004"))), bot(booked)) == []
    assert kinds(account(fills=(fill("0.006"), fill("0.00401"))), bot(booked)) == ["fills"]
    assert kinds(account(fills=(fill("0.006"), fill("0.004009"))), bot(booked)) == []
    assert kinds(account(fills=(fill("0.01"), fill("0.01", JUST_NOW))), bot(booked)) == []


def test_fills_that_the_exchange_does_not_have() -> None:
    booked = believed(is_open=False, filled="0.01")
    assert kinds(account(fills=(fill("0.009"),)), bot(booked)) == ["fills"]
    # Older than the fills that were read: the rest may lie before.
    old = believed(is_open=False, filled="0.01", created_at=NOON - timedelta(days=2))
    assert kinds(account(fills=(fill("0.009"),)), bot(old)) == []


def test_fills_of_an_order_that_the_exchange_has_forgotten() -> None:
    assert kinds(account(fills=(fill("0.01"),)), bot()) == []
    assert kinds(account(fills=(fill("0.01"),)), bot(who=BotIdentity("old"))) == ["unknown_order"]


def coins(text: str, *, fee: str = "0", pair: str = BTC) -> Holding:
    return Holding(pair, amount(text), amount(fee))


def with_coins(text: str, **changes: object) -> AccountBooks:
    return account(totals={"BTC": amount(text)}, **changes)


def test_coins_that_are_missing() -> None:
    both = (bot(holdings=(coins("0.5"),)), bot(who=SMA, holdings=(coins("0.25"),)))
    assert kinds(with_coins("0.75"), *both) == []
    assert kinds(with_coins("0.74998"), *both) == []  # a step for each trade
    found = compare(with_coins("0.74997"), both)
    assert [each.kind for each in found] == ["coins_missing"]
    assert found[0].text == "main, BTC: the bots hold 0.75, the account has 0.74997"
    assert kinds(with_coins("5"), *both) == []


def test_fees_that_were_not_booked_and_what_was_sold_just_now_are_not_missing() -> None:
    assert kinds(with_coins("0.4994"), bot(holdings=(coins("0.5", fee="0.0005"),))) == [
        "coins_missing"
    ]
    assert kinds(with_coins("0.4995"), bot(holdings=(coins("0.5", fee="0.0005"),))) == []
    sold = dataclasses.replace(fill("0.1", JUST_NOW), order_id="9")
    known = BotOrder(BTC, "9", True, Decimal(0), LONG_AGO)
    assert kinds(with_coins("0.4", fills=(sold,)), bot(known, holdings=(coins("0.5"),))) == []
    booked = dataclasses.replace(known, is_open=False, filled=amount("0.1"))
    assert kinds(with_coins("0.3", fills=(sold,)), bot(booked, holdings=(coins("0.4"),))) == [
        "coins_missing"
    ]


def test_coins_of_nobody_do_not_cover_what_is_missing() -> None:
    books = with_coins("1.4", own={"BTC": amount("1")})
    assert kinds(books, bot(holdings=(coins("0.4"),))) == []
    assert kinds(books, bot(holdings=(coins("0.41"),))) == ["coins_missing"]


def test_what_the_account_has_beyond_the_bots() -> None:
    books = account(totals={"BTC": amount("0.75"), "USDT": amount("1000"), "DOGE": amount("7")})
    holder = bot(holdings=(coins("0.5"),))
    assert leftovers(books, [holder]) == {"BTC": Leftover(amount("0.25"), STEPS[BTC])}
    bought = dataclasses.replace(books, fills=(fill("0.01", JUST_NOW),))
    assert leftovers(bought, [holder])["BTC"].young == amount("0.01")
    named = dataclasses.replace(books, own={"BTC": amount("0.25")})
    assert leftovers(named, [bot()]) == {}


def purse(expected: str) -> BotBooks:
    return bot(cash=Cash("USDT", amount("1000"), amount(expected)))


def test_cash_that_is_missing() -> None:
    assert kinds(account(), purse("1001")) == []
    assert kinds(account(), purse("1001.01")) == ["money_missing"]
    other = dataclasses.replace(purse("500"), bot=SMA)
    assert kinds(account(), purse("600"), other) == ["money_missing"]
    assert kinds(account(own={"USDT": amount("100")}), purse("950")) == ["money_missing"]


def test_positions_must_be_equal_in_both_directions() -> None:
    perp = "BTC/USDT:USDT"

    def books(size: str) -> AccountBooks:
        return account(positions={perp: amount(size)}, steps={perp: amount("0.001")})

    short = bot(
        pairs=frozenset({perp}), holdings=(Holding(perp, amount("-0.5"), is_position=True),)
    )
    assert kinds(books("-0.5"), short) == []
    assert kinds(books("-0.4"), short) == kinds(books("-0.6"), short) == ["position"]
    assert kinds(books("0.2"), bot(pairs=frozenset({perp}))) == ["position"]
    assert kinds(books("-0.4"), short, unread=(SMA,)) == []


def test_the_same_difference_has_the_same_key_and_others_have_others() -> None:
    orders = (told("1"), told("2"), told("1", pair=ETH))
    found = compare(account(*orders), [bot()])
    assert len({each.key for each in found}) == len(found) == 3
    later = account(told("1", filled="0.01"), at=NOON + timedelta(minutes=5))
    assert compare(later, [bot()])[0].key in {each.key for each in found}


@given(st.decimals(-(10**9), 10**9, places=8))
def test_plain_numbers_are_the_numbers(value: Decimal) -> None:
    assert Decimal(plain(value)) == value
    assert "E" not in plain(value)


# -- whole books, made together and then damaged ----------------------------------------------


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
