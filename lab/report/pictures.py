"""The report's pictures."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from lab.report.canvas import Ink, Picture
from lab.report.equity import ROLLING_DAYS, drawdown_pct
from lab.report.score_buckets import BandFigures

LINES = ("own", "held", "third", "quiet", "up", "down")
HOLDING = "hold "  # names of curves that are no strategy begin so
MOST_POINTS = {True: 700, False: 320}  # of a line, in a wide picture and in a narrow one
MONTHS = ("J", "F", "M", "A", "M", "J", "J", "A", "S", "O", "N", "D")
# Matplotlib has no types for these.
_date_locator: Any = dates.AutoDateLocator
_date_formatter: Any = dates.ConciseDateFormatter
MOST_EVEN = 3.0  # times that an axis may span for even steps
FULL_COLOUR_PCT = 12.0  # a month of this or more has the strongest colour


def _thinned(values: pd.Series, is_wide: bool) -> pd.Series:
    """Few enough points for a picture; the last is always there."""
    step = max(1, -(-len(values) // MOST_POINTS[is_wide]))
    kept: pd.Series = values.iloc[::-1].iloc[::step].iloc[::-1]
    return kept


def _dates(axes: Axes, is_wide: bool) -> None:
    locator: Any = _date_locator(minticks=3, maxticks=9 if is_wide else 5)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(_date_formatter(locator, show_offset=False))
    axes.grid(axis="y", linewidth=0.6)


def _line(axes: Axes, values: pd.Series, colour: str, **more: Any) -> None:
    axes.plot(values.index, values.to_numpy(), color=colour, **more)


def growth_picture(
    curves: Mapping[str, pd.Series], file: str = "equity", label: str = "Growth of 1"
) -> Picture:
    """Curves by name, the first the most important, as multiples of their start; and drawdowns.

    With more than one that is not merely held, what is held is in the background.
    """
    own = [name for name in curves if not name.startswith(HOLDING)]
    names = [*own, *(name for name in curves if name not in own)]
    colours = [LINES[place % len(LINES)] for place in range(len(names))]
    if len(own) > 1:
        colours = [*colours[: len(own)], *["quiet"] * (len(names) - len(own))]

    def paint(figure: Figure, ink: Ink, is_wide: bool) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2.6, 1.0])
        for place, (name, colour) in enumerate(zip(names, colours, strict=True)):
            curve = curves[name]
            growth = _thinned(curve / float(curve.iloc[0]), is_wide)
            weight = 1.9 if place == 0 else 1.1
            _line(above, growth.clip(lower=1e-3), ink[colour], linewidth=weight,
                  label=name, zorder=9 - place)  # fmt: skip
            fallen = _thinned(drawdown_pct(curve), is_wide)
            _line(below, fallen, ink[colour], linewidth=weight * 0.7, zorder=9 - place)
            if place == 0:
                below.fill_between(
                    fallen.index, fallen, 0.0, color=ink[colour], alpha=0.16, linewidth=0
                )
        _log_axis(above)
        above.legend(loc="upper left", ncols=4 if is_wide else 2, handlelength=1.2,
                     columnspacing=1.2, borderaxespad=0.1)  # fmt: skip
        below.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
        below.yaxis.set_major_locator(MaxNLocator(4))
        below.set_title("drawdown", loc="left", fontsize=9, color=ink["faint"], pad=3)
        for axes in (above, below):
            _dates(axes, is_wide)
            axes.margins(x=0.005)
        # Room for the names above the lines.
        low, high = above.get_ylim()
        above.set_ylim(low, high * (high / low) ** 0.12)

    return Picture(file, label, (4.3, 4.4), paint)


def _log_axis(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator(growth_ticks(*axes.get_ylim())))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} x"))


def growth_ticks(low: float, high: float) -> list[float]:
    """Round places of a logarithmic axis: even steps where it is short, else 1, 2, 5 or tens."""
    if high / low < MOST_EVEN:
        return [float(each) for each in MaxNLocator(6).tick_values(low, high)]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    firsts = (1.0, 2.0, 5.0) if high / low < 100.0 else (1.0,)
    return [first * 10.0**decade for decade in decades for first in firsts]


def months_picture(months: Mapping[int, Mapping[int, float]]) -> Picture:
    """Years down, months across, the whole year at the end; gains and losses by colour."""

    def paint(figure: Figure, ink: Ink, is_wide: bool) -> None:
        axes = figure.subplots()
        size, most_digits = (9.0, 1) if is_wide else (8.2, 0)
        for row, cells in enumerate(months.values()):
            for month, value in cells.items():
                column = month - 1 if month else 12.25
                colour = ink["up"] if value >= 0 else ink["down"]
                strength = 0.06 + 0.62 * min(1.0, abs(value) / FULL_COLOUR_PCT)
                span = 1.25 if not month else 1.0
                if month:
                    axes.add_patch(
                        Rectangle((column + 0.03, row + 0.05), span - 0.06, 0.9,
                                              facecolor=colour, alpha=strength, linewidth=0)
                    )  # fmt: skip
                text = _short(value, most_digits)
                axes.text(column + span / 2, row + 0.53, text, ha="center", va="center",
                          fontsize=size, color=ink["ink"],
                          fontweight="normal" if month else "bold")  # fmt: skip
        axes.set_xlim(0, 13.5)
        axes.set_ylim(len(months), 0)
        axes.set_yticks([row + 0.5 for row in range(len(months))], [str(year) for year in months])
        axes.set_xticks([*(place + 0.5 for place in range(12)), 12.9], [*MONTHS, "year"])
        axes.xaxis.tick_top()
        axes.spines[:].set_visible(False)

    rows = max(1, len(months))
    return Picture(
        "months", "Return of each month, %", (0.55 + 0.34 * rows, 0.5 + 0.29 * rows), paint
    )


def _short(value: float, most_digits: int) -> str:
    """As few characters as tell it: -0.4, 12, 0."""
    text = f"{value:.{0 if abs(value) >= 9.95 else most_digits}f}"
    return "0" if text in ("-0", "0.0", "-0.0") else text


def histogram_picture(profits_pct: Sequence[float]) -> Picture:
    """Results of trades in % of their stakes; the outermost bars hold what lies beyond."""
    values = np.asarray(profits_pct, dtype=np.float64)

    def paint(figure: Figure, ink: Ink, is_wide: bool) -> None:
        axes = figure.subplots()
        low, high = (float(each) for each in np.percentile(values, [0.5, 99.5]))
        edges = bin_edges(low, high, 44 if is_wide else 26)
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)
        middles = (edges[:-1] + edges[1:]) / 2
        colours = [ink["up"] if middle > 0 else ink["down"] for middle in middles]
        axes.bar(middles, counts, width=0.9 * (edges[1] - edges[0]), color=colours, alpha=0.8)
        mean = float(values.mean())
        axes.axvline(mean, color=ink["ink"], linewidth=1.0, linestyle=(0, (4, 3)))
        axes.annotate(f"mean {mean:+.2f} %", (mean, 1.0), xycoords=("data", "axes fraction"),
                      xytext=(4, -8), textcoords="offset points", color=ink["ink"])  # fmt: skip
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
        axes.xaxis.set_major_locator(MaxNLocator(9 if is_wide else 5))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_ylabel("trades")
        axes.grid(axis="y", linewidth=0.6)
        axes.set_axisbelow(True)

    return Picture("trades", "Results of the trades", (2.7, 2.6), paint)


def bin_edges(low: float, high: float, most: int) -> npt.NDArray[np.float64]:
    """Equal bins over [low, high] of which one begins at 0, so that none mixes gain and loss."""
    span = max(high - low, 0.1)
    raw = span / most
    scale = 10.0 ** np.floor(np.log10(raw))
    width = scale * next(step for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * scale >= raw)
    first, last = np.floor(min(low, 0.0) / width), np.ceil(max(high, 0.0) / width)
    edges: npt.NDArray[np.float64] = np.arange(first, max(last, first + 1.0) + 1.0) * width
    return edges


def rolling_picture(ratio: pd.Series) -> Picture:
    """The rolling Sharpe ratio, above and below 0 by colour."""

    def paint(figure: Figure, ink: Ink, is_wide: bool) -> None:
        axes = figure.subplots()
        values = _thinned(ratio, is_wide)
        for colour, where in (("up", values >= 0), ("down", values < 0)):
            axes.fill_between(values.index, values, 0.0, where=where, color=ink[colour], alpha=0.25,
                              linewidth=0, interpolate=True)  # fmt: skip
        _line(axes, values, ink["own"], linewidth=1.3)
        axes.axhline(0.0, color=ink["faint"], linewidth=0.8)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        _dates(axes, is_wide)
        axes.margins(x=0.005)

    return Picture("rolling-sharpe", f"Sharpe of {ROLLING_DAYS} days", (2.3, 2.4), paint)


def bands_picture(bands: Sequence[BandFigures]) -> Picture:
    """Win rate by score, with its interval; the number of trades below."""
    known = [band for band in reversed(bands) if band.win_pct is not None]

    def paint(figure: Figure, ink: Ink, is_wide: bool) -> None:
        axes = figure.subplots()
        for place, band in enumerate(known):
            if band.win_pct is None or band.win_interval_pct is None:
                continue
            low, high = band.win_interval_pct
            axes.plot([place, place], [low, high], color=ink["own"], linewidth=5, alpha=0.3,
                      solid_capstyle="round")  # fmt: skip
            axes.plot([place], [band.win_pct], "o", color=ink["own"], markersize=7)
            axes.annotate(f"{band.win_pct:.0f} %", (place, band.win_pct), xytext=(9, -3),
                          textcoords="offset points", color=ink["ink"])  # fmt: skip
        names = [f"{band.name}\n{band.trades} trades" for band in known]
        axes.set_xticks(range(len(known)), names)
        axes.set_xlim(-0.5, len(known) - 0.3)
        axes.set_ylim(0, 102)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))
        axes.grid(axis="y", linewidth=0.6)

    return Picture("score", "Win rate by score at entry", (2.6, 2.7), paint)
