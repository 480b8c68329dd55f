"""Entries, books and profiles to judge: by hand, and by chance."""

from datetime import UTC, datetime, timedelta
from itertools import combinations, permutations
from typing import Any

from hypothesis import strategies as st

from aquatrade.risk.model import Book, ClosedTrade, Entry, Market, Position, Side
from aquatrade.risk.profile import CorrelationRule, RiskProfile

AT = datetime(2024, 5, 14, 13, 0, tzinfo=UTC)
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "BTC/USDT:USDT", "ADA/USDT")
OFF: dict[str, Any] = {
    "name": "test",
    "rest_after_stop_minutes": None,
    "max_atr_ratio": None,
    "max_candle_age": None,
    "max_clock_skew_seconds": None,
    "max_exchange_silence_minutes": None,
}
CALM = Market(
    correlations=dict.fromkeys(permutations(PAIRS, 2), 0.1),
    atr_ratio=1.0,
    candle_age=0.1,
    clock_skew_seconds=0.05,
    exchange_silence_seconds=1.0,
)


def profile(**limits: Any) -> RiskProfile:
    """All rules off but those named."""
    return RiskProfile(**(OFF | limits))


def position(pair: str = "BTC/USDT", **changes: Any) -> Position:
    """Ten units bought at 100 with a stop at 97: 1,000 at stake, 31.455 of heat."""
    values: dict[str, Any] = {
        "bot": "first",
        "exchange": "binance",
        "family": "dip",
        "pair": pair,
        "side": Side.LONG,
        "amount": 10.0,
        "entry_rate": 100.0,
        "current_rate": 100.0,
        "stop_rate": 97.0,
        "stake": 1000.0,
        "opened_at": AT - timedelta(hours=5),
    }
    return Position(**(values | changes))


def book(*positions: Position, **changes: Any) -> Book:
    """Equity of 10,000, of which 5,000 is free."""
    values: dict[str, Any] = {"at": AT, "equity": 10_000.0, "free": 5_000.0, "profit": 0.0}
    return Book(**(values | {"positions": positions} | changes))


def entry(pair: str = "ETH/USDT", **changes: Any) -> Entry:
    """500 of ETH at 50 with a stop at 49."""
    values: dict[str, Any] = {
        "bot": "first",
        "exchange": "binance",
        "family": "dip",
        "pair": pair,
        "side": Side.LONG,
        "stake": 500.0,
        "rate": 50.0,
        "stop_rate": 49.0,
    }
    return Entry(**(values | changes))


def closed(pair: str = "ETH/USDT", minutes_ago: float = 5.0, **changes: Any) -> ClosedTrade:
    values: dict[str, Any] = {
        "bot": "first",
        "pair": pair,
        "closed_at": AT - timedelta(minutes=minutes_ago),
        "profit": 1.0,
        "was_stopped": False,
    }
    return ClosedTrade(**(values | changes))


# -- by chance ------------------------------------------------------------------------------------


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


@st.composite
def profiles(draw: st.DrawFn) -> RiskProfile:
    """Limits near what the books below hold, so that each of them binds now and then."""
    pct = st.floats(1.0, 120.0)
    return profile(
        risk_per_trade_pct=draw(maybe(st.floats(0.1, 10.0))),
        max_order=draw(maybe(st.floats(10.0, 1000.0))),
        max_exposure_pct=draw(maybe(st.floats(20.0, 300.0))),
        max_pair_pct=draw(maybe(pct)),
        max_group_pct=draw(maybe(pct)),
        max_exchange_pct=draw(maybe(pct)),
        reserve_pct=draw(st.floats(0.0, 40.0)),
        max_heat_pct=draw(maybe(st.floats(2.0, 60.0))),
        min_heat_left_pct=draw(st.floats(0.1, 2.0)),
        max_open_positions=draw(maybe(st.integers(1, 8))),
        correlation=draw(
            maybe(
                st.builds(
                    CorrelationRule,
                    block_above=st.floats(0.5, 1.0),
                    link_above=st.floats(0.3, 0.9),
                    max_open_in_cluster=st.integers(1, 4),
                )
            )
        ),
    )


def _stop(draw: st.DrawFn, side: Side, rate: float) -> float | None:
    distance: float | None = draw(maybe(st.floats(0.003, 0.3)))
    if distance is None:
        return None
    return rate * (1 - distance if side is Side.LONG else 1 + distance)


@st.composite
def positions(draw: st.DrawFn) -> Position:
    side = draw(st.sampled_from(Side))
    rate = draw(st.floats(0.01, 1000.0))
    leverage = draw(st.sampled_from((1.0, 1.0, 3.0)))
    filled = draw(st.sampled_from((0.0, 1.0, 1.0))) * draw(st.floats(10.0, 600.0))
    moved = draw(st.floats(0.8, 1.2))
    return position(
        draw(st.sampled_from(PAIRS)),
        bot=draw(st.sampled_from(("first", "second"))),
        exchange=draw(st.sampled_from(("binance", "bybit"))),
        family=draw(st.sampled_from(("dip", "funding", "grid"))),
        side=side,
        amount=filled * leverage / rate,
        entry_rate=rate,
        current_rate=rate * moved,
        # A stop may have been trailed into the profit.
        stop_rate=_stop(draw, draw(st.sampled_from((side, side, *Side))), rate),
        stake=filled,
        pending_stake=draw(st.just(0.0) | st.floats(10.0, 300.0)) if filled else 100.0,
        leverage=leverage,
        cost_rate=draw(st.floats(0.0, 0.004)),
        opened_at=AT - timedelta(minutes=draw(st.integers(0, 300))),
    )


@st.composite
def books(draw: st.DrawFn) -> Book:
    return book(
        *draw(st.lists(positions(), max_size=5)),
        equity=draw(st.floats(500.0, 20_000.0)),
        free=draw(st.floats(0.0, 20_000.0)),
        exchanges=draw(st.sampled_from(((), ("binance", "bybit")))),
    )


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    side = draw(st.sampled_from(Side))
    rate = draw(st.floats(0.01, 1000.0))
    return entry(
        draw(st.sampled_from(PAIRS)),
        bot=draw(st.sampled_from(("first", "second"))),
        exchange=draw(st.sampled_from(("binance", "bybit"))),
        family=draw(st.sampled_from(("dip", "funding", "grid"))),
        side=side,
        stake=draw(st.floats(5.0, 1500.0)),
        rate=rate,
        stop_rate=_stop(draw, side, rate),
        leverage=draw(st.sampled_from((1.0, 1.0, 3.0))),
        cost_rate=draw(st.floats(0.0, 0.004)),
        is_increase=draw(st.booleans()),
        min_stake=draw(st.sampled_from((0.0, 5.0, 50.0))),
    )


@st.composite
def correlation_maps(draw: st.DrawFn) -> dict[tuple[str, str], float]:
    """Of all PAIRS, in both orders."""
    known = {}
    for first, second in combinations(PAIRS, 2):
        known[first, second] = known[second, first] = draw(st.floats(-1.0, 1.0))
    return known
