"""What the exchange has against what the bots believe: every kind of difference, and no other."""

import dataclasses
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
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
)
from sidecars.guard.reconcile import compare
from sidecars.guard.reconcile_amounts import leftovers, plain
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
    amount,
    told,
)


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


def test_fills_that_came_while_the_account_was_read_may_be_booked() -> None:
    books = account(told(filled="0.01"), fills=(fill("0.01"), fill("0.005", JUST_NOW)))
    assert kinds(books, bot(believed(filled="0.01"))) == []
    assert kinds(books, bot(believed(filled="0.015"))) == []
    assert kinds(books, bot(believed(filled="0.016"))) == ["fills"]


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


def test_what_should_have_been_booked_long_ago_explains_nothing() -> None:
    sold = dataclasses.replace(fill("0.1"), order_id="9")
    known = BotOrder(BTC, "9", False, Decimal(0), LONG_AGO)
    books = with_coins("0.4", fills=(sold,))
    assert kinds(books, bot(known, holdings=(coins("0.5"),))) == ["coins_missing", "fills"]


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
