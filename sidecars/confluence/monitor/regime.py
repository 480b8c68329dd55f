"""The market's regime in one word, from the regime part of a record. Pure."""

from collections.abc import Mapping
from functools import lru_cache

import orjson

from sidecars.confluence.records import ScoreRow
from sidecars.confluence.scoring import INPUTS, VETO_BELOW

BULL = "bull"
BEAR = "bear"
MIXED = "mixed"
UNKNOWN = "unknown"
# Of the regime points that could be judged: 24 of 30, or 18 of the 22 without funding.
BULL_SHARE_PCT = 80
# Without BTC's trend or the market nothing can be said; funding alone only moves the borders.
_NEEDED = ("btc", "market")
_MAX_POINTS: Mapping[str, int] = {
    each.name: each.max_points for each in INPUTS if each.part == "regime"
}


def regime_of(points: Mapping[str, float | None]) -> str:
    """The word for the points of the regime's inputs (0 to 30 in sum); None: unavailable.

    "unknown" without BTC's trend or the market, and also where the points are under the veto's
    border only because an input is missing: an outage is no bear market. "bear" is thus a veto
    that no missing input could have lifted; "bull" is 80 % of what could be judged; else "mixed".
    """
    given = {name: points.get(name) for name in _MAX_POINTS}
    if any(given[name] is None for name in _NEEDED):
        return UNKNOWN
    total = sum(value for value in given.values() if value is not None)
    missing = sum(_MAX_POINTS[name] for name, value in given.items() if value is None)
    if total < VETO_BELOW:
        return BEAR if total + missing < VETO_BELOW else UNKNOWN
    judged = sum(_MAX_POINTS.values()) - missing
    return BULL if 100 * total >= BULL_SHARE_PCT * judged else MIXED


def regime_of_record(row: ScoreRow) -> str:
    """The word for a record."""
    return _regime_of_json(row.points)


@lru_cache(maxsize=8192)
def _regime_of_json(points: str) -> str:
    return regime_of(dict(zip((each.name for each in INPUTS), orjson.loads(points), strict=True)))
