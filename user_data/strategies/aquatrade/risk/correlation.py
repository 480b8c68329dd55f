"""Pairs that move together: correlations of hourly log returns, clusters, and their rules.

Positions of one asset always move together. A correlation that is not known is not taken for a
low one: it refuses an entry, and in a cluster it counts as a link.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from aquatrade.risk.exposure import asset_exposures
from aquatrade.risk.model import Position, Reason
from aquatrade.risk.profile import CorrelationRule, RiskProfile
from aquatrade.risk.question import Question, exceeds, percent, refusal

Correlations = Mapping[tuple[str, str], float]

MIN_KNOWN_SHARE = 0.9  # of the hours, where both pairs have a return
HOUR = np.timedelta64(1, "h")


def correlations(closes: pd.DataFrame, hours: int) -> dict[tuple[str, str], float]:
    """Correlations of the newest hourly log returns, for each two pairs in both orders.

    closes: a column for each pair, the index the moments that the candles open at; candles shorter
    than an hour become hourly ones. Two pairs are left out where a tenth or more of the hours is
    missing, or where a price never moved: what is left out is not known.
    """
    prices = _hourly(closes).tail(hours + 1).to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = np.diff(np.log(np.where(prices > 0.0, prices, np.nan)), axis=0)
    matrix = _pairwise(returns, least=int(np.ceil(MIN_KNOWN_SHARE * hours)))
    names = [str(name) for name in closes.columns]
    return {
        (first, second): float(matrix[row, column])
        for row, first in enumerate(names)
        for column, second in enumerate(names)
        if row != column and np.isfinite(matrix[row, column])
    }


def _hourly(closes: pd.DataFrame) -> pd.DataFrame:
    index = closes.index
    if not isinstance(index, pd.DatetimeIndex) or len(index) < 2:
        return closes
    if bool((np.diff(index.tz_localize(None).to_numpy()) == HOUR).all()):
        return closes
    return closes.sort_index().resample("1h").last()


def _pairwise(returns: np.ndarray, least: int) -> np.ndarray:
    """Pearson's correlation over the rows that both columns know; NaN where they are too few."""
    known = np.isfinite(returns)
    counts = known.sum(axis=0)
    means = np.where(known, returns, 0.0).sum(axis=0) / np.maximum(counts, 1)
    values = np.where(known, returns - means, 0.0)
    mask = known.astype(float)
    both = _products(mask, mask)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Of the row's pair, over the hours that the column's pair has too.
        sums = _products(values, mask)
        squares = _products(values**2, mask)
        covariance = _products(values, values) - sums * sums.T / both
        variance = squares - sums**2 / both
        # What rounding leaves of a price that did not move is no movement.
        variance[variance <= 1e-12 * np.maximum(squares, 1e-12)] = np.nan
        result: np.ndarray = np.clip(covariance / np.sqrt(variance * variance.T), -1.0, 1.0)
    result[both < max(least, 2)] = np.nan
    return result


def _products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The sums of the products of each two columns.

    Not by `@`: its threads wait for each other longer than the whole sum takes.
    """
    sums: np.ndarray = np.einsum("ti,tj->ij", left, right)
    return sums


def correlation_of(known: Correlations, first: str, second: str) -> float | None:
    """Of two pairs: 1 for one asset, the spot pair's where the future has none; None: not known."""
    if first.partition("/")[0] == second.partition("/")[0]:
        return 1.0
    value = known.get((first, second))
    if value is None:
        value = known.get((first.partition(":")[0], second.partition(":")[0]))
    return value if value is not None and abs(value) <= 1.0 else None


def clusters(pairs: Iterable[str], known: Correlations, link_above: float) -> list[frozenset[str]]:
    """The pairs in groups: linked at more than `link_above`, directly or over others."""
    waiting = list(dict.fromkeys(pairs))
    found = []
    while waiting:
        found.append(frozenset(_linked(waiting.pop(0), waiting, known, link_above)))
    return found


