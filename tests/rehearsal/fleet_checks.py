"""What a rehearsal asks of the guard, and what it looks at in its log."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ccxt

from aquatrade.event_log import Event
from sidecars.replay.client_config import LOCAL_KEY, LOCAL_SECRET, freqtrade_exchange_config
from tests.rehearsal.fleet_rig import GUARD, FleetRig


def ask_guard(rig: FleetRig, path: str) -> dict[str, Any]:
    """GET /v1/PATH."""
    assert rig.guard is not None
    return dict(rig.guard.ask(path))


def tell_guard(rig: FleetRig, path: str, **body: Any) -> dict[str, Any]:
    """POST /v1/PATH."""
    assert rig.guard is not None
    return dict(rig.guard.tell(path, body))


def reconciled(rig: FleetRig) -> bool:
    """Have the guard look at the exchange now; whether all agreed."""
    return bool(tell_guard(rig, "reconcile")["passed"])


def end_ms(rig: FleetRig) -> int:
    return int(rig.conductor.now().timestamp() * 1000)


def leave_all(rig: FleetRig, candles: int = 20) -> None:
    """Nobody wants anything any more, and all is sold."""
    rig.script(leave_after_seconds=0)
    for _ in range(candles):
        rig.run_candles(1)
        if not any(trade["amount"] for bot in rig.bots.values() for trade in bot.ask("status")):
            rig.script()
            return
    raise AssertionError("something is still held")


@dataclass(frozen=True, slots=True)
class Round:
    """A candle of a pair that more than one bot asked about."""

    pair: str
    candle: datetime
    bots: frozenset[str]
    let_through: int  # bots that were given a reservation
    apart_seconds: float  # between the first and the last of the bots' first questions


def contended(rig: FleetRig) -> list[Round]:
    """Every signal that two bots or more wanted to follow, oldest first."""
    asked: defaultdict[tuple[str, datetime], list[Event]] = defaultdict(list)
    for event in rig.events(GUARD, kind="verdict"):
        if event.data.get("request") and event.pair and event.candle:
            asked[event.pair, event.candle].append(event)
    return [
        _round(*key, events)
        for key, events in asked.items()
        if len({event.data["bot"] for event in events}) > 1
    ]


def _round(pair: str, candle: datetime, events: list[Event]) -> Round:
    first: dict[str, datetime] = {}
    for event in events:
        first.setdefault(event.data["bot"], event.at)
    passed = {event.data["bot"] for event in events if event.data["reservation"]}
    apart = max(first.values()) - min(first.values())
    return Round(pair, candle, frozenset(first), len(passed), apart.total_seconds())


class Stranger:
    """Somebody else with the same key: places and cancels orders that no bot knows."""

    def __init__(self, rig: FleetRig) -> None:
        url = rig.exchange.url
        config: Mapping[str, Any] = freqtrade_exchange_config(url, url.replace("http", "ws"))
        self._api: Any = ccxt.binance(
            {**config["ccxt_config"], "apiKey": LOCAL_KEY, "secret": LOCAL_SECRET}
        )
        # It lives in the exchange's time, as the bots do.
        self._api.milliseconds = lambda: int(str(rig.exchange.control("state")["now_ms"]))

    def place(self, pair: str, client_order_id: str) -> str:
        """Rest a small buy order far below the market; returns the order's id."""
        price = self._api.price_to_precision(pair, 0.8 * self._api.fetch_ticker(pair)["last"])
        amount = self._api.amount_to_precision(pair, 50.0 / float(price))
        order = self._api.create_order(
            pair, "limit", "buy", float(amount), float(price),
            {"newClientOrderId": client_order_id},
        )  # fmt: skip
        return str(order["id"])

    def cancel(self, pair: str, order_id: str) -> None:
        self._api.cancel_order(order_id, pair)
