"""The stretch that is rehearsed: most whole trades, within its bounds."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lab.trades import TradeRecord
from lab.window import HOUR, busiest_window

START = datetime(2024, 1, 1, tzinfo=UTC)
END = START + timedelta(days=30)


def trade(entry_hour: int, held_hours: int) -> TradeRecord:
    opened = START + entry_hour * HOUR
    closed = opened + held_hours * HOUR
    return TradeRecord("BTC/USDT", opened, 1.0, "crash", closed, 1.0, "exit_signal", 0.0)


trades_strategy = st.lists(
    st.builds(trade, st.integers(0, 29 * 24), st.integers(1, 48)), max_size=25
).map(lambda trades: sorted(trades, key=lambda one: one.opened))


def test_no_trades_no_window() -> None:
    assert busiest_window([], earliest=START, latest=END, span=48 * HOUR) is None


def test_the_cluster_wins_over_the_single_trade() -> None:
    trades = [trade(10, 5), trade(200, 4), trade(203, 6), trade(205, 8), trade(600, 3)]
    window = busiest_window(trades, earliest=START, latest=END, span=48 * HOUR)
    assert window is not None
    assert window.entries == 3
    assert window.start == START + 197 * HOUR
    assert window.end == START + 215 * HOUR


@given(trades_strategy, st.integers(12, 96))
def test_bounds_hold_and_nothing_busier_exists(trades: list[TradeRecord], hours: int) -> None:
    span = hours * HOUR
    window = busiest_window(trades, earliest=START, latest=END, span=span)
    counts = []
    for first in trades:
        start = first.opened - 3 * HOUR
        limit = min(start + span, END) - 2 * HOUR
        inside = [t for t in trades if t.opened >= first.opened and t.closed and t.closed <= limit]
        counts.append(len(inside) if start >= START else 0)
    if window is None:
        assert not any(counts)
    else:
        assert START <= window.start < window.end <= END
        assert window.end - window.start <= span
        assert window.entries == max(counts)
