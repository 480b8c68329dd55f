"""What GridTrader's grid earned on recorded candles: python -m lab.grid_evidence DATADIR

The grid's own core along 5m candles, filled as freqtrade's backtester fills it: looked at once a
candle, at its open; a buy at its lines' mean price or the candle's high, a sell at its lines' mean
or the candle's low; stops at the open. Seconds a year, where the backtester takes many minutes.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from aquatrade.grid.booking import Fill, begun, booked
from aquatrade.grid.fitness import hourly_fitness
from aquatrade.grid.play import (
    GRID_ROTATION,
    Wish,
    opened,
    reason_to_end,
    rotates,
    step,
)
from aquatrade.grid.spec import GridSpec
from aquatrade.grid.state import GridState

ARMED = 13  # of 40, over three pairs
ROTATE_AFTER = 200  # orders of a trade
COINS = ("BTC", "ETH", "SOL")
COSTS_PCT = (0.0, 0.1, 0.3)
HOUR = pd.Timedelta(hours=1)
WEEK_CANDLES = 7 * 288
BoolArray = npt.NDArray[np.bool_]


@dataclass
class Outcome:
    """Of one pair: profit per year in % of the grid's capital, round trips, lots given up."""

    years_pct: dict[int, float] = field(default_factory=dict)
    held_pct: dict[int, float] = field(default_factory=dict)  # of buying and holding
    trips: int = 0
    wins: int = 0
    lots_left: int = 0
    stops: int = 0
    rotations: int = 0
    rebalances: int = 0
    worst_usd: float = 0.0  # result of the worst grid
    weeks: float = 0.0


def fits(candles: pd.DataFrame, hourly: pd.DataFrame, spec: GridSpec) -> BoolArray:
    """For each 5m candle: whether a grid may open at its open, from hours that had closed then."""
    fitness = hourly_fitness(hourly, days=30, rest_hours=168)
    widest = 0.5 * (spec.lower_bound_pct + spec.upper_bound_pct)
    fit = (
        (fitness["volatility_pct"] > 40.0)
        & (fitness["hurst"] < 0.5)
        & (fitness["range_pct"] <= widest)
    )
    closed = pd.DataFrame({"date": fitness["date"] + HOUR, "fit": fit.to_numpy()})
    closed["date"] = closed["date"].astype(candles["date"].dtype)
    joined = pd.merge_asof(candles[["date"]], closed, on="date")
    return np.asarray(joined["fit"].to_numpy() == True, dtype=np.bool_)  # noqa: E712 - NaN is no


def filled(
    state: GridState, wish: Wish, high: float, low: float, cost: float, candle: int
) -> GridState:
    """The order of a wish, filled inside a candle; cost: of a side, as a share."""
    number = str(candle)
    if wish.side == "buy":
        rate = min(wish.price, high)
        fill = Fill(number, "buy", wish.stake / rate, wish.stake * (1.0 + cost), rate, "", "")
    else:
        rate = max(wish.price, low)
        value = wish.amount * rate * (1.0 - cost)
        fill = Fill(number, "sell", wish.amount, value, rate, wish.tag, "")
    return booked(begun(state, wish), fill)


def run_pair(
    candles: pd.DataFrame,
    fit: BoolArray,
    spec: GridSpec,
    cost: float,
    *,
    always: bool = False,
    rotate_after: int | None = ROTATE_AFTER,
) -> Outcome:
    """always: a grid opens wherever there is none. ValueError without candles."""
    if candles.empty:
        raise ValueError("no candles: is this the right folder, and are these days in it?")
    outcome = Outcome(weeks=len(candles) / WEEK_CANDLES)
    columns = (candles[name].to_numpy() for name in ("open", "high", "low"))
    years = candles["date"].dt.year.to_numpy()
    earned, at_start = 0.0, {int(years[0]): 0.0}
    first_price: dict[int, float] = {}
    state: GridState | None = None
    price, orders = 0.0, 0
    for number, (price, high, low) in enumerate(zip(*columns, strict=True)):
        year = int(years[number])
        if year not in first_price:
            first_price[year] = price
            at_start[year] = earned + (state.profit_at(price, cost) if state else 0.0)
        if state is None or (not state.booked and not state.lots):
            if not (always or fit[number]):
                state = None
                continue
            state = state or opened(spec, price)
        state, wish = step(state, price, price, ARMED)
        if wish is not None:
            state = filled(state, wish, high, low, cost, number)
            orders = orders + 1 if state.lots else 0
        if state.lots and reason_to_end(state, price, cost) is not None:
            result = state.profit_at(price, cost)
            earned += result
            outcome.stops += 1
            outcome.lots_left += len(state.lots)
            outcome.worst_usd = min(outcome.worst_usd, result)
            _count(outcome, state)
            state, orders = None, 0
        elif rotates(state, orders, rotate_after):
            state, orders = _rotated(state, price, cost, number), 0
            outcome.rotations += 1
    end = earned
    if state is not None:
        end += state.profit_at(price, cost)
        _count(outcome, state)
    ends = [*list(at_start.values())[1:], end]
    prices = [*list(first_price.values())[1:], price]
    for year, start, stop, last in zip(first_price, at_start.values(), ends, prices, strict=True):
        outcome.years_pct[year] = 100.0 * (stop - start) / spec.capital_usd
        outcome.held_pct[year] = 100.0 * (last / first_price[year] - 1.0)
    return outcome


