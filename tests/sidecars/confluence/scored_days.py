"""Every day of every pair scored in one call, as the updater does pair by pair."""

from collections.abc import Mapping, Sequence

from sidecars.confluence.candles import DailyCandles
from sidecars.confluence.ledger import market_of
from sidecars.confluence.records import NOTHING_OBSERVED, Observed, ScoredDays, score_days


def score_all(
    pairs: Sequence[str],
    reference_pair: str,
    index_members: Sequence[str],
    candles: Mapping[str, DailyCandles],
    observed: Observed = NOTHING_OBSERVED,
) -> dict[str, ScoredDays]:
    """Score every day of every pair from the candles and observations given."""
    market = market_of(reference_pair, index_members, candles, observed)
    return {pair: score_days(pair, candles[pair], market, observed) for pair in pairs}
