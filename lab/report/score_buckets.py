"""Does the score at entry tell anything of a backtest's trades? Pure.

The score comes from the tag, `PRESET_confNN`: NN is where its bucket begins. Bands are those of
the journal where the tags are fine enough for them, else tens.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from lab.evidence import BOOTSTRAP_DRAWS, BOOTSTRAP_SEED, monthly_interval_pct
from lab.report.figures import FEWEST_TRADES

TAG = re.compile(r"_conf(\d{1,3})$")
JOURNAL_BANDS = ((85.0, 101.0), (75.0, 85.0), (60.0, 75.0), (0.0, 60.0))
TENS = ((90.0, 101.0), (80.0, 90.0), (70.0, 80.0), (60.0, 70.0), (0.0, 60.0))
Z_95 = 1.959963984540054
SHARE_TO_CHOOSE = 0.5  # of the time between the first entry and the last; the rest judges

FloatArray = npt.NDArray[np.float64]
Interval = tuple[float, float]


class Worth(StrEnum):
    """Did trades of a band earn after costs?"""

    YES = "yes"
    NO = "no"
    UNCLEAR = "cannot tell"
    FEW = "too few"


class ScoreVerdict(StrEnum):
    """Does the score choose better trades?"""

    WORKS = "works"
    DOES_NOT = "does not"
    TOO_FEW = "too few trades"
    NO_SCORE = "no score"


@dataclass(frozen=True, slots=True)
class BandFigures:
    """Trades of one band. Percentages; win_interval_pct: Wilson's, 95 %; interval_pct: of the
    mean, months drawn whole; None without a trade, or with too few."""

    name: str
    trades: int
    win_pct: float | None
    win_interval_pct: Interval | None
    mean_pct: float | None
    interval_pct: Interval | None
    worth: Worth


@dataclass(frozen=True, slots=True)
class ThresholdTest:
    """The least score that was best on the earlier trades, judged on the later ones.

    Means in % a trade. chosen: at or above the threshold; difference: chosen minus the others.
    """

    threshold: float
    split: pd.Timestamp
    earlier_trades: int
    earlier_mean_pct: float
    later_chosen: int
    later_others: int
    later_chosen_pct: float | None
    later_others_pct: float | None
    difference_interval_pct: Interval | None


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """All of it. correlation: Spearman's of score and result, None where it does not exist."""

    scored: int
    unscored: int
    bands: tuple[BandFigures, ...]
    correlation: float | None
    test: ThresholdTest | None
    verdict: ScoreVerdict
    sentence: str


def score_of_tag(tag: str) -> float | None:
    """Where the bucket of a tag's score begins; None for a tag without one."""
    found = TAG.search(tag)
    return None if found is None or int(found[1]) > 100 else float(found[1])


def wilson_interval_pct(wins: int, trades: int) -> Interval:
    """95 % interval of a win rate in % (Wilson 1927, no correction of continuity).

    Raises ValueError without a trade.
    """
    if not 0 <= wins <= trades or trades == 0:
        raise ValueError(f"{wins} wins of {trades} trades, expected 0 to all of one or more")
    share, spread = wins / trades, Z_95**2 / trades
    centre = (share + spread / 2.0) / (1.0 + spread)
    half = Z_95 / (1.0 + spread) * math.sqrt(share * (1.0 - share) / trades + spread / 4 / trades)
    return 100.0 * max(0.0, centre - half), 100.0 * min(1.0, centre + half)


def score_report(trades: pd.DataFrame) -> ScoreReport:
    """Bands, threshold and verdict. trades: columns enter_tag, open_date, profit_ratio."""
    scores = trades["enter_tag"].map(score_of_tag).astype(float)
    scored = trades.assign(score=scores)[scores.notna()]
    unscored = len(trades) - len(scored)
    if scored.empty:
        sentence = "No trade has a score in its tag: there is nothing to validate."
        return ScoreReport(0, unscored, (), None, None, ScoreVerdict.NO_SCORE, sentence)
    bands = tuple(
        _band(scored[(scored["score"] >= low) & (scored["score"] < high)], low, high)
        for low, high in bands_of(scored["score"].tolist())
    )
    test = threshold_test(scored)
    verdict = _verdict(test)
    return ScoreReport(
        len(scored), unscored, bands, _rank_correlation(scored), test, verdict,
        _sentence(verdict, test, len(scored)),
    )  # fmt: skip


def _band(part: pd.DataFrame, low: float, high: float) -> BandFigures:
    name = f"< {high:.0f}" if low <= 0 else f"{low:.0f} to {min(high - 1, 100):.0f}"
    if part.empty:
        return BandFigures(name, 0, None, None, None, None, Worth.FEW)
    wins = int((part["profit_ratio"] > 0).sum())
    mean = 100.0 * float(part["profit_ratio"].mean())
    interval = monthly_interval_pct(part) if len(part) >= FEWEST_TRADES else None
    return BandFigures(
        name, len(part), 100.0 * wins / len(part), wilson_interval_pct(wins, len(part)), mean,
        interval, _worth(interval),
    )  # fmt: skip


