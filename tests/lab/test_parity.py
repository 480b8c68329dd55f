"""Pairing of backtest and live trades."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lab.parity import candle_of, compare_trades, why_exit_differs
from lab.trades import TradeRecord

HOUR = timedelta(hours=1)
NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)


def trade(
    pair: str = "ETH/USDT",
    opened: datetime = NOON,
    hours: float | None = 5,
    open_rate: float = 100.0,
    close_rate: float = 110.0,
) -> TradeRecord:
    closed = None if hours is None else opened + hours * HOUR
    return TradeRecord(
        pair=pair,
        opened=opened,
        open_rate=open_rate,
        enter_tag="crash",
        closed=closed,
        close_rate=None if closed is None else close_rate,
        exit_reason=None if closed is None else "exit_signal",
        profit_ratio=None,
    )


def test_candle_of() -> None:
    assert candle_of(NOON + timedelta(minutes=59, seconds=59), HOUR) == NOON
    assert candle_of(NOON, HOUR) == NOON


def test_the_same_trade_is_paired_and_priced() -> None:
    live = trade(opened=NOON + timedelta(seconds=2), open_rate=100.1, close_rate=109.89)
    parity = compare_trades([trade()], [live], HOUR, slots=3)
    assert parity.share_made_live == 1.0
    (pairing,) = parity.pairings
    assert pairing.entry_difference_bp == pytest.approx(10.0)
    assert pairing.exit_difference_bp == pytest.approx(10.0)
    assert pairing.same_exit_candle
    assert parity.entry_difference_bp() is not None
    assert parity.entry_difference_bp() == pytest.approx((10.0, 10.0))


def test_an_exit_on_another_candle_is_no_price_difference() -> None:
    parity = compare_trades([trade(hours=5)], [trade(hours=7, close_rate=90.0)], HOUR, slots=3)
    assert not parity.pairings[0].same_exit_candle
    assert parity.exit_difference_bp(stops=False) is None


def test_profits_are_compared_over_trades_that_both_closed() -> None:
    won, lost = replace(trade(), profit_ratio=0.1), replace(trade("SOL/USDT"), profit_ratio=-0.2)
    live = [replace(won, profit_ratio=0.08), replace(lost, profit_ratio=None)]
    assert compare_trades([won, lost], live, HOUR, slots=3).profits_of_both() == (0.1, 0.08)
    assert compare_trades([lost], live, HOUR, slots=3).profits_of_both() is None


def test_stops_are_counted_apart() -> None:
    stopped = replace(trade("SOL/USDT", close_rate=80.0), exit_reason="stop_loss")
    later = replace(stopped, close_rate=76.0)
    parity = compare_trades([trade(), stopped], [trade(close_rate=109.89), later], HOUR, slots=3)
    assert parity.exit_difference_bp(stops=False) == pytest.approx((10.0, 10.0))
    assert parity.exit_difference_bp(stops=True) == pytest.approx((500.0, 500.0))


@pytest.mark.parametrize(
    ("in_backtest", "live", "reason"),
    [
        ("stop_loss", "above_mean", "the low touched the stop between two looks of the live bot"),
        ("above_mean", "stop_loss", "live the stop was reached first"),
        ("above_mean", "roi", "the exits' conditions were met on different candles"),
    ],
)
def test_why_an_exit_differs(in_backtest: str, live: str, reason: str) -> None:
    one, other = trade(hours=5), trade(hours=7)
    pairing = compare_trades(
        [replace(one, exit_reason=in_backtest)], [replace(other, exit_reason=live)], HOUR, slots=3
    ).pairings[0]
    assert why_exit_differs(pairing) == reason
    still_open = replace(pairing, live=trade(hours=None))
    assert why_exit_differs(still_open) == "live it was still open at the end"


@pytest.mark.parametrize(
    ("live", "reason"),
    [
        ([], "no explanation from the other side's trades"),
        ([trade(opened=NOON - 3 * HOUR)], "the pair was still held from an earlier entry"),
        ([trade(opened=NOON + HOUR)], "entered 1 candle(s) later"),
        (
            [trade("BTC/USDT", NOON - HOUR), trade("SOL/USDT", NOON - HOUR, None)],
            "all 2 slots were taken",
        ),
    ],
)
def test_why_a_trade_is_missing(live: list[TradeRecord], reason: str) -> None:
    parity = compare_trades([trade()], live, HOUR, slots=2)
    assert [unmatched.reason for unmatched in parity.only_backtest] == [reason]
    assert parity.share_made_live == 0.0
    assert len(parity.only_live) == len(live)


def test_a_trade_made_twice_live_is_paired_once() -> None:
    parity = compare_trades([trade()], [trade(), trade()], HOUR, slots=3)
    assert len(parity.pairings) == 1
    assert len(parity.only_live) == 1


def test_no_trades_at_all_is_no_figure() -> None:
    parity = compare_trades([], [], HOUR, slots=2)
    assert parity.share_made_live is None
    assert parity.entry_difference_bp() is None
