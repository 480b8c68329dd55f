"""What a fill cost beyond the price it was decided at. Pure."""

import math


def slippage_pct(*, expected: float, actual: float, is_sell: bool) -> float | None:
    """(actual - expected) / expected in percent, negated for sells: positive is always a cost.

    None where either price is not a positive number.
    """
    if not all(math.isfinite(price) and price > 0.0 for price in (expected, actual)):
        return None
    worse_by = expected - actual if is_sell else actual - expected
    return 100.0 * worse_by / expected
