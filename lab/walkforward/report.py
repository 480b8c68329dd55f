"""A walk in words, tables and JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lab.statistics.bootstrap import Interval
from lab.statistics.stability import CategoryStability, FigureDecay
from lab.suite_tables import TextTable
from lab.walkforward.figures import WindowFigures
from lab.walkforward.fold_result import fold_as_json
from lab.walkforward.judge import Curve, FoldLine, Stability, Walk
from lab.walkforward.plan import WalkPlan

NOTHING = "-"
ARROW = " > "


def tables_of(walk: Walk) -> list[TextTable]:
    """Folds; the joined curves; decay; stability."""
    found = [_folds_table(walk.folds), _curves_table(walk)]
    if walk.decay:
        title = "From in sample to out of sample, means of folds"
        figures = ("figure", "folds", "in sample", "out of sample", "kept", "folds worse")
        found.append(TextTable(title, figures, tuple(map(_decay_row, walk.decay)), 1))
    if walk.stability:
        words = ("parameter", "chosen", "spans of range", "at random", "commonest")
        rows = tuple(map(_stability_row, walk.stability))
        found.append(TextTable("What the folds chose", words, rows, 2))
    return found


def _folds_table(lines: Sequence[FoldLine]) -> TextTable:
    headings = (
        "fold", "train", "test", "Sharpe", "mean trade", "trades", "drawdown", "defaults' Sharpe",
        "deflated", "PBO",
    )  # fmt: skip
    rows = tuple(_fold_row(line) for line in lines)
    return TextTable("Each fold: in sample > out of sample", headings, rows, 3)


def _fold_row(line: FoldLine) -> tuple[str, ...]:
    fold, result = line.result.fold, line.result
    inside, out = line.in_sample, line.out_of_sample
    part = result.in_sample
    return (
        str(fold.number),
        f"{fold.train_start:%Y-%m-%d} to {fold.train_end:%Y-%m-%d}",
        f"{fold.test_start:%Y-%m-%d} to {fold.test_end:%Y-%m-%d}",
        _number(inside.sharpe if inside else None) + ARROW + _number(out.sharpe),
        _percent(part.mean_pct if part else None) + ARROW + _percent(result.out_of_sample.mean_pct),
        f"{part.trades if part else NOTHING}{ARROW}{result.out_of_sample.trades}",
        (_share(inside.drawdown) if inside else NOTHING) + ARROW + _share(out.drawdown),
        _number(line.defaults.sharpe),
        _number(line.search.deflated),
        _number(line.search.pbo),
    )


def parameter_lines(walk: Walk) -> list[str]:
    """What each fold chose."""
    lines = []
    for line in walk.folds:
        chosen = ", ".join(f"{name} {_value(x)}" for name, x in line.result.parameters.items())
        lines.append(f"fold {line.result.fold.number}: {chosen or 'nothing'}")
    return lines


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _curves_table(walk: Walk) -> TextTable:
    days = walk.out_of_sample.figures.days
    headings = (
        "rules", "trades", "mean trade", "total [95 %]", "Sharpe [95 %]", "drawdown [95 %]",
    )  # fmt: skip
    curves = [walk.out_of_sample, walk.defaults, *([walk.held] if walk.held else [])]
    rows = tuple(_curve_row(curve) for curve in curves)
    return TextTable(f"The {days} days out of sample as one", headings, rows, 1)


def _curve_row(curve: Curve) -> tuple[str, ...]:
    figures, intervals = curve.figures, curve.intervals
    total, sharpe, drawdown = _percent(100.0 * figures.total, 1), _number(figures.sharpe), ""
    drawdown = _share(figures.drawdown)
    if intervals is not None:
        total += _bounds(intervals.total_return, 100.0, "%", 1)
        sharpe += _bounds(intervals.sharpe, 1.0, "", 2)
        drawdown += _bounds(intervals.max_drawdown, 100.0, "%", 1)
    is_traded = curve.mean_pct is not None or curve.trades > 0
    trades = str(curve.trades) if is_traded or "fold" in curve.daily else NOTHING
    return (curve.name, trades, _percent(curve.mean_pct), total, sharpe, drawdown)


def _bounds(interval: Interval, times: float, unit: str, digits: int) -> str:
    low, high = (f"{times * each:.{digits}f}{unit}" for each in (interval.low, interval.high))
    return f" [{low}, {high}]"


def _decay_row(decay: FigureDecay) -> tuple[str, ...]:
    return (
        decay.name,
        str(decay.folds),
        _rate(decay.in_sample),
        _rate(decay.out_of_sample),
        NOTHING if decay.kept is None else f"{decay.kept:.0%}",
        NOTHING if decay.worse_share is None else f"{decay.worse_share:.0%}",
    )


def _stability_row(stability: Stability) -> tuple[str, ...]:
    if isinstance(stability, CategoryStability):
        share = f"{stability.mode} ({stability.mode_share:.0%})"
        return (stability.name, NOTHING, NOTHING, NOTHING, share)
    chosen = f"{stability.lowest:g} to {stability.highest:g}, mean {stability.mean:.4g}"
    return (
        stability.name,
        chosen,
        f"{stability.range_share:.0%}",
        f"{stability.chance_share:.0%}",
        NOTHING,
    )


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _rate(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3g}"


def _percent(value: float | None, digits: int = 2) -> str:
    return NOTHING if value is None else f"{value:+.{digits}f}%"


def _share(value: float) -> str:
    return f"{100.0 * value:.1f}%"


def as_json(plan: WalkPlan, walk: Walk) -> str:
    """Every figure, every trial's parameters and loss, and the curves by day."""
    wish = plan.wish
    content = {
        "strategy": plan.strategy,
        "preset": plan.preset,
        "pairs": plan.pairs,
        "timeframe": plan.timeframe,
        "cost": plan.cost,
        "mode": wish.mode,
        "train_months": wish.train_months,
        "test_months": wish.test_months,
        "embargo_days": wish.embargo_days,
        "search": asdict(wish.search),
        "verdict": walk.verdict,
        "notes": walk.notes,
        "trials": walk.trials,
        "deflated_sharpe": walk.deflated,
        "pbo": walk.pbo,
        "folds": [_fold_content(line) for line in walk.folds],
        "decay": [asdict(each) for each in walk.decay],
        "stability": [asdict(each) for each in walk.stability],
        "out_of_sample": _curve_content(walk.out_of_sample),
        "defaults": _curve_content(walk.defaults),
        "buy_and_hold": None if walk.held is None else _curve_content(walk.held),
    }
    return json.dumps(content, indent=1, default=str)


def _fold_content(line: FoldLine) -> Mapping[str, Any]:
    result = line.result
    return {
        **fold_as_json(result.fold),
        "chosen": result.chosen,
        "parameters": result.parameters,
        "repeats": result.repeats,
        "search": asdict(line.search),
        "in_sample": _side(line.in_sample, result.in_sample),
        "out_of_sample": _side(line.out_of_sample, result.out_of_sample),
        "defaults": _side(line.defaults, result.defaults),
        "trials": [asdict(trial) for trial in result.trials],
        "seconds": result.seconds,
    }


def _side(figures: WindowFigures | None, part: Any) -> Mapping[str, Any] | None:
    if figures is None or part is None:
        return None
    return {**asdict(figures), "trades": part.trades, "wins": part.wins, "mean_pct": part.mean_pct}


def _curve_content(curve: Curve) -> Mapping[str, Any]:
    return {
        **asdict(curve.figures),
        "trades": curve.trades,
        "mean_pct": curve.mean_pct,
        "intervals": None if curve.intervals is None else asdict(curve.intervals),
        "daily": [
            {"day": f"{day:%Y-%m-%d}", "return": row["return"], "equity": row["equity"]}
            for day, row in curve.daily[["return", "equity"]].iterrows()
        ],
    }
