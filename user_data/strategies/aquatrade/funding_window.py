"""Settlements of funding: when they are, and which moments are too near to one. Pure.

Settlements are counted from midnight UTC: every 8 h is 00:00, 08:00 and 16:00.
"""

from datetime import datetime

import pandas as pd

SECONDS_PER_HOUR = 3600.0
SECONDS_PER_DAY = 86_400.0


def seconds_to_settlement(moment: datetime, interval_hours: float) -> float:
    """Seconds to the nearest settlement, whether it was or will be. moment: aware."""
    interval = interval_hours * SECONDS_PER_HOUR
    since = moment.timestamp() % SECONDS_PER_DAY % interval
    return min(since, interval - since)


def is_near_settlement(moment: datetime, interval_hours: float, minutes: float) -> bool:
    """Whether a settlement is so many minutes away or less, on either side."""
    return seconds_to_settlement(moment, interval_hours) <= minutes * 60.0


def are_near_settlement(moments: pd.Series, interval_hours: float, minutes: float) -> pd.Series:
    """The same for a column of aware moments."""
    interval = pd.Timedelta(hours=interval_hours)
    since = (moments - moments.dt.floor("D")) % interval
    margin = pd.Timedelta(minutes=minutes)
    near: pd.Series = (since <= margin) | (interval - since <= margin)
    return near


def settlement_interval_hours(settlements: pd.Series) -> float | None:
    """The interval that a pair settled in last, from its settlements; None for fewer than two.

    settlements: moments of funding, oldest first, none later than what is known.
    """
    if len(settlements) < 2:
        return None
    return float((settlements.iloc[-1] - settlements.iloc[-2]) / pd.Timedelta(hours=1))
