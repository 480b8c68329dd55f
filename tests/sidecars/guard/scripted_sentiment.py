"""What the sentiment sidecar answers, as far as the guard reads it."""

from datetime import datetime
from typing import Any


def answer_of(
    as_of: datetime, *flags: str, known: bool = True, sp500: float | None = -0.1
) -> dict[str, Any]:
    """The body of GET /v1/scores?assets=BTC."""
    told = 1.0 if known else 0.0
    readings = {
        "sp500_day_move": 0.4,
        "sp500_hour_pct": sp500,
        "dollar_index_hour_pct": None,
        "btc_price_usd_hour_pct": None,
        "danger_known": told,
        "pause_known": told,
        "markets_closed": 0.0,
    }
    regime = {"name": "regime", "weight": 0.3, "readings": {"dominance_change": None}}
    macro = {"name": "macro", "weight": 0.2, "readings": readings}
    score = {
        "asset": "BTC",
        "as_of": as_of.isoformat(),
        "available_at": as_of.isoformat(),
        "confidence": 0.9,
        "flags": sorted(flags),
        "sub_scores": [regime, macro],
    }
    return {"at": as_of.isoformat(), "scores": {"BTC": score}, "missing": {}, "stale": []}
