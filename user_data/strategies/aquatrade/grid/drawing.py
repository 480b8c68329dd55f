"""A grid for freqtrade's charts. Pure."""

from datetime import datetime
from typing import Any

from aquatrade.grid.state import GridState

CENTRE_COLOR = "rgba(64, 144, 224, 0.8)"
BUY_COLOR = "rgba(48, 160, 96, 0.5)"
SELL_COLOR = "rgba(208, 64, 64, 0.6)"
STOP_COLOR = "rgba(160, 32, 32, 0.9)"


def stop_price(state: GridState, fee_rate: float) -> float | None:
    """Where the whole grid is sold as it stands; None without inventory, or below zero."""
    if state.inventory <= 0.0:
        return None
    least = -state.spec.stop_pct / 100.0 * state.spec.capital_usd
    price = (least - state.realised + state.inventory_cost) / state.inventory / (1.0 - fee_rate)
    return price if price > 0.0 else None


def grid_annotations(
    state: GridState, start: datetime, end: datetime, fee_rate: float
) -> list[dict[str, Any]]:
    """One line for each level (its buy, or the sell of its lot), the centre and the stop."""
    rates = [("centre", state.centre, CENTRE_COLOR)]
    for level in state.levels:
        if level.amount > 0.0:
            rates.append((f"sell L{level.number}", level.sell_price, SELL_COLOR))
        elif level.is_ready:
            rates.append((f"buy L{level.number}", level.buy_price, BUY_COLOR))
    stop = stop_price(state, fee_rate)
    if stop is not None:
        rates.append(("grid stop", stop, STOP_COLOR))
    return [
        {
            "type": "line",
            "start": start,
            "end": end,
            "y_start": rate,
            "y_end": rate,
            "label": label,
            "color": color,
        }
        for label, rate, color in rates
    ]
