"""Every way in which two books can differ is found, and agreeing books pass."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lab.agreement import Agreement, LedgerOrder, compare_books
from lab.trades import BotBooks, BotOrder, TradeRecord, exact

D = Decimal
BUY = BotOrder("11", 1, "ETH/USDT", "buy", "closed", D("0.5"), D("1000"), D("0.0005"))
SELL = BotOrder("12", 1, "ETH/USDT", "sell", "closed", D("0.4995"), D("1100"), D(0))
NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
TRADE = TradeRecord("ETH/USDT", NOON, 2000.0, "crash", NOON, 1100 / 0.4995, "above_mean", 0.1)
BOOKS = BotBooks((TRADE,), (BUY, SELL), {}, {1: D("1.1")}, {}, (1,))
LEDGER = [
    LedgerOrder("11", "ETH/USDT", "BUY", "FILLED", D("0.5"), D("1000"), D("0.0005"), "ETH"),
    LedgerOrder("12", "ETH/USDT", "SELL", "FILLED", D("0.4995"), D("1100"), D("1.1"), "USDT"),
]
BALANCES = {"USDT": D("5098.9"), "ETH": D(0)}


def agree(
    books: BotBooks = BOOKS,
    ledger: list[LedgerOrder] | None = None,
    balances: dict[str, Decimal] | None = None,
) -> Agreement:
    return compare_books(
        books,
        LEDGER if ledger is None else ledger,
        BALANCES if balances is None else balances,
        {"USDT": D(5000)},
        "USDT",
    )


def test_books_that_agree() -> None:
    agreement = agree()
    assert agreement.disagreements == ()
    assert (agreement.orders, agreement.filled_orders, agreement.assets) == (2, 2, 2)
    assert agreement.turnover_quote == 2100
    assert agreement.fees_not_kept == 0


UNIT = D("0.00000001")


@pytest.mark.parametrize(
    ("books", "ledger", "balances", "line"),
    [
        (replace(BOOKS, orders=(BUY,)), None, None, "order 12: SELL ETH/USDT FILLED"),
        (None, LEDGER[:1], None, "order 12: in the bot's database, unknown"),
        (replace(BOOKS, orders=(BUY, BUY, SELL)), None, None, "order 11: 2 times"),
        (None, None, {**BALANCES, "ETH": UNIT}, "make 0.0000, the ledger holds 1E-8"),
        (None, None, {**BALANCES, "USDT": D("5098.89999999")}, "USDT: the bot's orders make"),
        (None, None, {**BALANCES, "SOL": D(1)}, "SOL: the bot's orders make 0, the ledger holds 1"),
        (
            replace(BOOKS, orders=(replace(BUY, filled_quote=D("1000.00000001")), SELL)),
            None, None, "filled value is 1000.00000001 for the bot",
        ),
        (replace(BOOKS, orders=(replace(BUY, status="open"), SELL)), None, None, "status is open"),
        (replace(BOOKS, exit_fee_quote={1: D("1.2")}), None, None, "fee is 1.2 for the bot"),
        (replace(BOOKS, exit_fee_quote={}), None, None, "order 12 (ETH/USDT): the bot has kept no"),
        (
            replace(BOOKS, trades=(replace(TRADE, closed=None),), amounts={1: D("0.5")}),
            None, None, "trade 1 (ETH/USDT): holds 0.5, its orders make 0.0000",
        ),
        (
            replace(BOOKS, trades=(replace(TRADE, open_rate=1900.0),)),
            None, None, "open rate is 1900.0, its orders make 2000",
        ),
        (
            replace(BOOKS, trades=(replace(TRADE, close_rate=4000.0),)),
            None, None, "close rate is 4000.0",
        ),
        (replace(BOOKS, orders=(BUY,)), LEDGER[:1], None, "closed, but nothing was sold"),
        (
            replace(BOOKS, orders=(replace(BUY, base_fee=D(0)), SELL)),
            None, None, "fee is 0 for the bot",
        ),
    ],
)  # fmt: skip
def test_each_disagreement_is_named(
    books: BotBooks | None,
    ledger: list[LedgerOrder] | None,
    balances: dict[str, Decimal] | None,
    line: str,
) -> None:
    found = agree(books or BOOKS, ledger, balances).disagreements
    assert any(line in text for text in found), found


def test_a_second_exit_order_uses_the_exchanges_fee_and_says_so() -> None:
    first = replace(SELL, filled_amount=D("0.2"), filled_quote=D("440"))
    second = replace(SELL, order_id="13", filled_amount=D("0.2995"), filled_quote=D("660"))
    ledger = [
        LEDGER[0],
        replace(LEDGER[1], filled_amount=D("0.2"), filled_quote=D("440"), fee=D("0.44")),
        replace(
            LEDGER[1], order_id="13", filled_amount=D("0.2995"), filled_quote=D("660"),
            fee=D("0.66"),
        ),
    ]  # fmt: skip
    books = replace(BOOKS, orders=(BUY, first, second), exit_fee_quote={1: D("0.44")})
    agreement = agree(books, ledger)
    assert agreement.disagreements == ()
    assert agreement.fees_not_kept == 1


@pytest.mark.parametrize(
    ("status", "side", "filled", "agrees"),
    [
        ("CANCELED", "BUY", "0", True),
        ("EXPIRED", "BUY", "0", True),
        ("CANCELED", "BUY", "0.00000001", False),
        ("NEW", "BUY", "0", False),
        ("CANCELED", "SELL", "0", False),
    ],
)
def test_only_an_entry_that_ended_without_a_fill_may_be_unknown(
    status: str, side: str, filled: str, agrees: bool
) -> None:
    unknown = LedgerOrder("13", "ETH/USDT", side, status, D(filled), D(filled), D(0), "ETH")
    agreement = agree(ledger=[*LEDGER, unknown])
    assert (agreement.disagreements == ()) is agrees
    assert agreement.dropped_unfilled == (1 if agrees else 0)


def test_exact_brings_floats_back_to_the_unit() -> None:
    assert exact(0.1 + 0.2) == D("0.30000000")
    assert exact(12345.67800001) == D("12345.67800001")
    assert exact(None) == 0
