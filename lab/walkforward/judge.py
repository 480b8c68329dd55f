"""What the folds say together: one out-of-sample curve, and whether to believe it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lab.statistics.bootstrap import FEWEST_PERIODS, ReturnIntervals, bootstrap_intervals
from lab.statistics.folds import join_out_of_sample
from lab.statistics.overfitting import HIGHEST_PBO, LOWEST_DEFLATED
from lab.statistics.stability import (
    CategoryStability,
    FigureDecay,
    NumberStability,
    category_stability,
    figure_decay,
    number_stability,
)
from lab.walkforward.figures import (
    DAYS_PER_YEAR,
    SearchFigures,
    WindowFigures,
    pooled_deflated,
    search_figures,
    window_figures,
)
from lab.walkforward.fold_result import Dimension, FoldResult, Part

DAYS_PER_MONTH = DAYS_PER_YEAR / 12.0
FEWEST_TRADES = 30  # in sample to judge the search, out of sample to judge what it earned
Stability = NumberStability | CategoryStability


@dataclass(frozen=True, slots=True)
class FoldLine:
    """A fold with its figures; in_sample: None where nothing was chosen."""

    result: FoldResult
    search: SearchFigures
    in_sample: WindowFigures | None
    out_of_sample: WindowFigures
    defaults: WindowFigures


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The out-of-sample days of all folds as one. intervals: None under ten days."""

    name: str
    trades: int
    mean_pct: float | None
    figures: WindowFigures
    intervals: ReturnIntervals | None
    daily: pd.DataFrame  # by UTC day: fold, return, equity (of 1)


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """The whole answer. deflated: over all folds; pbo: mean of the folds'."""

    folds: tuple[FoldLine, ...]
    out_of_sample: Curve
    defaults: Curve
    held: Curve | None
    decay: tuple[FigureDecay, ...]
    stability: tuple[Stability, ...]
    trials: int
    deflated: float | None
    pbo: float | None
    verdict: str
    notes: tuple[str, ...]


def judge(results: Sequence[FoldResult], held: pd.Series | None) -> Walk:
    """held: daily returns of buying and holding over all test days. ValueError without folds."""
    if not results:
        raise ValueError("no folds, expected one or more")
    lines = tuple(_line(result) for result in results)
    out = _curve("walk-forward", results, [each.out_of_sample for each in results])
    defaults = _curve("defaults", results, [each.defaults for each in results])
    deflated = pooled_deflated([(line.result.fold, line.search) for line in lines])
    pbo = _mean([line.search.pbo for line in lines])
    trials = sum(line.search.trials for line in lines)
    searched_trades = sum(each.in_sample.trades for each in results if each.in_sample)
    return Walk(
        folds=lines,
        out_of_sample=out,
        defaults=defaults,
        held=None if held is None else _held(results, held),
        decay=_decay(lines),
        stability=_stability(results),
        trials=trials,
        deflated=deflated,
        pbo=pbo,
        verdict=verdict(trials, searched_trades, deflated, pbo, out, defaults),
        notes=tuple(_notes(lines)),
    )


def verdict(
    trials: int,
    searched_trades: int,
    deflated: float | None,
    pbo: float | None,
    out: Curve,
    defaults: Curve,
) -> str:
    """One plain sentence, the judgement first. searched_trades: of the chosen, in sample."""
    if deflated is None:
        return f"Nothing was found: none of {trials} trials traded enough to be chosen."
    pbo_text = "PBO unknown" if pbo is None else f"PBO {pbo:.2f} (under {HIGHEST_PBO:g})"
    sharpe = out.figures.sharpe
    found = "no trade"
    if sharpe is not None and out.intervals is not None:
        low, high = out.intervals.sharpe.low, out.intervals.sharpe.high
        found = f"Sharpe {sharpe:.2f} [{low:.2f}, {high:.2f}] in {out.trades} trades"
    default = defaults.figures.sharpe
    beside = "traded nothing" if default is None else f"had {default:.2f}"
    judgement = _judgement(searched_trades, deflated, pbo, out)
    return (
        f"{judgement}: deflated Sharpe {deflated:.2f} over {trials} trials "
        f"(believed over {LOWEST_DEFLATED:g}), {pbo_text}; out of sample {found}, "
        f"the defaults {beside}."
    )


