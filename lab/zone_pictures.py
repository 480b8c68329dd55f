"""The score beside the price, as a picture: zones coloured, the veto shaded."""

import pathlib
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lab.score_zones import BUYING_ZONES

WIDTH_INCHES = 10.0
HEIGHT_PER_PAIR_INCHES = 2.75
COLOURS: Mapping[str, str] = {
    "STRONG_BUY": "#0b6e3b",
    "MODERATE_BUY": "#2da44e",
    "WAIT": "#d4a72c",
    "AVOID": "#9aa4af",
}
LABELS: Mapping[str, str] = {
    "STRONG_BUY": "strong buy, 85 and more",
    "MODERATE_BUY": "moderate buy, 75 to 84",
    "WAIT": "wait, 60 to 74",
    "AVOID": "avoid, under 60",
}
BUY_FROM = 75
VETO_COLOUR = "#cf222e"
VETO_ALPHA = 0.10
HALF_A_DAY = np.timedelta64(12, "h")
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
OUTLINE = re.compile(r'(?<= d=")[^"]*')
LONG_NUMBER = re.compile(r"(\.\d\d)\d+")
INK, FAINT = "#24292f", "#8c959f"
STYLE: Any = {
    # Shapes instead of fonts, and no chance in names: the same picture everywhere, every time.
    "svg.fonttype": "path",
    "svg.hashsalt": "zones",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


def save_zone_picture(
    scores: pd.DataFrame,
    closes: Mapping[str, pd.Series],
    path: pathlib.Path,
    title: str | None = None,
) -> None:
    """Write an SVG (or what the name's ending says): of each pair the score over its price.

    scores: columns pair, day, total, zone, vetoed; closes: of each pair the close by day. White
    behind it, so that it can be read on any page.
    """
    pairs = list(dict.fromkeys(scores["pair"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        figure = Figure(
            figsize=(WIDTH_INCHES, HEIGHT_PER_PAIR_INCHES * len(pairs) + 0.9),
            layout="constrained",
            facecolor="white",
        )
        FigureCanvasAgg(figure)
        # A thin row between the pairs keeps each score with its own price.
        heights = [1.0, 1.35, 0.10] * len(pairs)
        rows = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[
            :, 0
        ]
        for number, pair in enumerate(pairs):
            score_axes, price_axes, gap = rows[3 * number : 3 * number + 3]
            gap.set_visible(False)
            own = scores[scores["pair"] == pair].sort_values("day")
            _draw_score(score_axes, own, pair)
            close = closes[pair]
            span = close.loc[own["day"].iloc[0] : own["day"].iloc[-1]]
            _draw_price(price_axes, own, span, pair.split("/")[1])
            price_axes.tick_params(labelbottom=True)
        figure.legend(
            handles=_legend(scores["zone"]),
            loc="outside upper center",
            ncols=3,
            frameon=False,
            title="The Luno confluence score and the price, day by day",
            title_fontproperties={"size": 12, "weight": "bold"},
        )
        figure.align_ylabels()
        is_svg = path.suffix == ".svg"
        figure.savefig(path, dpi=100, metadata={"Date": None} if is_svg else None)
    if is_svg:
        drawn = path.read_text(encoding="utf-8")
        path.write_text(OUTLINE.sub(_shorter, drawn), encoding="utf-8")


def _shorter(outline: re.Match[str]) -> str:
    """An outline to a hundredth of a point: half the size."""
    return LONG_NUMBER.sub(r"\1", outline.group())


def runs_of(days: pd.Series, flags: BoolArray) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """(first, last) day of each unbroken run of days that are flagged. days: rising."""
    chosen = list(pd.DatetimeIndex(days)[flags])
    if not chosen:
        return []
    day = pd.Timedelta(days=1)
    ends = [place for place, (one, next_one) in enumerate(pairwise(chosen)) if next_one - one > day]
    starts = [0, *(place + 1 for place in ends)]
    return [
        (chosen[start], chosen[end])
        for start, end in zip(starts, [*ends, len(chosen) - 1], strict=True)
    ]


def bars(days: FloatArray, heights: FloatArray) -> Path:
    """Bars a day wide as one outline; neighbours are joined, which halves the file."""
    vertices: list[tuple[float, float]] = []
    codes: list[np.uint8] = []
    for place, (day, height) in enumerate(zip(days.tolist(), heights.tolist(), strict=True)):
        if place == 0 or day - days[place - 1] > 1:
            vertices.append((day - 0.5, 0.0))
            codes.append(Path.MOVETO)
        vertices += [(day - 0.5, height), (day + 0.5, height)]
        codes += [Path.LINETO, Path.LINETO]
        if place + 1 == len(days) or days[place + 1] - day > 1:
            vertices += [(day + 0.5, 0.0), (day - 0.5, 0.0)]
            codes += [Path.LINETO, Path.CLOSEPOLY]
    return Path(vertices, codes)


def _draw_score(axes: Axes, own: pd.DataFrame, pair: str) -> None:
    days, total = _naive(own["day"]), own["total"].to_numpy(dtype=float)
    zones = own["zone"].to_numpy(dtype=object)
    vetoed = own["vetoed"].to_numpy(dtype=bool)
    for zone, colour in COLOURS.items():
        there = (zones == zone) & ~vetoed
        if not there.any():
            continue
        axes.add_patch(PathPatch(bars(_day_numbers(days[there]), total[there]), color=colour, lw=0))
        # A day or two of a zone would be too thin to see.
        if zone in BUYING_ZONES:
            axes.vlines(days[there], 0, total[there], colour, linewidth=1.6)
    axes.axhline(BUY_FROM, color=COLOURS["MODERATE_BUY"], linewidth=0.8, linestyle=(0, (4, 3)))
    _shade_veto(axes, own["day"], vetoed)
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.set_ylabel("score")
    axes.set_title(pair, loc="left", fontsize=11, fontweight="bold", pad=4)
    _tidy(axes)


def _draw_price(axes: Axes, own: pd.DataFrame, close: pd.Series, quote: str) -> None:
    axes.semilogy(_naive(close.index), close.to_numpy(dtype=float), color=INK, linewidth=1.1)
    for zone in reversed(BUYING_ZONES):
        there = own.loc[(own["zone"] == zone) & ~own["vetoed"].astype(bool), "day"]
        prices = close.reindex(there)
        axes.plot(
            _naive(prices.index),
            prices.to_numpy(dtype=float),
            linestyle="none",
            marker="o",
            markersize=5.5,
            markeredgecolor="white",
            markeredgewidth=0.6,
            color=COLOURS[zone],
        )
    _shade_veto(axes, own["day"], own["vetoed"].to_numpy(dtype=bool))
    axes.set_ylabel(f"price, {quote}")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    # Matplotlib's dates are the part of it that has no types.
    locator = AutoDateLocator(minticks=6, maxticks=14)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call]
    )
    axes.margins(x=0)
    _tidy(axes)


def _shade_veto(axes: Axes, days: pd.Series, vetoed: BoolArray) -> None:
    for first, last in runs_of(days, vetoed):
        start, end = _naive([first, last])
        axes.axvspan(
            start - HALF_A_DAY, end + HALF_A_DAY, color=VETO_COLOUR, alpha=VETO_ALPHA, linewidth=0
        )


def _day_numbers(days: npt.NDArray[np.datetime64]) -> FloatArray:
    """Days since 1970, as matplotlib counts them."""
    return (days - np.datetime64(0, "D")) / np.timedelta64(1, "D")


def _naive(days: Any) -> npt.NDArray[np.datetime64]:
    """Aware days as what matplotlib draws: UTC without saying so."""
    naive: npt.NDArray[np.datetime64] = (
        pd.DatetimeIndex(days).tz_convert("UTC").tz_localize(None).to_numpy()
    )
    return naive


def _tidy(axes: Axes) -> None:
    axes.grid(axis="y", color="#d0d7de", linewidth=0.5)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _legend(zones: pd.Series) -> list[Patch | Line2D]:
    there = set(zones)
    handles: list[Patch | Line2D] = [
        Patch(color=colour, label=LABELS[zone]) for zone, colour in COLOURS.items() if zone in there
    ]
    handles.append(Patch(color=VETO_COLOUR, alpha=VETO_ALPHA * 2, label="veto: total is 0"))
    if there & set(BUYING_ZONES):
        handles.append(
            Line2D([], [], linestyle="none", marker="o", color=COLOURS["MODERATE_BUY"],
                   label="day of a buying zone")
        )  # fmt: skip
    return handles
