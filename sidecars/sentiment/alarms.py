"""Alarms of the hour: shares fall, the dollar rises, BTC falls. Pure.

A flag that is not raised says nothing unless `danger_known` and `pause_known` say so: without a
value of about an hour ago nobody knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sidecars.common.layer.latest import change_pct
from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, Window
from sidecars.sentiment.readings import BTC_PRICE, DOLLAR, SHARES

HOUR_MS = 65 * MS_PER_MINUTE  # an hour and the slack of polling
ABOUT_AN_HOUR_MS = 45 * MS_PER_MINUTE
RECENT_MS = 30 * MS_PER_MINUTE  # two turns of polling
DANGER_SHARES_PCT, DANGER_DOLLAR_PCT = -1.0, 0.5
PAUSE_SHARES_PCT, PAUSE_DOLLAR_PCT, PAUSE_BTC_PCT = -2.0, 1.0, -5.0
# Futures and currencies stand still from Friday 22:00 to Sunday 22:00 UTC, summer and winter.
_CLOSED_FROM_MS = 4 * MS_PER_DAY + 22 * MS_PER_HOUR
_CLOSED_UNTIL_MS = 6 * MS_PER_DAY + 22 * MS_PER_HOUR


@dataclass(frozen=True, slots=True)
class HourMoves:
    """The worst move within the last hour, in %: falls of shares and BTC, the dollar's rise.

    complete: names of the series that have a recent value and one of about an hour ago.
    """

    worst_pct: Mapping[str, float | None]
    complete: frozenset[str]
    markets_closed: bool

    @property
    def danger_known(self) -> bool:
        """Whether DANGER would have been seen."""
        return self.markets_closed or {SHARES, DOLLAR} <= self.complete

    @property
    def pause_known(self) -> bool:
        """Whether PAUSE_ENTRIES would have been seen."""
        return self.danger_known and BTC_PRICE in self.complete


def hour_moves(windows: Mapping[str, Window], at_ms: int) -> HourMoves:
    """The worst moves within the hour up to the latest value of each series."""
    worst: dict[str, float | None] = {}
    complete = []
    for name in (SHARES, DOLLAR, BTC_PRICE):
        window = windows.get(name)
        worst[name] = None
        if window is None or len(window) == 0 or at_ms - int(window.as_of_ms[-1]) > RECENT_MS:
            continue
        latest_ms = int(window.as_of_ms[-1])
        first = int(window.as_of_ms.searchsorted(latest_ms - HOUR_MS))
        values = window.value[first:-1]
        if len(values) == 0:
            continue
        # The shortest fall counts as well: "1 % in an hour" is there when it took ten minutes.
        before = float(values.min() if name == DOLLAR else values.max())
        worst[name] = change_pct(float(window.value[-1]), before)
        if latest_ms - int(window.as_of_ms[first]) >= ABOUT_AN_HOUR_MS:
            complete.append(name)
    return HourMoves(worst, frozenset(complete), markets_are_closed(at_ms))


def flags_of(hour: HourMoves) -> tuple[str, ...]:
    """The flags that the hour raises."""
    shares, dollar, btc = (hour.worst_pct[name] for name in (SHARES, DOLLAR, BTC_PRICE))
    danger = _at_most(shares, DANGER_SHARES_PCT) or _at_least(dollar, DANGER_DOLLAR_PCT)
    pause = (
        _at_most(shares, PAUSE_SHARES_PCT)
        or _at_least(dollar, PAUSE_DOLLAR_PCT)
        or _at_most(btc, PAUSE_BTC_PCT)
    )
    return ("DANGER",) * danger + ("PAUSE_ENTRIES",) * pause


def markets_are_closed(at_ms: int) -> bool:
    """Whether it is a weekend of shares' futures and currencies, whatever the season."""
    in_week_ms = (at_ms + 3 * MS_PER_DAY) % (7 * MS_PER_DAY)  # the epoch was a Thursday
    return _CLOSED_FROM_MS <= in_week_ms < _CLOSED_UNTIL_MS


def _at_most(value: float | None, limit: float) -> bool:
    return value is not None and value <= limit


def _at_least(value: float | None, limit: float) -> bool:
    return value is not None and value >= limit