def _judgement(searched_trades: int, deflated: float, pbo: float | None, out: Curve) -> str:
    is_chance = deflated <= LOWEST_DEFLATED
    is_fitted = pbo is None or pbo >= HIGHEST_PBO
    holds = out.intervals is not None and out.intervals.sharpe.low > 0.0
    if searched_trades < FEWEST_TRADES:
        return f"Too few trades in sample to say, {FEWEST_TRADES} are the fewest"
    if is_chance and is_fitted:
        if holds and out.trades >= FEWEST_TRADES:
            return "The search is no better than chance, yet what it chose earned out of sample"
        return "Overfitted as far as these trials tell"
    if out.trades < FEWEST_TRADES:
        return f"Too few trades out of sample to say, {FEWEST_TRADES} are the fewest"
    if is_chance:
        return "Not shown: the choice holds, but chance would show as much"
    if is_fitted:
        return "Not shown: more than chance, but the choice does not hold"
    if not holds:
        return "More than chance in sample, not shown out of sample"
    return "More than chance, the choice holds, and it earned out of sample"


def _line(result: FoldResult) -> FoldLine:
    inside = result.in_sample
    return FoldLine(
        result=result,
        search=search_figures(result),
        in_sample=None if inside is None else window_figures(inside.returns),
        out_of_sample=window_figures(result.out_of_sample.returns),
        defaults=window_figures(result.defaults.returns),
    )


def _curve(name: str, results: Sequence[FoldResult], parts: Sequence[Part]) -> Curve:
    series = [
        pd.Series(part.returns, index=result.test_days)
        for result, part in zip(results, parts, strict=True)
    ]
    daily = join_out_of_sample([result.fold for result in results], series)
    trades = sum(part.trades for part in parts)
    earned = sum(part.trades * (part.mean_pct or 0.0) for part in parts)
    return Curve(
        name=name,
        trades=trades,
        mean_pct=earned / trades if trades else None,
        figures=window_figures(daily["return"].to_numpy(dtype=np.float64)),
        intervals=_intervals(daily["return"]),
        daily=daily,
    )


def _held(results: Sequence[FoldResult], returns: pd.Series) -> Curve:
    days = [result.test_days for result in results]
    index = days[0].append(days[1:])
    values = returns.reindex(index).fillna(0.0)
    daily = pd.DataFrame({"return": values, "equity": (1.0 + values).cumprod()})
    figures = window_figures(values.to_numpy(dtype=np.float64))
    return Curve("buy and hold", 0, None, figures, _intervals(values), daily)


def _intervals(returns: pd.Series) -> ReturnIntervals | None:
    values = returns.to_numpy(dtype=np.float64)
    if len(values) < FEWEST_PERIODS or not values.any():
        return None
    return bootstrap_intervals(values)


def _decay(lines: Sequence[FoldLine]) -> tuple[FigureDecay, ...]:
    """Rates only: a train window is longer than a test window."""
    sides: list[tuple[Mapping[str, float | None], Mapping[str, float | None]]] = [
        (
            _rates(line.in_sample, line.result.in_sample),
            _rates(line.out_of_sample, line.result.out_of_sample),
        )
        for line in lines
        if line.in_sample is not None
    ]
    return figure_decay(sides) if sides else ()


def _rates(figures: WindowFigures | None, part: Part | None) -> Mapping[str, float | None]:
    if figures is None or part is None:
        return {
            "Sharpe": None,
            "mean a day %": None,
            "mean a trade %": None,
            "trades a month": None,
        }
    return {
        "Sharpe": figures.sharpe,
        "mean a day %": 100.0 * sum(part.returns) / figures.days,
        "mean a trade %": part.mean_pct,
        "trades a month": part.trades / figures.days * DAYS_PER_MONTH,
    }


def _stability(results: Sequence[FoldResult]) -> tuple[Stability, ...]:
    """Of each parameter that every fold with a choice searched in the same range."""
    chosen = [result for result in results if result.chosen is not None]
    if len(chosen) < 2:
        return ()
    return tuple(
        _parameter_stability(dimension, [result.parameters[dimension.name] for result in chosen])
        for dimension in chosen[0].dimensions
        if all(dimension in result.dimensions for result in chosen) and _is_open(dimension)
    )


def _is_open(dimension: Dimension) -> bool:
    if dimension.low is None or dimension.high is None:
        return len(set(dimension.options)) > 1
    return dimension.low < dimension.high


def _parameter_stability(dimension: Dimension, values: Sequence[Any]) -> Stability:
    if dimension.low is None or dimension.high is None:
        return category_stability(dimension.name, values, dimension.options)
    # Freqtrade rounds decimals: a bound may be missed by a rest of floating point.
    inside = [min(dimension.high, max(dimension.low, float(value))) for value in values]
    return number_stability(dimension.name, inside, dimension.low, dimension.high)


def _notes(lines: Sequence[FoldLine]) -> list[str]:
    notes = []
    for line in lines:
        number = line.result.fold.number
        if line.result.chosen is None:
            notes.append(f"fold {number}: no epoch traded, so nothing was traded out of sample")
        if not line.result.repeats:
            notes.append(
                f"fold {number}: a plain backtest of the chosen parameters has other trades than "
                "the search saw: its in-sample figures are not what this strategy does"
            )
    return notes


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