def _worth(interval: Interval | None) -> Worth:
    if interval is None:
        return Worth.FEW
    if interval[0] > 0:
        return Worth.YES
    return Worth.NO if interval[1] < 0 else Worth.UNCLEAR


def _rank_correlation(scored: pd.DataFrame) -> float | None:
    if len(scored) < FEWEST_TRADES or scored["score"].nunique() < 2:
        return None
    value = float(scored["score"].rank().corr(scored["profit_ratio"].rank()))
    return value if math.isfinite(value) else None


def best_threshold(scores: FloatArray, ratios: FloatArray) -> float | None:
    """Of the scores that came, the one whose trades, it and above, had the highest mean; the lower
    one of equal ones. Each side has FEWEST_TRADES trades; None where no score leaves that."""
    best: tuple[float, float] | None = None
    for threshold in np.unique(scores):
        chosen = scores >= threshold
        if min(chosen.sum(), (~chosen).sum()) >= FEWEST_TRADES:
            mean = float(ratios[chosen].mean())
            if best is None or mean > best[0]:
                best = mean, float(threshold)
    return None if best is None else best[1]


def threshold_test(scored: pd.DataFrame) -> ThresholdTest | None:
    """Chosen on the trades entered in the first half of the time, judged on those after it.

    scored: columns score, open_date, profit_ratio. None where the first half has too few trades.
    """
    first, last = scored["open_date"].min(), scored["open_date"].max()
    split = first + (last - first) * SHARE_TO_CHOOSE
    early, late = scored[scored["open_date"] < split], scored[scored["open_date"] >= split]
    threshold = best_threshold(
        early["score"].to_numpy(dtype=np.float64), early["profit_ratio"].to_numpy(dtype=np.float64)
    )
    if threshold is None:
        return None
    taken = early[early["score"] >= threshold]
    chosen = late["score"] >= threshold
    enough = min(int(chosen.sum()), int((~chosen).sum())) >= FEWEST_TRADES
    return ThresholdTest(
        threshold=threshold,
        split=split,
        earlier_trades=len(taken),
        earlier_mean_pct=100.0 * float(taken["profit_ratio"].mean()),
        later_chosen=int(chosen.sum()),
        later_others=int((~chosen).sum()),
        later_chosen_pct=_mean_pct(late[chosen]),
        later_others_pct=_mean_pct(late[~chosen]),
        difference_interval_pct=_difference_interval_pct(late, chosen) if enough else None,
    )


def _mean_pct(part: pd.DataFrame) -> float | None:
    return None if part.empty else 100.0 * float(part["profit_ratio"].mean())


def _difference_interval_pct(trades: pd.DataFrame, chosen: pd.Series) -> Interval | None:
    """95 % interval of the chosen trades' mean minus the others', months drawn whole."""
    months, codes = np.unique(
        trades["open_date"].dt.strftime("%Y-%m").to_numpy(dtype=str), return_inverse=True
    )
    ratio = trades["profit_ratio"].to_numpy(dtype=np.float64)
    drawn = np.random.default_rng(BOOTSTRAP_SEED).integers(
        0, len(months), (BOOTSTRAP_DRAWS, len(months))
    )
    means = []
    for side in (chosen.to_numpy(dtype=bool), ~chosen.to_numpy(dtype=bool)):
        sums = np.bincount(codes[side], weights=ratio[side], minlength=len(months))
        counts = np.bincount(codes[side], minlength=len(months))
        with np.errstate(invalid="ignore"):
            means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    difference = means[0] - means[1]
    known = difference[np.isfinite(difference)]
    if not len(known):
        return None
    low, high = np.percentile(100.0 * known, [2.5, 97.5])
    return float(low), float(high)


def _verdict(test: ThresholdTest | None) -> ScoreVerdict:
    if test is None or test.difference_interval_pct is None:
        return ScoreVerdict.TOO_FEW
    return ScoreVerdict.WORKS if test.difference_interval_pct[0] > 0 else ScoreVerdict.DOES_NOT


def _sentence(verdict: ScoreVerdict, test: ThresholdTest | None, scored: int) -> str:
    if test is None:
        return (
            f"Too few trades to say whether the score works: {scored} with one, and no threshold "
            f"leaves {FEWEST_TRADES} on both of its sides in the earlier half."
        )
    if verdict is ScoreVerdict.TOO_FEW or test.difference_interval_pct is None:
        return (
            f"Too few trades to say whether the score works: after {test.split:%Y-%m-%d} "
            f"{test.later_chosen} at or above {test.threshold:.0f} and {test.later_others} below, "
            f"expected {FEWEST_TRADES} of each."
        )
    low, high = test.difference_interval_pct
    measured = (
        f"{test.threshold:.0f} or more was best before {test.split:%Y-%m-%d}; after it such trades "
        f"made {test.later_chosen_pct:+.2f} % each, the others {test.later_others_pct:+.2f} % "
        f"(difference {low:+.2f} to {high:+.2f} %)."
    )
    return f"The score {'works' if verdict is ScoreVerdict.WORKS else 'does not work'}: {measured}"


def bands_of(scores: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """The journal's bands where a score begins at a five, else tens."""
    return JOURNAL_BANDS if any(score % 10 == 5 for score in scores) else TENS