def _rotated(state: GridState, price: float, cost: float, candle: int) -> GridState:
    """All lots sold at the open; the next look buys them again."""
    amount = state.inventory
    value = amount * price * (1.0 - cost)
    return booked(state, Fill(f"{candle}-sold", "sell", amount, value, price, GRID_ROTATION, ""))


def _count(outcome: Outcome, state: GridState) -> None:
    outcome.trips += state.round_trips
    outcome.wins += state.wins
    outcome.rebalances += state.generation


def read_candles(datadir: Path, coin: str, timeframe: str, first: str, last: str) -> pd.DataFrame:
    """Columns date, open, high, low, close, from `first` to before `last`."""
    frame = pd.read_feather(datadir / f"{coin}_USDT-{timeframe}.feather")
    date = frame["date"]
    inside = (date >= pd.Timestamp(first, tz="UTC")) & (date < pd.Timestamp(last, tz="UTC"))
    return frame[inside].reset_index(drop=True)


def outcome_table(title: str, rows: Sequence[tuple[str, float, Outcome]]) -> Table:
    table = Table(title=title)
    years = sorted({year for _, _, outcome in rows for year in outcome.years_pct})
    for name in ("pair", "cost a side", *(f"{year} (hold)" for year in years)):
        table.add_column(name, justify="right")
    counts = ("trips a week", "win", "with lots given up", "stops", "rotations", "rebalances")
    for name in (*counts, "worst grid"):
        table.add_column(name, justify="right")
    for coin, cost_pct, one in rows:
        closed = one.trips + one.lots_left
        cells: defaultdict[int, str] = defaultdict(lambda: "-")
        for year, result in one.years_pct.items():
            cells[year] = f"{result:+.0f} % ({one.held_pct[year]:+.0f})"
        table.add_row(
            coin,
            f"{cost_pct:g} %",
            *(cells[year] for year in years),
            f"{one.trips / one.weeks:.1f}",
            f"{100.0 * one.wins / max(1, one.trips):.0f} %",
            f"{100.0 * one.wins / max(1, closed):.0f} %",
            str(one.stops),
            str(one.rotations),
            str(one.rebalances),
            f"{one.worst_usd:.0f} USD",
        )
    return table


def main(
    datadir: Annotated[Path, typer.Argument(help="freqtrade datadir with 5m and 1h candles")],
    first: Annotated[str, typer.Option(help="first day")] = "2022-02-15",
    last: Annotated[str, typer.Option(help="the day after the last")] = "2025-01-01",
) -> None:
    """Run GridTrader's grid along recorded candles and print what it earned, by year."""
    console = Console(width=None if Console().is_terminal else 200)
    specified = GridSpec()
    markets = {}
    for coin in COINS:
        candles = read_candles(datadir, coin, "5m", first, last)
        markets[coin] = (
            candles,
            fits(candles, read_candles(datadir, coin, "1h", "2017-01-01", last), specified),
        )
    for title, always in (
        ("specified, in % of 1,000 USD a pair", False),
        ("the same, opened in any market", True),
    ):
        rows = [
            (coin, cost_pct, run_pair(*markets[coin], specified, cost_pct / 100.0, always=always))
            for coin in COINS
            for cost_pct in COSTS_PCT
        ]
        console.print(outcome_table(title, rows))


if __name__ == "__main__":
    typer.run(main)
