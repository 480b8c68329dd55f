"""The books: what is written is there after a restart, and nothing wrong in them goes unseen."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from sidecars.replay.matching.engine import STRETCH_MS, WRITE_EVERY_MS
from sidecars.replay.matching.ledger import Ledger
from sidecars.replay.matching.ledger_records import Changes, Deposit
from sidecars.replay.model import Balance, OrderStatus, OrderType, Side
from tests.sidecars.replay.engine_fakes import START_MS, make_engine, request

D = Decimal
TICKS = {"SOLUSDT": [(0, 100.0, 1.0), (1000, 98.0, 4.0), (2000, 98.0, 3.0), (9000, 98.0, 50.0)]}


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "ledger.sqlite"


def test_a_restart_goes_on_where_the_last_one_ended(path: Path) -> None:
    engine, ledger, _ = make_engine(TICKS, ledger=Ledger(path))
    engine.place(request(Side.BUY, "1"), START_MS)
    resting = engine.place(request(Side.BUY, "10", "99.00"), START_MS)
    stop = engine.place(
        request(Side.SELL, "5", "89", stop_price="90", order_type=OrderType.STOP_LOSS_LIMIT),
        START_MS,
    )
    engine.advance(START_MS + 1000)
    before = engine.balances(START_MS + 1000)
    engine.close()

    engine, ledger, _ = make_engine(
        TICKS, ledger=Ledger(path), balances={"USDT": "777", "XRP": "5"}
    )
    assert engine.balances(START_MS + 1000) == before
    assert [o.order_id for o in engine.open_orders(START_MS + 1000)] == [
        resting.order_id,
        stop.order_id,
    ]
    assert ledger.deposits() == [Deposit(1, "USDT", D(10_000)), Deposit(2, "SOL", D(100))]
    (order,) = engine.advance(START_MS + 2000)
    assert [(fill.trade_id, fill.amount) for fill in order.fills] == [(2, D(4)), (3, D(3))]
    assert engine.place(request(Side.BUY, "1"), START_MS + 2000).order_id == stop.order_id + 1
    assert ledger.verify() == []
    engine.close()


def test_ticks_between_a_crash_and_the_restart_are_matched_once(path: Path) -> None:
    engine, ledger, _ = make_engine(TICKS, ledger=Ledger(path))
    engine.place(request(Side.BUY, "50", "99.00"), START_MS)
    engine.advance(START_MS + 1500)  # and no close: the process is gone
    for moments in ([2500], [1200, 2500], [2500, 8999]):
        engine, ledger, _ = make_engine(TICKS, ledger=Ledger(path))
        for after_ms in moments:
            engine.advance(START_MS + after_ms)
        assert [fill.amount for fill in ledger.fills()] == [D(4), D(3)]
    engine.advance(START_MS + 9000)
    assert [fill.amount for fill in ledger.fills()] == [D(4), D(3), D(43)]
    assert ledger.verify() == []


def test_what_was_taken_from_the_book_is_not_back_after_a_restart(path: Path) -> None:
    engine, _, _ = make_engine(TICKS, ledger=Ledger(path))
    engine.place(request(Side.BUY, "1"), START_MS)
    engine.place(request(Side.BUY, "4"), START_MS + 100)
    depth = engine.depth("SOLUSDT", START_MS + 500, 5)
    again, _, _ = make_engine(TICKS, ledger=Ledger(path))
    assert again.depth("SOLUSDT", START_MS + 500, 5) == depth
    assert depth != again.depth("SOLUSDT", START_MS + 900, 5)


def test_long_sleeps_are_matched_in_stretches_without_losing_a_border_tick() -> None:
    borders = [STRETCH_MS * n + offset for n in (1, 2, 3) for offset in (-1, 0, 1)]
    ticks = {"SOLUSDT": [(0, 100.0, 1.0), *((at, 98.0, 1.0) for at in borders)]}
    engine, ledger, view = make_engine(ticks)
    engine.place(request(Side.BUY, "9", "99.00"), START_MS)
    (order,) = engine.advance(START_MS + 5 * STRETCH_MS)
    assert [fill.time_ms - START_MS for fill in order.fills] == borders
    assert order.status is OrderStatus.FILLED
    assert len(view.asked) == 4  # nothing is asked for once the last order is done
    assert ledger.verify() == []


def test_uneventful_ticks_are_written_down_now_and_then(path: Path) -> None:
    engine, _, _ = make_engine({"SOLUSDT": [(0, 100.0, 1.0)]}, ledger=Ledger(path))
    engine.place(request(Side.BUY, "1", "90.00"), START_MS)

    def matched_ms() -> int:
        with closing(sqlite3.connect(path)) as connection:
            query = "SELECT value FROM meta WHERE key = 'matched_ms'"
            return int(connection.execute(query).fetchone()[0]) - START_MS

    engine.advance(START_MS + WRITE_EVERY_MS - 1)
    assert matched_ms() == 0
    engine.advance(START_MS + WRITE_EVERY_MS)
    assert matched_ms() == WRITE_EVERY_MS
    engine.advance(START_MS + WRITE_EVERY_MS + 5)
    engine.close()
    assert matched_ms() == WRITE_EVERY_MS + 5


def test_a_change_that_cannot_be_written_has_not_happened(path: Path) -> None:
    engine, ledger, _ = make_engine(TICKS, ledger=Ledger(path))
    before = engine.balances(START_MS)
    with closing(sqlite3.connect(path)) as other:
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON balances BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    with pytest.raises(sa.exc.DatabaseError, match="full"):
        engine.place(request(Side.BUY, "1"), START_MS)
    assert (ledger.orders(), ledger.fills(), ledger.balances()) == ([], [], before)
    assert engine.balances(START_MS) == before
    assert engine.depth("SOLUSDT", START_MS, 1)[1] == [(D("100.00"), D("3.077"))]
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TRIGGER full")
    order = engine.place(request(Side.BUY, "1"), START_MS)
    assert (order.order_id, order.fills[0].trade_id) == (1, 1)
    assert ledger.verify() == []
    engine.close()


def test_the_file_is_a_write_ahead_log_that_others_may_read(path: Path) -> None:
    engine, ledger, _ = make_engine(TICKS, ledger=Ledger(path))
    engine.place(request(Side.BUY, "1.234"), START_MS)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        row = other.execute("SELECT status, filled_amount, filled_quote FROM orders").fetchone()
        assert row == ("FILLED", "1.234", "123.40000000")
    assert ledger.totals().orders == 1
    engine.close()


def test_totals_sum_up_the_whole_ledger() -> None:
    engine, ledger, _ = make_engine(TICKS)
    engine.place(request(Side.BUY, "3"), START_MS)
    engine.place(request(Side.SELL, "2"), START_MS)
    engine.place(request(Side.SELL, "1", "120.00"), START_MS)
    totals = ledger.totals()
    assert (totals.orders, totals.open_orders, totals.fills) == (3, 1, 2)
    assert totals.deposits == {"USDT": D(10_000), "SOL": D(100)}
    assert totals.turnover == {"USDT": D("499.98")}
    assert totals.fees == {"SOL": D("0.003"), "USDT": D("0.19998")}
    assert totals.held == {
        "USDT": D(10_000) - 300 + D("199.98") - D("0.19998"),
        "SOL": D(100) + D("2.997") - 2,
    }


def test_amounts_of_any_size_come_back_exactly() -> None:
    ledger = Ledger(None)
    huge = D("999999999999999.99999999")
    ledger.open_account(1, [], {"SHIB": huge, "BTC": D("0.00000001")})
    assert ledger.balances() == [Balance("BTC", D("1e-8"), D(0)), Balance("SHIB", huge, D(0))]


@pytest.mark.parametrize("amount", ["-1", "0.000000001", "NaN", "Infinity", "1e16"])
def test_an_initial_balance_out_of_range_is_refused(amount: str) -> None:
    ledger = Ledger(None)
    with pytest.raises(ValueError, match="initial balance of BTC: expected 0 to"):
        ledger.open_account(1, [], {"BTC": D(amount)})
    assert ledger.deposits() == []


def test_a_ledger_of_another_seed_is_refused(path: Path) -> None:
    Ledger(path).open_account(3, [], {})
    with pytest.raises(ValueError, match="belongs to a market of seed 3, not 4"):
        Ledger(path).open_account(4, [], {})


def test_an_open_order_on_a_market_that_is_gone_is_refused(path: Path) -> None:
    engine, _, _ = make_engine(TICKS, ledger=Ledger(path))
    engine.place(request(Side.BUY, "1", "90.00"), START_MS)
    engine.close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE orders SET symbol = 'GONEUSDT'")
    with pytest.raises(ValueError, match="open order 1 on GONEUSDT"):
        make_engine(TICKS, ledger=Ledger(path))


def test_a_file_that_is_no_ledger_is_refused_in_one_line(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("These are some notes, and not a database.\n" * 50)
    for wrong, line in ((text, "not a usable ledger"), (tmp_path / "no" / "l", "no folder")):
        with pytest.raises(ValueError, match=line) as error:
            Ledger(wrong)
        assert "\n" not in str(error.value)


def test_another_schema_version_is_refused(path: Path) -> None:
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    with pytest.raises(ValueError, match="schema version 99, this program reads version 1"):
        Ledger(path)


# What somebody could have done to the books, and a part of the line that must tell of it.
TAMPERINGS = [
    ("UPDATE balances SET free = '1.5' WHERE asset = 'SOL'", "SOL: deposits and fills make"),
    ("UPDATE balances SET locked = '0' WHERE asset = 'USDT'", "USDT: open orders lock 198"),
    ("UPDATE balances SET free = '-3' WHERE asset = 'SOL'", "SOL: negative balance"),
    ("DELETE FROM balances WHERE asset = 'SOL'", "SOL: deposits and fills make"),
    ("UPDATE deposits SET amount = '1' WHERE asset = 'USDT'", "USDT: deposits and fills make"),
    ("DELETE FROM fills WHERE trade_id = 1", "order 1 (SOLUSDT FILLED): fills sum to"),
    (
        "INSERT INTO fills SELECT 99, order_id, symbol, side, time_ms, price, amount, "
        "quote_amount, fee, fee_asset, is_maker FROM fills WHERE trade_id = 1",
        "order 1 (SOLUSDT FILLED): fills sum to 8.077, the order says 5",
    ),
    ("UPDATE fills SET order_id = 77 WHERE trade_id = 1", "fill 1: there is no order 77"),
    ("UPDATE fills SET quote_amount = '1' WHERE trade_id = 1", "fill 1 of order 1: costs 1"),
    ("UPDATE fills SET fee_asset = 'USDT' WHERE trade_id = 1", "fill 1 of order 1: pays a fee"),
    ("UPDATE fills SET side = 'SELL' WHERE trade_id = 1", "fill 1 of order 1: is of SOLUSDT"),
    ("UPDATE fills SET time_ms = 5 WHERE trade_id = 1", "before the order"),
    ("UPDATE fills SET price = '99.01' WHERE order_id = 2", "beyond the limit 99"),
    ("UPDATE orders SET status = 'NEW' WHERE order_id = 1", "status does not fit"),
    ("UPDATE orders SET status = 'FILLED' WHERE order_id = 2", "status does not fit"),
    ("UPDATE orders SET amount = '1' WHERE order_id = 1", "filled 5.000 of 1"),
    ("UPDATE orders SET filled_quote = '9' WHERE order_id = 1", "the order says 9"),
    ("DELETE FROM markets WHERE symbol = 'SOLUSDT'", "order 1: SOLUSDT is no known market"),
]


@pytest.mark.parametrize(("statement", "line"), TAMPERINGS)
def test_the_check_finds_whatever_is_wrong(path: Path, statement: str, line: str) -> None:
    engine, ledger, _ = make_engine(TICKS, ledger=Ledger(path))
    engine.place(request(Side.BUY, "5.000"), START_MS)
    engine.place(request(Side.BUY, "9", "99.00"), START_MS)
    engine.advance(START_MS + 2000)
    assert ledger.verify() == []
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(statement)
    found = ledger.verify()
    assert any(line in each for each in found), found
    engine.close()


def test_one_commit_is_whole_or_nothing() -> None:
    engine, ledger, _ = make_engine(TICKS)
    order = engine.place(request(Side.BUY, "1"), START_MS)
    twice = Changes([], list(order.fills), [Balance("USDT", D(1), D(0))], START_MS + 5)
    with pytest.raises(sa.exc.IntegrityError):
        ledger.commit(twice)
    assert ledger.verify() == []
