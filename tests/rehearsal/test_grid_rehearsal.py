"""GridTrader live on the replay exchange: a range, a slide, a crash, and kills on the way."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from operations.conductor import Conductor
from operations.ledger_client import ledger_orders
from operations.processes import Child
from operations.road import QUOTE, MarketSource, Road
from tests.rehearsal.grid_books import (
    disagreements,
    kept_grids,
    level_disagreements,
    round_trips,
    runs,
)
from tests.rehearsal.grid_market import PAIR, GridMarket, write_grid_market

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(1800)]

LOOP_SECONDS = 300
LOOP = timedelta(seconds=LOOP_SECONDS)
START_SECONDS = 90.0
SETTLE_LOOPS = 8
# An order that the bot finds filled after its restart, or not at all.
SLOW_FILL = {"kind": "late_fill", "parameters": {"delay_ms": 200_000}}
# What happens in turn: an answer gets lost and the bot lives on; it is killed while an order rests;
# between an order and its answer; anywhere.
TURNS = ("answer", "slow", "order", "plain")
BOT_WAITS_SECONDS = 1.0  # for an answer that never comes


class GridRehearsal:
    """A live grid bot on a lock-step exchange; time runs while it is dead, too."""

    def __init__(self, folder: Path, market: GridMarket) -> None:
        self.road = Road(folder, MarketSource(market.datadir, seed=1), [PAIR])
        self.market = market

    def __enter__(self) -> "GridRehearsal":
        self.road.stage.__enter__()
        self.exchange = self.road.start_exchange(self.market.start, participants=1)
        assert self.exchange.lockstep_port is not None
        self.conductor = Conductor(self.exchange.lockstep_port, self.road.stage.check)
        self.config = self.road.bot_config(
            "live",
            self.exchange,
            {
                "strategy": "GridTrader",
                "max_open_trades": 1,
                "internals": {"process_throttle_secs": LOOP_SECONDS},
                "aquatrade": {
                    "preset": "specified",
                    "accept_negative_evidence": True,
                    "grid": {"max_spread_pct": 0.5},
                },
            },
        )
        self.bot = self.start_bot()
        return self

    def __exit__(self, *error: Any) -> None:
        self.road.stage.stop(self.bot, hard=True)
        self.road.stage.__exit__(*error)
        self.conductor.close()

    def start_bot(self) -> Child:
        bot = self.road.start_bot(self.exchange, self.config)
        name = f"freqtrade-{bot.process.pid}"
        self.road.stage.wait_for("bot", lambda: name in self.participants(), START_SECONDS)
        return bot

    def participants(self) -> Any:
        return self.exchange.control("state")["participants"]

    def kill_and_restart(self, dead_for: timedelta) -> None:
        self.road.stage.stop(self.bot, hard=True)
        self.run(dead_for)
        self.bot = self.start_bot()

    def run(self, step: timedelta) -> None:
        if step:
            self.conductor.run_until(self.conductor.now() + step)

    def add_fault(self, fault: dict[str, Any]) -> None:
        answer = requests.post(f"{self.exchange.url}/control/faults", json=fault, timeout=10)
        assert answer.ok, answer.text

    def lose_an_answer(self, *, kill: bool) -> None:
        """The exchange has the next order and the bot never hears of it; kill: it dies waiting."""
        parameters = {} if kill else {"seconds": BOT_WAITS_SECONDS}
        self.add_fault({"kind": "response_lost", "next": 1, "parameters": parameters})
        before = len(ledger_orders(self.exchange, QUOTE))
        while not self.ran_into_an_order_after(before):
            pass
        if kill:
            self.road.stage.stop(self.bot, hard=True)
            self.bot = self.start_bot()
        while not self.conductor.has_arrived(0.5):
            self.road.stage.check()
        self.conductor.arrive()

    def ran_into_an_order_after(self, before: int) -> bool:
        """Let a loop begin and stop looking the moment the ledger has one order more."""
        self.conductor.let_run(self.conductor.now() + LOOP)
        while not self.conductor.has_arrived(0.02):
            if len(ledger_orders(self.exchange, QUOTE)) > before:
                return True
        self.conductor.arrive()
        return False

    def differences(self) -> list[str]:
        grids = kept_grids(self.road.bot_database)
        found = disagreements(grids, ledger_orders(self.exchange, QUOTE))
        return found + (level_disagreements(runs(grids)[-1]) if grids else [])

    def settle(self) -> list[str]:
        """Run until the grids agree with the ledger; what is left if they do not in time."""
        for _ in range(SETTLE_LOOPS):
            found = self.differences()
            if not found:
                break
            self.run(LOOP)
        return found

    def log(self) -> str:
        return self.bot.log.read_text()


@pytest.fixture
def rehearsal(tmp_path: Path, counts: Any) -> Iterator[GridRehearsal]:
    folder = tmp_path / "market"
    folder.mkdir()
    market = write_grid_market(folder, counts.grid_days)
    with GridRehearsal(tmp_path / "road", market) as running:
        yield running


def test_a_grid_through_range_slide_crash_and_kills(rehearsal: GridRehearsal, counts: Any) -> None:
    market = rehearsal.market
    lost = 0
    span = (market.crash - market.start) / (counts.grid_kills + 1)
    for kill in range(counts.grid_kills):
        turn = TURNS[kill % len(TURNS)]
        rehearsal.run(market.start + (kill + 1) * span - rehearsal.conductor.now())
        if turn in ("answer", "order"):
            rehearsal.lose_an_answer(kill=turn == "order")
            lost += 1
        else:
            if turn == "slow":
                rehearsal.add_fault(SLOW_FILL)
            rehearsal.kill_and_restart(dead_for=LOOP * 4 if turn == "slow" else timedelta(0))
        rehearsal.exchange.forget_faults()
        rehearsal.run(2 * LOOP)
        assert rehearsal.settle() == [], f"after kill {kill + 1} ({turn})"
    rehearsal.run(market.crash - rehearsal.conductor.now())
    in_range = kept_grids(rehearsal.road.bot_database)
    assert round_trips(in_range) >= 10 * counts.grid_days
    assert in_range[-1].state.generation >= 1, "the slide lays the grid anew"
    rehearsal.run(market.end - LOOP - rehearsal.conductor.now())
    assert rehearsal.settle() == []
    grids = kept_grids(rehearsal.road.bot_database)
    stopped = [kept.state for kept in grids if kept.state.ended == "grid_stop"]
    assert len(stopped) == 1
    result = stopped[0].realised
    assert -1.6 * 150.0 < result < -0.9 * 150.0  # 15 % of 1,000 USD, looked at every 5 minutes
    assert all(kept.state.wins == kept.state.round_trips for kept in grids)
    assert rehearsal.log().count("the database did not know a") == lost
    assert "locked until a person" not in rehearsal.log()
    assert "Traceback" not in rehearsal.log()
