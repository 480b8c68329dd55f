"""The night of the breakers' rehearsal: its market, and the limits of the two bots that trade it.

A Sunday that ends a month: at midnight a day, a week and a month begin.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.rehearsal.fleet_market import (
    DAY_MINUTES,
    WOBBLE,
    candles,
    moved,
    quiet_path,
    write_market,
)

MARKET_STARTS = datetime(2024, 3, 28, tzinfo=UTC)
EVENING = datetime(2024, 3, 31, 22, 50, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MINUTES = 4 * DAY_MINUTES + 60
STAKE = 300.0
CAPITAL = 1000.0
DROP_PCT = -5.0
# Of the bot that enters too much: two that move together, and one to which things happen.
TWIN, OTHER_TWIN, LIVELY = STEADY_PAIRS = ("TWA/USDT", "TWB/USDT", "LIV/USDT")
LIVELY_WOBBLE = 0.001
WILD_MINUTE = (23, 12)
RISE = (23, 30)
# Of the bot that loses; the first one falls twice.
FALLING, SECOND, CALM, LAST = LOSING_PAIRS = tuple(f"LS{letter}/USDT" for letter in "ABCD")
FALLS: dict[str, tuple[tuple[int, int], ...]] = {
    LIVELY: ((23, 21),),
    FALLING: ((23, 53), (24, 15)),
    SECOND: ((24, 4),),
    LAST: ((24, 5),),
}
OFF: dict[str, Any] = {
    "max_atr_ratio": None,
    "max_clock_skew_seconds": None,  # asleep, a bot's clock waits for the exchange's to jump
    "max_exchange_silence_minutes": None,
    "rest_after_stop_minutes": None,
}
STEADY: dict[str, Any] = {
    **OFF,
    "name": "steady",
    "correlation": {"hours": 48, "block_above": 0.85, "link_above": 0.7},
    "max_open_positions": 2,
    "max_entries_per_hour": 17,
    "rest_after_stop_minutes": 5.0,
    "win_streak": {"wins": 2, "factor": 0.5},
    "quiet_hours": {"windows": [[22, 23]], "extra_points": 5.0},
    "max_atr_ratio": 3.0,
}
LOSING: dict[str, Any] = {
    **OFF,
    "name": "losing",
    "day": {
        "limit_pct": 1.0,
        "close": "nothing",
        "resume": "after_hours",
        # No whole minutes: the bot looks once a minute, and a moment later or earlier.
        "off_hours": 2.7 / 60.0,
        "recovery_hours": 2.7 / 60.0,
        "recovery_factor": 0.5,
    },
    "week": {"limit_pct": 2.5, "close": ["probe"], "resume": "by_hand"},
    "month": {"limit_pct": 4.0, "close": "all", "resume": "config_change"},
}


# For the bot's second life. It asks the exchange for its time in real seconds, ten after a failure.
WATCHFUL = {"max_exchange_silence_minutes": 0.2, "max_clock_skew_seconds": 3.0}
SILENT_CLOCK = {"kind": "server_error", "match": {"path": "/api/v3/time"}}
WRONG_CLOCK = {"kind": "clock_skew", "parameters": {"offset_ms": 5000}}
PATIENCE_SECONDS = 30


def at(hour: int, minute: int) -> datetime:
    """A moment of that night; hours from 24 on are those after midnight."""
    return EVENING.replace(hour=0, minute=0) + timedelta(hours=hour, minutes=minute)


def minute_of(hour: int, minute: int) -> int:
    return (at(hour, minute) - MARKET_STARTS) // MINUTE


def market(folder: Path) -> Path:
    """Quiet pairs, but for what each of them is there for."""
    frames = {}
    for number, pair in enumerate((*STEADY_PAIRS, *LOSING_PAIRS)):
        wobble = LIVELY_WOBBLE if pair == LIVELY else WOBBLE
        path = quiet_path(0 if pair == OTHER_TWIN else number, MINUTES, wobble)
        for fall in FALLS.get(pair, ()):
            path = moved(path, minute_of(*fall), 1, DROP_PCT)
        if pair == LIVELY:
            path = moved(path, minute_of(*RISE), 12, 7.0)
        wide = {minute_of(*WILD_MINUTE): 0.035} if pair == LIVELY else None
        frames[pair] = candles(path, number, wide, MARKET_STARTS)
    return write_market(folder, frames)


def sized(risk: dict[str, Any], **section: Any) -> dict[str, Any]:
    return {
        "available_capital": CAPITAL,
        "aquatrade": {
            "sizing": {"method": "fixed", "stake_usd": STAKE},
            "risk": risk,
            **section,
        },
    }
