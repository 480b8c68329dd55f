"""Stops as prices. Pure."""

# Stops are rounded up to the price tick; a stop that is this near to another is the same one.
SAME_STOP_RATIO = 1e-3
# Freqtrade takes 0 for "no answer"; this one is rounded up to the price itself: out at once.
AT_PRICE = 1e-9
STOP_PASSED = "stop_passed"  # the exit reason of a moving stop that a close has passed


def stop_price(open_rate: float, stop_pct: float) -> float:
    """Price at which a long trade has lost stop_pct of its entry price."""
    return open_rate * (1.0 - stop_pct / 100.0)


def tightened_stop(
    *, open_rate: float, sized_stop_pct: float, present_stop: float, current_rate: float
) -> float | None:
    """The stop a long stake was sized for, where the present one has come to lie below it.

    Returns the distance below current_rate as freqtrade takes it (0.05 is 5 % below; AT_PRICE
    where price is at or under the stop), or None where the present stop is as tight or tighter.
    """
    sized = stop_price(open_rate, sized_stop_pct)
    if present_stop >= sized * (1.0 - SAME_STOP_RATIO):
        return None
    return max(1.0 - sized / current_rate, AT_PRICE)
