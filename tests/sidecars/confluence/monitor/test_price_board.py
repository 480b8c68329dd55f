"""Polled prices against local servers: what is kept, what is believed, what a restart reads."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import Engine, MetaData, Table

from sidecars.common.clock import ManualClock
from sidecars.common.database import open_database
from sidecars.common.moments import moment_at
from sidecars.common.observation_store import ObservationTable, observations_table
from sidecars.confluence import ccxt_exchange
from sidecars.confluence.candles import EMPTY, MS_PER_DAY, DailyCandles
from sidecars.confluence.monitor.luno import LUNO, LunoKey, Markets
from sidecars.confluence.monitor.model import Holding
from sidecars.confluence.monitor.price_board import BALANCES, CANDLES, PriceBoard
from tests.sidecars.confluence.monitor.local_luno import KEY, SECRET, LocalLuno, running_luno

CLOSE_MS = 19_801 * MS_PER_DAY
NOON_MS = CLOSE_MS - MS_PER_DAY // 2
MINUTE_MS = 60_000
SOL = Holding("SOL", 10.0, "MYR", "SOL/USDT", 300.0, CLOSE_MS - 5 * MS_PER_DAY, "SOL/MYR")
# Closes of the four days before, and of the day at hand.
CANDLES_OF_SOL = DailyCandles.from_rows(
    [(CLOSE_MS - back * MS_PER_DAY, 100.0, 100.0, 100.0, 100.0, 9e5) for back in (5, 4, 3, 2, 1)]
)
BTC = DailyCandles.from_rows([(row[0], *[60_000.0] * 4, 9e5) for row in CANDLES_OF_SOL.rows()])
BY_PAIR = {"BTC/USDT": BTC, "SOL/USDT": CANDLES_OF_SOL}
MakeBoard = Callable[..., PriceBoard]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_exchange, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(ccxt_exchange, "LONGEST_WAIT_SECONDS", 0.002)


@pytest.fixture
async def server() -> AsyncIterator[LocalLuno]:
    async with running_luno(LocalLuno(NOON_MS)) as running:
        yield running


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(moment_at(NOON_MS))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[Engine, Table]]:
    metadata = MetaData()
    table = observations_table(metadata)
    engine = open_database(f"sqlite:///{tmp_path / 'prices.sqlite'}", metadata)
    yield engine, table
    engine.dispose()


@pytest.fixture
async def make_board(
    server: LocalLuno, clock: ManualClock, store: tuple[Engine, Table]
) -> AsyncIterator[MakeBoard]:
    opened: list[Markets] = []

    def make(key: LunoKey | None = None) -> PriceBoard:
        luno = Markets(LUNO, server.luno_config, 0.5, key)
        binance = Markets("binance", server.binance_config, 0.5)
        opened.extend((luno, binance))
        return PriceBoard(clock, luno, binance, "BTC/USDT", ObservationTable(*store))

    yield make
    for each in opened:
        await each.close()


async def poll_at(board: PriceBoard, server: LocalLuno, clock: ManualClock, moment_ms: int) -> None:
    await clock.move_to(moment_at(moment_ms))
    server.now_ms = moment_ms
    await board.poll([SOL], BY_PAIR)


def present(board: PriceBoard) -> tuple[float, str]:
    price = board.present(SOL, CANDLES_OF_SOL)
    assert price is not None
    return round(price.value, 6), price.source


async def test_a_poll_gives_prices_and_keeps_them(
    make_board: MakeBoard,
    server: LocalLuno,
    clock: ManualClock,
    store: tuple[Engine, Table],
) -> None:
    board = make_board()
    await poll_at(board, server, clock, NOON_MS)
    assert present(board) == (470.0, "Luno SOL/MYR")
    assert {name: state.error for name, state in board.states.items()} == {
        "luno": None,
        "binance": None,
    }
    kept = ObservationTable(*store).load()
    values = {name: line.latest(name, NOON_MS) for name, line in kept.items()}
    assert {name: each.value for name, each in values.items() if each} == {
        "luno_price:BTC/MYR": 282_000.0,
        "luno_price:SOL/MYR": 470.0,
        "binance_price:BTC/USDT": 60_000.0,
        "binance_price:SOL/USDT": 100.0,
        "implied_rate:USDT/MYR": 4.7,
    }


async def test_prices_are_kept_every_quarter_of_an_hour_and_at_the_end_of_a_day(
    make_board: MakeBoard,
    server: LocalLuno,
    clock: ManualClock,
    store: tuple[Engine, Table],
) -> None:
    board = make_board()
    for minute in (0, 5, 14, 15, 29, 700, 713, 714, 715, 716, 719):
        await poll_at(board, server, clock, NOON_MS + minute * MINUTE_MS)
    window = ObservationTable(*store).load()["luno_price:SOL/MYR"].window(0, CLOSE_MS)
    kept = ((window.as_of_ms - NOON_MS) // MINUTE_MS).tolist()
    assert kept == [0, 15, 700, 715, 716, 719]


async def test_what_a_day_closed_at_is_the_same_after_a_restart(
    make_board: MakeBoard, server: LocalLuno, clock: ManualClock
) -> None:
    board = make_board()
    server.prices["SOLMYR"] = 481.0
    await poll_at(board, server, clock, CLOSE_MS - MINUTE_MS)
    server.prices |= {"SOLMYR": 500.0, "XBTMYR": 288_000.0}
    await poll_at(board, server, clock, CLOSE_MS + MINUTE_MS)
    before = board.daily(SOL, CANDLES_OF_SOL)
    assert before.close[CLOSE_MS] == 481.0  # as it was polled a minute before the close
    assert before.close[CLOSE_MS - MS_PER_DAY] == pytest.approx(470.0)
    assert before.assumed_before_ms == CLOSE_MS - MINUTE_MS
    again = make_board()
    await again.load([SOL])
    assert again.daily(SOL, CANDLES_OF_SOL) == before
    # Without a poll, the last close at the last rate that was kept.
    value, source = present(again)
    assert value == pytest.approx(470.0)
    assert source == "binance SOL/USDT (daily close) x 4.7 MYR (Luno has no price)"


async def test_a_source_that_fails_is_said_and_the_others_go_on(
    make_board: MakeBoard, server: LocalLuno, clock: ManualClock
) -> None:
    board = make_board()
    await poll_at(board, server, clock, NOON_MS)
    server.trouble = lambda path: web.Response(status=503) if path.endswith("1/tickers") else None
    await poll_at(board, server, clock, NOON_MS + 20 * MINUTE_MS)
    state = board.states[LUNO]
    assert "503" in str(state.error)
    assert (state.failures_in_a_row, state.succeeded_ms) == (1, NOON_MS)
    assert present(board) == (470.0, "binance SOL/USDT x 4.7 MYR (Luno's is stale)")
    server.trouble = lambda _path: None
    await poll_at(board, server, clock, NOON_MS + 21 * MINUTE_MS)
    assert state.failures_in_a_row == 0
    assert present(board) == (470.0, "Luno SOL/MYR")


async def test_a_price_far_from_the_liquid_one_is_neither_shown_nor_kept(
    make_board: MakeBoard, server: LocalLuno, clock: ManualClock
) -> None:
    board = make_board()
    server.prices["SOLMYR"] = 47.0
    await poll_at(board, server, clock, CLOSE_MS - MINUTE_MS)
    assert present(board) == (470.0, "binance SOL/USDT x 4.7 MYR (Luno: 90 % from binance)")
    assert board.daily(SOL, CANDLES_OF_SOL).close[CLOSE_MS] == pytest.approx(470.0)


async def test_a_rate_that_jumps_is_believed_a_day_later(
    make_board: MakeBoard, server: LocalLuno, clock: ManualClock
) -> None:
    board = make_board()
    await poll_at(board, server, clock, NOON_MS)
    server.prices |= {"XBTMYR": 564_000.0, "SOLMYR": 940.0}
    await poll_at(board, server, clock, NOON_MS + MINUTE_MS)
    assert present(board)[1] == "binance SOL/USDT x 4.7 MYR (Luno: 100 % from binance)"
    refused = board.states[LUNO].last_rejected
    assert refused is not None
    assert refused.startswith("9.4 MYR for a USDT, 4.7 before")
    for hour in range(1, 26):
        await poll_at(board, server, clock, NOON_MS + hour * 60 * MINUTE_MS)
    assert present(board) == (940.0, "Luno SOL/MYR")


async def test_with_a_key_candles_fill_the_days_before_and_balances_come(
    make_board: MakeBoard, server: LocalLuno, clock: ManualClock
) -> None:
    opens = [row[0] for row in CANDLES_OF_SOL.rows()]
    server.candles = {
        "XBTMYR": [(opens[1], 276_000.0), (opens[2], 279_000.0), (opens[3], 281_000.0)],
        "SOLMYR": [(opens[2], 466.0), (opens[3], 467.0)],
    }
    board = make_board(LunoKey(KEY, SECRET))
    await poll_at(board, server, clock, NOON_MS)
    assert board.balances == {"BTC": 0.4, "MYR": 250.0}
    prices = board.daily(SOL, CANDLES_OF_SOL)
    # SOL's own days were too thin (30 coins at 100 USD), so they are converted at BTC's rate.
    assert list(prices.close.values()) == pytest.approx([460.0, 460.0, 465.0, 281 / 0.6, 470.0])
    assert prices.assumed_before_ms == opens[2]
    asked = len(server.requests)
    await poll_at(board, server, clock, NOON_MS + MINUTE_MS)
    assert len(server.requests) == asked + 2  # the tickers alone
    assert (board.states[CANDLES].error, board.states[BALANCES].error) == (None, None)


async def test_a_market_that_luno_lacks_keeps_no_other_from_its_candles(
    make_board: MakeBoard, server: LocalLuno, clock: ManualClock
) -> None:
    server.candles = {"XBTMYR": [(BTC.rows()[0][0], 276_000.0)]}
    board = make_board(LunoKey(KEY, SECRET))
    unlisted = replace(SOL, asset="AAVE", market="AAVE/MYR")
    await board.poll([unlisted, SOL], BY_PAIR)
    assert "no market AAVE/MYR" in str(board.states[CANDLES].error)
    assert next(iter(board.daily(SOL, CANDLES_OF_SOL).close.values())) == pytest.approx(460.0)


async def test_a_store_that_fails_is_said_and_what_it_did_not_take_is_no_history(
    make_board: MakeBoard,
    server: LocalLuno,
    clock: ManualClock,
    store: tuple[Engine, Table],
) -> None:
    board = make_board()
    await board.load([SOL])
    engine, table = store
    table.drop(engine)
    await poll_at(board, server, clock, CLOSE_MS - MINUTE_MS)
    assert board.kept.store_error is not None
    assert present(board) == (470.0, "Luno SOL/MYR")
    assert board.daily(SOL, CANDLES_OF_SOL).close == {}
    table.create(engine)
    await poll_at(board, server, clock, CLOSE_MS - MINUTE_MS + 1)
    assert board.kept.store_error is None
    assert board.daily(SOL, CANDLES_OF_SOL).close[CLOSE_MS] == 470.0


async def test_a_holding_in_usdt_asks_luno_for_nothing(
    make_board: MakeBoard, server: LocalLuno, clock: ManualClock
) -> None:
    board = make_board()
    in_usdt = replace(SOL, currency="USDT", market=None)
    await board.poll([in_usdt], BY_PAIR)
    price = board.present(in_usdt, CANDLES_OF_SOL)
    assert price is not None
    assert (price.value, price.source) == (100.0, "binance SOL/USDT")
    assert board.daily(in_usdt, CANDLES_OF_SOL).close[CLOSE_MS] == 100.0
    assert not any(path.startswith("/api/1") for _, path in server.requests)
    assert board.present(replace(in_usdt, pair="NEW/USDT"), EMPTY) is None
