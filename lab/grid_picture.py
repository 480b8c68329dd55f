"""The picture of a grid in a range, a slide and a crash: python -m lab.grid_picture FILE.svg"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import matplotlib as mpl
import numpy as np
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aquatrade.grid.booking import Fill, begun, booked
from aquatrade.grid.play import opened, reason_to_end, step
from aquatrade.grid.spec import GridSpec

SPEC = GridSpec(spacing_pct=1.5, levels=8, rebalance_pct=8.0, lower_bound_pct=12.0)
FEE_RATE = 0.001
CANDLES = 420
SLIDE, CRASH = 220, 370


@dataclass
class Way:
    """What a grid did along prices."""

    centres: list[tuple[int, float]] = field(default_factory=list)
    buys: list[tuple[int, float]] = field(default_factory=list)
    sells: list[tuple[int, float]] = field(default_factory=list)
    lines: list[tuple[int, float]] = field(default_factory=list)  # that wait to be bought
    stop: tuple[int, float] | None = None


def prices() -> list[float]:
    """A range around 100, a slide to 91, a crash; seeded."""
    random = np.random.default_rng(11)
    wobble = np.zeros(CANDLES)
    for number in range(1, CANDLES):
        wobble[number] = 0.93 * wobble[number - 1] + random.normal(0.0, 0.006)
    numbers = np.arange(CANDLES)
    slid = np.clip((numbers - SLIDE) / 60, 0, 1) * np.log(0.91)
    fallen = np.clip((numbers - CRASH) / 40, 0, 1) * np.log(0.75)
    return [float(price) for price in 100.0 * np.exp(wobble + slid + fallen)]


def way_of(path: list[float], spec: GridSpec = SPEC) -> Way:
    """The grid along the prices, each order filled at once at the price."""
    way = Way()
    state = opened(spec, path[0])
    for number, price in enumerate(path):
        state, wish = step(state, price, price, 2 * spec.levels)
        if wish is not None and wish.side == "buy":
            fill = Fill(
                str(number), "buy", wish.stake / price, wish.stake * (1 + FEE_RATE), price, "", ""
            )
            way.buys.append((number, price))
        elif wish is not None:
            value = wish.amount * price * (1 - FEE_RATE)
            fill = Fill(str(number), "sell", wish.amount, value, price, wish.tag, "")
            way.sells.append((number, price))
        if wish is not None:
            state = booked(begun(state, wish), fill)
        way.centres.append((number, state.centre))
        way.lines += [
            (number, level.buy_price)
            for level in state.levels
            if level.is_ready and level.phase == "waiting" and state.free_lots
        ]
        if reason_to_end(state, price, FEE_RATE) is not None:
            way.stop = number, price
            break
    return way


def draw(file: Path) -> None:
    """Write the picture as an SVG that is the same each time."""
    mpl.rcParams["svg.hashsalt"] = "grid"
    path = prices()
    way = way_of(path)
    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    axes = figure.subplots()
    _dots(axes, way.lines[::4], ".", 1.0, "#b8d8b8", "lines that wait")
    axes.plot(path, color="#505050", linewidth=1.0, label="price")
    axes.plot(*zip(*way.centres, strict=True), color="#4090e0", linewidth=1.2, label="centre")
    _dots(axes, way.buys, "^", 26.0, "#30a060", "buys")
    _dots(axes, way.sells, "v", 26.0, "#e0a030", "sells")
    if way.stop is not None:
        _dots(axes, [way.stop], "X", 80.0, "#d04040", "stop of the grid")
    axes.set_ylabel("price")
    axes.set_xlabel("candles")
    axes.legend(loc="lower left", fontsize=8)
    figure.savefig(file, format="svg", metadata={"Date": None})


def _dots(
    axes: Axes,
    points: Sequence[tuple[int, float]],
    marker: str,
    size: float,
    color: str,
    label: str,
) -> None:
    numbers, rates = zip(*points, strict=True)
    # Hundreds of small ones as one image: the file stays small.
    axes.scatter(
        numbers, rates, s=size, marker=marker, color=color, label=label, rasterized=size <= 1.0
    )


def main(file: Annotated[Path, typer.Argument(help="the SVG to write")]) -> None:
    """Draw what a grid does in a range, a slide and a crash."""
    draw(file)


if __name__ == "__main__":
    typer.run(main)
