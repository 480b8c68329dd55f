"""SIGKILL with orders open, again and again: the bot and the ledger still believe the same."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from lab.agreement import Agreement
from lab.parity import candle_of
from lab.trades import read_bot_books
from operations.conductor import Conductor
from operations.ledger_client import agreement_of
from operations.processes import Child
from operations.road import QUOTE, Exchange, Road

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SOON = timedelta(seconds=10)
START_SECONDS = 60.0
SETTLE_MINUTES = 45
# Orders fill late and in parts, so that most of the time some are open.
SLOW_FILLS = [
    {"kind": "late_fill", "parameters": {"delay_ms": 150_000}},
    {"kind": "partial_fill", "parameters": {"fraction": 0.6}},
]


class Rehearsal:
    """A live bot on the storm's candles, that can be killed and started again."""

    def __init__(self, road: Road, start: datetime) -> None:
        self.road = road
        self.exchange: Exchange = road.start_exchange(start, participants=2)
        assert self.exchange.lockstep_port is not None
        self.config = road.bot_config(
            "live",
            self.exchange,
            {
                "aquatrade": {"preset": "crash"},
                "max_open_trades": 8,
                "internals": {"process_throttle_secs": 60},
            },
        )
        self.bot = self.start_bot()
        self.conductor = Conductor(self.exchange.lockstep_port, road.stage.check)

    def start_bot(self) -> Child:
        bot = self.road.start_bot(self.exchange, self.config)
        name = f"freqtrade-{bot.process.pid}"
        self.road.stage.wait_for("bot", lambda: name in self.state()["participants"], START_SECONDS)
        return bot

    def kill_and_restart(self) -> None:
        self.road.stage.stop(self.bot, hard=True)
        self.bot = self.start_bot()

    def state(self) -> dict[str, Any]:
        return self.exchange.control("state")

    def orders(self, **filters: str) -> list[dict[str, Any]]:
        page: Any = self.exchange.control("ledger/orders", limit="1000", **filters)
        assert page["next_from_order_id"] is None
        return list(page["orders"])

    def run(self, step: timedelta) -> None:
        self.conductor.run_until(self.conductor.now() + step)

    def run_until_orders_are_open(self) -> None:
        """Signals come with the hour; ten seconds later their orders are there and not filled."""
        for _ in range(24):
            self.run(candle_of(self.conductor.now(), HOUR) + HOUR + SOON - self.conductor.now())
            if any(
                order.status == "open" for order in read_bot_books(self.road.bot_database).orders
            ):
                return
        raise AssertionError("a whole day without an open order")

    def run_into_a_new_order(self) -> bool:
        """Let the next hour begin and stop looking the moment the ledger has one order more."""
        before = len(self.orders())
        self.run(candle_of(self.conductor.now(), HOUR) + HOUR - MINUTE - self.conductor.now())
        self.conductor.let_run(self.conductor.now() + 2 * MINUTE)
        while not self.conductor.has_arrived(0.002):
            if len(self.orders()) > before:
                return True
        self.conductor.arrive()
        return False

    def agreement(self) -> Agreement:
        return agreement_of(self.exchange, read_bot_books(self.road.bot_database), QUOTE)

    def settle(self) -> Agreement:
        """Run until the books agree; the last comparison if they do not in time.

        An order that fills between two of the bot's looks is known to it a loop later.
        """
        for _ in range(SETTLE_MINUTES):
            agreement = self.agreement()
            if not agreement.disagreements:
                break
            self.run(MINUTE)
        return agreement

    def add_fault(self, fault: dict[str, Any]) -> None:
        answer = requests.post(f"{self.exchange.url}/control/faults", json=fault, timeout=10)
        assert answer.ok, answer.text

    def log(self) -> str:
        return self.bot.log.read_text()


@pytest.fixture
def rehearsal(storm: Any, storm_road: Road) -> Rehearsal:
    rehearsal = Rehearsal(storm_road, storm.first_dip - 2 * HOUR)
    for fault in SLOW_FILLS:
        rehearsal.add_fault(fault)
    return rehearsal


def doubled_entries(orders: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """(symbol, hour) of entries that were bought twice for one signal."""
    bought = Counter(
        (order["symbol"], order["created_ms"] // 3_600_000)
        for order in orders
        if order["side"] == "BUY" and float(order["filled_amount"]) > 0
    )
    return [entry for entry, times in bought.items() if times > 1]


def test_kills_with_orders_open(rehearsal: Rehearsal, counts: Any) -> None:
    kills = counts.bot_kills
    for kill in range(kills):
        if kill % 2 == 0:
            rehearsal.run_until_orders_are_open()
            rehearsal.kill_and_restart()
        else:
            # The exchange has the order and the bot never hears of it.
            rehearsal.add_fault({"kind": "response_lost", "next": 1})
            while not rehearsal.run_into_a_new_order():
                pass
            rehearsal.road.stage.stop(rehearsal.bot, hard=True)
            rehearsal.bot = rehearsal.start_bot()
            while not rehearsal.conductor.has_arrived(0.5):
                rehearsal.road.stage.check()
            rehearsal.conductor.arrive()
        agreement = rehearsal.settle()
        assert agreement.disagreements == (), f"after kill {kill + 1}"
        assert doubled_entries(rehearsal.orders()) == []
    requests.delete(f"{rehearsal.exchange.url}/control/faults", timeout=10)
    rehearsal.run(3 * HOUR)
    agreement = rehearsal.settle()
    assert agreement.disagreements == ()
    assert rehearsal.log().count("the database did not know a") >= kills // 2
    assert agreement.filled_orders >= kills
    assert "Traceback" not in rehearsal.log()
