"""The one picture of a card: price over score, a year of days, as pieces of an SVG. Pure.

Coordinates are per cent of the plot's width and px of its height: the plot stretches to any
screen while its text keeps its size, so a phone reads the same labels as a desktop.
"""

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sidecars.common.pages.formats import closed_day, points, price, price_number
from sidecars.confluence.monitor.model import History

MS_PER_DAY = 86_400_000
SHOWN_DAYS = 365
PRICE_TOP, PRICE_BOTTOM = 14.0, 164.0
SCORE_TOP, SCORE_BOTTOM = 196.0, 336.0
HEIGHT = 362
# Units of the stretched plot: fine enough for a wide screen with whole numbers in the paths.
PLOT_WIDTH = 2000
# Bottom, top and what the zone is called; docs/scores.md has the borders.
ZONES = ((85, 100, "strong-buy"), (75, 85, "moderate-buy"), (60, 75, "wait"), (0, 60, "avoid"))


@dataclass(frozen=True, slots=True)
class Band:
    """A rectangle over the plot. x and width: per cent; y and height: px."""

    x: float
    width: float
    y: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class Label:
    """A text at a place on an axis; minor ones are left out on a phone. at: per cent or px."""

    at: float
    text: str
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Pieces of the picture. Paths are in units of `PLOT_WIDTH` across and px down."""

    title: str
    description: str
    price_path: str
    score_path: str
    vetoed_path: str
    zones: Sequence[Band]
    vetoes: Sequence[Band]
    months: Sequence[Label]
    price_labels: Sequence[Label]
    last_price: tuple[float, float] | None  # x in per cent, y in px
    last_score: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class _Point:
    as_of_ms: int
    total: float
    vetoed: bool
    price: float | None


@dataclass(frozen=True, slots=True)
class _Span:
    start_ms: int
    end_ms: int

    def share(self, moment_ms: float) -> float:
        """0 to 1 from left to right."""
        return (moment_ms - self.start_ms) / max(1, self.end_ms - self.start_ms)

    def percent(self, moment_ms: float) -> float:
        return round(100 * min(1.0, max(0.0, self.share(moment_ms))), 2)


def chart_of(history: History, asset: str, currency: str) -> Chart | None:
    """The picture of the last year of a history; None with fewer than two days."""
    rows = _last_year(history)
    if len(rows) < 2:
        return None
    span = _Span(rows[0].as_of_ms, rows[-1].as_of_ms)
    scale = _price_scale([row.price for row in rows if row.price is not None])
    first_day, last_day = closed_day(span.start_ms), closed_day(span.end_ms)
    last = rows[-1]
    price_end = None
    if scale is not None and last.price is not None:
        price_end = (100.0, round(_price_y(last.price, scale), 1))
    return Chart(
        title=f"{asset}: price and score from {first_day} to {last_day}",
        description=_description(rows, currency),
        price_path=_price_path(rows, span, scale),
        score_path=_path(_score_runs(rows, vetoed=False), span),
        vetoed_path=_path(_score_runs(rows, vetoed=True), span),
        zones=[
            Band(0, 100, _score_y(top), round(_score_y(bottom) - _score_y(top), 1), kind)
            for bottom, top, kind in ZONES
        ],
        vetoes=list(_vetoes(rows, span)),
        months=list(_months(span)),
        price_labels=_price_labels(scale),
        last_price=price_end,
        last_score=(100.0, _score_y(last.total)),
    )


def score_labels() -> list[Label]:
    """The score's axis: the borders of the zones."""
    return [Label(_score_y(value), str(value)) for value in (100, 85, 75, 60, 0)]


def _last_year(history: History) -> list[_Point]:
    rows = [
        _Point(as_of_ms, total, vetoed, price)
        for as_of_ms, total, vetoed, price in zip(
            history.as_of_ms, history.total, history.vetoed, history.price, strict=True
        )
    ]
    if not rows:
        return []
    since_ms = rows[-1].as_of_ms - SHOWN_DAYS * MS_PER_DAY
    return rows[bisect.bisect_left(rows, since_ms, key=lambda row: row.as_of_ms) :]


def _unbroken(rows: Sequence[_Point]) -> Iterator[list[_Point]]:
    """Stretches without a missing day: no line is drawn over what is not known."""
    run: list[_Point] = []
    for row in rows:
        if run and row.as_of_ms - run[-1].as_of_ms > 1.5 * MS_PER_DAY:
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _price_scale(prices: Sequence[float]) -> tuple[float, float] | None:
    """Lowest and highest price of the panel, with a little air; None without prices."""
    if not prices:
        return None
    low, high = min(prices), max(prices)
    air = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    return low - air, high + air