def cluster_of(
    pair: str, others: Iterable[str], known: Correlations, link_above: float
) -> frozenset[str]:
    """The cluster of one pair among others."""
    waiting = [other for other in dict.fromkeys(others) if other != pair]
    return frozenset(_linked(pair, waiting, known, link_above))


def _linked(pair: str, waiting: list[str], known: Correlations, link_above: float) -> Iterator[str]:
    """The pair and all that is linked to it, which are taken out of what waits."""
    to_visit = [pair]
    while to_visit:
        current = to_visit.pop()
        yield current
        for other in tuple(waiting):
            value = correlation_of(known, current, other)
            if value is None or value > link_above:
                waiting.remove(other)
                to_visit.append(other)


def link_threshold(profile: RiskProfile) -> float:
    """What links two pairs; the limit on groups needs one without the rule on correlation too."""
    return (profile.correlation or CorrelationRule()).link_above


def judge_correlation(question: Question, stake: float, reasons: list[Reason]) -> float:
    """The limit on a group, the block of what moves alike, and how many may be in a cluster.

    A position of the other direction is a hedge: it neither blocks nor counts in a cluster.
    """
    profile, entry = question.profile, question.entry
    if profile.correlation is None and profile.max_group_pct is None:
        return stake
    known = question.market.correlations or {}
    others = [one for one in question.book.positions if one not in question.own]
    with_others = {one.pair: correlation_of(known, entry.pair, one.pair) for one in others}
    unknown = [pair for pair, value in with_others.items() if value is None]
    if unknown:
        text = f"correlation of {entry.pair} with {', '.join(sorted(unknown))} is not known"
        reasons.append(refusal("correlation", text))
        return stake
    threshold = link_threshold(profile)
    cluster = frozenset({entry.pair})
    if any(value is not None and value > threshold for value in with_others.values()):
        cluster = cluster_of(entry.pair, with_others, known, threshold)
    _judge_group(question, stake, cluster, reasons)
    if profile.correlation is not None:
        alike = [one for one in others if one.side == entry.side]
        _judge_block(profile.correlation, alike, with_others, reasons)
        _judge_cluster(profile.correlation, alike, cluster, reasons)
    return stake


def _judge_group(
    question: Question, stake: float, cluster: frozenset[str], reasons: list[Reason]
) -> None:
    limit_pct = question.profile.max_group_pct
    if limit_pct is None:
        return
    assets = {pair.partition("/")[0] for pair in cluster}
    figures = asset_exposures(question.book.positions, assets, question.entry, stake)
    value = 100.0 * sum(figures.values()) / question.book.equity
    if exceeds(value, limit_pct):
        text = f"group {'+'.join(sorted(assets))} {percent(value)}, limit {percent(limit_pct)}"
        reasons.append(refusal("group", text, value, limit_pct))


def _judge_block(
    rule: CorrelationRule,
    alike: Sequence[Position],
    with_others: Mapping[str, float | None],
    reasons: list[Reason],
) -> None:
    strongest, other = max(
        [(with_others[one.pair] or 0.0, one.pair) for one in alike], default=(0.0, "")
    )
    if strongest > rule.block_above:
        text = f"correlation {strongest:.2f} with the open {other}, limit {rule.block_above:g}"
        reasons.append(refusal("correlation", text, strongest, rule.block_above))


def _judge_cluster(
    rule: CorrelationRule,
    alike: Sequence[Position],
    cluster: frozenset[str],
    reasons: list[Reason],
) -> None:
    count = sum([one.pair in cluster for one in alike])
    if count >= rule.max_open_in_cluster:
        names = ", ".join(sorted({one.pair for one in alike if one.pair in cluster}))
        text = f"{count} open in the cluster ({names}), limit {rule.max_open_in_cluster}"
        reasons.append(refusal("cluster", text, float(count), float(rule.max_open_in_cluster)))
