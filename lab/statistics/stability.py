"""What becomes of a search's figures out of sample, and whether folds agree on parameters. Pure."""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

FEWEST_FOLDS = 2


@dataclass(frozen=True, slots=True)
class FigureDecay:
    """A figure in sample and out of it, means over the folds that have both.

    kept: out_of_sample / in_sample, 1 is all and under 0 a change of sign; None unless in_sample is
    over 0. worse_share: of those folds, how many were lower out of sample (0 to 1).
    """

    name: str
    folds: int
    in_sample: float | None
    out_of_sample: float | None
    difference: float | None
    kept: float | None
    worse_share: float | None


@dataclass(frozen=True, slots=True)
class NumberStability:
    """A number chosen anew in each fold.

    variation: standard deviation / |mean|, None for a mean of 0. range_share: what the choices
    span of the searched range, 0 (always the same) to 1; chance_share: what so many choices at
    random would span on average, (n - 1) / (n + 1).
    """

    name: str
    folds: int
    mean: float
    lowest: float
    highest: float
    variation: float | None
    range_share: float
    chance_share: float


@dataclass(frozen=True, slots=True)
class CategoryStability:
    """A category chosen anew in each fold.

    mode_share: of the folds that chose the commonest (the first of `options` if several).
    entropy: of the choices, in parts of the entropy of all options alike: 0 (always the same) to 1.
    """

    name: str
    folds: int
    mode: Hashable
    mode_share: float
    entropy: float


def figure_decay(
    folds: Sequence[tuple[Mapping[str, float | None], Mapping[str, float | None]]],
) -> tuple[FigureDecay, ...]:
    """Decay of each figure; folds: (in sample, out of sample) by the figure's name.

    Figures of windows of unequal length have to be rates or ratios: a total return of two months
    is no match for one of one. None: the figure does not exist there. Raises ValueError for a
    figure that only one side names, and for NaN.
    """
    if not folds:
        raise ValueError("no folds, expected one or more")
    for number, (inside, outside) in enumerate(folds, start=1):
        unmatched = sorted(set(inside) ^ set(outside) | set(inside) ^ set(folds[0][0]))
        if unmatched:
            raise ValueError(f"fold {number}: {unmatched[0]} is not on both sides of every fold")
    return tuple(_decay(name, folds) for name in folds[0][0])


def _decay(
    name: str,
    folds: Sequence[tuple[Mapping[str, float | None], Mapping[str, float | None]]],
) -> FigureDecay:
    both: list[tuple[float, float]] = []
    for number, (inside, outside) in enumerate(folds, start=1):
        before, after = inside[name], outside[name]
        if before is None or after is None:
            continue
        if not (math.isfinite(before) and math.isfinite(after)):
            raise ValueError(f"fold {number}: {name} is {before} and {after}, expected numbers")
        both.append((before, after))
    if not both:
        return FigureDecay(name, 0, None, None, None, None, None)
    before = fmean(pair[0] for pair in both)
    after = fmean(pair[1] for pair in both)
    return FigureDecay(
        name=name,
        folds=len(both),
        in_sample=before,
        out_of_sample=after,
        difference=after - before,
        kept=after / before if before > 0.0 else None,
        worse_share=sum(out < into for into, out in both) / len(both),
    )


def number_stability(
    name: str, values: Sequence[float], low: float, high: float
) -> NumberStability:
    """Stability of a number that was searched from `low` to `high`, one value for each fold.

    Raises ValueError for fewer than two folds, an empty range, and a value that is not in it.
    """
    _check_folds(name, len(values))
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"{name}: searched from {low:g} to {high:g}, expected a range")
    for number, value in enumerate(values, start=1):
        if not low <= value <= high:
            raise ValueError(f"{name}: fold {number} has {value:g}, expected {low:g} to {high:g}")
    mean = fmean(values)
    deviation = pstdev(values)
    is_zero = abs(mean) <= 1e-12 * max(abs(low), abs(high))
    return NumberStability(
        name=name,
        folds=len(values),
        mean=mean,
        lowest=min(values),
        highest=max(values),
        variation=None if is_zero else deviation / abs(mean),
        range_share=(max(values) - min(values)) / (high - low),
        chance_share=(len(values) - 1) / (len(values) + 1),
    )


def category_stability(
    name: str, values: Sequence[Hashable], options: Sequence[Hashable]
) -> CategoryStability:
    """Stability of a choice among `options`, one value for each fold; booleans are categories.

    Raises ValueError for fewer than two folds or options, and for a value that is no option.
    """
    _check_folds(name, len(values))
    if len(set(options)) < 2:
        raise ValueError(f"{name}: {len(set(options))} option(s), expected two or more")
    for number, value in enumerate(values, start=1):
        if value not in options:
            raise ValueError(f"{name}: fold {number} has {value!r}, which is none of its options")
    counts = Counter(values)
    mode = max(options, key=lambda option: counts[option])
    shares = [count / len(values) for count in counts.values()]
    entropy = -sum(share * math.log(share) for share in shares) / math.log(len(set(options)))
    return CategoryStability(
        name=name,
        folds=len(values),
        mode=mode,
        mode_share=counts[mode] / len(values),
        entropy=max(0.0, entropy),
    )


def _check_folds(name: str, folds: int) -> None:
    if folds < FEWEST_FOLDS:
        raise ValueError(f"{name}: {folds} fold(s), expected {FEWEST_FOLDS} or more")