def _price_y(price: float, scale: tuple[float, float]) -> float:
    low, high = scale
    return PRICE_BOTTOM - (price - low) / (high - low) * (PRICE_BOTTOM - PRICE_TOP)


def _score_y(total: float) -> float:
    return round(SCORE_BOTTOM - total / 100 * (SCORE_BOTTOM - SCORE_TOP), 1)


def _price_path(rows: Sequence[_Point], span: _Span, scale: tuple[float, float] | None) -> str:
    if scale is None:
        return ""
    priced = [row for row in rows if row.price is not None]
    runs = [
        [(row.as_of_ms, _price_y(row.price, scale)) for row in stretch if row.price is not None]
        for stretch in _unbroken(priced)
    ]
    return _path(runs, span)


def _score_runs(rows: Sequence[_Point], vetoed: bool) -> list[list[tuple[int, float]]]:
    """Stretches of scores, or of vetoed days. A veto is not a fall of the score, so the line of
    the scores ends before it instead of diving to zero."""
    runs: list[list[tuple[int, float]]] = []
    for stretch in _unbroken(rows):
        run: list[tuple[int, float]] = []
        for row in stretch:
            if row.vetoed is vetoed:
                run.append((row.as_of_ms, _score_y(row.total)))
            elif run:
                runs.append(run)
                run = []
        if run:
            runs.append(run)
    return runs


def _path(runs: Sequence[Sequence[tuple[int, float]]], span: _Span) -> str:
    pieces = []
    for run in runs:
        steps = [f"{round(PLOT_WIDTH * span.share(moment))} {y:.1f}" for moment, y in run]
        # A single day is drawn as a short dash: a move alone leaves no mark.
        pieces.append(f"M{'L'.join(steps)}" + ("h3" if len(steps) == 1 else ""))
    return "".join(pieces)


def _vetoes(rows: Sequence[_Point], span: _Span) -> Iterator[Band]:
    """A shade over each run of vetoed days; a record of day D stands for the day that ends then."""
    start_ms: int | None = None
    for number_, row in enumerate(rows):
        if row.vetoed and start_ms is None:
            start_ms = row.as_of_ms
        following = rows[number_ + 1] if number_ + 1 < len(rows) else None
        if start_ms is not None and (following is None or not following.vetoed):
            left = span.percent(start_ms - MS_PER_DAY / 2)
            right = span.percent(row.as_of_ms + MS_PER_DAY / 2)
            yield Band(left, round(right - left, 2), PRICE_TOP, SCORE_BOTTOM - PRICE_TOP, "vetoed")
            start_ms = None


def _months(span: _Span) -> Iterator[Label]:
    """The first of each month; January carries its year."""
    start = datetime.fromtimestamp(span.start_ms / 1000, UTC)
    year, month = start.year, start.month
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        first = datetime(year, month, 1, tzinfo=UTC)
        at_ms = first.timestamp() * 1000
        # Near the right edge a label would be cut.
        if span.share(at_ms) > 0.97:
            return
        text = str(year) if month == 1 else f"{first:%b}"
        yield Label(span.percent(at_ms), text, minor=month % 3 != 1)


def _price_labels(scale: tuple[float, float] | None) -> list[Label]:
    """Two to seven round prices."""
    if scale is None:
        return []
    low, high = scale
    decade = 10 ** math.floor(math.log10(high - low))
    step = next(decade * factor for factor in (0.2, 0.5, 1, 2) if high - low <= 6 * decade * factor)
    first = math.ceil(low / step)
    values = [count * step for count in range(first, math.floor(high / step) + 1)]
    return [Label(round(_price_y(value, scale), 1), _short(value, step)) for value in values]


def _short(value: float, step: float) -> str:
    """'350k', '1.2M', '0.045': as few digits as the step between the labels needs."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * size or (abs(value) >= size and step >= size / 100):
            decimals = max(0, -math.floor(math.log10(step / size) + 1e-9))
            return f"{value / size:,.{decimals}f}{unit}"
    return f"{value:,.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def _description(rows: Sequence[_Point], currency: str) -> str:
    """What a person would say who looks at the picture."""
    scores = [row.total for row in rows if not row.vetoed]
    vetoed = sum(row.vetoed for row in rows)
    prices = [row.price for row in rows if row.price is not None]
    said = []
    if prices:
        said.append(
            f"The price went from {price(prices[0], currency)} to {price_number(prices[-1])}, "
            f"between {price_number(min(prices))} and {price_number(max(prices))}."
        )
    if scores:
        said.append(
            f"The score was between {points(min(scores))} and {points(max(scores))} on days "
            f"without a veto; the latest is {points(rows[-1].total)}."
        )
    said.append(f"{vetoed} of {len(rows)} days were vetoed.")
    return " ".join(said)
