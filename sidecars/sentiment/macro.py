"""Shares, the dollar and the ten-year yield: how they moved in a day, against the last close. Pure.

The day's change goes into the score, the hour's changes (alarms.py) into flags.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sidecars.common.layer.latest import change_pct, last_value_between
from sidecars.common.layer.ranges import Curve, Decay, market_age_ms
from sidecars.common.layer.scores import SubScore
from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, Known, Window
from sidecars.sentiment.alarms import HOUR_MS, RECENT_MS, flags_of, hour_moves
from sidecars.sentiment.readings import BTC_PRICE, DOLLAR, SHARES, YIELD

WEIGHT = 0.20

# Ages count in the hours of weekdays, so that Friday's close is not stale on Sunday: it is the
# latest there is. Public holidays are not known and cost some freshness.
MARKET_DAY = Decay(full_hours=30.0, low_hours=72.0, gone_hours=120.0)
DAY_BEFORE_MS = 23 * MS_PER_HOUR  # the last value that is at least so much older
LOOK_BACK_MS = 5 * MS_PER_DAY  # a long weekend lies between two closes
_DAY_SPAN_MS = 7 * MS_PER_DAY + LOOK_BACK_MS  # five market days are a week

# One unit of a move: what the alarms call danger in an hour is an ordinary strong day.
SHARES_UNIT_PCT, DOLLAR_UNIT_PCT, YIELD_UNIT_POINTS = 1.0, 0.5, 0.10
# Mean of the moves in units, upwards good for coins: calm 50, good 65 to 75, bad 35 to 25.
CALM = 50.0
STRENGTH = Curve((-1.0, 25.0), (-0.5, 35.0), (-0.35, CALM), (0.35, CALM), (0.5, 65.0), (1.0, 75.0))
_LABELS = {
    SHARES: "S&P 500 {:+.2f} %",
    DOLLAR: "dollar {:+.2f} %",
    YIELD: "10-year yield {:+.2f} points",
}


@dataclass(frozen=True, slots=True)
class DayMove:
    """The latest change of a series against the close before: % or, of the yield, points."""

    value: float
    as_of_ms: int
    freshness: float


def judge_macro(known: Known) -> tuple[SubScore, tuple[str, ...]]:
    """The sub-score and the flags, "DANGER" and "PAUSE_ENTRIES" where they are raised."""
    windows = {name: known.window(name, known.at_ms - _DAY_SPAN_MS) for name in _LABELS}
    prices = known.window(BTC_PRICE, known.at_ms - RECENT_MS - HOUR_MS)
    hour = hour_moves({**windows, BTC_PRICE: prices}, known.at_ms)
    moves = {
        name: move
        for name, window in windows.items()
        if (move := _day_move(name, window, known.at_ms)) is not None
    }
    alarm = "" if hour.pause_known else "; alarms of the hour unknown"
    readings = {
        **{f"{name}_day_move": move.value for name, move in moves.items()},
        **{f"{name}_hour_pct": value for name, value in hour.worst_pct.items()},
        "danger_known": float(hour.danger_known),
        "pause_known": float(hour.pause_known),
        "markets_closed": float(hour.markets_closed),
    }
    return _sub_score(moves, readings, alarm), flags_of(hour)


def day_units(moves: Mapping[str, float]) -> float:
    """Mean of the day's moves in units, upwards good for coins; of those that are given.

    moves: shares and dollar in %, the yield in points.
    """
    units = [
        moves[name] / unit
        for name, unit in (
            (SHARES, SHARES_UNIT_PCT),
            (DOLLAR, -DOLLAR_UNIT_PCT),
            (YIELD, -YIELD_UNIT_POINTS),
        )
        if name in moves
    ]
    return sum(units) / len(units)


def _day_move(name: str, window: Window, at_ms: int) -> DayMove | None:
    if len(window) == 0:
        return None
    as_of_ms, value = int(window.as_of_ms[-1]), float(window.value[-1])
    freshness = MARKET_DAY.of(market_age_ms(as_of_ms, at_ms))
    before = last_value_between(window, as_of_ms - LOOK_BACK_MS, as_of_ms - DAY_BEFORE_MS)
    if freshness is None or before is None:
        return None
    move = value - before if name == YIELD else change_pct(value, before)
    return None if move is None else DayMove(move, as_of_ms, freshness)


def _sub_score(
    moves: Mapping[str, DayMove], readings: Mapping[str, float | None], alarm: str
) -> SubScore:
    if not moves:
        reason = f"no day's change of shares, dollar or yield{alarm}"
        return SubScore("macro", WEIGHT, None, None, readings=readings, reason=reason)
    units = day_units({name: move.value for name, move in moves.items()})
    long = STRENGTH(units)
    mood = "calm" if long == CALM else "good" if long > CALM else "bad"
    words = ", ".join(_LABELS[name].format(move.value) for name, move in moves.items())
    return SubScore(
        name="macro",
        weight=WEIGHT,
        long=long,
        short=100.0 - long,
        # What is missing of the three takes its share.
        freshness=min(move.freshness for move in moves.values()) * len(moves) / len(_LABELS),
        as_of_ms=min(move.as_of_ms for move in moves.values()),
        readings=readings,
        reason=f"macro {mood}: {words} in a day{alarm}",
    )
